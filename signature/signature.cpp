#include "signature/signature.h"

#include <array>
#include <vector>

#include "keymgmt/parameter_set.h"
#include "keymgmt/reference.h"
#include "ossl/dispatch.h"
#include "signature/ecdsa.h"
#include "signature/eddsa.h"
#include "signature/ml_dsa.h"
#include "signature/rsa.h"

namespace signature {
namespace {

SignatureContext& contextOf(void* ctx) {
    return *static_cast<SignatureContext*>(ctx);
}

std::shared_ptr<keymgmt::Key> keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

// Runs `body` for its effect; 1 if nothing was thrown.
template <typename Body>
int attempt(void* ctx, Body&& body) {
    return ossl::guarded(contextOf(ctx).core(), 0, [&] {
        body(contextOf(ctx));
        return 1;
    });
}

// The three calls that give a signature share OpenSSL's rule: a null buffer asks for the size, and
// changes nothing.
template <typename Body>
int produce(void* ctx, unsigned char* out, size_t* size, size_t room, Body&& body) {
    return attempt(ctx, [&](SignatureContext& context) {
        const std::size_t longest = context.maxSize();
        if (out == nullptr) {
            *size = longest;
            return;
        }
        if (room >= longest) {
            *size = body(context, Buffer(out, longest));
            return;
        }
        throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the signature");
    });
}

template <typename Context>
void* newContext(void* provctx, const char*) {
    auto& provider = ossl::Context::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr, [&] {
        SignatureContext* made = new Context(provider);
        return made;
    });
}

void freeContext(void* ctx) {
    delete static_cast<SignatureContext*>(ctx);
}

void* duplicateContext(void* ctx) {
    return ossl::guarded<void*>(contextOf(ctx).core(), nullptr,
                                [&] { return contextOf(ctx).clone().release(); });
}

int signInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx,
                   [&](SignatureContext& context) { context.begin(keyOf(keydata), true, params); });
}

int verifyInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(
        ctx, [&](SignatureContext& context) { context.begin(keyOf(keydata), false, params); });
}

int digestSignInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](SignatureContext& context) {
        context.beginDigest(keyOf(keydata), true, digest, params);
    });
}

int digestVerifyInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](SignatureContext& context) {
        context.beginDigest(keyOf(keydata), false, digest, params);
    });
}

int sign(void* ctx, unsigned char* sig, size_t* size, size_t room, const unsigned char* tbs,
         size_t tbsSize) {
    return produce(ctx, sig, size, room, [&](SignatureContext& context, Buffer out) {
        return context.sign(Octets(tbs, tbsSize), out);
    });
}

int verify(void* ctx, const unsigned char* sig, size_t size, const unsigned char* tbs,
           size_t tbsSize) {
    return ossl::guarded(contextOf(ctx).core(), 0, [&] {
        return contextOf(ctx).verify(Octets(sig, size), Octets(tbs, tbsSize)) ? 1 : 0;
    });
}

int recover(void* ctx, unsigned char* out, size_t* size, size_t room, const unsigned char* sig,
            size_t sigSize) {
    return produce(ctx, out, size, room, [&](SignatureContext& context, Buffer buffer) {
        return context.recover(Octets(sig, sigSize), buffer);
    });
}

int digestUpdate(void* ctx, const unsigned char* data, size_t size) {
    return attempt(ctx, [&](SignatureContext& context) { context.update(Octets(data, size)); });
}

int digestSignFinal(void* ctx, unsigned char* sig, size_t* size, size_t room) {
    return produce(ctx, sig, size, room,
                   [](SignatureContext& context, Buffer out) { return context.finishSign(out); });
}

int digestVerifyFinal(void* ctx, const unsigned char* sig, size_t size) {
    return ossl::guarded(contextOf(ctx).core(), 0,
                         [&] { return contextOf(ctx).finishVerify(Octets(sig, size)) ? 1 : 0; });
}

int digestSign(void* ctx, unsigned char* sig, size_t* size, size_t room, const unsigned char* tbs,
               size_t tbsSize) {
    return produce(ctx, sig, size, room, [&](SignatureContext& context, Buffer out) {
        context.update(Octets(tbs, tbsSize));
        return context.finishSign(out);
    });
}

int digestVerify(void* ctx, const unsigned char* sig, size_t size, const unsigned char* tbs,
                 size_t tbsSize) {
    return ossl::guarded(contextOf(ctx).core(), 0, [&] {
        contextOf(ctx).update(Octets(tbs, tbsSize));
        return contextOf(ctx).finishVerify(Octets(sig, size)) ? 1 : 0;
    });
}

// EdDSA and ML-DSA hash by themselves: a digest named by the application is an error, as it is in
// OpenSSL's own provider.
template <bool Signing>
int wholeMessageInit(void* ctx, const char* digest, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](SignatureContext& context) {
        if (digest != nullptr && *digest != '\0')
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "Ed25519, Ed448 and ML-DSA take no digest");
        context.begin(keyOf(keydata), Signing, params);
    });
}

// OpenSSL up to 3.3 drops an algorithm that has `sign` and not this.
int refuseHashes(void* ctx, void*, const OSSL_PARAM[]) {
    return attempt(ctx, [](SignatureContext&) {
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "ML-DSA signs messages and no hashes (openssl pkeyutl -rawin)");
    });
}

int setContextParams(void* ctx, const OSSL_PARAM params[]) {
    return attempt(ctx, [&](SignatureContext& context) {
        if (params != nullptr)
            context.setParams(params);
    });
}

