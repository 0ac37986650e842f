// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/params.h"
#include "rng/token_random.h"

namespace p11::rng {
namespace {

constexpr unsigned strength = 256; // bits; the most that OpenSSL asks for
/// The most that OpenSSL asks for at once; fill() asks the token for parts of it.
constexpr std::size_t maxRequest = 65536;

/// What EVP_RAND_CTX holds. Several threads may use it at once. OpenSSL makes and instantiates it
/// under a lock that a module's own libcrypto may want, so the token is asked by generate() alone.
struct Generator {
    ossl::ProviderContext& provider;
    std::atomic<bool> ready{false};
};

Generator& generatorOf(void* ctx) {
    return *static_cast<Generator*>(ctx);
}

// A parent is not used.
void* newContext(void* provctx, void*, const OSSL_DISPATCH*) {
    auto& provider = ossl::ProviderContext::from(provctx);
    return ossl::guarded<void*>(provider.core(), nullptr, [&] { return new Generator{provider}; });
}

void freeContext(void* ctx) {
    delete static_cast<Generator*>(ctx);
}

void requireStrength(unsigned wanted) {
    if (wanted > strength)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "a strength of more than 256 bits was requested");
}

int instantiate(void* ctx, unsigned wanted, int, const unsigned char*, size_t, const OSSL_PARAM[]) {
    auto& generator = generatorOf(ctx);
    return ossl::guarded(generator.provider.core(), 0, [&] {
        requireStrength(wanted);
        generator.ready = true;
        return 1;
    });
}

int uninstantiate(void* ctx) {
    generatorOf(ctx).ready = false;
    return 1;
}

int generate(void* ctx, unsigned char* out, size_t size, unsigned wanted, int, const unsigned char*,
             size_t) {
    auto& generator = generatorOf(ctx);
    return ossl::guarded(generator.provider.core(), 0, [&] {
        generator.ready = true; // as OpenSSL's generators, which instantiate themselves here
        requireStrength(wanted);
        fill(generator.provider, std::span(out, size));
        return 1;
    });
}

// The token seeds itself. As in OpenSSL's generators, this instantiates, too.
int reseed(void* ctx, int, const unsigned char*, size_t, const unsigned char*, size_t) {
    generatorOf(ctx).ready = true;
    return 1;
}

size_t nonce(void* ctx, unsigned char* out, unsigned wanted, size_t shortest, size_t) {
    return out == nullptr || generate(ctx, out, shortest, wanted, 0, nullptr, 0) == 1 ? shortest
                                                                                      : 0;
}

// Full entropy: each byte has eight bits of it.
size_t getSeed(void* ctx, unsigned char** buffer, int entropy, size_t shortest, size_t longest, int,
               const unsigned char*, size_t) {
    auto& generator = generatorOf(ctx);
    return ossl::guarded(generator.provider.core(), std::size_t{0}, [&] {
        const auto size =
            std::max(shortest, (static_cast<std::size_t>(std::max(entropy, 0)) + 7) / 8);
        if (size > longest)
            throw ossl::UsageError(ossl::Reason::parameter, "the requested seed is too short");
        auto* seed = static_cast<unsigned char*>(OPENSSL_secure_malloc(size));
        if (seed == nullptr)
            throw std::bad_alloc();
        try {
            fill(generator.provider, std::span(seed, size));
        } catch (...) {
            OPENSSL_secure_clear_free(seed, size);
            throw;
        }
        *buffer = seed;
        return size;
    });
}

void clearSeed(void*, unsigned char* seed, size_t size) {
    OPENSSL_secure_clear_free(seed, size);
}

// There is no state that threads could disturb, so there is nothing to lock.
int enableLocking(void*) {
    return 1;
}

int getParams(void* ctx, OSSL_PARAM params[]) {
    auto& generator = generatorOf(ctx);
    return ossl::guarded(generator.provider.core(), 0, [&] {
        ossl::answerInt(params, OSSL_RAND_PARAM_STATE,
                        generator.ready ? EVP_RAND_STATE_READY : EVP_RAND_STATE_UNINITIALISED);
        ossl::answerSize(params, OSSL_RAND_PARAM_STRENGTH, strength);
        ossl::answerSize(params, OSSL_RAND_PARAM_MAX_REQUEST, maxRequest);
        return 1;
    });
}

const OSSL_PARAM* gettableParams(void*, void*) {
    static const std::array list{ossl::intParam(OSSL_RAND_PARAM_STATE),
                                 ossl::unsignedParam(OSSL_RAND_PARAM_STRENGTH),
                                 ossl::sizeParam(OSSL_RAND_PARAM_MAX_REQUEST), ossl::endOfParams()};
    return list.data();
}

const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_rand_newctx_fn>(OSSL_FUNC_RAND_NEWCTX, newContext),
        ossl::entry<OSSL_FUNC_rand_freectx_fn>(OSSL_FUNC_RAND_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_rand_instantiate_fn>(OSSL_FUNC_RAND_INSTANTIATE, instantiate),
        ossl::entry<OSSL_FUNC_rand_uninstantiate_fn>(OSSL_FUNC_RAND_UNINSTANTIATE, uninstantiate),
        ossl::entry<OSSL_FUNC_rand_generate_fn>(OSSL_FUNC_RAND_GENERATE, generate),
        ossl::entry<OSSL_FUNC_rand_reseed_fn>(OSSL_FUNC_RAND_RESEED, reseed),
        ossl::entry<OSSL_FUNC_rand_nonce_fn>(OSSL_FUNC_RAND_NONCE, nonce),
        ossl::entry<OSSL_FUNC_rand_get_seed_fn>(OSSL_FUNC_RAND_GET_SEED, getSeed),
        ossl::entry<OSSL_FUNC_rand_clear_seed_fn>(OSSL_FUNC_RAND_CLEAR_SEED, clearSeed),
        ossl::entry<OSSL_FUNC_rand_enable_locking_fn>(OSSL_FUNC_RAND_ENABLE_LOCKING, enableLocking),
        ossl::entry<OSSL_FUNC_rand_get_ctx_params_fn>(OSSL_FUNC_RAND_GET_CTX_PARAMS, getParams),
        ossl::entry<OSSL_FUNC_rand_gettable_ctx_params_fn>(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS,
                                                           gettableParams),
        ossl::endOfTable()};
    return table.data();
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const std::array list{
        ossl::algorithm("PKCS11-RAND", functions(), "random numbers from a token"),
        ossl::endOfAlgorithms()};
    return list.data();
}

} // namespace p11::rng
