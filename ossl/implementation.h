// SPDX-License-Identifier: Apache-2.0
// An algorithm as another provider implements it, by the table that it gives the core.
#pragma once

#include <string_view>

#include <openssl/core.h>
#include <openssl/provider.h>

namespace ossl {

/// Valid as long as its provider is.
class Implementation {
  public:
    /// Without functions.
    Implementation() = default;
    /// What `provider` has for `operation` under `name`, one of the algorithm's names; without
    /// functions if it has nothing.
    Implementation(const OSSL_PROVIDER* provider, int operation, std::string_view name);

    explicit operator bool() const { return functions_ != nullptr; }
    void* provctx() const { return provctx_; }

    /// The function with the number `id`; null if the provider does not have it.
    template <typename Function>
    Function* function(int id) const {
        return reinterpret_cast<Function*>(find(id));
    }

  private:
    void (*find(int id) const)(void);

    const OSSL_DISPATCH* functions_ = nullptr;
    void* provctx_ = nullptr;
};

} // namespace ossl
