// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/derivation.h"

#include <array>

#include "pkcs11/cryptoki.h"
#include "pkcs11/key_use.h"

namespace p11::pkcs11 {
namespace {

// PKCS#11 places the login for a CKA_ALWAYS_AUTHENTICATE key after C_...Init (2.40, section 4.9),
// and C_DeriveKey has none. So a token need not ask for this login, and may refuse it. Then it is
// the ordinary login that is lost, and this returns false.
bool loginForUse(Session& session, const TokenObject& key) {
    try {
        key.contextLogin(session);
        return true;
    } catch (const Error& error) {
        const CK_RV rv = error.rv();
        const bool notTaken = rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_USER_NOT_LOGGED_IN ||
                              rv == CKR_USER_TYPE_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED;
        if (!notTaken || !error.isOf(functionName<&List::C_Login>))
            throw;
        return false;
    }
}

// An answer that the peer's data may have caused can also mean that the session is gone. No other
// call comes before C_DeriveKey, so the session is asked now. Throws if it is lost.
void requireSession(Session& session) {
    CK_SESSION_INFO info{};
    session.require<&List::C_GetSessionInfo>(&info);
    const bool isUsers = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
    if (session.sessionPool().loggedIn() && session.sessionPool().loginRequired() && !isUsers)
        session.fail(functionName<&List::C_GetSessionInfo>, CKR_USER_NOT_LOGGED_IN);
}

using Template = std::span<CK_ATTRIBUTE>;

// The template of the secret key of `size` bytes. The token must make it readable. `form` adds what
// some tokens insist on (Token::DerivedKey, in its order).
class SecretTemplate {
  public:
    SecretTemplate(CK_ULONG size, unsigned form) : size_(size) {
        if (form >= Token::derivable)
            add(CKA_DERIVE, yes_);
        if (form == Token::privateToo)
            add(CKA_PRIVATE, yes_);
        if (form != Token::withoutLength)
            add(CKA_VALUE_LEN, size_);
    }
    SecretTemplate(const SecretTemplate&) = delete;
    SecretTemplate& operator=(const SecretTemplate&) = delete;

    Template values() { return Template(values_).first(count_); }

  private:
    template <typename Value>
    void add(CK_ATTRIBUTE_TYPE type, Value& value) {
        values_[count_++] = {type, &value, sizeof value};
    }

    CK_OBJECT_CLASS type_ = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType_ = CKK_GENERIC_SECRET;
    CK_BBOOL yes_ = CK_TRUE;
    CK_BBOOL no_ = CK_FALSE;
    CK_ULONG size_;
    std::array<CK_ATTRIBUTE, 8> values_{CK_ATTRIBUTE{CKA_CLASS, &type_, sizeof type_},
                                        CK_ATTRIBUTE{CKA_KEY_TYPE, &keyType_, sizeof keyType_},
                                        CK_ATTRIBUTE{CKA_TOKEN, &no_, sizeof no_},
                                        CK_ATTRIBUTE{CKA_SENSITIVE, &no_, sizeof no_},
                                        CK_ATTRIBUTE{CKA_EXTRACTABLE, &yes_, sizeof yes_}};
    std::size_t count_ = 5;
};

// These answers blame the template, not the peer's data.
bool isTemplateRefusal(CK_RV rv) {
    return rv == CKR_TEMPLATE_INCOMPLETE || rv == CKR_TEMPLATE_INCONSISTENT ||
           rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
           rv == CKR_ATTRIBUTE_READ_ONLY;
}

// What fixes the size of a secret: the mechanism with the key, or only the request.
enum class SizeFrom { mechanism, request };

// Uses the form that the token has accepted before, or else the first that it accepts. A token that
// gets no length chooses one, so the last form is only for secrets of a fixed size.
template <typename Make>
CK_RV makeInSomeForm(Token& token, CK_ULONG size, SizeFrom sizeFrom, CK_OBJECT_HANDLE& made,
                     Make&& make) {
    const unsigned known = token.derivedKey();
    const unsigned end =
        sizeFrom == SizeFrom::mechanism ? Token::derivedKeys : Token::withoutLength;
    const unsigned begin = known < end ? known : Token::plain;
    CK_RV first = CKR_OK;
    for (unsigned form = begin; form < end; ++form) {
        SecretTemplate wanted(size, form);
        const CK_RV rv = make(wanted.values(), made);
        if (rv == CKR_OK && form > known)
            token.noteDerivedKey(form);
        if (!isTemplateRefusal(rv))
            return rv;
        first = form == begin ? rv : first;
    }
    return first;
}

// Makes a readable object on the token. `make` gets a place for the handle, and calls `function`.
template <typename Make>
CK_OBJECT_HANDLE makeObject(Session& session, const TokenObject& key, const char* function,
                            Make&& make) {
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_RV rv = make(made);
    if (rv == CKR_USER_NOT_LOGGED_IN && key.attributes().flag(CKA_ALWAYS_AUTHENTICATE, false) &&
        loginForUse(session, key))
        rv = make(made);
    if (rv == CKR_OK)
        return made;
    const auto error = callFailed(function, rv, key.describe());
    if (mayBlamePeer(error))
        requireSession(session);
    else
        discardUnlessGood(session, error);
    throw error;
}

// Makes a readable secret key of `size` bytes. `make` also gets the template.
template <typename Make>
CK_OBJECT_HANDLE makeSecret(Session& session, const TokenObject& key, const char* function,
                            CK_ULONG size, SizeFrom sizeFrom, Make&& make) {
    return makeObject(session, key, function, [&](CK_OBJECT_HANDLE& made) {
        return makeInSomeForm(key.token(), size, sizeFrom, made, make);
    });
}

std::size_t readValue(Session& session, CK_OBJECT_HANDLE derived, const TokenObject& key,
                      MutableBytes out) {
    CK_ATTRIBUTE value{CKA_VALUE, out.data(), out.size()};
    const CK_RV rv = session.call<&List::C_GetAttributeValue>(derived, &value, CK_ULONG{1});
    const bool tooLong = rv == CKR_OK && value.ulValueLen > out.size();
    if (rv == CKR_OK && !tooLong)
        return value.ulValueLen;
    // The derived key ends with its session, so C_DestroyObject is not needed.
    session.discard(rv);
    const auto subject = "the secret derived with the " + key.describe();
    if (tooLong)
        throw Error(Failure::call,
                    "C_GetAttributeValue claims more bytes than are possible for " + subject,
                    CKR_GENERAL_ERROR);
    throw callFailed(functionName<&List::C_GetAttributeValue>, rv, subject);
}

std::size_t deriveIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, SizeFrom sizeFrom, MutableBytes out) {
    const auto derive = [&](Template values, CK_OBJECT_HANDLE& derived) {
        return session.call<&List::C_DeriveKey>(&mechanism, handle, values.data(),
                                                CK_ULONG{values.size()}, &derived);
    };
    const auto secret =
        makeSecret(session, key, functionName<&List::C_DeriveKey>, out.size(), sizeFrom, derive);
    return takeSecret(session, secret, key, out);
}

std::size_t derive(TokenObject& key, const CK_MECHANISM& mechanism, SizeFrom sizeFrom,
                   MutableBytes out) {
    return useKey(key, {"derive", mechanism.mechanism}, out, [&] {
        return key.use([&](Session& session, CK_OBJECT_HANDLE handle) {
            return deriveIn(session, handle, key, mechanism, sizeFrom, out);
        });
    });
}

} // namespace

