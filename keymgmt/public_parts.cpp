// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_parts.h"

#include <openssl/core_dispatch.h>

#include "keymgmt/key_family.h"

namespace p11::keymgmt {

EVP_PKEY* publicPartsOf(const Key& key, int selection) {
    key.requireUnambiguous();
    // Other providers take parameters alone for those of a group; what they would write of an RSA
    // key has its numbers.
    const bool needsPublic =
        !familyOf(key.type()).hasGroup || (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    return needsPublic ? key.requirePublicKey() : key.partialKey();
}

EVP_PKEY* exportablePartsOf(const Key& key, int selection) {
    if (!key.isOnToken() || key.context().settings().allowPublicExport)
        return publicPartsOf(key, selection);
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        throw ossl::UsageError(ossl::Reason::key,
                               "pkcs11-module-allow-export = 1 forbids that another provider gets "
                               "the public half of " +
                                   key.uri());
    return nullptr;
}

} // namespace p11::keymgmt
