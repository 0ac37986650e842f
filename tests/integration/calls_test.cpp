// SPDX-License-Identifier: Apache-2.0
// Calls into the module, exactly: they are what a network HSM costs.
#include <functional>
#include <map>

#include <openssl/rsa.h>

#include "fixture.h"

namespace {

using namespace testing_support;

using Calls = std::map<std::string, unsigned long>;

const Bytes data = randomBytes(1000);
const Calls oneSignature{{"C_SignInit", 1}, {"C_Sign", 1}};
const Calls oneDecryption{{"C_DecryptInit", 1}, {"C_Decrypt", 1}};

using Options = std::function<bool(EVP_PKEY_CTX*)>;

bool none(EVP_PKEY_CTX*) {
    return true;
}
bool pss(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1;
}

Bytes signWith(const Instance& instance, EVP_PKEY* key, const char* digest,
               const Options& options) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* inner = nullptr;
    Bytes signature(1024);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(context.get(), &inner, digest, instance.get(), nullptr, key,
                              nullptr) != 1 ||
        !options(inner) ||
        EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

struct Signing {
    const char* name;
    const char* label;
    const char* digest;
    Options options;
};

class SteadySignature : public ::testing::TestWithParam<Signing> {};
INSTANTIATE_TEST_SUITE_P(All, SteadySignature,
                         ::testing::Values(Signing{"RsaPkcs1", "rsa", "SHA256", none},
                                           Signing{"RsaPkcs1OtherHash", "rsa", "RIPEMD160", none},
                                           Signing{"RsaPss", "rsa", "SHA256", pss},
                                           Signing{"RsaPssOtherHash", "rsa", "SHA3-256", pss},
                                           Signing{"Ecdsa256", "ec256", "SHA256", none},
                                           Signing{"Ecdsa521", "ec521", "SHA512", none},
                                           Signing{"Eddsa", "ed25519", nullptr, none}),
                         [](const auto& given) { return given.param.name; });

TEST_P(SteadySignature, IsTwoCalls) {
    const Instance instance;
    const auto key = loadPrivate(instance, GetParam().label);
    const auto signOnce = [&] {
        return signWith(instance, key.get(), GetParam().digest, GetParam().options);
    };
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_FALSE(signOnce().empty()) << takeErrors();
    for (int i = 0; i < 5; ++i) {
        const CallCounter calls;
        EXPECT_FALSE(signOnce().empty()) << takeErrors();
        EXPECT_EQ(calls.all(), oneSignature);
    }
}

class SteadyDecryption : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(All, SteadyDecryption,
                         ::testing::Values(RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING));

TEST_P(SteadyDecryption, IsTwoCalls) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto pub = publicKeyFromFile("rsa");
    const p11::ossl::PkeyCtx encryptor(EVP_PKEY_CTX_new(pub.get(), nullptr));
    const Bytes secret = randomBytes(32);
    Bytes ciphertext(256);
    std::size_t size = ciphertext.size();
    ASSERT_EQ(EVP_PKEY_encrypt_init(encryptor.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(encryptor.get(), GetParam()), 1);
    ASSERT_EQ(
        EVP_PKEY_encrypt(encryptor.get(), ciphertext.data(), &size, secret.data(), secret.size()),
        1);
    const auto decryptOnce = [&] {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
        Bytes plain(256);
        std::size_t plainSize = plain.size();
        if (EVP_PKEY_decrypt_init(context.get()) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(context.get(), GetParam()) != 1 ||
            EVP_PKEY_decrypt(context.get(), plain.data(), &plainSize, ciphertext.data(),
                             ciphertext.size()) != 1)
            return Bytes{};
        plain.resize(plainSize);
        return plain;
    };
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_EQ(decryptOnce(), secret) << takeErrors();
    for (int i = 0; i < 5; ++i) {
        const CallCounter calls;
        EXPECT_EQ(decryptOnce(), secret);
        EXPECT_EQ(calls.all(), oneDecryption);
    }
}

// The tokens are "scenarios", "empty" and "retry", and SoftHSM's free slot.
constexpr unsigned long slots = 4;

const Calls oneLoad{{"C_GetSlotList", 1}, {"C_GetTokenInfo", slots}, {"C_FindObjectsInit", 1},
                    {"C_FindObjects", 2}, {"C_FindObjectsFinal", 1}, {"C_GetAttributeValue", 1}};

TEST(Loading, TheFirstKeyOpensOneSessionAndLogsInOnce) {
    const Instance instance;
    const CallCounter calls;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    auto expected = oneLoad;
    expected["C_GetFunctionList"] = 1;
    expected["C_Initialize"] = 1;
    expected["C_GetSlotList"] = 2; // for the number first, in each initialization of the module
    expected["C_OpenSession"] = 1;
    expected["C_GetTokenInfo"] = slots + 1; // the flags, before the login
    expected["C_Login"] = 1;
    EXPECT_EQ(calls.all(), expected);
}

TEST(Loading, LaterKeysAreFoundAndReadInOneGo) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    for (const char* label : {"rsa", "ec256", "ed25519", "withcert"}) {
        const CallCounter calls;
        ASSERT_TRUE(loadPrivate(instance, label));
        EXPECT_EQ(calls.all(), oneLoad) << label;
    }
}

TEST(Loading, AsksOneSlotOnlyWhereTheUriNamesIt) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    const auto uri = "pkcs11:slot-id=" + std::to_string(tokenWriter("scenarios").slot()) +
                     ";object=rsa;type=private?pin-value=1234";
    const CallCounter calls;
    ASSERT_TRUE(load(instance, uri)) << takeErrors();
    auto expected = oneLoad;
    expected["C_GetTokenInfo"] = 1;
    EXPECT_EQ(calls.all(), expected);
}

TEST(Loading, DoesNotDependOnTheNumberOfObjects) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    {
        auto writer = tokenWriter("scenarios");
        for (int i = 0; i < 100; ++i)
            writer.createPublicKey("number " + std::to_string(i), std::to_string(i));
    }
    const CallCounter calls;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    EXPECT_EQ(calls.all(), oneLoad);
}

TEST(Loading, ReadsAgainOnceWhereAValueIsLongerThanExpected) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "rsa"));
    tokenWriter("scenarios").createPublicKey("long", std::string(3000, 'x'));
    const CallCounter calls;
    ASSERT_TRUE(
        load(instance, "pkcs11:token=scenarios;object=long;type=public", OSSL_STORE_INFO_PUBKEY))
        << takeErrors();
    auto expected = oneLoad;
    expected["C_GetAttributeValue"] = 2;
    // Its private half, which would tell whether it is RSA-PSS, is not there.
    expected["C_FindObjectsInit"] = 2;
    expected["C_FindObjects"] = 3;
    expected["C_FindObjectsFinal"] = 2;
    EXPECT_EQ(calls.all(), expected);
}

TEST(Loading, ReadsTheMechanismsOnceForAToken) {
    const Instance instance;
    const CallCounter calls;
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    EXPECT_EQ(calls.of("C_GetMechanismList"), 0U) << "no choice depends on them yet";
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(sign(instance, rsa.get(), data).empty());
        EXPECT_FALSE(sign(instance, ec.get(), data).empty());
    }
    EXPECT_EQ(calls.of("C_GetMechanismList"), 1U);
    EXPECT_EQ(calls.of("C_GetMechanismInfo"), 0U);
}

} // namespace
