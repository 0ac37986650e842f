// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/public_parts.h"

#include <openssl/core_dispatch.h>

namespace keymgmt {

EVP_PKEY* publicPartsOf(const Key& key, int selection) {
    key.requireUnambiguous();
    // Other providers take parameters alone for those of a group; what they would write of an RSA
    // key has its numbers.
    const bool needsPublic =
        key.type() != KeyType::ec || (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    if (key.isOnToken() && !key.context().settings().allowPublicExport) {
        if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
            throw ossl::UsageError(
                ossl::Reason::key,
                "pkcs11-module-allow-export = 1 forbids the export of the public half of " +
                    key.uri());
        return nullptr;
    }
    return needsPublic ? key.requirePublicKey() : key.shape();
}

} // namespace keymgmt
