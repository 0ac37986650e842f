// SPDX-License-Identifier: Apache-2.0
// KEMs of RSA keys (RSASVE) and of EC, X25519 and X448 keys (DHKEM) on the token. Everything is
// compared with the same keys in software.
#include <array>

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "agreement.h"
#include "jobs.h"
#include "kem.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

class Kem : public ::testing::TestWithParam<std::pair<const char*, Order>> {
  protected:
    static const char* label() { return GetParam().first; }
    bool isRsa() const { return EVP_PKEY_is_a(key.get(), "RSA") == 1; }
    bool isEc() const { return EVP_PKEY_is_a(key.get(), "EC") == 1; }
    Encapsulated forKey() const {
        return encapsulate(defaultOnly(), publicKeyFromFile(label()).get()).value();
    }
    std::optional<Bytes> decapsulateHere(const Bytes& ciphertext) const {
        return decapsulate(instance.get(), key.get(), ciphertext);
    }

    const Instance instance{GetParam().second};
    const p11::ossl::Pkey key = loadPrivate(instance, label());
    const p11::ossl::Pkey software = privateKeyFromFile(defaultOnly(), label());
};
using Given = std::pair<const char*, Order>;

std::string nameOf(const ::testing::TestParamInfo<Given>& info) {
    return std::string(info.param.first) +
           (info.param.second == Order::defaultFirst ? "DefaultFirst" : "ProviderFirst");
}

// With an older OpenSSL there is nothing to compare DHKEM with.
std::vector<Given> givens() {
    std::vector<Given> all{{"rsa", Order::defaultFirst}, {"rsa", Order::providerFirst}};
    if (hasDhkem())
        all.insert(all.end(), {{"ec256", Order::defaultFirst},
                               {"ec256", Order::providerFirst},
                               {"ec384", Order::defaultFirst},
                               {"ec521", Order::providerFirst},
                               {"x25519", Order::defaultFirst},
                               {"x448", Order::providerFirst}});
    return all;
}

INSTANTIATE_TEST_SUITE_P(All, Kem, ::testing::ValuesIn(givens()), nameOf);

TEST_P(Kem, DecapsulatesWhatSoftwareEncapsulates) {
    const Calls rsa{{"C_DecryptInit", 1}, {"C_Decrypt", 1}};
    for (int i = 0; i < usesUntilSteady + 2; ++i) {
        const auto given = forKey();
        const CallCounter calls;
        EXPECT_EQ(decapsulateHere(given.ciphertext), given.secret) << takeErrors();
        if (i >= usesUntilSteady) {
            EXPECT_EQ(calls.all(), isRsa() ? rsa : oneDerivation) << calls.log();
        }
    }
}

TEST_P(Kem, EncapsulatesForThePrivateKeyInSoftware) {
    const auto half = load(instance, uriOf(label(), "public"), OSSL_STORE_INFO_PUBKEY);
    for (auto* recipient : {key.get(), half.get()}) {
        const auto made = encapsulate(instance.get(), recipient);
        ASSERT_TRUE(made) << takeErrors();
        EXPECT_EQ(decapsulate(defaultOnly(), software.get(), made->ciphertext), made->secret);
        EXPECT_EQ(decapsulateHere(made->ciphertext), made->secret);
    }
}

/// "1 32" for a decapsulation that returned 1 and told a secret of 32 bytes.
std::string outcome(EVP_PKEY_CTX* context, const Bytes& ciphertext, std::size_t room) {
    Bytes secret(600);
    std::size_t size = room;
    const int result = EVP_PKEY_decapsulate(context, room != 0 ? secret.data() : nullptr, &size,
                                            ciphertext.data(), ciphertext.size());
    if (result != 1)
        return std::to_string(result);
    secret.resize(room != 0 ? size : 0);
    return "1 " + std::to_string(size) + " " + std::string(secret.begin(), secret.end());
}

std::vector<Bytes> wrongOnes(const Bytes& good) {
    std::vector<Bytes> all{{}, {1}, Bytes(good.size(), 0), Bytes(good.size(), 0xFF)};
    all.emplace_back(good.begin(), good.end() - 1);
    all.push_back(good);
    all.back().push_back(0);
    all.emplace_back(good.size(), 0);
    all.back().back() = 1;
    for (const std::size_t at : {std::size_t{0}, good.size() / 2, good.size() - 1}) {
        all.push_back(good);
        all.back()[at] ^= 1;
    }
    return all;
}

