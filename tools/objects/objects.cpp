// SPDX-License-Identifier: Apache-2.0
#include "tools/objects/objects.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "ossl/handles.h"
#include "ossl/newer_openssl.h"
#include "tools/shared/bytes.h"
#include "tools/shared/error.h"
#include "tools/shared/input.h"
#include "tools/shared/passphrase.h"
#include "tools/shared/token_uri.h"

namespace p11::tools::objects {
namespace {

constexpr const char* providerName = "pkcs11";
constexpr const char* providerQuery = "provider=pkcs11";

using Store = ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using StoreInfo = ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;

/// The objects in a file or on a token.
class Contents {
  public:
    Contents(OSSL_LIB_CTX* library, const std::string& place)
        : place_(place), prompt_(withoutPin(place)) {
        if (isKeyUri(place)) {
            parseUri(place); // what is wrong with it is told better here
            store_.reset(OSSL_STORE_open_ex(place.c_str(), library, nullptr,
                                            PassphrasePrompt::method(), &prompt_, nullptr, nullptr,
                                            nullptr));
            return;
        }
        bytes_ = readFile(place);
        bio_.reset(BIO_new_mem_buf(bytes_.data(), static_cast<int>(bytes_.size())));
        store_.reset(OSSL_STORE_attach(bio_.get(), "file", library, nullptr,
                                       PassphrasePrompt::method(), &prompt_, nullptr, nullptr,
                                       nullptr));
    }

    /// The first object of type `expected`, called `what` in errors. Throws Error if there is none.
    StoreInfo first(int expected, const std::string& what) {
        if (store_ && OSSL_STORE_expect(store_.get(), expected) == 1)
            if (auto info = next(expected))
                return info;
        const auto shown = withoutPin(place_);
        const auto reasons = opensslReasons();
        throw Error(reasons.empty() ? shown + " has no " + what
                                    : "no " + what + " can be read from " + shown + ": " + reasons);
    }

    /// The next object; null at the end.
    StoreInfo next(int expected) {
        while (OSSL_STORE_eof(store_.get()) != 1)
            if (StoreInfo info(OSSL_STORE_load(store_.get()));
                info && OSSL_STORE_INFO_get_type(info.get()) == expected)
                return info;
        return nullptr;
    }

  private:
    std::string place_;
    PassphrasePrompt prompt_;
    SecretBytes bytes_;
    ossl::Bio bio_;
    Store store_; ///< goes before what it reads
};

ossl::Pkey privateKey(OSSL_LIB_CTX* library, const std::string& place) {
    const auto info = Contents(library, place).first(OSSL_STORE_INFO_PKEY, "private key");
    return ossl::Pkey(OSSL_STORE_INFO_get1_PKEY(info.get()));
}

/// At least one.
std::vector<ossl::Certificate> certificatesOf(OSSL_LIB_CTX* library, const std::string& file) {
    std::vector<ossl::Certificate> certificates;
    Contents contents(library, file);
    for (auto info = contents.first(OSSL_STORE_INFO_CERT, "certificate"); info;
         info = contents.next(OSSL_STORE_INFO_CERT))
        certificates.emplace_back(OSSL_STORE_INFO_get1_CERT(info.get()));
    return certificates;
}

/// The first certificate of the key. If there is none, the first one: the provider says what is
/// wrong.
const X509* belongingTo(EVP_PKEY* key, const std::vector<ossl::Certificate>& certificates) {
    const auto found = std::find_if(
        certificates.begin(), certificates.end(), [key](const ossl::Certificate& certificate) {
            return EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key) == 1;
        });
    ERR_clear_error();
    return (found != certificates.end() ? *found : certificates.front()).get();
}

// The provider's advice is for genpkey. This program has an option for it.
[[noreturn]] void notStored(const std::string& what) {
    constexpr std::string_view parameter = "pkcs11_allow_duplicate=yes";
    auto text = withReasons(what + " cannot be stored");
    if (const auto at = text.find(parameter); at != std::string::npos)
        text.replace(at, parameter.size(), "--allow-duplicate");
    throw Error(text);
}

/// Parameters that hold a key or a PIN.
class SecretParams {
  public:
    explicit SecretParams(OSSL_PARAM* params) : params_(params) {}
    ~SecretParams() {
        for (auto* each = params_.get(); each != nullptr && each->key != nullptr; ++each)
            OPENSSL_cleanse(each->data, each->data_size);
    }
    SecretParams(const SecretParams&) = delete;
    SecretParams& operator=(const SecretParams&) = delete;
    const OSSL_PARAM* get() const { return params_.get(); }

  private:
    ossl::Params params_;
};

OSSL_PARAM* paramsOf(const Parameters& parameters) {
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    for (const auto& [name, value] : parameters)
        if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), name.c_str(), value.c_str(), 0) != 1)
            throw Error(withReasons("out of memory"));
    return OSSL_PARAM_BLD_to_param(builder.get());
}

