// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/login.h"

#include <chrono>

#include "pkcs11/cryptoki.h"
#include "pkcs11/token.h"

namespace p11::pkcs11 {
namespace {

// Answers of C_Login after which no PIN was looked at.
bool comesBeforeThePin(CK_USER_TYPE user, CK_RV rv) {
    switch (rv) {
    case CKR_OPERATION_NOT_INITIALIZED:
    case CKR_USER_NOT_LOGGED_IN: // which comes before a login for one operation
        return user == CKU_CONTEXT_SPECIFIC;
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_DEVICE_REMOVED:
    case CKR_SESSION_COUNT:
    case CKR_SESSION_READ_ONLY:
    case CKR_USER_TYPE_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED:
        return true;
    default:
        return false;
    }
}

/// The logins that one session makes.
class Login {
  public:
    explicit Login(Session& session)
        : session_(session), pool_(session.sessionPool()), pins_(pool_.pins()),
          flags_(pool_.flags()), options_(pool_.module().options()) {}

    void ofUser(const PinSource& source);
    void forUse(const PinOwner& owner, std::optional<Pin> pin);

  private:
    void once(const PinSource& source, const TokenPins::Turn& turn);
    void keepForLater(const PinSource& source);
    bool hasPinPad() const;
    std::optional<Pin> choosePin(const PinSource& source) const;
    void requireUnlocked();
    void requireWillingness(const TokenPins::Turn& turn) const;
    CK_RV withPin(CK_USER_TYPE user, const std::optional<Pin>& pin, const PinOwner& owner);
    CK_RV call(CK_USER_TYPE user, const std::optional<Pin>& pin);
    CK_RV callOnce(CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size);
    [[noreturn]] void reportNoPin() const;
    [[noreturn]] void reportRefusal(CK_RV rv);
    bool isReadWhileWritten(CK_RV rv) const;
    [[noreturn]] void reportUnclear(CK_USER_TYPE user, CK_RV rv, const std::optional<Pin>& pin,
                                    const PinOwner& owner);

    Session& session_;
    SessionPool& pool_;
    TokenPins& pins_;
    TokenFlags& flags_;
    const ModuleOptions& options_;
};

void Login::ofUser(const PinSource& source) {
    if (!pool_.loggedIn()) {
        const TokenPins::Turn turn(pins_);
        if (!pool_.loggedIn()) {
            once(source, turn);
            pool_.noteLogin();
            return;
        }
    }
    keepForLater(source);
}

// The login may be another instance's, and end with it.
void Login::keepForLater(const PinSource& source) {
    if (!source.given || pins_.hasGood(source.owner))
        return;
    try {
        if (const auto pin = source.given())
            pins_.offer(source.owner, *pin);
    } catch (const Error& error) { // nothing needs it now
        trace::step(error.what());
    }
}

bool Login::hasPinPad() const {
    return flags_.has(CKF_PROTECTED_AUTHENTICATION_PATH) || options_.pinPad;
}

std::optional<Pin> Login::choosePin(const PinSource& source) const {
    if (options_.pinPad)
        return std::nullopt;
    if (source.given)
        if (auto pin = source.given())
            return pin;
    auto known = pins_.of(source.owner);
    if (known && !pins_.wasRefused(source.owner, *known))
        return known;
    if (hasPinPad())
        return std::nullopt;
    if (options_.emptyPin)
        return Pin{std::shared_ptr<const char>(std::shared_ptr<const char>(), ""), 0};
    if (source.asked)
        if (auto pin = source.asked())
            return pin;
    return known;
}

void Login::reportNoPin() const {
    throw Error(
        Failure::login,
        "no PIN for " + pool_.describe() +
            ": none in the URI (pin-value, pin-source), the configuration "
            "(pkcs11-module-token-pin) or the environment (PKCS11_PIN), and none was entered",
        CKR_USER_NOT_LOGGED_IN);
}

void Login::requireUnlocked() {
    if (flags_.stillHas(CKF_USER_PIN_LOCKED))
        throw Error(Failure::login,
                    "the PIN of " + pool_.describe() + " is locked (CKF_USER_PIN_LOCKED)",
                    CKR_PIN_LOCKED);
}

void Login::once(const PinSource& source, const TokenPins::Turn& turn) {
    requireUnlocked();
    const auto pin = choosePin(source);
    if (!pin && !hasPinPad()) {
        if (!flags_.stillHas(CKF_LOGIN_REQUIRED))
            return;
        if (!hasPinPad())
            reportNoPin();
    }
    if (!pin)
        requireWillingness(turn);
    if (withPin(options_.userType, pin, source.owner) == CKR_OK)
        pins_.noteLogin(source.owner, pin);
    else if (pin)
        pins_.offer(source.owner, *pin);
}

// A person who has just refused or cancelled at the PIN pad is not asked once more for each thread.
void Login::requireWillingness(const TokenPins::Turn& turn) const {
    if (turn.padWasRefused())
        throw Error(Failure::login,
                    "the login at the PIN pad of " + pool_.describe() + " has just failed",
                    CKR_FUNCTION_CANCELED);
}

CK_RV Login::callOnce(CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size) {
    const auto& name = options_.userName;
    if (name.empty() || user == CKU_CONTEXT_SPECIFIC)
        return session_.call<&List::C_Login>(user, pin, size);
    return session_.call<&List30::C_LoginUser>(
        user, pin, size, reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(name.data())),
        CK_ULONG{name.size()});
}

// Some tokens open their sessions here, and have none to give before they look at the PIN.
CK_RV Login::call(CK_USER_TYPE user, const std::optional<Pin>& pin) {
    // The C interface takes a pointer to non-const, and modules do not write to it.
    auto* bytes =
        pin ? reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(pin->bytes.get())) : nullptr;
    const auto deadline = std::chrono::steady_clock::now() + SessionPool::sessionWait;
    for (;;) {
        const CK_RV rv = callOnce(user, bytes, pin ? CK_ULONG{pin->size} : 0);
        if (rv != CKR_SESSION_COUNT || std::chrono::steady_clock::now() > deadline)
            return rv;
        pool_.makeRoom(); // which waits if none of ours is idle
    }
}

