// SPDX-License-Identifier: Apache-2.0
// What PKCS#11 demands of applications and SoftHSM does not, and what it permits modules and
// SoftHSM does not do. It comes before all other interceptors.
#include <algorithm>
#include <array>
#include <span>

#include "pkcs11/mechanism.h"
#include "tests/support/config.h"
#include "tests/support/module.h"
#include "tests/support/sessions.h"

namespace test_module {
namespace {

// The function that was in the list before.
FunctionList next;

template <typename Params>
const Params* paramsOf(const CK_MECHANISM& mechanism) {
    return mechanism.ulParameterLen == sizeof(Params)
               ? static_cast<const Params*>(mechanism.pParameter)
               : nullptr;
}

struct Hash {
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
};

bool isHashAndMgf(CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf) {
    constexpr CK_MECHANISM_TYPE firstSha3 = 0x2B0; // PKCS#11 3.0: CKM_SHA3_256
    constexpr CK_MECHANISM_TYPE lastSha3 = 0x2D0;  // CKM_SHA3_512
    constexpr CK_MECHANISM_TYPE mgfsOfSha3 = 6;    // CKG_MGF1_SHA3_224
    constexpr std::array known{Hash{CKM_SHA_1, CKG_MGF1_SHA1}, Hash{CKM_SHA224, CKG_MGF1_SHA224},
                               Hash{CKM_SHA256, CKG_MGF1_SHA256}, Hash{CKM_SHA384, CKG_MGF1_SHA384},
                               Hash{CKM_SHA512, CKG_MGF1_SHA512}};
    const bool isNewer = hash >= firstSha3 && hash <= lastSha3;
    return (isNewer || std::ranges::count(known, hash, &Hash::hash) == 1) &&
           (mgf >= mgfsOfSha3 || std::ranges::count(known, mgf, &Hash::mgf) == 1);
}

// PKCS#11 2.40, sections 2.1.8 (OAEP) and 2.1.10 (PSS).
bool isOaep(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<CK_RSA_PKCS_OAEP_PARAMS>(mechanism);
    return params != nullptr && isHashAndMgf(params->hashAlg, params->mgf) &&
           params->source == CKZ_DATA_SPECIFIED &&
           (params->pSourceData == nullptr) == (params->ulSourceDataLen == 0);
}

bool isPss(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<CK_RSA_PKCS_PSS_PARAMS>(mechanism);
    constexpr CK_ULONG longestSalt = 2048; // bytes; no key is as large
    return params != nullptr && isHashAndMgf(params->hashAlg, params->mgf) &&
           params->sLen < longestSalt;
}

// Section 2.3.6
bool isEcdh(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<CK_ECDH1_DERIVE_PARAMS>(mechanism);
    return params != nullptr && params->kdf == CKD_NULL && params->ulSharedDataLen == 0 &&
           params->pSharedData == nullptr && params->ulPublicDataLen != 0 &&
           params->pPublicData != nullptr;
}

// Every token must accept a raw point. Many also accept one in DER, and some only that.
bool isTaken(const CK_MECHANISM& mechanism) {
    if (!isEcdh(mechanism))
        return false;
    constexpr CK_BYTE octetString = 0x04;
    constexpr CK_BYTE uncompressed = 0x04;
    const auto* params = paramsOf<CK_ECDH1_DERIVE_PARAMS>(mechanism);
    const std::span point(params->pPublicData, params->ulPublicDataLen);
    const bool isDer = point.size() > 2 && point[0] == octetString &&
                       point[1] == point.size() - 2 && point[2] == uncompressed;
    return config().pointForm == PointForm::any || isDer == (config().pointForm == PointForm::der);
}

// PKCS#11 3.0, section 2.3.13. The plain Ed25519 has none.
bool isEddsa(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<p11::pkcs11::EddsaParams>(mechanism);
    return mechanism.ulParameterLen == 0 ||
           (params != nullptr && params->contextDataSize <= 255 &&
            (params->contextData != nullptr || params->contextDataSize == 0));
}

// Sections 2.12.2 (CTR) and 2.13.1 (GCM)
bool isCtr(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<CK_AES_CTR_PARAMS>(mechanism);
    return params != nullptr && params->ulCounterBits > 0 && params->ulCounterBits <= 128;
}

bool isGcm(const CK_MECHANISM& mechanism) {
    const auto* params = paramsOf<CK_GCM_PARAMS>(mechanism);
    return params != nullptr && params->ulIvLen != 0 && params->ulIvBits == params->ulIvLen * 8 &&
           params->ulTagBits <= 128 && params->ulTagBits % 8 == 0;
}

bool fits(const CK_MECHANISM& mechanism) {
    constexpr CK_ULONG ivSize = 16;
    switch (mechanism.mechanism) {
    case CKM_RSA_PKCS_OAEP:
        return isOaep(mechanism);
    case CKM_RSA_PKCS_PSS:
    case CKM_SHA1_RSA_PKCS_PSS:
    case CKM_SHA224_RSA_PKCS_PSS:
    case CKM_SHA256_RSA_PKCS_PSS:
    case CKM_SHA384_RSA_PKCS_PSS:
    case CKM_SHA512_RSA_PKCS_PSS:
        return isPss(mechanism);
    case CKM_ECDH1_DERIVE:
    case CKM_ECDH1_COFACTOR_DERIVE:
        return isTaken(mechanism);
    case CKM_EDDSA:
        return isEddsa(mechanism);
    case CKM_AES_CBC:
        return mechanism.ulParameterLen == ivSize;
    case CKM_AES_CTR:
        return isCtr(mechanism);
    case CKM_AES_GCM:
        return isGcm(mechanism);
    case CKM_RSA_PKCS:
    case CKM_RSA_X_509:
    case CKM_ECDSA:
    case CKM_AES_ECB:
        return mechanism.pParameter == nullptr && mechanism.ulParameterLen == 0;
    default:
        return true;
    }
}

template <auto Member>
CK_RV begin(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (!fits(*mechanism))
        return CKR_MECHANISM_PARAM_INVALID;
    return (next.*Member)(session, mechanism, key);
}

CK_RV deriveKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base,
                CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* key) {
    if (!fits(*mechanism))
        return CKR_MECHANISM_PARAM_INVALID;
    return next.C_DeriveKey(session, mechanism, base, attributes, count, key);
}

// Twice the order of the curve is the signature's size (section 2.3.1).
bool isLongerThanTheOrder(CK_SESSION_HANDLE session, CK_ULONG size) {
    CK_BYTE hash = 0;
    CK_ULONG signatureSize = 0;
    return mechanismOf(session) == CKM_ECDSA &&
           real().C_Sign(session, &hash, 1, nullptr, &signatureSize) == CKR_OK &&
           size > signatureSize / 2;
}

// Section 2.3.6 limits CKM_ECDSA's data to the order's length. Not every token truncates it.
CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature,
           CK_ULONG* signatureSize) {
    if (isLongerThanTheOrder(session, size)) {
        endOperation(idOf<&FunctionList::C_Sign>(), session);
        return CKR_DATA_LEN_RANGE;
    }
    return next.C_Sign(session, data, size, signature, signatureSize);
}

