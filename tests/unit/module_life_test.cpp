// SPDX-License-Identifier: Apache-2.0
// The state of a module that is made of functions in this program, so that a test can hold a call.
#include "pkcs11/module.h"

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using p11::pkcs11::InitializationId;
using p11::pkcs11::List;
using p11::pkcs11::Module;

constexpr CK_SESSION_HANDLE session = 1;

// What the functions of the module have seen and shall do.
struct Script {
    std::atomic<int> initialized{0};
    std::atomic<int> finalized{0};
    std::atomic<int> signatures{0};
    std::atomic<CK_RV> initializeAnswer{CKR_OK};
    std::atomic<CK_RV> finalizeAnswer{CKR_OK};
    std::atomic<CK_RV> signAnswer{CKR_OK};
    std::atomic<bool> held{false};    // a call of C_SignInit is inside
    std::atomic<bool> release{false}; // it may go on
    std::atomic<bool> signedBeside{false};
    std::atomic<bool> turning{false}; // C_Initialize or C_Finalize runs
    std::atomic<bool> hangs{false};   // C_Finalize does not return
};
Script* script = nullptr;

CK_RV initialize(void*) {
    script->turning = true;
    ++script->initialized;
    std::this_thread::yield();
    script->turning = false;
    return script->initializeAnswer;
}

CK_RV finalize(void*) {
    script->turning = true;
    ++script->finalized;
    std::this_thread::yield();
    while (script->hangs)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    script->turning = false;
    return script->finalizeAnswer;
}

CK_RV signInit(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE) {
    script->held = true;
    while (!script->release)
        std::this_thread::yield();
    return CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*) {
    ++script->signatures;
    if (script->turning)
        script->signedBeside = true;
    return script->signAnswer;
}

CK_FUNCTION_LIST* functions() {
    static CK_FUNCTION_LIST list = [] {
        CK_FUNCTION_LIST made{};
        made.C_Initialize = initialize;
        made.C_Finalize = finalize;
        made.C_SignInit = signInit;
        made.C_Sign = sign;
        return made;
    }();
    return &list;
}

class ModuleLife : public ::testing::Test {
  protected:
    ModuleLife() { script = &script_; }

    CK_RV begin(InitializationId initializationId) {
        CK_MECHANISM mechanism{};
        return module_.callIn<&List::C_SignInit>(initializationId, session, &mechanism,
                                                 CK_OBJECT_HANDLE{1});
    }
    CK_RV finish(InitializationId initializationId) {
        CK_BYTE byte = 0;
        CK_ULONG size = 1;
        return module_.callIn<&List::C_Sign>(initializationId, session, &byte, CK_ULONG{1}, &byte,
                                             &size);
    }
    // C_SignInit in the present initialization, and C_Sign with the same session. C_SignInit is
    // inside when this returns.
    std::future<CK_RV> signHeld() {
        auto result =
            std::async(std::launch::async, [this, initializationId = module_.initializationId()] {
                EXPECT_EQ(begin(initializationId), CKR_OK);
                return finish(initializationId);
            });
        while (!script_.held)
            std::this_thread::yield();
        return result;
    }
    void letGoOnceTheGateIsClosed() {
        while (module_.initializationId() != 0)
            std::this_thread::yield();
        script_.release = true;
    }

    static p11::pkcs11::ModuleOptions patient() {
        p11::pkcs11::ModuleOptions options;
        options.turnPatience = std::chrono::minutes(1);
        return options;
    }

    Script script_;
    Module module_{functions(), nullptr, "scripted", "", patient()};
};

