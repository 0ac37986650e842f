// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <vector>

#include "keymgmt/key_family.h"
#include "ossl/algorithms.h"
#include "ossl/newer_openssl.h"
#include "signature/composite.h"
#include "signature/ecdsa.h"
#include "signature/eddsa.h"
#include "signature/functions.h"
#include "signature/ml_dsa.h"
#include "signature/rsa.h"

namespace p11::signature {
namespace {

template <typename Context>
void* newPlainContext(void* provctx, const char* query) {
    return newContext<Context>(provctx, query);
}

template <int Id, typename OnToken>
int digestInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM* params,
               OnToken&& onToken) {
    return beginEither(
        ctx, keydata,
        [&](const keymgmt::SoftwareOperation& software, void* theirs) {
            return software.begin<OSSL_FUNC_signature_digest_sign_init_fn>(Id, digest, theirs,
                                                                           params);
        },
        [&] { return attempt(ctx, onToken); });
}

template <int Id, bool Signing>
int hashingInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM params[]) {
    return digestInit<Id>(ctx, digest, keydata, params, [&](SignatureContext& context) {
        context.beginDigest(keyOf(keydata), Signing, digest, params);
    });
}

int digestVerifyFinal(void* ctx, const unsigned char* sig, size_t size) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_digest_verify_final_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, 0, sig, size);
    return check(
        ctx, [&](SignatureContext& context) { return context.finishVerify(ByteView(sig, size)); });
}

// EdDSA and ML-DSA hash by themselves: a digest named by the application is an error, as it is in
// OpenSSL's own provider.
template <int Id, bool Signing>
int wholeMessageInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM params[]) {
    return digestInit<Id>(ctx, digest, keydata, params, [&](SignatureContext& context) {
        if (digest != nullptr && *digest != '\0')
            throw ossl::UsageError(ossl::Reason::parameter, "keys of this type accept no digest");
        context.begin(keyOf(keydata), Signing, params);
    });
}

// There is no hash that could be signed in the message's place. Without these functions OpenSSL
// before 3.4 takes no `sign` at all.
template <int Id>
int refuseHashes(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return beginEither(Id, ctx, keydata, params, [&] {
        return attempt(ctx, [](SignatureContext&) {
            throw ossl::UsageError(
                ossl::Reason::unsupported,
                "keys of this type sign whole messages (EVP_DigestSign, pkeyutl -rawin)");
        });
    });
}

// EVP_MD_CTX_set_params(3) and EVP_MD_CTX_get_params(3): a digest in the host has nothing to be
// set.
int setMdParams(void* ctx, const OSSL_PARAM params[]) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->call<OSSL_FUNC_signature_set_ctx_md_params_fn>(
                                     OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS, 0, params)
                               : 0;
}

int getMdParams(void* ctx, OSSL_PARAM params[]) {
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->call<OSSL_FUNC_signature_get_ctx_md_params_fn>(
                                     OSSL_FUNC_SIGNATURE_GET_CTX_MD_PARAMS, 0, params)
                               : 0;
}

template <int Id>
const OSSL_PARAM* mdParams(void* ctx) {
    using List = OSSL_FUNC_signature_settable_ctx_md_params_fn;
    const auto* software = softwareOf(ctx);
    return software != nullptr ? software->call<List>(Id, static_cast<const OSSL_PARAM*>(nullptr))
                               : nullptr;
}

// The lists are asked for without a context, too.
template <typename Context>
const OSSL_PARAM* settableParams(void* ctx, void* provctx) {
    return settableOf(ctx, Context(ossl::ProviderContext::from(provctx)).settable());
}

template <typename Context>
const OSSL_PARAM* gettableParams(void* ctx, void* provctx) {
    return gettableOf(ctx, Context(ossl::ProviderContext::from(provctx)).gettable());
}

