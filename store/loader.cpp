// SPDX-License-Identifier: Apache-2.0
// The OSSL_STORE loader for "pkcs11:" URIs.
#include <array>
#include <deque>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/store.h>

#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "store/deletion.h"
#include "store/object_callback.h"
#include "store/run_search.h"

namespace p11::store {
namespace {

/// One open store. It searches at the first load, because only then it knows what the caller
/// expects, and has the callback for a PIN.
class Loader {
  public:
    Loader(ossl::ProviderContext& context, const char* text)
        : context_(context), uri_(tokens::parseUri(text)) {}
    ~Loader() {
        if (ambiguity_)
            ambiguity_->noteClosed();
    }
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    const ossl::Core& core() const { return context_.core(); }
    void expect(int type) { expectation_ = type; }
    void find(const OSSL_PARAM* params) { criterion_.set(context_, params); }
    bool atEnd() const { return searched_ && entries_.empty(); }

    int load(const ObjectCallback& object, tokens::PassphraseCallback passphrase) {
        if (!searched_)
            search(passphrase);
        if (entries_.empty())
            return 1; // nothing is there, and nothing in particular was asked for
        const Entry entry = std::move(entries_.front());
        entries_.pop_front();
        if (entry.key)
            return deliverKey(object, entry.key);
        return entry.certificate.empty() ? object.deliverName(entry.uri, entry.description)
                                         : object.deliverCertificate(entry.certificate);
    }

  private:
    // A failing search is also over. Callers load until the end, so a store without an end would
    // keep them for ever.
    void search(tokens::PassphraseCallback passphrase) {
        searched_ = true;
        auto found = runSearch(context_, uri_, expectation_, criterion_, passphrase);
        const bool isList = isListing(uri_) && !criterion_.given();
        for (auto& entry : found.entries) {
            if (isList || expectation_ == OSSL_STORE_INFO_NAME)
                entries_.push_back(nameOf(entry));
            if (expectation_ != OSSL_STORE_INFO_NAME)
                entries_.push_back(std::move(entry));
        }
        if (isList)
            for (const auto& object : found.leftOut)
                entries_.push_back({object.uri});
    }

    // The text of a key has its URI. That of a certificate is OpenSSL's, so its name tells it, in
    // the same form: `openssl storeutl` prints the description in a line of its own.
    static Entry nameOf(const Entry& entry) {
        if (!entry.description.empty()) // the URIs on several tokens
            return {entry.uri, nullptr, {}, entry.description};
        return {entry.uri, nullptr, {}, entry.key ? "" : "URI " + entry.uri};
    }

    // Only keys of the ambiguity count. A program that skips public keys until it finds a private
    // one makes no list.
    int deliverKey(const ObjectCallback& object, const std::shared_ptr<keymgmt::Key>& key) {
        if (const auto& ambiguity = key->ambiguity()) {
            if (ambiguity_ != nullptr)
                ambiguity->noteAnother();
            ambiguity_ = ambiguity;
        }
        return object.deliverKey(key);
    }

