// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <openssl/core_names.h>

#include "cipher/cipher_context.h"
#include "ossl/algorithms.h"
#include "ossl/context_functions.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::cipher {
namespace {

constexpr std::array offered{
    Algorithm{"AES-128-ECB", Mode::ecb, 16},
    Algorithm{"AES-192-ECB", Mode::ecb, 24},
    Algorithm{"AES-256-ECB", Mode::ecb, 32},
    Algorithm{"AES-128-CBC", Mode::cbc, 16},
    Algorithm{"AES-192-CBC", Mode::cbc, 24},
    Algorithm{"AES-256-CBC", Mode::cbc, 32},
    Algorithm{"AES-128-CTR", Mode::ctr, 16},
    Algorithm{"AES-192-CTR", Mode::ctr, 24},
    Algorithm{"AES-256-CTR", Mode::ctr, 32},
    Algorithm{"AES-128-GCM", Mode::gcm, 16},
    Algorithm{"AES-192-GCM", Mode::gcm, 24},
    Algorithm{"AES-256-GCM", Mode::gcm, 32},
    Algorithm{"AES-128-WRAP", Mode::wrap, 16, false,
              "AES-128-WRAP:id-aes128-wrap:AES128-WRAP:2.16.840.1.101.3.4.1.5"},
    Algorithm{"AES-192-WRAP", Mode::wrap, 24, false,
              "AES-192-WRAP:id-aes192-wrap:AES192-WRAP:2.16.840.1.101.3.4.1.25"},
    Algorithm{"AES-256-WRAP", Mode::wrap, 32, false,
              "AES-256-WRAP:id-aes256-wrap:AES256-WRAP:2.16.840.1.101.3.4.1.45"},
    Algorithm{"AES-128-WRAP-PAD", Mode::wrap, 16, true,
              "AES-128-WRAP-PAD:id-aes128-wrap-pad:AES128-WRAP-PAD:2.16.840.1.101.3.4.1.8"},
    Algorithm{"AES-192-WRAP-PAD", Mode::wrap, 24, true,
              "AES-192-WRAP-PAD:id-aes192-wrap-pad:AES192-WRAP-PAD:2.16.840.1.101.3.4.1.28"},
    Algorithm{"AES-256-WRAP-PAD", Mode::wrap, 32, true,
              "AES-256-WRAP-PAD:id-aes256-wrap-pad:AES256-WRAP-PAD:2.16.840.1.101.3.4.1.48"}};

using Functions = ossl::ContextFunctions<CipherContext>;

template <typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions::attempt(ctx, std::forward<Body>(body));
}

// OpenSSL does not say which algorithm a context is for, so each algorithm has its own functions.
template <std::size_t Index>
void* newContext(void* provctx) {
    return Functions::create(provctx, offered[Index]);
}

template <std::size_t Index>
int getAlgorithmParams(OSSL_PARAM params[]) {
    constexpr auto algorithm = offered[Index];
    const std::array<std::pair<const char*, std::size_t>, 6> values{
        {{OSSL_CIPHER_PARAM_MODE, static_cast<std::size_t>(algorithm.mode)},
         {OSSL_CIPHER_PARAM_KEYLEN, algorithm.keySize},
         {OSSL_CIPHER_PARAM_IVLEN, algorithm.ivSize()},
         {OSSL_CIPHER_PARAM_BLOCK_SIZE, algorithm.blockSize()},
         {OSSL_CIPHER_PARAM_AEAD, algorithm.isAead() ? 1 : 0},
         {OSSL_CIPHER_PARAM_CUSTOM_IV, algorithm.isAead() || algorithm.isWrap() ? 1 : 0}}};
    for (const auto& [key, value] : values)
        if (auto* found = OSSL_PARAM_locate(params, key);
            found != nullptr && OSSL_PARAM_set_size_t(found, value) != 1)
            return 0;
    return 1;
}

template <bool encrypts>
int init(void* ctx, const unsigned char* key, size_t, const unsigned char* iv, size_t ivSize,
         const OSSL_PARAM params[]) {
    return attempt(
        ctx, [&](CipherContext& context) { context.begin(encrypts, key, iv, ivSize, params); });
}

template <bool encrypts>
int initWithKey(void* ctx, void* keydata, const unsigned char* iv, size_t ivSize,
                const OSSL_PARAM params[]) {
    return attempt(ctx, [&](CipherContext& context) {
        context.begin(encrypts, keydata != nullptr ? skeymgmt::secretKeyOf(keydata) : nullptr, iv,
                      ivSize, params);
    });
}

int update(void* ctx, unsigned char* out, size_t* size, size_t room, const unsigned char* in,
           size_t inSize) {
    return attempt(ctx,
                   [&](CipherContext& context) { *size = context.update(in, inSize, out, room); });
}

int finish(void* ctx, unsigned char* out, size_t* size, size_t room) {
    return attempt(ctx, [&](CipherContext& context) { *size = context.finish(out, room); });
}

int whole(void* ctx, unsigned char* out, size_t* size, size_t room, const unsigned char* in,
          size_t inSize) {
    return attempt(ctx,
                   [&](CipherContext& context) { *size = context.whole(in, inSize, out, room); });
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](CipherContext& context) { context.setParams(params); });
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    return attempt(ctx, [&](CipherContext& context) { context.getParams(params); });
}

