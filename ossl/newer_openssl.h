// SPDX-License-Identifier: Apache-2.0
// Numbers, names and function types that OpenSSL has added since 3.0, with whose headers this is
// built (core_dispatch.h and core_names.h; provider-storemgmt(7), provider-signature(7),
// provider-skeymgmt(7), provider-cipher(7)). They have OpenSSL's own names. Older cores ignore the
// functions.
#pragma once

#include <cstddef>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>

// 3.2: deletion of objects, implicit rejection, variants of EdDSA, and nonces of ECDSA.
#ifndef OSSL_FUNC_STORE_DELETE
#define OSSL_FUNC_STORE_DELETE 9
#endif
using OSSL_FUNC_store_delete_fn = int(void* provctx, const char* uri, const OSSL_PARAM params[],
                                      OSSL_PASSPHRASE_CALLBACK* callback, void* arg);

#ifndef OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION
#define OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION "implicit-rejection"
#endif
#ifndef OSSL_SIGNATURE_PARAM_INSTANCE
#define OSSL_SIGNATURE_PARAM_INSTANCE "instance"
#endif
#ifndef OSSL_SIGNATURE_PARAM_CONTEXT_STRING
#define OSSL_SIGNATURE_PARAM_CONTEXT_STRING "context-string"
#endif
#ifndef OSSL_SIGNATURE_PARAM_NONCE_TYPE
#define OSSL_SIGNATURE_PARAM_NONCE_TYPE "nonce-type" // 0: random, 1: deterministic (RFC 6979)
#endif

// 3.2: KEMs of RFC 9180.
#ifndef OSSL_FUNC_KEM_AUTH_ENCAPSULATE_INIT
#define OSSL_FUNC_KEM_AUTH_ENCAPSULATE_INIT 12
#define OSSL_FUNC_KEM_AUTH_DECAPSULATE_INIT 13
#endif
using OSSL_FUNC_kem_auth_encapsulate_init_fn = int(void* ctx, void* keydata, void* authKeydata,
                                                   const OSSL_PARAM params[]);
using OSSL_FUNC_kem_auth_decapsulate_init_fn = int(void* ctx, void* keydata, void* authKeydata,
                                                   const OSSL_PARAM params[]);

#ifndef OSSL_KEM_PARAM_OPERATION_DHKEM
#define OSSL_KEM_PARAM_OPERATION_DHKEM "DHKEM"
#endif
#ifndef OSSL_KEM_PARAM_IKME
#define OSSL_KEM_PARAM_IKME "ikme"
#endif
#ifndef OSSL_PKEY_PARAM_DHKEM_IKM
#define OSSL_PKEY_PARAM_DHKEM_IKM "dhkem-ikm"
#endif

// 3.4: signatures of messages by algorithms that include the digest.
#ifndef OSSL_FUNC_SIGNATURE_QUERY_KEY_TYPES
#define OSSL_FUNC_SIGNATURE_QUERY_KEY_TYPES 26
#define OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT 27
#define OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_UPDATE 28
#define OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_FINAL 29
#define OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT 30
#define OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_UPDATE 31
#define OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_FINAL 32
#endif
using OSSL_FUNC_signature_query_key_types_fn = const char**();
using OSSL_FUNC_signature_sign_message_init_fn = int(void* ctx, void* keydata,
                                                     const OSSL_PARAM params[]);
using OSSL_FUNC_signature_sign_message_update_fn = int(void* ctx, const unsigned char* data,
                                                       std::size_t size);
using OSSL_FUNC_signature_sign_message_final_fn = int(void* ctx, unsigned char* sig,
                                                      std::size_t* size, std::size_t room);
using OSSL_FUNC_signature_verify_message_init_fn = int(void* ctx, void* keydata,
                                                       const OSSL_PARAM params[]);
using OSSL_FUNC_signature_verify_message_update_fn = int(void* ctx, const unsigned char* data,
                                                         std::size_t size);
using OSSL_FUNC_signature_verify_message_final_fn = int(void* ctx);

#ifndef OSSL_SIGNATURE_PARAM_SIGNATURE
#define OSSL_SIGNATURE_PARAM_SIGNATURE "signature"
#endif

