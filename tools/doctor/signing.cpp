// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/signing.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ossl/error_mark.h"
#include "ossl/handles.h"

namespace p11::tools::doctor {
namespace {

using Der = ossl::Owner<unsigned char, [](unsigned char* bytes) { OPENSSL_free(bytes); }>;

bool setPadding(EVP_PKEY_CTX* ctx, const Scheme& scheme) {
    return !scheme.isPss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

} // namespace

std::optional<Scheme> schemeOf(const EVP_PKEY* key, bool onlyPss) {
    constexpr std::array<std::string_view, 6> withoutSignatures{
        "X25519", "X448", "ML-KEM-512", "ML-KEM-768", "ML-KEM-1024", "DH"};
    const std::string_view type = EVP_PKEY_get0_type_name(key);
    if (std::find(withoutSignatures.begin(), withoutSignatures.end(), type) !=
        withoutSignatures.end())
        return std::nullopt;
    if (type == "RSA-PSS" || (type == "RSA" && onlyPss))
        return Scheme{"SHA256", true};
    return Scheme{type == "RSA" || type == "EC" ? "SHA256" : nullptr, false};
}

bool hasPublicHalf(EVP_PKEY* key) {
    const ossl::ErrorMark mark;
    return i2d_PUBKEY(key, nullptr) > 0;
}

Bytes sign(OSSL_LIB_CTX* library, EVP_PKEY* key, const Scheme& scheme, ByteView data) {
    const ossl::MdCtx hash(EVP_MD_CTX_new());
    EVP_PKEY_CTX* ctx = nullptr;
    std::size_t size = 0;
    if (EVP_DigestSignInit_ex(hash.get(), &ctx, scheme.digest, library, nullptr, key, nullptr) !=
            1 ||
        !setPadding(ctx, scheme) ||
        EVP_DigestSign(hash.get(), nullptr, &size, data.data(), data.size()) != 1)
        return {};
    Bytes signature(size);
    if (EVP_DigestSign(hash.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

bool verifies(EVP_PKEY* key, const Scheme& scheme, ByteView data, ByteView signature) {
    const ossl::LibCtx software(OSSL_LIB_CTX_new());
    const ossl::Provider provider(OSSL_PROVIDER_load(software.get(), "default"));
    unsigned char* encoded = nullptr;
    const int size = i2d_PUBKEY(key, &encoded);
    const Der der(encoded);
    const unsigned char* position = encoded;
    const ossl::Pkey half(
        size > 0 ? d2i_PUBKEY_ex(nullptr, &position, size, software.get(), nullptr) : nullptr);
    const ossl::MdCtx hash(EVP_MD_CTX_new());
    EVP_PKEY_CTX* ctx = nullptr;
    return half &&
           EVP_DigestVerifyInit_ex(hash.get(), &ctx, scheme.digest, software.get(), nullptr,
                                   half.get(), nullptr) == 1 &&
           setPadding(ctx, scheme) &&
           EVP_DigestVerify(hash.get(), signature.data(), signature.size(), data.data(),
                            data.size()) == 1;
}

} // namespace p11::tools::doctor