// Also where there is an error: it is one for software, and nothing but the error is different.
TEST_P(Kem, OfWrongCiphertextsGivesWhatSoftwareGives) {
    const auto given = forKey();
    const auto here = beginDecapsulation(instance.get(), key.get());
    const auto there = beginDecapsulation(defaultOnly(), software.get());
    for (const auto& wrong : wrongOnes(given.ciphertext)) {
        // OpenSSL 3.0 takes 0 and 1 for RSASVE, of which SP 800-56B tells it not to.
        const bool isTiny = isRsa() && wrong.size() == given.ciphertext.size() &&
                            std::all_of(wrong.begin(), wrong.end() - 1,
                                        [](unsigned char byte) { return byte == 0; });
        const auto ours = outcome(here.get(), wrong, 600);
        EXPECT_EQ(ours, isTiny ? "0" : outcome(there.get(), wrong, 600)) << wrong.size();
        EXPECT_EQ(takeErrors() != "", ours == "0" && !wrong.empty()) << "EVP refuses none itself";
        EXPECT_EQ(finishDecapsulation(here.get(), given.ciphertext), given.secret) << takeErrors();
    }
}

TEST_P(Kem, TellsTheSizesThatSoftwareTells) {
    const auto given = forKey();
    ASSERT_TRUE(encapsulate(instance.get(), key.get())); // knows the public half
    const CallCounter calls;
    for (const std::size_t room : {std::size_t{0}, given.secret.size() - 1}) {
        const auto here = beginDecapsulation(instance.get(), key.get());
        const auto there = beginDecapsulation(defaultOnly(), software.get());
        EXPECT_EQ(outcome(here.get(), given.ciphertext, room),
                  outcome(there.get(), given.ciphertext, room));
    }
    const auto here = beginEncapsulation(instance.get(), key.get());
    std::size_t size = 0;
    std::size_t secretSize = 0;
    EXPECT_EQ(EVP_PKEY_encapsulate(here.get(), nullptr, &size, nullptr, &secretSize), 1);
    EXPECT_EQ(size, given.ciphertext.size());
    EXPECT_EQ(secretSize, given.secret.size());
    EXPECT_EQ(EVP_PKEY_encapsulate(here.get(), nullptr, nullptr, nullptr, nullptr), 0);
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

TEST_P(Kem, HasOneOperationWhichNeedNotBeNamed) {
    const auto given = forKey();
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_decapsulate_init(context.get(), nullptr), 1) << takeErrors();
    EXPECT_EQ(finishDecapsulation(context.get(), given.ciphertext), given.secret);
    EXPECT_NE(EVP_PKEY_CTX_set_kem_op(context.get(), "nonsense"), 1);
    EXPECT_NE(takeErrors().find("\"nonsense\" is no KEM operation"), std::string::npos);
    EXPECT_NE(EVP_PKEY_CTX_set_kem_op(context.get(), isRsa() ? "DHKEM" : "RSASVE"), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_kem_op(context.get(), isRsa() ? "rsasve" : "dhkem"), 1);
    EXPECT_EQ(finishDecapsulation(context.get(), given.ciphertext), given.secret);
}

TEST_P(Kem, DoesOnlyWhatItWasStartedFor) {
    const auto given = forKey();
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    EXPECT_FALSE(finishDecapsulation(context.get(), given.ciphertext));
    const auto encapsulating = beginEncapsulation(instance.get(), key.get());
    EXPECT_FALSE(finishDecapsulation(encapsulating.get(), given.ciphertext));
    EXPECT_TRUE(finishEncapsulation(encapsulating.get()));
    ASSERT_EQ(EVP_PKEY_decapsulate_init(encapsulating.get(), nullptr), 1);
    EXPECT_FALSE(finishEncapsulation(encapsulating.get()));
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(finishDecapsulation(encapsulating.get(), given.ciphertext), given.secret);
}

TEST_P(Kem, CopiesOfAContextGoOnByThemselves) {
    const auto given = forKey();
    auto context = beginDecapsulation(instance.get(), key.get());
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    ASSERT_TRUE(copy) << takeErrors();
    context.reset();
    EXPECT_EQ(finishDecapsulation(copy.get(), given.ciphertext), given.secret) << takeErrors();
    const auto encapsulating = beginEncapsulation(instance.get(), key.get());
    const p11::ossl::PkeyCtx second(EVP_PKEY_CTX_dup(encapsulating.get()));
    const auto made = finishEncapsulation(second.get());
    ASSERT_TRUE(made) << takeErrors();
    EXPECT_EQ(decapsulate(defaultOnly(), software.get(), made->ciphertext), made->secret);
}

