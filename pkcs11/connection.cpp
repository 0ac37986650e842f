// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/connection.h"

#include <algorithm>
#include <chrono>

#include "pkcs11/cryptoki.h"
#include "pkcs11/process.h"

namespace pkcs11 {
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

constexpr auto sessionWait = std::chrono::seconds(60);
// How often a waiter asks the token itself: another process may have given sessions back.
constexpr auto sessionRetry = std::chrono::seconds(1);

} // namespace

std::optional<MessageSigning> MessageSigning::of(const CK_MECHANISM& mechanism) {
    MessageSigning signing;
    signing.type = mechanism.mechanism;
    signing.parameterSize = mechanism.ulParameterLen;
    const bool pointsElsewhere = signing.type == CKM_ML_DSA && signing.parameterSize != 0;
    if (pointsElsewhere || signing.parameterSize > signing.parameter.size())
        return std::nullopt;
    std::copy_n(static_cast<const unsigned char*>(mechanism.pParameter), signing.parameterSize,
                signing.parameter.begin());
    return signing;
}

Session::~Session() {
    if (connection_)
        connection_->giveBack(*this);
}

Module& Session::module() const {
    return connection_->module();
}

Epoch Session::epoch() const {
    return connection_->epoch();
}

void Session::fail(const char* function, CK_RV rv) {
    setFailed(rv);
    throw callFailed(function, rv, connection_->describe());
}

bool Session::isLoggedIn() {
    CK_SESSION_INFO info{};
    const CK_RV rv = call<&List::C_GetSessionInfo>(&info);
    if (isConnectionLoss(rv))
        fail(functionName<&List::C_GetSessionInfo>, rv);
    return rv != CKR_OK ||
           (info.state != CKS_RO_PUBLIC_SESSION && info.state != CKS_RW_PUBLIC_SESSION);
}

Connection::Connection(TokenAccess& access, Epoch epoch, CK_SLOT_ID slot, CK_FLAGS flags)
    : access_(access), slot_(slot), flags_(flags),
      // one at least: the login lasts as long as a session does (PKCS#11 2.40, section 2.6.5)
      maxIdle_(std::max<std::size_t>(access.module().options().maxIdleSessions, 1)),
      readWrite_(access.needsReadWrite()), epoch_(epoch), generation_(process::generation()) {}

void TokenAccess::add(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(process::stateMutex());
    std::erase_if(connections_, [](const auto& one) { return one.expired(); });
    connections_.push_back(connection);
}

std::size_t TokenAccess::sessionsElsewhere(const Connection& connection) const {
    std::vector<std::shared_ptr<Connection>> others;
    {
        const std::lock_guard lock(process::stateMutex());
        for (const auto& one : connections_)
            if (auto other = one.lock(); other && other.get() != &connection)
                others.push_back(std::move(other));
    }
    std::size_t sum = 0;
    for (const auto& other : others)
        if (!other->isFromBeforeFork() && other->epoch() == module_.epoch())
            sum += other->countedSessions();
    return sum;
}

std::size_t Connection::sessionsOfToken() const {
    return openSessions() + access_.sessionsElsewhere(*this);
}

bool Connection::isFromBeforeFork() const {
    return generation_ != process::generation();
}

bool Connection::valid() const {
    return !lost_.load() && epoch_ == module().epoch();
}

// One that is begun as wanted, or else one in which nothing is; where the token has no more to
// give, any.
std::optional<Connection::Idle> Connection::takeIdle(const MessageSigning* wanted, bool any) {
    const auto last = [this](auto fits) {
        return std::find_if(idle_.rbegin(), idle_.rend(), fits);
    };
    auto found = wanted != nullptr
                     ? last([wanted](const Idle& idle) { return idle.begun == *wanted; })
                     : idle_.rend();
    if (found == idle_.rend())
        found = last([](const Idle& idle) { return !idle.begun; });
    if (found == idle_.rend() && any)
        found = idle_.rbegin();
    if (found == idle_.rend())
        return std::nullopt;
    const Idle taken = *found;
    idle_.erase(std::next(found).base());
    return taken;
}

