#include "exchange/exchange.h"

#include <array>

#include "exchange/ecdh.h"
#include "keymgmt/reference.h"
#include "ossl/dispatch.h"

namespace exchange {
namespace {

Ecdh& exchangeOf(void* ctx) {
    return *static_cast<Ecdh*>(ctx);
}

template <typename Body>
int attempt(void* ctx, Body&& body) {
    return ossl::guarded(exchangeOf(ctx).core(), 0, [&] {
        body(exchangeOf(ctx));
        return 1;
    });
}

void* newContext(void* provctx) {
    auto& provider = ossl::Context::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr, [&] { return new Ecdh(provider); });
}

void freeContext(void* ctx) {
    delete static_cast<Ecdh*>(ctx);
}

void* duplicateContext(void* ctx) {
    return ossl::guarded<void*>(exchangeOf(ctx).core(), nullptr,
                                [&] { return new Ecdh(exchangeOf(ctx)); });
}

int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](Ecdh& exchange) {
        exchange.begin(keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr, params);
    });
}

int setPeer(void* ctx, void* keydata) {
    return attempt(ctx, [&](Ecdh& exchange) {
        if (keydata == nullptr)
            throw ossl::UsageError(ossl::Reason::key, "no peer's key is given");
        exchange.setPeer(*keymgmt::keyOf(keydata));
    });
}

int derive(void* ctx, unsigned char* secret, size_t* size, size_t room) {
    return attempt(ctx, [&](Ecdh& exchange) {
        *size = secret == nullptr ? exchange.size() : exchange.derive(Buffer(secret, room));
    });
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](Ecdh& exchange) { exchange.setParams(params); });
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    return attempt(ctx, [&](Ecdh& exchange) {
        if (params != nullptr)
            exchange.getParams(params);
    });
}

const OSSL_PARAM* settableParams(void*, void*) {
    return Ecdh::settable();
}
const OSSL_PARAM* gettableParams(void*, void*) {
    return Ecdh::gettable();
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_keyexch_newctx_fn>(OSSL_FUNC_KEYEXCH_NEWCTX, newContext),
        ossl::entry<OSSL_FUNC_keyexch_init_fn>(OSSL_FUNC_KEYEXCH_INIT, init),
        ossl::entry<OSSL_FUNC_keyexch_set_peer_fn>(OSSL_FUNC_KEYEXCH_SET_PEER, setPeer),
        ossl::entry<OSSL_FUNC_keyexch_derive_fn>(OSSL_FUNC_KEYEXCH_DERIVE, derive),
        ossl::entry<OSSL_FUNC_keyexch_freectx_fn>(OSSL_FUNC_KEYEXCH_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_keyexch_dupctx_fn>(OSSL_FUNC_KEYEXCH_DUPCTX, duplicateContext),
        ossl::entry<OSSL_FUNC_keyexch_set_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS,
                                                         setParams),
        ossl::entry<OSSL_FUNC_keyexch_settable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS,
                                                              settableParams),
        ossl::entry<OSSL_FUNC_keyexch_get_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS,
                                                         getParams),
        ossl::entry<OSSL_FUNC_keyexch_gettable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS,
                                                              gettableParams),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const std::array list{ossl::algorithm("ECDH", functions(), "EC key agreement on tokens"),
                                 ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace exchange
