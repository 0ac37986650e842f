// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/inspector.h"

#include <array>

#include <openssl/conf.h>

#include "ossl/dispatch.h"
#include "provider/configuration.h"
#include "provider/configuration_file.h"
#include "tools/shared/error.h"
#include "tools/shared/library.h"

namespace p11::tools::inspection {
namespace {

void teardown(void* provctx) {
    delete &ossl::ProviderContext::from(provctx);
}

const OSSL_ALGORITHM* offerNothing(void*, int, int* noCache) {
    *noCache = 0;
    return nullptr;
}

int start(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
          void** provctx) {
    static const std::array functions{
        ossl::entry<OSSL_FUNC_provider_teardown_fn>(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
        ossl::entry<OSSL_FUNC_provider_query_operation_fn>(OSSL_FUNC_PROVIDER_QUERY_OPERATION,
                                                           offerNothing),
        ossl::endOfTable()};
    const ossl::Core core(handle, in);
    return ossl::guarded(core, 0, [&] {
        auto context =
            std::make_unique<ossl::ProviderContext>(handle, in, provider::readConfiguration(core));
        *out = functions.data();
        *provctx = context.release();
        return 1;
    });
}

// The values of the provider's section alone, activated whatever the file says.
std::string configurationFor(const UsersConfiguration& users) {
    std::string text =
        "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = software\n" +
        quotedValue(users.ownName()) + " = own\n[software]\nactivate = 1\n[own]\nactivate = 1\n";
    if (const auto* own = users.own())
        for (const auto& [name, value] : own->values)
            if (!provider::isOfOpenssl(name))
                text += name + " = " + quotedValue(value) + "\n";
    return text;
}

} // namespace

Inspector::Inspector(const UsersConfiguration& configuration) : library_(OSSL_LIB_CTX_new()) {
    const auto name = configuration.ownName();
    if (!library_ || OSSL_PROVIDER_add_builtin(library_.get(), name.c_str(), start) != 1 ||
        !configure(library_.get(), configurationFor(configuration)))
        throw Error(withReasons("the settings of the provider cannot be read"));
    provider_.reset(OSSL_PROVIDER_load(library_.get(), name.c_str()));
    if (!provider_)
        throw Error(withReasons("the settings of the provider cannot be read"));
}

ossl::ProviderContext& Inspector::context() const {
    return ossl::ProviderContext::from(OSSL_PROVIDER_get0_provider_ctx(provider_.get()));
}

} // namespace p11::tools::inspection
