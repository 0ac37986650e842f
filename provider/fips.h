// SPDX-License-Identifier: Apache-2.0
// The algorithms of the provider for libraries in FIPS mode, which fetch with the query fips=yes
// (fips_module(7)).
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <openssl/core.h>

namespace provider {

/// A copy of a table of algorithms, with fips=yes in the properties of each. It does not change
/// after construction.
class FipsAlgorithms {
  public:
    /// `algorithms` ends with an entry without names. What it points to must outlive this.
    explicit FipsAlgorithms(const OSSL_ALGORITHM* algorithms);

    /// Lives as long as this.
    const OSSL_ALGORITHM* table() const { return table_.data(); }

  private:
    std::deque<std::string> properties_; ///< a deque, because the table points into it
    std::vector<OSSL_ALGORITHM> table_;
};

} // namespace provider
