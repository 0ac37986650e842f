// SPDX-License-Identifier: Apache-2.0
#include "cipher/software.h"

#include <array>

#include <openssl/core_names.h>

namespace p11::cipher {
namespace {

void require(bool success) {
    if (!success)
        throw ossl::UsageError(ossl::Reason::data, "the cipher of another provider failed");
}

} // namespace

Software::Software(const ossl::ProviderContext& provider, const char* name)
    : cipher_(EVP_CIPHER_fetch(provider.libctx(), name, ossl::ProviderContext::propq())),
      context_(EVP_CIPHER_CTX_new()) {
    if (!cipher_ || !context_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("no other provider has ") + name);
}

Software::Software(const Software& other) : context_(EVP_CIPHER_CTX_new()) {
    require(context_ && EVP_CIPHER_CTX_copy(context_.get(), other.context_.get()) == 1);
}

void Software::init(bool encrypts, const unsigned char* key, const unsigned char* iv,
                    std::size_t ivSize, const OSSL_PARAM* params) {
    if (cipher_)
        require(EVP_CipherInit_ex2(context_.get(), cipher_.get(), nullptr, nullptr,
                                   encrypts ? 1 : 0, nullptr) == 1);
    cipher_.reset(); // the context has it
    // EVP reads as many bytes of the IV as the cipher says it has.
    if (iv != nullptr &&
        static_cast<std::size_t>(EVP_CIPHER_CTX_get_iv_length(context_.get())) != ivSize) {
        const std::array size{OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_IVLEN, &ivSize),
                              OSSL_PARAM_construct_end()};
        set(size.data());
    }
    require(EVP_CipherInit_ex2(context_.get(), nullptr, key, iv, encrypts ? 1 : 0, params) == 1);
}

std::size_t Software::update(const unsigned char* in, std::size_t size, unsigned char* out) {
    int made = 0;
    require(EVP_CipherUpdate(context_.get(), out, &made, in, static_cast<int>(size)) == 1);
    return static_cast<std::size_t>(made);
}

std::size_t Software::finish(unsigned char* out) {
    int made = 0;
    require(EVP_CipherFinal_ex(context_.get(), out, &made) == 1);
    return static_cast<std::size_t>(made);
}

std::size_t Software::whole(const unsigned char* in, std::size_t size, unsigned char* out) {
    const int made = EVP_Cipher(context_.get(), out, in, static_cast<unsigned>(size));
    require(made >= 0);
    return static_cast<std::size_t>(made);
}

void Software::set(const OSSL_PARAM* params) {
    require(EVP_CIPHER_CTX_set_params(context_.get(), params) == 1);
}

void Software::get(OSSL_PARAM* params) const {
    require(EVP_CIPHER_CTX_get_params(context_.get(), params) == 1);
}

} // namespace p11::cipher
