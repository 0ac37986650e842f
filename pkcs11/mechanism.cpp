// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/mechanism.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace p11::pkcs11 {
namespace {

constexpr std::array table{
    HashMechanisms{"SHA1", CKM_SHA_1, CKG_MGF1_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS,
                   CKM_ECDSA_SHA1},
    HashMechanisms{"SHA2-224", CKM_SHA224, CKG_MGF1_SHA224, CKM_SHA224_RSA_PKCS,
                   CKM_SHA224_RSA_PKCS_PSS, CKM_ECDSA_SHA224},
    HashMechanisms{"SHA2-256", CKM_SHA256, CKG_MGF1_SHA256, CKM_SHA256_RSA_PKCS,
                   CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256},
    HashMechanisms{"SHA2-384", CKM_SHA384, CKG_MGF1_SHA384, CKM_SHA384_RSA_PKCS,
                   CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384},
    HashMechanisms{"SHA2-512", CKM_SHA512, CKG_MGF1_SHA512, CKM_SHA512_RSA_PKCS,
                   CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512},
    HashMechanisms{"SHA3-224", CKM_SHA3_224, CKG_MGF1_SHA3_224, CKM_SHA3_224_RSA_PKCS,
                   CKM_SHA3_224_RSA_PKCS_PSS, CKM_ECDSA_SHA3_224},
    HashMechanisms{"SHA3-256", CKM_SHA3_256, CKG_MGF1_SHA3_256, CKM_SHA3_256_RSA_PKCS,
                   CKM_SHA3_256_RSA_PKCS_PSS, CKM_ECDSA_SHA3_256},
    HashMechanisms{"SHA3-384", CKM_SHA3_384, CKG_MGF1_SHA3_384, CKM_SHA3_384_RSA_PKCS,
                   CKM_SHA3_384_RSA_PKCS_PSS, CKM_ECDSA_SHA3_384},
    HashMechanisms{"SHA3-512", CKM_SHA3_512, CKG_MGF1_SHA3_512, CKM_SHA3_512_RSA_PKCS,
                   CKM_SHA3_512_RSA_PKCS_PSS, CKM_ECDSA_SHA3_512},
};

} // namespace

const HashMechanisms* hashMechanisms(const char* name) {
    const auto* found = std::find_if(table.begin(), table.end(), [name](const auto& row) {
        return std::string_view(row.name) == name;
    });
    return found != table.end() ? found : nullptr;
}

bool isPss(CK_MECHANISM_TYPE mechanism) {
    return mechanism == CKM_RSA_PKCS_PSS ||
           std::any_of(table.begin(), table.end(),
                       [mechanism](const auto& row) { return row.rsaPss == mechanism; });
}

} // namespace p11::pkcs11
