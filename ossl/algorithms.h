// SPDX-License-Identifier: Apache-2.0
// The algorithms of each operation. Every folder defines the functions of its namespace, and
// provider/ gives their lists to OpenSSL (provider(7), OSSL_FUNC_provider_query_operation).
#pragma once

#include <openssl/core.h>

// All lists are static, and end with an entry without names.

namespace keymgmt {
/// OSSL_OP_KEYMGMT (provider-keymgmt(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace keymgmt

namespace signature {
/// OSSL_OP_SIGNATURE (provider-signature(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace signature

namespace asym_cipher {
/// OSSL_OP_ASYM_CIPHER (provider-asym_cipher(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace asym_cipher

namespace exchange {
/// OSSL_OP_KEYEXCH (provider-keyexch(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace exchange

namespace kem {
/// OSSL_OP_KEM (provider-kem(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace kem

namespace store {
/// OSSL_OP_STORE, OSSL_OP_ENCODER and OSSL_OP_DECODER (provider-storemgmt(7),
/// provider-encoder(7), provider-decoder(7)).
const OSSL_ALGORITHM* loaders();
const OSSL_ALGORITHM* encoders();
const OSSL_ALGORITHM* decoders();
} // namespace store

namespace rng {
/// OSSL_OP_RAND: PKCS11-RAND (provider-rand(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace rng

namespace skeymgmt {
/// OSSL_OP_SKEYMGMT (provider-skeymgmt(7), OpenSSL 3.5).
const OSSL_ALGORITHM* algorithms();
} // namespace skeymgmt

namespace cipher {
/// OSSL_OP_CIPHER: AES with keys on tokens (provider-cipher(7)).
const OSSL_ALGORITHM* algorithms();
} // namespace cipher
