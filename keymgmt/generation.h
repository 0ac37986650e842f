// Key generation for applications that name no provider. EVP takes the first keymgmt there is, and
// fails if that one does not generate; so this one does, with the provider that would have had its
// turn otherwise, in memory.
#pragma once

#include <memory>

#include "keymgmt/key.h"

namespace keymgmt {

/// One EVP_PKEY_keygen or EVP_PKEY_paramgen. Used by one thread.
class Generation {
  public:
    /// `selection` tells whether a key pair or parameters are wanted. Throws UsageError.
    Generation(ossl::Context& context, KeyType type, int selection);

    const ossl::Core& core() const { return context_.core(); }
    bool set(const OSSL_PARAM* params);
    const OSSL_PARAM* settable() const;
    /// Takes over the parameters (the group) of `key`.
    bool useTemplate(const Key& key);
    /// Throws UsageError.
    std::shared_ptr<Key> run();

  private:
    bool begin();

    ossl::Context& context_;
    KeyType type_;
    bool pair_;
    ossl::PkeyCtx generator_;
};

} // namespace keymgmt