const OSSL_PARAM* gettableAlgorithmParams(void*) {
    static const std::array list{ossl::unsignedParam(OSSL_CIPHER_PARAM_MODE),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_KEYLEN),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_IVLEN),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_BLOCK_SIZE),
                                 ossl::intParam(OSSL_CIPHER_PARAM_AEAD),
                                 ossl::intParam(OSSL_CIPHER_PARAM_CUSTOM_IV),
                                 ossl::endOfParams()};
    return list.data();
}

// Includes parameters that only other providers' ciphers have.
const OSSL_PARAM* settableParams(void*, void*) {
    static const std::array list{ossl::unsignedParam(OSSL_CIPHER_PARAM_PADDING),
                                 ossl::unsignedParam(OSSL_CIPHER_PARAM_NUM),
                                 ossl::unsignedParam(OSSL_CIPHER_PARAM_USE_BITS),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_KEYLEN),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_AEAD_IVLEN),
                                 ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TAG),
                                 ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD),
                                 ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED),
                                 ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV),
                                 ossl::unsignedParam(OSSL_CIPHER_PARAM_TLS_VERSION),
                                 ossl::sizeParam(OSSL_CIPHER_PARAM_TLS_MAC_SIZE),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* gettableParams(void*, void*) {
    static const std::array list{
        ossl::sizeParam(OSSL_CIPHER_PARAM_KEYLEN),
        ossl::sizeParam(OSSL_CIPHER_PARAM_IVLEN),
        ossl::unsignedParam(OSSL_CIPHER_PARAM_PADDING),
        ossl::unsignedParam(OSSL_CIPHER_PARAM_NUM),
        ossl::octetsParam(OSSL_CIPHER_PARAM_IV),
        ossl::octetsParam(OSSL_CIPHER_PARAM_UPDATED_IV),
        ossl::sizeParam(OSSL_CIPHER_PARAM_AEAD_TAGLEN),
        ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TAG),
        ossl::sizeParam(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD),
        ossl::octetsParam(OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN),
        OSSL_PARAM{OSSL_CIPHER_PARAM_TLS_MAC, OSSL_PARAM_OCTET_PTR, nullptr, 0, 0},
        ossl::endOfParams()};
    return list.data();
}

template <std::size_t Index>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_cipher_newctx_fn>(OSSL_FUNC_CIPHER_NEWCTX, newContext<Index>),
        ossl::entry<OSSL_FUNC_cipher_freectx_fn>(OSSL_FUNC_CIPHER_FREECTX, Functions::destroy),
        ossl::entry<OSSL_FUNC_cipher_dupctx_fn>(OSSL_FUNC_CIPHER_DUPCTX, Functions::duplicate),
        ossl::entry<OSSL_FUNC_cipher_encrypt_init_fn>(OSSL_FUNC_CIPHER_ENCRYPT_INIT, init<true>),
        ossl::entry<OSSL_FUNC_cipher_decrypt_init_fn>(OSSL_FUNC_CIPHER_DECRYPT_INIT, init<false>),
        ossl::entry<OSSL_FUNC_cipher_encrypt_skey_init_fn>(OSSL_FUNC_CIPHER_ENCRYPT_SKEY_INIT,
                                                           initWithKey<true>),
        ossl::entry<OSSL_FUNC_cipher_decrypt_skey_init_fn>(OSSL_FUNC_CIPHER_DECRYPT_SKEY_INIT,
                                                           initWithKey<false>),
        ossl::entry<OSSL_FUNC_cipher_update_fn>(OSSL_FUNC_CIPHER_UPDATE, update),
        ossl::entry<OSSL_FUNC_cipher_final_fn>(OSSL_FUNC_CIPHER_FINAL, finish),
        ossl::entry<OSSL_FUNC_cipher_get_params_fn>(OSSL_FUNC_CIPHER_GET_PARAMS,
                                                    getAlgorithmParams<Index>),
        ossl::entry<OSSL_FUNC_cipher_gettable_params_fn>(OSSL_FUNC_CIPHER_GETTABLE_PARAMS,
                                                         gettableAlgorithmParams),
        ossl::entry<OSSL_FUNC_cipher_set_ctx_params_fn>(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, setParams),
        ossl::entry<OSSL_FUNC_cipher_settable_ctx_params_fn>(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS,
                                                             settableParams),
        ossl::entry<OSSL_FUNC_cipher_get_ctx_params_fn>(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, getParams),
        ossl::entry<OSSL_FUNC_cipher_gettable_ctx_params_fn>(OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS,
                                                             gettableParams),
        // EVP_Cipher(3) answers otherwise for ciphers that have it. Software's key wrap has not.
        offered[Index].isWrap()
            ? ossl::endOfTable()
            : ossl::entry<OSSL_FUNC_cipher_cipher_fn>(OSSL_FUNC_CIPHER_CIPHER, whole),
        ossl::endOfTable()};
    return table.data();
}

template <std::size_t... Index>
const OSSL_ALGORITHM* listOf(std::index_sequence<Index...>) {
    static const std::array list{ossl::algorithm(offered[Index].allNames(), functions<Index>(),
                                                 "AES with keys on tokens")...,
                                 ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    return listOf(std::make_index_sequence<offered.size()>());
}

} // namespace p11::cipher
