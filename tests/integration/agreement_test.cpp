// SPDX-License-Identifier: Apache-2.0
// Key agreement on every curve, in both orders of the providers, alone and within CMS. Everything
// is compared with what OpenSSL makes of the same keys in software.
#include <openssl/cms.h>

#include "agreement.h"

namespace {

using namespace testing_support;

class Agreement : public ::testing::TestWithParam<std::tuple<const char*, Order>> {
  protected:
    const char* label() const { return std::get<0>(GetParam()); }
    Order order() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(
    All, Agreement,
    ::testing::Combine(::testing::Values("ec256", "ec384", "ec521", "secp256k1", "brainpool"),
                       ::testing::Values(Order::defaultFirst, Order::providerFirst)),
    [](const auto& given) {
        return std::string(std::get<0>(given.param)) +
               (std::get<1>(given.param) == Order::defaultFirst ? "DefaultFirst" : "ProviderFirst");
    });

TEST_P(Agreement, IsTheOneOfSoftware) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    for (int i = 0; i < 5; ++i) {
        const auto peer = generate(defaultOnly(), groupOf(key.get()));
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware(label(), peer.get());
        ASSERT_FALSE(expected.empty());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        EXPECT_EQ(derive(instance.get(), key.get(), here.get(), kdf("SHA256", 48)),
                  deriveInSoftware(label(), peer.get(), kdf("SHA256", 48)))
            << takeErrors();
    }
}

TEST_P(Agreement, OfTwoTokenKeysIsTheSameFromBothSides) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto pub = publicKeyFromFile(label());
    const auto expected = deriveInSoftware(label(), pub.get());
    EXPECT_EQ(derive(instance.get(), key.get(), key.get()), expected) << takeErrors();
    const auto publicObject =
        load(instance, uriOf(label(), "public"), OSSL_STORE_INFO_PUBKEY); // of either provider
    EXPECT_EQ(derive(instance.get(), key.get(), publicObject.get()), expected) << takeErrors();
}

/// What the default provider alone makes of pairs in memory.
Bytes inSoftware(EVP_PKEY* mine, EVP_PKEY* theirs, const Options& options) {
    OSSL_PARAM* values = nullptr;
    EXPECT_EQ(EVP_PKEY_todata(mine, EVP_PKEY_KEYPAIR, &values), 1) << takeErrors();
    const p11::ossl::Params params(values);
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(defaultOnly(), "EC", nullptr));
    EVP_PKEY* copy = nullptr;
    EVP_PKEY_fromdata_init(maker.get());
    EXPECT_EQ(EVP_PKEY_fromdata(maker.get(), &copy, EVP_PKEY_KEYPAIR, values), 1) << takeErrors();
    const p11::ossl::Pkey owner(copy);
    return derive(defaultOnly(), copy, publicHalf(defaultOnly(), theirs).get(), options);
}

TEST_P(Agreement, WorksWithPairsGeneratedInMemory) {
    const Instance instance(order());
    const auto group = groupOf(publicKeyFromFile(label()).get());
    const auto a = generate(instance.get(), group);
    const auto b = generate(instance.get(), group);
    ASSERT_TRUE(a && b) << takeErrors();
    const CallCounter calls;
    for (const auto& options : {Options(none), kdf("SHA512", 100), cofactor(0), cofactor(1)}) {
        const auto secret = derive(instance.get(), a.get(), b.get(), options);
        EXPECT_FALSE(secret.empty()) << takeErrors();
        EXPECT_EQ(secret, inSoftware(a.get(), b.get(), options));
        EXPECT_EQ(secret, derive(instance.get(), b.get(), a.get(), options)) << takeErrors();
        const auto fromFile = publicHalf(instance.get(), b.get());
        EXPECT_EQ(secret, derive(instance.get(), a.get(), fromFile.get(), options)) << takeErrors();
    }
    EXPECT_EQ(calls.total(), 0U);
    // And with a token's key at the other end.
    const auto key = loadPrivate(instance, label());
    const auto peer = publicHalf(instance.get(), a.get());
    const auto secret = derive(instance.get(), key.get(), peer.get());
    EXPECT_FALSE(secret.empty()) << takeErrors();
    EXPECT_EQ(secret, derive(instance.get(), a.get(), publicHalf(instance.get(), key.get()).get()));
}

