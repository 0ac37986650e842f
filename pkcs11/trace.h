// SPDX-License-Identifier: Apache-2.0
// The operator's log (PKCS11_PROVIDER_DEBUG). It holds function names, results, times and steps;
// never a PIN, an attribute's value or data.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <p11-kit/pkcs11.h>

namespace p11::pkcs11::trace {

/// 0 logs nothing, 1 logs errors and steps, 2 and more also logs every C_ call.
int level();

/// Sets the log to `spec`, "file:PATH,level:N,format:json". Each part may be missing; without a
/// file the log goes to standard error, and without a format it is text. The first call with a
/// usable spec counts for the process. Returns false if `spec` is malformed.
bool configure(std::string_view spec);

/// What the program asked for: "search pkcs11:token=...", "sign with private key ...". It has a
/// number, which all lines of the thread have during its lifetime. Inside another step it is a line
/// of that one.
class Step {
  public:
    /// `text()` is called only if the step is logged.
    template <typename Text>
    explicit Step(const Text& text) {
        if (level() >= 1)
            begin(text());
    }
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

  private:
    void begin(const std::string& text);

    bool begun_ = false;
};

/// The number of the thread's step; 0 outside of any.
unsigned long stepOfThread();

/// For a thread that works for another one: its lines have that one's number meanwhile.
class SameStep {
  public:
    explicit SameStep(unsigned long step);
    ~SameStep();
    SameStep(const SameStep&) = delete;
    SameStep& operator=(const SameStep&) = delete;
};

/// Logs an event within a step. Thread-safe.
void step(std::string_view text);

/// Logs one C_ call with its result and time. For C_Decrypt it logs neither, because both may
/// reveal the plaintext.
void call(const char* function, CK_RV rv, std::chrono::steady_clock::duration taken);

} // namespace p11::pkcs11::trace