int getContextParams(void* ctx, OSSL_PARAM params[]) {
    return attempt(ctx, [&](SignatureContext& context) {
        if (params != nullptr)
            context.getParams(params);
    });
}

// The lists are asked for without a context, too.
template <typename Context>
const OSSL_PARAM* settableParams(void*, void* provctx) {
    return Context(ossl::Context::from(provctx)).settable();
}

template <typename Context>
const OSSL_PARAM* gettableParams(void*, void* provctx) {
    return Context(ossl::Context::from(provctx)).gettable();
}

template <typename Context>
std::vector<OSSL_DISPATCH> commonFunctions() {
    return {
        ossl::entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX, newContext<Context>),
        ossl::entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX, duplicateContext),
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

template <typename Context>
std::vector<OSSL_DISPATCH> hashingFunctions() {
    auto table = commonFunctions<Context>();
    const std::array more{
        ossl::entry<OSSL_FUNC_signature_sign_init_fn>(OSSL_FUNC_SIGNATURE_SIGN_INIT, signInit),
        ossl::entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN, sign),
        ossl::entry<OSSL_FUNC_signature_verify_init_fn>(OSSL_FUNC_SIGNATURE_VERIFY_INIT,
                                                        verifyInit),
        ossl::entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY, verify),
        ossl::entry<OSSL_FUNC_signature_digest_sign_init_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,
                                                             digestSignInit),
        ossl::entry<OSSL_FUNC_signature_digest_sign_update_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digestUpdate),
        ossl::entry<OSSL_FUNC_signature_digest_sign_final_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,
                                                              digestSignFinal),
        ossl::entry<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN,
                                                        digestSign),
        ossl::entry<OSSL_FUNC_signature_digest_verify_init_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digestVerifyInit),
        ossl::entry<OSSL_FUNC_signature_digest_verify_update_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digestUpdate),
        ossl::entry<OSSL_FUNC_signature_digest_verify_final_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digestVerifyFinal),
        ossl::entry<OSSL_FUNC_signature_digest_verify_fn>(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY,
                                                          digestVerify),
    };
    table.insert(table.end(), more.begin(), more.end());
    return table;
}

// The tables are never destroyed: they may be asked for at the end of the process.
const OSSL_DISPATCH* rsaFunctions() {
    static const auto* table = [] {
        auto list = hashingFunctions<RsaContext>();
        list.push_back(ossl::entry<OSSL_FUNC_signature_verify_recover_init_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, verifyInit));
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

const OSSL_DISPATCH* eddsaFunctions() {
    static const auto* table = [] {
        auto list = commonFunctions<EddsaContext>();
        list.push_back(ossl::entry<OSSL_FUNC_signature_digest_sign_init_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, wholeMessageInit<true>));
        list.push_back(
            ossl::entry<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign));
        list.push_back(ossl::entry<OSSL_FUNC_signature_digest_verify_init_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, wholeMessageInit<false>));
        list.push_back(ossl::entry<OSSL_FUNC_signature_digest_verify_fn>(
            OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, verify));
        list.push_back(ossl::endOfTable());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

const OSSL_DISPATCH* mlDsaFunctions() {
    // OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT and VERIFY_MESSAGE_INIT of OpenSSL 3.4
    constexpr int signMessageInit = 27;
    constexpr int verifyMessageInit = 30;
    static const auto* table = [] {
        auto list = commonFunctions<MlDsaContext>();
        const std::array more{
            ossl::entry<OSSL_FUNC_signature_sign_init_fn>(OSSL_FUNC_SIGNATURE_SIGN_INIT,
                                                          refuseHashes),
            ossl::entry<OSSL_FUNC_signature_sign_init_fn>(signMessageInit, signInit),
            ossl::entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN, sign),
            ossl::entry<OSSL_FUNC_signature_verify_init_fn>(OSSL_FUNC_SIGNATURE_VERIFY_INIT,
                                                            refuseHashes),
            ossl::entry<OSSL_FUNC_signature_verify_init_fn>(verifyMessageInit, verifyInit),
            ossl::entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY, verify),
            ossl::entry<OSSL_FUNC_signature_digest_sign_init_fn>(
                OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, wholeMessageInit<true>),
            ossl::entry<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
            ossl::entry<OSSL_FUNC_signature_digest_verify_init_fn>(
                OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, wholeMessageInit<false>),
            ossl::entry<OSSL_FUNC_signature_digest_verify_fn>(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY,
                                                              verify),
            ossl::endOfTable()};
        list.insert(list.end(), more.begin(), more.end());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* all = new std::vector<OSSL_ALGORITHM>{
            ossl::algorithm("RSA:rsaEncryption:1.2.840.113549.1.1.1", rsaFunctions(),
                            "RSA signatures on tokens"),
            ossl::algorithm("ECDSA", ecdsaFunctions(), "ECDSA signatures on tokens"),
            ossl::algorithm("ED25519:1.3.101.112", eddsaFunctions(),
                            "Ed25519 signatures on tokens"),
            ossl::algorithm("ED448:1.3.101.113", eddsaFunctions(), "Ed448 signatures on tokens"),
        };
        for (const auto& row : keymgmt::parameterSets)
            if (keymgmt::isMlDsa(row.type))
                all->push_back(
                    ossl::algorithm(row.names, mlDsaFunctions(), "ML-DSA signatures on tokens"));
        all->push_back(ossl::endOfAlgorithms());
        return all;
    }();
    return list->data();
}

} // namespace signature
