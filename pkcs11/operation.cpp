// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/operation.h"

#include <optional>

#include "pkcs11/ciphertext_answer.h"
#include "pkcs11/constant_time.h"
#include "pkcs11/mechanism.h"

namespace p11::pkcs11 {
namespace {

// Not part of what recovery repeats, because a module that counts wrongly does so each time.
std::size_t requireRoom(std::size_t size, MutableBytes out, const char* function) {
    if (size > out.size())
        throw Error(Failure::call, std::string(function) + " claims more bytes than its buffer has",
                    CKR_GENERAL_ERROR);
    return size;
}

// The attribute that an operation needs.
template <auto Init>
constexpr const char* usage = "usage";
template <>
constexpr const char* usage<&List::C_SignInit> = "CKA_SIGN";
template <>
constexpr const char* usage<&List30::C_MessageSignInit> = "CKA_SIGN";
template <>
constexpr const char* usage<&List::C_DecryptInit> = "CKA_DECRYPT";
template <>
constexpr const char* usage<&List::C_EncryptInit> = "CKA_ENCRYPT";

// If C_...Init only refuses the key or the mechanism, the session stays good.
template <auto Init>
void refuseIfNotBegun(CK_RV rv, const TokenObject& key) {
    const bool notPermittedToKey = rv == CKR_KEY_FUNCTION_NOT_PERMITTED;
    if (!notPermittedToKey && !isMechanismRefusal(rv))
        return;
    const auto refusal = callFailed(functionName<Init>, rv, key.describe());
    throw notPermittedToKey ? notPermitted(refusal, usage<Init>) : refusal;
}

// Some tokens have the attribute but no such login. Then the operation shows whether they need it.
void loginForUse(Session& session, const TokenObject& key) {
    try {
        key.contextLogin(session);
    } catch (const Error& error) {
        if (error.rv() != CKR_USER_TYPE_INVALID && error.rv() != CKR_FUNCTION_NOT_SUPPORTED)
            throw;
        trace::step(error.what());
    }
}

template <auto Init>
ActiveOperation begin(Session& session, CK_OBJECT_HANDLE handle, CK_MECHANISM mechanism,
                      const TokenObject& key) {
    const CK_RV rv = session.call<Init>(&mechanism, handle);
    refuseIfNotBegun<Init>(rv, key);
    if (session.lacksFirstLogin(rv))
        throw callFailed(functionName<Init>, rv, session.sessionPool().describe());
    if (rv != CKR_OK)
        session.fail(functionName<Init>, rv);
    return ActiveOperation(session);
}

bool asksAtEachUse(const TokenObject& key) {
    return key.attributes().flag(CKA_ALWAYS_AUTHENTICATE, false);
}

// If the token hides CKA_ALWAYS_AUTHENTICATE, the first refusal may mean it. Nothing else may be
// learned from `rv`, because it may depend on somebody's data.
bool mayAskAtEachUse(Session& session, const TokenObject& key, CK_RV rv) {
    return constant_time::declassify(constant_time::isEqual(rv, CKR_USER_NOT_LOGGED_IN)) &&
           !key.attributes().has(CKA_ALWAYS_AUTHENTICATE) && session.sessionPool().loggedIn() &&
           session.isLoggedIn();
}

struct Answer {
    CK_RV rv;
    std::size_t size;
};

// Calls C_...Init and the operation itself. Every answer ends the operation (PKCS#11 2.40, section
// 5.2) except CKR_BUFFER_TOO_SMALL, after which the caller discards the session.
template <auto Init, auto Final>
Answer answerIn(Session& session, CK_OBJECT_HANDLE handle, const CK_MECHANISM& mechanism,
                const TokenObject& key, ByteView data, MutableBytes out) {
    for (bool asks = asksAtEachUse(key);; asks = true) {
        auto active = begin<Init>(session, handle, mechanism, key);
        if (asks)
            loginForUse(session, key);
        auto size = static_cast<CK_ULONG>(out.size());
        const CK_RV rv =
            session.call<Final>(pointerTo(data), CK_ULONG{data.size()}, out.data(), &size);
        active.end();
        if (asks || !mayAskAtEachUse(session, key, rv))
            return {rv, size};
    }
}

// Discards the session if the answer says something against it.
template <auto Init, auto Final>
std::size_t performIn(Session& session, CK_OBJECT_HANDLE handle, const CK_MECHANISM& mechanism,
                      const TokenObject& key, ByteView data, MutableBytes out) {
    const auto answer = answerIn<Init, Final>(session, handle, mechanism, key, data, out);
    if (answer.rv == CKR_OK)
        return answer.size;
    const auto error = callFailed(functionName<Final>, answer.rv, key.describe());
    const bool isSpoiled = remedyFor(error) != Remedy::none && !session.lacksFirstLogin(answer.rv);
    if (isSpoiled || answer.rv == CKR_BUFFER_TOO_SMALL)
        session.discard(answer.rv);
    throw error;
}

template <auto Init, auto Final>
std::size_t perform(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                    MutableBytes out) {
    const auto size = key.use([&](Session& session, CK_OBJECT_HANDLE handle) {
        return performIn<Init, Final>(session, handle, mechanism, key, data, out);
    });
    return requireRoom(size, out, functionName<Final>);
}

DecryptAnswer decryptIn(Session& session, CK_OBJECT_HANDLE handle, const CK_MECHANISM& mechanism,
                        const TokenObject& key, ByteView data, MutableBytes out) {
    const auto [rv, size] = answerIn<&List::C_DecryptInit, &List::C_Decrypt>(
        session, handle, mechanism, key, data, out);
    if (isApartFromData(rv)) {
        session.discard(rv);
        if (rv != CKR_BUFFER_TOO_SMALL)
            throw callFailed(functionName<&List::C_Decrypt>, rv, key.describe());
    }
    return {rv, size};
}

// Calls C_SignMessage alone if the operation is active in the session. Returns nothing if the token
// refuses to start it.
std::optional<std::size_t> signMessage(TokenObject& key, CK_MECHANISM mechanism,
                                       MessageSigning signing, ByteView data, MutableBytes out) {
    const auto take = [&signing](SessionPool& pool, CK_OBJECT_HANDLE handle) {
        signing.key = handle;
        return pool.take(signing);
    };
    return key.run(take, [&](Session& session, CK_OBJECT_HANDLE handle) {
        signing.key = handle;
        if (!session.begun()) {
            const CK_RV rv = session.call<&List30::C_MessageSignInit>(&mechanism, handle);
            if (isMechanismRefusal(rv) || rv == CKR_FUNCTION_NOT_SUPPORTED) {
                session.sessionPool().mechanisms().noteNoMessages(mechanism.mechanism, rv);
                return std::optional<std::size_t>();
            }
            refuseIfNotBegun<&List30::C_MessageSignInit>(rv, key);
            if (rv != CKR_OK)
                session.fail(functionName<&List30::C_MessageSignInit>, rv);
            session.sessionPool().mechanisms().noteMessages(mechanism.mechanism);
            session.setBegun(signing);
        }
        auto size = static_cast<CK_ULONG>(out.size());
        session.require<&List30::C_SignMessage>(CK_VOID_PTR{nullptr}, CK_ULONG{0}, pointerTo(data),
                                                CK_ULONG{data.size()}, out.data(), &size);
        return std::optional(std::size_t{size});
    });
}

// The operation to start, or nothing if the token does not sign message after message.
std::optional<MessageSigning> messageSigning(const TokenObject& key,
                                             const CK_MECHANISM& mechanism) {
    if (!key.token().module().signsMessages() ||
        key.attributes().flag(CKA_ALWAYS_AUTHENTICATE, false) ||
        !withSessionPool(key.token(), [&mechanism](const auto& pool) {
            return pool->mechanisms().signsMessages(mechanism.mechanism);
        }))
        return std::nullopt;
    return MessageSigning::of(mechanism);
}

// By the message functions where the token has them.
std::size_t signInSomeWay(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                          MutableBytes out) {
    if (const auto signing = messageSigning(key, mechanism))
        if (const auto size = signMessage(key, mechanism, *signing, data, out))
            return requireRoom(*size, out, functionName<&List30::C_SignMessage>);
    return perform<&List::C_SignInit, &List::C_Sign>(key, mechanism, data, out);
}

} // namespace

std::size_t sign(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data, MutableBytes out,
                 const SignedHash& hash) {
    return useKey(key, {"sign", mechanism.mechanism, hash}, out,
                  [&] { return signInSomeWay(key, mechanism, data, out); });
}

std::size_t signIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                   const CK_MECHANISM& mechanism, ByteView data, MutableBytes out) {
    return useKey(key, {.operation = "sign", .mechanism = mechanism.mechanism, .isProof = true},
                  out, [&] {
                      const auto size = performIn<&List::C_SignInit, &List::C_Sign>(
                          session, handle, mechanism, key, data, out);
                      return requireRoom(size, out, functionName<&List::C_Sign>);
                  });
}

