// SPDX-License-Identifier: Apache-2.0
// Signatures through EVP: every way in, every parameter, and what must not cost a call or change a
// key.
#include <algorithm>
#include <array>
#include <atomic>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "fixture.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(1000);

struct Started {
    p11::ossl::MdCtx context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* options = nullptr;
    bool good = false;
};

Started start(const Instance& instance, EVP_PKEY* key, const char* digest = "SHA256") {
    Started result;
    result.good = EVP_DigestSignInit_ex(result.context.get(), &result.options, digest,
                                        instance.get(), nullptr, key, nullptr) == 1;
    return result;
}

Bytes finish(EVP_MD_CTX* context) {
    std::size_t size = 0;
    if (EVP_DigestSignFinal(context, nullptr, &size) != 1)
        return {};
    Bytes signature(size);
    if (EVP_DigestSignFinal(context, signature.data(), &size) != 1)
        return {};
    signature.resize(size);
    return signature;
}

class Orders : public ::testing::TestWithParam<std::pair<Order, const char*>> {};
INSTANTIATE_TEST_SUITE_P(All, Orders,
                         ::testing::Values(std::pair{Order::defaultFirst, nullptr},
                                           std::pair{Order::providerFirst, nullptr},
                                           std::pair{Order::defaultFirst, "?provider=pkcs11"},
                                           std::pair{Order::providerFirst, "?provider=default"}));

TEST_P(Orders, TokenKeysSign) {
    const Instance instance(GetParam().first, GetParam().second);
    for (const char* label : {"rsa", "ec256", "ec384", "ec521", "secp256k1", "brainpool"}) {
        const auto key = loadPrivate(instance, label);
        EXPECT_TRUE(verify(label, sign(instance, key.get(), data), data)) << label << takeErrors();
    }
}

TEST_P(Orders, SoftwareKeysSignAsEver) {
    const Instance instance(GetParam().first, GetParam().second);
    const CallCounter calls;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = privateKeyFromFile(instance.get(), label);
        ASSERT_TRUE(key);
        EXPECT_TRUE(verify(label, sign(instance, key.get(), data), data)) << label << takeErrors();
    }
    EXPECT_EQ(calls.total(), 0) << calls.log();
}

TEST_P(Orders, KeysThatNobodyPlacesAreMadeInMemory) {
    const Instance instance(GetParam().first, GetParam().second);
    const CallCounter calls;
    for (const char* type : {"RSA", "EC", "ED25519", "X25519"}) {
        const p11::ossl::Pkey key(
            std::string(type) == "RSA"
                ? EVP_PKEY_Q_keygen(instance.get(), nullptr, "RSA", std::size_t{2048})
            : std::string(type) == "EC" ? EVP_PKEY_Q_keygen(instance.get(), nullptr, "EC", "P-256")
                                        : EVP_PKEY_Q_keygen(instance.get(), nullptr, type));
        ASSERT_TRUE(key) << type << takeErrors();
        if (std::string(type) != "X25519") {
            EXPECT_FALSE(
                sign(instance, key.get(), data, std::string(type) == "ED25519" ? nullptr : "SHA256")
                    .empty())
                << type << takeErrors();
        }
        // It is a software key to everybody: its private half can be written out.
        unsigned char* der = nullptr;
        const int size = i2d_PrivateKey(key.get(), &der);
        EXPECT_GT(size, 0) << type << takeErrors();
        OPENSSL_free(der);
    }
    EXPECT_EQ(calls.total(), 0) << calls.log();
}

TEST(Signature, TakesEveryDigestForRsaAndEcdsa) {
    const Instance instance;
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    for (const char* digest :
         {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-224", "SHA512-256", "SHA3-224",
          "SHA3-256", "SHA3-384", "SHA3-512", "RIPEMD160", "MD5"}) {
        EXPECT_TRUE(verify("rsa", sign(instance, rsa.get(), data, digest), data, digest))
            << digest << takeErrors();
        EXPECT_TRUE(verify("ec256", sign(instance, ec.get(), data, digest), data, digest))
            << digest << takeErrors();
    }
    EXPECT_TRUE(verify("rsa", sign(instance, rsa.get(), data, "MD5-SHA1"), data, "MD5-SHA1"))
        << takeErrors();
}

Bytes signHash(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const char* digest, const Bytes& hash) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    Bytes signature(256);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_params(context.get(), params.data()) != 1 ||
        EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

