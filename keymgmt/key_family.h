// SPDX-License-Identifier: Apache-2.0
// What distinguishes the families of keys: one object of this class each, in the file with the
// family's name. keymgmt/key_types.h has the types of each.
#pragma once

#include <optional>
#include <span>

#include "keymgmt/key_types.h"
#include "keymgmt/pair_template.h"
#include "keymgmt/possession.h"
#include "ossl/provider_context.h"
#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

/// How such keys sign, and so which context of signature/ they have.
enum class Signing {
    none,
    rsa,
    ecdsa,
    eddsa,
    additionalContext ///< a message, with CK_SIGN_ADDITIONAL_CONTEXT (PKCS#11 3.2)
};

/// How such keys agree on secrets, and so which context of exchange/ they have.
enum class Agreeing { none, ecdh, xdh };

/// How such keys encapsulate secrets, and so which context of kem/ they have.
enum class Encapsulating {
    none,
    rsasve,
    dhkem, ///< keys on some curves (RFC 9180)
    mlKem
};

/// Functions that may be null say what that means.
struct KeyFamily {
    CK_KEY_TYPE keyType;
    /// The type of an object with that CKA_KEY_TYPE. Nothing if this provider does not handle it.
    std::optional<KeyType> (*typeOf)(const pkcs11::Attributes& attributes);
    /// What such objects have beside keyAttributes(). CKA_VALUE of a private key is secret.
    std::span<const CK_ATTRIBUTE_TYPE> publicAttributes{};
    std::span<const CK_ATTRIBUTE_TYPE> privateAttributes{};
    /// False if only newer versions of OpenSSL 3 have such keys.
    bool isInEveryVersion = true;

    /// The public key in the attributes. Null if they lack it or make no sense.
    ossl::Pkey (*publicKeyOf)(const ossl::ProviderContext& context, KeyType type,
                              const pkcs11::Attributes& attributes);
    /// See Key::partialKey(). Null: such keys tell nothing but their public value.
    ossl::Pkey (*partialKeyOf)(const ossl::ProviderContext& context, KeyType type,
                               const pkcs11::Attributes& attributes) = nullptr;
    /// The parameter of partial keys that is invented, and never given out. May be null.
    const char* inventedParameter = nullptr;
    /// True if a partial key distinguishes such keys from each other.
    bool isKnownByPartialKey = false;
    /// True if a public key agrees with a partial key. Null: there are no partial keys.
    bool (*agrees)(EVP_PKEY* candidate, EVP_PKEY* partial) = nullptr;

    /// What EVP_PKEY_fromdata_settable(3) and EVP_PKEY_export(3) know of: of public keys and pairs.
    const OSSL_PARAM* publicParameters;
    const OSSL_PARAM* pairParameters;
    bool hasGroup = false; ///< parameters that several keys have in common (EC)
    /// True if OpenSSL's own providers make no copy of the parameters alone.
    bool copiesWithKeyOnly = false;
    /// OSSL_PKEY_PARAM_..._DIGEST; null: not told.
    const char* mandatoryDigest = nullptr;
    const char* defaultDigest = nullptr;

    Signing signing = Signing::none;
    CK_MECHANISM_TYPE signMechanism = 0; ///< that signs a hash, or a message where such keys do
    Agreeing agreeing = Agreeing::none;
    Encapsulating encapsulating = Encapsulating::none;

    /// True if the key proves that `candidate` is its public half. Throws pkcs11::Error.
    bool (*proves)(const FoundKey& key, EVP_PKEY* candidate);
    /// Verifies what the key has signed. Null: such keys do not sign.
    bool (*verifies)(const ossl::ProviderContext& context, EVP_PKEY* candidate, ByteView data,
                     ByteView signature) = nullptr;
    /// True if the key has nothing to prove itself with. Null: all keys have.
    bool (*cannotProve)(KeyType type, const pkcs11::Attributes& attributes) = nullptr;
    /// True if `error` says so. Null: errors never do.
    bool (*saysCannotProve)(const Refusals& refusals, const pkcs11::Error& error) = nullptr;

    /// How pairs are made and stored. Null: they cannot be made or stored on tokens.
    const PairMaking* pairs = nullptr;
};

constexpr const KeyFamily& familyOf(KeyType type) {
    return *rowOf(type).family;
}

/// The attributes that are read when a key is found. CKA_ALLOWED_MECHANISMS can be left out.
std::span<const CK_ATTRIBUTE_TYPE> keyAttributes(bool withAllowedMechanisms);

/// The additional attributes of an object with these attributes (CKA_CLASS, CKA_KEY_TYPE). Empty
/// for most.
std::span<const CK_ATTRIBUTE_TYPE> additionalAttributes(const pkcs11::Attributes& attributes);

/// The type of the key that `attributes` describe (CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO,
/// CKA_EC_PARAMS, CKA_PARAMETER_SET); nothing if this provider does not handle it. What else tells
/// of RSA keys is in keymgmt/rsa_type.h.
std::optional<KeyType> typeOf(const pkcs11::Attributes& attributes);

/// True if one of OpenSSL's own providers has keys of `type`.
bool isKnown(const ossl::ProviderContext& context, KeyType type);

/// The public key in `attributes`: modulus and exponent, point and parameters, or
/// CKA_PUBLIC_KEY_INFO. Null if they lack it or make no sense.
ossl::Pkey publicKeyOf(const ossl::ProviderContext& context, KeyType type,
                       const pkcs11::Attributes& attributes);

/// A key that gives sizes and the group, but not the public value: from the modulus or the EC
/// parameters alone. Null if even those are missing.
ossl::Pkey partialKeyOf(const ossl::ProviderContext& context, KeyType type,
                        const pkcs11::Attributes& attributes);

/// Throws UsageError if no pairs of that type can be made or stored on tokens.
const PairMaking& pairMaking(KeyType type);

} // namespace p11::keymgmt