template <typename Context>
std::vector<OSSL_DISPATCH> commonFunctions() {
    return {
        ossl::entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX,
                                                   newPlainContext<Context>),
        ossl::entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX,
                                                    Functions::destroy),
        ossl::entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX,
                                                   Functions::duplicate),
        ossl::entry<OSSL_FUNC_signature_get_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS,
                                                           getContextParams),
        ossl::entry<OSSL_FUNC_signature_gettable_ctx_params_fn>(
            OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettableParams<Context>),
        ossl::entry<OSSL_FUNC_signature_set_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS,
                                                           setContextParams),
        ossl::entry<OSSL_FUNC_signature_settable_ctx_params_fn>(
            OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settableParams<Context>),
    };
}

// Without digest_sign and digest_verify, as the default provider: EVP makes them of the others,
// with what it asks of their order.
template <typename Context>
std::vector<OSSL_DISPATCH> hashingFunctions() {
    auto table = commonFunctions<Context>();
    const std::array more{
        ossl::entry<OSSL_FUNC_signature_sign_init_fn>(OSSL_FUNC_SIGNATURE_SIGN_INIT,
                                                      init<OSSL_FUNC_SIGNATURE_SIGN_INIT, true>),
        ossl::entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN,
                                                 sign<OSSL_FUNC_SIGNATURE_SIGN>),
        ossl::entry<OSSL_FUNC_signature_verify_init_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_INIT, init<OSSL_FUNC_SIGNATURE_VERIFY_INIT, false>),
        ossl::entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY,
                                                   verify<OSSL_FUNC_SIGNATURE_VERIFY>),
        ossl::entry<OSSL_FUNC_signature_digest_sign_init_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,
            hashingInit<OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, true>),
        ossl::entry<OSSL_FUNC_signature_digest_sign_update_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE,
            messageUpdate<OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE>),
        ossl::entry<OSSL_FUNC_signature_digest_sign_final_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,
            messageSignFinal<OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL>),
        ossl::entry<OSSL_FUNC_signature_digest_verify_init_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT,
            hashingInit<OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, false>),
        ossl::entry<OSSL_FUNC_signature_digest_verify_update_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE,
            messageUpdate<OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE>),
        ossl::entry<OSSL_FUNC_signature_digest_verify_final_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digestVerifyFinal),
        ossl::entry<OSSL_FUNC_signature_get_ctx_md_params_fn>(OSSL_FUNC_SIGNATURE_GET_CTX_MD_PARAMS,
                                                              getMdParams),
        ossl::entry<OSSL_FUNC_signature_gettable_ctx_md_params_fn>(
            OSSL_FUNC_SIGNATURE_GETTABLE_CTX_MD_PARAMS,
            mdParams<OSSL_FUNC_SIGNATURE_GETTABLE_CTX_MD_PARAMS>),
        ossl::entry<OSSL_FUNC_signature_set_ctx_md_params_fn>(OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS,
                                                              setMdParams),
        ossl::entry<OSSL_FUNC_signature_settable_ctx_md_params_fn>(
            OSSL_FUNC_SIGNATURE_SETTABLE_CTX_MD_PARAMS,
            mdParams<OSSL_FUNC_SIGNATURE_SETTABLE_CTX_MD_PARAMS>),
    };
    table.insert(table.end(), more.begin(), more.end());
    return table;
}

// The tables are never destroyed: they may be asked for at the end of the process.
const OSSL_DISPATCH* rsaFunctions() {
    static const auto* table = [] {
        auto list = hashingFunctions<RsaContext>();
        list.push_back(ossl::entry<OSSL_FUNC_signature_verify_recover_init_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, recoverInit));
        list.push_back(ossl::entry<OSSL_FUNC_signature_verify_recover_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, recover));
        list.push_back(ossl::endOfTable());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

