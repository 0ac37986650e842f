// Key agreement with keys on the token. Everything is compared with what OpenSSL makes of the same
// keys in software.
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>

#include "fixture.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

using Calls = std::map<std::string, unsigned long>;
const Calls oneDerivation{{"C_DeriveKey", 1}, {"C_GetAttributeValue", 1}, {"C_DestroyObject", 1}};

/// A library context without the provider.
OSSL_LIB_CTX* software() {
    static OSSL_LIB_CTX* libctx = [] {
        auto* made = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_load(made, "default");
        return made;
    }();
    return libctx;
}

ossl::Pkey generate(OSSL_LIB_CTX* libctx, const std::string& group) {
    return ossl::Pkey(EVP_PKEY_Q_keygen(libctx, nullptr, "EC", group.c_str()));
}

std::string groupOf(EVP_PKEY* key) {
    std::array<char, 80> name{};
    EXPECT_EQ(EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr), 1);
    return name.data();
}

// A key's public half, as it comes from a file, in `libctx`.
ossl::Pkey publicHalf(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
    const ossl::Bio file(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PUBKEY(file.get(), key), 1) << takeErrors();
    return ossl::Pkey(
        PEM_read_bio_PUBKEY_ex(file.get(), nullptr, nullptr, nullptr, libctx, nullptr));
}

using Options = std::function<bool(EVP_PKEY_CTX*)>;
bool none(EVP_PKEY_CTX*) {
    return true;
}

ossl::PkeyCtx begin(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
    ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
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

/// Empty on failure.
Bytes derive(OSSL_LIB_CTX* libctx, EVP_PKEY* key, EVP_PKEY* peer, const Options& options = none) {
    const auto context = begin(libctx, key);
    if (!context || !options(context.get()) || EVP_PKEY_derive_set_peer(context.get(), peer) != 1)
        return {};
    return finish(context.get());
}

Bytes deriveInSoftware(const std::string& label, EVP_PKEY* peer, const Options& options = none) {
    return derive(software(), privateKeyFromFile(software(), label).get(),
                  publicHalf(software(), peer).get(), options);
}

const Bytes sharedInfo = randomBytes(70);

// As CMS sets it.
Options kdf(const char* digest, int size, bool info = true) {
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
        const auto peer = generate(software(), groupOf(key.get()));
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
    const auto peer = generate(software(), groupOf(key.get()));
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
    const auto peer = generate(software(), groupOf(key.get()));
    unsigned char* point = nullptr;
    const auto size = EVP_PKEY_get1_encoded_public_key(peer.get(), &point);
    const ossl::Pkey copy(EVP_PKEY_new());
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

TEST(Exchange, HasTheFieldsSizeWhateverTheSecretBeginsWith) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto soft = privateKeyFromFile(software(), "ec256");
    constexpr int enough = 20000;
    for (int i = 0, seen = 0; i < enough && seen < 3; ++i) {
        const auto peer = generate(software(), "P-256");
        const auto expected = derive(software(), soft.get(), peer.get());
        if (expected.at(0) != 0)
            continue;
        ++seen;
        const auto here = publicHalf(instance.get(), peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected);
        EXPECT_EQ(expected.size(), 32U);
        ASSERT_LT(i + 1, enough) << "no secret with a leading zero";
    }
}

TEST(Exchange, CutsThePlainSecretToTheRoomThereIs) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto context = begin(instance.get(), key.get());
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), peer.get()), 1) << takeErrors();
    const auto whole = finish(context.get());
    Bytes part(100, 0xAA);
    std::size_t size = 10;
    ASSERT_EQ(EVP_PKEY_derive(context.get(), part.data(), &size), 1);
    EXPECT_EQ(size, 10U);
    EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + 10, part.begin()));
    EXPECT_EQ(part.at(10), 0xAA);
    size = part.size();
    ASSERT_EQ(EVP_PKEY_derive(context.get(), part.data(), &size), 1);
    EXPECT_EQ(size, 32U);
}

