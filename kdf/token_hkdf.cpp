// SPDX-License-Identifier: Apache-2.0
#include "kdf/token_hkdf.h"

#include <openssl/crypto.h>

#include "pkcs11/cryptoki.h"
#include "pkcs11/derivation.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"

namespace p11::kdf {
namespace {

constexpr std::size_t mostBlocks = 255; // of the hash's size (RFC 5869, section 2.3)

void requireSize(const Derivation& wanted, std::size_t size) {
    const auto block = static_cast<std::size_t>(EVP_MD_get_size(wanted.digest));
    if (size == 0)
        throw ossl::UsageError(ossl::Reason::parameter, "no bytes are asked for");
    if (wanted.mode == Mode::extract ? size != block : size > mostBlocks * block)
        throw ossl::UsageError(ossl::Reason::parameter, "the KDF with this mode and digest does "
                                                        "not derive " +
                                                            std::to_string(size) + " bytes");
}

CK_MECHANISM_TYPE hashOf(const EVP_MD* digest) {
    const auto* known = pkcs11::hashMechanisms(EVP_MD_get0_name(digest));
    if (known == nullptr)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("PKCS#11 has no HKDF with ") + EVP_MD_get0_name(digest));
    return known->hash;
}

// Without what the mode does not use.
pkcs11::HkdfParams parametersOf(const Derivation& wanted) {
    pkcs11::HkdfParams params;
    params.extract = wanted.mode != Mode::expand ? CK_TRUE : CK_FALSE;
    params.expand = wanted.mode != Mode::extract ? CK_TRUE : CK_FALSE;
    params.hash = hashOf(wanted.digest);
    if (params.extract == CK_TRUE && !wanted.salt.empty()) {
        params.saltType = CKF_HKDF_SALT_DATA;
        params.salt = const_cast<CK_BYTE_PTR>(wanted.salt.data());
        params.saltSize = wanted.salt.size();
    }
    if (params.expand == CK_TRUE) {
        params.info = const_cast<CK_BYTE_PTR>(wanted.info.data());
        params.infoSize = wanted.info.size();
    }
    return params;
}

// CKM_HKDF_DATA gives the bytes of a data object, and so also with keys that are sensitive. With
// CKM_HKDF_DERIVE the token may insist on a secret that is as sensitive.
std::size_t derive(pkcs11::TokenObject& key, pkcs11::HkdfParams params, pkcs11::MutableBytes out) {
    CK_MECHANISM mechanism{CKM_HKDF_DATA, &params, sizeof params};
    if (pkcs11::takes(key, CKM_HKDF_DATA))
        return pkcs11::deriveData(key, mechanism, out);
    if (!pkcs11::takes(key, CKM_HKDF_DERIVE))
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "no CKM_HKDF_DERIVE for the " + key.describe());
    mechanism.mechanism = CKM_HKDF_DERIVE;
    return pkcs11::deriveOfSize(key, mechanism, out);
}

} // namespace

// A shorter secret is another one: zeros in front would make a key that nobody else derives.
void deriveOnToken(const skeymgmt::SecretKey& key, const Derivation& wanted,
                   pkcs11::MutableBytes out) {
    requireSize(wanted, out.size());
    const auto size = derive(key.object(), parametersOf(wanted), out);
    if (size != out.size())
        throw pkcs11::Error(pkcs11::Failure::call,
                            "the token derived " + std::to_string(size) + " bytes instead of " +
                                std::to_string(out.size()),
                            CKR_GENERAL_ERROR);
}

} // namespace p11::kdf