// Private keys read from files stay with the default provider, whatever comes first.
TEST_P(Agreement, OfASoftwareKeyIsLeftToTheOtherProviders) {
    const Instance instance(order());
    const auto key = privateKeyFromFile(instance.get(), label());
    const auto peer = generate(defaultOnly(), groupOf(key.get()));
    const CallCounter calls;
    EXPECT_EQ(derive(instance.get(), key.get(), publicHalf(instance.get(), peer.get()).get()),
              deriveInSoftware(label(), peer.get()))
        << takeErrors();
    EXPECT_EQ(calls.total(), 0U);
}

// The path of CMS (RFC 5753): a copy of the parameters gets the peer's point.
TEST_P(Agreement, TakesAPeerMadeOfCopiedParametersAndLeavesTheKeyAsItWas) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto peer = generate(defaultOnly(), groupOf(key.get()));
    unsigned char* point = nullptr;
    const auto size = EVP_PKEY_get1_encoded_public_key(peer.get(), &point);
    const p11::ossl::Pkey copy(EVP_PKEY_new());
    EXPECT_EQ(EVP_PKEY_copy_parameters(copy.get(), key.get()), 1) << takeErrors();
    EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(copy.get(), point, size), 1) << takeErrors();
    OPENSSL_free(point);
    EXPECT_EQ(derive(instance.get(), key.get(), copy.get()), deriveInSoftware(label(), peer.get()))
        << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(copy.get(), peer.get()), 1);
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile(label()).get()), 1) << takeErrors();
    const Bytes data = randomBytes(10);
    EXPECT_TRUE(verify(label(), sign(instance, key.get(), data), data));
}
// As software without the provider encrypts.
p11::ossl::Bio mailTo(const std::string& label, const Bytes& content) {
    const auto certificate = certificateFromFile(defaultOnly(), label);
    STACK_OF(X509)* recipients = sk_X509_new_null();
    sk_X509_push(recipients, certificate.get());
    const p11::ossl::Bio in(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
    const p11::ossl::Owner<CMS_ContentInfo, CMS_ContentInfo_free> cms(CMS_encrypt_ex(
        recipients, in.get(), EVP_aes_256_cbc(), CMS_BINARY, defaultOnly(), nullptr));
    sk_X509_free(recipients);
    p11::ossl::Bio mail(BIO_new(BIO_s_mem()));
    EXPECT_EQ(i2d_CMS_bio(mail.get(), cms.get()), 1) << takeErrors();
    return mail;
}

Bytes openMail(const Instance& instance, BIO* mail, EVP_PKEY* key, X509* certificate) {
    CMS_ContentInfo* empty = CMS_ContentInfo_new_ex(instance.get(), nullptr);
    const p11::ossl::Owner<CMS_ContentInfo, CMS_ContentInfo_free> cms(d2i_CMS_bio(mail, &empty));
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    if (!cms || CMS_decrypt(cms.get(), key, certificate, nullptr, out.get(), CMS_BINARY) != 1)
        return {};
    const unsigned char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return {data, data + size};
}

// The recipient's key must still be the same one afterwards: CMS copies its parameters, and sets
// the sender's point in the copy.
TEST_P(Agreement, OpensMailToACertificate) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto certificate = certificateFromFile(instance.get(), label());
    const Bytes content = randomBytes(300);
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_EQ(openMail(instance, mailTo(label(), content).get(), key.get(), certificate.get()),
                  content)
            << takeErrors();
    const auto mail = mailTo(label(), content);
    const CallCounter calls;
    EXPECT_EQ(openMail(instance, mail.get(), key.get(), certificate.get()), content);
    EXPECT_EQ(calls.all(), oneDerivation) << calls.log();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile(label()).get()), 1) << takeErrors();
    EXPECT_TRUE(verify(label(), sign(instance, key.get(), content), content));
}

} // namespace
