// SPDX-License-Identifier: Apache-2.0
// The public half of a private key on a token, and what else identifies that key.
#pragma once

#include <atomic>
#include <vector>

#include "keymgmt/key_proof.h"
#include "keymgmt/public_candidates.h"
#include "keymgmt/published_key.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

/// Thread-safe.
class PublicHalf {
  public:
    /// `proof` outlives this.
    explicit PublicHalf(const KeyProof& proof) : proof_(proof) {}
    ~PublicHalf() { delete sample_.load(); }
    PublicHalf(const PublicHalf&) = delete;
    PublicHalf& operator=(const PublicHalf&) = delete;

    /// Null if it is not known yet. Does not call the token.
    EVP_PKEY* known() const { return key_.get(); }
    /// The public half, from the public-key object or the certificate beside the private key,
    /// whichever exists first and is its own. Null if none is. Only the first call asks the token.
    /// Throws pkcs11::Error.
    EVP_PKEY* find();
    /// True if `candidate` is the public half. If the token does not give it, the private key has
    /// to prove that, and `candidate` is kept then. Throws pkcs11::Error.
    bool isEqualTo(EVP_PKEY* candidate);
    /// Only while no other thread has the key.
    void set(ossl::Pkey key) { key_.replace(std::move(key)); }
    /// True if a public key with the id of the private one is another key's.
    bool isForeignBeside() const { return foreignBeside_; }

    /// Keeps the token's first signature of a hash, or of a message where the key signs messages,
    /// if the public half is not known. Long messages are not kept.
    void keepSampleSignature(ByteView data, ByteView signature);
    /// True unless what was found at `handle` after a loss is another key. Throws pkcs11::Error.
    bool isStillThere(pkcs11::Session& session, CK_OBJECT_HANDLE handle);

  private:
    struct SampleSignature {
        pkcs11::Bytes data;
        pkcs11::Bytes signature;
    };

    ossl::Pkey search();
    ossl::Pkey searchIn(pkcs11::Session& session, CK_OBJECT_HANDLE handle, bool mayAsk);
    ossl::Pkey bestUnproved(std::vector<PublicCandidate>& found);
    EVP_PKEY* publishMatching(const SampleSignature& sample, std::vector<PublicCandidate>& found);

    const KeyProof& proof_;
    PublishedKey key_;
    std::atomic<bool> missing_{false};
    std::atomic<bool> foreignBeside_{false};
    std::atomic<const SampleSignature*> sample_{nullptr}; ///< owned
};

} // namespace p11::keymgmt
