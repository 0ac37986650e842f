// SPDX-License-Identifier: Apache-2.0
// The key derivation of DHKEM (RFC 9180, sections 4 and 4.1).
#pragma once

#include <cstdint>

#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"

namespace p11::kem {

/// What distinguishes a KEM's secrets from those of others (RFC 9180, section 7.1).
struct KdfOfKem {
    std::uint16_t id;   ///< kem_id
    const char* digest; ///< of HKDF
};

/// ExtractAndExpand(): fills `secret` from the Diffie-Hellman secret `dh` and the public values in
/// `context`. Throws UsageError.
void extractAndExpand(const ossl::ProviderContext& provider, const KdfOfKem& kem,
                      pkcs11::ByteView dh, pkcs11::ByteView context, pkcs11::MutableBytes secret);

} // namespace p11::kem
