// SPDX-License-Identifier: Apache-2.0
// The algorithms of each operation. Every folder defines the functions of its namespace, and
// provider/ gives their lists to OpenSSL (provider(7), OSSL_FUNC_provider_query_operation).
#pragma once

#include <openssl/core.h>

// All lists are static, and end with an entry without names.

namespace p11::keymgmt {
/// OSSL_OP_KEYMGMT (provider-keymgmt(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::keymgmt

namespace p11::signature {
/// OSSL_OP_SIGNATURE (provider-signature(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::signature

namespace p11::asym_cipher {
/// OSSL_OP_ASYM_CIPHER (provider-asym_cipher(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::asym_cipher

namespace p11::exchange {
/// OSSL_OP_KEYEXCH (provider-keyexch(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::exchange

namespace p11::kem {
/// OSSL_OP_KEM (provider-kem(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::kem

namespace p11::store {
/// OSSL_OP_STORE, OSSL_OP_ENCODER and OSSL_OP_DECODER (provider-storemgmt(7),
/// provider-encoder(7), provider-decoder(7)).
const OSSL_ALGORITHM* loaders();
const OSSL_ALGORITHM* encoders();
const OSSL_ALGORITHM* decoders();
} // namespace p11::store

namespace p11::rng {
/// OSSL_OP_RAND: PKCS11-RAND (provider-rand(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::rng

namespace p11::digest {
/// OSSL_OP_DIGEST: SHA-1, SHA-2 and SHA-3 (provider-digest(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::digest

namespace p11::skeymgmt {
/// OSSL_OP_SKEYMGMT (provider-skeymgmt(7), OpenSSL 3.5).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::skeymgmt

namespace p11::kdf {
/// OSSL_OP_KDF: HKDF and TLS13-KDF with keys on tokens (provider-kdf(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::kdf

namespace p11::cipher {
/// OSSL_OP_CIPHER: AES with keys on tokens (provider-cipher(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace p11::cipher
