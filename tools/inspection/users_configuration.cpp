// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/users_configuration.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include <openssl/conf.h>

#include "ossl/error_mark.h"
#include "ossl/handles.h"
#include "tools/shared/error.h"

namespace p11::tools::inspection {
namespace {

std::string valueOf(const CONF* conf, const char* section, const char* name) {
    const ossl::ErrorMark mark;
    const char* value = NCONF_get_string(conf, section, name);
    return value != nullptr ? value : "";
}

ConfiguredProvider providerOf(const CONF* conf, const CONF_VALUE& entry) {
    ConfiguredProvider provider{entry.name, entry.value, "", {}};
    const ossl::ErrorMark mark;
    const auto* values = NCONF_get_section(conf, entry.value);
    for (int i = 0; i < sk_CONF_VALUE_num(values); ++i) {
        const auto* value = sk_CONF_VALUE_value(values, i);
        if (value->name == std::string_view("identity"))
            provider.name = value->value;
        else if (value->name == std::string_view("module"))
            provider.module = value->value;
        provider.values.emplace_back(value->name, value->value);
    }
    return provider;
}

void readProviders(const CONF* conf, UsersConfiguration& result) {
    const auto init = valueOf(conf, nullptr, "openssl_conf");
    result.hasInit = !init.empty();
    if (init.empty())
        return;
    const auto list = valueOf(conf, init.c_str(), "providers");
    const ossl::ErrorMark mark;
    const auto* entries = list.empty() ? nullptr : NCONF_get_section(conf, list.c_str());
    for (int i = 0; i < sk_CONF_VALUE_num(entries); ++i)
        result.providers.push_back(providerOf(conf, *sk_CONF_VALUE_value(entries, i)));
}

bool isOwn(const ConfiguredProvider& provider) {
    const auto isNamedSo = [](const std::string& file) {
        return std::filesystem::path(file).stem() == "pkcs11";
    };
    return isNamedSo(provider.name) || isNamedSo(provider.module);
}

} // namespace

const ConfiguredProvider* UsersConfiguration::own() const {
    const auto found = std::find_if(providers.begin(), providers.end(), isOwn);
    return found == providers.end() ? nullptr : &*found;
}

std::string UsersConfiguration::ownName() const {
    const auto* entry = own();
    return entry != nullptr ? entry->name : "pkcs11";
}

UsersConfiguration readUsersConfiguration() {
    UsersConfiguration result;
    result.isNamed = std::getenv("OPENSSL_CONF") != nullptr;
    const ossl::Text path(CONF_get1_default_config_file());
    result.path = path ? path.get() : "";
    if (::access(result.path.c_str(), R_OK) != 0) {
        if (errno != ENOENT)
            result.problem = std::strerror(errno);
        return result;
    }
    result.exists = true;
    const ossl::Conf conf(NCONF_new(nullptr));
    long line = 0;
    if (!conf || NCONF_load(conf.get(), result.path.c_str(), &line) != 1)
        result.problem = withReasons("line " + std::to_string(line));
    else
        readProviders(conf.get(), result);
    return result;
}

} // namespace p11::tools::inspection
