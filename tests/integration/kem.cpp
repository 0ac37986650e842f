// SPDX-License-Identifier: Apache-2.0
#include "kem.h"

#include <array>

#include <openssl/core_names.h>

#include "newer.h"
#include "ossl/newer_openssl.h"

namespace testing_support {
namespace {

constexpr std::size_t roomEnough = 600;

using AuthInit = int(EVP_PKEY_CTX*, EVP_PKEY*, const OSSL_PARAM*);

p11::ossl::PkeyCtx begin(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const KemOptions& options,
                         int (*init)(EVP_PKEY_CTX*, const OSSL_PARAM*), const char* authInit) {
    p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, options.properties));
    std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_KEM_PARAM_OPERATION,
                                         const_cast<char*>(kemOperationOf(key)), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME,
                                          const_cast<unsigned char*>(options.keyMaterial.data()),
                                          options.keyMaterial.size()),
        OSSL_PARAM_construct_end()};
    if (options.keyMaterial.empty())
        params[1] = OSSL_PARAM_construct_end();
    const int result =
        options.authKey == nullptr
            ? init(context.get(), params.data())
            : newer<AuthInit>(authInit)(context.get(), options.authKey, params.data());
    return result == 1 ? std::move(context) : nullptr;
}

} // namespace

const char* kemOperationOf(EVP_PKEY* key) {
    return EVP_PKEY_is_a(key, "RSA") == 1 ? OSSL_KEM_PARAM_OPERATION_RSASVE
                                          : OSSL_KEM_PARAM_OPERATION_DHKEM;
}

bool hasDhkem() {
    return newer<AuthInit>("EVP_PKEY_auth_decapsulate_init") != nullptr;
}

p11::ossl::PkeyCtx beginDecapsulation(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                      const KemOptions& options) {
    return begin(libctx, key, options, EVP_PKEY_decapsulate_init, "EVP_PKEY_auth_decapsulate_init");
}

p11::ossl::PkeyCtx beginEncapsulation(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                      const KemOptions& options) {
    return begin(libctx, key, options, EVP_PKEY_encapsulate_init, "EVP_PKEY_auth_encapsulate_init");
}

std::optional<Bytes> finishDecapsulation(EVP_PKEY_CTX* context, const Bytes& ciphertext) {
    Bytes secret(roomEnough);
    std::size_t size = secret.size();
    if (EVP_PKEY_decapsulate(context, secret.data(), &size, ciphertext.data(), ciphertext.size()) !=
        1)
        return std::nullopt;
    secret.resize(size);
    return secret;
}

std::optional<Encapsulated> finishEncapsulation(EVP_PKEY_CTX* context) {
    Encapsulated made{Bytes(roomEnough), Bytes(roomEnough)};
    std::size_t size = made.ciphertext.size();
    std::size_t secretSize = made.secret.size();
    if (EVP_PKEY_encapsulate(context, made.ciphertext.data(), &size, made.secret.data(),
                             &secretSize) != 1)
        return std::nullopt;
    made.ciphertext.resize(size);
    made.secret.resize(secretSize);
    return made;
}

std::optional<Bytes> decapsulate(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const Bytes& ciphertext,
                                 const KemOptions& options) {
    const auto context = beginDecapsulation(libctx, key, options);
    return context ? finishDecapsulation(context.get(), ciphertext) : std::nullopt;
}

std::optional<Encapsulated> encapsulate(OSSL_LIB_CTX* libctx, EVP_PKEY* key,
                                        const KemOptions& options) {
    const auto context = beginEncapsulation(libctx, key, options);
    return context ? finishEncapsulation(context.get()) : std::nullopt;
}

} // namespace testing_support
