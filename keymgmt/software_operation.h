// SPDX-License-Identifier: Apache-2.0
// An operation with a key in memory. Each function is that of the provider that has the key. So
// nothing changes for such a key if this provider comes first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "keymgmt/key.h"
#include "keymgmt/software_key.h"
#include "ossl/context_functions.h"

namespace p11::keymgmt {

/// The functions that every context of an operation has, whatever its algorithm.
struct ContextIds {
    int operation; ///< OSSL_OP_SIGNATURE ...
    int newctx, freectx, dupctx;
};

/// The other provider's operation context. Used by one thread at a time. Copies are independent.
class SoftwareOperation {
  public:
    /// `algorithm` has the algorithm's names, or is null for the key's own algorithm. `query` is
    /// the application's property query, or null. Throws UsageError if the key's provider has no
    /// such algorithm, or makes no context.
    SoftwareOperation(std::shared_ptr<Key> key, const ContextIds& ids, const char* algorithm,
                      const char* query);
    SoftwareOperation(const SoftwareOperation& other);
    SoftwareOperation& operator=(const SoftwareOperation&) = delete;
    ~SoftwareOperation();

    const Key& key() const { return *key_; }
    /// True if the other provider takes the keydata of `key`, a key in memory.
    bool isOf(const Key& key) const;
    void setKey(std::shared_ptr<Key> key) { key_ = std::move(key); }

    /// Calls the function with that id, with the context and `arguments`. If the other provider
    /// lacks it, returns `otherwise`.
    template <typename Function, typename Result, typename... Arguments>
    Result call(int id, Result otherwise, Arguments... arguments) const {
        auto* function = functions_.function<Function>(id);
        return function != nullptr ? function(context_, arguments...) : otherwise;
    }
    /// The same for functions that start an operation. If the function is missing, the answer is
    /// EVP's own refusal.
    template <typename Function, typename... Arguments>
    int begin(int id, Arguments... arguments) const {
        auto* function = functions_.function<Function>(id);
        return function != nullptr ? function(context_, arguments...) : refuse();
    }
    /// EVP's refusal of an operation that the key's provider lacks. Returns EVP's number for it.
    static int refuse();
    /// For functions that take a context and the provider's.
    const OSSL_PARAM* list(int id) const {
        using List = const OSSL_PARAM*(void*, void*);
        return call<List>(id, static_cast<const OSSL_PARAM*>(nullptr), functions_.provctx());
    }

  private:
    std::shared_ptr<Key> key_; ///< also keeps the provider in use
    ContextIds ids_;
    ossl::Implementation functions_;
    void* context_ = nullptr;
};

/// The software operation of a context, if it has one: that of the last key in memory with which it
/// was started.
class SoftwareSide {
  public:
    /// Called when an operation starts. A null `keydata` keeps the operation. A key on a token ends
    /// it. Throws UsageError.
    void choose(void* keydata, const ContextIds& ids, const char* algorithm = nullptr,
                const char* query = nullptr);
    /// Null for a key on a token.
    const SoftwareOperation* get() const { return operation_ ? &*operation_ : nullptr; }

  private:
    std::optional<SoftwareOperation> operation_;
};

/// The software operation of the `T` at `ctx`. Null for a key on a token, and for a null `ctx`,
/// with which EVP asks for lists.
template <typename T>
const SoftwareOperation* softwareOf(void* ctx) {
    return ctx != nullptr ? ossl::ContextFunctions<T>::of(ctx).software().get() : nullptr;
}

/// The other provider's keydata of `keydata`, a key in memory; null for null.
void* softwareKeydata(void* keydata);

} // namespace p11::keymgmt
