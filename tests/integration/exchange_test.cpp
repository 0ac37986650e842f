// SPDX-License-Identifier: Apache-2.0
// What EVP_KEYEXCH does with one key on the token: parameters, refusals, copies, calls. Secrets are
// compared with what OpenSSL makes of the same keys in software.
#include <array>
#include <atomic>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "agreement.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

TEST(Exchange, HasTheFieldsSizeWhateverTheSecretBeginsWith) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto soft = privateKeyFromFile(defaultOnly(), "ec256");
    constexpr int enough = 20000;
    int seen = 0;
    for (int i = 0; i < enough && seen < 3; ++i) {
        const auto peer = generate(defaultOnly(), "P-256");
        const auto expected = derive(defaultOnly(), soft.get(), peer.get());
        if (expected.at(0) != 0)
            continue;
        ++seen;
        const auto here = publicHalf(instance.get(), peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected);
        EXPECT_EQ(expected.size(), 32U);
    }
    EXPECT_EQ(seen, 3) << "no secrets with a leading zero";
}

TEST(Exchange, CutsThePlainSecretToTheRoomThereIs) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto context = begin(instance.get(), key.get());
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), peer.get()), 1) << takeErrors();
    const auto whole = deriveInSoftware("ec256", peer.get());
    Bytes part(100, 0xAA);
    std::size_t size = 10;
    ASSERT_EQ(EVP_PKEY_derive(context.get(), part.data(), &size), 1);
    EXPECT_EQ(size, 10U);
    EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + 10, part.begin()));
    EXPECT_EQ(part.at(10), 0xAA);
    size = part.size();
    ASSERT_EQ(EVP_PKEY_derive(context.get(), part.data(), &size), 1);
    part.resize(size);
    EXPECT_EQ(part, whole);
}

TEST(Exchange, TakesTheRoomsThatSoftwareTakes) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto software = privateKeyFromFile(defaultOnly(), "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto deriveInto = [&](OSSL_LIB_CTX* libctx, EVP_PKEY* with, std::size_t room) {
        const auto context = begin(libctx, with);
        Bytes out(100);
        const auto theirs = publicHalf(libctx, peer.get());
        const bool good = EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1 &&
                          EVP_PKEY_derive(context.get(), out.data(), &room) == 1;
        out.resize(room);
        return good ? out : Bytes();
    };
    for (std::size_t room = 0; room < 34; ++room)
        EXPECT_EQ(deriveInto(instance.get(), key.get(), room),
                  deriveInto(defaultOnly(), software.get(), room))
            << room;
    const auto context = begin(instance.get(), key.get());
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), peer.get()), 1);
    unsigned char nothing = 0;
    std::size_t room = 0;
    const CallCounter calls;
    EXPECT_EQ(EVP_PKEY_derive(context.get(), &nothing, &room), 0);
    EXPECT_NE(takeErrors().find("no room"), std::string::npos);
    EXPECT_EQ(calls.total(), 0U);
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
    fails({text(OSSL_EXCHANGE_PARAM_KDF_DIGEST, shake)},
          "\"SHAKE256\" cannot be used as the digest");
    fails({text(OSSL_EXCHANGE_PARAM_KDF_DIGEST, other)}, "\"HKDF\" cannot be used as the digest");
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
        const auto peer = generate(defaultOnly(), group);
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
    EXPECT_NE(takeErrors(), "");
}

