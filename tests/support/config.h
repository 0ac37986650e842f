// SPDX-License-Identifier: Apache-2.0
// The settings, PKCS11_TEST_*: from the environment, or put over it at run time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "tests/support/faults.h"
#include "tests/support/quirks.h"

namespace test_module {

/// What a fault does besides its answer.
enum class FaultEffect { none, close, end, logout, count };

/// What is marked as undefined for valgrind's memcheck, where C_Decrypt answers.
enum class Marks { none, block, answer };

/// The form of the peer's point that C_DeriveKey takes.
enum class PointForm { any, raw, der };

using Numbers = std::vector<CK_ULONG>;
using Settings = std::map<std::string, std::string, std::less<>>;

struct Config {
    /// Throws ConfigError.
    explicit Config(Settings from);

    Settings settings;
    std::string target;
    std::string countsFile;
    std::string logFile;
    std::chrono::microseconds delay{0};
    std::chrono::microseconds cryptoDelay{0};
    std::shared_ptr<FaultPlan> faults; // never null; counts on when other settings change
    FaultEffect faultEffect = FaultEffect::none;
    std::chrono::microseconds loginDelay{0};
    Numbers hiddenMechanisms;
    Numbers hiddenClasses;
    Numbers hiddenAttributes;
    Numbers refusedAttributes;
    std::optional<CK_ULONG> maxSessions;
    std::optional<CK_ULONG> signatureSize;
    std::optional<CK_ULONG> valueSize;
    Marks decryptedMarks = Marks::none;
    Quirks quirks;
    bool noOsLocking = false;
    bool rawEcPoint = false;
    bool compressEcPoint = false;
    bool alreadyInitialized = false;
    bool alwaysAuthenticate = false;
    bool messageSign = false;
    bool zeros = false;
    PointForm pointForm = PointForm::any;
    std::optional<std::string> protectedPin;
    CK_FLAGS addedTokenFlags = 0;
    CK_FLAGS removedTokenFlags = 0;
};

/// All there are.
std::vector<std::string> settingNames();

bool contains(const Numbers& numbers, CK_ULONG number);

/// What is in force. A reference stays good after a change, until the module is unloaded.
const Config& config();

/// Reads the environment again. On a bad setting: one line on stderr, CKR_ARGUMENTS_BAD, and what
/// was in force stays.
CK_RV reloadConfig();

/// Puts `value` over the environment's; null takes it back. A null name takes all back.
CK_RV configure(const char* name, const char* value);

/// Handlers of fork().
void lockConfig();
void unlockConfig();

/// Frees everything; the module is going.
void releaseConfig();

} // namespace test_module