// A key that was wrapped keeps its size. The thread that unwraps it reads it at once.
thread_local CK_OBJECT_HANDLE lastUnwrapped = CK_INVALID_HANDLE;

CK_RV unwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE unwrapping,
                CK_BYTE* wrapped, CK_ULONG size, CK_ATTRIBUTE* attributes, CK_ULONG count,
                CK_OBJECT_HANDLE* key) {
    const CK_RV rv =
        next.C_UnwrapKey(session, mechanism, unwrapping, wrapped, size, attributes, count, key);
    lastUnwrapped = rv == CKR_OK ? *key : CK_INVALID_HANDLE;
    return rv;
}

bool isSecret(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE attribute{CKA_KEY_TYPE, &type, sizeof type};
    return real().C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
           type == CKK_GENERIC_SECRET;
}

// Some modules read a secret as a number, without zeros in front.
void trim(CK_ATTRIBUTE& value) {
    const std::span bytes(static_cast<CK_BYTE*>(value.pValue), value.ulValueLen);
    if (config().zeros) {
        std::ranges::fill(bytes, CK_BYTE{0});
        return;
    }
    const auto first = std::ranges::find_if(bytes, [](CK_BYTE byte) { return byte != 0; });
    value.ulValueLen = static_cast<CK_ULONG>(bytes.end() - first);
    std::move(first, bytes.end(), bytes.begin());
}

CK_RV getAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE* attributes, CK_ULONG count) {
    const CK_RV rv = next.C_GetAttributeValue(session, object, attributes, count);
    const bool isValue = rv == CKR_OK && count == 1 && attributes->type == CKA_VALUE &&
                         attributes->pValue != nullptr && !config().valueSize;
    if (isValue && object != lastUnwrapped && isSecret(session, object))
        trim(*attributes);
    return rv;
}

CK_RV generateRandom(CK_SESSION_HANDLE session, CK_BYTE* out, CK_ULONG size) {
    const CK_RV rv = next.C_GenerateRandom(session, out, size);
    if (rv == CKR_OK && config().zeros)
        std::fill_n(out, size, CK_BYTE{0});
    return rv;
}

} // namespace

void beStrict(FunctionList& list) {
    next = list;
    list.C_SignInit = begin<&FunctionList::C_SignInit>;
    list.C_DecryptInit = begin<&FunctionList::C_DecryptInit>;
    list.C_EncryptInit = begin<&FunctionList::C_EncryptInit>;
    list.C_DeriveKey = deriveKey;
    list.C_UnwrapKey = unwrapKey;
    list.C_Sign = sign;
    list.C_GetAttributeValue = getAttributeValue;
    list.C_GenerateRandom = generateRandom;
}

} // namespace test_module