// A reference to a key contains its complete URI.
std::string uriOf(EVP_PKEY* key) {
    constexpr std::string_view label = "\nURI ";
    const ossl::Bio out(BIO_new(BIO_s_mem()));
    if (!out || EVP_PKEY_print_private(out.get(), key, 0, nullptr) != 1)
        throw Error(withReasons("the new key cannot be shown"));
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    const std::string_view text(data, static_cast<std::size_t>(size));
    const auto start = text.find(label);
    if (start == std::string_view::npos)
        throw Error("the new key has no URI");
    const auto rest = text.substr(start + label.size());
    return std::string(rest.substr(0, rest.find('\n')));
}

/// Keeps the provider loaded.
class Provider {
  public:
    explicit Provider(OSSL_LIB_CTX* library)
        : provider_(OSSL_PROVIDER_load(library, providerName)) {
        if (!provider_)
            throw Error(withReasons("the provider pkcs11 cannot be loaded"));
    }
    OSSL_PROVIDER* get() const { return provider_.get(); }

  private:
    ossl::Provider provider_;
};

// What OSSL_STORE_delete(3) of OpenSSL 3.2 calls. This program runs with 3.0, too.
OSSL_FUNC_store_delete_fn* deleteFunction(const OSSL_ALGORITHM* loaders) {
    for (; loaders != nullptr && loaders->algorithm_names != nullptr; ++loaders)
        if (std::string_view(loaders->algorithm_names) == providerName)
            for (const auto* entry = loaders->implementation; entry->function_id != 0; ++entry)
                if (entry->function_id == OSSL_FUNC_STORE_DELETE)
                    return reinterpret_cast<OSSL_FUNC_store_delete_fn*>(entry->function);
    throw Error("this version of the provider pkcs11 cannot delete");
}

} // namespace

std::string importKey(OSSL_LIB_CTX* library, const std::string& file, const std::string& uri,
                      Parameters parameters) {
    const Provider provider(library);
    const auto software = privateKey(library, file);
    OSSL_PARAM* values = nullptr;
    if (EVP_PKEY_todata(software.get(), EVP_PKEY_KEYPAIR, &values) != 1)
        throw Error(
            withReasons("the private key in " + withoutPin(file) + " cannot leave its token"));
    const SecretParams secret(values);
    parameters.emplace_back("pkcs11_uri", uri);
    const SecretParams place(paramsOf(parameters));
    const ossl::Params all(OSSL_PARAM_merge(secret.get(), place.get()));
    const std::string type = EVP_PKEY_get0_type_name(software.get());
    const ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(library, type.c_str(), providerQuery));
    if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1)
        throw Error("the key in " + withoutPin(file) + " cannot be stored: " + type +
                    " keys are not supported");
    EVP_PKEY* made = nullptr;
    if (!all || EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, all.get()) != 1)
        notStored("the key in " + withoutPin(file));
    const ossl::Pkey key(made);
    return uriOf(key.get());
}

std::size_t importCertificate(OSSL_LIB_CTX* library, const std::string& file,
                              const std::string& uri, bool allowDuplicate) {
    const Provider provider(library);
    const auto certificates = certificatesOf(library, file);
    const auto key = privateKey(library, uri);
    const auto* owner = EVP_PKEY_get0_provider(key.get());
    if (owner == nullptr || std::string_view(OSSL_PROVIDER_get0_name(owner)) != providerName)
        throw Error("the private key of " + withoutPin(uri) + " is not on a token");
    unsigned char* der = nullptr;
    const int size = i2d_X509(belongingTo(key.get(), certificates), &der);
    const ossl::Owner<unsigned char, [](unsigned char* bytes) { OPENSSL_free(bytes); }> bytes(der);
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_octet_string(builder.get(), "pkcs11_certificate", der,
                                     size > 0 ? static_cast<std::size_t>(size) : 0);
    if (allowDuplicate)
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), "pkcs11_allow_duplicate", "yes", 0);
    const ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    if (!params || EVP_PKEY_set_params(key.get(), params.get()) != 1)
        notStored("the certificate in " + withoutPin(file));
    return certificates.size() - 1;
}

void remove(OSSL_LIB_CTX* library, const std::string& uri, bool all) {
    const Provider provider(library);
    int noCache = 0;
    const auto* loaders = OSSL_PROVIDER_query_operation(provider.get(), OSSL_OP_STORE, &noCache);
    auto* deletes = deleteFunction(loaders);
    int allValue = all ? 1 : 0;
    const std::array params{OSSL_PARAM_construct_int("pkcs11_all", &allValue),
                            OSSL_PARAM_construct_end()};
    const int good = deletes(OSSL_PROVIDER_get0_provider_ctx(provider.get()), uri.c_str(),
                             params.data(), askPin, nullptr);
    OSSL_PROVIDER_unquery_operation(provider.get(), OSSL_OP_STORE, loaders);
    if (good != 1)
        throw Error(withReasons(withoutPin(uri) + " cannot be deleted"));
}

} // namespace p11::tools::objects
