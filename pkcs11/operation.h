// SPDX-License-Identifier: Apache-2.0
// The operations that this project exists for. Each costs two C_ calls, or one if the token signs
// message after message (PKCS#11 3.0).
#pragma once

#include <span>

#include "pkcs11/bytes.h"
#include "pkcs11/key_use.h"
#include "pkcs11/object.h"

namespace p11::pkcs11 {

/// C_SignInit and C_Sign, or C_SignMessage, with `key`. Returns the signature's size. `out` must
/// have room for the longest one. Throws Error; isMechanismRefusal(error.rv()) recognises a
/// mechanism that the token refuses. `hash` is for the audit log.
std::size_t sign(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data, MutableBytes out,
                 const SignedHash& hash = {});

/// C_SignInit and C_Sign with the object at `handle` instead of `key`, in an open session: a proof
/// that a public key belongs to it.
std::size_t signIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                   const CK_MECHANISM& mechanism, ByteView data, MutableBytes out);

/// C_Decrypt's answer. Both parts may depend on the plaintext: if its padding is secret, nothing
/// may branch on them. `size` comes from the token, and may exceed the buffer.
struct DecryptAnswer {
    CK_RV rv;
    std::size_t size;
};

/// C_DecryptInit and C_Decrypt with `key`. Returns every answer of C_Decrypt that may depend on the
/// ciphertext, in the same way as CKR_OK. Throws Error for all others: if the session, the login,
/// the device or the host's memory fails, and for errors of C_DecryptInit.
DecryptAnswer answerOfDecrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                              MutableBytes out);

/// The same for ciphertexts whose padding is not secret. Returns the plaintext's size. Conditions
/// as for sign().
std::size_t decrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                    MutableBytes out);

/// C_EncryptInit and C_Encrypt with `key`. Conditions as for sign().
std::size_t encrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                    MutableBytes out);

/// True if `rv` says that the token does not support the mechanism, or not with such a parameter.
bool isMechanismRefusal(CK_RV rv);

/// True if C_...Init gave the error. It sees only the key, the mechanism and its parameter. Only
/// such a refusal may be remembered: the answer of the operation itself may be due to somebody's
/// data.
bool isRefusedAtInit(const Error& error);

/// True if the key and its token support `mechanism`, by CKA_ALLOWED_MECHANISMS and the token's
/// list. Throws Error.
bool takes(const TokenObject& key, CK_MECHANISM_TYPE mechanism);

/// The same, for all of `use` (CKF_ENCRYPT, CKF_WRAP). Throws Error.
bool takes(const TokenObject& key, CK_MECHANISM_TYPE mechanism, CK_FLAGS use);

/// False if a hash of PSS or OAEP is SHA-3, and the token does not list it as a digest. Modules
/// that do not know the number may take it in C_...Init, and fail later or print something. Throws
/// Error.
bool listsHashes(const TokenObject& key, CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf1);

} // namespace p11::pkcs11
