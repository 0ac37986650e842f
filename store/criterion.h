// SPDX-License-Identifier: Apache-2.0
// What OSSL_STORE_find(3) asks for: a subject, an issuer and serial number, a fingerprint, or a
// label.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/core.h>

#include "keymgmt/key.h"
#include "ossl/provider_context.h"
#include "pkcs11/object.h"

namespace p11::store {

/// Used by one thread.
class Criterion {
  public:
    /// Takes the criterion in `params` (provider-storemgmt(7), section "Set Parameters") in place
    /// of the one before. Other parameters change nothing. Throws UsageError.
    void set(const ossl::ProviderContext& context, const OSSL_PARAM* params);

    /// False if nothing is asked for, and so everything fits.
    bool given() const;
    /// The label that objects must have, if one is asked for.
    const std::optional<std::string>& label() const { return alias_; }
    /// False for objects that have none of what is asked for: keys have no names.
    bool concerns(CK_OBJECT_CLASS type) const;
    /// For C_FindObjectsInit. Names and numbers are compared there byte by byte.
    std::vector<pkcs11::AttributeValue> filter() const;

    /// True if the certificate `der` is one that is asked for. Names are compared as OpenSSL
    /// compares them, whatever their encoding (X509_NAME_cmp(3)). The fingerprint is that of the
    /// certificate or of its SubjectPublicKeyInfo.
    bool fits(const pkcs11::Bytes& der) const;
    /// True if the key is one that is asked for. The fingerprint is that of its
    /// SubjectPublicKeyInfo. May ask the token for the public key. Throws pkcs11::Error.
    bool fits(const keymgmt::Key& key) const;

  private:
    bool isFingerprintOf(const pkcs11::Bytes& der) const;

    pkcs11::Bytes subject_; ///< DER, as are the next two; empty if not asked for
    pkcs11::Bytes issuer_;
    pkcs11::Bytes serial_;
    ossl::SharedMd digest_;
    pkcs11::Bytes fingerprint_;
    std::optional<std::string> alias_;
};

} // namespace p11::store
