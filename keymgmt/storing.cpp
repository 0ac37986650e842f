// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/storing.h"

#include <algorithm>
#include <array>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>

#include "keymgmt/new_pair.h"
#include "keymgmt/parameter_set.h"

namespace p11::keymgmt {
namespace {

bool holdsPrivatePart(const OSSL_PARAM* params) {
    constexpr std::array names{OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_PRIV_KEY,
                               OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_ML_DSA_SEED};
    return std::any_of(names.begin(), names.end(), [params](const char* name) {
        return OSSL_PARAM_locate_const(params, name) != nullptr;
    });
}

} // namespace

std::shared_ptr<Key> storeOnToken(const Key& key, int selection, const OSSL_PARAM* params) {
    auto& context = key.context();
    const bool isPair =
        (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && holdsPrivatePart(params);
    if (!isPair)
        throw ossl::UsageError(ossl::Reason::parameter, "only key pairs can be stored on tokens");
    StorageParameters storage;
    storage.set(params);
    const auto software =
        keyFromParams(context, key.type(), EVP_PKEY_KEYPAIR, const_cast<OSSL_PARAM*>(params));
    const ossl::PkeyCtx checker(software
                                    ? EVP_PKEY_CTX_new_from_pkey(context.libctx(), software.get(),
                                                                 ossl::ProviderContext::propq())
                                    : nullptr);
    if (!checker || EVP_PKEY_pairwise_check(checker.get()) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the parameters do not form a key pair");
    return storePair(context, key.type(), storage, software.get());
}

} // namespace p11::keymgmt
