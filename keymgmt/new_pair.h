// SPDX-License-Identifier: Apache-2.0
// Making and storing key pairs on a token.
#pragma once

#include <memory>

#include "keymgmt/key.h"
#include "keymgmt/pair_template.h"
#include "keymgmt/progress.h"
#include "keymgmt/storage_parameters.h"

namespace p11::keymgmt {

/// Makes a pair on the token that the storage names (C_GenerateKeyPair). Afterwards the token has
/// either both halves or none. Throws pkcs11::Error, and UsageError, also if an object with the
/// same name exists, or if `progress` was asked to stop.
std::shared_ptr<Key> generatePair(ossl::ProviderContext& context, KeyType type,
                                  const StorageParameters& storage, const PairParameters& wanted,
                                  Progress& progress);

/// Stores `software`, a pair in memory, on that token (C_CreateObject, twice). As above.
std::shared_ptr<Key> storePair(ossl::ProviderContext& context, KeyType type,
                               const StorageParameters& storage, EVP_PKEY* software);

/// Throws UsageError if the token has an object of one of the classes that a new object with that
/// label and id (tokens/object_search.h) would duplicate.
void requireFree(pkcs11::Session& session, std::span<const CK_OBJECT_CLASS> classes,
                 const std::string& label, const pkcs11::Bytes& id);

} // namespace p11::keymgmt
