// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/mechanism.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pkcs11 {
namespace {

// PKCS#11 3.0 numbers that p11-kit's header does not name yet.
constexpr CK_MECHANISM_TYPE sha3x224 = 0x2B5, sha3x256 = 0x2B0, sha3x384 = 0x2C0, sha3x512 = 0x2D0;
constexpr CK_RSA_PKCS_MGF_TYPE mgf1Sha3x224 = 6, mgf1Sha3x256 = 7, mgf1Sha3x384 = 8,
                               mgf1Sha3x512 = 9;

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
    HashMechanisms{"SHA3-224", sha3x224, mgf1Sha3x224, 0x66, 0x67, 0x1047},
    HashMechanisms{"SHA3-256", sha3x256, mgf1Sha3x256, 0x60, 0x63, 0x1048},
    HashMechanisms{"SHA3-384", sha3x384, mgf1Sha3x384, 0x61, 0x64, 0x1049},
    HashMechanisms{"SHA3-512", sha3x512, mgf1Sha3x512, 0x62, 0x65, 0x104A},
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

} // namespace pkcs11
