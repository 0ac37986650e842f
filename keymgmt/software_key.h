// SPDX-License-Identifier: Apache-2.0
// A key in memory. It belongs to the provider that would have it without this one. Every call goes
// to that provider's own functions, and returns its answer and errors.
#pragma once

#include <memory>

#include <openssl/core_dispatch.h>

#include "keymgmt/key_types.h"
#include "keymgmt/published_key.h"
#include "ossl/implementation.h"
#include "ossl/provider_context.h"

namespace p11::keymgmt {

/// The EVP_KEYMGMT of another provider. Keeps that provider in use.
class OtherKeymgmt {
  public:
    /// Throws UsageError if no other provider has keys of `type`.
    OtherKeymgmt(const ossl::ProviderContext& context, KeyType type);
    OtherKeymgmt(const OtherKeymgmt& other);
    OtherKeymgmt& operator=(const OtherKeymgmt&) = delete;
    ~OtherKeymgmt() = default;

    const OSSL_PROVIDER* provider() const;
    const ossl::Implementation& functions() const { return functions_; }
    const ossl::ProviderContext& context() const { return context_; }
    KeyType type() const { return type_; }

  private:
    const ossl::ProviderContext& context_;
    KeyType type_;
    ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> owner_;
    ossl::Implementation functions_;
};

/// As thread-safe as keys of OpenSSL's own providers. Functions with names from provider-keymgmt(7)
/// behave like these. If the other provider lacks one, the answer is EVP's.
class SoftwareKey {
  public:
    /// An empty key. Throws UsageError if no other provider has keys of `type`.
    SoftwareKey(const ossl::ProviderContext& context, KeyType type);
    /// Takes over `keydata`, which is one of `keymgmt`.
    SoftwareKey(const OtherKeymgmt& keymgmt, void* keydata);
    ~SoftwareKey();
    SoftwareKey(const SoftwareKey&) = delete;
    SoftwareKey& operator=(const SoftwareKey&) = delete;

    const OtherKeymgmt& keymgmt() const { return keymgmt_; }
    /// What the other provider's functions take.
    void* keydata() const { return keydata_; }

    int has(int selection) const;
    /// False if OpenSSL chose another provider between the two keys: the functions of neither may
    /// get the other's keydata.
    bool isOfSameProvider(const SoftwareKey& other) const;
    int match(const SoftwareKey& other, int selection) const;
    int validate(int selection, int checkType) const;
    int import(int selection, const OSSL_PARAM* params);
    int exportTo(int selection, OSSL_CALLBACK* callback, void* arg) const;
    int getParams(OSSL_PARAM* params) const;
    int setParams(const OSSL_PARAM* params);
    /// Null if the other provider makes no such copy.
    std::unique_ptr<SoftwareKey> duplicate(int selection) const;

    /// Imports the selected parts of another provider's key; false if that fails.
    bool importFrom(EVP_PKEY* key, int selection);
    /// A complete copy in the provider's own library context; null on failure.
    ossl::Pkey toPkey() const;
    /// A copy without the private half, made at the first call; null on failure. Owned by this.
    EVP_PKEY* publicCopy() const;

  private:
    ossl::Pkey copy(int selection) const;

    OtherKeymgmt keymgmt_;
    void* keydata_;
    mutable PublishedKey publicCopy_;
};

} // namespace p11::keymgmt
