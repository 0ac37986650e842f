// SPDX-License-Identifier: Apache-2.0
// Another provider's implementation of an algorithm, from the table that it gives the core.
#pragma once

#include <string_view>

#include <openssl/core.h>
#include <openssl/provider.h>

namespace p11::ossl {

/// Valid as long as its provider exists.
class Implementation {
  public:
    /// Without functions.
    Implementation() = default;
    /// The functions of `provider` for `operation` and `name`, one of the algorithm's names. Empty
    /// if it has none.
    Implementation(const OSSL_PROVIDER* provider, int operation, std::string_view name);

    explicit operator bool() const { return functions_ != nullptr; }
    void* provctx() const { return provctx_; }

    /// The function with that `id`; null if the provider lacks it.
    template <typename Function>
    Function* function(int id) const {
        return reinterpret_cast<Function*>(find(id));
    }

  private:
    void (*find(int id) const)(void);

    const OSSL_DISPATCH* functions_ = nullptr;
    void* provctx_ = nullptr;
};

} // namespace p11::ossl