// Answers CKR_OK or, if somebody else has logged in, CKR_USER_ALREADY_LOGGED_IN.
CK_RV Login::withPin(CK_USER_TYPE user, const std::optional<Pin>& pin, const PinOwner& owner) {
    if (pin && pins_.wasRefused(owner, *pin))
        throw Error(Failure::login,
                    "the PIN given for " + pool_.describe() +
                        " was refused before in this process and is not tried again",
                    CKR_PIN_INCORRECT);
    // reportUnclear() compares with the flags of now. And a token that can't be read gives no clear
    // answer to a login either.
    flags_.require();
    const CK_RV rv = call(user, pin);
    const bool isIn = rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN;
    if (!pin && !isIn && !comesBeforeThePin(user, rv))
        pins_.notePadRefused();
    switch (rv) {
    case CKR_OK:
    case CKR_USER_ALREADY_LOGGED_IN:
        return rv;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        if (pin)
            pins_.noteRefused(owner, *pin);
        reportRefusal(rv);
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
        reportRefusal(rv);
    default:
        reportUnclear(user, rv, pin, owner);
    }
}

// The token may have checked the PIN. So only a PIN that was good before is tried again, and once.
// If the token counts a wrong PIN, it has refused it.
void Login::reportUnclear(CK_USER_TYPE user, CK_RV rv, const std::optional<Pin>& pin,
                          const PinOwner& owner) {
    if (comesBeforeThePin(user, rv))
        session_.fail(functionName<&List::C_Login>, rv);
    constexpr CK_FLAGS wrongPins =
        CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    const CK_FLAGS before = flags_.all();
    flags_.read();
    const bool counted = (flags_.all() & ~before & wrongPins) != 0;
    if (pin && counted)
        pins_.noteRefused(owner, *pin);
    else if (pin && pins_.doubt(owner, *pin))
        session_.fail(functionName<&List::C_Login>, rv);
    session_.discard(rv);
    throw Error(Failure::login, "C_Login answered " + rvName(rv) + " for " + pool_.describe(), rv,
                isReadWhileWritten(rv) ? functionName<&List::C_Login> : nullptr);
}

// SoftHSM read the token's file while another process was writing it, and has not looked at the
// PIN. This lasts until it is restarted.
bool Login::isReadWhileWritten(CK_RV rv) const {
    return rv == CKR_USER_PIN_NOT_INITIALIZED && pool_.token().isOfSoftHsm();
}

void Login::reportRefusal(CK_RV rv) {
    std::string message = "C_Login answered " + rvName(rv) + " for " + pool_.describe();
    flags_.read();
    if (flags_.has(CKF_USER_PIN_LOCKED))
        message += "; the PIN is now locked (CKF_USER_PIN_LOCKED)";
    else if (flags_.has(CKF_USER_PIN_FINAL_TRY))
        message += "; one try is left before the PIN is locked (CKF_USER_PIN_FINAL_TRY)";
    else if (flags_.has(CKF_USER_PIN_COUNT_LOW))
        message += "; a wrong PIN was entered since the last login (CKF_USER_PIN_COUNT_LOW)";
    if (flags_.has(CKF_USER_PIN_TO_BE_CHANGED))
        message += "; the PIN must be changed before use (CKF_USER_PIN_TO_BE_CHANGED)";
    throw Error(Failure::login, message, rv);
}

void Login::forUse(const PinOwner& owner, std::optional<Pin> pin) {
    const TokenPins::Turn turn(pins_);
    if (!pin)
        pin = pins_.of(owner);
    if (!pin && !hasPinPad())
        throw Error(Failure::login,
                    "the key on " + pool_.describe() +
                        " needs the PIN at each use, but no PIN is known",
                    CKR_USER_NOT_LOGGED_IN);
    if (!pin)
        requireWillingness(turn);
    if (withPin(CKU_CONTEXT_SPECIFIC, pin, owner) == CKR_OK && pin)
        pins_.noteGood(owner, *pin);
}

} // namespace

void logInAsUser(Session& session, const PinSource& source) {
    Login(session).ofUser(source);
}

void logInForUse(Session& session, const PinOwner& owner, std::optional<Pin> pin) {
    Login(session).forUse(owner, std::move(pin));
}

} // namespace p11::pkcs11
