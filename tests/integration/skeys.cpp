// SPDX-License-Identifier: Apache-2.0
#include "skeys.h"

#include <array>

#include "ossl/newer_openssl.h"

namespace testing_support {
namespace {

const auto generateSkey =
    newer<Skey*(OSSL_LIB_CTX*, const char*, const char*, const OSSL_PARAM*)>("EVP_SKEY_generate");

} // namespace

void freeSkey(Skey* key) {
    newer<void(Skey*)>("EVP_SKEY_free")(key);
}

std::string secretKeyUri(const std::string& label) {
    return "pkcs11:token=scenarios;object=" + label + "?pin-value=1234";
}

Cipher SymmetricInstance::cipher(const std::string& name, const char* properties) const {
    Cipher result(EVP_CIPHER_fetch(get(), name.c_str(), properties));
    EXPECT_TRUE(result) << name << takeErrors();
    return result;
}

SecretKey importKey(OSSL_LIB_CTX* libctx, const std::string& uri, const Bytes& value,
                    const std::string& usage, const char* type) {
    std::vector<OSSL_PARAM> params;
    if (!uri.empty())
        params.push_back(
            OSSL_PARAM_construct_utf8_string("pkcs11_uri", const_cast<char*>(uri.c_str()), 0));
    if (!value.empty())
        params.push_back(OSSL_PARAM_construct_octet_string(
            OSSL_SKEY_PARAM_RAW_BYTES, const_cast<unsigned char*>(value.data()), value.size()));
    if (!usage.empty())
        params.push_back(OSSL_PARAM_construct_utf8_string("pkcs11_key_usage",
                                                          const_cast<char*>(usage.c_str()), 0));
    params.push_back(OSSL_PARAM_construct_end());
    return SecretKey(importSkey(libctx, type, ours,
                                OSSL_SKEYMGMT_SELECT_PARAMETERS | OSSL_SKEYMGMT_SELECT_SECRET_KEY,
                                params.data()));
}

SecretKey SymmetricInstance::generate(const std::string& uri, std::size_t size) const {
    const std::array params{
        OSSL_PARAM_construct_utf8_string("pkcs11_uri", const_cast<char*>(uri.c_str()), 0),
        OSSL_PARAM_construct_size_t(OSSL_SKEY_PARAM_KEY_LENGTH, &size), OSSL_PARAM_construct_end()};
    return SecretKey(generateSkey(get(), "AES", ours, params.data()));
}

std::optional<Bytes> through(EVP_CIPHER_CTX* context, const Bytes& in, std::size_t piece) {
    Bytes out(in.size() + 64);
    int size = 0;
    int total = 0;
    for (std::size_t at = 0; at < in.size(); at += piece) {
        if (EVP_CipherUpdate(context, out.data() + total, &size, in.data() + at,
                             static_cast<int>(std::min(piece, in.size() - at))) != 1)
            return std::nullopt;
        total += size;
    }
    if (EVP_CipherFinal_ex(context, out.data() + total, &size) != 1)
        return std::nullopt;
    out.resize(static_cast<std::size_t>(total + size));
    return out;
}

Bytes inSoftware(const std::string& cipher, const Bytes& key, const Bytes& iv, const Bytes& data) {
    const auto software = softwareCipher(cipher);
    const auto made =
        through(begunWithBytes(software.get(), key, iv, true).get(), data, data.size());
    EXPECT_TRUE(made) << "nothing to compare with: " << takeErrors();
    return made.value_or(Bytes{});
}

bool isGcm(const EVP_CIPHER* cipher) {
    return EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
}

std::optional<Sealed> seal(EVP_CIPHER_CTX* context, const Bytes& aad, const Bytes& in,
                           std::size_t piece) {
    const bool gcm = isGcm(EVP_CIPHER_CTX_get0_cipher(context));
    int size = 0;
    if (gcm &&
        EVP_CipherUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1)
        return std::nullopt;
    auto out = through(context, in, piece);
    Sealed sealed{out.value_or(Bytes{}), Bytes(gcm ? 16 : 0)};
    if (!out ||
        (gcm && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed.tag.data()) != 1))
        return std::nullopt;
    return sealed;
}

std::optional<Bytes> open(EVP_CIPHER_CTX* context, const Bytes& aad, Sealed sealed,
                          std::size_t piece) {
    int size = 0;
    if (!sealed.tag.empty() &&
        (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(sealed.tag.size()),
                             sealed.tag.data()) != 1 ||
         EVP_CipherUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1))
        return std::nullopt;
    return through(context, sealed.data, piece);
}

CipherCtx begun(const EVP_CIPHER* cipher, Skey* key, const Bytes& iv, bool encrypts) {
    CipherCtx context(EVP_CIPHER_CTX_new());
    EXPECT_EQ(initCipher(context.get(), cipher, key, iv.empty() ? nullptr : iv.data(), iv.size(),
                         encrypts ? 1 : 0, nullptr),
              1)
        << takeErrors();
    return context;
}

CipherCtx begunWithBytes(const EVP_CIPHER* cipher, const Bytes& key, const Bytes& iv,
                         bool encrypts) {
    CipherCtx context(EVP_CIPHER_CTX_new());
    EXPECT_EQ(EVP_CipherInit_ex2(context.get(), cipher, key.data(),
                                 iv.empty() ? nullptr : iv.data(), encrypts ? 1 : 0, nullptr),
              1)
        << takeErrors();
    return context;
}

Cipher softwareCipher(const std::string& name) {
    return Cipher(EVP_CIPHER_fetch(defaultOnly(), name.c_str(), nullptr));
}

Bytes ivFor(const EVP_CIPHER* cipher) {
    return randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher)));
}

} // namespace testing_support
