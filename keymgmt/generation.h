// SPDX-License-Identifier: Apache-2.0
// Key generation: on the token that pkcs11_uri names, and in memory without that parameter. The
// latter is for applications that name no provider. EVP takes the first keymgmt, and fails if that
// one cannot generate. So this one generates, with the provider that would otherwise have been
// asked.
#pragma once

#include <memory>

#include "keymgmt/key.h"
#include "keymgmt/pair_template.h"
#include "keymgmt/storage_parameters.h"

namespace p11::keymgmt {

/// One EVP_PKEY_keygen or EVP_PKEY_paramgen. Used by one thread. Functions with names from
/// provider-keymgmt(7) behave as the other provider's, with its errors.
class Generation {
  public:
    /// `selection` says whether a key pair or parameters are wanted. Throws UsageError.
    Generation(ossl::ProviderContext& context, KeyType type, int selection);
    ~Generation();
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    const ossl::Core& core() const { return context_.core(); }
    /// False if the other provider cannot start.
    bool init(const OSSL_PARAM* params);
    /// Throws UsageError, pkcs11::Error.
    int setParams(const OSSL_PARAM* params);
    /// The other provider's parameters and ours. Lives as long as the process.
    const OSSL_PARAM* settable() const;
    /// Copies the parameters (the group) of `key`. Throws UsageError.
    int setTemplate(const Key& key);

    bool isForToken() const { return storage_.given(); }
    /// Throws UsageError, pkcs11::Error. `progress` may be null: see keymgmt/progress.h.
    std::shared_ptr<Key> generateOnToken(OSSL_CALLBACK* progress, void* arg);
    /// Null if the other provider makes no key.
    std::shared_ptr<Key> generateInMemory(OSSL_CALLBACK* progress, void* arg);

  private:
    template <typename Function>
    Function* function(int id) const {
        return keymgmt_.functions().function<Function>(id);
    }
    void note(const OSSL_PARAM* params);
    void noteGroup(const Key& key);

    ossl::ProviderContext& context_;
    KeyType type_;
    int selection_;
    OtherKeymgmt keymgmt_;
    void* generator_ = nullptr; ///< the other provider's
    std::unique_ptr<SoftwareKey> template_;
    StorageParameters storage_;
    PairParameters wanted_; ///< the generator's parameters, for the token
};

} // namespace p11::keymgmt