CK_RV Connection::open(CK_SESSION_HANDLE& handle, CK_FLAGS flags) {
    const auto call = [&](CK_FLAGS kind) {
        return module().callIn<&List::C_OpenSession>(
            epoch_, slot_, CK_FLAGS{CKF_SERIAL_SESSION | kind}, CK_VOID_PTR{nullptr},
            CK_NOTIFY{nullptr}, &handle);
    };
    CK_RV rv = call(readWrite_ ? CKF_RW_SESSION : flags);
    // Some modules have no read-only sessions, and say so in words that may mean anything.
    const bool refused =
        rv == CKR_SESSION_READ_ONLY || (rv == CKR_FUNCTION_FAILED && sessionsOfToken() == 0);
    if (refused && !readWrite_ && flags == 0 && call(CKF_RW_SESSION) == CKR_OK) {
        access_.noteReadWrite();
        readWrite_ = true;
        rv = CKR_OK;
    }
    const std::lock_guard lock(mutex_);
    open_ += rv == CKR_OK ? 1 : 0;
    return rv;
}

// Modules have other names for CKR_SESSION_COUNT. While sessions of ours are open the token is
// there, and it is not for another reason that it gives no more.
bool Connection::saysFull(CK_RV rv) const {
    const bool otherName =
        rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_MEMORY || rv == CKR_ARGUMENTS_BAD;
    return rv == CKR_SESSION_COUNT || (otherName && sessionsOfToken() > 0);
}

bool Connection::isLimited() const {
    return module().options().maxSessions != 0;
}

// Sessions of connections that were dropped, which somebody still uses, count against the limit.
std::size_t Connection::countElsewhere() const {
    return isLimited() ? access_.sessionsElsewhere(*this) : 0;
}

// With the lock held. So do those that are being opened.
bool Connection::mayOpen(std::size_t elsewhere) const {
    const auto most = module().options().maxSessions;
    return !full_ && (most == 0 || open_ + opening_ + elsewhere < most);
}

// As open(), for which the caller has found that it may.
CK_RV Connection::openCounted(std::unique_lock<std::mutex>& lock, CK_SESSION_HANDLE& handle,
                              CK_FLAGS flags) {
    ++opening_;
    lock.unlock();
    const CK_RV rv = open(handle, flags);
    lock.lock();
    --opening_;
    return rv;
}

Session Connection::take() {
    return take(nullptr);
}

Session Connection::take(const MessageSigning& wanted) {
    return take(&wanted);
}

Session Connection::take(const MessageSigning* wanted) {
    const auto deadline = std::chrono::steady_clock::now() + sessionWait;
    CK_RV refusal = CKR_SESSION_COUNT; // of our own limit, until the token itself refuses
    for (;;) {
        const auto elsewhere = countElsewhere();
        std::unique_lock lock(mutex_);
        if (const auto idle = takeIdle(wanted, !mayOpen(elsewhere))) {
            Session session(shared_from_this(), idle->handle, idle->begun);
            if (!idle->begun || (wanted != nullptr && *idle->begun == *wanted))
                return session;
            lock.unlock();
            if (endMessages(session))
                return session;
            session.setUnusable();
            continue;
        }
        if (mayOpen(elsewhere)) {
            CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
            refusal = openCounted(lock, handle);
            if (refusal == CKR_OK)
                return {shared_from_this(), handle};
            lock.unlock();
            requireFull(refusal);
            lock.lock();
            full_ = true;
        }
        waitForSession(lock, elsewhere);
        if (!valid()) // its sessions are not those that are counted any more
            requireFull(CKR_SESSION_HANDLE_INVALID);
        if (std::chrono::steady_clock::now() > deadline)
            throw callFailed(functionName<&List::C_OpenSession>, refusal, describe());
    }
}

// Throws for an answer that waiting does not help.
void Connection::requireFull(CK_RV refusal) const {
    if (!saysFull(refusal))
        throw callFailed(functionName<&List::C_OpenSession>, refusal, describe());
}

void Connection::waitForSession(std::unique_lock<std::mutex>& lock, std::size_t elsewhere) {
    if (!freed_.wait_for(lock, sessionRetry,
                         [&] { return !idle_.empty() || mayOpen(elsewhere) || !valid(); }))
        full_ = false; // another process may have given sessions back: the token is asked again
}

Session Connection::takeWritable() {
    if (stillHas(CKF_WRITE_PROTECTED))
        throw Error(Failure::unsupported, describe() + " is write-protected (CKF_WRITE_PROTECTED)",
                    CKR_TOKEN_WRITE_PROTECTED);
    const auto deadline = std::chrono::steady_clock::now() + sessionWait;
    for (;;) {
        const auto elsewhere = countElsewhere();
        CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
        std::unique_lock lock(mutex_);
        const CK_RV rv = !isLimited() || mayOpen(elsewhere)
                             ? openCounted(lock, handle, CKF_RW_SESSION)
                             : CKR_SESSION_COUNT;
        lock.unlock();
        if (rv == CKR_OK) {
            Session session(shared_from_this(), handle);
            session.setUnusable();
            return session;
        }
        if (!saysFull(rv) || std::chrono::steady_clock::now() > deadline)
            throw callFailed(functionName<&List::C_OpenSession>, rv,
                             "read/write session with " + describe());
        makeRoom();
    }
}

