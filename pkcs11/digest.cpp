// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/digest.h"

#include "pkcs11/recovery.h"

namespace p11::pkcs11 {
namespace {

void begin(Session& session, CK_MECHANISM_TYPE type, const LogIn& logIn) {
    CK_MECHANISM mechanism{type, nullptr, 0};
    const CK_RV rv = session.call<&List::C_DigestInit>(&mechanism);
    if (rv == CKR_OK)
        return;
    if (!session.lacksFirstLogin(rv))
        session.fail(functionName<&List::C_DigestInit>, rv);
    logIn(session);
    session.require<&List::C_DigestInit>(&mechanism);
}

Session beginWith(Token& token, CK_MECHANISM_TYPE mechanism, const LogIn& logIn, ByteView data) {
    return withSessionPool(token, [&](const auto& pool) {
        Session session = pool->take();
        begin(session, mechanism, logIn);
        session.template require<&List::C_DigestUpdate>(pointerTo(data), CK_ULONG{data.size()});
        return session;
    });
}

[[noreturn]] void cannotCopy(const SessionPool& pool, const std::string& reason, CK_RV rv) {
    throw Error(Failure::unsupported,
                pool.describe() + " cannot copy the digest of so much data: " + reason, rv);
}

} // namespace

std::size_t digest(Token& token, CK_MECHANISM_TYPE mechanism, const LogIn& logIn, ByteView data,
                   MutableBytes out) {
    const trace::Step step([&token] { return "digest with " + token.describe(); });
    return withSessionPool(token, [&](const auto& pool) {
        Session session = pool->take();
        begin(session, mechanism, logIn);
        auto size = static_cast<CK_ULONG>(out.size());
        session.template require<&List::C_Digest>(pointerTo(data), CK_ULONG{data.size()},
                                                  out.data(), &size);
        return std::size_t{size};
    });
}

DigestStream::DigestStream(Token& token, CK_MECHANISM_TYPE mechanism, const LogIn& logIn,
                           ByteView data)
    : session_(beginWith(token, mechanism, logIn, data)) {}

DigestStream::~DigestStream() {
    if (!ended_)
        session_.discard();
}

// Throws an error that says what a loss means here.
template <auto Member, typename... Args>
void DigestStream::require(Args... args) {
    try {
        session_.require<Member>(args...);
    } catch (const Error& error) {
        if (!invalidatesSessions(error.rv()))
            throw;
        throw Error(Failure::call,
                    std::string("the digest was lost with its session, start a new one: ") +
                        error.what(),
                    error.rv(), functionName<Member>);
    }
}

void DigestStream::update(ByteView data) {
    require<&List::C_DigestUpdate>(pointerTo(data), CK_ULONG{data.size()});
}

std::size_t DigestStream::finish(MutableBytes out) {
    auto size = static_cast<CK_ULONG>(out.size());
    require<&List::C_DigestFinal>(out.data(), &size);
    ended_ = true;
    return size;
}

// The state has the end of the data.
SecretBytes DigestStream::state() {
    const auto& pool = session_.sessionPool();
    if (pool.module().options().noOperationState)
        cannotCopy(pool, "the quirk no-operation-state is set", CKR_OK);
    CK_ULONG size = 0;
    CK_RV rv = session_.call<&List::C_GetOperationState>(CK_BYTE_PTR{nullptr}, &size);
    SecretBytes state;
    if (rv == CKR_OK) {
        state.resize(size);
        rv = session_.call<&List::C_GetOperationState>(state.data(), &size);
    }
    if (rv != CKR_OK)
        cannotCopy(pool,
                   callFailed(functionName<&List::C_GetOperationState>, rv, pool.describe()).what(),
                   rv);
    state.resize(size);
    return state;
}

std::unique_ptr<DigestStream> DigestStream::copy() {
    auto saved = state();
    auto session = session_.sessionPool().take();
    session.require<&List::C_SetOperationState>(saved.data(), CK_ULONG{saved.size()},
                                                CK_OBJECT_HANDLE{0}, CK_OBJECT_HANDLE{0});
    return std::unique_ptr<DigestStream>(new DigestStream(std::move(session)));
}

} // namespace p11::pkcs11
