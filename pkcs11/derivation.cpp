#include "pkcs11/derivation.h"

#include <array>

namespace pkcs11 {
namespace {

// PKCS#11 places the login for a CKA_ALWAYS_AUTHENTICATE key after C_...Init (2.40, section 4.9),
// and C_DeriveKey has none: a token need not ask for it here, and may not take it. False where it
// does not, for then it is the common login that is lost.
bool loginForUse(Session& session) {
    try {
        session.connection().contextLogin(session);
        return true;
    } catch (const Error& error) {
        const bool notTaken =
            error.rv() == CKR_OPERATION_NOT_INITIALIZED || error.rv() == CKR_USER_NOT_LOGGED_IN;
        if (!notTaken || !error.isOf(functionName<&List::C_Login>))
            throw;
        return false;
    }
}

CK_OBJECT_HANDLE deriveKey(Session& session, CK_OBJECT_HANDLE base, const TokenObject& key,
                           CK_MECHANISM& mechanism, CK_ULONG size) {
    CK_OBJECT_CLASS type = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    std::array values{CK_ATTRIBUTE{CKA_CLASS, &type, sizeof type},
                      CK_ATTRIBUTE{CKA_KEY_TYPE, &keyType, sizeof keyType},
                      CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_SENSITIVE, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_EXTRACTABLE, &yes, sizeof yes},
                      CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof size}};
    CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
    const auto call = [&] {
        return session.call<&List::C_DeriveKey>(&mechanism, base, values.data(),
                                                CK_ULONG{values.size()}, &derived);
    };
    CK_RV rv = call();
    if (rv == CKR_USER_NOT_LOGGED_IN && key.attributes().flag(CKA_ALWAYS_AUTHENTICATE, false) &&
        loginForUse(session))
        rv = call();
    if (rv == CKR_OK)
        return derived;
    const auto error = callFailed(functionName<&List::C_DeriveKey>, rv, key.describe());
    if (remedyFor(error) != Remedy::none) // else nothing has begun: the session stays good
        session.setFailed(rv);
    throw error;
}

std::size_t readValue(Session& session, CK_OBJECT_HANDLE derived, const TokenObject& key,
                      std::span<unsigned char> out) {
    CK_ATTRIBUTE value{CKA_VALUE, out.data(), out.size()};
    const CK_RV rv = session.call<&List::C_GetAttributeValue>(derived, &value, CK_ULONG{1});
    const bool tooLong = rv == CKR_OK && value.ulValueLen > out.size();
    if (rv == CKR_OK && !tooLong)
        return value.ulValueLen;
    // The derived key goes with its session, whatever the token would say to C_DestroyObject now.
    session.setFailed(rv);
    const auto subject = "the secret derived with the " + key.describe();
    if (tooLong)
        throw Error(Failure::call,
                    "C_GetAttributeValue claims more bytes than there can be of " + subject,
                    CKR_GENERAL_ERROR);
    throw callFailed(functionName<&List::C_GetAttributeValue>, rv, subject);
}

} // namespace

std::size_t deriveIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, std::span<unsigned char> out) {
    const auto derived = deriveKey(session, handle, key, mechanism, CK_ULONG{out.size()});
    const std::size_t size = readValue(session, derived, key, out);
    const CK_RV rv = session.call<&List::C_DestroyObject>(derived);
    if (rv != CKR_OK) // the secret is good all the same, and ends on the token with the session
        session.setFailed(rv);
    return size;
}

std::size_t derive(TokenObject& key, const CK_MECHANISM& mechanism, std::span<unsigned char> out) {
    const trace::Step step([&key] { return "derive with the " + key.describe(); });
    return key.run([&](Session& session, CK_OBJECT_HANDLE handle) {
        return deriveIn(session, handle, key, mechanism, out);
    });
}

} // namespace pkcs11
