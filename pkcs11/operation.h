// SPDX-License-Identifier: Apache-2.0
// The operations that this project exists for: two C_ calls each, or one where the token signs
// message after message (PKCS#11 3.0).
#pragma once

#include <span>

#include "pkcs11/object.h"

namespace pkcs11 {

/// C_SignInit and C_Sign, or C_SignMessage, with `key`. Returns the signature's size; `out` must
/// hold the longest one. Throws Error; a mechanism that the token refuses is told by
/// isMechanismRefusal(error.rv()).
std::size_t sign(TokenObject& key, const CK_MECHANISM& mechanism,
                 std::span<const unsigned char> data, std::span<unsigned char> out);

/// C_SignInit and C_Sign with what was found at `handle` in place of `key`, in a session at hand.
std::size_t signIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                   const CK_MECHANISM& mechanism, std::span<const unsigned char> data,
                   std::span<unsigned char> out);

/// What C_Decrypt made of a ciphertext. Both parts may depend on the plaintext: where its padding
/// is a secret, nobody branches on them. `size` is the token's word, and may exceed the room.
struct DecryptAnswer {
    CK_RV rv;
    std::size_t size;
};

/// C_DecryptInit and C_Decrypt with `key`. Every answer of C_Decrypt that may depend on the
/// ciphertext is returned, and in the same way as CKR_OK. Throws Error for all else: where the
/// session, the login, the device or the host's memory fails, and what C_DecryptInit answers.
DecryptAnswer answerOfDecrypt(TokenObject& key, const CK_MECHANISM& mechanism,
                              std::span<const unsigned char> data, std::span<unsigned char> out);

/// The same for ciphertexts whose fate may be known. Returns the plaintext's size; the conditions
/// of sign().
std::size_t decrypt(TokenObject& key, const CK_MECHANISM& mechanism,
                    std::span<const unsigned char> data, std::span<unsigned char> out);

/// C_EncryptInit and C_Encrypt with `key`. The same conditions.
std::size_t encrypt(TokenObject& key, const CK_MECHANISM& mechanism,
                    std::span<const unsigned char> data, std::span<unsigned char> out);

/// True if `rv` says that the token does not do the mechanism, or not with such a parameter.
bool isMechanismRefusal(CK_RV rv);

/// True if C_...Init answered so, which sees the key, the mechanism and its parameter alone. Only
/// such a refusal may be remembered: the operation's own answer may be due to somebody's data.
bool isRefusedAtInit(const Error& error);

/// True if the key and its token take `mechanism`: CKA_ALLOWED_MECHANISMS and the token's list.
/// Throws Error.
bool takes(const TokenObject& key, CK_MECHANISM_TYPE mechanism);

} // namespace pkcs11
