// The dispatch functions that all signature algorithms share (provider-signature(7)), and what
// makes new ones.
#pragma once

#include <memory>

#include <openssl/core.h>

#include "ossl/dispatch.h"
#include "signature/context.h"

namespace signature {

SignatureContext& contextOf(void* ctx);
/// Null for null: the operation keeps its key.
std::shared_ptr<keymgmt::Key> keyOf(void* keydata);

/// Runs `body` for its effect; 1 if nothing was thrown.
template <typename Body>
int attempt(void* ctx, Body&& body) {
    return ossl::guarded(contextOf(ctx).core(), 0, [&] {
        body(contextOf(ctx));
        return 1;
    });
}

/// Runs `body`, which says whether a signature is good: 1 or 0, and 0 if something was thrown.
template <typename Body>
int check(void* ctx, Body&& body) {
    return ossl::guarded(contextOf(ctx).core(), 0, [&] { return body(contextOf(ctx)) ? 1 : 0; });
}

void freeContext(void* ctx);
void* duplicateContext(void* ctx);
int setContextParams(void* ctx, const OSSL_PARAM params[]);
int getContextParams(void* ctx, OSSL_PARAM params[]);

/// Of given hashes or data.
int signInit(void* ctx, void* keydata, const OSSL_PARAM params[]);
int sign(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room,
         const unsigned char* tbs, std::size_t tbsSize);
int verifyInit(void* ctx, void* keydata, const OSSL_PARAM params[]);
int verify(void* ctx, const unsigned char* sig, std::size_t size, const unsigned char* tbs,
           std::size_t tbsSize);
int recover(void* ctx, unsigned char* out, std::size_t* size, std::size_t room,
            const unsigned char* sig, std::size_t sigSize);

/// Of messages that are hashed.
int messageUpdate(void* ctx, const unsigned char* data, std::size_t size);
int messageSignFinal(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room);

} // namespace signature
