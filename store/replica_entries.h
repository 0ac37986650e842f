// SPDX-License-Identifier: Apache-2.0
// The same objects on several tokens, as one.
#pragma once

#include <functional>
#include <vector>

#include "keymgmt/replicas.h"
#include "store/entry.h"
#include "uri/uri.h"

namespace p11::store {

/// True if `one` and `other` are copies of the same object on two tokens. Private keys have to
/// prove it, so this may ask the tokens. Throws pkcs11::Error.
bool areReplicas(const Entry& one, const Entry& other);

/// True if `key` is the same private key as `first`: by value or, if its token hides the public
/// half, by a proof. Throws pkcs11::Error.
bool isSameKey(const keymgmt::Key& first, const keymgmt::Key& key);

/// Several entries for the same object, each on a token of its own, the first of which counts most.
using ReplicaGroup = std::vector<Entry>;

/// Groups in the order of their first entries. Most have one entry. `leaveOut` gets those that
/// cannot be compared, with the reason.
std::vector<ReplicaGroup>
groupReplicas(std::vector<Entry> entries,
              const std::function<void(const Entry&, const pkcs11::Error&)>& leaveOut);

/// One entry for the group. Its URI is `uri` with what it lacks to name the object on each of the
/// tokens.
Entry asOneEntry(const ossl::ProviderContext& context, const uri::Uri& uri, ossl::Replicas mode,
                 ReplicaGroup group, const keymgmt::Replicas::Search& search);

} // namespace p11::store