// Or refused where software refuses it. Which digests these are depends on OpenSSL's version.
TEST(Signature, Pkcs1IsThatOfSoftwareWithEveryDigest) {
    const Instance instance;
    const Instance software{p11::ossl::LibCtx(OSSL_LIB_CTX_new())};
    const auto key = loadPrivate(instance, "rsa");
    const auto same = privateKeyFromFile(software.get(), "rsa");
    std::vector<std::pair<std::string, std::size_t>> digests;
    EVP_MD_do_all_provided(
        software.get(),
        [](EVP_MD* md, void* list) {
            static_cast<decltype(digests)*>(list)->emplace_back(EVP_MD_get0_name(md),
                                                                EVP_MD_get_size(md));
        },
        &digests);
    ASSERT_GE(digests.size(), 20U);
    for (const auto& [digest, size] : digests) {
        EXPECT_EQ(sign(instance, key.get(), data, digest.c_str()),
                  sign(software, same.get(), data, digest.c_str()))
            << digest << takeErrors();
        const auto hash = randomBytes(size);
        EXPECT_EQ(signHash(instance.get(), key.get(), digest.c_str(), hash),
                  signHash(software.get(), same.get(), digest.c_str(), hash))
            << digest << takeErrors();
    }
}

TEST(Signature, TakesEverySpellingOfADigest) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    for (const char* name :
         {"sha256", "SHA256", "SHA2-256", "sha-256", "SHA-256", "2.16.840.1.101.3.4.2.1"})
        EXPECT_TRUE(verify("rsa", sign(instance, key.get(), data, name), data))
            << name << takeErrors();
    EXPECT_TRUE(sign(instance, key.get(), data, "SHA257").empty());
    EXPECT_NE(takeErrors().find("SHA257"), std::string::npos);
}

TEST(Signature, CostsTwoCallsWhateverTheLengthOfTheData) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = loadPrivate(instance, label);
        for (int i = 0; i < usesUntilSteady; ++i)
            ASSERT_FALSE(sign(instance, key.get(), data).empty());
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3'000'000}}) {
            const auto message = randomBytes(size);
            const CallCounter calls;
            const auto signature = sign(instance, key.get(), message);
            EXPECT_EQ(calls.total(), 2) << calls.log();
            EXPECT_EQ(calls.of("C_SignInit"), 1);
            EXPECT_EQ(calls.of("C_Sign"), 1);
            EXPECT_TRUE(verify(label, signature, message));
        }
    }
}

TEST(Signature, PssCostsTwoCallsEvenWhereTheHostPads) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    for (const char* digest : {"SHA256", "SHA3-256"})
        for (int round = 0; round < usesUntilSteady + 2; ++round) {
            auto started = start(instance, key.get(), digest);
            EVP_PKEY_CTX_set_rsa_padding(started.options, RSA_PKCS1_PSS_PADDING);
            const CallCounter calls;
            EVP_DigestSignUpdate(started.context.get(), data.data(), data.size());
            const auto signature = finish(started.context.get());
            EXPECT_TRUE(verify("rsa", signature, data, digest, true)) << takeErrors();
            if (round >= usesUntilSteady) {
                EXPECT_EQ(calls.total(), 2) << calls.log();
            }
        }
}

TEST(Signature, ProbesAndSizeQueriesCostNothing) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    ASSERT_FALSE(sign(instance, key.get(), data).empty());
    const CallCounter calls;
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(start(instance, key.get()).good);
    auto started = start(instance, key.get());
    std::size_t size = 0;
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(EVP_DigestSignFinal(started.context.get(), nullptr, &size), 1)
            << "before any data";
        EXPECT_EQ(size, 256U);
    }
    EXPECT_EQ(calls.total(), 0) << calls.log();
    EVP_DigestSignUpdate(started.context.get(), data.data(), data.size());
    EXPECT_TRUE(verify("rsa", finish(started.context.get()), data));
}

TEST(Signature, RestartsWithItsKeyWhenInitGetsNone) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    auto started = start(instance, key.get());
    ASSERT_TRUE(started.good);
    EVP_DigestSignUpdate(started.context.get(), data.data(), 10);
    ASSERT_EQ(EVP_DigestSignInit_ex(started.context.get(), nullptr, "SHA256", instance.get(),
                                    nullptr, nullptr, nullptr),
              1);
    EVP_DigestSignUpdate(started.context.get(), data.data(), data.size());
    EXPECT_TRUE(verify("ec256", finish(started.context.get()), data)) << takeErrors();
}