// 3.5: symmetric keys as objects (EVP_SKEY).
#ifndef OSSL_OP_SKEYMGMT
#define OSSL_OP_SKEYMGMT 15
#define OSSL_SKEYMGMT_SELECT_PARAMETERS 0x01
#define OSSL_SKEYMGMT_SELECT_SECRET_KEY 0x02
#define OSSL_FUNC_SKEYMGMT_FREE 1
#define OSSL_FUNC_SKEYMGMT_IMPORT 2
#define OSSL_FUNC_SKEYMGMT_EXPORT 3
#define OSSL_FUNC_SKEYMGMT_GENERATE 4
#define OSSL_FUNC_SKEYMGMT_GET_KEY_ID 5
#define OSSL_FUNC_SKEYMGMT_IMP_SETTABLE_PARAMS 6
#define OSSL_FUNC_SKEYMGMT_GEN_SETTABLE_PARAMS 7
#define OSSL_FUNC_CIPHER_ENCRYPT_SKEY_INIT 19
#define OSSL_FUNC_CIPHER_DECRYPT_SKEY_INIT 20
#endif
using OSSL_FUNC_skeymgmt_free_fn = void(void* keydata);
using OSSL_FUNC_skeymgmt_import_fn = void*(void* provctx, int selection, const OSSL_PARAM params[]);
using OSSL_FUNC_skeymgmt_export_fn = int(void* keydata, int selection, OSSL_CALLBACK* callback,
                                         void* arg);
using OSSL_FUNC_skeymgmt_generate_fn = void*(void* provctx, const OSSL_PARAM params[]);
using OSSL_FUNC_skeymgmt_get_key_id_fn = const char*(void* keydata);
using OSSL_FUNC_skeymgmt_imp_settable_params_fn = const OSSL_PARAM*(void* provctx);
using OSSL_FUNC_skeymgmt_gen_settable_params_fn = const OSSL_PARAM*(void* provctx);
using OSSL_FUNC_cipher_encrypt_skey_init_fn = int(void* ctx, void* keydata, const unsigned char* iv,
                                                  std::size_t ivSize, const OSSL_PARAM params[]);
using OSSL_FUNC_cipher_decrypt_skey_init_fn = int(void* ctx, void* keydata, const unsigned char* iv,
                                                  std::size_t ivSize, const OSSL_PARAM params[]);

#ifndef OSSL_SKEY_PARAM_RAW_BYTES
#define OSSL_SKEY_PARAM_RAW_BYTES "raw-bytes"
#endif
#ifndef OSSL_SKEY_PARAM_KEY_LENGTH
#define OSSL_SKEY_PARAM_KEY_LENGTH "key-length" // bytes
#endif

// 3.6: keys of KDFs as EVP_SKEY.
#ifndef OSSL_FUNC_KDF_SET_SKEY
#define OSSL_FUNC_KDF_SET_SKEY 12
#endif
using OSSL_FUNC_kdf_set_skey_fn = int(void* ctx, void* keydata, const char* paramname);

// 3.5: parameters of ML-DSA and ML-KEM (some of 3.2).
#ifndef OSSL_PKEY_PARAM_ML_DSA_SEED
#define OSSL_PKEY_PARAM_ML_DSA_SEED "seed"
#endif
#ifndef OSSL_PKEY_PARAM_ML_KEM_SEED
#define OSSL_PKEY_PARAM_ML_KEM_SEED "seed"
#endif
#ifndef OSSL_SIGNATURE_PARAM_DETERMINISTIC
#define OSSL_SIGNATURE_PARAM_DETERMINISTIC "deterministic"
#endif
#ifndef OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING
#define OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING "message-encoding"
#endif
#ifndef OSSL_SIGNATURE_PARAM_MU
#define OSSL_SIGNATURE_PARAM_MU "mu"
#endif
#ifndef OSSL_SIGNATURE_PARAM_TEST_ENTROPY
#define OSSL_SIGNATURE_PARAM_TEST_ENTROPY "test-entropy"
#endif

// 3.6: the security of keys against quantum computers.
#ifndef OSSL_PKEY_PARAM_SECURITY_CATEGORY
#define OSSL_PKEY_PARAM_SECURITY_CATEGORY "security-category"
#endif
