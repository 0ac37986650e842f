// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/provider_instance.h"

#include <cstdlib>

#include <openssl/err.h>

#include "pkcs11/registry.h"
#include "tests/fuzz/hostile_module.h"

extern "C" int OSSL_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in,
                                  const OSSL_DISPATCH** out, void** provctx);

namespace fuzz {
namespace {

constexpr int longestList = 64;
unsigned long runs = 0;

OSSL_LIB_CTX* makeContext() {
    setenv("PKCS11_PROVIDER_MODULE", HOSTILE_MODULE, 1);
    unsetenv("PKCS11_PIN");
    auto* context = OSSL_LIB_CTX_new();
    require(OSSL_PROVIDER_add_builtin(context, "pkcs11", OSSL_provider_init) == 1);
    for (const char* name : {"default", "pkcs11"})
        require(OSSL_PROVIDER_load(context, name) != nullptr);
    return context;
}

} // namespace

OSSL_LIB_CTX* libctx() {
    static auto* const made = makeContext();
    return made;
}

Run::Run(Input script) {
    ++runs;
    libctx();
    hostile_module_set_script(script);
}

Run::~Run() {
    hostile_module_set_script({});
    const auto module = p11::pkcs11::loadModule(HOSTILE_MODULE, {}, {});
    module->noteFinalizedByOthers(module->initializationId());
    ERR_clear_error();
}

std::string Run::uri(const std::string& path) {
    return "pkcs11:" + path + "?pin-value=" + std::to_string(runs);
}

void loadAll(const std::string& uri, int expected,
             const std::function<void(OSSL_STORE_INFO*)>& visit) {
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
        uri.c_str(), libctx(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    if (!store || (expected != 0 && OSSL_STORE_expect(store.get(), expected) != 1))
        return;
    for (int i = 0; i < longestList && OSSL_STORE_eof(store.get()) != 1; ++i) {
        const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
            OSSL_STORE_load(store.get()));
        if (info)
            visit(info.get());
    }
}

} // namespace fuzz