TEST(Exchange, DoesEveryDigestAndLengthOfTheKdf) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec384");
    const auto peer = publicKeyFromFile("ec384");
    for (const char* digest : {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256"})
        for (const int size : {1, 16, 32, 33, 64, 1000}) {
            const auto options = kdf(digest, size, size != 33);
            EXPECT_EQ(derive(instance.get(), key.get(), peer.get(), options),
                      deriveInSoftware("ec384", peer.get(), options))
                << digest << size << takeErrors();
        }
}

TEST(Exchange, TellsItsParameters) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto context = begin(instance.get(), key.get());
    auto* ctx = context.get();
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_NONE);
    ASSERT_TRUE(kdf("sha384", 77)(ctx));
    ASSERT_TRUE(cofactor(1)(ctx));
    const EVP_MD* digest = nullptr;
    int size = 0;
    void* info = nullptr;
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 1);
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_X9_63);
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_kdf_md(ctx, &digest), 1);
    EXPECT_EQ(EVP_MD_get_type(digest), NID_sha384);
    EXPECT_EQ(EVP_PKEY_CTX_get_ecdh_kdf_outlen(ctx, &size), 1);
    EXPECT_EQ(size, 77);
    std::array wanted{OSSL_PARAM_construct_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM, &info, 0),
                      OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_PKEY_CTX_get_params(ctx, wanted.data()), 1);
    ASSERT_EQ(wanted[0].return_size, sharedInfo.size());
    EXPECT_EQ(std::memcmp(info, sharedInfo.data(), sharedInfo.size()), 0);
    EXPECT_EQ(takeErrors(), "");
}

TEST(Exchange, RefusesParametersThatMakeNoSense) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto fails = [&](std::vector<OSSL_PARAM> params, const char* words) {
        params.push_back(OSSL_PARAM_construct_end());
        const auto context = begin(instance.get(), key.get());
        const bool good = EVP_PKEY_CTX_set_params(context.get(), params.data()) == 1 &&
                          EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                          !finish(context.get()).empty();
        EXPECT_FALSE(good) << words;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(words), std::string::npos) << errors;
    };
    std::string x963 = "X963KDF";
    std::string other = "HKDF";
    std::string shake = "SHAKE256";
    std::string sha = "SHA256";
    int mode = 2;
    std::size_t size = 32;
    const auto text = [](const char* name, std::string& value) {
        return OSSL_PARAM_construct_utf8_string(name, value.data(), 0);
    };
    fails({text(OSSL_EXCHANGE_PARAM_KDF_TYPE, other)}, "unknown KDF \"HKDF\"");
    fails({text(OSSL_EXCHANGE_PARAM_KDF_DIGEST, shake)}, "\"SHAKE256\" is no digest");
    fails({text(OSSL_EXCHANGE_PARAM_KDF_DIGEST, other)}, "\"HKDF\" is no digest");
    fails({OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &mode)},
          "unknown cofactor mode 2");
    fails({text(OSSL_EXCHANGE_PARAM_KDF_TYPE, x963), text(OSSL_EXCHANGE_PARAM_KDF_DIGEST, sha)},
          "needs a digest and an output length");
    fails({text(OSSL_EXCHANGE_PARAM_KDF_TYPE, x963),
           OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &size)},
          "needs a digest and an output length");
}

TEST(Exchange, RefusesARoomThatIsTooSmallForTheKdf) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto context = begin(instance.get(), key.get());
    ASSERT_TRUE(kdf("SHA256", 40)(context.get()));
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), peer.get()), 1);
    Bytes out(40);
    std::size_t size = 39;
    const CallCounter calls;
    EXPECT_EQ(EVP_PKEY_derive(context.get(), out.data(), &size), 0);
    EXPECT_NE(takeErrors().find("too small"), std::string::npos);
    EXPECT_EQ(calls.total(), 0U);
}

TEST(Exchange, CofactorModeChangesNothingWhereTheCofactorIsOne) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const int mode : {-1, 0, 1})
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get(), cofactor(mode)), expected)
            << mode << takeErrors();
}

