// SPDX-License-Identifier: Apache-2.0
// Key pairs that come to be on a token.
#pragma once

#include <memory>

#include "keymgmt/key.h"
#include "keymgmt/pair_kind.h"
#include "keymgmt/placement.h"

namespace keymgmt {

/// Makes a pair on the token that the placement names (C_GenerateKeyPair). Either both halves are
/// there afterwards or nothing is. Throws pkcs11::Error, and UsageError, also if something with the
/// same name is there already.
std::shared_ptr<Key> generatePair(ossl::Context& context, KeyType type, const Placement& placement,
                                  const PairParameters& wanted);

/// Stores `software`, a pair in memory, there (C_CreateObject, twice). As above.
std::shared_ptr<Key> storePair(ossl::Context& context, KeyType type, const Placement& placement,
                               EVP_PKEY* software);

/// Throws UsageError if an object of one of the classes is there of which a new one with that label
/// and id (tokens/finding.h) would be the double.
void requireFree(pkcs11::Session& session, std::span<const CK_OBJECT_CLASS> classes,
                 const std::string& label, const pkcs11::Bytes& id);

} // namespace keymgmt