TEST(Signature, CopiesOfAContextGoTheirOwnWay) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto started = start(instance, key.get());
    EVP_DigestSignUpdate(started.context.get(), data.data(), 500);
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), started.context.get()), 1) << takeErrors();
    EVP_DigestSignUpdate(started.context.get(), data.data() + 500, 500);
    EVP_DigestSignUpdate(copy.get(), data.data(), 3);
    Bytes other = data;
    other.resize(503);
    std::copy_n(data.begin(), 3, other.begin() + 500);
    EXPECT_TRUE(verify("rsa", finish(copy.get()), other));
    EXPECT_TRUE(verify("rsa", finish(started.context.get()), data));
}

TEST(Signature, TakesPaddingThroughTheApiAndTellsItBack) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto started = start(instance, key.get());
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(started.options, RSA_PKCS1_PSS_PADDING), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(started.options, 20), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md_name(started.options, "SHA384", nullptr), 1);
    int padding = 0;
    int salt = 0;
    EXPECT_GT(EVP_PKEY_CTX_get_rsa_padding(started.options, &padding), 0);
    EXPECT_EQ(padding, RSA_PKCS1_PSS_PADDING);
    EXPECT_GT(EVP_PKEY_CTX_get_rsa_pss_saltlen(started.options, &salt), 0);
    EXPECT_EQ(salt, 20);
    std::array<char, 50> name{};
    EXPECT_EQ(EVP_PKEY_CTX_get_rsa_mgf1_md_name(started.options, name.data(), name.size()), 1);
    EXPECT_STREQ(name.data(), "SHA2-384");
    std::array<unsigned char, 128> id{};
    std::array params{
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, id.data(), id.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, name.data(), name.size()),
        OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_PKEY_CTX_get_params(started.options, params.data()), 1) << takeErrors();
    EXPECT_GT(params[0].return_size, 0U);
    EXPECT_STREQ(name.data(), "pss");
}

// Before a length is set and after it, and however it is asked for.
TEST(Signature, TellsTheSaltLengthAsSoftwareDoes) {
    const auto answers = [](OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
        std::string text;
        const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
        EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING), 1);
        for (const char* set : {"", "digest", "auto", "max", "20"}) {
            if (*set != '\0') {
                EXPECT_EQ(EVP_PKEY_CTX_ctrl_str(context.get(), "rsa_pss_saltlen", set), 1);
            }
            int told = 77;
            int number = 77;
            std::array params{OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &number),
                              OSSL_PARAM_construct_end()};
            // 3.0 returns the length itself.
            text += std::to_string(EVP_PKEY_CTX_get_rsa_pss_saltlen(context.get(), &told)) + "/";
            EXPECT_EQ(EVP_PKEY_CTX_get_params(context.get(), params.data()), 1);
            text += std::to_string(told) + "/" + std::to_string(number) + " ";
        }
        return text;
    };
    const Instance instance;
    const auto onToken = loadPrivate(instance, "rsa");
    const auto inSoftware = privateKeyFromFile(defaultOnly(), "rsa");
    EXPECT_EQ(answers(instance.get(), onToken.get()), answers(defaultOnly(), inSoftware.get()));
}

TEST(Signature, RefusesWhatMakesNoSenseAndSaysWhat) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto started = start(instance, key.get());
    EXPECT_NE(EVP_PKEY_CTX_set_rsa_padding(started.options, RSA_X931_PADDING), 1);
    EXPECT_NE(takeErrors().find("padding"), std::string::npos);
    EXPECT_NE(EVP_PKEY_CTX_set_rsa_pss_saltlen(started.options, 20), 1) << "without PSS";
    EXPECT_NE(takeErrors().find("a salt length needs PSS padding"), std::string::npos);
    EVP_PKEY_CTX_set_rsa_padding(started.options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(started.options,
                                     223); // 222 is the most for SHA-256 and 2048 bits
    EVP_DigestSignUpdate(started.context.get(), data.data(), data.size());
    EXPECT_TRUE(finish(started.context.get()).empty());
    EXPECT_NE(takeErrors().find("too small"), std::string::npos);
    // A buffer that is too small, and the context is as good as before.
    auto again = start(instance, key.get());
    EVP_DigestSignUpdate(again.context.get(), data.data(), data.size());
    Bytes small(255);
    std::size_t size = small.size();
    EXPECT_NE(EVP_DigestSignFinal(again.context.get(), small.data(), &size), 1);
    EXPECT_NE(takeErrors().find("too small"), std::string::npos);
    EXPECT_TRUE(verify("rsa", finish(again.context.get()), data)) << takeErrors();
}

