// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "asym_cipher/rsa_cipher.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"

namespace p11::asym_cipher {
namespace {

constexpr keymgmt::ContextIds contextIds{OSSL_OP_ASYM_CIPHER, OSSL_FUNC_ASYM_CIPHER_NEWCTX,
                                         OSSL_FUNC_ASYM_CIPHER_FREECTX,
                                         OSSL_FUNC_ASYM_CIPHER_DUPCTX};

using Functions = ossl::ContextFunctions<RsaCipher>;

template <typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions::attempt(ctx, std::forward<Body>(body));
}

const keymgmt::SoftwareOperation* softwareOf(void* ctx) {
    return keymgmt::softwareOf<RsaCipher>(ctx);
}

template <bool Decrypting>
int initOnToken(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](RsaCipher& cipher) {
        cipher.state().begin([&] {
            cipher.begin(keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr, Decrypting,
                         params);
        });
    });
}

template <bool Decrypting>
int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    constexpr int id =
        Decrypting ? OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT : OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT;
    return ossl::passedOn(Functions::of(ctx).core(), 0, [&] {
        Functions::of(ctx).software().choose(keydata, contextIds);
        if (const auto* software = softwareOf(ctx))
            return software->begin<OSSL_FUNC_asym_cipher_encrypt_init_fn>(
                id, keymgmt::softwareKeydata(keydata), params);
        return initOnToken<Decrypting>(ctx, keydata, params);
    });
}

template <bool Decrypting>
std::size_t runOnToken(RsaCipher& cipher, unsigned char* out, size_t room, ByteView in) {
    return cipher.state().once([&] {
        const std::size_t longest = cipher.maxSize();
        if (out == nullptr)
            return longest;
        if (room < longest)
            throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the result");
        const MutableBytes buffer(out, longest);
        return Decrypting ? cipher.decryptForJob(in, buffer) : cipher.encrypt(in, buffer);
    });
}

template <bool Decrypting>
int run(void* ctx, unsigned char* out, size_t* size, size_t room, const unsigned char* in,
        size_t inSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_asym_cipher_encrypt_fn>(
            Decrypting ? OSSL_FUNC_ASYM_CIPHER_DECRYPT : OSSL_FUNC_ASYM_CIPHER_ENCRYPT, 0, out,
            size, room, in, inSize);
    return attempt(ctx, [&](RsaCipher& cipher) {
        *size = runOnToken<Decrypting>(cipher, out, room, ByteView(in, inSize));
    });
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_asym_cipher_set_ctx_params_fn>(
            OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, 0, params);
    return attempt(ctx, [&](RsaCipher& cipher) { cipher.setParams(params); });
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_asym_cipher_get_ctx_params_fn>(
            OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, 0, params);
    return attempt(ctx, [&](RsaCipher& cipher) {
        if (params != nullptr)
            cipher.getParams(params);
    });
}

const OSSL_PARAM* settableParams(void* ctx, void*) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS)
                               : RsaCipher::settable();
}
const OSSL_PARAM* gettableParams(void* ctx, void*) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS)
                               : RsaCipher::gettable();
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_asym_cipher_newctx_fn>(OSSL_FUNC_ASYM_CIPHER_NEWCTX,
                                                     Functions::createPlain),
        ossl::entry<OSSL_FUNC_asym_cipher_freectx_fn>(OSSL_FUNC_ASYM_CIPHER_FREECTX,
                                                      Functions::destroy),
        ossl::entry<OSSL_FUNC_asym_cipher_dupctx_fn>(OSSL_FUNC_ASYM_CIPHER_DUPCTX,
                                                     Functions::duplicate),
        ossl::entry<OSSL_FUNC_asym_cipher_encrypt_init_fn>(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT,
                                                           init<false>),
        ossl::entry<OSSL_FUNC_asym_cipher_encrypt_fn>(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, run<false>),
        ossl::entry<OSSL_FUNC_asym_cipher_decrypt_init_fn>(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT,
                                                           init<true>),
        ossl::entry<OSSL_FUNC_asym_cipher_decrypt_fn>(OSSL_FUNC_ASYM_CIPHER_DECRYPT, run<true>),
        ossl::entry<OSSL_FUNC_asym_cipher_get_ctx_params_fn>(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS,
                                                             getParams),
        ossl::entry<OSSL_FUNC_asym_cipher_gettable_ctx_params_fn>(
            OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, gettableParams),
        ossl::entry<OSSL_FUNC_asym_cipher_set_ctx_params_fn>(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS,
                                                             setParams),
        ossl::entry<OSSL_FUNC_asym_cipher_settable_ctx_params_fn>(
            OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, settableParams),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const std::array list{ossl::algorithm(keymgmt::rowOf(keymgmt::KeyType::rsa).names,
                                                 functions(), "RSA decryption on tokens"),
                                 ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace p11::asym_cipher
