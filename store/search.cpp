// SPDX-License-Identifier: Apache-2.0
#include "store/search.h"

#include <algorithm>
#include <array>

#include <openssl/store.h>

#include "keymgmt/key_family.h"
#include "keymgmt/rsa_type.h"
#include "pkcs11/recovery.h"
#include "pkcs11/trace.h"
#include "store/replica_entries.h"
#include "tokens/key_object.h"
#include "tokens/object_search.h"
#include "tokens/object_uris.h"

namespace p11::store {
namespace {

constexpr std::array certificateAttributes{CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_LABEL, CKA_ID,
                                           CKA_VALUE};

std::span<const CK_ATTRIBUTE_TYPE> attributesFor(CK_OBJECT_CLASS type,
                                                 const ossl::Settings& settings) {
    if (type == CKO_CERTIFICATE)
        return certificateAttributes;
    return keymgmt::keyAttributes(!settings.noAllowedMechanisms);
}

// Attributes that only some types of keys have are read only from these.
pkcs11::Attributes readObject(pkcs11::Session& session, CK_OBJECT_HANDLE handle,
                              std::span<const CK_ATTRIBUTE_TYPE> wanted) {
    auto attributes = pkcs11::readAttributes(session, handle, wanted);
    if (const auto more = keymgmt::additionalAttributes(attributes); !more.empty()) {
        const auto found = pkcs11::readAttributes(session, handle, more);
        for (const auto type : more)
            if (const auto* value = found.find(type); value != nullptr && !attributes.has(type))
                attributes.set(type, *value);
    }
    return attributes;
}

// The reason why a key is left out; empty if it is not.
std::string obstacle(const ossl::ProviderContext& context, const pkcs11::Attributes& attributes,
                     std::optional<keymgmt::KeyType> type) {
    if (!type)
        return "a key of an unsupported type (CKA_KEY_TYPE " +
               std::to_string(
                   attributes.number(CKA_KEY_TYPE).value_or(CK_UNAVAILABLE_INFORMATION)) +
               ")";
    if (!keymgmt::isKnown(context, *type))
        return std::string("a key of type ") + keymgmt::nameOf(*type) +
               ", which needs OpenSSL 3.5 or later";
    return {};
}

void tellAnotherKey(const Entry& entry) {
    pkcs11::trace::step("left out, another key than that of the first token: " + entry.uri);
}

// One error for several tokens. Its reason is that of the first.
pkcs11::Error allFailed(const std::vector<pkcs11::Error>& errors) {
    if (errors.size() == 1)
        return errors.front();
    std::string message = "no token that fits can be used";
    for (const auto& error : errors)
        message.append("; ").append(error.what());
    return pkcs11::Error(errors.front().failure(), message, errors.front().rv());
}

void append(std::vector<Entry>& to, std::vector<Entry> more) {
    std::move(more.begin(), more.end(), std::back_inserter(to));
}

std::vector<std::string> inventory(pkcs11::Token& token, CK_OBJECT_CLASS type) {
    std::vector<std::string> uris;
    pkcs11::withSessionPool(token, [&](const auto& pool) {
        pkcs11::Session session = pool->take();
        uris = tokens::urisOf(session,
                              pkcs11::findObjects(session, {type, std::nullopt, std::nullopt}));
    });
    return uris;
}

keymgmt::KeyType rsaTypeNamed(const std::string& name) {
    return name == keymgmt::nameOf(keymgmt::KeyType::rsaPss) ? keymgmt::KeyType::rsaPss
                                                             : keymgmt::KeyType::rsa;
}

} // namespace

bool isListing(const uri::Uri& uri) {
    return !uri.object() && !uri.id() && !uri.type();
}

Search::Search(ossl::ProviderContext& context, const uri::Uri& uri, Expectation expectation,
               const Criterion& criterion, tokens::AskForPin ask)
    : context_(context), uri_(uri), expectation_(expectation), criterion_(criterion),
      ask_(std::move(ask)), pinGiven_(tokens::hasGivenPin(uri_, context.settings())),
      tokens_(context, uri_), mode_(tokens::replicasOf(uri_, context.settings())) {
    if (mode_ == ossl::Replicas::off)
        return;
    isComplete_ = !tokens_.hasProblems();
    if (const auto& names = context.settings().replicaTokens; !names.empty())
        isComplete_ = tokens_.keepOnly(names);
}

std::vector<Entry> Search::run() {
    switch (expectation_) {
    case 0:
    case OSSL_STORE_INFO_NAME:
        return findAnything();
    case OSSL_STORE_INFO_PUBKEY:
        return findPublicKeys();
    case OSSL_STORE_INFO_PKEY:
        if (uri_.type().value_or(CKO_PRIVATE_KEY) != CKO_PRIVATE_KEY)
            refuseType("private key");
        break;
    case OSSL_STORE_INFO_CERT:
        if (uri_.type().value_or(CKO_CERTIFICATE) != CKO_CERTIFICATE)
            refuseType("certificate");
        break;
    default:
        throw pkcs11::Error(pkcs11::Failure::unsupported,
                            "tokens hold keys and certificates, but neither is expected from " +
                                uri_.withoutPin());
    }
    return findExpected();
}

std::vector<Entry> Search::findExpected() {
    const CK_OBJECT_CLASS type =
        expectation_ == OSSL_STORE_INFO_CERT ? CKO_CERTIFICATE : CKO_PRIVATE_KEY;
    auto entries = find(type);
    if (entries.empty())
        nothingFound(type);
    if (mode_ != ossl::Replicas::off)
        leaveOutOthers(entries);
    markAmbiguous(entries);
    return entries;
}

// Private keys come first, because their login may also reveal more of the other objects.
std::vector<Entry> Search::findAnything() {
    std::vector<Entry> privateKeys;
    const auto type = uri_.type();
    if (type.value_or(CKO_PRIVATE_KEY) == CKO_PRIVATE_KEY) {
        try {
            privateKeys = find(CKO_PRIVATE_KEY);
        } catch (const pkcs11::Error& error) {
            // A list without a PIN shows what is public. A refused PIN is an error.
            const bool noPin =
                error.failure() == pkcs11::Failure::login && error.rv() == CKR_USER_NOT_LOGGED_IN;
            if (type || !noPin)
                throw;
            pkcs11::trace::step(error.what());
        }
    }
    std::vector<Entry> entries;
    for (const CK_OBJECT_CLASS other :
         {CK_OBJECT_CLASS{CKO_CERTIFICATE}, CK_OBJECT_CLASS{CKO_PUBLIC_KEY}})
        if (type.value_or(other) == other)
            append(entries, find(other));
    markAmbiguous(privateKeys);
    append(entries, std::move(privateKeys));
    if (entries.empty() && (uri_.object() || uri_.id()))
        nothingFound(type.value_or(CKO_DATA));
    return entries;
}

// Any object with a public key will do, because applications verify with the private key's URI.
std::vector<Entry> Search::findPublicKeys() {
    const auto type = uri_.type();
    std::vector<Entry> entries;
    if (!type || *type == CKO_PUBLIC_KEY || (*type == CKO_PRIVATE_KEY && !pinGiven_))
        entries = find(CKO_PUBLIC_KEY);
    if (entries.empty() && type.value_or(CKO_CERTIFICATE) == CKO_CERTIFICATE)
        entries = keysOfCertificates(find(CKO_CERTIFICATE));
    if (entries.empty() && type.value_or(CKO_PRIVATE_KEY) == CKO_PRIVATE_KEY) {
        const auto privateKeys = find(CKO_PRIVATE_KEY);
        entries = publicHalves(privateKeys);
        if (entries.empty() && !privateKeys.empty() && !criterion_.given())
            refuseWithoutPublicHalf(privateKeys);
    }
    if (entries.empty())
        nothingFound(type.value_or(CKO_PUBLIC_KEY));
    markAmbiguous(entries);
    return entries;
}

std::vector<Entry> Search::find(CK_OBJECT_CLASS type) {
    auto entries = findOnAll(type);
    return mode_ == ossl::Replicas::off ? entries : asOne(std::move(entries));
}

std::vector<Entry> Search::findOnAll(CK_OBJECT_CLASS type) {
    std::vector<Entry> entries;
    const auto query = queryFor(type);
    if (!query)
        return entries;
    for (auto* token : tokens_.tokens()) {
        if (mode_ == ossl::Replicas::off)
            findOnToken(*token, *query, entries);
        else
            findOnReplica(*token, *query, entries);
    }
    if (entries.empty() && !failed_.empty())
        throw allFailed(failed_);
    // Outside the sessions of the search, since a key may have to look for its public half.
    std::erase_if(entries,
                  [this](const Entry& entry) { return entry.key && !criterion_.fits(*entry.key); });
    return entries;
}

// The failure of one token, or a PIN that it refuses, does not hide the key on the others.
void Search::findOnReplica(pkcs11::Token& token, const pkcs11::ObjectQuery& query,
                           std::vector<Entry>& out) try {
    findOnToken(token, query, out);
} catch (const pkcs11::Error& error) {
    std::erase_if(out, [&token](const Entry& entry) { return entry.token == &token; });
    pkcs11::trace::step("left out, " + token.describe() + ": " + error.what());
    failed_.push_back(error);
    isComplete_ = isComplete_ && pkcs11::isOfLogin(error.failure());
}

std::vector<Entry> Search::asOne(std::vector<Entry> entries) {
    const auto leaveOut = [this](const Entry& entry, const pkcs11::Error& error) {
        pkcs11::trace::step("left out, " + entry.uri + ": " + error.what());
        leftOut_.push_back({entry.uri, error.what()});
        isComplete_ = false;
    };
    auto groups = groupReplicas(std::move(entries), leaveOut);
    std::vector<Entry> result;
    result.reserve(groups.size());
    for (auto& group : groups)
        result.push_back(asOneEntry(context_, uri_, mode_, std::move(group), searchForMore()));
    return result;
}

// Null if nothing is missing. The result outlives this. Nobody is asked for a PIN then.
keymgmt::Replicas::Search Search::searchForMore() const {
    if (isComplete_)
        return {};
    return [&context = context_, uri = uri_](const keymgmt::Replicas::Keys& known) {
        const pkcs11::trace::Step step(
            [&uri] { return "search for more replicas: " + uri.withoutPin(); });
        return Search(context, uri, OSSL_STORE_INFO_PKEY, {}, {}).findMore(known);
    };
}

keymgmt::Replicas::Found Search::findMore(const keymgmt::Replicas::Keys& known) {
    keymgmt::Replicas::Found found;
    for (auto& entry : findOnAll(CKO_PRIVATE_KEY)) {
        const bool isKnown = std::any_of(known.begin(), known.end(), [&entry](const auto& key) {
            return &key->privateObject().token() == entry.token;
        });
        if (isKnown || known.front()->isNamedApart(*entry.key))
            continue;
        if (isSameKey(*known.front(), *entry.key)) {
            entry.key->shareRejectionSecret(*known.front());
            found.keys.push_back(std::move(entry.key));
        } else {
            tellAnotherKey(entry);
        }
    }
    found.isComplete = isComplete_;
    return found;
}

// Nothing if no object of that class can fit.
std::optional<pkcs11::ObjectQuery> Search::queryFor(CK_OBJECT_CLASS type) const {
    const auto& alias = criterion_.label();
    const auto object = uri_.object();
    if (!criterion_.concerns(type) || (alias && object && *alias != *object))
        return std::nullopt;
    return pkcs11::ObjectQuery{type, alias ? alias : object, uri_.id(), criterion_.filter()};
}

const pkcs11::PinSource& Search::pinsFor(const pkcs11::Token& token) {
    const bool namesToken = mode_ != ossl::Replicas::off && tokens_.tokens().size() > 1;
    const auto known = pins_.find(&token);
    return known != pins_.end()
               ? known->second
               : pins_.emplace(&token, tokens::pinSource(uri_, context_, token, ask_, namesToken))
                     .first->second;
}

// A list would try the PIN on tokens that have nothing to do with each other.
bool Search::mayLogIn(const pkcs11::Token& token) const {
    const bool isAskedForAll = mode_ != ossl::Replicas::off &&
                               (!isListing(uri_) || !context_.settings().replicaTokens.empty());
    return isAskedForAll || tokens_.loginToken() == &token;
}

// Private keys always need a login. The setting is only for public objects.
tokens::Login Search::loginFor(const pkcs11::Token& token, CK_OBJECT_CLASS type) const {
    const auto setting = context_.settings().login;
    const bool isPrivate = type == CKO_PRIVATE_KEY;
    const bool forPrivateKey = isPrivate && expectation_ != OSSL_STORE_INFO_PUBKEY;
    if (!mayLogIn(token) || (!forPrivateKey && setting == ossl::LoginBehavior::never))
        return tokens::Login::never;
    const bool isRequired = (token.info().flags & CKF_LOGIN_REQUIRED) != 0;
    if (setting == ossl::LoginBehavior::always || (isPrivate && pinGiven_ && isRequired))
        return tokens::Login::first;
    if (forPrivateKey && expectation_ == OSSL_STORE_INFO_PKEY && isRequired)
        return tokens::Login::ifPossible;
    const bool mayAsk = isPrivate && isRequired;
    return mayAsk || pinGiven_ ? tokens::Login::ifNothingIsSeen : tokens::Login::never;
}

void Search::findOnToken(pkcs11::Token& token, const pkcs11::ObjectQuery& query,
                         std::vector<Entry>& out) {
    const auto login = loginFor(token, query.type.value());
    const auto before = out.size();
    const auto leftOutBefore = leftOut_.size();
    pkcs11::withSessionPool(token, [&](const auto& pool) {
        out.resize(before);
        leftOut_.resize(leftOutBefore);
        pkcs11::Session session = pool->take();
        if (addFitting(pool, session, query, login, out) != 0)
            return;
        // Objects that do not fit do not count: some modules ignore the query and return all.
        if (login == tokens::Login::ifNothingIsSeen && !pool->loggedIn() &&
            addFitting(pool, session, query, tokens::Login::first, out) != 0)
            return;
        if (query.label &&
            addFitting(pool, session, pkcs11::withNul(query), tokens::Login::never, out) != 0)
            return;
        // The same name may be encoded otherwise, or the object may not have the attribute.
        if (!query.others.empty())
            addFitting(pool, session, {query.type, query.label, query.id}, tokens::Login::never,
                       out);
    });
}

// Returns how many objects fit, whether they can be used or not.
std::size_t Search::addFitting(const std::shared_ptr<pkcs11::SessionPool>& pool,
                               pkcs11::Session& session, const pkcs11::ObjectQuery& query,
                               tokens::Login login, std::vector<Entry>& out) {
    const auto wanted = attributesFor(query.type.value(), context_.settings());
    std::size_t fitting = 0;
    for (const auto handle : tokens::find(*pool, session, query, login, pinsFor(pool->token()))) {
        auto attributes = readObject(session, handle, wanted);
        if (!pkcs11::fits(query, attributes)) {
            pkcs11::trace::step("found, but not as requested: " +
                                tokens::uriOf(pool->token(), attributes));
            continue;
        }
        if (query.type == CKO_CERTIFICATE && !criterion_.fits(attributes.bytes(CKA_VALUE)))
            continue;
        ++fitting;
        add(pool, session, handle, std::move(attributes), out);
    }
    return fitting;
}

// If a private key signs only with PSS, the certificate beside it decides the type. The public half
// gets the same type if a public key is expected and the private key is visible. Otherwise it is
// RSA, which verifies all signatures of the private key.
keymgmt::KeyType Search::rsaTypeOf(pkcs11::Session& session, const pkcs11::Attributes& attributes,
                                   keymgmt::KeyType type) const {
    auto decisive = std::optional(attributes);
    if (attributes.number(CKA_CLASS) == CKO_PUBLIC_KEY)
        decisive =
            expectation_ == OSSL_STORE_INFO_PUBKEY && !context_.settings().noAllowedMechanisms
                ? keymgmt::privateHalf(session, attributes)
                : std::nullopt;
    if (!decisive || !keymgmt::signsPssAlone(*decisive))
        return type;
    const auto& configured = context_.settings().pssOnlyKeys;
    return configured.empty() ? keymgmt::rsaTypeOf(session, *decisive) : rsaTypeNamed(configured);
}

// If the search for a certificate fails, the key is still found.
std::optional<keymgmt::KeyType> Search::typeOf(pkcs11::Session& session,
                                               const pkcs11::Attributes& attributes) const try {
    const auto type = keymgmt::typeOf(attributes);
    if (!type || !keymgmt::isRsa(*type))
        return type;
    const auto forced = uri_.keyType();
    return forced ? rsaTypeNamed(*forced) : rsaTypeOf(session, attributes, *type);
} catch (const pkcs11::Error& error) {
    const auto remedy = pkcs11::remedyFor(error);
    if (remedy != pkcs11::Remedy::none && remedy != pkcs11::Remedy::session)
        throw;
    pkcs11::trace::step(error.what());
    return keymgmt::typeOf(attributes);
}

void Search::add(const std::shared_ptr<pkcs11::SessionPool>& pool, pkcs11::Session& session,
                 CK_OBJECT_HANDLE handle, pkcs11::Attributes attributes, std::vector<Entry>& out) {
    Entry entry{tokens::uriOf(pool->token(), attributes)};
    entry.token = &pool->token();
    entry.label = attributes.text(CKA_LABEL);
    entry.id = attributes.bytes(CKA_ID);
    if (attributes.number(CKA_CLASS) == CKO_CERTIFICATE) {
        entry.certificate = attributes.bytes(CKA_VALUE);
        if (attributes.number(CKA_CERTIFICATE_TYPE).value_or(CKC_X_509) == CKC_X_509 &&
            !entry.certificate.empty())
            out.push_back(std::move(entry));
        return;
    }
    const auto type = typeOf(session, attributes);
    if (const auto reason = obstacle(context_, attributes, type); !reason.empty()) {
        pkcs11::trace::step("left out, " + reason + ": " + entry.uri);
        leftOut_.push_back({entry.uri, reason});
        return;
    }
    auto object = tokens::keyObject(context_, uri_, pool, handle, std::move(attributes), entry.uri);
    try {
        entry.key = std::make_shared<keymgmt::Key>(context_, *type, std::move(object), entry.uri);
        out.push_back(std::move(entry));
    } catch (const pkcs11::Error& error) {
        pkcs11::trace::step(error.what()); // one bad object does not hide the others
        leftOut_.push_back({entry.uri, error.what()});
    }
}

Entry Search::publicEntry(ossl::Pkey key, const std::string& uri) const {
    constexpr const auto& types = keymgmt::allKeyTypes;
    const auto* type = std::find_if(types.begin(), types.end(), [&key](keymgmt::KeyType candidate) {
        return EVP_PKEY_is_a(key.get(), keymgmt::nameOf(candidate)) == 1;
    });
    if (type == types.end())
        return {};
    auto made = std::make_shared<keymgmt::Key>(context_, *type);
    if (!made->software()->importFrom(key.get(), EVP_PKEY_PUBLIC_KEY))
        return {};
    return {uri, std::move(made)};
}

std::vector<Entry> Search::publicHalves(const std::vector<Entry>& privateKeys) const {
    std::vector<Entry> entries;
    for (const auto& entry : privateKeys)
        if (auto* key = entry.key->publicKey())
            entries.push_back(publicEntry(ossl::share(key), entry.uri));
    std::erase_if(entries, [](const Entry& entry) { return entry.key == nullptr; });
    return entries;
}

std::vector<Entry> Search::keysOfCertificates(const std::vector<Entry>& certificates) const {
    std::vector<Entry> entries;
    const auto forced = uri_.keyType();
    for (const auto& entry : certificates) {
        auto key = keymgmt::publicKeyOfCertificate(context_, entry.certificate);
        if (forced)
            key = keymgmt::asRsaType(context_, std::move(key), rsaTypeNamed(*forced));
        if (key)
            entries.push_back(publicEntry(std::move(key), entry.uri));
    }
    std::erase_if(entries, [](const Entry& entry) { return entry.key == nullptr; });
    return entries;
}

namespace {

// Several objects of the same key are no ambiguity. Keys with different names count as different
// without a proof. Otherwise a list of a whole token would cost an operation with each key.
bool isOfAnotherKey(const Entry& first, const Entry& entry) {
    if (first.key->isNamedApart(*entry.key))
        return true;
    auto* one = first.key->publicKey();
    auto* other = one == nullptr ? nullptr : entry.key->publicKey();
    return other == nullptr || EVP_PKEY_eq(one, other) != 1;
}

} // namespace

// Other keys with the same name, on tokens that do not have the first one. They must not sign.
void Search::leaveOutOthers(std::vector<Entry>& entries) {
    const auto& first = entries.front();
    if (first.key == nullptr)
        return;
    const auto onItsTokens = [&first](const Entry& entry) {
        if (!first.key->replicas())
            return first.token == entry.token;
        const auto keys = first.key->replicas()->keys();
        return std::any_of(keys.begin(), keys.end(), [&entry](const auto& key) {
            return &key->privateObject().token() == entry.token;
        });
    };
    const auto isAnother = [&](const Entry& entry) {
        return &entry != &first && entry.token != nullptr && !onItsTokens(entry) &&
               !first.key->isNamedApart(*entry.key);
    };
    for (const auto& entry : entries)
        if (isAnother(entry))
            tellAnotherKey(entry);
    const auto others = std::remove_if(entries.begin() + 1, entries.end(), isAnother);
    entries.erase(others, entries.end());
}

void Search::markAmbiguous(const std::vector<Entry>& entries) {
    if (entries.size() < 2 ||
        std::any_of(entries.begin(), entries.end(), [](const Entry& one) { return !one.key; }))
        return;
    if (std::none_of(entries.begin() + 1, entries.end(), [&entries](const Entry& entry) {
            return isOfAnotherKey(entries.front(), entry);
        }))
        return;
    std::vector<std::string> uris;
    uris.reserve(entries.size());
    for (const auto& entry : entries)
        uris.push_back(entry.uri);
    const auto ambiguity = std::make_shared<keymgmt::Ambiguity>(
        "several keys fit the URI; name one of them: " + tokens::join(uris));
    for (const auto& entry : entries)
        entry.key->setAmbiguity(ambiguity);
}

void Search::refuseType(const char* expected) const {
    throw pkcs11::Error(pkcs11::Failure::notFound, std::string("a ") + expected +
                                                       " is expected, but the type in " +
                                                       uri_.withoutPin() + " is another");
}

void Search::refuseWithoutPublicHalf(const std::vector<Entry>& privateKeys) {
    std::vector<std::string> uris;
    uris.reserve(privateKeys.size());
    for (const auto& entry : privateKeys)
        uris.push_back(entry.uri);
    throw pkcs11::Error(pkcs11::Failure::notFound,
                        "a public key is needed, but the public half is not on the token, neither "
                        "in the private key nor in a public key or certificate beside it: " +
                            tokens::join(uris));
}

void Search::nothingFound(CK_OBJECT_CLASS type) {
    if (criterion_.given())
        return;
    std::string message = std::string("no ") + pkcs11::nameOf(type) + " fits " + uri_.withoutPin();
    // This comes before the tokens, because OpenSSL cuts long messages.
    if (tokens_.severalNeedLogin())
        message += "; several tokens need a login, which happens only if the URI fits one (token=, "
                   "serial=, slot-id=)";
    message += "; searched: " + tokens_.describe();
    for (auto* token : tokens_.tokens()) {
        const auto there =
            inventory(*token, type == CKO_DATA ? CK_OBJECT_CLASS{CKO_PRIVATE_KEY} : type);
        const auto pool = token->sessionPool();
        const bool withoutLogin = pool->loginRequired() && !pool->loggedIn();
        message += "; on " + token->describe() + (withoutLogin ? " without a login" : "") +
                   " there " +
                   (there.empty() ? std::string("is none") : "are: " + tokens::join(there));
    }
    for (const auto& object : leftOut_)
        message += "; left out: " + object.uri + ", " + object.reason;
    throw pkcs11::Error(pkcs11::Failure::notFound, message);
}

} // namespace p11::store