TEST(Exchange, RefusesAPeerOfAnotherCurveAndSaysSo) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (const char* group : {"P-384", "secp256k1", "brainpoolP256r1"}) {
        const auto peer = generate(software(), group);
        const auto here = publicHalf(instance.get(), peer.get());
        const auto context = begin(instance.get(), key.get());
        const CallCounter calls;
        EXPECT_NE(EVP_PKEY_derive_set_peer(context.get(), here.get()), 1);
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("and the private key on prime256v1"), std::string::npos) << errors;
        EXPECT_TRUE(finish(context.get()).empty());
        EXPECT_NE(takeErrors().find("no peer's key is set"), std::string::npos);
        EXPECT_EQ(calls.of("C_DeriveKey"), 0U);
    }
    const auto rsa = publicKeyFromFile("rsa");
    const auto context = begin(instance.get(), key.get());
    EXPECT_NE(EVP_PKEY_derive_set_peer(context.get(), rsa.get()), 1);
    takeErrors();
}

TEST(Exchange, TakesPointsInEveryForm) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (const char* form : {"compressed", "hybrid", "uncompressed"}) {
        const auto peer = generate(software(), "P-256");
        const auto expected = deriveInSoftware("ec256", peer.get());
        ASSERT_EQ(EVP_PKEY_set_utf8_string_param(peer.get(),
                                                 OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form),
                  1);
        const auto here = publicHalf(instance.get(), peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << form << takeErrors();
    }
}

TEST(Exchange, RefusesAKeyThatMayNotDeriveAndSaysSo) {
    const Instance instance;
    const auto key = loadPrivate(instance, "withcert");
    const auto peer = publicKeyFromFile("ec256");
    EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("CKR_KEY_FUNCTION_NOT_PERMITTED"), std::string::npos) << errors;
    EXPECT_NE(errors.find("its CKA_DERIVE is false"), std::string::npos) << errors;
    EXPECT_NE(errors.find("private key \"withcert\""), std::string::npos) << errors;
}

TEST(Exchange, RefusesAPublicKeyAsItsOwn) {
    const Instance instance(Order::providerFirst);
    const auto pub = load(instance, uriOf("ec256", "public"), OSSL_STORE_INFO_PUBKEY);
    EXPECT_TRUE(derive(instance.get(), pub.get(), publicKeyFromFile("ec256").get()).empty());
    EXPECT_NE(takeErrors().find("a private key is needed"), std::string::npos);
}

TEST(Exchange, CopiesOfAContextAreIndependent) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto first = generate(software(), "P-256");
    const auto second = generate(software(), "P-256");
    auto context = begin(instance.get(), key.get());
    ASSERT_TRUE(kdf("SHA256", 20)(context.get()));
    ASSERT_EQ(
        EVP_PKEY_derive_set_peer(context.get(), publicHalf(instance.get(), first.get()).get()), 1)
        << takeErrors();
    const ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    ASSERT_TRUE(copy) << takeErrors();
    ASSERT_TRUE(kdf("SHA384", 30)(copy.get()));
    ASSERT_EQ(EVP_PKEY_derive_set_peer(copy.get(), publicHalf(instance.get(), second.get()).get()),
              1);
    EXPECT_EQ(finish(context.get()), deriveInSoftware("ec256", first.get(), kdf("SHA256", 20)));
    context.reset();
    EXPECT_EQ(finish(copy.get()), deriveInSoftware("ec256", second.get(), kdf("SHA384", 30)));
}

TEST(Exchange, IsThreeCallsAndNothingElse) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const auto& options : {Options(none), kdf("SHA256", 32), cofactor(1)})
        for (int i = 0; i < 3; ++i) {
            const CallCounter calls;
            EXPECT_FALSE(derive(instance.get(), key.get(), peer.get(), options).empty());
            EXPECT_EQ(calls.all(), oneDerivation) << calls.log();
        }
}

TEST(Exchange, AsksTheTokenNothingBeforeTheSecretIsWanted) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const CallCounter calls;
    const auto context = begin(instance.get(), key.get());
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), peer.get()), 1);
    for (int i = 0; i < 3; ++i) {
        std::size_t size = 0;
        EXPECT_EQ(EVP_PKEY_derive(context.get(), nullptr, &size), 1);
        EXPECT_EQ(size, 32U);
        const ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
        EXPECT_TRUE(copy) << takeErrors();
    }
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

