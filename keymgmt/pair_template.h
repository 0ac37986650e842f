// SPDX-License-Identifier: Apache-2.0
// What PKCS#11 needs to make or store a key pair. Each family of keys that tokens can make has a
// PairMaking (keymgmt/key_family.h).
#pragma once

#include <span>
#include <string>

#include "keymgmt/key_types.h"
#include "keymgmt/storage_parameters.h"
#include "ossl/handles.h"
#include "ossl/secret.h"
#include "pkcs11/writing.h"

namespace p11::keymgmt {

/// The parameters of a new pair, as EVP calls them: `bits`, `e`, `group`.
struct PairParameters {
    std::size_t bits = 2048;
    std::size_t primes = 2;
    pkcs11::Bytes exponent{1, 0, 1}; ///< big-endian
    std::string group;               ///< OpenSSL's name, or empty
    std::string restriction;         ///< a parameter that limits the signatures of RSA-PSS keys
};

/// Attributes of both halves.
struct PairTemplates {
    pkcs11::Template publicValues;
    pkcs11::Template privateValues;
};

/// A form in which tokens may accept a pair.
struct KeyPairMechanism {
    CK_KEY_TYPE keyType;
    CK_MECHANISM_TYPE mechanism; ///< of C_GenerateKeyPair
    const char* mechanismName;
    bool curveByName = false; ///< as a PrintableString instead of its OID
};

struct PairMaking {
    Usage possible; ///< the usages of such keys; always set, to yes or no
    /// The usages if none are asked for.
    Usage (*common)(KeyType type);
    /// The usual one first. The others are for tokens that refuse it.
    std::span<const KeyPairMechanism> forms;
    /// Notes those of a generator's parameters that such pairs have. Null: they have none. Throws
    /// UsageError.
    void (*note)(KeyType type, const OSSL_PARAM* params, PairParameters& wanted);
    /// Adds the values for a new pair. Throws UsageError.
    void (*generation)(KeyType type, const PairParameters& wanted, const KeyPairMechanism& form,
                       PairTemplates& pair);
    /// Adds the values of `key`, a software pair, to both halves. Throws UsageError.
    void (*values)(KeyType type, EVP_PKEY* key, const KeyPairMechanism& form, PairTemplates& pair);
};

/// Throws UsageError: the pair cannot be made or stored on a token.
[[noreturn]] void refusePair(const std::string& what);

/// A number of a software key, big-endian, in as many bytes as it needs, or in `size` of them.
/// Throws UsageError.
ossl::SecretBytes numberOf(EVP_PKEY* key, const char* name, std::size_t size = 0);

constexpr Usage signingUsage{.sign = true, .decrypt = false, .unwrap = false, .derive = false};

} // namespace p11::keymgmt