std::size_t takeSecret(Session& session, CK_OBJECT_HANDLE secret, const TokenObject& key,
                       MutableBytes out) {
    const std::size_t size = readValue(session, secret, key, out);
    const CK_RV rv = session.call<&List::C_DestroyObject>(secret);
    if (rv != CKR_OK) // the secret is good all the same, and ends on the token with the session
        session.discard(rv);
    return size;
}

std::size_t deriveIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, MutableBytes out) {
    return useKey(
        key, {.operation = "derive", .mechanism = mechanism.mechanism, .isProof = true}, out,
        [&] { return deriveIn(session, handle, key, mechanism, SizeFrom::mechanism, out); });
}

std::size_t derive(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out) {
    return derive(key, mechanism, SizeFrom::mechanism, out);
}

std::size_t deriveOfSize(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out) {
    return derive(key, mechanism, SizeFrom::request, out);
}

namespace {

std::size_t deriveObject(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out) {
    CK_OBJECT_CLASS type = CKO_DATA;
    CK_BBOOL no = CK_FALSE;
    auto size = static_cast<CK_ULONG>(out.size());
    std::array<CK_ATTRIBUTE, 3> values{CK_ATTRIBUTE{CKA_CLASS, &type, sizeof type},
                                       CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no},
                                       CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof size}};
    return key.run([&](Session& session, CK_OBJECT_HANDLE handle) {
        auto given = mechanism;
        const auto derive = [&](CK_OBJECT_HANDLE& made) {
            return session.call<&List::C_DeriveKey>(&given, handle, values.data(),
                                                    CK_ULONG{values.size()}, &made);
        };
        return takeSecret(
            session, makeObject(session, key, functionName<&List::C_DeriveKey>, derive), key, out);
    });
}

std::size_t decapsulateWith(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                            ByteView ciphertext, MutableBytes out) {
    CK_MECHANISM mechanism{CKM_ML_KEM, nullptr, 0};
    const auto decapsulate = [&](Template values, CK_OBJECT_HANDLE& secret) {
        return session.call<&List32::C_DecapsulateKey>(
            &mechanism, handle, values.data(), CK_ULONG{values.size()},
            const_cast<CK_BYTE_PTR>(ciphertext.data()), CK_ULONG{ciphertext.size()}, &secret);
    };
    return takeSecret(session,
                      makeSecret(session, key, functionName<&List32::C_DecapsulateKey>, out.size(),
                                 SizeFrom::mechanism, decapsulate),
                      key, out);
}

} // namespace

std::size_t deriveData(TokenObject& key, const CK_MECHANISM& mechanism, MutableBytes out) {
    return useKey(key, {"derive", mechanism.mechanism}, out,
                  [&] { return deriveObject(key, mechanism, out); });
}

std::size_t decapsulateIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                          ByteView ciphertext, MutableBytes out) {
    return useKey(key, {.operation = "decapsulate", .mechanism = CKM_ML_KEM, .isProof = true}, out,
                  [&] { return decapsulateWith(session, handle, key, ciphertext, out); });
}

std::size_t decapsulate(TokenObject& key, ByteView ciphertext, MutableBytes out) {
    try {
        return useKey(key, {"decapsulate", CKM_ML_KEM}, out, [&] {
            return key.use([&](Session& session, CK_OBJECT_HANDLE handle) {
                return decapsulateWith(session, handle, key, ciphertext, out);
            });
        });
    } catch (const Error& error) {
        if (error.rv() != CKR_FUNCTION_NOT_SUPPORTED)
            throw;
        throw Error(Failure::unsupported,
                    error.what() + std::string("; this needs a module with PKCS#11 3.2"),
                    error.rv());
    }
}

} // namespace p11::pkcs11