TEST_F(ModuleLife, AHandleOfOneLifeIsNotUsedInTheNext) {
    const InitializationId first = module_.initialize();
    auto signature = signHeld();
    auto restart = std::async(std::launch::async, [&] { module_.restart(first); });
    letGoOnceTheGateIsClosed();
    EXPECT_EQ(signature.get(), CKR_SESSION_HANDLE_INVALID);
    restart.get();
    EXPECT_EQ(script_.signatures, 0);
    EXPECT_EQ(script_.finalized, 1);
    EXPECT_EQ(script_.initialized, 2) << "the gate opens after C_Initialize";
    EXPECT_NE(module_.initializationId(), first);
    EXPECT_EQ(finish(first), CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQ(finish(module_.initializationId()), CKR_OK);
    EXPECT_EQ(script_.signatures, 1);
}

TEST_F(ModuleLife, TheLastUserWaitsForTheCallsOfOthers) {
    module_.addUser();
    const InitializationId first = module_.initialize();
    auto signature = signHeld();
    auto last = std::async(std::launch::async, [&] { module_.removeUser(); });
    letGoOnceTheGateIsClosed();
    const CK_RV answer = signature.get();
    EXPECT_TRUE(answer == CKR_CRYPTOKI_NOT_INITIALIZED) << answer;
    last.get();
    EXPECT_EQ(script_.signatures, 0);
    EXPECT_EQ(script_.finalized, 1);
    EXPECT_EQ(module_.initializationId(), 0U);
    EXPECT_NE(module_.initialize(), first);
}

TEST_F(ModuleLife, ACallThatDoesNotComeBackKeepsTheLife) {
    const InitializationId first = module_.initialize();
    auto signature = signHeld();
    module_.finalize(std::chrono::steady_clock::now());
    EXPECT_EQ(script_.finalized, 0);
    EXPECT_EQ(module_.initializationId(), first);
    script_.release = true;
    EXPECT_EQ(signature.get(), CKR_OK);
}

TEST_F(ModuleLife, OnlyTheLifeThatFailedIsBegunAnew) {
    const InitializationId first = module_.initialize();
    module_.restart(first);
    module_.restart(first); // another thread's, which comes late
    EXPECT_EQ(script_.finalized, 1);
    EXPECT_EQ(script_.initialized, 2);
}

TEST_F(ModuleLife, AFailedEndLeavesTheModuleOurs) {
    module_.addUser();
    const InitializationId first = module_.initialize();
    script_.finalizeAnswer = CKR_DEVICE_ERROR;
    script_.initializeAnswer = CKR_CRYPTOKI_ALREADY_INITIALIZED;
    module_.restart(first);
    const InitializationId second = module_.initializationId();
    EXPECT_NE(second, 0U);
    script_.finalizeAnswer = CKR_OK;
    module_.removeUser();
    EXPECT_EQ(script_.finalized, 2);
    EXPECT_EQ(module_.initializationId(), 0U);
}

class HangingModule : public ModuleLife {
  protected:
    HangingModule() { script_.hangs = true; }

    static p11::pkcs11::ModuleOptions impatient() {
        p11::pkcs11::ModuleOptions options;
        options.finalizePatience = std::chrono::milliseconds(10);
        return options;
    }

    // Until then a thread of the module uses it.
    InitializationId initializeOnceItHasReturned() {
        script_.hangs = false;
        for (;; std::this_thread::yield()) {
            try {
                return hanging_.initialize();
            } catch (const p11::pkcs11::Error&) { // has not returned yet
            }
        }
    }

    void expectRefused(InitializationId of) {
        while (script_.finalized == 0) // on a busy machine its thread begins late
            std::this_thread::yield();
        EXPECT_EQ(hanging_.initializationId(), 0U);
        EXPECT_THROW(hanging_.initialize(), p11::pkcs11::Error);
        CK_BYTE byte = 0;
        CK_ULONG size = 1;
        for (const InitializationId initializationId : {InitializationId{0}, of}) {
            const CK_RV answer = hanging_.callIn<&List::C_Sign>(initializationId, session, &byte,
                                                                CK_ULONG{1}, &byte, &size);
            EXPECT_TRUE(answer == CKR_CRYPTOKI_NOT_INITIALIZED) << answer;
        }
        hanging_.restart(of);
        hanging_.finalize(std::chrono::steady_clock::now() + std::chrono::minutes(1));
        EXPECT_EQ(script_.signatures, 0);
        EXPECT_EQ(script_.initialized, 1);
        EXPECT_EQ(script_.finalized, 1) << "nothing is called under it";
    }

    Module hanging_{functions(), nullptr, "hanging", "", impatient()};
};

TEST_F(HangingModule, DoesNotKeepTheLastUser) {
    hanging_.addUser();
    const InitializationId first = hanging_.initialize();
    hanging_.removeUser();
    expectRefused(first);
    EXPECT_NE(initializeOnceItHasReturned(), first);
    EXPECT_EQ(script_.initialized, 2);
}

TEST_F(HangingModule, IsNotInitialisedUnderItsFinalize) {
    const InitializationId first = hanging_.initialize();
    hanging_.restart(first);
    expectRefused(first);
    EXPECT_NE(initializeOnceItHasReturned(), first);
    EXPECT_EQ(script_.initialized, 2);
}

TEST_F(ModuleLife, WhatSomebodyElseInitialisedIsNotEnded) {
    script_.initializeAnswer = CKR_CRYPTOKI_ALREADY_INITIALIZED;
    module_.addUser();
    module_.restart(module_.initialize());
    module_.removeUser();
    EXPECT_EQ(script_.finalized, 0);
}

TEST_F(ModuleLife, WhatSomebodyElseEndedIsInitialisedOnceMore) {
    const InitializationId first = module_.initialize();
    script_.signAnswer = CKR_CRYPTOKI_NOT_INITIALIZED;
    EXPECT_EQ(finish(first), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT_EQ(module_.initializationId(), 0U);
    script_.signAnswer = CKR_OK;
    const InitializationId second = module_.initialize();
    EXPECT_EQ(script_.initialized, 2);
    EXPECT_EQ(finish(first), CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQ(finish(second), CKR_OK);
    module_.noteFinalizedByOthers(first); // seen late
    EXPECT_EQ(module_.initializationId(), second);
}

TEST_F(ModuleLife, AFailedBeginningIsTriedAgain) {
    script_.initializeAnswer = CKR_DEVICE_ERROR;
    EXPECT_THROW(module_.initialize(), p11::pkcs11::Error);
    EXPECT_EQ(finish(0), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT_EQ(script_.signatures, 0);
    script_.initializeAnswer = CKR_OK;
    EXPECT_NE(module_.initialize(), 0U);
}

TEST_F(ModuleLife, AChildBeginsItsOwn) {
    const InitializationId first = module_.initialize();
    const pid_t child = fork();
    if (child == 0) {
        module_.resetInChild();
        const bool refused = finish(first) == CKR_CRYPTOKI_NOT_INITIALIZED;
        const InitializationId own = module_.initialize();
        _exit(refused && own != first && finish(first) == CKR_SESSION_HANDLE_INVALID &&
                      finish(own) == CKR_OK
                  ? 0
                  : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(finish(first), CKR_OK);
}

// Users come and go from many threads, and calls never meet C_Initialize or C_Finalize.
TEST_F(ModuleLife, UsersThatComeAndGoNeverOverlap) {
    script_.release = true;
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 200; ++round) {
                module_.addUser();
                const InitializationId initializationId = module_.initialize();
                failures +=
                    begin(initializationId) == CKR_OK && finish(initializationId) == CKR_OK ? 0 : 1;
                module_.removeUser();
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_FALSE(script_.signedBeside);
    EXPECT_EQ(script_.initialized, script_.finalized);
    EXPECT_GT(script_.finalized, 0);
}

} // namespace
