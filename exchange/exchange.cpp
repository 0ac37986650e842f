// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <vector>

#include "exchange/ecdh.h"
#include "exchange/xdh.h"
#include "keymgmt/key_family.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"

namespace p11::exchange {
namespace {

constexpr keymgmt::ContextIds contextIds{OSSL_OP_KEYEXCH, OSSL_FUNC_KEYEXCH_NEWCTX,
                                         OSSL_FUNC_KEYEXCH_FREECTX, OSSL_FUNC_KEYEXCH_DUPCTX};

template <typename Exchange>
using Functions = ossl::ContextFunctions<Exchange>;

template <typename Exchange, typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions<Exchange>::attempt(ctx, std::forward<Body>(body));
}

template <typename Exchange>
int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    auto& exchange = Functions<Exchange>::of(ctx);
    return ossl::passedOn(exchange.core(), 0, [&] {
        exchange.software().choose(keydata, contextIds);
        if (const keymgmt::SoftwareOperation* software = exchange.software().get())
            return software->begin<OSSL_FUNC_keyexch_init_fn>(
                OSSL_FUNC_KEYEXCH_INIT, keymgmt::softwareKeydata(keydata), params);
        return attempt<Exchange>(ctx, [&](Exchange&) {
            exchange.begin(keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr, params);
        });
    });
}

// The peer may be a key on a token.
int setSoftwarePeer(const keymgmt::SoftwareOperation& software, void* keydata) {
    const auto set = [&software](void* peer) {
        return software.call<OSSL_FUNC_keyexch_set_peer_fn>(OSSL_FUNC_KEYEXCH_SET_PEER, 0, peer);
    };
    const auto& key = keymgmt::keyOf(keydata);
    if (key->software() != nullptr && software.isOf(*key))
        return set(key->software()->keydata());
    keymgmt::SoftwareKey copy(key->context(), key->type());
    return copy.importFrom(key->requirePublicKey(), EVP_PKEY_PUBLIC_KEY) ? set(copy.keydata()) : 0;
}

template <typename Exchange>
int setPeer(void* ctx, void* keydata) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Exchange>(ctx);
        software != nullptr && keydata != nullptr)
        return ossl::passedOn(Functions<Exchange>::of(ctx).core(), 0,
                              [&] { return setSoftwarePeer(*software, keydata); });
    return attempt<Exchange>(ctx, [&](Exchange& exchange) {
        if (keydata == nullptr)
            throw ossl::UsageError(ossl::Reason::key, "no peer's key is given");
        exchange.setPeer(*keymgmt::keyOf(keydata));
    });
}

template <typename Exchange>
int derive(void* ctx, unsigned char* secret, size_t* size, size_t room) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Exchange>(ctx))
        return software->call<OSSL_FUNC_keyexch_derive_fn>(OSSL_FUNC_KEYEXCH_DERIVE, 0, secret,
                                                           size, room);
    return attempt<Exchange>(ctx, [&](Exchange& exchange) {
        *size = secret == nullptr ? exchange.size() : exchange.derive(MutableBytes(secret, room));
    });
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Ecdh>(ctx))
        return software->call<OSSL_FUNC_keyexch_set_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS,
                                                                   0, params);
    return attempt<Ecdh>(ctx, [&](Ecdh& exchange) { exchange.setParams(params); });
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Ecdh>(ctx))
        return software->call<OSSL_FUNC_keyexch_get_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS,
                                                                   0, params);
    return attempt<Ecdh>(ctx, [&](Ecdh& exchange) {
        if (params != nullptr)
            exchange.getParams(params);
    });
}

const OSSL_PARAM* settableParams(void* ctx, void*) {
    const auto* software = keymgmt::softwareOf<Ecdh>(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS)
                               : Ecdh::settable();
}
const OSSL_PARAM* gettableParams(void* ctx, void*) {
    const auto* software = keymgmt::softwareOf<Ecdh>(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS)
                               : Ecdh::gettable();
}

template <typename Exchange, typename... More>
auto tableOf(More... more) {
    return std::array{
        ossl::entry<OSSL_FUNC_keyexch_newctx_fn>(OSSL_FUNC_KEYEXCH_NEWCTX,
                                                 Functions<Exchange>::createPlain),
        ossl::entry<OSSL_FUNC_keyexch_init_fn>(OSSL_FUNC_KEYEXCH_INIT, init<Exchange>),
        ossl::entry<OSSL_FUNC_keyexch_set_peer_fn>(OSSL_FUNC_KEYEXCH_SET_PEER, setPeer<Exchange>),
        ossl::entry<OSSL_FUNC_keyexch_derive_fn>(OSSL_FUNC_KEYEXCH_DERIVE, derive<Exchange>),
        ossl::entry<OSSL_FUNC_keyexch_freectx_fn>(OSSL_FUNC_KEYEXCH_FREECTX,
                                                  Functions<Exchange>::destroy),
        ossl::entry<OSSL_FUNC_keyexch_dupctx_fn>(OSSL_FUNC_KEYEXCH_DUPCTX,
                                                 Functions<Exchange>::duplicate),
        more...,
        ossl::endOfTable()};
}

const OSSL_DISPATCH* ecdhFunctions() {
    static const auto table = tableOf<Ecdh>(
        ossl::entry<OSSL_FUNC_keyexch_set_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS,
                                                         setParams),
        ossl::entry<OSSL_FUNC_keyexch_settable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS,
                                                              settableParams),
        ossl::entry<OSSL_FUNC_keyexch_get_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS,
                                                         getParams),
        ossl::entry<OSSL_FUNC_keyexch_gettable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS,
                                                              gettableParams));
    return table.data();
}

const OSSL_DISPATCH* xdhFunctions() {
    static const auto table = tableOf<Xdh>();
    return table.data();
}

// Null for keys that do not agree on secrets.
const OSSL_DISPATCH* functionsOf(keymgmt::Agreeing agreeing) {
    switch (agreeing) {
    case keymgmt::Agreeing::ecdh:
        return ecdhFunctions();
    case keymgmt::Agreeing::xdh:
        return xdhFunctions();
    case keymgmt::Agreeing::none:
        break;
    }
    return nullptr;
}

} // namespace

// The list is never destroyed: it may be asked for at the end of the process.
const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* all = new std::vector<OSSL_ALGORITHM>;
        for (const auto& row : keymgmt::keyTypes)
            if (const auto* functions = functionsOf(row.family->agreeing))
                all->push_back(ossl::algorithm(keymgmt::algorithmNamesOf(row, OSSL_OP_KEYEXCH),
                                               functions, "key agreement on tokens"));
        all->push_back(ossl::endOfAlgorithms());
        return all;
    }();
    return list->data();
}

} // namespace p11::exchange