TEST_P(Kem, IsDoneByAWorkerForAnAsyncJob) {
    const auto given = forKey();
    ASSERT_EQ(decapsulateHere(given.ciphertext), given.secret);
    Job job([&] { return decapsulateHere(given.ciphertext) == given.secret; });
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    EXPECT_TRUE(job.finish()) << takeErrors();
    Job abandoned([&] { return decapsulateHere(given.ciphertext).has_value(); });
    EXPECT_EQ(abandoned.go(), ASYNC_PAUSE);
    abandoned.abandon();
}

TEST_P(Kem, GoesOnAfterALoss) {
    const auto given = forKey();
    const char* function = isRsa() ? "C_Decrypt" : "C_DeriveKey";
    for (const CK_RV rv :
         {CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED}) {
        fault(function, "1", rv);
        EXPECT_EQ(decapsulateHere(given.ciphertext), given.secret)
            << p11::pkcs11::rvName(rv) << takeErrors();
        noFaults();
    }
    fault(function, "1+", CKR_DEVICE_MEMORY);
    EXPECT_FALSE(decapsulateHere(given.ciphertext));
    EXPECT_NE(takeErrors(), "");
    noFaults();
    EXPECT_EQ(decapsulateHere(given.ciphertext), given.secret) << takeErrors();
}

TEST_P(Kem, WorksInAForkedChild) {
    const auto given = forKey();
    const auto context = beginDecapsulation(instance.get(), key.get());
    EXPECT_EQ(finishDecapsulation(context.get(), given.ciphertext), given.secret);
    EXPECT_EQ(inChild([&] {
                  return finishDecapsulation(context.get(), given.ciphertext) == given.secret &&
                         decapsulateHere(given.ciphertext) == given.secret;
              }),
              0);
    EXPECT_EQ(finishDecapsulation(context.get(), given.ciphertext), given.secret);
}

TEST_P(Kem, DoesNotDecapsulateWithAPublicKeyOnTheToken) {
    const Instance first(Order::providerFirst);
    const auto half = load(first, uriOf(label(), "public"), OSSL_STORE_INFO_PUBKEY);
    ASSERT_TRUE(half) << takeErrors();
    EXPECT_FALSE(beginDecapsulation(first.get(), half.get()));
    EXPECT_NE(takeErrors().find("a private key is needed"), std::string::npos);
}

/// Authenticated by another key of the same type.
class AuthKem : public Kem {
  protected:
    void SetUp() override {
        if (!hasDhkem())
            GTEST_SKIP() << "OpenSSL has DHKEM since 3.2";
        const auto copy = publicKeyFromFile(label());
        const p11::ossl::PkeyCtx maker(
            EVP_PKEY_CTX_new_from_pkey(defaultOnly(), copy.get(), nullptr));
        EVP_PKEY* made = nullptr;
        ASSERT_TRUE(EVP_PKEY_keygen_init(maker.get()) == 1 &&
                    EVP_PKEY_generate(maker.get(), &made) == 1);
        other.reset(made);
    }
    p11::ossl::Pkey other; ///< in software
    const Bytes material = randomBytes(66);
};
INSTANTIATE_TEST_SUITE_P(All, AuthKem,
                         ::testing::Values(Given("ec256", Order::defaultFirst),
                                           Given("ec384", Order::providerFirst),
                                           Given("ec521", Order::defaultFirst),
                                           Given("x25519", Order::providerFirst),
                                           Given("x448", Order::defaultFirst)),
                         nameOf);

TEST_P(AuthKem, DecapsulatesWhatASenderInSoftwareEncapsulates) {
    const auto given =
        encapsulate(defaultOnly(), publicKeyFromFile(label()).get(), {.authKey = other.get()});
    ASSERT_TRUE(given) << takeErrors();
    const auto half = publicHalf(instance.get(), other.get());
    EXPECT_EQ(decapsulate(instance.get(), key.get(), given->ciphertext, {.authKey = half.get()}),
              given->secret)
        << takeErrors();
    EXPECT_NE(decapsulateHere(given->ciphertext), given->secret) << "without the sender";
    EXPECT_NE(decapsulate(instance.get(), key.get(), given->ciphertext, {.authKey = key.get()}),
              given->secret)
        << "with another sender";
    takeErrors();
}

