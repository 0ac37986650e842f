// SPDX-License-Identifier: Apache-2.0
#include "kdf/software.h"

#include <array>

namespace p11::kdf {

Software::Software(const ossl::ProviderContext& provider, const char* name) {
    const ossl::Owner<EVP_KDF, EVP_KDF_free> fetched(
        EVP_KDF_fetch(provider.libctx(), name, ossl::ProviderContext::propq()));
    context_.reset(EVP_KDF_CTX_new(fetched.get()));
    if (!context_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("no other provider has ") + name);
}

Software::Software(const Software& other) : context_(EVP_KDF_CTX_dup(other.context_.get())) {
    if (!context_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "the other provider's KDF cannot be copied");
}

bool Software::set(const OSSL_PARAM* params) {
    return EVP_KDF_CTX_set_params(context_.get(), params) == 1;
}

// OpenSSL only reads the values. It refuses null.
bool Software::setBytes(const char* name, pkcs11::ByteView value) {
    const std::array params{
        OSSL_PARAM_construct_octet_string(name, pkcs11::pointerTo(value), value.size()),
        OSSL_PARAM_construct_end()};
    return set(params.data());
}

bool Software::setText(const char* name, const char* value) {
    const std::array params{OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0),
                            OSSL_PARAM_construct_end()};
    return set(params.data());
}

bool Software::get(OSSL_PARAM* params) const {
    return EVP_KDF_CTX_get_params(context_.get(), params) == 1;
}

bool Software::derive(pkcs11::MutableBytes out) {
    return EVP_KDF_derive(context_.get(), out.data(), out.size(), nullptr) == 1;
}

} // namespace p11::kdf
