// SPDX-License-Identifier: Apache-2.0
// The settings PKCS11_TEST_*, from the environment or set at run time.
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

/// The present configuration. A reference stays valid after a change, until the module is unloaded.
const Config& config();

/// Reads the environment again. For a wrong setting it writes a line to standard error, changes
/// nothing and answers CKR_ARGUMENTS_BAD.
CK_RV reloadConfig();

/// Overrides the environment's value. A null `value` removes the override, and a null name removes
/// all.
CK_RV configure(const char* name, const char* value);

/// Handlers of fork().
void lockConfig();
void unlockConfig();

/// Frees everything when the module is unloaded.
void releaseConfig();

} // namespace test_module
