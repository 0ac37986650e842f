// SPDX-License-Identifier: Apache-2.0
// The algorithms of one instance of the provider, with the properties by which libcrypto chooses
// among algorithms of the same name (property(7)).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/core.h>

namespace p11::provider {

/// "provider=NAME,pkcs11.provider=yes", where `name` is the one that the configuration or
/// OSSL_PROVIDER_load(3) gave, and with `fips` also "fips=yes", for libraries in FIPS mode
/// (fips_module(7)). The name is quoted where it needs that.
std::string definitionOf(std::string_view name, bool fips);

/// A copy of a table of algorithms whose properties are added to `definition`. It does not change
/// after construction.
class DefinedAlgorithms {
  public:
    /// `algorithms` ends with an entry without names. What it points to must outlive this.
    DefinedAlgorithms(const OSSL_ALGORITHM* algorithms, const std::string& definition);

    /// Lives as long as this.
    const OSSL_ALGORITHM* table() const { return table_.data(); }

  private:
    std::deque<std::string> properties_; ///< a deque, because the table points into it
    std::vector<OSSL_ALGORITHM> table_;
};

} // namespace p11::provider
