// SPDX-License-Identifier: Apache-2.0
// Mechanisms with their parameters, and the numbers that PKCS#11 gives to hashes (PKCS#11 2.40
// and 3.0, "Mechanisms").
#pragma once

#include <optional>
#include <string>

#include "pkcs11/cryptoki.h"

namespace p11::pkcs11 {

/// CK_EDDSA_PARAMS of PKCS#11 3.0, section 2.3.13, which some tokens need for Ed448.
struct EddsaParams {
    CK_BBOOL phFlag = CK_FALSE;
    CK_ULONG contextDataSize = 0;
    CK_BYTE_PTR contextData = nullptr;
};

/// A hash and its mechanisms. 0 if PKCS#11 has none.
struct HashMechanisms {
    const char* name;          ///< OpenSSL's name
    CK_MECHANISM_TYPE hash;    ///< CKM_SHA256
    CK_RSA_PKCS_MGF_TYPE mgf1; ///< CKG_MGF1_SHA256
    CK_MECHANISM_TYPE rsaPkcs; ///< CKM_SHA256_RSA_PKCS
    CK_MECHANISM_TYPE rsaPss;  ///< CKM_SHA256_RSA_PKCS_PSS
    CK_MECHANISM_TYPE ecdsa;   ///< CKM_ECDSA_SHA256
};

/// The table's row for the hash with OpenSSL's name `name` ("SHA2-256"); null if PKCS#11 does not
/// know the hash.
const HashMechanisms* hashMechanisms(const char* name);

/// The same for the hash of an MGF1.
const HashMechanisms* hashOfMgf1(CK_RSA_PKCS_MGF_TYPE mgf1);

/// True for CKM_SHA3_224 and the like, which came with PKCS#11 3.0.
bool isSha3(CK_MECHANISM_TYPE hash);

/// "CKM_ECDSA"; mechanisms that this provider does not use as "CKM_0x...".
std::string mechanismName(CK_MECHANISM_TYPE mechanism);

/// True for mechanisms that make or verify RSA-PSS signatures.
bool isPss(CK_MECHANISM_TYPE mechanism);

} // namespace p11::pkcs11
