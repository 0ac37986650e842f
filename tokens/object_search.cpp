// SPDX-License-Identifier: Apache-2.0
#include "tokens/object_search.h"

#include "ossl/error_mark.h"
#include "ossl/handles.h"
#include "pkcs11/error.h"
#include "pkcs11/login.h"

namespace p11::tokens {
namespace {

// Modules that use OpenSSL find its algorithms in the process's default library context. If there
// are none, SoftHSM takes a right PIN for a wrong one.
bool modulesHaveAlgorithms() {
    const ossl::ErrorMark mark;
    return ossl::Md(EVP_MD_fetch(nullptr, "SHA2-256", nullptr)) != nullptr;
}

} // namespace

pkcs11::ObjectQuery byIdOrLabel(CK_OBJECT_CLASS type, const pkcs11::Bytes& id,
                                const std::string& label) {
    if (!id.empty())
        return {type, std::nullopt, id};
    return {type, label, std::nullopt};
}

void logIn(pkcs11::Session& session, const pkcs11::PinSource& pins) {
    try {
        pkcs11::logInAsUser(session, pins);
    } catch (const pkcs11::Error& error) {
        if (error.rv() != CKR_PIN_INCORRECT || modulesHaveAlgorithms())
            throw;
        throw pkcs11::Error(
            error.failure(),
            error.what() +
                std::string(
                    "; the PIN may be right: no provider of digests is active, but modules like "
                    "SoftHSM need one: add -provider default, or activate it in openssl.cnf"),
            error.rv());
    }
}

namespace {

// Some tokens show keys to everybody, but nobody can use them without a login.
std::vector<CK_OBJECT_HANDLE> findWithLoginIfPossible(pkcs11::Session& session,
                                                      const pkcs11::ObjectQuery& query,
                                                      const pkcs11::PinSource& pins) {
    try {
        logIn(session, pins);
    } catch (const pkcs11::Error& error) {
        const bool noPin =
            error.failure() == pkcs11::Failure::login && error.rv() == CKR_USER_NOT_LOGGED_IN;
        auto handles =
            noPin ? pkcs11::findObjects(session, query) : std::vector<CK_OBJECT_HANDLE>();
        if (handles.empty())
            throw;
        return handles;
    }
    return pkcs11::findLoggedIn(session, query);
}

} // namespace

std::vector<CK_OBJECT_HANDLE> find(pkcs11::SessionPool& pool, pkcs11::Session& session,
                                   const pkcs11::ObjectQuery& query, Login login,
                                   const pkcs11::PinSource& pins) {
    if (login == Login::ifPossible && pool.loginRequired())
        return findWithLoginIfPossible(session, query, pins);
    // If somebody has logged in already, this costs no call. It keeps the PIN for later logins.
    const bool first = login == Login::first || (login != Login::never && pool.loggedIn());
    if (first)
        logIn(session, pins);
    auto handles =
        first ? pkcs11::findLoggedIn(session, query) : pkcs11::findObjects(session, query);
    if (!handles.empty() || first || login == Login::never)
        return handles;
    logIn(session, pins);
    return pkcs11::findLoggedIn(session, query);
}

} // namespace p11::tokens
