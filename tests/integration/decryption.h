// SPDX-License-Identifier: Apache-2.0
// RSA encryption in software and decryption by the provider, for the tests of decryption.
#pragma once

#include <optional>

#include <openssl/rsa.h>

#include "fixture.h"

namespace testing_support {

/// What is set in a context. The default is PKCS#1 v1.5.
struct CipherOptions {
    int padding = RSA_PKCS1_PADDING;
    const char* digest = nullptr; ///< of OAEP
    const char* mgf1 = nullptr;
    Bytes label;
};

void configure(EVP_PKEY_CTX* context, const CipherOptions& options);

/// `message` for the key "rsa" on the token, by its public key from a file and OpenSSL's own code.
Bytes encrypt(const Bytes& message, const CipherOptions& options = {});

/// Nothing on failure.
std::optional<Bytes> decrypt(const Instance& instance, EVP_PKEY* key, const Bytes& ciphertext,
                             const CipherOptions& options = {});

/// The premaster secret, as TLS 1.2 decrypts it for a client that offered `version`: 48 bytes,
/// which are random ones where the padding, or the version in it, is wrong. Nothing on failure.
std::optional<Bytes> decryptTls(const Instance& instance, EVP_PKEY* key, const Bytes& ciphertext,
                                unsigned version);

/// A ciphertext whose block has no PKCS#1 v1.5 padding.
Bytes badlyPadded();

} // namespace testing_support
