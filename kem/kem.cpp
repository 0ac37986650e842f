// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <vector>

#include "kem/ml_kem.h"
#include "keymgmt/key_family.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/params.h"

namespace p11::kem {
namespace {

constexpr keymgmt::ContextIds contextIds{OSSL_OP_KEM, OSSL_FUNC_KEM_NEWCTX, OSSL_FUNC_KEM_FREECTX,
                                         OSSL_FUNC_KEM_DUPCTX};

using Functions = ossl::ContextFunctions<MlKem>;

std::shared_ptr<keymgmt::Key> keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

template <typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions::attempt(ctx, std::forward<Body>(body));
}

const keymgmt::SoftwareOperation* softwareOf(void* ctx) {
    return keymgmt::softwareOf<MlKem>(ctx);
}

template <int Id, auto OnToken>
int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return ossl::passedOn(Functions::of(ctx).core(), 0, [&] {
        Functions::of(ctx).software().choose(keydata, contextIds);
        if (const auto* software = softwareOf(ctx))
            return software->begin<OSSL_FUNC_kem_encapsulate_init_fn>(
                Id, keymgmt::softwareKeydata(keydata), params);
        return attempt(ctx, [&](MlKem& kem) { (kem.*OnToken)(keyOf(keydata)); });
    });
}

int encapsulate(void* ctx, unsigned char* out, size_t* size, unsigned char* secret,
                size_t* secretSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_kem_encapsulate_fn>(OSSL_FUNC_KEM_ENCAPSULATE, 0, out, size,
                                                            secret, secretSize);
    return attempt(ctx, [&](MlKem& kem) { kem.encapsulate(out, size, secret, secretSize); });
}

int decapsulate(void* ctx, unsigned char* out, size_t* size, const unsigned char* in,
                size_t inSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_kem_decapsulate_fn>(OSSL_FUNC_KEM_DECAPSULATE, 0, out, size,
                                                            in, inSize);
    return attempt(ctx, [&](MlKem& kem) { kem.decapsulate(out, size, ByteView(in, inSize)); });
}

// ML-KEM has no parameters but those of tests, which OpenSSL's own contexts have ("ikme"): keys on
// tokens have none.
int setParams(void* ctx, const OSSL_PARAM params[]) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->call<OSSL_FUNC_kem_set_ctx_params_fn>(
                                     OSSL_FUNC_KEM_SET_CTX_PARAMS, 0, params)
                               : 1;
}

const OSSL_PARAM* settableParams(void* ctx, void*) {
    static const OSSL_PARAM none = ossl::endOfParams();
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_KEM_SETTABLE_CTX_PARAMS) : &none;
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_kem_newctx_fn>(OSSL_FUNC_KEM_NEWCTX, Functions::createPlain),
        ossl::entry<OSSL_FUNC_kem_freectx_fn>(OSSL_FUNC_KEM_FREECTX, Functions::destroy),
        ossl::entry<OSSL_FUNC_kem_dupctx_fn>(OSSL_FUNC_KEM_DUPCTX, Functions::duplicate),
        ossl::entry<OSSL_FUNC_kem_encapsulate_init_fn>(
            OSSL_FUNC_KEM_ENCAPSULATE_INIT,
            init<OSSL_FUNC_KEM_ENCAPSULATE_INIT, &MlKem::beginEncapsulation>),
        ossl::entry<OSSL_FUNC_kem_encapsulate_fn>(OSSL_FUNC_KEM_ENCAPSULATE, encapsulate),
        ossl::entry<OSSL_FUNC_kem_decapsulate_init_fn>(
            OSSL_FUNC_KEM_DECAPSULATE_INIT,
            init<OSSL_FUNC_KEM_DECAPSULATE_INIT, &MlKem::beginDecapsulation>),
        ossl::entry<OSSL_FUNC_kem_decapsulate_fn>(OSSL_FUNC_KEM_DECAPSULATE, decapsulate),
        ossl::entry<OSSL_FUNC_kem_set_ctx_params_fn>(OSSL_FUNC_KEM_SET_CTX_PARAMS, setParams),
        ossl::entry<OSSL_FUNC_kem_settable_ctx_params_fn>(OSSL_FUNC_KEM_SETTABLE_CTX_PARAMS,
                                                          settableParams),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

// The list is never destroyed: it may be asked for at the end of the process.
const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* all = new std::vector<OSSL_ALGORITHM>;
        for (const auto& row : keymgmt::keyTypes)
            if (row.family->decapsulates)
                all->push_back(ossl::algorithm(row.names, functions(), "ML-KEM on tokens"));
        all->push_back(ossl::endOfAlgorithms());
        return all;
    }();
    return list->data();
}

} // namespace p11::kem
