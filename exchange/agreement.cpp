// SPDX-License-Identifier: Apache-2.0
#include "exchange/agreement.h"

#include <array>
#include <string>

#include "keymgmt/agreement.h"

namespace p11::exchange {
namespace {

std::string groupOf(EVP_PKEY* key) {
    std::array<char, 64> name{};
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1)
        return "a curve without a name";
    return name.data();
}

void requireSameGroup(const keymgmt::Key& key, EVP_PKEY* theirs) {
    auto* mine = key.partialKey() != nullptr ? key.partialKey() : key.publicKey();
    if (mine != nullptr && EVP_PKEY_parameters_eq(mine, theirs) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the peer's key is on " + groupOf(theirs) +
                                                      ", and the private key on " + groupOf(mine));
}

} // namespace

void Agreement::setKey(const std::shared_ptr<keymgmt::Key>& key) {
    if (key)
        key_ = key;
    if (!key_)
        throw ossl::UsageError(ossl::Reason::key, "no key is set");
    key_->privateObject(); // throws for public keys and ambiguous ones
    peer_.reset();
}

void Agreement::setPeer(const keymgmt::Key& peer) {
    state_.once([&] {
        peer_.reset();
        auto* theirs = peer.requirePublicKey();
        if (key_->type() == keymgmt::KeyType::ec)
            requireSameGroup(*key_, theirs);
        peerValue_ = keymgmt::peerValue(key_->type(), theirs);
        peer_.reset(ossl::share(theirs).release(), EVP_PKEY_free);
    });
}

void Agreement::requirePeer() const {
    state_.requireNoData();
    if (!peer_)
        throw ossl::UsageError(ossl::Reason::key, "no peer's key is set");
}

std::size_t Agreement::secretSize() const {
    return keymgmt::secretSize(key_->type(), peerValue_.size());
}

ossl::SecretBytes Agreement::secret(CK_MECHANISM_TYPE mechanism) const {
    ossl::SecretBytes shared(secretSize());
    keymgmt::agree(key_->privateObject(), key_->refusals(), mechanism, peerValue_, shared.all());
    return shared;
}

} // namespace p11::exchange
