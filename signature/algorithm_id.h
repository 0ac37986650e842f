// DER AlgorithmIdentifiers of signatures (RFC 5280, section 4.1.1.2; RFC 4055 for RSA-PSS).
#pragma once

#include "ossl/handles.h"
#include "pkcs11/attributes.h"

namespace signature {

/// sha256WithRSAEncryption, ecdsa-with-SHA256 and the like, for a key of type `keyNid`. Empty if
/// there is no OID.
pkcs11::Bytes algorithmIdOf(const EVP_MD* digest, int keyNid);

/// An algorithm that is its own identifier, without parameters (EdDSA).
pkcs11::Bytes algorithmIdOf(int nid);

/// id-RSASSA-PSS with all of its parameters written out. Empty if a hash has no OID.
pkcs11::Bytes pssAlgorithmId(const EVP_MD* digest, const EVP_MD* mgf1, int saltLength);

} // namespace signature
