// SPDX-License-Identifier: Apache-2.0
// Dispatch functions that signatures have since OpenSSL 3.4, which the headers of 3.0 do not name
// (core_dispatch.h of 3.4, provider-signature(7)). Older cores ignore them.
#pragma once

#include <cstddef>

#include <openssl/core.h>

namespace signature {

constexpr int queryKeyTypesId = 26;
constexpr int signMessageInitId = 27;
constexpr int signMessageUpdateId = 28;
constexpr int signMessageFinalId = 29;
constexpr int verifyMessageInitId = 30;
constexpr int verifyMessageUpdateId = 31;
constexpr int verifyMessageFinalId = 32;

using QueryKeyTypes = const char**();
using MessageInit = int(void* ctx, void* keydata, const OSSL_PARAM params[]);
using MessageUpdate = int(void* ctx, const unsigned char* data, std::size_t size);
using SignMessageFinal = int(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room);
using VerifyMessageFinal = int(void* ctx);

/// OSSL_SIGNATURE_PARAM_SIGNATURE: the signature that verify_message_final checks, as octets.
constexpr const char* signatureParam = "signature";
/// OSSL_SIGNATURE_PARAM_INSTANCE and _CONTEXT_STRING: variants of EdDSA (since OpenSSL 3.2).
constexpr const char* instanceParam = "instance";
constexpr const char* contextStringParam = "context-string";

} // namespace signature
