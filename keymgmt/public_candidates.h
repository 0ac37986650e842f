// SPDX-License-Identifier: Apache-2.0
// The public keys and certificates beside a private key on a token: what may be its public half.
#pragma once

#include <vector>

#include "keymgmt/key_proof.h"

namespace p11::keymgmt {

struct PublicCandidate {
    ossl::Pkey key;
    bool sameLabel; ///< as the private key
    KeyProof::Answer isOwn = KeyProof::Answer::unknown;
};

/// Adds the possible public keys in objects of class `type` that go with the private key, each
/// once: with its CKA_ID, or with its label if it has no id. Throws pkcs11::Error.
void addCandidates(const KeyProof& proof, pkcs11::Session& session, CK_OBJECT_CLASS type,
                   std::vector<PublicCandidate>& found);

} // namespace p11::keymgmt
