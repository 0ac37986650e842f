// SPDX-License-Identifier: Apache-2.0
// The provider's entry point (provider(7), provider-base(7)). It only connects the layers.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "ossl/algorithms.h"
#include "ossl/build_information.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "ossl/provider_context.h"
#include "pkcs11/process.h"
#include "pkcs11/trace.h"
#include "provider/capabilities.h"
#include "provider/configuration.h"
#include "provider/definitions.h"
#include "version.h"

namespace p11::provider {
namespace {

struct Operation {
    int id;
    const char* name; ///< as pkcs11-module-block-operations has it
    const OSSL_ALGORITHM* (*algorithms)();
    bool (*isWanted)(const ossl::ProviderContext& context) = nullptr; ///< null: always
};

// Their keys can also be named by a parameter, without EVP_SKEY.
bool wantsKdfs(const ossl::ProviderContext& context) {
    return offersSymmetricKeys(context);
}

// EVP_SKEY came with OpenSSL 3.5. Older versions cannot use the ciphers.
bool wantsSymmetricKeys(const ossl::ProviderContext& context) {
    const char* version = context.core().parameter(OSSL_PROV_PARAM_CORE_VERSION);
    unsigned major = 0;
    unsigned minor = 0;
    return offersSymmetricKeys(context) && version != nullptr &&
           std::sscanf(version, "%u.%u", &major, &minor) == 2 &&
           (major > 3 || (major == 3 && minor >= 5));
}

constexpr std::array operations{
    Operation{OSSL_OP_STORE, "store", store::loaders},
    Operation{OSSL_OP_KEYMGMT, "keymgmt", keymgmt::algorithms},
    Operation{OSSL_OP_SIGNATURE, "signature", signature::algorithms},
    Operation{OSSL_OP_ASYM_CIPHER, "asym-cipher", asym_cipher::algorithms},
    Operation{OSSL_OP_KEYEXCH, "exchange", exchange::algorithms},
    Operation{OSSL_OP_KEM, "kem", kem::algorithms},
    Operation{OSSL_OP_ENCODER, "encoder", store::encoders},
    Operation{OSSL_OP_DECODER, "decoder", store::decoders},
    Operation{OSSL_OP_RAND, "random", rng::algorithms},
    Operation{OSSL_OP_DIGEST, "digest", digest::algorithms, offersDigests},
    Operation{OSSL_OP_KDF, "kdf", kdf::algorithms, wantsKdfs},
    Operation{OSSL_OP_SKEYMGMT, "skeymgmt", skeymgmt::algorithms, wantsSymmetricKeys},
    Operation{OSSL_OP_CIPHER, "cipher", cipher::algorithms, wantsSymmetricKeys}};

// The tables live as long as the process, since EVP keeps pointers to them. Guarded by
// stateMutex(). Never destroyed: exit handlers of the application may come after ours.
auto& definedTables = *new std::map<std::pair<int, std::string>, DefinedAlgorithms>;

const OSSL_ALGORITHM* defined(const Operation& operation, const std::string& definition) {
    const auto* algorithms = operation.algorithms();
    const std::lock_guard lock(pkcs11::process::stateMutex());
    return definedTables.try_emplace({operation.id, definition}, algorithms, definition)
        .first->second.table();
}

// pkcs11-module-load-behavior = early. This is not done when the provider starts, because OpenSSL
// holds locks then. The modules are loaded but not initialised, because the caller may be a module
// that another program is just initialising.
// Done once: an error in the queue after each successful fetch would make SSL_get_error(3) take a
// handshake for failed. The first URI tries again, and tells the reason as its own error.
void loadEarly(ossl::ProviderContext& context) {
    if (context.modulesLoaded() || !loadsEarly(context.core()) || !context.beginsEarlyLoad())
        return;
    ossl::guarded(context.core(), 0, [&] {
        try {
            return static_cast<int>(context.modules().size());
        } catch (const std::exception& error) {
            pkcs11::trace::step(std::string("pkcs11-module-load-behavior = early: ") +
                                error.what());
            throw;
        }
    });
}

// A module that uses libcrypto must not be served by a token. It gets no algorithms, and OpenSSL
// does not cache this answer. The only exception is the generator, because the module's library
// context may depend on it. It then returns OpenSSL's own random numbers.
const OSSL_ALGORITHM* queryOperation(void* provctx, int id, int* noCache) {
    *noCache = pkcs11::Module::insideCall() && id != OSSL_OP_RAND ? 1 : 0;
    if (*noCache == 1)
        return nullptr;
    auto& context = ossl::ProviderContext::from(provctx);
    // OpenSSL looks for generators while it holds a lock that modules may need.
    if (id != OSSL_OP_RAND)
        loadEarly(context);
    const auto* found = std::find_if(operations.begin(), operations.end(),
                                     [id](const auto& operation) { return operation.id == id; });
    if (found == operations.end())
        return nullptr;
    return ossl::guarded<const OSSL_ALGORITHM*>(
        context.core(), nullptr, [&]() -> const OSSL_ALGORITHM* {
            const auto& core = context.core();
            if (isBlocked(core, found->name) ||
                (found->isWanted != nullptr && !found->isWanted(context)))
                return nullptr;
            // Without the property, EVP passes the algorithms over in FIPS mode.
            const bool fips = assumesFips(core);
            if (fips)
                context.setAssumesFips();
            return defined(*found, definitionOf(context.name(), fips));
        });
}

const OSSL_PARAM* gettableParams(void*) {
    static const std::array list{
        OSSL_PARAM{OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, nullptr, 0, 0},
        OSSL_PARAM{OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, nullptr, 0, 0},
        OSSL_PARAM{OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, nullptr, 0, 0},
        ossl::intParam(OSSL_PROV_PARAM_STATUS), ossl::endOfParams()};
    return list.data();
}

void answerPointer(OSSL_PARAM* params, const char* key, const char* value) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        OSSL_PARAM_set_utf8_ptr(found, value);
}

int getParams(void* provctx, OSSL_PARAM params[]) {
    return ossl::guarded(ossl::ProviderContext::from(provctx).core(), 0, [&] {
        answerPointer(params, OSSL_PROV_PARAM_NAME, "PKCS#11 Provider");
        answerPointer(params, OSSL_PROV_PARAM_VERSION, projectVersion);
        answerPointer(params, OSSL_PROV_PARAM_BUILDINFO, ossl::buildInformation());
        ossl::answerInt(params, OSSL_PROV_PARAM_STATUS, 1);
        return 1;
    });
}

const OSSL_ITEM* getReasonStrings(void*) {
    return ossl::reasonStrings();
}

int selfTest(void*) {
    return 1;
}

int capabilities(void* provctx, const char* capability, OSSL_CALLBACK* callback, void* arg) {
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded(context.core(), 0,
                         [&] { return getCapabilities(context, capability, callback, arg); });
}

// How long the provider's end waits for work of jobs that nobody resumes.
constexpr auto workPatience = std::chrono::seconds(10);

// A thread that a module does not let go uses the context: then it stays.
void teardown(void* provctx) {
    const ossl::ErrnoKept errnoKept;
    auto* context = &ossl::ProviderContext::from(provctx);
    if (context->workers().stop(std::chrono::steady_clock::now() + workPatience))
        delete context;
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_provider_teardown_fn>(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
        ossl::entry<OSSL_FUNC_provider_gettable_params_fn>(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS,
                                                           gettableParams),
        ossl::entry<OSSL_FUNC_provider_get_params_fn>(OSSL_FUNC_PROVIDER_GET_PARAMS, getParams),
        ossl::entry<OSSL_FUNC_provider_query_operation_fn>(OSSL_FUNC_PROVIDER_QUERY_OPERATION,
                                                           queryOperation),
        ossl::entry<OSSL_FUNC_provider_get_reason_strings_fn>(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS,
                                                              getReasonStrings),
        ossl::entry<OSSL_FUNC_provider_get_capabilities_fn>(OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
                                                            capabilities),
        ossl::entry<OSSL_FUNC_provider_self_test_fn>(OSSL_FUNC_PROVIDER_SELF_TEST, selfTest),
        ossl::endOfTable()};
    return table.data();
}

// The tables are made while the library is loaded. If a thread made them later while another forks,
// the child would wait for it for ever.
[[maybe_unused]] const bool tablesMade = [] {
    for (const auto& operation : operations)
        operation.algorithms();
    return functions() != nullptr;
}();

#if OPENSSL_VERSION_NUMBER < 0x40000000L
std::atomic<bool> handlesExit{false};
#endif

} // namespace
} // namespace p11::provider

// Makes the library context. Settings are read and modules are loaded at the first use, because
// directives may come later (OpenSSL 3.5), and because OpenSSL holds locks here that a module's
// libcrypto may need.
extern "C" __attribute__((visibility("default"))) int
OSSL_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in,
                   const OSSL_DISPATCH** out, void** provctx) {
    const p11::ossl::Core core(handle, in);
    return p11::ossl::guarded(core, 0, [&] {
        auto context = std::make_unique<p11::ossl::ProviderContext>(
            handle, in, p11::provider::readConfiguration(core));
#if OPENSSL_VERSION_NUMBER < 0x40000000L
        // An application may clean up libcrypto long before it exits, and modules use libcrypto.
        // From 4.0 on, only the application cleans it up, and there are no such handlers. OpenSSL
        // keeps every handler, so all instances share one.
        if (!p11::provider::handlesExit.exchange(true))
            OPENSSL_atexit(p11::pkcs11::process::shutdown);
#endif
        *out = p11::provider::functions();
        *provctx = context.release();
        return 1;
    });
}