const OSSL_DISPATCH* ecdsaFunctions() {
    static const auto* table = [] {
        auto list = hashingFunctions<EcdsaContext>();
        list.push_back(ossl::endOfTable());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

// Without the functions EVP refuses all parameters, as it should refuse a digest. It still passes
// on those of an init function.
template <typename Context>
bool takesParams() {
    return !std::is_same_v<Context, EddsaContext> || opensslHasEddsaVariants();
}

// With an Edwards key the data of EVP_PKEY_sign is the message, as pkcs11-provider has it.
template <typename Context, int Id, bool Signing>
int dataInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    if constexpr (std::is_same_v<Context, EddsaContext>)
        return init<Id, Signing>(ctx, keydata, params);
    else
        return refuseHashes<Id>(ctx, keydata, params);
}

// Of keys that sign whole messages.
template <typename Context>
const OSSL_DISPATCH* messageFunctions() {
    static const auto* table = [] {
        auto list = commonFunctions<Context>();
        if (!takesParams<Context>())
            std::erase_if(list, [](const OSSL_DISPATCH& entry) {
                return entry.function_id == OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS ||
                       entry.function_id == OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS;
            });
        const std::array more{
            ossl::entry<OSSL_FUNC_signature_digest_sign_init_fn>(
                OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,
                wholeMessageInit<OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, true>),
            ossl::entry<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN,
                                                            sign<OSSL_FUNC_SIGNATURE_DIGEST_SIGN>),
            ossl::entry<OSSL_FUNC_signature_digest_verify_init_fn>(
                OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT,
                wholeMessageInit<OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, false>),
            ossl::entry<OSSL_FUNC_signature_digest_verify_fn>(
                OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, verify<OSSL_FUNC_SIGNATURE_DIGEST_VERIFY>),
            ossl::entry<OSSL_FUNC_signature_sign_init_fn>(
                OSSL_FUNC_SIGNATURE_SIGN_INIT,
                dataInit<Context, OSSL_FUNC_SIGNATURE_SIGN_INIT, true>),
            ossl::entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN,
                                                     sign<OSSL_FUNC_SIGNATURE_SIGN>),
            ossl::entry<OSSL_FUNC_signature_verify_init_fn>(
                OSSL_FUNC_SIGNATURE_VERIFY_INIT,
                dataInit<Context, OSSL_FUNC_SIGNATURE_VERIFY_INIT, false>),
            ossl::entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY,
                                                       verify<OSSL_FUNC_SIGNATURE_VERIFY>),
            ossl::entry<OSSL_FUNC_signature_sign_message_init_fn>(
                OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT,
                init<OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT, true>),
            ossl::entry<OSSL_FUNC_signature_verify_message_init_fn>(
                OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT,
                init<OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT, false>),
            ossl::endOfTable()};
        list.insert(list.end(), more.begin(), more.end());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

// Null for keys that do not sign.
const OSSL_DISPATCH* functionsOf(keymgmt::Signing signing) {
    switch (signing) {
    case keymgmt::Signing::rsa:
        return rsaFunctions();
    case keymgmt::Signing::ecdsa:
        return ecdsaFunctions();
    case keymgmt::Signing::eddsa:
        return messageFunctions<EddsaContext>();
    case keymgmt::Signing::additionalContext:
        return messageFunctions<MlDsaContext>();
    case keymgmt::Signing::none:
        break;
    }
    return nullptr;
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* made = new std::vector<OSSL_ALGORITHM>;
        for (const auto& row : keymgmt::keyTypes) {
            const auto* names = keymgmt::algorithmNamesOf(row, OSSL_OP_SIGNATURE);
            const auto* functions = functionsOf(row.family->signing);
            if (names != nullptr && functions != nullptr)
                made->push_back(ossl::algorithm(names, functions, "signatures on tokens"));
        }
        const auto composites = compositeAlgorithms();
        made->insert(made->end(), composites.begin(), composites.end());
        made->push_back(ossl::endOfAlgorithms());
        return made;
    }();
    return list->data();
}

} // namespace p11::signature
