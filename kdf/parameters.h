// SPDX-License-Identifier: Apache-2.0
// The parameters of HKDF and TLS13-KDF (EVP_KDF-HKDF(7), EVP_KDF-TLS13_KDF(7)).
#pragma once

#include <optional>
#include <string>

#include <openssl/params.h>

#include "ossl/secret.h"

namespace p11::kdf {

/// RFC 5869, section 2.
enum class Mode { extractAndExpand, extract, expand };

/// Used by one thread.
struct Parameters {
    Mode mode = Mode::extractAndExpand;
    std::string digest; ///< as given; empty if none was
    pkcs11::Bytes info; ///< of HKDF: all of its entries, one after the other
    /// Of TLS13-KDF: the previous secret. One of no bytes is not the same as none.
    std::optional<ossl::SecretBytes> salt;
    pkcs11::Bytes prefix, label, data; ///< of TLS13-KDF

    Parameters() = default;
    Parameters(const Parameters& other);
    Parameters& operator=(Parameters&&) = default;
    Parameters& operator=(const Parameters&) = delete;
    ~Parameters() = default;

    /// Takes those that are in `params`, which another provider has accepted.
    void set(const OSSL_PARAM* params);
};

} // namespace p11::kdf