    ossl::ProviderContext& context_;
    uri::Uri uri_;
    Expectation expectation_ = 0;
    Criterion criterion_;
    bool searched_ = false;
    std::shared_ptr<keymgmt::Ambiguity> ambiguity_; ///< of the keys that were delivered
    std::deque<Entry> entries_;
};

Loader& loaderOf(void* ctx) {
    return *static_cast<Loader*>(ctx);
}

void* open(void* provctx, const char* uri) {
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded<void*>(context.core(), nullptr, [&] { return new Loader(context, uri); });
}

int close(void* ctx) {
    delete &loaderOf(ctx);
    return 1;
}

int load(void* ctx, OSSL_CALLBACK* callback, void* arg, OSSL_PASSPHRASE_CALLBACK* passphrase,
         void* passphraseArg) {
    return ossl::guarded(loaderOf(ctx).core(), 0, [&] {
        return loaderOf(ctx).load({callback, arg}, {passphrase, passphraseArg});
    });
}

int atEnd(void* ctx) {
    return loaderOf(ctx).atEnd() ? 1 : 0;
}

// A wrong value fails the first load. If it failed here, OpenSSL 3.0 would give the application a
// store without a loader, and read through the null pointer at its first use.
int setParams(void* ctx, const OSSL_PARAM params[]) {
    constexpr Expectation nothing = -1;
    auto& loader = loaderOf(ctx);
    const int good = ossl::guarded(loader.core(), 0, [&] {
        if (const auto expected = ossl::intOf(params, OSSL_STORE_PARAM_EXPECT))
            loader.expect(*expected);
        return 1;
    });
    if (good == 0)
        loader.expect(nothing);
    // This one comes from OSSL_STORE_find(3) alone, which tells its caller.
    return ossl::guarded(loader.core(), 0, [&] {
        loader.find(params);
        return 1;
    });
}

const OSSL_PARAM* settableParams(void*) {
    static const std::array list{ossl::intParam(OSSL_STORE_PARAM_EXPECT),
                                 ossl::textParam(OSSL_STORE_PARAM_PROPERTIES),
                                 ossl::textParam(OSSL_STORE_PARAM_INPUT_TYPE),
                                 ossl::octetsParam(OSSL_STORE_PARAM_SUBJECT),
                                 ossl::octetsParam(OSSL_STORE_PARAM_ISSUER),
                                 ossl::bignumParam(OSSL_STORE_PARAM_SERIAL),
                                 ossl::textParam(OSSL_STORE_PARAM_DIGEST),
                                 ossl::octetsParam(OSSL_STORE_PARAM_FINGERPRINT),
                                 ossl::textParam(OSSL_STORE_PARAM_ALIAS),
                                 ossl::endOfParams()};
    return list.data();
}

// For a store that is used with another provider's keymgmt. Private keys are refused, because their
// public part alone would pass for a public key.
int exportObject(void* ctx, const void* data, size_t size, OSSL_CALLBACK* callback, void* arg) {
    const auto* reference = keymgmt::KeyReference::from(data, size);
    if (reference == nullptr || !reference->key || reference->key->isPrivate())
        return 0;
    return ossl::guarded(loaderOf(ctx).core(), 0, [&] {
        const auto& key = *reference->key;
        if (key.isOnToken() && !key.context().settings().allowPublicExport)
            return 0;
        key.requireUnambiguous();
        return EVP_PKEY_export(key.requirePublicKey(), EVP_PKEY_PUBLIC_KEY, callback, arg);
    });
}

// OSSL_STORE_delete(3) of OpenSSL 3.2 calls it. With 3.0 and 3.1, programs find it with
// OSSL_PROVIDER_query_operation(3).
int deleteObjects(void* provctx, const char* uri, const OSSL_PARAM params[],
                  OSSL_PASSPHRASE_CALLBACK* passphrase, void* passphraseArg) {
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded(context.core(), 0, [&] {
        const auto all = params != nullptr ? ossl::intOf(params, "pkcs11_all") : std::nullopt;
        destroy(context, tokens::parseUri(uri), all.value_or(0) != 0, {passphrase, passphraseArg});
        return 1;
    });
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_store_open_fn>(OSSL_FUNC_STORE_OPEN, open),
        ossl::entry<OSSL_FUNC_store_settable_ctx_params_fn>(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS,
                                                            settableParams),
        ossl::entry<OSSL_FUNC_store_set_ctx_params_fn>(OSSL_FUNC_STORE_SET_CTX_PARAMS, setParams),
        ossl::entry<OSSL_FUNC_store_load_fn>(OSSL_FUNC_STORE_LOAD, load),
        ossl::entry<OSSL_FUNC_store_eof_fn>(OSSL_FUNC_STORE_EOF, atEnd),
        ossl::entry<OSSL_FUNC_store_close_fn>(OSSL_FUNC_STORE_CLOSE, close),
        ossl::entry<OSSL_FUNC_store_export_object_fn>(OSSL_FUNC_STORE_EXPORT_OBJECT, exportObject),
        ossl::entry<OSSL_FUNC_store_delete_fn>(OSSL_FUNC_STORE_DELETE, deleteObjects),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* loaders() {
    static const std::array list{
        ossl::algorithm("pkcs11", functions(), "PKCS#11 tokens (RFC 7512 URIs)"),
        ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace p11::store
