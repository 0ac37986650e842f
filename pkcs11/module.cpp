#include "pkcs11/module.h"

#include <algorithm>
#include <thread>

#include "pkcs11/process.h"
#include "pkcs11/token.h"

namespace pkcs11 {

namespace {

// How long a restart waits for calls that other threads have inside the module.
constexpr auto gatePatience = std::chrono::seconds(1);
constexpr auto gatePause = std::chrono::microseconds(200);

} // namespace

/// The module's state in one process; a forked child begins another.
struct Module::Life {
    enum class State { fresh, busy, ready };
    unsigned long generation = 0;
    State state = State::fresh;
    bool owned = false; ///< our C_Initialize answered CKR_OK, so C_Finalize is ours to call
    std::condition_variable changed;
    std::mutex serial; ///< taken around each call where the module refuses to lock
};

Module::CallScope::CallScope(Module& module) : module_(module) {
    process::enterCall();
    module_.inside_.fetch_add(1);
    while (module_.gate_.load() && process::callDepth() == 1) {
        module_.inside_.fetch_sub(1);
        std::this_thread::sleep_for(gatePause);
        module_.inside_.fetch_add(1);
    }
    permitted_ = process::callDepth() == 1 && !process::exiting();
    if (auto* serial = module_.serial_.load(); permitted_ && serial != nullptr)
        serial_ = std::unique_lock(*serial);
}

Module::CallScope::~CallScope() {
    if (serial_)
        serial_.unlock();
    module_.inside_.fetch_sub(1);
    process::leaveCall();
}

bool Module::insideCall() {
    return process::callDepth() > 0;
}

Module::Module(CK_FUNCTION_LIST* functions, const List30* functions30, std::string name,
               std::string path, ModuleOptions options)
    : functions_(functions), functions30_(functions30), name_(std::move(name)),
      path_(std::move(path)), options_(std::move(options)) {}

Module::~Module() = default;

std::shared_ptr<Module::Life> Module::currentLife() {
    if (!life_ || life_->generation != process::generation()) {
        // A life of another generation may have waiters that do not exist here: it is left alone
        // for ever.
        if (life_)
            process::keepForever(life_);
        life_ = std::make_shared<Life>();
        life_->generation = process::generation();
        serial_ = nullptr;
        inside_ = 0; // threads of another process
        gate_ = false;
    }
    return life_;
}

void Module::initialize() {
    if (readyGeneration_.load() == process::generation())
        return;
    if (insideCall())
        throw Error(Failure::module, "the module " + name_ + " called back into the provider");
    std::unique_lock lock(process::stateMutex());
    const auto life = currentLife();
    life->changed.wait(lock, [&] { return life->state != Life::State::busy; });
    if (life->state == Life::State::ready)
        return;
    start(lock, life);
}

// Called and left with the lock held; without it during the call.
void Module::start(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Life>& life) {
    life->state = Life::State::busy;
    lock.unlock();
    const CK_RV rv = initializeCall();
    lock.lock();
    const bool ready = rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
    life->owned = life->owned || rv == CKR_OK;
    life->state = ready ? Life::State::ready : Life::State::fresh;
    if (ready) {
        ++epoch_;
        readyGeneration_ = life->generation;
    }
    life->changed.notify_all();
    if (!ready)
        throw callFailed(functionName<&List::C_Initialize>, rv, "module " + name_);
}

// With the state's lock held.
bool Module::isEndable() const {
    return life_ && life_->generation == process::generation() &&
           life_->state == Life::State::ready && life_->owned && !options_.neverFinalize;
}

// True if no token answers with whose sessions somebody may still work.
bool Module::isUnused() {
    std::vector<Token*> tokens;
    {
        const std::lock_guard lock(process::stateMutex());
        for (const auto& token : tokens_)
            tokens.push_back(token.get());
    }
    for (auto* token : tokens) {
        const auto connection = token->present();
        if (!connection || connection->openSessions() == 0)
            continue;
        CK_TOKEN_INFO info{};
        if (call<&List::C_GetTokenInfo>(connection->slot(), &info) == CKR_OK)
            return false;
        token->drop(connection);
    }
    return true;
}

// False, with the gate open again, where a call does not come back.
bool Module::closeGate() {
    gate_ = true;
    const auto deadline = std::chrono::steady_clock::now() + gatePatience;
    while (inside_.load() > 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            gate_ = false;
            return false;
        }
        std::this_thread::sleep_for(gatePause);
    }
    return true;
}

