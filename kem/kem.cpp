#include "kem/kem.h"

#include <array>
#include <vector>

#include "kem/ml_kem.h"
#include "keymgmt/parameter_set.h"
#include "keymgmt/reference.h"
#include "ossl/dispatch.h"

namespace kem {
namespace {

MlKem& kemOf(void* ctx) {
    return *static_cast<MlKem*>(ctx);
}

std::shared_ptr<keymgmt::Key> keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

template <typename Body>
int attempt(void* ctx, Body&& body) {
    return ossl::guarded(kemOf(ctx).core(), 0, [&] {
        body(kemOf(ctx));
        return 1;
    });
}

void* newContext(void* provctx) {
    auto& provider = ossl::Context::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr, [&] { return new MlKem(provider); });
}

void freeContext(void* ctx) {
    delete &kemOf(ctx);
}

void* duplicateContext(void* ctx) {
    return ossl::guarded<void*>(kemOf(ctx).core(), nullptr, [&] { return new MlKem(kemOf(ctx)); });
}

// ML-KEM has no parameters but those of tests, which OpenSSL's own contexts have ("ikme").
int encapsulateInit(void* ctx, void* keydata, const OSSL_PARAM[]) {
    return attempt(ctx, [&](MlKem& kem) { kem.beginEncapsulation(keyOf(keydata)); });
}

int decapsulateInit(void* ctx, void* keydata, const OSSL_PARAM[]) {
    return attempt(ctx, [&](MlKem& kem) { kem.beginDecapsulation(keyOf(keydata)); });
}

int encapsulate(void* ctx, unsigned char* out, size_t* size, unsigned char* secret,
                size_t* secretSize) {
    return attempt(ctx, [&](MlKem& kem) { kem.encapsulate(out, size, secret, secretSize); });
}

int decapsulate(void* ctx, unsigned char* out, size_t* size, const unsigned char* in,
                size_t inSize) {
    return attempt(ctx, [&](MlKem& kem) { kem.decapsulate(out, size, Octets(in, inSize)); });
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_kem_newctx_fn>(OSSL_FUNC_KEM_NEWCTX, newContext),
        ossl::entry<OSSL_FUNC_kem_freectx_fn>(OSSL_FUNC_KEM_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_kem_dupctx_fn>(OSSL_FUNC_KEM_DUPCTX, duplicateContext),
        ossl::entry<OSSL_FUNC_kem_encapsulate_init_fn>(OSSL_FUNC_KEM_ENCAPSULATE_INIT,
                                                       encapsulateInit),
        ossl::entry<OSSL_FUNC_kem_encapsulate_fn>(OSSL_FUNC_KEM_ENCAPSULATE, encapsulate),
        ossl::entry<OSSL_FUNC_kem_decapsulate_init_fn>(OSSL_FUNC_KEM_DECAPSULATE_INIT,
                                                       decapsulateInit),
        ossl::entry<OSSL_FUNC_kem_decapsulate_fn>(OSSL_FUNC_KEM_DECAPSULATE, decapsulate),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

// The list is never destroyed: it may be asked for at the end of the process.
const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* all = new std::vector<OSSL_ALGORITHM>;
        for (const auto& row : keymgmt::parameterSets)
            if (keymgmt::isMlKem(row.type))
                all->push_back(ossl::algorithm(row.names, functions(), "ML-KEM on tokens"));
        all->push_back(ossl::endOfAlgorithms());
        return all;
    }();
    return list->data();
}

} // namespace kem
