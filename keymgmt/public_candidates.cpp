// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_candidates.h"

#include <algorithm>
#include <array>

#include "keymgmt/key_family.h"
#include "keymgmt/public_key.h"
#include "keymgmt/rsa_type.h"
#include "tokens/object_search.h"

namespace p11::keymgmt {
namespace {

constexpr std::array candidateAttributes{CKA_CLASS,     CKA_KEY_TYPE, CKA_LABEL,
                                         CKA_ID,        CKA_MODULUS,  CKA_PUBLIC_EXPONENT,
                                         CKA_EC_PARAMS, CKA_EC_POINT, CKA_VALUE};

void add(ossl::Pkey key, bool sameLabel, std::vector<PublicCandidate>& found) {
    const auto before = std::find_if(found.begin(), found.end(), [&key](const auto& other) {
        return EVP_PKEY_eq(other.key.get(), key.get()) == 1;
    });
    if (before == found.end())
        found.push_back({std::move(key), sameLabel});
    else
        before->sameLabel = before->sameLabel || sameLabel;
}

} // namespace

void addCandidates(const KeyProof& proof, pkcs11::Session& session, CK_OBJECT_CLASS type,
                   std::vector<PublicCandidate>& found) {
    const auto id = proof.object().id();
    const auto label = proof.object().label();
    if (id.empty() && label.empty())
        return;
    const auto query = tokens::byIdOrLabel(type, id, proof.object().rawLabel());
    for (const CK_OBJECT_HANDLE handle : pkcs11::findObjects(session, query)) {
        const auto attributes = pkcs11::readAttributes(session, handle, candidateAttributes);
        if (!pkcs11::fits(query, attributes))
            continue;
        auto key =
            type == CKO_CERTIFICATE
                ? asRsaType(proof.context(),
                            publicKeyOfCertificate(proof.context(), attributes.bytes(CKA_VALUE)),
                            proof.type())
                : publicKeyOf(proof.context(), proof.type(), attributes);
        if (key && proof.isPossible(key.get()))
            add(std::move(key), attributes.text(CKA_LABEL) == label, found);
    }
}

} // namespace p11::keymgmt
