// SPDX-License-Identifier: Apache-2.0
// EVP's functions for signatures of messages, which came with OpenSSL 3.4; null before.
#pragma once

#include <cstddef>

#include <openssl/evp.h>

#include "newer.h"
#include "ossl/handles.h"

namespace testing_support {

struct Signature;
inline void freeSignature(Signature* algorithm) {
    newer<void(Signature*)>("EVP_SIGNATURE_free")(algorithm);
}
using Algorithm = p11::ossl::Owner<Signature, freeSignature>;

using MessageInit = int(EVP_PKEY_CTX*, Signature*, const OSSL_PARAM*);
using MessageUpdate = int(EVP_PKEY_CTX*, const unsigned char*, std::size_t);
inline const auto fetch =
    newer<Signature*(OSSL_LIB_CTX*, const char*, const char*)>("EVP_SIGNATURE_fetch");
inline const auto signInit = newer<MessageInit>("EVP_PKEY_sign_message_init");
inline const auto signUpdate = newer<MessageUpdate>("EVP_PKEY_sign_message_update");
inline const auto signFinal =
    newer<int(EVP_PKEY_CTX*, unsigned char*, std::size_t*)>("EVP_PKEY_sign_message_final");
inline const auto verifyInit = newer<MessageInit>("EVP_PKEY_verify_message_init");
inline const auto verifyUpdate = newer<MessageUpdate>("EVP_PKEY_verify_message_update");
inline const auto verifyFinal = newer<int(EVP_PKEY_CTX*)>("EVP_PKEY_verify_message_final");
inline const auto setSignature = newer<MessageUpdate>("EVP_PKEY_CTX_set_signature");

} // namespace testing_support
