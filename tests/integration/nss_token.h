// SPDX-License-Identifier: Apache-2.0
// A token with ML-DSA and ML-KEM keys: the NSS of Debian 14 (tests/clients/nss-root.sh), which
// SoftHSM can't be.
#pragma once

#include <string>

#include "fixture.h"

namespace testing_support {

/// NSS with a pair of each parameter set ("ML-KEM-768" and so on) and a library context that has no
/// other module. It runs in this process, past the test module or behind it.
class NssToken {
  public:
    /// Whether NSS was unpacked, and OpenSSL knows such keys (3.5).
    static bool isThere();

    explicit NssToken(Order order = Order::defaultFirst, const std::string& directives = {});
    /// Behind the test module, which must not have been loaded in this process.
    static std::unique_ptr<NssToken> behindTestModule(Order order, const std::string& directives);
    OSSL_LIB_CTX* get() const { return context_->get(); }
    /// Null on failure.
    p11::ossl::Pkey loadPrivate(const std::string& label) const;

  private:
    NssToken(Order order, const std::string& directives, const std::string& module);
    std::unique_ptr<ConfiguredContext> context_;
};

} // namespace testing_support
