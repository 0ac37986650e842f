// SPDX-License-Identifier: Apache-2.0
// From a URI to the objects it names: modules, tokens, login, objects, keys.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "keymgmt/key.h"
#include "keymgmt/replicas.h"
#include "ossl/provider_context.h"
#include "pkcs11/token.h"
#include "store/criterion.h"
#include "store/entry.h"
#include "tokens/object_search.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"
#include "uri/uri.h"

namespace p11::store {

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

    /// More replicas of a key, on tokens that have none of `known`. Throws pkcs11::Error.
    keymgmt::Replicas::Found findMore(const keymgmt::Replicas::Keys& known);

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
    std::vector<Entry> findOnAll(CK_OBJECT_CLASS type);
    std::vector<Entry> asOne(std::vector<Entry> entries);
    keymgmt::Replicas::Search searchForMore() const;
    std::optional<pkcs11::ObjectQuery> queryFor(CK_OBJECT_CLASS type) const;
    void findOnReplica(pkcs11::Token& token, const pkcs11::ObjectQuery& query,
                       std::vector<Entry>& out);
    void findOnToken(pkcs11::Token& token, const pkcs11::ObjectQuery& query,
                     std::vector<Entry>& out);
    const pkcs11::PinSource& pinsFor(const pkcs11::Token& token);
    bool mayLogIn(const pkcs11::Token& token) const;
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
    void leaveOutOthers(std::vector<Entry>& entries);
    static void markAmbiguous(const std::vector<Entry>& entries);
    [[noreturn]] void refuseType(const char* expected) const;
    [[noreturn]] static void refuseWithoutPublicHalf(const std::vector<Entry>& privateKeys);
    void nothingFound(CK_OBJECT_CLASS type);

    ossl::ProviderContext& context_;
    uri::Uri uri_;
    Expectation expectation_;
    Criterion criterion_;
    tokens::AskForPin ask_;
    std::map<const pkcs11::Token*, pkcs11::PinSource> pins_; ///< one of each, which asks once
    bool pinGiven_;
    tokens::TokenSearch tokens_;
    ossl::Replicas mode_;
    bool isComplete_ = true;            ///< no token with a replica is known to be missing
    std::vector<pkcs11::Error> failed_; ///< of tokens, where others may have the key
    std::vector<LeftOut> leftOut_;
};

} // namespace p11::store
