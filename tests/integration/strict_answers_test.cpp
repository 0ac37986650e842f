// SPDX-License-Identifier: Apache-2.0
// Tokens that answer less, or something else, than SoftHSM (tests/support/strict.cpp). Each test is
// a process of its own.
#include <memory>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "agreement.h"
#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

TEST(TokenOfZeros, GivesNoSecretOfAMontgomeryKey) {
    const Instance instance;
    const auto key = loadPrivate(instance, "x25519");
    const auto peer = publicHalf(instance.get(), publicKeyFromFile("x25519").get());
    ASSERT_FALSE(derive(instance.get(), key.get(), peer.get()).empty()) << takeErrors();
    configureModule("PKCS11_TEST_ZEROS", "1");
    EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("the secret is not secret"), std::string::npos) << errors;
}

TEST(TokenOfZeros, GivesNoRandomNumbers) {
    const ConfiguredContext configured("pkcs11-random-token = pkcs11:token=scenarios",
                                       Order::defaultFirst,
                                       "[init]\nrandom = random\n"
                                       "[random]\nrandom = PKCS11-RAND\n"
                                       "properties = provider=pkcs11");
    Bytes bytes(32);
    ASSERT_EQ(RAND_bytes_ex(configured.get(), bytes.data(), bytes.size(), 0), 1) << takeErrors();
    configureModule("PKCS11_TEST_ZEROS", "1");
    for (const std::size_t size : {1U, 16U, 32U}) {
        EXPECT_EQ(RAND_bytes_ex(configured.get(), bytes.data(), size, 0), 0) << size;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("only zeros"), std::string::npos) << errors;
    }
}

// PKCS#11 2.40, section 2.3.3: a DER-encoding, and no more.
TEST(PointOnAToken, HasNothingBehindIt) {
    const Instance instance;
    const auto pair = generate(defaultOnly(), "P-256");
    Bytes point(70);
    std::size_t size = 0;
    ASSERT_EQ(EVP_PKEY_get_octet_string_param(pair.get(), "pub", point.data() + 2, 65, &size), 1);
    point[0] = 0x04; // OCTET STRING
    point[1] = static_cast<unsigned char>(size);
    Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    for (const std::size_t behind : {0U, 1U, 3U}) {
        const auto label = "point" + std::to_string(behind);
        tokenWriter("scenarios")
            .createKey(CKO_PUBLIC_KEY, CKK_EC, label, label,
                       {{CKA_EC_PARAMS, p256.data(), p256.size()},
                        {CKA_EC_POINT, point.data(), size + 2 + behind}});
        EXPECT_EQ(load(instance, uriOf(label, "public"), OSSL_STORE_INFO_PUBKEY) != nullptr,
                  behind == 0)
            << behind;
        takeErrors();
    }
}

// Zeros that are missing may have been in front of r or of s; the public key tells.
TEST(ShortSignature, IsReadByThePublicKeyAndNotMadeAgain) {
    configureModule("PKCS11_TEST_QUIRK", "trim-ecdsa");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_TRUE(softwarePublicKey(key.get())) << takeErrors(); // which may take a signature
    constexpr unsigned count = 800;                            // one in 128 lacks a zero
    const CallCounter calls;
    for (unsigned i = 0; i < count; ++i)
        ASSERT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    EXPECT_EQ(calls.of("C_Sign"), count);
}

TEST(Claim, OfALongerSignatureThanThereWasRoomForIsTold) {
    const Instance instance;
    for (const char* label : {"ec256", "rsa"}) {
        const auto key = loadPrivate(instance, label);
        configureModule("PKCS11_TEST_SIGNATURE_SIZE", "300");
        EXPECT_TRUE(sign(instance, key.get(), {1, 2, 3}).empty());
        EXPECT_NE(takeErrors().find("C_Sign claims more bytes than its buffer has"),
                  std::string::npos)
            << label;
        ASSERT_EQ(module().configure("PKCS11_TEST_SIGNATURE_SIZE", nullptr), CKR_OK);
    }
}

