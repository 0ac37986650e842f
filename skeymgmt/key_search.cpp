// SPDX-License-Identifier: Apache-2.0
#include "skeymgmt/key_search.h"

#include <array>

#include "pkcs11/recovery.h"
#include "tokens/key_object.h"
#include "tokens/object_search.h"
#include "tokens/object_uris.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"

namespace p11::skeymgmt {
namespace {

constexpr std::array attributeTypes{CKA_CLASS,
                                    CKA_KEY_TYPE,
                                    CKA_LABEL,
                                    CKA_ID,
                                    CKA_VALUE_LEN,
                                    CKA_CHECK_VALUE,
                                    CKA_UNIQUE_ID,
                                    CKA_ALWAYS_AUTHENTICATE,
                                    CKA_ENCRYPT,
                                    CKA_DECRYPT,
                                    CKA_WRAP,
                                    CKA_UNWRAP,
                                    CKA_ALLOWED_MECHANISMS};

using Keys = std::vector<std::shared_ptr<SecretKey>>;

// A secret key has no public value to recognise it by. The check value recognises it, if the token
// has one: the first bytes of a block of zeros that the key encrypts (CKA_CHECK_VALUE, PKCS#11
// 2.40, section 4.10.2).
bool hasSameCheckValue(pkcs11::Session& session, CK_OBJECT_HANDLE handle,
                       const pkcs11::Bytes& before) {
    constexpr std::array types{CKA_CLASS, CKA_CHECK_VALUE};
    return pkcs11::readAttributes(session, handle, types).bytes(CKA_CHECK_VALUE) == before;
}

tokens::Login loginFor(const ossl::ProviderContext& provider, const uri::Uri& uri, bool mayLogIn) {
    if (!mayLogIn)
        return tokens::Login::never;
    return tokens::hasGivenPin(uri, provider.settings()) ? tokens::Login::first
                                                         : tokens::Login::ifNothingIsSeen;
}

void findOnToken(ossl::ProviderContext& provider, const uri::Uri& uri, const KeyKind& kind,
                 pkcs11::Token& token, bool mayLogIn, Keys& out) {
    const auto pins = tokens::pinSource(uri, provider, token, {});
    const auto login = loginFor(provider, uri, mayLogIn);
    const pkcs11::ObjectQuery query{CKO_SECRET_KEY, uri.object(), uri.id()};
    const auto before = out.size();
    pkcs11::withSessionPool(token, [&](const auto& pool) {
        out.resize(before);
        pkcs11::Session session = pool->take();
        const auto add = [&](const pkcs11::ObjectQuery& asked, tokens::Login how) {
            for (const auto handle : tokens::find(*pool, session, asked, how, pins))
                if (auto key = keyAt(provider, uri, kind, pool, session, handle);
                    key && pkcs11::fits(asked, key->object().attributes()))
                    out.push_back(std::move(key));
        };
        add(query, login);
        if (out.size() == before && query.label)
            add(pkcs11::withNul(query), tokens::Login::never);
    });
}

} // namespace

std::shared_ptr<SecretKey> keyAt(ossl::ProviderContext& provider, const uri::Uri& uri,
                                 const KeyKind& kind,
                                 const std::shared_ptr<pkcs11::SessionPool>& pool,
                                 pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
    std::span<const CK_ATTRIBUTE_TYPE> types(attributeTypes);
    if (provider.settings().noAllowedMechanisms)
        types = types.first(types.size() - 1);
    auto attributes = pkcs11::readAttributes(session, handle, types);
    if (const auto type = attributes.number(CKA_KEY_TYPE); !type || !kind.has(*type))
        return nullptr;
    auto name = tokens::uriOf(pool->token(), attributes);
    const auto check = attributes.bytes(CKA_CHECK_VALUE);
    auto object = tokens::keyObject(provider, uri, pool, handle, std::move(attributes), name);
    if (!check.empty())
        object->setCheck([check](pkcs11::Session& another, CK_OBJECT_HANDLE found) {
            return hasSameCheckValue(another, found, check);
        });
    return std::make_shared<SecretKey>(provider, std::move(object), std::move(name));
}

std::shared_ptr<SecretKey> findKey(ossl::ProviderContext& provider, const uri::Uri& uri,
                                   const KeyKind& kind) {
    provider.settings(); // whether there is a log at all
    const pkcs11::trace::Step step([&uri] { return "search " + uri.withoutPin(); });
    const tokens::TokenSearch search(provider, uri);
    Keys keys;
    for (auto* token : search.tokens())
        findOnToken(provider, uri, kind, *token, search.loginToken() == token, keys);
    if (keys.empty())
        throw pkcs11::Error(pkcs11::Failure::notFound, std::string("no ") + kind.name + " fits " +
                                                           uri.withoutPin() +
                                                           "; searched: " + search.describe());
    if (keys.size() == 1)
        return keys.front();
    std::vector<std::string> uris;
    for (const auto& key : keys)
        uris.push_back(key->uri());
    throw pkcs11::Error(pkcs11::Failure::ambiguous,
                        "several keys fit the URI; name one of them: " + tokens::join(uris));
}

} // namespace p11::skeymgmt