TEST(Signature, TakesUnknownParametersForNothing) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    unsigned number = 1;
    const std::array params{OSSL_PARAM_construct_uint("no-such-parameter", &number),
                            OSSL_PARAM_construct_end()};
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", instance.get(), nullptr,
                                    key.get(), params.data()),
              1)
        << takeErrors();
    EVP_DigestSignUpdate(context.get(), data.data(), data.size());
    EXPECT_TRUE(verify("rsa", finish(context.get()), data));
}

TEST(Signature, WithoutPaddingIsRawRsa) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const p11::ossl::PkeyCtx signer(EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_sign_init(signer.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(signer.get(), RSA_NO_PADDING), 1);
    auto block = randomBytes(256);
    block[0] = 0;
    Bytes signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_PKEY_sign(signer.get(), signature.data(), &size, block.data(), block.size()), 1)
        << takeErrors();
    const auto file = publicKeyFromFile("rsa");
    const p11::ossl::PkeyCtx verifier(EVP_PKEY_CTX_new(file.get(), nullptr));
    EVP_PKEY_verify_recover_init(verifier.get());
    EVP_PKEY_CTX_set_rsa_padding(verifier.get(), RSA_NO_PADDING);
    Bytes recovered(256);
    ASSERT_EQ(EVP_PKEY_verify_recover(verifier.get(), recovered.data(), &size, signature.data(),
                                      signature.size()),
              1);
    EXPECT_EQ(recovered, block);
    EXPECT_NE(EVP_PKEY_sign(signer.get(), signature.data(), &size, block.data(), 255), 1)
        << "must have the modulus's size";
    takeErrors();
}

TEST(Signature, ChecksTheSizeOfAGivenHash) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = loadPrivate(instance, label);
        const p11::ossl::PkeyCtx signer(
            EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
        ASSERT_EQ(EVP_PKEY_sign_init(signer.get()), 1);
        ASSERT_EQ(EVP_PKEY_CTX_set_signature_md(signer.get(), EVP_sha256()), 1);
        Bytes signature(512);
        for (const std::size_t wrong :
             {std::size_t{0}, std::size_t{31}, std::size_t{33}, std::size_t{64}}) {
            std::size_t size = signature.size();
            EXPECT_NE(EVP_PKEY_sign(signer.get(), signature.data(), &size, data.data(), wrong), 1)
                << wrong;
            EXPECT_NE(takeErrors().find("SHA2-256"), std::string::npos);
        }
    }
}

TEST(Signature, EcdsaNeverExceedsTheSizeItAnnounces) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    EXPECT_EQ(EVP_PKEY_get_size(key.get()), 72);
    for (int i = 0; i < 500; ++i) {
        const auto message = randomBytes(32);
        const auto signature = sign(instance, key.get(), message);
        ASSERT_LE(signature.size(), 72U);
        ASSERT_TRUE(verify("ec256", signature, message)) << i;
    }
}

TEST(Signature, VerifiesWithThePrivateKeysOwnHandle) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        for (const char* label : {"rsa", "ec256", "withcert"}) {
            const auto key = loadPrivate(instance, label);
            auto signature = sign(instance, key.get(), data);
            const auto check = [&] {
                const p11::ossl::MdCtx context(EVP_MD_CTX_new());
                return EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", instance.get(),
                                               nullptr, key.get(), nullptr) == 1 &&
                       EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        data.data(), data.size()) == 1;
            };
            EXPECT_TRUE(check()) << label << takeErrors();
            for (const std::size_t at :
                 {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
                signature[at] ^= 1;
                EXPECT_FALSE(check()) << label << " byte " << at;
                signature[at] ^= 1;
            }
            signature.resize(signature.size() - 1);
            EXPECT_FALSE(check()) << label << " truncated";
            takeErrors();
        }
    }
}

TEST(Signature, Ed25519SignsWholeMessagesOnly) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ed25519");
    ASSERT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_ED25519);
    const auto signature = sign(instance, key.get(), data, nullptr);
    ASSERT_EQ(signature.size(), 64U) << takeErrors();
    EXPECT_TRUE(verify("ed25519", signature, data, nullptr));
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyOnToken("ed25519").get()), 1) << takeErrors();
    EXPECT_TRUE(sign(instance, key.get(), data, "SHA256").empty()) << "a digest is refused";
    takeErrors();
}

TEST(Signature, ThreadsShareOneKey) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    std::atomic<int> good{0};
    inThreads(32, [&](int) {
        for (int round = 0; round < 20; ++round) {
            const auto message = randomBytes(64);
            good += verify("ec256", sign(instance, key.get(), message), message) ? 1 : 0;
        }
    });
    EXPECT_EQ(good, 32 * 20);
}

} // namespace
