// SPDX-License-Identifier: Apache-2.0
// What OpenSSL 3.5 adds for symmetric keys as objects (EVP_SKEY), with its numbers and names. The
// headers of 3.0, with which this is built, do not have them (3.5's core_dispatch.h and
// core_names.h; provider-skeymgmt(7)).
#pragma once

#include <openssl/core.h>

namespace ossl::skey {

inline constexpr int operation = 15; // OSSL_OP_SKEYMGMT

using FreeFunction = void(void* keydata);
using ImportFunction = void*(void* provctx, int selection, const OSSL_PARAM params[]);
using ExportFunction = int(void* keydata, int selection, OSSL_CALLBACK* callback, void* arg);
using GenerateFunction = void*(void* provctx, const OSSL_PARAM params[]);
using KeyIdFunction = const char*(void* keydata);
using SettableFunction = const OSSL_PARAM*(void* provctx);

inline constexpr int freeId = 1;             // OSSL_FUNC_SKEYMGMT_FREE
inline constexpr int importId = 2;           // OSSL_FUNC_SKEYMGMT_IMPORT
inline constexpr int exportId = 3;           // OSSL_FUNC_SKEYMGMT_EXPORT
inline constexpr int generateId = 4;         // OSSL_FUNC_SKEYMGMT_GENERATE
inline constexpr int keyIdId = 5;            // OSSL_FUNC_SKEYMGMT_GET_KEY_ID
inline constexpr int importSettableId = 6;   // OSSL_FUNC_SKEYMGMT_IMP_SETTABLE_PARAMS
inline constexpr int generateSettableId = 7; // OSSL_FUNC_SKEYMGMT_GEN_SETTABLE_PARAMS

using CipherInitFunction = int(void* ctx, void* keydata, const unsigned char* iv, size_t ivSize,
                               const OSSL_PARAM params[]);

inline constexpr int encryptInitId = 19; // OSSL_FUNC_CIPHER_ENCRYPT_SKEY_INIT
inline constexpr int decryptInitId = 20; // OSSL_FUNC_CIPHER_DECRYPT_SKEY_INIT

inline constexpr int selectParameters = 0x01; // OSSL_SKEYMGMT_SELECT_PARAMETERS
inline constexpr int selectSecret = 0x02;     // OSSL_SKEYMGMT_SELECT_SECRET_KEY

inline constexpr const char* rawBytes = "raw-bytes";   // OSSL_SKEY_PARAM_RAW_BYTES
inline constexpr const char* keyLength = "key-length"; // OSSL_SKEY_PARAM_KEY_LENGTH, bytes

} // namespace ossl::skey