// Closes an idle session, or waits until one comes back. With the last one goes the login.
void Connection::makeRoom() {
    std::unique_lock lock(mutex_);
    if (idle_.empty())
        freed_.wait_for(lock, sessionRetry, [this] { return !idle_.empty(); });
    full_ = false; // the token is asked again
    if (idle_.empty())
        return;
    const auto handle = idle_.back().handle;
    idle_.pop_back();
    if (--open_ == 0)
        loggedIn_ = false;
    lock.unlock();
    close(handle);
}

bool Connection::endMessages(Session& session) {
    session.setBegun(std::nullopt);
    return session.call<&List30::C_MessageSignFinal>() == CKR_OK;
}

void Connection::giveBack(const Session& session) {
    if (isFromBeforeFork())
        return;
    bool kept = false;
    {
        const std::lock_guard lock(mutex_);
        kept = session.fate_ == Session::Fate::keep && valid() && idle_.size() < maxIdle_;
        if (kept)
            idle_.push_back({session.handle_, session.begun_});
        else
            --open_;
    }
    if (!kept) {
        if (session.fate_ != Session::Fate::forget) {
            replaceLast();
            close(session.handle_);
        }
        const std::lock_guard lock(mutex_);
        full_ = false;
    }
    freed_.notify_one();
}

// The login ends with the last session (PKCS#11 2.40, section 2.6.5), so another is opened before
// that one goes.
void Connection::replaceLast() {
    {
        const std::lock_guard lock(mutex_);
        if (open_ > 0 || !loggedIn_ || !valid())
            return;
    }
    CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
    if (open(fresh) == CKR_OK) {
        const std::lock_guard lock(mutex_);
        idle_.push_back({fresh, std::nullopt});
    } else {
        loggedIn_ = false;
    }
}

// After C_Finalize, or in a forked child, the number may by now be somebody else's session.
void Connection::close(CK_SESSION_HANDLE handle) {
    module().callIn<&List::C_CloseSession>(epoch_, handle);
}

void Connection::markLost() {
    lost_ = true;
    if (isFromBeforeFork())
        return;
    std::vector<Idle> idle;
    {
        const std::lock_guard lock(mutex_);
        idle.swap(idle_);
        open_ -= idle.size();
        full_ = false;
    }
    for (const auto& session : idle)
        close(session.handle);
    freed_.notify_all();
}

std::size_t Connection::openSessions() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::size_t Connection::countedSessions() const {
    const std::lock_guard lock(mutex_);
    return open_ + opening_;
}

void Connection::login(Session& session, const PinSource& source) {
    if (!loggedIn_) {
        const TokenPins::Turn turn(access_.pins());
        if (!loggedIn_) {
            loginOnce(session, source, turn);
            loggedIn_ = true;
            return;
        }
    }
    keepForLater(source);
}

// The login may be another instance's, and end with it.
void Connection::keepForLater(const PinSource& source) {
    if (!source.given || access_.pins().hasGood(source.owner))
        return;
    try {
        if (const auto pin = source.given())
            access_.pins().offer(source.owner, *pin);
    } catch (const Error& error) { // nothing needs it now
        trace::step(error.what());
    }
}

CK_RV Connection::readFlags() {
    CK_TOKEN_INFO info{};
    const CK_RV rv = module().callIn<&List::C_GetTokenInfo>(epoch_, slot_, &info);
    if (rv == CKR_OK)
        flags_ = info.flags;
    return rv;
}

// Before a PIN is tried: what reportUnclear() compares with must be of now. And a token that can't
// be read gives no clear answer to a login either.
void Connection::requireFlags() {
    if (const CK_RV rv = readFlags(); rv != CKR_OK)
        throw callFailed(functionName<&List::C_GetTokenInfo>, rv, describe());
}

// Asks the token before anything is refused because of it.
bool Connection::stillHas(CK_FLAGS flag) {
    if (has(flag))
        readFlags();
    return has(flag);
}

bool Connection::hasPinPad() const {
    return has(CKF_PROTECTED_AUTHENTICATION_PATH) || module().options().pinPad;
}

