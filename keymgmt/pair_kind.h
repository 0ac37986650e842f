// SPDX-License-Identifier: Apache-2.0
// Kinds of key pairs, and what PKCS#11 needs to make or store one. A new kind is a row of the table
// in pair_kind.cpp.
#pragma once

#include <span>
#include <string>

#include "keymgmt/key_type.h"
#include "keymgmt/placement.h"
#include "ossl/handles.h"
#include "pkcs11/writing.h"

namespace keymgmt {

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
struct PairForm {
    CK_KEY_TYPE keyType;
    CK_MECHANISM_TYPE mechanism; ///< of C_GenerateKeyPair
    const char* mechanismName;
    bool curveByName = false; ///< as a PrintableString instead of its OID
};

/// One row.
struct PairKind {
    KeyType type;
    Usage possible; ///< the usages of such keys; always set, to yes or no
    Usage common;   ///< the usages if none are asked for
    /// The usual one first. The others are for tokens that refuse it.
    std::span<const PairForm> forms;
    /// Adds the values for a new pair. Throws UsageError.
    void (*generation)(const PairKind&, const PairParameters&, const PairForm&, PairTemplates&);
    /// Adds the values of `key`, a software pair, to both halves. Throws UsageError.
    void (*values)(const PairKind&, EVP_PKEY* key, const PairForm&, PairTemplates&);
};

/// Throws UsageError if no pairs of that type can be made or stored on tokens.
const PairKind& pairKind(KeyType type);

} // namespace keymgmt
