// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/library.h"

#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <vector>

#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>

#include "ossl/handles.h"
#include "tools/shared/error.h"

namespace p11::tools {
namespace {

constexpr const char* provider = "pkcs11";

struct Holder {
    ossl::LibCtx library;
    std::vector<ossl::Provider> providers; ///< go before the context

    bool load(const char* name) {
        ossl::Provider loaded(OSSL_PROVIDER_load(library.get(), name));
        if (!loaded)
            return false;
        providers.push_back(std::move(loaded));
        return true;
    }
};

std::shared_ptr<Holder> emptyLibrary(const std::string& providerFolder) {
    // Modules use libcrypto's default context. The user's configuration, and this provider, are not
    // for them.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    auto holder = std::make_shared<Holder>();
    holder->library.reset(OSSL_LIB_CTX_new());
    if (!holder->library)
        throw Error(withReasons("OpenSSL cannot be started"));
    if (!providerFolder.empty() &&
        OSSL_PROVIDER_set_default_search_path(holder->library.get(), providerFolder.c_str()) != 1)
        throw Error(withReasons(providerFolder + " cannot be searched for providers"));
    return holder;
}

std::shared_ptr<OSSL_LIB_CTX> contextOf(const std::shared_ptr<Holder>& holder) {
    return {holder, holder->library.get()};
}

/// Removes variables from the environment for its lifetime.
class Hidden {
  public:
    Hidden() {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (const char* value = std::getenv(names[i])) {
                values_[i] = value;
                ::unsetenv(names[i]);
            }
    }
    ~Hidden() {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (values_[i])
                ::setenv(names[i], values_[i]->c_str(), 1);
    }
    Hidden(const Hidden&) = delete;
    Hidden& operator=(const Hidden&) = delete;

  private:
    static constexpr std::array names{"PKCS11_PROVIDER_MODULE", "PKCS11_MODULE_PATH"};
    std::array<std::optional<std::string>, names.size()> values_;
};

} // namespace

std::string quotedValue(const std::string& text) {
    std::string all;
    for (const char c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c)) != 0)
            throw KeyError("a value for the configuration has a control character");
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '/')
            all += '\\';
        all += c;
    }
    return all;
}

bool configure(OSSL_LIB_CTX* library, const std::string& text) {
    OPENSSL_load_builtin_modules();
    const ossl::Conf conf(NCONF_new_ex(library, nullptr));
    const ossl::Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    return conf && bio && NCONF_load_bio(conf.get(), bio.get(), nullptr) == 1 &&
           CONF_modules_load(conf.get(), nullptr, 0) == 1;
}

std::shared_ptr<OSSL_LIB_CTX> usersLibrary(const std::string& providerFolder) {
    const auto holder = emptyLibrary(providerFolder);
    const ossl::Text file(CONF_get1_default_config_file());
    if (file && *file != '\0' && ::access(file.get(), F_OK) == 0 &&
        OSSL_LIB_CTX_load_config(holder->library.get(), file.get()) != 1)
        throw Error(withReasons(std::string(file.get()) + " cannot be used"));
    if (!holder->load("default"))
        throw Error(withReasons("OpenSSL's default provider cannot be loaded"));
    if (OSSL_PROVIDER_available(holder->library.get(), provider) != 1 && !holder->load(provider))
        // Files work without it. A URI fails with an error that says so.
        ERR_clear_error();
    return contextOf(holder);
}

std::shared_ptr<OSSL_LIB_CTX> moduleLibrary(const std::string& providerFolder,
                                            const std::string& module) {
    const auto holder = emptyLibrary(providerFolder);
    const auto name = quotedValue(module);
    const auto text = "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = software\n"
                      "pkcs11 = tokens\n[software]\nactivate = 1\n[tokens]\nactivate = 1\n"
                      "pkcs11-module-path = " +
                      name + "\npkcs11-allowed-module-paths = " + name + "\n";
    const Hidden hidden;
    if (!configure(holder->library.get(), text) ||
        OSSL_PROVIDER_available(holder->library.get(), provider) != 1)
        throw Error(withReasons("the provider pkcs11 cannot be loaded"));
    return contextOf(holder);
}

} // namespace p11::tools
