// SPDX-License-Identifier: Apache-2.0
// Everything that a key on the token is used for, once each: what runs with a common module must
// run with an odd one.
#pragma once

#include "fixture.h"

namespace testing_support {

/// The URIs of all that is on the scenario token, after a login.
std::vector<std::string> listing(const Instance& instance);

/// Signs with RSA (PKCS#1 v1.5, PSS), ECDSA and EdDSA; the default provider verifies.
void expectSignatures(const Instance& instance);
/// Decrypts PKCS#1 v1.5 and OAEP, and derives with P-256.
void expectSecrets(const Instance& instance);
/// A TLS 1.3 server with the key and the certificate in the file "`label`.cert.pem", and a client
/// without the provider.
void expectHandshake(const Instance& instance, const std::string& label);
/// The same with a certificate for `key`, and the TLS version `version` alone (TLS1_2_VERSION).
void expectHandshake(const Instance& instance, EVP_PKEY* key, X509* certificate, int version);
/// 80 signatures in 8 threads.
void expectThreads(const Instance& instance);

} // namespace testing_support
