// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_half.h"

#include <algorithm>
#include <memory>

#include "ossl/error_mark.h"
#include "pkcs11/recovery.h"
#include "pkcs11/trace.h"

namespace p11::keymgmt {

using Answer = KeyProof::Answer;

EVP_PKEY* PublicHalf::find() {
    if (auto* key = known(); key != nullptr || missing_)
        return key;
    auto found = search();
    if (found)
        return key_.publish(std::move(found));
    missing_ = true;
    return nullptr;
}

bool PublicHalf::isEqualTo(EVP_PKEY* candidate) {
    if (auto* key = find())
        return EVP_PKEY_eq(key, candidate) == 1;
    if (!proof_.isOwn(candidate))
        return false;
    key_.publish(ossl::share(candidate));
    return true;
}

ossl::Pkey PublicHalf::search() {
    const auto search = [this](bool mayAsk) {
        return proof_.object().run(
            [this, mayAsk](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
                return searchIn(session, handle, mayAsk);
            });
    };
    try {
        return search(true);
    } catch (const pkcs11::Error& error) {
        // Some tokens say this of what a key can't do.
        if (!pkcs11::isOfLogin(error.failure()) &&
            pkcs11::remedyFor(error) != pkcs11::Remedy::session)
            throw;
    }
    return search(false);
}

// Ids are not always kept unique, and after a renewal the old certificate may still be there: the
// private key has to prove what is given out.
ossl::Pkey PublicHalf::searchIn(pkcs11::Session& session, CK_OBJECT_HANDLE handle, bool mayAsk) {
    std::vector<PublicCandidate> found;
    for (const CK_OBJECT_CLASS type : {CKO_PUBLIC_KEY, CKO_CERTIFICATE}) {
        const std::size_t judged = found.size();
        addCandidates(proof_, session, type, found);
        for (auto i = judged; mayAsk && i < found.size(); ++i) {
            found[i].isOwn = proof_.ask(found[i].key.get(), session, handle);
            if (found[i].isOwn == Answer::yes)
                return std::move(found[i].key);
        }
    }
    return bestUnproved(found);
}

// Where the key can't be asked, its label tells.
ossl::Pkey PublicHalf::bestUnproved(std::vector<PublicCandidate>& found) {
    const auto foreign =
        std::erase_if(found, [](const PublicCandidate& one) { return one.isOwn == Answer::no; });
    if (foreign != 0) {
        foreignBeside_ = true;
        pkcs11::trace::step("the object with the id of the " + proof_.object().describe() +
                            " belongs to another key");
    }
    if (found.size() == 1)
        return std::move(found.front().key);
    const auto named = std::find_if(found.begin(), found.end(),
                                    [](const PublicCandidate& one) { return one.sameLabel; });
    return named != found.end() ? std::move(named->key) : nullptr;
}

void PublicHalf::keepSampleSignature(ByteView data, ByteView signature) {
    constexpr std::size_t longest = 65536; // bytes
    if (known() != nullptr || sample_.load() != nullptr || data.size() > longest)
        return;
    auto sample = std::make_unique<const SampleSignature>(
        SampleSignature{{data.begin(), data.end()}, {signature.begin(), signature.end()}});
    const SampleSignature* none = nullptr;
    if (sample_.compare_exchange_strong(none, sample.get()))
        (void)sample.release();
}

// Label, id and parameters may be those of the key that has taken its place. It is the same key if
// what it signs is verified by the public key of the one before: the one that is known, or the one
// beside it on the token that verifies what was signed before the loss.
bool PublicHalf::isStillThere(pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
    if (proof_.asksForPin())
        return true; // nobody is asked for a PIN for this
    auto* before = known();
    const auto* sample = sample_.load();
    if (before == nullptr && sample != nullptr) {
        std::vector<PublicCandidate> beside;
        for (const CK_OBJECT_CLASS type : {CKO_PUBLIC_KEY, CKO_CERTIFICATE})
            addCandidates(proof_, session, type, beside);
        if (beside.empty())
            return true; // nothing there tells more
        before = publishMatching(*sample, beside);
        if (before == nullptr) // all are other keys': so is this one, if it is one of theirs
            return std::none_of(beside.begin(), beside.end(), [&](const PublicCandidate& other) {
                return proof_.proves(other.key.get(), session, handle);
            });
    }
    return before == nullptr || proof_.provesStill(before, session, handle);
}

// The one that verifies what the key has signed.
EVP_PKEY* PublicHalf::publishMatching(const SampleSignature& sample,
                                      std::vector<PublicCandidate>& found) {
    const ossl::ErrorMark mark;
    for (auto& candidate : found)
        if (proof_.verifies(candidate.key.get(), sample.data, sample.signature))
            return key_.publish(std::move(candidate.key));
    return nullptr;
}

} // namespace p11::keymgmt
