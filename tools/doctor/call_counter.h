// SPDX-License-Identifier: Apache-2.0
// Counts the calls of pkcs11.so into its modules, as its log tells them (PKCS11_PROVIDER_DEBUG).
#pragma once

#include <cstddef>
#include <optional>

namespace p11::tools::doctor {

/// Sets the variable, which the provider reads when it is loaded, to a file in memory; removes it
/// at the end. Does nothing where the user has set it.
class CallCounter {
  public:
    explicit CallCounter(bool isWanted);
    ~CallCounter();
    CallCounter(const CallCounter&) = delete;
    CallCounter& operator=(const CallCounter&) = delete;

    /// The calls so far; nothing if they are not counted.
    std::optional<std::size_t> calls() const;

  private:
    int file_ = -1;
};

} // namespace p11::tools::doctor