void Module::restart() {
    if (insideCall() || !isUnused())
        return;
    std::unique_lock lock(process::stateMutex());
    if (!isEndable())
        return;
    const auto life = life_;
    life->state = Life::State::busy;
    lock.unlock();
    const bool alone = closeGate();
    if (alone) {
        trace::step("restart module " + name_);
        process::enterCall();
        functions_->C_Finalize(nullptr);
        process::leaveCall();
        readyGeneration_ = 0;
        gate_ = false;
    }
    lock.lock();
    life->owned = !alone;
    life->state = alone ? Life::State::fresh : Life::State::ready;
    life->changed.notify_all();
}

CK_RV Module::initializeCall() {
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    args.pReserved = options_.initArgs.empty() ? nullptr : options_.initArgs.data();
    CK_RV rv = call<&List::C_Initialize>(&args);
    if (rv != CKR_CANT_LOCK)
        return rv;
    // The module has no locks of its own: one thread at a time, by our mutex.
    serial_ = &life_->serial;
    args.flags = 0;
    return call<&List::C_Initialize>(args.pReserved == nullptr ? nullptr : &args);
}

void Module::noteFinalizedByOthers() {
    const std::lock_guard lock(process::stateMutex());
    if (!life_ || life_->generation != process::generation() || life_->state != Life::State::ready)
        return;
    life_->state = Life::State::fresh;
    life_->owned = false;
    readyGeneration_ = 0;
}

void Module::addUser() {
    const std::lock_guard lock(process::stateMutex());
    ++users_;
}

void Module::removeUser() {
    bool last = false;
    {
        const std::lock_guard lock(process::stateMutex());
        last = --users_ == 0;
    }
    if (last)
        finalize();
}

void Module::finalize() {
    std::vector<Token*> tokens;
    {
        const std::lock_guard lock(process::stateMutex());
        if (!isEndable())
            return;
        life_->state = Life::State::fresh;
        life_->owned = false;
        readyGeneration_ = 0;
        for (const auto& token : tokens_)
            tokens.push_back(token.get());
    }
    for (auto* token : tokens)
        token->abandonConnection();
    // Not through call(): shutdown() has set the exit flag already, and this is the one call it
    // allows.
    process::enterCall();
    functions_->C_Finalize(nullptr);
    process::leaveCall();
}

std::vector<CK_SLOT_ID> Module::slots(std::string_view subject) {
    std::vector<CK_SLOT_ID> ids(64);
    for (;;) {
        auto count = static_cast<CK_ULONG>(ids.size());
        const CK_RV rv = call<&List::C_GetSlotList>(CK_BBOOL{CK_TRUE}, ids.data(), &count);
        if (rv == CKR_OK) {
            ids.resize(std::min<std::size_t>(count, ids.size()));
            return ids;
        }
        if (rv != CKR_BUFFER_TOO_SMALL || ids.size() > 65536)
            throw callFailed(functionName<&List::C_GetSlotList>, rv, subject);
        ids.resize(ids.size() * 4);
    }
}

bool Module::signsMessages() const {
    return functions30_ != nullptr && functions30_->C_MessageSignInit != nullptr &&
           functions30_->C_SignMessage != nullptr && functions30_->C_MessageSignFinal != nullptr;
}

CK_INFO Module::info() {
    CK_INFO info{};
    require<&List::C_GetInfo>(*this, "module " + name_, &info);
    return info;
}

CK_TOKEN_INFO Module::tokenInfo(CK_SLOT_ID slot) {
    CK_TOKEN_INFO info{};
    require<&List::C_GetTokenInfo>(*this, "slot " + std::to_string(slot), slot, &info);
    return info;
}

CK_SLOT_INFO Module::slotInfo(CK_SLOT_ID slot) {
    CK_SLOT_INFO info{};
    require<&List::C_GetSlotInfo>(*this, "slot " + std::to_string(slot), slot, &info);
    return info;
}

unsigned long Module::epoch() const {
    return readyGeneration_.load() == process::generation() ? epoch_.load() : 0;
}

Token& Module::token(CK_SLOT_ID slot, const CK_TOKEN_INFO& info) {
    const std::lock_guard lock(process::stateMutex());
    for (const auto& token : tokens_)
        if (token->isAt(slot, info))
            return *token;
    tokens_.push_back(std::make_unique<Token>(*this, slot, info));
    return *tokens_.back();
}

} // namespace pkcs11