TEST(Claim, OfALongerSecretThanThereCanBeIsTold) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    configureModule("PKCS11_TEST_VALUE_SIZE", "33");
    EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("claims more bytes than are possible"), std::string::npos) << errors;
}

TEST(OneByte, OfRandomNumbersMayBeZero) {
    const ConfiguredContext configured("pkcs11-random-token = pkcs11:token=scenarios",
                                       Order::defaultFirst,
                                       "[init]\nrandom = random\n"
                                       "[random]\nrandom = PKCS11-RAND\n"
                                       "properties = provider=pkcs11");
    bool wasZero = false;
    for (int i = 0; i < 3000; ++i) {
        unsigned char byte = 1;
        ASSERT_EQ(RAND_bytes_ex(configured.get(), &byte, 1, 0), 1) << takeErrors();
        wasZero = wasZero || byte == 0;
    }
    EXPECT_TRUE(wasZero) << "or the token is a strange one";
}

/// The raw point of one pair in 256 begins as DER does: an OCTET STRING of the right length.
bool canBeReadAsDer(EVP_PKEY* key) {
    Bytes point(133);
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(),
                                              point.size(), &size),
              1);
    return point[1] == size - 2;
}

/// Makes pairs until the point of one can be read in one way only.
p11::ossl::Pkey clearPair(const std::function<p11::ossl::Pkey()>& make) {
    auto pair = make();
    while (canBeReadAsDer(pair.get()))
        pair = make();
    return pair;
}

TEST(FormOfThePoint, IsTheOneThatTheTokenTakes) {
    configureModule("PKCS11_TEST_DERIVE_POINT", "der");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = clearPair([] { return generate(defaultOnly(), "P-256"); });
    const auto expected = deriveInSoftware("ec256", peer.get());
    EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    const CallCounter calls;
    EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    EXPECT_EQ(calls.all(), oneDerivation) << "it is remembered";
}

// SoftHSM unwraps a raw point that begins as DER does, and takes DER then. Whoever chooses the peer
// must not decide on the form in which all others are given.
TEST(FormOfThePoint, IsNotDecidedByAPointThatCanBeReadAsEither) {
    constexpr std::size_t coordinate = 28;
    const auto pair = clearPair([] { return newOnToken("P-224", "derives"); });
    p11::ossl::Pkey ambiguous;
    for (int i = 0; i < 200 && !ambiguous; ++i) { // every other number is the X of a point
        auto point = randomBytes(1 + coordinate);
        point[0] = POINT_CONVERSION_COMPRESSED;
        point[1] = 2 * coordinate - 1;
        ambiguous = publicKeyOf("P-224", point);
        ERR_clear_error();
    }
    ASSERT_TRUE(ambiguous);
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto peer = publicHalf(instance.get(), ambiguous.get());
    EXPECT_EQ(derive(instance.get(), key.get(), peer.get()),
              derive(defaultOnly(), pair.get(), ambiguous.get()));
    const auto other = publicHalf(instance.get(), pair.get());
    configureModule("PKCS11_TEST_DERIVE_POINT", "raw");
    const CallCounter calls;
    EXPECT_EQ(derive(instance.get(), key.get(), other.get()),
              derive(defaultOnly(), pair.get(), pair.get()));
    EXPECT_EQ(calls.of("C_DeriveKey"), 1U) << calls.log();
}

/// What C_Decrypt answers, whatever the ciphertext is.
class AnswerOfDecrypt {
  public:
    AnswerOfDecrypt(CK_RV rv, Bytes block, CK_ULONG size) : block_(std::move(block)) {
        block_.resize(256);
        answer_(rv, block_.data(), size);
    }
    ~AnswerOfDecrypt() { answer_(CKR_OK, nullptr, 0); }
    AnswerOfDecrypt(const AnswerOfDecrypt&) = delete;
    AnswerOfDecrypt& operator=(const AnswerOfDecrypt&) = delete;