// The recipient's key is in memory, or is the token's own.
TEST_P(AuthKem, EncapsulatesWithASenderOnTheToken) {
    const auto sender = publicKeyFromFile(label());
    const auto recipient = publicHalf(instance.get(), other.get());
    const auto made = encapsulate(instance.get(), recipient.get(),
                                  {.authKey = key.get(), .properties = "?provider=pkcs11"});
    ASSERT_TRUE(made) << takeErrors();
    EXPECT_EQ(decapsulate(defaultOnly(), other.get(), made->ciphertext, {.authKey = sender.get()}),
              made->secret);
    const auto own = encapsulate(instance.get(), key.get(), {.authKey = key.get()});
    ASSERT_TRUE(own) << takeErrors();
    EXPECT_EQ(
        decapsulate(defaultOnly(), software.get(), own->ciphertext, {.authKey = sender.get()}),
        own->secret);
}

TEST_P(AuthKem, TakesASenderInMemoryForARecipientOnTheToken) {
    const auto copy = p11::ossl::Pkey(EVP_PKEY_dup(other.get()));
    const auto made = encapsulate(instance.get(), key.get(), {.authKey = copy.get()});
    ASSERT_TRUE(made) << takeErrors();
    const auto half = publicHalf(defaultOnly(), other.get());
    EXPECT_EQ(decapsulate(defaultOnly(), software.get(), made->ciphertext, {.authKey = half.get()}),
              made->secret);
}

TEST_P(AuthKem, MakesTheSameOfTheSameKeyMaterial) {
    const auto recipient = publicHalf(instance.get(), other.get());
    const auto expected = encapsulate(defaultOnly(), publicHalf(defaultOnly(), other.get()).get(),
                                      {.authKey = software.get(), .keyMaterial = material});
    const auto made = encapsulate(
        instance.get(), recipient.get(),
        {.authKey = key.get(), .keyMaterial = material, .properties = "?provider=pkcs11"});
    ASSERT_TRUE(expected && made) << takeErrors();
    EXPECT_EQ(made->ciphertext, expected->ciphertext);
    EXPECT_EQ(made->secret, expected->secret);
    const auto plain = encapsulate(instance.get(), key.get(), {.keyMaterial = material});
    const auto same =
        encapsulate(defaultOnly(), publicKeyFromFile(label()).get(), {.keyMaterial = material});
    ASSERT_TRUE(plain && same) << takeErrors();
    EXPECT_EQ(plain->ciphertext, same->ciphertext);
    EXPECT_EQ(plain->secret, same->secret);
}

TEST_P(AuthKem, IsDoneByAWorkerForAnAsyncJob) {
    const auto half = publicHalf(instance.get(), other.get());
    const auto sender = publicKeyFromFile(label());
    Job job([&] {
        const auto made = encapsulate(instance.get(), half.get(),
                                      {.authKey = key.get(), .properties = "?provider=pkcs11"});
        return made && decapsulate(defaultOnly(), other.get(), made->ciphertext,
                                   {.authKey = sender.get()}) == made->secret;
    });
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    EXPECT_TRUE(job.finish()) << takeErrors();
    const auto given =
        encapsulate(defaultOnly(), publicKeyFromFile(label()).get(), {.authKey = other.get()});
    Job second([&] {
        return decapsulate(instance.get(), key.get(), given->ciphertext, {.authKey = half.get()}) ==
               given->secret;
    });
    EXPECT_EQ(second.go(), ASYNC_PAUSE);
    EXPECT_TRUE(second.finish()) << takeErrors();
}

TEST_P(AuthKem, QueriesSizesWithoutTheToken) {
    const auto recipient = publicHalf(instance.get(), other.get());
    const auto context = beginEncapsulation(
        instance.get(), recipient.get(), {.authKey = key.get(), .properties = "?provider=pkcs11"});
    ASSERT_TRUE(context) << takeErrors();
    const auto whole = forKey();
    Bytes out(600);
    Bytes secret(600);
    std::size_t size = 0;
    std::size_t secretSize = 0;
    const CallCounter calls;
    EXPECT_EQ(EVP_PKEY_encapsulate(context.get(), nullptr, &size, nullptr, &secretSize), 1);
    EXPECT_EQ(size, whole.ciphertext.size());
    EXPECT_EQ(secretSize, whole.secret.size());
    --size;
    EXPECT_NE(EVP_PKEY_encapsulate(context.get(), out.data(), &size, secret.data(), &secretSize),
              1);
    EXPECT_NE(takeErrors().find("too small"), std::string::npos);
    ++size, --secretSize;
    EXPECT_NE(EVP_PKEY_encapsulate(context.get(), out.data(), &size, secret.data(), &secretSize),
              1);
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    takeErrors();
    EXPECT_TRUE(finishEncapsulation(context.get())) << takeErrors();
}

