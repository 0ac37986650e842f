// SPDX-License-Identifier: Apache-2.0
#include "provider/configuration_file.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/conf.h>
#include <openssl/core_names.h>

#include "ossl/error_mark.h"
#include "ossl/handles.h"

namespace p11::provider {
namespace {

void freeNames(STACK_OF(OPENSSL_CSTRING) * names) {
    sk_OPENSSL_CSTRING_free(names);
}
using SectionNames = ossl::Owner<STACK_OF(OPENSSL_CSTRING), freeNames>;

ossl::Conf load() {
    const ossl::Text path(CONF_get1_default_config_file());
    ossl::Conf conf(NCONF_new(nullptr));
    if (!path || !conf || NCONF_load(conf.get(), path.get(), nullptr) != 1)
        return nullptr;
    return conf;
}

// OpenSSL does not tell a provider which section is its own. But it answers whether a name is in
// that section, so this asks for every name in the file.
std::vector<std::string> namesOfProvider(const CONF* conf, const ossl::Core& core) {
    std::vector<std::string> found;
    const SectionNames sections(NCONF_get_section_names(conf));
    for (int i = 0; i < sk_OPENSSL_CSTRING_num(sections.get()); ++i) {
        const auto* values = NCONF_get_section(conf, sk_OPENSSL_CSTRING_value(sections.get(), i));
        for (int j = 0; j < sk_CONF_VALUE_num(values); ++j) {
            const char* name = sk_CONF_VALUE_value(values, j)->name;
            if (!isOfOpenssl(name) && core.parameter(name) != nullptr)
                found.emplace_back(name);
        }
    }
    return found;
}

} // namespace

bool isOfOpenssl(std::string_view name) {
    constexpr std::array<std::string_view, 7> names{"activate",
                                                    "identity",
                                                    "module",
                                                    "soft_load",
                                                    OSSL_PROV_PARAM_CORE_VERSION,
                                                    OSSL_PROV_PARAM_CORE_PROV_NAME,
                                                    OSSL_PROV_PARAM_CORE_MODULE_FILENAME};
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> namesInConfigurationFile(const ossl::Core& core) {
    const ossl::ErrorMark mark;
    const auto conf = load();
    return conf ? namesOfProvider(conf.get(), core) : std::vector<std::string>();
}

} // namespace p11::provider