DecryptAnswer answerOfDecrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                              MutableBytes out) {
    return useKey(key,
                  {.operation = "decrypt", .mechanism = mechanism.mechanism, .isDecryption = true},
                  out, [&] {
                      return key.use([&](Session& session, CK_OBJECT_HANDLE handle) {
                          return decryptIn(session, handle, mechanism, key, data, out);
                      });
                  });
}

std::size_t decrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                    MutableBytes out) {
    const auto answer = answerOfDecrypt(key, mechanism, data, out);
    if (answer.rv != CKR_OK)
        throw callFailed(functionName<&List::C_Decrypt>, answer.rv, key.describe());
    return requireRoom(answer.size, out, functionName<&List::C_Decrypt>);
}

std::size_t encrypt(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data,
                    MutableBytes out) {
    return useKey(key, {"encrypt", mechanism.mechanism}, out, [&] {
        return perform<&List::C_EncryptInit, &List::C_Encrypt>(key, mechanism, data, out);
    });
}

bool isMechanismRefusal(CK_RV rv) {
    return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID ||
           rv == CKR_ARGUMENTS_BAD;
}

bool isRefusedAtInit(const Error& error) {
    const bool isInit = error.isOf(functionName<&List::C_SignInit>) ||
                        error.isOf(functionName<&List::C_DecryptInit>) ||
                        error.isOf(functionName<&List::C_EncryptInit>);
    return isInit && isMechanismRefusal(error.rv());
}

bool takes(const TokenObject& key, CK_MECHANISM_TYPE mechanism) {
    return key.attributes().allow(mechanism) &&
           withSessionPool(key.token(), [mechanism](const auto& pool) {
               return pool->mechanisms().offers(mechanism);
           });
}

bool takes(const TokenObject& key, CK_MECHANISM_TYPE mechanism, CK_FLAGS use) {
    return takes(key, mechanism) &&
           withSessionPool(key.token(), [mechanism, use](const auto& pool) {
               return pool->mechanisms().offers(mechanism, use);
           });
}

bool listsHashes(const TokenObject& key, CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf1) {
    const auto isListed = [&key](CK_MECHANISM_TYPE type) {
        return !isSha3(type) || withSessionPool(key.token(), [type](const auto& pool) {
            return pool->mechanisms().offers(type);
        });
    };
    const auto* ofMgf1 = hashOfMgf1(mgf1);
    return isListed(hash) && (ofMgf1 == nullptr || isListed(ofMgf1->hash));
}

} // namespace p11::pkcs11