TEST(Exchange, OfManyThreadsIsRight) {
    constexpr int crowd = 16;
    constexpr int rounds = 30;
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < crowd; ++i)
        threads.emplace_back([&] {
            const auto peer = generate(software(), "P-256");
            const auto here = publicHalf(instance.get(), peer.get());
            const auto expected = deriveInSoftware("ec256", peer.get());
            for (int round = 0; round < rounds; ++round)
                good += derive(instance.get(), key.get(), here.get()) == expected ? 1 : 0;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(good, crowd * rounds);
}

// Tokens that take points in DER alone answer in several ways.
TEST(Exchange, WrapsThePointWhereTheTokenWantsItAndRemembersIt) {
    for (const CK_RV rv : {CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD, CKR_DATA_LEN_RANGE}) {
        const Instance instance;
        const auto key = loadPrivate(instance, "ec256");
        const auto peer = publicKeyFromFile("ec256");
        const auto expected = deriveInSoftware("ec256", peer.get());
        fault("C_DeriveKey", "1", rv);
        const CallCounter first;
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
        EXPECT_EQ(first.of("C_DeriveKey"), 2U);
        EXPECT_EQ(first.of("C_CloseSession"), 0U);
        const CallCounter later;
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
        EXPECT_EQ(later.all(), oneDerivation) << later.log();
        noFaults();
        // What is refused in both forms is told as it was first, and not remembered.
        const auto other = loadPrivate(instance, "ec256");
        fault("C_DeriveKey", "1-2", rv);
        EXPECT_TRUE(derive(instance.get(), other.get(), peer.get()).empty());
        EXPECT_NE(takeErrors().find(pkcs11::rvName(rv)), std::string::npos);
        noFaults();
        EXPECT_EQ(derive(instance.get(), other.get(), peer.get()), expected) << takeErrors();
    }
}

TEST(Exchange, TellsATokenThatKeepsTheSecretToItself) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    fault("C_GetAttributeValue", "1", CKR_ATTRIBUTE_SENSITIVE);
    EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("C_GetAttributeValue answered CKR_ATTRIBUTE_SENSITIVE (the secret"),
              std::string::npos)
        << errors;
    noFaults();
    EXPECT_FALSE(derive(instance.get(), key.get(), peer.get()).empty()) << takeErrors();
}

// As software without the provider encrypts.
ossl::Bio mailTo(const std::string& label, const Bytes& content) {
    const auto certificate = certificateFromFile(software(), label);
    STACK_OF(X509)* recipients = sk_X509_new_null();
    sk_X509_push(recipients, certificate.get());
    const ossl::Bio in(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
    const ossl::Owner<CMS_ContentInfo, CMS_ContentInfo_free> cms(
        CMS_encrypt_ex(recipients, in.get(), EVP_aes_256_cbc(), CMS_BINARY, software(), nullptr));
    sk_X509_free(recipients);
    ossl::Bio mail(BIO_new(BIO_s_mem()));
    EXPECT_EQ(i2d_CMS_bio(mail.get(), cms.get()), 1) << takeErrors();
    return mail;
}

Bytes openMail(const Instance& instance, BIO* mail, EVP_PKEY* key, X509* certificate) {
    CMS_ContentInfo* empty = CMS_ContentInfo_new_ex(instance.get(), nullptr);
    const ossl::Owner<CMS_ContentInfo, CMS_ContentInfo_free> cms(d2i_CMS_bio(mail, &empty));
    const ossl::Bio out(BIO_new(BIO_s_mem()));
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

TEST(Exchange, IsRightWhereTheProviderIsAskedForByDefault) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order, "?provider=pkcs11");
        const auto key = loadPrivate(instance, "ec256");
        const auto peer = generate(software(), "P-256");
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware("ec256", peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        const auto file = privateKeyFromFile(instance.get(), "ec256");
        EXPECT_EQ(derive(instance.get(), file.get(), here.get()), expected) << takeErrors();
        const auto pair = generate(instance.get(), "P-256");
        EXPECT_EQ(derive(instance.get(), pair.get(), here.get()),
                  derive(software(), peer.get(), publicHalf(software(), pair.get()).get()))
            << takeErrors();
    }
}

