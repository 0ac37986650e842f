// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/key.h"

#include <openssl/core_names.h>

#include "tools/shared/error.h"

namespace p11::tools {

Key publicHalf(const Key& key) {
    OSSL_PARAM* exported = nullptr;
    if (EVP_PKEY_todata(key.pkey.get(), EVP_PKEY_PUBLIC_KEY, &exported) != 1)
        throw KeyError(withReasons(key.name + ": the public half cannot be read"));
    const ossl::Params params(exported);
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(
        key.library.get(), EVP_PKEY_get0_type_name(key.pkey.get()), inSoftware));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        throw KeyError(withReasons(key.name + ": the public half cannot be used"));
    return {key.library, ossl::Pkey(made), key.name};
}

} // namespace p11::tools