std::optional<Pin> Connection::choosePin(const PinSource& source) const {
    const auto& options = module().options();
    if (options.pinPad)
        return std::nullopt;
    if (source.given)
        if (auto pin = source.given())
            return pin;
    auto known = access_.pins().of(source.owner);
    if (known && !access_.pins().wasRefused(source.owner, *known))
        return known;
    if (hasPinPad())
        return std::nullopt;
    if (options.emptyPin)
        return Pin{std::shared_ptr<const char>(std::shared_ptr<const char>(), ""), 0};
    if (source.asked)
        if (auto pin = source.asked())
            return pin;
    return known;
}

void Connection::reportNoPin() const {
    throw Error(
        Failure::login,
        "no PIN for " + describe() +
            ": none in the URI (pin-value, pin-source), the configuration "
            "(pkcs11-module-token-pin) or the environment (PKCS11_PIN), and none was entered",
        CKR_USER_NOT_LOGGED_IN);
}

void Connection::loginOnce(Session& session, const PinSource& source, const TokenPins::Turn& turn) {
    if (stillHas(CKF_USER_PIN_LOCKED))
        throw Error(Failure::login, "the PIN of " + describe() + " is locked (CKF_USER_PIN_LOCKED)",
                    CKR_PIN_LOCKED);
    const auto pin = choosePin(source);
    if (!pin && !hasPinPad()) {
        if (!stillHas(CKF_LOGIN_REQUIRED))
            return;
        if (!hasPinPad())
            reportNoPin();
    }
    if (!pin)
        requireWillingness(turn);
    if (loginWithPin(session, module().options().userType, pin, source.owner) == CKR_OK)
        access_.pins().noteLogin(source.owner, pin);
    else if (pin)
        access_.pins().offer(source.owner, *pin);
}

// Who has just refused or cancelled at the PIN pad is not asked once more for each thread.
void Connection::requireWillingness(const TokenPins::Turn& turn) const {
    if (turn.padWasRefused())
        throw Error(Failure::login,
                    "the login at the PIN pad of " + describe() + " has just failed",
                    CKR_FUNCTION_CANCELED);
}

// Some tokens open their sessions here, and have none to give before they look at the PIN.
CK_RV Connection::callLogin(Session& session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                            CK_ULONG size) {
    const auto& name = module().options().userName;
    const auto deadline = std::chrono::steady_clock::now() + sessionWait;
    for (;;) {
        const CK_RV rv =
            name.empty() || user == CKU_CONTEXT_SPECIFIC
                ? session.call<&List::C_Login>(user, pin, size)
                : session.call<&List30::C_LoginUser>(
                      user, pin, size,
                      reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(name.data())),
                      CK_ULONG{name.size()});
        if (rv != CKR_SESSION_COUNT || std::chrono::steady_clock::now() > deadline)
            return rv;
        makeRoom(); // which waits where none of ours is idle
    }
}

// Answers CKR_OK or, where somebody else has logged in, CKR_USER_ALREADY_LOGGED_IN.
CK_RV Connection::loginWithPin(Session& session, CK_USER_TYPE user, const std::optional<Pin>& pin,
                               const PinOwner& owner) {
    if (pin && access_.pins().wasRefused(owner, *pin))
        throw Error(Failure::login,
                    "the PIN given for " + describe() +
                        " was refused before in this process and is not tried again",
                    CKR_PIN_INCORRECT);
    // The C interface takes a pointer to non-const, and modules do not write to it.
    auto* bytes =
        pin ? reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(pin->bytes.get())) : nullptr;
    requireFlags();
    const CK_RV rv = callLogin(session, user, bytes, pin ? CK_ULONG{pin->size} : 0);
    const bool isIn = rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN;
    if (!pin && !isIn && !comesBeforeThePin(user, rv))
        access_.pins().notePadRefused();
    switch (rv) {
    case CKR_OK:
    case CKR_USER_ALREADY_LOGGED_IN:
        return rv;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        if (pin)
            access_.pins().noteRefused(owner, *pin);
        reportRefusal(rv);
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
        reportRefusal(rv);
    default:
        reportUnclear(session, user, rv, pin, owner);
    }
}

// It may have been a try. So it is repeated for a PIN that was good alone, and once; a token that
// counts it as a wrong PIN has refused it.
void Connection::reportUnclear(Session& session, CK_USER_TYPE user, CK_RV rv,
                               const std::optional<Pin>& pin, const PinOwner& owner) {
    if (comesBeforeThePin(user, rv))
        session.fail(functionName<&List::C_Login>, rv);
    constexpr CK_FLAGS wrongPins =
        CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    const CK_FLAGS before = flags_;
    readFlags();
    const bool counted = (flags_ & ~before & wrongPins) != 0;
    if (pin && counted)
        access_.pins().noteRefused(owner, *pin);
    else if (pin && access_.pins().doubt(owner, *pin))
        session.fail(functionName<&List::C_Login>, rv);
    session.setFailed(rv);
    throw Error(Failure::login, "C_Login answered " + rvName(rv) + " for " + describe(), rv);
}