// Such a pair is not taken in, for then software would sign with half of it; its public half is
// enough.
TEST(Exchange, ATokensPeerIsAPublicKey) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto pair = generate(instance.get(), "P-256");
    const CallCounter calls;
    EXPECT_TRUE(derive(instance.get(), key.get(), pair.get()).empty());
    EXPECT_EQ(calls.total(), 0U);
    EXPECT_NE(takeErrors(), "");
    const auto pub = publicHalf(instance.get(), pair.get());
    EXPECT_FALSE(derive(instance.get(), key.get(), pub.get()).empty()) << takeErrors();
}

// A private key on the token that may derive and nothing else, and has no public object.
void putOnToken(EVP_PKEY* pair, std::string label) {
    BIGNUM* number = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    const ossl::Bignum owner(number);
    Bytes value((static_cast<std::size_t>(EVP_PKEY_get_bits(pair)) + 7) / 8);
    ASSERT_GT(BN_bn2binpad(number, value.data(), static_cast<int>(value.size())), 0);
    const ossl::Asn1Object oid(OBJ_txt2obj(groupOf(pair).c_str(), 0));
    unsigned char* params = nullptr;
    const int paramsSize = i2d_ASN1_OBJECT(oid.get(), &params);
    CK_OBJECT_CLASS type = CKO_PRIVATE_KEY;
    CK_KEY_TYPE keyType = CKK_EC;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    auto writer = tokenWriter("scenarios");
    writer.destroy(label);
    writer.create({{CKA_CLASS, &type, sizeof type},
                   {CKA_KEY_TYPE, &keyType, sizeof keyType},
                   {CKA_TOKEN, &yes, sizeof yes},
                   {CKA_PRIVATE, &yes, sizeof yes},
                   {CKA_SENSITIVE, &yes, sizeof yes},
                   {CKA_SIGN, &no, sizeof no},
                   {CKA_DERIVE, &yes, sizeof yes},
                   {CKA_LABEL, label.data(), label.size()},
                   {CKA_ID, label.data(), label.size()},
                   {CKA_EC_PARAMS, params, static_cast<CK_ULONG>(paramsSize)},
                   {CKA_VALUE, value.data(), value.size()}});
    OPENSSL_free(params);
}

TEST(DeriveOnlyKey, ProvesByAnAgreementWhichPublicKeyIsItsOwn) {
    const auto pair = generate(software(), "P-384");
    putOnToken(pair.get(), "derives");
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto other = generate(software(), "P-384");
    EXPECT_NE(EVP_PKEY_eq(key.get(), publicHalf(software(), other.get()).get()), 1);
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicHalf(software(), pair.get()).get()), 1) << takeErrors();
    EXPECT_EQ(derive(instance.get(), key.get(), publicHalf(instance.get(), other.get()).get()),
              derive(software(), pair.get(), other.get()))
        << takeErrors();
}

TEST(DeriveOnlyKey, IsFoundAgainByAnAgreementAndAnotherKeyIsNotTakenForIt) {
    const auto pair = generate(software(), "P-256");
    putOnToken(pair.get(), "derives");
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto peer = generate(software(), "P-256");
    const auto here = publicHalf(instance.get(), peer.get());
    const auto expected = derive(software(), pair.get(), peer.get());
    ASSERT_EQ(EVP_PKEY_eq(key.get(), publicHalf(software(), pair.get()).get()), 1);
    ASSERT_EQ(derive(instance.get(), key.get(), here.get()), expected);
    for (const CK_RV rv : {CKR_KEY_HANDLE_INVALID, CKR_SESSION_HANDLE_INVALID}) {
        fault("C_DeriveKey", "1", rv);
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        noFaults();
    }
    putOnToken(generate(software(), "P-256").get(), "derives");
    EXPECT_TRUE(derive(instance.get(), key.get(), here.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another key has taken the place of the private key \"derives\""),
              std::string::npos)
        << errors;
}

