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

namespace p11::pkcs11 {

namespace {

// For calls of the thread that changes the state. Marks the thread as inside, and makes fork()
// wait.
template <typename Function>
CK_RV callAlone(const char* name, const Function& function) {
    process::enterCall();
    probes::callEntry(name);
    const CK_RV rv = function();
    probes::callReturn(name, rv);
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
LibraryState::State stateAfter(CK_RV rv, bool stillOurs) {
    if (rv == CKR_OK)
        return LibraryState::State::initialized;
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return stillOurs ? LibraryState::State::initialized
                         : LibraryState::State::initializedByOthers;
    return LibraryState::State::notInitialized;
}

} // namespace

bool Module::insideCall() {
    return process::callDepth() > 0;
}

Module::Module(CK_FUNCTION_LIST* functions, const List30* functions30, std::string name,
               std::string path, ModuleOptions options)
    : functions_(functions), functions30_(functions30), name_(std::move(name)),
      path_(std::move(path)), options_(std::move(options)) {
    if (options_.speaksToServer)
        admitOneCall();
}

void Module::admitOneCall() {
    if (!serial_)
        serial_ = std::make_unique<std::mutex>();
    takesOneCall_ = true;
}

Module::~Module() = default;

std::chrono::steady_clock::time_point Module::afterPatience() const {
    return std::chrono::steady_clock::now() + options_.turnPatience;
}

InitializationId Module::initialize() {
    for (;; LibraryState::pause()) {
        if (const InitializationId initializationId = libraryState_.initializationId();
            initializationId != 0)
            return initializationId;
        if (insideCall())
            throw Error(Failure::module, "the module " + name_ + " called back into the provider");
        if (libraryState_.state() == LibraryState::State::finalizing)
            throw Error(Failure::module, "C_Finalize of the module " + name_ + " has not returned");
        if (libraryState_.beginChange(LibraryState::State::notInitialized))
            return start();
    }
}

// During a change. If somebody else has finalized the module, calls may still be inside. The next
// initialization must not start before they return, because it would count them for ever.
InitializationId Module::start() {
    if (!libraryState_.drain(afterPatience())) {
        libraryState_.cancelChange(LibraryState::State::notInitialized);
        throw callFailed(functionName<&List::C_Initialize>, CKR_FUNCTION_FAILED, "module " + name_);
    }
    const CK_RV rv = process::exiting() ? CKR_CRYPTOKI_NOT_INITIALIZED : initializeCall();
    // C_Initialize may have started another libcrypto, which cleans itself up at exit.
    if (!std::exchange(exitsBeforeOthers_, true))
        process::exitBeforeOthers();
    const InitializationId initializationId = libraryState_.endChange(stateAfter(rv, false));
    if (initializationId == 0)
        throw callFailed(functionName<&List::C_Initialize>, rv, "module " + name_);
    return initializationId;
}

bool Module::mayRestart(InitializationId failed) const {
    return !options_.neverFinalize && !insideCall() && failed != 0 && initializationId() == failed;
}

void Module::restart(InitializationId failed) {
    if (!mayRestart(failed))
        return;
    trace::step("restart module " + name_);
    if (!libraryState_.beginChange(LibraryState::State::initialized, failed))
        return;
    if (!libraryState_.drain(afterPatience()) || process::exiting())
        return libraryState_.cancelChange(LibraryState::State::initialized);
    const auto state = stateAfterFinalize();
    libraryState_.endChange(
        state == LibraryState::State::finalizing
            ? state
            : stateAfter(initializeCall(), state == LibraryState::State::initialized));
}

CK_RV Module::initializeCall() {
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    args.pReserved = options_.initArgs.empty() ? nullptr : options_.initArgs.data();
    if (process::exiting())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    const ProcessSettings untouched;
    const NoBrokenPipe pipe(options_.speaksToServer);
    const auto initialize = [this](CK_C_INITIALIZE_ARGS* given) {
        return callAlone(functionName<&List::C_Initialize>,
                         [&] { return functions_->C_Initialize(given); });
    };
    const CK_RV rv = initialize(&args);
    if (rv != CKR_CANT_LOCK)
        return rv;
    // The module cannot lock, so our mutex admits one thread at a time.
    admitOneCall();
    args.flags = 0;
    return initialize(args.pReserved == nullptr ? nullptr : &args);
}

// True if the module is finalised.
bool Module::finalizeCall() {
    if (functions_->C_Finalize == nullptr)
        return false;
    const NoBrokenPipe pipe(options_.speaksToServer);
    const CK_RV rv = callAlone(functionName<&List::C_Finalize>,
                               [this] { return functions_->C_Finalize(nullptr); });
    return rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

/// A C_Finalize in its own thread. That thread and the waiting one share this.
struct Module::FinalizeCall {
    std::promise<bool> answer;
    std::atomic<bool> isOver{false}; ///< it has returned, or nobody waits any more
};

// If nobody waits any more, the other thread has ended the change, or is about to.
void Module::finalizeInThread(FinalizeCall& call) {
    const bool ended = finalizeCall();
    if (!call.isOver.exchange(true))
        return call.answer.set_value(ended);
    while (!libraryState_.beginChange(LibraryState::State::finalizing))
        LibraryState::pause();
    libraryState_.endChange(ended ? LibraryState::State::notInitialized
                                  : LibraryState::State::initialized);
}

// During a change. Some modules never return from C_Finalize, so the wait is limited. Then the
// thread stays inside, in code that is never unloaded. Otherwise the thread has ended before this
// returns, and so before the libraries that it used clean themselves up.
LibraryState::State Module::stateAfterFinalize() {
    const auto after = [](bool ended) {
        return ended ? LibraryState::State::notInitialized : LibraryState::State::initialized;
    };
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
    return LibraryState::State::finalizing;
}

// If a thread of the parent holds the mutex, it stays locked in the child and must not be
// destroyed. It is free if fork() could wait for all calls.
void Module::resetInChild() {
    libraryState_.resetInChild();
    if (serial_ && !serial_->try_lock())
        static_cast<void>(serial_.release());
    else if (serial_)
        serial_->unlock();
}

void Module::addUser() {
    const MutexLock lock(process::stateMutex());
    ++users_;
}

// The change begins under the lock. So whoever becomes a user afterwards waits for its end, and
// then initialises the module again.
void Module::removeUser() {
    {
        const MutexLock lock(process::stateMutex());
        // At exit only finalize() may call C_Finalize, because the module's static objects may be
        // gone when OpenSSL's clean-up comes here.
        if (--users_ > 0 || options_.neverFinalize || insideCall() || process::exiting() ||
            !libraryState_.beginChange(LibraryState::State::initialized))
            return;
    }
    end(afterPatience());
}

void Module::finalize(std::chrono::steady_clock::time_point deadline) {
    if (options_.neverFinalize)
        return;
    for (; !libraryState_.beginChange(LibraryState::State::initialized); LibraryState::pause()) {
        const auto state = libraryState_.state(); // initialized again if a change is cancelled
        const bool mayBecomeOurs =
            state == LibraryState::State::initialized || state == LibraryState::State::changing;
        if (!mayBecomeOurs || std::chrono::steady_clock::now() > deadline)
            return;
    }
    end(deadline);
}

// During a change.
void Module::end(std::chrono::steady_clock::time_point deadline) {
    const auto state =
        libraryState_.drain(deadline) ? stateAfterFinalize() : LibraryState::State::initialized;
    if (state == LibraryState::State::initialized)
        return libraryState_.cancelChange(state);
    libraryState_.endChange(state);
}

// Some modules notice new or removed tokens only when they are asked for the number (PKCS#11 2.40,
// C_GetSlotList).
void Module::refreshSlots(std::string_view subject) {
    CK_ULONG count = 0;
    require<&List::C_GetSlotList>(*this, subject, CK_BBOOL{CK_TRUE}, CK_SLOT_ID_PTR{nullptr},
                                  &count);
    slotsKnownIn_ = initializationId();
}

std::vector<CK_SLOT_ID> Module::slots(std::string_view subject) {
    if (slotsKnownIn_ != initializationId())
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

} // namespace p11::pkcs11
