// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module.h"

#include <algorithm>
#include <clocale>
#include <csignal>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "pkcs11/process.h"
#include "pkcs11/text.h"

namespace pkcs11 {

namespace {

// For calls of the thread that has the turn. Marks the thread as inside, and makes fork() wait.
template <typename Function>
CK_RV callAlone(const Function& function) {
    process::enterCall();
    const CK_RV rv = function();
    process::leaveCall();
    return rv;
}

/// Settings of the process that some modules change in C_Initialize. They are restored at the end
/// of the scope.
class ProcessSettings {
  public:
    ProcessSettings() : locale_(std::setlocale(LC_ALL, nullptr)) {
        pthread_sigmask(SIG_SETMASK, nullptr, &signals_);
    }
    ~ProcessSettings() {
        pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
        if (locale_ != std::setlocale(LC_ALL, nullptr))
            std::setlocale(LC_ALL, locale_.c_str());
    }
    ProcessSettings(const ProcessSettings&) = delete;
    ProcessSettings& operator=(const ProcessSettings&) = delete;

  private:
    std::string locale_;
    sigset_t signals_{};
};

// The module's state after this answer of C_Initialize.
Life::State stateAfter(CK_RV rv, bool stillOurs) {
    if (rv == CKR_OK)
        return Life::State::ours;
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return stillOurs ? Life::State::ours : Life::State::theirs;
    return Life::State::ended;
}

} // namespace

bool Module::insideCall() {
    return process::callDepth() > 0;
}

Module::Module(CK_FUNCTION_LIST* functions, const List30* functions30, std::string name,
               std::string path, ModuleOptions options)
    : functions_(functions), functions30_(functions30), name_(std::move(name)),
      path_(std::move(path)), options_(std::move(options)) {}

Module::~Module() = default;

std::chrono::steady_clock::time_point Module::afterPatience() const {
    return std::chrono::steady_clock::now() + options_.turnPatience;
}

Epoch Module::initialize() {
    for (;; Life::pause()) {
        if (const Epoch epoch = life_.epoch(); epoch != 0)
            return epoch;
        if (insideCall())
            throw Error(Failure::module, "the module " + name_ + " called back into the provider");
        if (life_.state() == Life::State::ending)
            throw Error(Failure::module, "C_Finalize of the module " + name_ + " has not returned");
        if (life_.beginTurn(Life::State::ended))
            return start();
    }
}

// With the turn. If somebody else has ended the module, calls may still be inside. The next life
// must not start before they return, because it would count them for ever.
Epoch Module::start() {
    if (!life_.drain(afterPatience())) {
        life_.cancelTurn(Life::State::ended);
        throw callFailed(functionName<&List::C_Initialize>, CKR_FUNCTION_FAILED, "module " + name_);
    }
    const CK_RV rv = process::exiting() ? CKR_CRYPTOKI_NOT_INITIALIZED : initializeCall();
    // C_Initialize may have started another libcrypto, which cleans itself up at exit.
    if (!std::exchange(exitsBeforeOthers_, true))
        process::exitBeforeOthers();
    const Epoch epoch = life_.endTurn(stateAfter(rv, false));
    if (epoch == 0)
        throw callFailed(functionName<&List::C_Initialize>, rv, "module " + name_);
    return epoch;
}

bool Module::mayRestart(Epoch failed) const {
    return !options_.neverFinalize && !insideCall() && failed != 0 && epoch() == failed;
}

void Module::restart(Epoch failed) {
    if (!mayRestart(failed))
        return;
    trace::step("restart module " + name_);
    if (!life_.beginTurn(Life::State::ours, failed))
        return;
    if (!life_.drain(afterPatience()) || process::exiting())
        return life_.cancelTurn(Life::State::ours);
    const auto state = stateAfterFinalize();
    life_.endTurn(state == Life::State::ending
                      ? state
                      : stateAfter(initializeCall(), state == Life::State::ours));
}

CK_RV Module::initializeCall() {
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    args.pReserved = options_.initArgs.empty() ? nullptr : options_.initArgs.data();
    if (process::exiting())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    const ProcessSettings untouched;
    CK_RV rv = callAlone([&] { return functions_->C_Initialize(&args); });
    if (rv != CKR_CANT_LOCK)
        return rv;
    // The module cannot lock, so our mutex admits one thread at a time.
    if (!serial_)
        serial_ = std::make_unique<std::mutex>();
    takesOneCall_ = true;
    args.flags = 0;
    auto* given = args.pReserved == nullptr ? nullptr : &args;
    return callAlone([&] { return functions_->C_Initialize(given); });
}

// True if the module is finalised.
bool Module::finalizeCall() {
    if (functions_->C_Finalize == nullptr)
        return false;
    const CK_RV rv = callAlone([this] { return functions_->C_Finalize(nullptr); });
    return rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

/// A C_Finalize in its own thread. That thread and the waiting one share this.
struct Module::FinalizeCall {
    std::promise<bool> answer;
    std::atomic<bool> isOver{false}; ///< it has returned, or nobody waits any more
};

// If nobody waits any more, the other thread has ended the turn, or is about to.
void Module::finalizeInThread(FinalizeCall& call) {
    const bool ended = finalizeCall();
    if (!call.isOver.exchange(true))
        return call.answer.set_value(ended);
    while (!life_.beginTurn(Life::State::ending))
        Life::pause();
    life_.endTurn(ended ? Life::State::ended : Life::State::ours);
}

// With the turn. Some modules never return from C_Finalize, so the wait is limited. Then the thread
// stays inside, in code that is never unloaded. Otherwise the thread has ended before this returns,
// and so before the libraries that it used clean themselves up.
Life::State Module::stateAfterFinalize() {
    const auto after = [](bool ended) { return ended ? Life::State::ended : Life::State::ours; };
    auto call = std::make_shared<FinalizeCall>();
    auto answer = call->answer.get_future();
    std::thread thread;
    try {
        thread = std::thread([this, call] { finalizeInThread(*call); });
    } catch (const std::system_error&) { // the system has no more threads
        return after(finalizeCall());
    }
    if (answer.wait_for(options_.finalizePatience) == std::future_status::ready ||
        call->isOver.exchange(true)) {
        thread.join();
        return after(answer.get());
    }
    thread.detach();
    trace::step("C_Finalize of module " + name_ + " does not return");
    return Life::State::ending;
}

// If a thread of the parent holds the mutex, it stays locked in the child and must not be
// destroyed. It is free if fork() could wait for all calls.
void Module::startAnewInChild() {
    life_.startAnewInChild();
    if (serial_ && !serial_->try_lock())
        static_cast<void>(serial_.release());
    else if (serial_)
        serial_->unlock();
}

void Module::addUser() {
    const MutexLock lock(process::stateMutex());
    ++users_;
}

// The turn is taken under the lock. So whoever becomes a user afterwards waits for its end, and
// then initialises the module again.
void Module::removeUser() {
    {
        const MutexLock lock(process::stateMutex());
        // At exit only finalize() may call C_Finalize, because the module's static objects may be
        // gone when OpenSSL's clean-up comes here.
        if (--users_ > 0 || options_.neverFinalize || insideCall() || process::exiting() ||
            !life_.beginTurn(Life::State::ours))
            return;
    }
    end(afterPatience());
}

void Module::finalize(std::chrono::steady_clock::time_point deadline) {
    if (options_.neverFinalize)
        return;
    for (; !life_.beginTurn(Life::State::ours); Life::pause()) {
        const auto state = life_.state(); // it is ours again if a turn is cancelled
        const bool mayBecomeOurs = state == Life::State::ours || state == Life::State::turn;
        if (!mayBecomeOurs || std::chrono::steady_clock::now() > deadline)
            return;
    }
    end(deadline);
}

// With the turn.
void Module::end(std::chrono::steady_clock::time_point deadline) {
    const auto state = life_.drain(deadline) ? stateAfterFinalize() : Life::State::ours;
    if (state == Life::State::ours)
        return life_.cancelTurn(state);
    life_.endTurn(state);
}

// Some modules notice new or removed tokens only when they are asked for the number (PKCS#11 2.40,
// C_GetSlotList).
void Module::refreshSlots(std::string_view subject) {
    CK_ULONG count = 0;
    require<&List::C_GetSlotList>(*this, subject, CK_BBOOL{CK_TRUE}, CK_SLOT_ID_PTR{nullptr},
                                  &count);
    slotsKnownIn_ = epoch();
}

std::vector<CK_SLOT_ID> Module::slots(std::string_view subject) {
    if (slotsKnownIn_ != epoch())
        refreshSlots(subject);
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

CK_RV Module::readTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO& info) {
    const CK_RV rv = call<&List::C_GetTokenInfo>(slot, &info);
    padWithBlanks(info.label);
    padWithBlanks(info.manufacturerID);
    padWithBlanks(info.model);
    padWithBlanks(info.serialNumber);
    return rv;
}

CK_SLOT_INFO Module::slotInfo(CK_SLOT_ID slot) {
    CK_SLOT_INFO info{};
    require<&List::C_GetSlotInfo>(*this, "slot " + std::to_string(slot), slot, &info);
    return info;
}

} // namespace pkcs11
