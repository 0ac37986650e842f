// SPDX-License-Identifier: Apache-2.0
// DER AlgorithmIdentifiers of signatures (RFC 5280, section 4.1.1.2; RFC 4055 for RSA-PSS).
#pragma once

#include "keymgmt/key.h"
#include "pkcs11/attributes.h"

namespace p11::signature {

/// The parameters of a signature that hashes. Only PSS padding has a salt and an MGF1 digest.
struct HashedSignature {
    const EVP_MD* digest = nullptr;
    int padding = 0; ///< RSA_..._PADDING; 0 for ECDSA
    const EVP_MD* mgf1 = nullptr;
    int saltLength = 0; ///< bytes
};

/// The identifier that OpenSSL's own provider writes for such a signature with a software key like
/// `key`. Empty if there is none.
pkcs11::Bytes algorithmIdOf(const keymgmt::Key& key, const HashedSignature& signature);

/// An algorithm that is its own identifier, without parameters (EdDSA, ML-DSA).
pkcs11::Bytes algorithmIdOf(int nid);

} // namespace p11::signature