// SoftHSM does not multiply by the cofactor.
TEST(Exchange, RefusesCofactorModeWhereItWouldMatterAndTheTokenLacksIt) {
    const auto pair = generate(software(), "sect283k1");
    putOnToken(pair.get(), "binary");
    const Instance instance;
    const auto key = loadPrivate(instance, "binary");
    const auto peer = generate(software(), "sect283k1");
    const auto here = publicHalf(instance.get(), peer.get());
    for (const int mode : {-1, 0}) {
        const auto expected = derive(software(), pair.get(), peer.get(), cofactor(mode));
        EXPECT_EQ(expected.size(), 36U);
        EXPECT_EQ(derive(instance.get(), key.get(), here.get(), cofactor(mode)), expected)
            << mode << takeErrors();
    }
    const CallCounter calls;
    EXPECT_TRUE(derive(instance.get(), key.get(), here.get(), cofactor(1)).empty());
    EXPECT_NE(takeErrors().find("CKM_ECDH1_COFACTOR_DERIVE) is not offered"), std::string::npos);
    EXPECT_EQ(calls.of("C_DeriveKey"), 0U);
}

constexpr std::array losses{
    CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,        CKR_DEVICE_REMOVED,
    CKR_DEVICE_ERROR,           CKR_TOKEN_NOT_PRESENT,     CKR_USER_NOT_LOGGED_IN,
    CKR_KEY_HANDLE_INVALID,     CKR_OBJECT_HANDLE_INVALID, CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_FUNCTION_FAILED,        CKR_HOST_MEMORY,           CKR_GENERAL_ERROR};

class ExchangeLoss : public ::testing::TestWithParam<CK_RV> {};
INSTANTIATE_TEST_SUITE_P(All, ExchangeLoss, ::testing::ValuesIn(losses),
                         [](const auto& given) { return pkcs11::rvName(given.param); });

TEST_P(ExchangeLoss, OnceOrTwiceIsNotNoticed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const char* function : {"C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject"})
        for (const char* calls : {"1", "2", "1-2"}) {
            fault(function, calls, GetParam());
            EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
                << function << calls << takeErrors();
            noFaults();
            EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
                << "after " << function << calls << takeErrors();
        }
}

TEST_P(ExchangeLoss, ForEverIsToldAndEndsWithTheTokensReturn) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (const char* function : {"C_DeriveKey", "C_GetAttributeValue"}) {
        fault(function, "1+", GetParam());
        EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty()) << function;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(function), std::string::npos) << errors;
        EXPECT_NE(errors.find(pkcs11::rvName(GetParam())), std::string::npos) << errors;
        noFaults();
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected)
            << "after " << function << takeErrors();
    }
    // A secret that was read is good, whatever becomes of the object.
    fault("C_DestroyObject", "1+", GetParam());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    noFaults();
}

TEST(ExchangeLossOfMany, NoSecretIsLostAndNoneIsWrong) {
    constexpr int crowd = 16;
    constexpr int rounds = 25;
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "close"), CKR_OK);
    std::string rules;
    for (int call = 10; call < 360; call += 30)
        rules += "C_DeriveKey:" + std::to_string(call) +
                 "=CKR_DEVICE_REMOVED,C_DestroyObject:" + std::to_string(call + 15) +
                 "=CKR_SESSION_HANDLE_INVALID,";
    rules.pop_back();
    ASSERT_EQ(module().setFaults(rules.c_str()), CKR_OK);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < crowd; ++i)
        threads.emplace_back([&] {
            const auto mine = publicKeyFromFile("ec256");
            for (int round = 0; round < rounds; ++round)
                good += derive(instance.get(), key.get(), mine.get()) == expected ? 1 : 0;
            EXPECT_EQ(takeErrors(), "");
        });
    for (auto& thread : threads)
        thread.join();
    noFaults();
    EXPECT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", nullptr), CKR_OK);
    EXPECT_EQ(good, crowd * rounds);
}

} // namespace
