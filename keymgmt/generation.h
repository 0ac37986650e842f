// SPDX-License-Identifier: Apache-2.0
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

/// One EVP_PKEY_keygen or EVP_PKEY_paramgen. Used by one thread. The functions that are named after
/// those of provider-keymgmt(7) answer as the other provider's do, with its errors.
class Generation {
  public:
    /// `selection` tells whether a key pair or parameters are wanted. Throws UsageError.
    Generation(ossl::Context& context, KeyType type, int selection);
    ~Generation();
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    const ossl::Core& core() const { return context_.core(); }
    /// False if the other provider does not begin.
    bool init(const OSSL_PARAM* params);
    /// Throws UsageError, pkcs11::Error.
    int setParams(const OSSL_PARAM* params);
    /// The other provider's parameters and ours. Lives as long as the process.
    const OSSL_PARAM* settable() const;
    /// Takes over the parameters (the group) of `key`. Throws UsageError.
    int setTemplate(const Key& key);

    bool isForToken() const { return placement_.given(); }
    /// Throws UsageError, pkcs11::Error.
    std::shared_ptr<Key> generateOnToken();
    /// Null if the other provider makes none.
    std::shared_ptr<Key> generateInMemory(OSSL_CALLBACK* progress, void* arg);

  private:
    template <typename Function>
    Function* function(int id) const {
        return keymgmt_.functions().function<Function>(id);
    }
    void note(const OSSL_PARAM* params);
    void noteGroup(const Key& key);

    ossl::Context& context_;
    KeyType type_;
    int selection_;
    OtherKeymgmt keymgmt_;
    void* generator_ = nullptr; ///< the other provider's
    std::unique_ptr<SoftwareKey> template_;
    Placement placement_;
    PairParameters wanted_; ///< what the generator was told, for the token
};

} // namespace keymgmt
