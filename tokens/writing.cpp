// SPDX-License-Identifier: Apache-2.0
#include "tokens/writing.h"

#include <openssl/rand.h>

#include "ossl/core.h"

namespace p11::tokens {

bool namesObject(const uri::Uri& uri) {
    return !uri.object().value_or("").empty() || !uri.id().value_or(pkcs11::Bytes{}).empty();
}

pkcs11::Bytes randomId(const ossl::ProviderContext& context) {
    constexpr std::size_t size = 16;
    pkcs11::Bytes id(size);
    if (RAND_bytes_ex(context.libctx(), id.data(), id.size(), 0) != 1)
        throw ossl::UsageError(ossl::Reason::internal, "no random numbers for the key's id");
    return id;
}

} // namespace p11::tokens
