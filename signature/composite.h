// SPDX-License-Identifier: Apache-2.0
// Signature algorithms with a digest in their name: "RSA-SHA2-256", "ECDSA-SHA2-256" and so on, as
// OpenSSL has them since 3.4 (EVP_SIGNATURE-RSA(7), EVP_PKEY_sign_message_init(3)).
#pragma once

#include <vector>

#include <openssl/core.h>

namespace p11::signature {

/// The algorithms, with the names of OpenSSL's default provider. Their dispatch tables are static.
/// The list has no end mark.
std::vector<OSSL_ALGORITHM> compositeAlgorithms();

} // namespace p11::signature
