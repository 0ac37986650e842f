// SPDX-License-Identifier: Apache-2.0
// Kinds of key pairs, and what PKCS#11 wants to know to make one or to store one. A new kind is a
// row of the table in pair_kind.cpp.
#pragma once

#include <span>
#include <string>

#include "keymgmt/key_type.h"
#include "keymgmt/placement.h"
#include "ossl/handles.h"
#include "pkcs11/writing.h"

namespace keymgmt {

/// What the application wants of a pair that is to be made: what EVP calls `bits`, `e`, `group`.
struct PairParameters {
    std::size_t bits = 2048;
    std::size_t primes = 2;
    pkcs11::Bytes exponent{1, 0, 1}; ///< big-endian
    std::string group;               ///< OpenSSL's name, or empty
    std::string restriction;         ///< a parameter that limits what RSA-PSS keys sign
};

/// Attributes of both halves.
struct PairTemplates {
    pkcs11::Template publicValues;
    pkcs11::Template privateValues;
};

/// A way in which tokens may want a pair.
struct PairForm {
    CK_KEY_TYPE keyType;
    CK_MECHANISM_TYPE mechanism; ///< of C_GenerateKeyPair
    const char* mechanismName;
    bool curveByName = false; ///< as a PrintableString, and not by its OID
};

/// One row.
struct PairKind {
    KeyType type;
    Usage possible; ///< what keys of this kind can do; always said, be it yes or no
    Usage common;   ///< what they may do unless something else is asked for
    /// The usual one first; the next is for tokens that do not take it.
    std::span<const PairForm> forms;
    /// Adds what makes a new pair. Throws UsageError.
    void (*generation)(const PairKind&, const PairParameters&, const PairForm&, PairTemplates&);
    /// Adds the values of `key`, a software pair, to both halves. Throws UsageError.
    void (*values)(const PairKind&, EVP_PKEY* key, const PairForm&, PairTemplates&);
};

/// Throws UsageError if no pairs of that type can be made or stored on tokens.
const PairKind& pairKind(KeyType type);

} // namespace keymgmt
