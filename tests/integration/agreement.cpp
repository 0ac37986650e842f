// SPDX-License-Identifier: Apache-2.0
#include "agreement.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>

namespace testing_support {

using Calls = std::map<std::string, unsigned long>;
const Calls oneDerivation{{"C_DeriveKey", 1}, {"C_GetAttributeValue", 1}, {"C_DestroyObject", 1}};

p11::ossl::Pkey generate(OSSL_LIB_CTX* libctx, const std::string& group) {
    return p11::ossl::Pkey(EVP_PKEY_Q_keygen(libctx, nullptr, "EC", group.c_str()));
}

std::string groupOf(EVP_PKEY* key) {
    std::array<char, 80> name{};
    EXPECT_EQ(EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr), 1);
    return name.data();
}

p11::ossl::Pkey publicKeyOf(const std::string& group, const Bytes& point) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(defaultOnly(), "EC", nullptr));
    auto name = group;
    auto value = point;
    std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, value.data(), value.size()),
        OSSL_PARAM_construct_end()};
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.data()) != 1)
        return nullptr;
    return p11::ossl::Pkey(key);
}

p11::ossl::Pkey publicHalf(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
    const p11::ossl::Bio file(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PUBKEY(file.get(), key), 1) << takeErrors();
    return p11::ossl::Pkey(
        PEM_read_bio_PUBKEY_ex(file.get(), nullptr, nullptr, nullptr, libctx, nullptr));
}

using Options = std::function<bool(EVP_PKEY_CTX*)>;
bool none(EVP_PKEY_CTX*) {
    return true;
}

p11::ossl::PkeyCtx begin(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
    p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
    return context && EVP_PKEY_derive_init(context.get()) == 1 ? std::move(context) : nullptr;
}

Bytes finish(EVP_PKEY_CTX* context) {
    std::size_t size = 0;
    if (EVP_PKEY_derive(context, nullptr, &size) != 1)
        return {};
    Bytes secret(size);
    if (EVP_PKEY_derive(context, secret.data(), &size) != 1)
        return {};
    secret.resize(size);
    return secret;
}

Bytes derive(OSSL_LIB_CTX* libctx, EVP_PKEY* key, EVP_PKEY* peer, const Options& options) {
    const auto context = begin(libctx, key);
    if (!context || !options(context.get()) || EVP_PKEY_derive_set_peer(context.get(), peer) != 1)
        return {};
    return finish(context.get());
}

Bytes deriveInSoftware(const std::string& label, EVP_PKEY* peer, const Options& options) {
    auto secret = derive(defaultOnly(), privateKeyFromFile(defaultOnly(), label).get(),
                         publicHalf(defaultOnly(), peer).get(), options);
    EXPECT_FALSE(secret.empty()) << "nothing to compare with: " << takeErrors();
    return secret;
}

const Bytes sharedInfo = randomBytes(70);

Options kdf(const char* digest, int size, bool info) {
    return [=](EVP_PKEY_CTX* context) {
        auto* copy = info ? OPENSSL_memdup(sharedInfo.data(), sharedInfo.size()) : nullptr;
        return EVP_PKEY_CTX_set_ecdh_kdf_type(context, EVP_PKEY_ECDH_KDF_X9_63) == 1 &&
               EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_get_digestbyname(digest)) == 1 &&
               EVP_PKEY_CTX_set_ecdh_kdf_outlen(context, size) == 1 &&
               (!info || EVP_PKEY_CTX_set0_ecdh_kdf_ukm(context, static_cast<unsigned char*>(copy),
                                                        static_cast<int>(sharedInfo.size())) == 1);
    };
}

Options cofactor(int mode) {
    return [mode](EVP_PKEY_CTX* context) {
        return EVP_PKEY_CTX_set_ecdh_cofactor_mode(context, mode) == 1;
    };
}

void putOnToken(EVP_PKEY* pair, const std::string& label, bool signs) {
    auto writer = tokenWriter("scenarios");
    putOnToken(writer, pair, label, signs);
}

void putOnToken(TokenWriter& writer, EVP_PKEY* pair, const std::string& label, bool signs) {
    BIGNUM* number = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    const p11::ossl::Bignum owner(number);
    Bytes value((static_cast<std::size_t>(EVP_PKEY_get_bits(pair)) + 7) / 8);
    ASSERT_GT(BN_bn2binpad(number, value.data(), static_cast<int>(value.size())), 0);
    const p11::ossl::Asn1Object oid(OBJ_txt2obj(groupOf(pair).c_str(), 0));
    unsigned char* params = nullptr;
    const int paramsSize = i2d_ASN1_OBJECT(oid.get(), &params);
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL maySign = signs ? CK_TRUE : CK_FALSE;
    writer.destroy(label);
    writer.createKey(CKO_PRIVATE_KEY, CKK_EC, label, label,
                     {{CKA_SENSITIVE, &yes, sizeof yes},
                      {CKA_SIGN, &maySign, sizeof maySign},
                      {CKA_DERIVE, &yes, sizeof yes},
                      {CKA_EC_PARAMS, params, static_cast<CK_ULONG>(paramsSize)},
                      {CKA_VALUE, value.data(), value.size()}});
    OPENSSL_free(params);
}

p11::ossl::Pkey newOnToken(const std::string& group, const std::string& label, bool signs) {
    auto pair = generate(defaultOnly(), group);
    putOnToken(pair.get(), label, signs);
    return pair;
}

} // namespace testing_support
