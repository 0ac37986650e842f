// SPDX-License-Identifier: Apache-2.0
// A key in memory. It is the other provider's that would have had it without this one, and every
// question goes on to that provider's own functions, with the answer and the errors that it gives.
#pragma once

#include <memory>

#include <openssl/core_dispatch.h>

#include "keymgmt/key_type.h"
#include "ossl/context.h"
#include "ossl/implementation.h"

namespace keymgmt {

/// The EVP_KEYMGMT of another provider. Keeps that provider in use.
class OtherKeymgmt {
  public:
    /// Throws UsageError where no other provider has keys of `type`.
    OtherKeymgmt(const ossl::Context& context, KeyType type);
    OtherKeymgmt(const OtherKeymgmt& other);
    OtherKeymgmt& operator=(const OtherKeymgmt&) = delete;
    ~OtherKeymgmt() = default;

    const OSSL_PROVIDER* provider() const;
    const ossl::Implementation& functions() const { return functions_; }

  private:
    ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> owner_;
    ossl::Implementation functions_;
};

/// Thread-safe as keys of OpenSSL's own providers are. The functions that are named after those of
/// provider-keymgmt(7) answer as these; what the other provider leaves out is answered as EVP does.
class SoftwareKey {
  public:
    /// An empty key. Throws UsageError where no other provider has keys of `type`.
    SoftwareKey(const ossl::Context& context, KeyType type);
    /// Takes over `keydata`, which is one of `keymgmt`.
    SoftwareKey(const OtherKeymgmt& keymgmt, void* keydata);
    ~SoftwareKey();
    SoftwareKey(const SoftwareKey&) = delete;
    SoftwareKey& operator=(const SoftwareKey&) = delete;

    const OtherKeymgmt& keymgmt() const { return keymgmt_; }
    /// What the other provider's functions take.
    void* keydata() const { return keydata_; }

    int has(int selection) const;
    /// False where the choice of the other provider has changed between two keys: neither's
    /// functions may be given the other's keydata.
    bool isOfSameProvider(const SoftwareKey& other) const;
    int match(const SoftwareKey& other, int selection) const;
    int validate(int selection, int checkType) const;
    int import(int selection, const OSSL_PARAM* params);
    int exportTo(int selection, OSSL_CALLBACK* callback, void* arg) const;
    int getParams(OSSL_PARAM* params) const;
    int setParams(const OSSL_PARAM* params);
    /// Null if the other provider makes no such copy.
    std::unique_ptr<SoftwareKey> duplicate(int selection) const;

    /// Takes over the selected parts of another provider's key; false if that fails.
    bool importFrom(EVP_PKEY* key, int selection);
    /// A copy with all there is, in the provider's own library context; null on failure.
    ossl::Pkey toPkey(const ossl::Context& context, KeyType type) const;

  private:
    OtherKeymgmt keymgmt_;
    void* keydata_;
};

} // namespace keymgmt
