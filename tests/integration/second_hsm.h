// SPDX-License-Identifier: Apache-2.0
// A second HSM with the same keys: a copy of SoftHSM and of its token, behind a copy of the test
// module. The copies know nothing of the first ones.
#pragma once

#include <memory>
#include <string>

#include "fixture.h"

namespace testing_support {

/// While it exists, contexts use both modules, the first HSM's before its own.
class SecondHsm {
  public:
    /// The label of its token, and the only thing that differs is its serial number.
    static constexpr const char* token = "scenarios";

    SecondHsm();
    ~SecondHsm();
    SecondHsm(const SecondHsm&) = delete;
    SecondHsm& operator=(const SecondHsm&) = delete;

    const test_module::TestModule& module() const { return *module_; }
    /// Has its calls of `function` answer `rv`; see fault().
    void fault(const std::string& function, const std::string& calls, CK_RV rv) const;
    void configure(const char* name, const std::string& value) const;
    /// Writes to its token, past the test module. Not while a context uses it.
    TokenWriter writer() const;
    const std::string& serial() const { return serial_; }

  private:
    std::filesystem::path folder_;
    std::string serial_;
    std::string before_; ///< PKCS11_PROVIDER_MODULE
    std::unique_ptr<test_module::TestModule> module_;
};

/// The serial number of the first one's token.
std::string serialOfFirst();

/// "pkcs11:object=LABEL;type=private?pin-value=1234&x-replicas=MODE"
std::string replicaUri(const std::string& label, const std::string& mode = "failover");

} // namespace testing_support
