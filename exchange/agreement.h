// SPDX-License-Identifier: Apache-2.0
// The common part of key agreements: a key on a token, and the peer's key.
#pragma once

#include <memory>
#include <span>

#include "keymgmt/key.h"
#include "keymgmt/replicas.h"
#include "keymgmt/software_operation.h"
#include "ossl/job.h"
#include "ossl/operation_state.h"
#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/bytes.h"

namespace p11::exchange {

using pkcs11::ByteView;
using pkcs11::MutableBytes;

/// The part of an EVP key derivation that does not depend on the type of the keys. Used by one
/// thread at a time. Holds no session. Copies are independent.
class Agreement {
  public:
    explicit Agreement(ossl::ProviderContext& provider) : provider_(provider) {}

    const ossl::Core& core() const { return provider_.core(); }
    /// With a key in memory, the whole operation is there.
    keymgmt::SoftwareSide& software() { return software_; }

    /// Does not call the token, unless the peer is a key on one. Throws UsageError for keys of
    /// another curve; then there is no peer.
    void setPeer(const keymgmt::Key& peer);

  protected:
    /// A null `key` keeps the present one. Throws.
    void setKey(const std::shared_ptr<keymgmt::Key>& key);
    /// Throws UsageError unless the derivation has been started and has a peer.
    void requirePeer() const;
    std::size_t secretSize() const;
    /// Runs `work(agreement, out)` with `agreement`, this object as what it is, and returns the
    /// size of its result. In a worker, with a copy, if the caller is a job of OpenSSL.
    template <typename Exchange, typename Work>
    std::size_t withToken(const Exchange& agreement, MutableBytes out, Work work) const {
        return keymgmt::withReplica(key_, [&](const std::shared_ptr<keymgmt::Key>& replica) {
            return ossl::runWithToken(provider_, replica->privateObject().token(), agreement, {},
                                      out,
                                      [work, choice = keymgmt::ReplicaChoice(key_, replica)](
                                          const Exchange& one, ByteView, MutableBytes room) {
                                          const Agreement& base = one;
                                          const keymgmt::ReplicaInPlace place(base.key_, choice);
                                          return work(one, room);
                                      });
        });
    }
    /// The shared secret. It always has the size of a coordinate (SEC 1, sections 3.3.1 and 2.3.5).
    ossl::SecretBytes secret(CK_MECHANISM_TYPE mechanism) const;

    ossl::OperationState& state() { return state_; }
    const ossl::OperationState& state() const { return state_; }
    ossl::ProviderContext& provider() const { return provider_; }
    const keymgmt::Key* key() const { return key_.get(); }
    EVP_PKEY* peer() const { return peer_.get(); }

  private:
    ossl::ProviderContext& provider_;
    keymgmt::SoftwareSide software_;
    ossl::OperationState state_;
    mutable std::shared_ptr<keymgmt::Key> key_; ///< a replica takes its place during its work
    std::shared_ptr<EVP_PKEY> peer_;
    pkcs11::Bytes peerValue_; ///< as C_DeriveKey takes it
};

} // namespace p11::exchange
