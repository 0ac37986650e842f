// SPDX-License-Identifier: Apache-2.0
// The dispatch functions that all signature algorithms share (provider-signature(7)), and helpers
// for new ones.
#pragma once

#include <memory>

#include <openssl/core.h>

#include "ossl/context_functions.h"
#include "pkcs11/bytes.h"
#include "signature/signature_context.h"

namespace p11::signature {

using Functions = ossl::ContextFunctions<SignatureContext>;

/// Null for null: the operation keeps its key.
std::shared_ptr<keymgmt::Key> keyOf(void* keydata);

/// Runs `body`; 1 unless it throws.
template <typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions::attempt(ctx, std::forward<Body>(body));
}

/// Runs `body`, which says whether a signature is good, as EVP does: 1, 0 or -1. 0 if it throws.
template <typename Body>
int check(void* ctx, Body&& body) {
    return ossl::guarded(Functions::of(ctx).core(), 0, [&] { return body(Functions::of(ctx)); });
}

constexpr keymgmt::ContextIds contextIds{OSSL_OP_SIGNATURE, OSSL_FUNC_SIGNATURE_NEWCTX,
                                         OSSL_FUNC_SIGNATURE_FREECTX, OSSL_FUNC_SIGNATURE_DUPCTX};

inline const keymgmt::SoftwareOperation* softwareOf(void* ctx) {
    return keymgmt::softwareOf<SignatureContext>(ctx);
}

/// newctx: makes a `Made` that knows the application's property query.
template <typename Made, typename... Args>
void* newContext(void* provctx, const char* query, Args&&... args) {
    void* made = Functions::create<Made>(provctx, std::forward<Args>(args)...);
    if (made == nullptr ||
        attempt(made, [&](SignatureContext& context) { context.setQuery(query); }) == 1)
        return made;
    Functions::destroy(made);
    return nullptr;
}

/// Starts an operation: `inSoftware(operation, keydata of the other provider)` with a key in
/// memory, `onToken()` with one on a token.
template <typename InSoftware, typename OnToken>
int beginEither(void* ctx, void* keydata, InSoftware&& inSoftware, OnToken&& onToken) {
    auto& context = Functions::of(ctx);
    return ossl::passedOn(context.core(), 0, [&] {
        context.software().choose(keydata, contextIds, context.algorithm(), context.query());
        if (const auto* software = softwareOf(ctx))
            return inSoftware(*software, keymgmt::softwareKeydata(keydata));
        return onToken();
    });
}

/// The same for a function whose only arguments are a key and parameters.
template <typename OnToken>
int beginEither(int id, void* ctx, void* keydata, const OSSL_PARAM* params, OnToken&& onToken) {
    return beginEither(
        ctx, keydata,
        [&](const keymgmt::SoftwareOperation& software, void* theirs) {
            return software.begin<OSSL_FUNC_signature_sign_init_fn>(id, theirs, params);
        },
        onToken);
}

int setContextParams(void* ctx, const OSSL_PARAM params[]);
int getContextParams(void* ctx, OSSL_PARAM params[]);

const OSSL_PARAM* settableOf(void* ctx, const OSSL_PARAM* onToken);
const OSSL_PARAM* gettableOf(void* ctx, const OSSL_PARAM* onToken);

int signOnToken(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room,
                const unsigned char* tbs, std::size_t tbsSize);
int finishOnToken(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room);

/// For given hashes or data. `Id` is the function's id.
template <int Id, bool Signing>
int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return beginEither(Id, ctx, keydata, params, [&] {
        return attempt(ctx, [&](SignatureContext& context) {
            context.begin(keyOf(keydata), Signing, params);
        });
    });
}
/// `Id` is the id of the function in the table: EVP_DigestSign and EVP_PKEY_sign have different
/// ones.
template <int Id>
int sign(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room,
         const unsigned char* tbs, std::size_t tbsSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_sign_fn>(Id, 0, sig, size, room, tbs, tbsSize);
    return signOnToken(ctx, sig, size, room, tbs, tbsSize);
}
template <int Id>
int verify(void* ctx, const unsigned char* sig, std::size_t size, const unsigned char* tbs,
           std::size_t tbsSize) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_verify_fn>(Id, 0, sig, size, tbs, tbsSize);
    return check(ctx, [&](SignatureContext& context) {
        return context.verifyAtOnce(ByteView(sig, size), ByteView(tbs, tbsSize));
    });
}
int recoverInit(void* ctx, void* keydata, const OSSL_PARAM params[]);
int recover(void* ctx, unsigned char* out, std::size_t* size, std::size_t room,
            const unsigned char* sig, std::size_t sigSize);

/// For messages that are hashed.
template <int Id>
int messageUpdate(void* ctx, const unsigned char* data, std::size_t size) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_digest_sign_update_fn>(Id, 0, data, size);
    return attempt(ctx, [&](SignatureContext& context) { context.update(ByteView(data, size)); });
}
template <int Id>
int messageSignFinal(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_digest_sign_final_fn>(Id, 0, sig, size, room);
    return finishOnToken(ctx, sig, size, room);
}

} // namespace p11::signature
