// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/key_source.h"

#include <openssl/err.h>
#include <openssl/store.h>

#include "ossl/secret.h"
#include "tools/shared/error.h"
#include "tools/shared/input.h"
#include "tools/shared/library.h"
#include "tools/shared/passphrase.h"
#include "tools/shared/token_uri.h"

namespace p11::tools {
namespace {

using Store = ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using StoreInfo = ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;

ossl::Pkey publicIn(const OSSL_STORE_INFO* info) {
    switch (OSSL_STORE_INFO_get_type(info)) {
    case OSSL_STORE_INFO_PUBKEY:
        return ossl::Pkey(OSSL_STORE_INFO_get1_PUBKEY(info));
    case OSSL_STORE_INFO_PKEY:
        return ossl::Pkey(OSSL_STORE_INFO_get1_PKEY(info));
    case OSSL_STORE_INFO_CERT: {
        const ossl::Certificate certificate(OSSL_STORE_INFO_get1_CERT(info));
        return ossl::Pkey(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
    }
    default:
        return nullptr;
    }
}

ossl::Pkey privateIn(const OSSL_STORE_INFO* info) {
    return ossl::Pkey(OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY
                          ? OSSL_STORE_INFO_get1_PKEY(info)
                          : nullptr);
}

ossl::Pkey firstKey(OSSL_STORE_CTX* store, ossl::Pkey (*keyIn)(const OSSL_STORE_INFO*)) {
    while (OSSL_STORE_eof(store) != 1) {
        const StoreInfo info(OSSL_STORE_load(store));
        if (!info)
            continue;
        if (auto key = keyIn(info.get())) {
            ERR_clear_error();
            return key;
        }
    }
    return nullptr;
}

bool holdsAsn1(ByteView contents) {
    constexpr unsigned char sequence = 0x30;
    return !contents.empty() && contents[0] == sequence;
}

} // namespace

Key KeySource::publicKey(std::string_view name) {
    return publicHalf(load(name, Half::publicOne));
}

Key KeySource::privateKey(std::string_view name) {
    return load(name, Half::privateOne);
}

Key KeySource::load(std::string_view name, Half half) {
    constexpr std::string_view prefix = "pkcs11:";
    if (isKeyUri(name))
        return fromUri(users(), name, half);
    if (name.starts_with(prefix))
        name.remove_prefix(prefix.size());
    return fromFile(std::string(name), half);
}

Key KeySource::fromUri(std::shared_ptr<OSSL_LIB_CTX> library, std::string_view uri, Half half) {
    const SecretString text(uri);
    const auto shown = withoutPin(std::string(uri));
    if (OSSL_PROVIDER_available(library.get(), "pkcs11") != 1)
        throw KeyError(shown + ": the provider pkcs11 is not loaded; see --provider-path");
    const auto wanted = half == Half::privateOne ? OSSL_STORE_INFO_PKEY
                                                 : (uri.find("type=cert") != std::string_view::npos
                                                        ? OSSL_STORE_INFO_CERT
                                                        : OSSL_STORE_INFO_PUBKEY);
    PassphrasePrompt prompt(shown);
    const auto* asking = asking_ == Asking::theTerminal ? PassphrasePrompt::method() : nullptr;
    const Store store(OSSL_STORE_open_ex(text.c_str(), library.get(), nullptr, asking, &prompt,
                                         nullptr, nullptr, nullptr));
    if (!store || OSSL_STORE_expect(store.get(), wanted) != 1)
        throw KeyError(withReasons(shown + " cannot be opened"));
    auto key = firstKey(store.get(), half == Half::privateOne ? privateIn : publicIn);
    if (!key)
        throw KeyError(withReasons(
            shown + (half == Half::privateOne ? ": no private key" : ": no public key")));
    return {std::move(library), std::move(key), shown};
}

Key KeySource::fromFile(const std::string& path, Half half) try {
    const auto contents = readFile(path);
    const auto text = textOf(contents);
    if (text.find("-----BEGIN ") == std::string_view::npos && !holdsAsn1(contents))
        return fromKeyFile(KeyFile::parse(text, path), path, half);
    const ossl::Bio bio(BIO_new_mem_buf(contents.data(), static_cast<int>(contents.size())));
    const Store store(OSSL_STORE_attach(bio.get(), "file", users().get(), nullptr, nullptr, nullptr,
                                        nullptr, nullptr, nullptr));
    auto key = store ? firstKey(store.get(), half == Half::privateOne ? privateIn : publicIn)
                     : ossl::Pkey();
    if (!key)
        throw KeyError(
            withReasons(path + (half == Half::privateOne ? ": no private key"
                                                         : ": neither a key nor a certificate")));
    return {users(), std::move(key), path};
} catch (const KeyError&) {
    throw;
} catch (const Error& error) {
    // A file that cannot be read counts as an absent key. The other keys are still tried.
    throw KeyError(error.what());
}

Key KeySource::fromKeyFile(const KeyFile& file, const std::string& path, Half half) {
    try {
        const auto module = policy().module(file.uri);
        environment_.apply(file, policy(), path);
        auto& library = byModule_[module];
        if (!library)
            library = moduleLibrary(providerFolder_, module);
        auto uri = parseUri(file.uri).without({uri::Part::module});
        const ossl::Wiped wiped(uri);
        return fromUri(library, uri, half);
    } catch (const Error& error) {
        const std::string what = error.what();
        throw KeyError(what.starts_with(path) ? what : path + ": " + what);
    }
}

// Read once, before the variables of any key file are set, so that none of them changes the policy.
const KeyFilePolicy& KeySource::policy() {
    if (!policy_)
        policy_ = KeyFilePolicy::fromEnvironment();
    return *policy_;
}

const std::shared_ptr<OSSL_LIB_CTX>& KeySource::users() {
    if (!users_)
        users_ = usersLibrary(providerFolder_);
    return users_;
}

} // namespace p11::tools
