#include "signature/functions.h"

#include "keymgmt/reference.h"

namespace signature {

namespace {

// The calls that give a signature share OpenSSL's rule: a null buffer asks for the size, and
// changes nothing.
template <typename Query, typename Body>
int produce(void* ctx, unsigned char* out, std::size_t* size, std::size_t room, Query&& query,
            Body&& body) {
    return attempt(ctx, [&](SignatureContext& context) {
        *size = out == nullptr ? (context.*query)() : body(context, Buffer(out, room));
    });
}

} // namespace

SignatureContext& contextOf(void* ctx) {
    return *static_cast<SignatureContext*>(ctx);
}

std::shared_ptr<keymgmt::Key> keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

void freeContext(void* ctx) {
    delete static_cast<SignatureContext*>(ctx);
}

void* duplicateContext(void* ctx) {
    return ossl::guarded<void*>(contextOf(ctx).core(), nullptr,
                                [&] { return contextOf(ctx).clone().release(); });
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

int signInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(ctx,
                   [&](SignatureContext& context) { context.begin(keyOf(keydata), true, params); });
}

int sign(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room,
         const unsigned char* tbs, std::size_t tbsSize) {
    return produce(ctx, sig, size, room, &SignatureContext::maxSize,
                   [&](SignatureContext& context, Buffer out) {
                       return context.signAtOnce(Octets(tbs, tbsSize), out);
                   });
}

int verifyInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return attempt(
        ctx, [&](SignatureContext& context) { context.begin(keyOf(keydata), false, params); });
}

int verify(void* ctx, const unsigned char* sig, std::size_t size, const unsigned char* tbs,
           std::size_t tbsSize) {
    return check(ctx, [&](SignatureContext& context) {
        return context.verifyAtOnce(Octets(sig, size), Octets(tbs, tbsSize));
    });
}

int recover(void* ctx, unsigned char* out, std::size_t* size, std::size_t room,
            const unsigned char* sig, std::size_t sigSize) {
    return produce(ctx, out, size, room, &SignatureContext::maxSize,
                   [&](SignatureContext& context, Buffer buffer) {
                       return context.recoverAtOnce(Octets(sig, sigSize), buffer);
                   });
}

int messageUpdate(void* ctx, const unsigned char* data, std::size_t size) {
    return attempt(ctx, [&](SignatureContext& context) { context.update(Octets(data, size)); });
}

int messageSignFinal(void* ctx, unsigned char* sig, std::size_t* size, std::size_t room) {
    return produce(ctx, sig, size, room, &SignatureContext::sizeAtFinish,
                   [](SignatureContext& context, Buffer out) { return context.finishSign(out); });
}

} // namespace signature
