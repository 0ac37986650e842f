// Key generation: on the token that pkcs11_uri names, and in memory without that parameter. The
// latter is for applications that name no provider: EVP takes the first keymgmt there is, and fails
// if that one does not generate; so this one does, with the provider that would have had its turn
// otherwise.
#pragma once

#include <memory>

#include "keymgmt/key.h"
#include "keymgmt/pair_kind.h"
#include "keymgmt/placement.h"

namespace keymgmt {

/// One EVP_PKEY_keygen or EVP_PKEY_paramgen. Used by one thread.
class Generation {
  public:
    /// `selection` tells whether a key pair or parameters are wanted. Throws UsageError.
    Generation(ossl::Context& context, KeyType type, int selection);

    const ossl::Core& core() const { return context_.core(); }
    /// Throws UsageError, pkcs11::Error.
    void set(const OSSL_PARAM* params);
    /// The other provider's parameters and ours. Lives as long as the process.
    const OSSL_PARAM* settable() const;
    /// Takes over the parameters (the group) of `key`.
    bool useTemplate(const Key& key);
    /// Throws UsageError, pkcs11::Error.
    std::shared_ptr<Key> run();

  private:
    bool begin();
    void note(const OSSL_PARAM* params);
    std::shared_ptr<Key> runInMemory();

    ossl::Context& context_;
    KeyType type_;
    bool pair_;
    ossl::PkeyCtx generator_;
    Placement placement_;
    PairParameters wanted_; ///< what the generator was told, for the token
};

} // namespace keymgmt
