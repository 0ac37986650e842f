// SPDX-License-Identifier: Apache-2.0
// Signature algorithms that name their digest: "RSA-SHA2-256", "ECDSA-SHA2-256" and the like, as
// OpenSSL has them since 3.4 (EVP_SIGNATURE-RSA(7), EVP_PKEY_sign_message_init(3)).
#pragma once

#include <vector>

#include <openssl/core.h>

namespace signature {

/// By the names that OpenSSL's default provider has for them. Their dispatch tables are static; the
/// list has no end mark.
std::vector<OSSL_ALGORITHM> compositeAlgorithms();

} // namespace signature
