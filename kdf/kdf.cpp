// SPDX-License-Identifier: Apache-2.0
// The functions that OpenSSL calls (provider-kdf(7)).
#include <array>

#include <openssl/core_names.h>

#include "kdf/kdf_context.h"
#include "ossl/algorithms.h"
#include "ossl/context_functions.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::kdf {
namespace {

using Functions = ossl::ContextFunctions<KdfContext>;

// The other provider's errors stay in the queue.
template <typename Body>
int attempt(void* ctx, Body&& body) {
    auto& context = Functions::of(ctx);
    const ossl::ErrnoKept errnoKept;
    return ossl::passedOn(context.core(), 0, [&] { return body(context) ? 1 : 0; });
}

template <Algorithm algorithm>
void* newContext(void* provctx) {
    return Functions::create(provctx, algorithm);
}

void reset(void* ctx) {
    attempt(ctx, [](KdfContext& context) {
        context.reset();
        return true;
    });
}

int derive(void* ctx, unsigned char* key, size_t size, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](KdfContext& context) {
        return context.set(params) && context.derive({key, size});
    });
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](KdfContext& context) { return context.set(params); });
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    return attempt(ctx, [&](KdfContext& context) { return context.get(params); });
}

int setKey(void* ctx, void* keydata, const char* name) {
    return attempt(ctx, [&](KdfContext& context) {
        return context.setKey(skeymgmt::secretKeyOf(keydata), name);
    });
}

const OSSL_PARAM* gettableParams(void*, void*) {
    static const std::array list{ossl::sizeParam(OSSL_KDF_PARAM_SIZE), ossl::endOfParams()};
    return list.data();
}

template <Algorithm algorithm>
const OSSL_PARAM* settableParams(void*, void*) {
    constexpr bool isHkdf = algorithm == Algorithm::hkdf;
    static const std::array list{
        ossl::textParam(OSSL_KDF_PARAM_MODE),
        ossl::intParam(OSSL_KDF_PARAM_MODE),
        ossl::textParam(OSSL_KDF_PARAM_PROPERTIES),
        ossl::textParam(OSSL_KDF_PARAM_DIGEST),
        ossl::octetsParam(OSSL_KDF_PARAM_KEY),
        ossl::octetsParam(OSSL_KDF_PARAM_SALT),
        ossl::textParam("pkcs11_uri"),
        ossl::octetsParam(isHkdf ? OSSL_KDF_PARAM_INFO : OSSL_KDF_PARAM_PREFIX),
        isHkdf ? ossl::endOfParams() : ossl::octetsParam(OSSL_KDF_PARAM_LABEL),
        isHkdf ? ossl::endOfParams() : ossl::octetsParam(OSSL_KDF_PARAM_DATA),
        ossl::endOfParams()};
    return list.data();
}

template <Algorithm algorithm>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_kdf_newctx_fn>(OSSL_FUNC_KDF_NEWCTX, newContext<algorithm>),
        ossl::entry<OSSL_FUNC_kdf_dupctx_fn>(OSSL_FUNC_KDF_DUPCTX, Functions::duplicate),
        ossl::entry<OSSL_FUNC_kdf_freectx_fn>(OSSL_FUNC_KDF_FREECTX, Functions::destroy),
        ossl::entry<OSSL_FUNC_kdf_reset_fn>(OSSL_FUNC_KDF_RESET, reset),
        ossl::entry<OSSL_FUNC_kdf_derive_fn>(OSSL_FUNC_KDF_DERIVE, derive),
        ossl::entry<OSSL_FUNC_kdf_gettable_ctx_params_fn>(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS,
                                                          gettableParams),
        ossl::entry<OSSL_FUNC_kdf_settable_ctx_params_fn>(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS,
                                                          settableParams<algorithm>),
        ossl::entry<OSSL_FUNC_kdf_get_ctx_params_fn>(OSSL_FUNC_KDF_GET_CTX_PARAMS, getParams),
        ossl::entry<OSSL_FUNC_kdf_set_ctx_params_fn>(OSSL_FUNC_KDF_SET_CTX_PARAMS, setParams),
        ossl::entry<OSSL_FUNC_kdf_set_skey_fn>(OSSL_FUNC_KDF_SET_SKEY, setKey),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const std::array list{
        ossl::algorithm("HKDF", functions<Algorithm::hkdf>(), "HKDF with keys on tokens"),
        ossl::algorithm("TLS13-KDF", functions<Algorithm::tls13>(),
                        "the KDF of TLS 1.3 with keys on tokens"),
        ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace p11::kdf
