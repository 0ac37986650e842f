// SPDX-License-Identifier: Apache-2.0
// From a URI to the objects it names: modules, tokens, login, objects, keys.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "keymgmt/key.h"
#include "ossl/provider_context.h"
#include "pkcs11/token.h"
#include "store/criterion.h"
#include "tokens/object_search.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"
#include "uri/uri.h"

namespace p11::store {

/// One result of a search: a key, a certificate, or the name of either.
struct Entry {
    std::string uri; ///< complete, without a PIN
    std::shared_ptr<keymgmt::Key> key;
    pkcs11::Bytes certificate;    ///< DER, where key is null
    std::string description = {}; ///< of a name; may be empty
};

/// A key that cannot be used here, and the reason.
struct LeftOut {
    std::string uri;
    std::string reason;
};

/// What the caller of OSSL_STORE_open expects (OSSL_STORE_INFO_*); 0 for anything.
using Expectation = int;

/// True if `uri` names tokens but no object: the caller wants a list.
bool isListing(const uri::Uri& uri);

/// One search; used once, by one thread.
class Search {
  public:
    Search(ossl::ProviderContext& context, const uri::Uri& uri, Expectation expectation,
           const Criterion& criterion, tokens::AskForPin ask);

    /// Everything that fits: certificates, public keys, private keys. If something was expected and
    /// nothing fits, throws pkcs11::Error with what was searched and what exists. A search by a
    /// criterion that finds nothing is no error.
    std::vector<Entry> run();
    /// The keys that also fit, but that run() could not use.
    const std::vector<LeftOut>& leftOut() const { return leftOut_; }

  private:
    std::vector<Entry> findExpected();
    std::vector<Entry> findAnything();
    std::vector<Entry> findPublicKeys();
    std::vector<Entry> find(CK_OBJECT_CLASS type);
    std::optional<pkcs11::ObjectQuery> queryFor(CK_OBJECT_CLASS type) const;
    void findOnToken(pkcs11::Token& token, const pkcs11::ObjectQuery& query,
                     std::vector<Entry>& out);
    tokens::Login loginFor(const pkcs11::Token& token, CK_OBJECT_CLASS type) const;
    std::size_t addFitting(const std::shared_ptr<pkcs11::SessionPool>& pool,
                           pkcs11::Session& session, const pkcs11::ObjectQuery& query,
                           tokens::Login login, std::vector<Entry>& out);
    void add(const std::shared_ptr<pkcs11::SessionPool>& pool, pkcs11::Session& session,
             CK_OBJECT_HANDLE handle, pkcs11::Attributes attributes, std::vector<Entry>& out);
    keymgmt::KeyType rsaTypeOf(pkcs11::Session& session, const pkcs11::Attributes& attributes,
                               keymgmt::KeyType type) const;
    std::optional<keymgmt::KeyType> typeOf(pkcs11::Session& session,
                                           const pkcs11::Attributes& attributes) const;
    std::vector<Entry> publicHalves(const std::vector<Entry>& privateKeys) const;
    std::vector<Entry> keysOfCertificates(const std::vector<Entry>& certificates) const;
    Entry publicEntry(ossl::Pkey key, const std::string& uri) const;
    static void markAmbiguous(const std::vector<Entry>& entries);
    [[noreturn]] void refuseType(const char* expected) const;
    [[noreturn]] static void refuseWithoutPublicHalf(const std::vector<Entry>& privateKeys);
    void nothingFound(CK_OBJECT_CLASS type);

    ossl::ProviderContext& context_;
    uri::Uri uri_;
    Expectation expectation_;
    Criterion criterion_;
    pkcs11::PinSource pins_;
    bool pinGiven_;
    tokens::TokenSearch tokens_;
    std::vector<LeftOut> leftOut_;
};

} // namespace p11::store
