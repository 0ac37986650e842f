// SPDX-License-Identifier: Apache-2.0
#include "signature/functions.h"

#include "keymgmt/reference.h"

namespace p11::signature {

namespace {

// The calls that give a signature share OpenSSL's rule: a null buffer asks for the size, and
// changes nothing.
template <typename Query, typename Body>
int produce(void* ctx, unsigned char* out, std::size_t* size, std::size_t room, Query&& query,
            Body&& body) {
    return attempt(ctx, [&](SignatureContext& context) {
        *size = out == nullptr ? (context.*query)() : body(context, MutableBytes(out, room));
    });
}

} // namespace

std::shared_ptr<keymgmt::Key> keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

int setContextParams(void* ctx, const OSSL_PARAM params[]) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_set_ctx_params_fn>(
            OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, 0, params);
    return attempt(ctx, [&](SignatureContext& context) {
        if (params != nullptr)
            context.setParams(params);
    });
}

int getContextParams(void* ctx, OSSL_PARAM params[]) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_get_ctx_params_fn>(
            OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, 0, params);
    return attempt(ctx, [&](SignatureContext& context) {
        if (params != nullptr)
            context.getParams(params);
    });
}

const OSSL_PARAM* settableOf(void* ctx, const OSSL_PARAM* onToken) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS) : onToken;
}

const OSSL_PARAM* gettableOf(void* ctx, const OSSL_PARAM* onToken) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS) : onToken;
}

int signOnToken(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room,
                const unsigned char* tbs, std::size_t tbsSize) {
    return produce(ctx, sig, size, room, &SignatureContext::maxSize,
                   [&](SignatureContext& context, MutableBytes out) {
                       return context.signAtOnce(ByteView(tbs, tbsSize), out);
                   });
}

int finishOnToken(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room) {
    return produce(
        ctx, sig, size, room, &SignatureContext::sizeAtFinish,
        [](SignatureContext& context, MutableBytes out) { return context.finishSign(out); });
}

int recoverInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return beginEither(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, ctx, keydata, params, [&] {
        return attempt(
            ctx, [&](SignatureContext& context) { context.beginRecovery(keyOf(keydata), params); });
    });
}

int recover(void* ctx, unsigned char* out, std::size_t* size, std::size_t room,
            const unsigned char* sig, std::size_t sigSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_verify_recover_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, 0, out, size, room, sig, sigSize);
    return produce(ctx, out, size, room, &SignatureContext::maxSize,
                   [&](SignatureContext& context, MutableBytes buffer) {
                       return context.recoverAtOnce(ByteView(sig, sigSize), buffer);
                   });
}

} // namespace p11::signature