void Connection::reportRefusal(CK_RV rv) {
    std::string message = "C_Login answered " + rvName(rv) + " for " + describe();
    readFlags();
    if (has(CKF_USER_PIN_LOCKED))
        message += "; the PIN is now locked (CKF_USER_PIN_LOCKED)";
    else if (has(CKF_USER_PIN_FINAL_TRY))
        message += "; one try is left before the PIN is locked (CKF_USER_PIN_FINAL_TRY)";
    else if (has(CKF_USER_PIN_COUNT_LOW))
        message += "; a wrong PIN was entered since the last login (CKF_USER_PIN_COUNT_LOW)";
    if (has(CKF_USER_PIN_TO_BE_CHANGED))
        message += "; the PIN must be changed before use (CKF_USER_PIN_TO_BE_CHANGED)";
    throw Error(Failure::login, message, rv);
}

void Connection::contextLogin(Session& session, const PinOwner& owner, std::optional<Pin> pin) {
    const TokenPins::Turn turn(access_.pins());
    if (!pin)
        pin = access_.pins().of(owner);
    if (!pin && !hasPinPad())
        throw Error(Failure::login,
                    "the key on " + describe() + " needs the PIN at each use, but no PIN is known",
                    CKR_USER_NOT_LOGGED_IN);
    if (!pin)
        requireWillingness(turn);
    if (loginWithPin(session, CKU_CONTEXT_SPECIFIC, pin, owner) == CKR_OK && pin)
        access_.pins().noteGood(owner, *pin);
}

// What is found from now on was perhaps found without the login: it is not believed.
void Connection::logOut() {
    lost_ = true;
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            handle = idle_.back().handle;
            idle_.pop_back();
        }
    }
    if (handle == CK_INVALID_HANDLE && open(handle) != CKR_OK)
        return; // all are in use, and the login ends with the last of them
    Session session(shared_from_this(), handle);
    session.setUnusable();
    session.call<&List::C_Logout>();
    loggedIn_ = false;
}

const std::vector<CK_MECHANISM_TYPE>& Connection::mechanisms() {
    {
        const std::lock_guard lock(mutex_);
        if (mechanisms_)
            return *mechanisms_;
    }
    const trace::Step step([this] { return "read the mechanisms of " + describe(); });
    auto list = std::make_unique<std::vector<CK_MECHANISM_TYPE>>(512);
    for (;;) {
        auto count = static_cast<CK_ULONG>(list->size());
        const CK_RV rv =
            module().callIn<&List::C_GetMechanismList>(epoch_, slot_, list->data(), &count);
        if (rv == CKR_OK) {
            list->resize(std::min<std::size_t>(count, list->size()));
            break;
        }
        if (rv != CKR_BUFFER_TOO_SMALL || list->size() > 65536)
            throw callFailed(functionName<&List::C_GetMechanismList>, rv, describe());
        list->resize(list->size() * 4);
    }
    std::sort(list->begin(), list->end());
    const std::lock_guard lock(mutex_);
    if (!mechanisms_)
        mechanisms_ = std::move(list);
    return *mechanisms_;
}

bool Connection::offers(CK_MECHANISM_TYPE mechanism) {
    const auto& list = mechanisms();
    return std::binary_search(list.begin(), list.end(), mechanism);
}

bool Connection::signsMessages(CK_MECHANISM_TYPE mechanism) {
    if (!module().signsMessages())
        return false;
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = messages_.find(mechanism); known != messages_.end())
            return known->second != Messages::none;
    }
    CK_MECHANISM_INFO info{};
    const CK_RV rv = module().callIn<&List::C_GetMechanismInfo>(epoch_, slot_, mechanism, &info);
    const std::lock_guard lock(mutex_);
    const bool offered = rv == CKR_OK && (info.flags & CKF_MESSAGE_SIGN) != 0;
    messages_.try_emplace(mechanism, offered ? Messages::offered : Messages::none);
    return offered;
}

void Connection::noteNoMessages(CK_MECHANISM_TYPE mechanism, CK_RV rv) {
    const std::lock_guard lock(mutex_);
    auto& known = messages_[mechanism];
    if (rv != CKR_ARGUMENTS_BAD || known != Messages::begun)
        known = Messages::none;
}

void Connection::noteMessages(CK_MECHANISM_TYPE mechanism) {
    const std::lock_guard lock(mutex_);
    messages_[mechanism] = Messages::begun;
}

} // namespace pkcs11
