// SPDX-License-Identifier: Apache-2.0
// The AES modes that are offered.
#pragma once

#include <cstddef>

#include <openssl/evp.h>

namespace p11::cipher {

enum class Mode : unsigned {
    ecb = EVP_CIPH_ECB_MODE,
    cbc = EVP_CIPH_CBC_MODE,
    ctr = EVP_CIPH_CTR_MODE,
    gcm = EVP_CIPH_GCM_MODE
};

struct Algorithm {
    const char* name; ///< OpenSSL's
    Mode mode;
    std::size_t keySize; ///< bytes

    constexpr bool isStream() const { return mode == Mode::ctr || mode == Mode::gcm; }
    constexpr bool isAead() const { return mode == Mode::gcm; }
    constexpr std::size_t ivSize() const {
        return mode == Mode::ecb ? 0 : mode == Mode::gcm ? 12 : 16;
    }
};

} // namespace p11::cipher
