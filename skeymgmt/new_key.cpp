// SPDX-License-Identifier: Apache-2.0
#include "skeymgmt/new_key.h"

#include "pkcs11/recovery.h"
#include "pkcs11/writing.h"
#include "skeymgmt/key_search.h"
#include "tokens/key_object.h"
#include "tokens/object_search.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"
#include "tokens/writing.h"

namespace p11::skeymgmt {
namespace {

bool staysOnToken(const uri::Uri& uri) {
    return tokens::namesObject(uri);
}

CK_OBJECT_HANDLE create(pkcs11::Session& session, const NewKey& wanted, const pkcs11::Bytes& id) {
    const std::string subject = std::string(wanted.kind.name) + " for " + wanted.uri.withoutPin();
    pkcs11::Template values;
    values.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, wanted.kind.made)
        .flag(CKA_TOKEN, staysOnToken(wanted.uri))
        .flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, true)
        .flag(CKA_EXTRACTABLE, false)
        .flag(CKA_ENCRYPT, wanted.usage.encrypt)
        .flag(CKA_DECRYPT, wanted.usage.encrypt)
        .flag(CKA_WRAP, wanted.usage.wrap)
        .flag(CKA_UNWRAP, wanted.usage.wrap)
        .flag(CKA_DERIVE, wanted.usage.derive)
        .bytes(CKA_ID, id)
        .text(CKA_LABEL, wanted.uri.object().value_or(""));
    if (!wanted.value.empty())
        return pkcs11::createObject(session, values.bytes(CKA_VALUE, wanted.value), subject);
    CK_MECHANISM mechanism{wanted.kind.generation, nullptr, 0};
    auto list = values.number(CKA_VALUE_LEN, wanted.size).list();
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    const CK_RV rv = session.call<&pkcs11::List::C_GenerateKey>(&mechanism, list.data(),
                                                                CK_ULONG{list.size()}, &made);
    if (rv != CKR_OK)
        throw pkcs11::callFailed(pkcs11::functionName<&pkcs11::List::C_GenerateKey>, rv, subject);
    return made;
}

void refuseDouble(pkcs11::Session& session, const uri::Uri& uri) {
    const auto doubles = tokens::byIdOrLabel(CKO_SECRET_KEY, uri.id().value_or(pkcs11::Bytes{}),
                                             uri.object().value_or(""));
    if (staysOnToken(uri) && !pkcs11::findCompared(session, doubles, pkcs11::fits).empty())
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            "a secret key already exists with the id or name in " +
                                uri.withoutPin());
}

// A failure here is final, because nothing may be repeated: the key has been made, and may still be
// on the token.
std::shared_ptr<SecretKey> readBack(ossl::ProviderContext& provider, const NewKey& wanted,
                                    const std::shared_ptr<pkcs11::SessionPool>& pool,
                                    pkcs11::Session& session, pkcs11::NewObjects& objects,
                                    CK_OBJECT_HANDLE handle) {
    std::string reason = "it is of another type";
    try {
        if (auto key = keyAt(provider, wanted.uri, wanted.kind, pool, session, handle))
            return key;
    } catch (const pkcs11::Error& error) {
        reason = error.what();
    }
    throw pkcs11::Error(pkcs11::Failure::key,
                        std::string("the new ") + wanted.kind.name + " cannot be read: " + reason +
                            (objects.undo() ? "" : "; it may be on the token"));
}

std::shared_ptr<SecretKey> makeIn(ossl::ProviderContext& provider, const NewKey& wanted,
                                  const std::shared_ptr<pkcs11::SessionPool>& pool,
                                  pkcs11::Session session) {
    if (pool->loginRequired())
        tokens::logIn(session, tokens::pinSource(wanted.uri, provider, pool->token(), {}));
    refuseDouble(session, wanted.uri);
    auto id = wanted.uri.id().value_or(pkcs11::Bytes{});
    if (id.empty())
        id = tokens::randomId(provider);
    pkcs11::NewObjects objects(session);
    const auto handle = create(session, wanted, id);
    objects.add(handle);
    auto key = readBack(provider, wanted, pool, session, objects, handle);
    objects.keep();
    if (staysOnToken(wanted.uri))
        return key;
    return std::make_shared<SecretKey>(provider,
                                       tokens::keyObject(provider, wanted.uri, pool, handle,
                                                         key->object().attributes(), key->uri()),
                                       key->uri(),
                                       std::make_unique<SessionObject>(std::move(session), handle));
}

} // namespace

std::shared_ptr<SecretKey> makeKey(ossl::ProviderContext& provider, const NewKey& wanted) {
    provider.settings(); // whether there is a log at all
    const pkcs11::trace::Step step([&] { return "make a key for " + wanted.uri.withoutPin(); });
    if (wanted.uri.type().value_or(CKO_SECRET_KEY) != CKO_SECRET_KEY)
        throw pkcs11::Error(pkcs11::Failure::uri,
                            "the type of a secret key is secret-key, but in " +
                                wanted.uri.withoutPin() + " it is another");
    // With an empty name (an unset variable), a key that should stay must not become a session key.
    if ((wanted.uri.object() || wanted.uri.id()) && !staysOnToken(wanted.uri))
        throw pkcs11::Error(pkcs11::Failure::uri,
                            wanted.uri.withoutPin() +
                                " has no name for the new key (object=, id=)");
    const tokens::TokenSearch search(provider, wanted.uri);
    return pkcs11::withSessionPool(search.onlyToken(), [&](const auto& pool) {
        return makeIn(provider, wanted, pool,
                      staysOnToken(wanted.uri) ? pool->takeWritable() : pool->take());
    });
}

} // namespace p11::skeymgmt