TEST(Exchange, TakesPointsInEveryForm) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    for (const char* form : {"compressed", "hybrid", "uncompressed"}) {
        const auto peer = generate(defaultOnly(), "P-256");
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

// The token insists on a login at each use, or will not hear of one.
TEST(Exchange, LogsInForKeysThatAskEachTime) {
    ASSERT_EQ(module().configure("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1"), CKR_OK);
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (int i = 0; i < 3; ++i) {
        const CallCounter calls;
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
        EXPECT_EQ(calls.of("C_DeriveKey"), 2U) << calls.log();
        EXPECT_EQ(calls.of("C_OpenSession"), 0U) << calls.log();
    }
    fault("C_Login", "1", CKR_OPERATION_NOT_INITIALIZED);
    fault("C_DeriveKey", "1", CKR_USER_NOT_LOGGED_IN);
    EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    noFaults();
    // In a process of its own, which knows no PIN afterwards.
    EXPECT_EQ(inChild([&] {
                  const bool before = derive(instance.get(), key.get(), peer.get()) == expected;
                  fault("C_Login", "1", CKR_PIN_INCORRECT);
                  const bool after = derive(instance.get(), key.get(), peer.get()).empty();
                  return before && after &&
                         takeErrors().find("CKR_PIN_INCORRECT") != std::string::npos;
              }),
              0);
    EXPECT_EQ(module().configure("PKCS11_TEST_ALWAYS_AUTHENTICATE", nullptr), CKR_OK);
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
    const auto first = generate(defaultOnly(), "P-256");
    const auto second = generate(defaultOnly(), "P-256");
    auto context = begin(instance.get(), key.get());
    ASSERT_TRUE(kdf("SHA256", 20)(context.get()));
    ASSERT_EQ(
        EVP_PKEY_derive_set_peer(context.get(), publicHalf(instance.get(), first.get()).get()), 1)
        << takeErrors();
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
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
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_FALSE(derive(instance.get(), key.get(), peer.get()).empty()) << takeErrors();
    for (const auto& options : {Options(none), kdf("SHA256", 32), cofactor(1)})
        for (int i = 0; i < 3; ++i) {
            const CallCounter calls;
            EXPECT_EQ(derive(instance.get(), key.get(), peer.get(), options),
                      deriveInSoftware("ec256", peer.get(), options));
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
        const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
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
    inThreads(crowd, [&](int) {
        const auto peer = generate(defaultOnly(), "P-256");
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware("ec256", peer.get());
        for (int round = 0; round < rounds; ++round)
            good += derive(instance.get(), key.get(), here.get()) == expected ? 1 : 0;
    });
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
        EXPECT_NE(takeErrors().find(p11::pkcs11::rvName(rv)), std::string::npos);
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
TEST(Exchange, IsRightWhereTheProviderIsAskedForByDefault) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order, "?provider=pkcs11");
        const auto key = loadPrivate(instance, "ec256");
        const auto peer = generate(defaultOnly(), "P-256");
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware("ec256", peer.get());
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        const auto file = privateKeyFromFile(instance.get(), "ec256");
        EXPECT_EQ(derive(instance.get(), file.get(), here.get()), expected) << takeErrors();
        const auto pair = generate(instance.get(), "P-256");
        EXPECT_EQ(derive(instance.get(), pair.get(), here.get()),
                  derive(defaultOnly(), peer.get(), publicHalf(defaultOnly(), pair.get()).get()))
            << takeErrors();
    }
}

// Of a pair in memory the public half is the peer, as in software.
TEST(Exchange, APairIsAPeerAsItsPublicHalfIs) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto pair = generate(instance.get(), "P-256");
    const auto pub = publicHalf(instance.get(), pair.get());
    const auto secret = derive(instance.get(), key.get(), pub.get());
    EXPECT_FALSE(secret.empty()) << takeErrors();
    EXPECT_EQ(derive(instance.get(), key.get(), pair.get()), secret);
    const auto other = derive(defaultOnly(), pair.get(), publicKeyFromFile("ec256").get());
    EXPECT_EQ(other, secret);
}
// SoftHSM does not multiply by the cofactor.
TEST(Exchange, RefusesCofactorModeWhereItWouldMatterAndTheTokenLacksIt) {
    const auto pair = newOnToken("sect283k1", "binary");
    const Instance instance;
    const auto key = loadPrivate(instance, "binary");
    const auto peer = generate(defaultOnly(), "sect283k1");
    const auto here = publicHalf(instance.get(), peer.get());
    for (const int mode : {-1, 0}) {
        const auto expected = derive(defaultOnly(), pair.get(), peer.get(), cofactor(mode));
        EXPECT_EQ(expected.size(), 36U);
        EXPECT_EQ(derive(instance.get(), key.get(), here.get(), cofactor(mode)), expected)
            << mode << takeErrors();
    }
    const CallCounter calls;
    EXPECT_TRUE(derive(instance.get(), key.get(), here.get(), cofactor(1)).empty());
    EXPECT_NE(takeErrors().find("does not offer cofactor mode (CKM_ECDH1_COFACTOR_DERIVE)"),
              std::string::npos);
    EXPECT_EQ(calls.of("C_DeriveKey"), 0U);
}

} // namespace
