// SPDX-License-Identifier: Apache-2.0
// Encapsulation and decapsulation by EVP_KEM, for the tests of KEMs.
#pragma once

#include <optional>

#include "fixture.h"

namespace testing_support {

/// What is set when an operation starts.
struct KemOptions {
    EVP_PKEY* authKey = nullptr; ///< the sender's key, with its private half to encapsulate
    Bytes keyMaterial{};         ///< "ikme"
    const char* properties = nullptr;
};

struct Encapsulated {
    Bytes ciphertext;
    Bytes secret;
};

/// "RSASVE" or "DHKEM".
const char* kemOperationOf(EVP_PKEY* key);
/// True if OpenSSL's own provider has DHKEM, which came with 3.2.
bool hasDhkem();

/// A context that was started; null on failure.
p11::ossl::PkeyCtx beginDecapsulation(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                      const KemOptions& options = {});
p11::ossl::PkeyCtx beginEncapsulation(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                      const KemOptions& options = {});
/// The secret; nothing on failure.
std::optional<Bytes> finishDecapsulation(EVP_PKEY_CTX* context, const Bytes& ciphertext);
std::optional<Encapsulated> finishEncapsulation(EVP_PKEY_CTX* context);
/// Both steps.
std::optional<Bytes> decapsulate(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const Bytes& ciphertext,
                                 const KemOptions& options = {});
std::optional<Encapsulated> encapsulate(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                        const KemOptions& options = {});

} // namespace testing_support
