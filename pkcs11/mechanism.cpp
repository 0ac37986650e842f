// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/mechanism.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

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

// Those that operations with keys use.
constexpr std::pair<CK_MECHANISM_TYPE, const char*> names[] = {
    {CKM_RSA_PKCS, "CKM_RSA_PKCS"},
    {CKM_RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"},
    {CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS"},
    {CKM_RSA_X_509, "CKM_RSA_X_509"},
    {CKM_SHA1_RSA_PKCS, "CKM_SHA1_RSA_PKCS"},
    {CKM_SHA224_RSA_PKCS, "CKM_SHA224_RSA_PKCS"},
    {CKM_SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"},
    {CKM_SHA384_RSA_PKCS, "CKM_SHA384_RSA_PKCS"},
    {CKM_SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS"},
    {CKM_SHA3_224_RSA_PKCS, "CKM_SHA3_224_RSA_PKCS"},
    {CKM_SHA3_256_RSA_PKCS, "CKM_SHA3_256_RSA_PKCS"},
    {CKM_SHA3_384_RSA_PKCS, "CKM_SHA3_384_RSA_PKCS"},
    {CKM_SHA3_512_RSA_PKCS, "CKM_SHA3_512_RSA_PKCS"},
    {CKM_SHA1_RSA_PKCS_PSS, "CKM_SHA1_RSA_PKCS_PSS"},
    {CKM_SHA224_RSA_PKCS_PSS, "CKM_SHA224_RSA_PKCS_PSS"},
    {CKM_SHA256_RSA_PKCS_PSS, "CKM_SHA256_RSA_PKCS_PSS"},
    {CKM_SHA384_RSA_PKCS_PSS, "CKM_SHA384_RSA_PKCS_PSS"},
    {CKM_SHA512_RSA_PKCS_PSS, "CKM_SHA512_RSA_PKCS_PSS"},
    {CKM_SHA3_224_RSA_PKCS_PSS, "CKM_SHA3_224_RSA_PKCS_PSS"},
    {CKM_SHA3_256_RSA_PKCS_PSS, "CKM_SHA3_256_RSA_PKCS_PSS"},
    {CKM_SHA3_384_RSA_PKCS_PSS, "CKM_SHA3_384_RSA_PKCS_PSS"},
    {CKM_SHA3_512_RSA_PKCS_PSS, "CKM_SHA3_512_RSA_PKCS_PSS"},
    {CKM_ECDSA, "CKM_ECDSA"},
    {CKM_ECDSA_SHA1, "CKM_ECDSA_SHA1"},
    {CKM_ECDSA_SHA224, "CKM_ECDSA_SHA224"},
    {CKM_ECDSA_SHA256, "CKM_ECDSA_SHA256"},
    {CKM_ECDSA_SHA384, "CKM_ECDSA_SHA384"},
    {CKM_ECDSA_SHA512, "CKM_ECDSA_SHA512"},
    {CKM_ECDSA_SHA3_224, "CKM_ECDSA_SHA3_224"},
    {CKM_ECDSA_SHA3_256, "CKM_ECDSA_SHA3_256"},
    {CKM_ECDSA_SHA3_384, "CKM_ECDSA_SHA3_384"},
    {CKM_ECDSA_SHA3_512, "CKM_ECDSA_SHA3_512"},
    {CKM_EDDSA, "CKM_EDDSA"},
    {CKM_ML_DSA, "CKM_ML_DSA"},
    {CKM_ML_KEM, "CKM_ML_KEM"},
    {CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE"},
    {CKM_ECDH1_COFACTOR_DERIVE, "CKM_ECDH1_COFACTOR_DERIVE"},
    {CKM_HKDF_DATA, "CKM_HKDF_DATA"},
    {CKM_HKDF_DERIVE, "CKM_HKDF_DERIVE"},
    {CKM_AES_ECB, "CKM_AES_ECB"},
    {CKM_AES_CBC, "CKM_AES_CBC"},
    {CKM_AES_CTR, "CKM_AES_CTR"},
    {CKM_AES_GCM, "CKM_AES_GCM"},
    {CKM_AES_KEY_WRAP, "CKM_AES_KEY_WRAP"},
    {CKM_AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD"},
    {CKM_AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP"},
};

} // namespace

std::string mechanismName(CK_MECHANISM_TYPE mechanism) {
    const auto* found =
        std::find_if(std::begin(names), std::end(names),
                     [mechanism](const auto& entry) { return entry.first == mechanism; });
    if (found != std::end(names))
        return found->second;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "CKM_0x%lX", mechanism);
    return text.data();
}

const HashMechanisms* hashMechanisms(const char* name) {
    const auto* found = std::find_if(table.begin(), table.end(), [name](const auto& row) {
        return std::string_view(row.name) == name;
    });
    return found != table.end() ? found : nullptr;
}

const HashMechanisms* hashOfMgf1(CK_RSA_PKCS_MGF_TYPE mgf1) {
    const auto* found = std::ranges::find(table, mgf1, &HashMechanisms::mgf1);
    return found != table.end() ? found : nullptr;
}

bool isSha3(CK_MECHANISM_TYPE hash) {
    return hash == CKM_SHA3_224 || hash == CKM_SHA3_256 || hash == CKM_SHA3_384 ||
           hash == CKM_SHA3_512;
}

bool isPss(CK_MECHANISM_TYPE mechanism) {
    return mechanism == CKM_RSA_PKCS_PSS ||
           std::any_of(table.begin(), table.end(),
                       [mechanism](const auto& row) { return row.rsaPss == mechanism; });
}

} // namespace p11::pkcs11
