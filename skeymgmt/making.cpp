#include "skeymgmt/making.h"

#include <algorithm>
#include <array>

#include <openssl/rand.h>

#include "skeymgmt/lookup.h"
#include "store/pin_source.h"
#include "store/token_search.h"

namespace skeymgmt {
namespace {

constexpr std::size_t idSize = 16;

bool staysOnToken(const uri::Uri& uri) {
    return uri.object() || uri.id();
}

pkcs11::Bytes randomId(const ossl::Context& provider) {
    pkcs11::Bytes id(idSize);
    if (RAND_bytes_ex(provider.libctx(), id.data(), id.size(), 0) != 1)
        throw ossl::UsageError(ossl::Reason::internal, "no random numbers for the key's id");
    return id;
}

// The session was gone before anything was done in it.
bool mayRepeat(CK_RV rv) {
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
           rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_USER_NOT_LOGGED_IN;
}

CK_OBJECT_HANDLE create(pkcs11::Session& session, const NewKey& wanted, pkcs11::Bytes id) {
    CK_OBJECT_CLASS type = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL token = staysOnToken(wanted.uri) ? CK_TRUE : CK_FALSE;
    auto label = wanted.uri.object().value_or("");
    auto size = CK_ULONG{wanted.size};
    std::vector<CK_ATTRIBUTE> values{
        {CKA_CLASS, &type, sizeof type},   {CKA_KEY_TYPE, &keyType, sizeof keyType},
        {CKA_TOKEN, &token, sizeof token}, {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},   {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_ID, id.data(), id.size()},    {CKA_LABEL, label.data(), label.size()}};
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    if (wanted.value.empty()) {
        CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
        values.push_back({CKA_VALUE_LEN, &size, sizeof size});
        session.require<&pkcs11::List::C_GenerateKey>(&mechanism, values.data(),
                                                      CK_ULONG{values.size()}, &made);
    } else {
        values.push_back({CKA_VALUE, const_cast<unsigned char*>(wanted.value.data()), wanted.size});
        session.require<&pkcs11::List::C_CreateObject>(values.data(), CK_ULONG{values.size()},
                                                       &made);
    }
    return made;
}

void refuseDouble(pkcs11::Session& session, const uri::Uri& uri) {
    if (staysOnToken(uri) &&
        !pkcs11::findObjects(session, {CKO_SECRET_KEY, uri.object(), uri.id()}).empty())
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            "there is a secret key already that fits " + uri.withoutPin());
}

std::shared_ptr<SecretKey> makeIn(ossl::Context& provider, const NewKey& wanted,
                                  const std::shared_ptr<pkcs11::Connection>& connection,
                                  pkcs11::Session session) {
    if (connection->loginRequired())
        connection->login(session, store::pinSource(wanted.uri, provider.settings(), {}));
    refuseDouble(session, wanted.uri);
    const auto handle = create(session, wanted, wanted.uri.id().value_or(randomId(provider)));
    auto key = keyAt(provider, connection, session, handle);
    if (!key)
        throw pkcs11::Error(pkcs11::Failure::key, "the token made a key that is not AES");
    if (staysOnToken(wanted.uri))
        return key;
    return std::make_shared<SecretKey>(
        provider,
        std::make_shared<pkcs11::TokenObject>(connection, handle, key->object().attributes()),
        key->uri(), std::make_unique<SessionObject>(std::move(session), handle));
}

} // namespace

std::shared_ptr<SecretKey> makeKey(ossl::Context& provider, const NewKey& wanted) {
    const pkcs11::trace::Step step([&] { return "make a key for " + wanted.uri.withoutPin(); });
    if (wanted.uri.type().value_or(CKO_SECRET_KEY) != CKO_SECRET_KEY)
        throw pkcs11::Error(pkcs11::Failure::uri, "the type of an AES key is secret-key, and in " +
                                                      wanted.uri.withoutPin() + " it is another");
    const store::TokenSearch search(provider, wanted.uri);
    if (search.tokens().size() != 1)
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            "several tokens fit the URI of the new key, and one must be named: " +
                                search.describe());
    std::optional<pkcs11::Error> failure;
    auto key = search.tokens().front()->withConnection([&](const auto& connection) {
        try {
            return makeIn(provider, wanted, connection,
                          staysOnToken(wanted.uri) ? connection->takeWritable()
                                                   : connection->take());
        } catch (const pkcs11::Error& error) {
            if (mayRepeat(error.rv()))
                throw;
            failure = error;
            return std::shared_ptr<SecretKey>();
        }
    });
    if (failure)
        throw pkcs11::Error(*failure);
    return key;
}

} // namespace skeymgmt