// RFC 9180, appendix A.3.1. With every OpenSSL: the token and HKDF are all it needs.
TEST(Dhkem, GivesTheSecretOfTheStandard) {
    const auto bytes = [](const char* hex) {
        long size = 0;
        const p11::ossl::Owner<unsigned char, [](unsigned char* data) { OPENSSL_free(data); }> data(
            OPENSSL_hexstr2buf(hex, &size));
        return Bytes(data.get(), data.get() + size);
    };
    const auto own = bytes("04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a82"
                           "6a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0");
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
    const p11::ossl::Bignum owner(number);
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, own.data(),
                                     own.size());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number);
    const p11::ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(defaultOnly(), "EC", nullptr));
    EVP_PKEY* pair = nullptr;
    ASSERT_TRUE(EVP_PKEY_fromdata_init(maker.get()) == 1 &&
                EVP_PKEY_fromdata(maker.get(), &pair, EVP_PKEY_KEYPAIR, params.get()) == 1);
    const p11::ossl::Pkey software(pair);
    putOnToken(pair, "rfc9180");
    const Instance instance;
    const auto key = loadPrivate(instance, "rfc9180");
    // The object has no public half, which the KEM needs.
    ASSERT_FALSE(decapsulate(instance.get(), key.get(), own));
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("the token gives no public part"), std::string::npos) << errors;
    ASSERT_EQ(EVP_PKEY_eq(key.get(), publicHalf(defaultOnly(), pair).get()), 1);
    EXPECT_EQ(
        decapsulate(instance.get(), key.get(),
                    bytes("04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9"
                          "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4")),
        bytes("c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8"))
        << takeErrors();
}

TEST(Dhkem, IsRefusedForOtherCurves) {
    const Instance instance(Order::providerFirst);
    for (const char* label : {"secp256k1", "brainpool"}) {
        const auto key = loadPrivate(instance, label);
        EXPECT_FALSE(beginDecapsulation(instance.get(), key.get()));
        EXPECT_NE(takeErrors().find("there is no DHKEM for keys on "), std::string::npos);
        EXPECT_FALSE(beginEncapsulation(instance.get(), key.get()));
    }
    takeErrors();
}

TEST(Dhkem, WantsBothKeysOnTheSameCurve) {
    const Instance instance(Order::providerFirst);
    const auto key = loadPrivate(instance, "ec256");
    const auto other = loadPrivate(instance, "ec384");
    if (!hasDhkem())
        GTEST_SKIP() << "OpenSSL has senders since 3.2";
    EXPECT_FALSE(beginDecapsulation(instance.get(), key.get(), {.authKey = other.get()}));
    EXPECT_NE(takeErrors().find("different curves"), std::string::npos);
    EXPECT_FALSE(beginEncapsulation(instance.get(), key.get(), {.authKey = other.get()}));
    takeErrors();
}

TEST(Rsasve, IsRefusedForRsaPssKeys) {
    const Instance instance(Order::providerFirst);
    const auto key = load(instance, uriOf("pssonly") + "&x-key-type=RSA-PSS");
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    EXPECT_NE(EVP_PKEY_decapsulate_init(context.get(), nullptr), 1);
    EXPECT_NE(takeErrors().find("an RSA-PSS key can only sign"), std::string::npos);
    EXPECT_NE(EVP_PKEY_encapsulate_init(context.get(), nullptr), 1);
    takeErrors();
}

// The largest number that is left out, and its neighbours (SP 800-56B, section 7.1.2).
TEST(Rsasve, TakesNumbersBetweenOneAndTheModulusLessOne) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    BIGNUM* modulus = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    const p11::ossl::Bignum number(modulus);
    const auto isTaken = [&] {
        Bytes ciphertext(256);
        BN_bn2binpad(modulus, ciphertext.data(), 256);
        const bool taken = decapsulate(instance.get(), key.get(), ciphertext).has_value();
        takeErrors();
        return taken;
    };
    EXPECT_FALSE(isTaken());
    BN_sub_word(modulus, 1);
    EXPECT_FALSE(isTaken());
    BN_sub_word(modulus, 1);
    EXPECT_TRUE(isTaken());
    BN_set_word(modulus, 2);
    EXPECT_TRUE(isTaken());
    BN_set_word(modulus, 1);
    EXPECT_FALSE(isTaken());
}

} // namespace
