// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/pair_template.h"

#include "ossl/core.h"

namespace p11::keymgmt {

void refusePair(const std::string& what) {
    throw ossl::UsageError(ossl::Reason::unsupported, what);
}

ossl::SecretBytes numberOf(EVP_PKEY* key, const char* name, std::size_t size) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1)
        refusePair(std::string("the key has no value ") + name);
    const ossl::Owner<BIGNUM, BN_clear_free> owner(value);
    ossl::SecretBytes bytes(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(value)));
    if (BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size())) < 0)
        refusePair(std::string("the key's value ") + name + " is too long");
    return bytes;
}

} // namespace p11::keymgmt
