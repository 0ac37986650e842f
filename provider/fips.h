// SPDX-License-Identifier: Apache-2.0
// The algorithms of the provider for libraries in FIPS mode, which fetch with the query fips=yes
// (fips_module(7)).
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <openssl/core.h>

namespace provider {

/// A copy of a table of algorithms that adds fips=yes to the properties of each. Not changed after
/// its construction.
class FipsAlgorithms {
  public:
    /// `algorithms` ends with an entry without names; what it points to must outlive this.
    explicit FipsAlgorithms(const OSSL_ALGORITHM* algorithms);

    /// Lives as long as this.
    const OSSL_ALGORITHM* table() const { return table_.data(); }

  private:
    std::deque<std::string> properties_; ///< a deque, since the table points into it
    std::vector<OSSL_ALGORITHM> table_;
};

} // namespace provider
