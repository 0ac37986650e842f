// SPDX-License-Identifier: Apache-2.0
// Where on a token a new object goes, and what it may do there: the pkcs11_... parameters of
// EVP_PKEY_keygen, EVP_PKEY_fromdata and EVP_PKEY_set_params (docs/key-management.md).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openssl/params.h>

#include "uri/uri.h"

namespace p11::keymgmt {

/// The usages of a key, with X.509's names as PKCS#11 2.40 maps them (section "Public key
/// objects").
struct Usage {
    bool sign = false;    ///< digitalSignature, nonRepudiation, keyCertSign, cRLSign
    bool decrypt = false; ///< dataEncipherment
    bool unwrap = false;  ///< keyEncipherment
    bool derive = false;  ///< keyAgreement
};

/// The values of these parameters. Used by one thread.
class StorageParameters {
  public:
    static constexpr const char* uriParameter = "pkcs11_uri";

    /// Reads those of these parameters that are present. Throws UsageError.
    void set(const OSSL_PARAM* params);

    /// The names, as entries for a list of settable parameters.
    static std::span<const OSSL_PARAM> parameters();

    /// True if a parameter was set.
    bool given() const { return given_; }
    /// The URI of the new pair. Throws UsageError if it is missing, or if it does not fit a key
    /// pair (object= or id=, type=private or none). Throws pkcs11::Error if it is not a URI.
    const uri::Uri& keyUri() const;

    std::optional<Usage> usage;
    bool sensitive = true;
    bool extractable = false;
    std::optional<bool> alwaysAuthenticate;
    bool allowDuplicate = false;

  private:
    void setUri(std::string_view text);

    bool given_ = false;
    std::optional<uri::Uri> uri_;
    std::string uriProblem_;
};

} // namespace p11::keymgmt
