// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/copying.h"

#include <openssl/core_dispatch.h>

#include "keymgmt/key_family.h"

namespace p11::keymgmt {
namespace {

// What OpenSSL's own providers make no copy of: an RSA key without numbers, a point without its
// curve.
bool isTooLittle(KeyType type, int selection) {
    const bool wantsKey = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    if (familyOf(type).hasGroup)
        return wantsKey && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) == 0;
    return familyOf(type).copiesWithKeyOnly && !wantsKey;
}

// In memory: what is selected of the public half of a key on a token.
std::shared_ptr<Key> copyOf(const Key& key, int selection) {
    auto copy = std::make_shared<Key>(key.context(), key.type());
    const bool wantsPublic = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    const bool wantsGroup = (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0;
    if (wantsPublic && key.publicKey() != nullptr)
        return copy->software()->importFrom(key.publicKey(), EVP_PKEY_PUBLIC_KEY) ? copy : nullptr;
    if (familyOf(key.type()).hasGroup && wantsGroup && key.partialKey() != nullptr)
        return copy->software()->importFrom(key.partialKey(), EVP_PKEY_KEY_PARAMETERS) ? copy
                                                                                       : nullptr;
    return copy;
}

} // namespace

std::shared_ptr<Key> copyInMemory(const Key& key, int selection) {
    auto copy = key.software()->duplicate(selection);
    return copy ? std::make_shared<Key>(key.context(), key.type(), std::move(copy)) : nullptr;
}

// Keys on a token are immutable, and their private half has no part that could be left out: a
// duplicate that is to have it shares the key. All else is a copy of its own, for its new owner may
// set a public value next.
std::shared_ptr<Key> copyFromToken(const std::shared_ptr<Key>& key, int selection) {
    if (isTooLittle(key->type(), selection))
        return nullptr;
    const bool isPrivate = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->isPrivate();
    return isPrivate ? key : copyOf(*key, selection);
}

} // namespace p11::keymgmt