  private:
    using Answer = void(CK_RV, const unsigned char*, CK_ULONG);
    Bytes block_;
    Answer* answer_ = module().control<Answer>("test_module_answer_decrypt");
};

class NoRawRsa : public ::testing::Test {
  protected:
    void SetUp() override {
        configureModule("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_RSA_X_509));
        instance.emplace();
        key = loadPrivate(*instance, "rsa");
        ciphertext = encrypt(randomBytes(20));
        ASSERT_TRUE(decrypt(*instance, key.get(), ciphertext)) << takeErrors();
    }
    std::optional<Instance> instance;
    p11::ossl::Pkey key;
    Bytes ciphertext;
};

// Some tokens leave in the buffer what they have taken for the message.
TEST_F(NoRawRsa, GivesNothingOfWhatTheTokenRefused) {
    constexpr unsigned version = 0x0303;
    auto premaster = randomBytes(48);
    premaster[0] = version >> 8;
    premaster[1] = version & 0xff;
    {
        const AnswerOfDecrypt good(CKR_OK, premaster, 48);
        EXPECT_EQ(decryptTls(*instance, key.get(), ciphertext, version), premaster);
    }
    for (const CK_RV rv : {CKR_ENCRYPTED_DATA_INVALID, CKR_DATA_INVALID}) {
        const AnswerOfDecrypt bad(rv, premaster, 48);
        const auto answer = decryptTls(*instance, key.get(), ciphertext, version);
        ASSERT_TRUE(answer) << takeErrors();
        EXPECT_NE(answer, premaster) << p11::pkcs11::rvName(rv);
        EXPECT_NE(decrypt(*instance, key.get(), ciphertext), premaster) << p11::pkcs11::rvName(rv);
    }
}

// RFC 8017, section 7.2.2: eleven bytes are padding.
TEST_F(NoRawRsa, TakesNoMessageLongerThanThereCanBe) {
    const auto block = randomBytes(256);
    std::optional<Bytes> substitute;
    {
        const AnswerOfDecrypt bad(CKR_ENCRYPTED_DATA_INVALID, block, 0);
        substitute = decrypt(*instance, key.get(), ciphertext);
        ASSERT_TRUE(substitute) << takeErrors();
    }
    for (const CK_ULONG size : {246UL, 256UL, 257UL, CK_UNAVAILABLE_INFORMATION}) {
        const AnswerOfDecrypt tooLong(CKR_OK, block, size);
        EXPECT_EQ(decrypt(*instance, key.get(), ciphertext), substitute) << size;
        EXPECT_EQ(takeErrors(), "");
    }
    const AnswerOfDecrypt longest(CKR_OK, block, 245);
    EXPECT_EQ(decrypt(*instance, key.get(), ciphertext), Bytes(block.begin(), block.begin() + 245));
}

// As a number, which has no zeros in front.
TEST(RawBlock, WithoutItsZerosIsTheSame) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto ciphertext = encrypt(randomBytes(20));
    ASSERT_TRUE(decrypt(instance, key.get(), ciphertext)) << takeErrors();
    const auto message = randomBytes(30);
    Bytes block(255, 0x5a);
    block[0] = 2;
    block[255 - 1 - message.size()] = 0;
    std::copy(message.begin(), message.end(), block.end() - 30);
    const AnswerOfDecrypt answer(CKR_OK, block, block.size());
    EXPECT_EQ(decrypt(instance, key.get(), ciphertext), message);
    Bytes whole{0};
    whole.insert(whole.end(), block.begin(), block.end());
    EXPECT_EQ(decrypt(instance, key.get(), ciphertext, {RSA_NO_PADDING, nullptr, nullptr, {}}),
              whole);
}

} // namespace
