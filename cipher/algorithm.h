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
    gcm = EVP_CIPH_GCM_MODE,
    wrap = EVP_CIPH_WRAP_MODE
};

struct Algorithm {
    const char* name; ///< OpenSSL's
    Mode mode;
    std::size_t keySize; ///< bytes
    /// PKCS#7's padding at the end, if the program does not switch it off; for key wrap it is the
    /// algorithm's own (RFC 5649).
    bool pads = true;
    /// All names, if OpenSSL does not know by itself that they mean the same. With one of them
    /// alone, it would refuse the other providers' algorithm that has all.
    const char* names = nullptr;

    constexpr const char* allNames() const { return names != nullptr ? names : name; }
    constexpr bool isStream() const { return mode == Mode::ctr || mode == Mode::gcm; }
    constexpr bool isAead() const { return mode == Mode::gcm; }
    constexpr bool isWrap() const { return mode == Mode::wrap; }
    constexpr std::size_t blockSize() const { return isStream() ? 1 : isWrap() ? 8 : 16; }
    constexpr std::size_t ivSize() const {
        switch (mode) {
        case Mode::ecb:
            return 0;
        case Mode::gcm:
            return 12;
        case Mode::wrap:
            return pads ? 4 : 8;
        default:
            return 16;
        }
    }
};

} // namespace p11::cipher
