// SPDX-License-Identifier: Apache-2.0
// Data of strangers: what a token answers to them changes nothing for what comes after.
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>

#include <openssl/core_names.h>

#include "agreement.h"
#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {}};

// A token without raw RSA, as many are.
void hideRawRsa() {
    const auto raw = std::to_string(CKM_RSA_X_509);
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_MECHANISMS", raw.c_str()), CKR_OK);
}

// The answer of one call, after which the operation is over as it is in real modules.
void answerOnce(const char* function, CK_RV rv) {
    ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "end"), CKR_OK);
    fault(function, "1", rv);
}

constexpr std::array refusals{CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID,
                              CKR_MECHANISM_PARAM_INVALID};

// NSS answers CKR_ARGUMENTS_BAD to a ciphertext that is not below the modulus.
TEST(ForeignData, ABadOaepCiphertextDoesNotSwitchDecryptionOff) {
    hideRawRsa();
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto message = randomBytes(40);
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_EQ(decrypt(instance, key.get(), encrypt(message, oaep), oaep), message);
    for (const CK_RV rv : refusals) {
        answerOnce("C_Decrypt", rv);
        EXPECT_FALSE(decrypt(instance, key.get(), encrypt(message, oaep), oaep));
        takeErrors();
        noFaults();
        const CallCounter calls;
        EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, oaep), oaep), message)
            << p11::pkcs11::rvName(rv) << takeErrors();
        EXPECT_EQ(calls.total(), 2U) << calls.log();
    }
}

TEST(ForeignData, ARefusedLabelIsNotARefusalOfOaep) {
    hideRawRsa();
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    auto labelled = oaep;
    labelled.label = {1, 2, 3};
    const auto message = randomBytes(40);
    answerOnce("C_DecryptInit", CKR_MECHANISM_PARAM_INVALID);
    EXPECT_FALSE(decrypt(instance, key.get(), encrypt(message, labelled), labelled));
    takeErrors();
    noFaults();
    labelled.label = {4};
    const CallCounter calls;
    decrypt(instance, key.get(), encrypt(message, labelled), labelled); // SoftHSM knows no labels
    takeErrors();
    EXPECT_EQ(calls.of("C_DecryptInit"), 1U) << "the next label is tried";
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, oaep), oaep), message) << takeErrors();
}

// What the token refuses when it sees the key and the mechanism alone is remembered.
TEST(ForeignData, OnlyARefusalOfTheMechanismIsRemembered) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto message = randomBytes(40);
    answerOnce("C_DecryptInit", CKR_MECHANISM_PARAM_INVALID);
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, oaep), oaep), message) << takeErrors();
    noFaults();
    hideRawRsa();
    EXPECT_FALSE(decrypt(instance, key.get(), encrypt(message, oaep), oaep));
    takeErrors();
}

TEST(ForeignData, AMessageThatIsNotSignedDoesNotChangeTheMechanism) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto signsPss = [&] {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* options = nullptr;
        Bytes signature(256);
        std::size_t size = signature.size();
        const auto data = randomBytes(50);
        return EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                     key.get(), nullptr) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) ==
                   1 &&
               verify("rsa", signature, data, "SHA256", true);
    };
    for (const CK_RV rv : {CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID}) {
        answerOnce("C_Sign", rv);
        EXPECT_TRUE(signsPss()) << takeErrors();
        noFaults();
    }
    answerOnce("C_Sign", CKR_ARGUMENTS_BAD);
    EXPECT_FALSE(signsPss());
    EXPECT_NE(takeErrors().find("C_Sign answered CKR_ARGUMENTS_BAD"), std::string::npos);
    noFaults();
    hideRawRsa(); // with which PSS would be signed if its mechanism had been given up
    EXPECT_TRUE(signsPss()) << takeErrors();
}

// Some modules answer it to everything that goes wrong behind them.
class ArgumentsBad : public ::testing::Test {
  protected:
    ~ArgumentsBad() override { module().configure(nullptr, nullptr); }

    struct Use {
        const char* init;
        std::function<bool()> run;
    };
    std::vector<Use> uses() {
        return {{"C_SignInit", [this] { return !sign(instance, key.get(), message).empty(); }},
                {"C_DecryptInit", [this] {
                     return decrypt(instance, key.get(), encrypt(message, oaep), oaep) == message;
                 }}};
    }

    const Instance instance;
    const p11::ossl::Pkey key = loadPrivate(instance, "rsa");
    const Bytes message = randomBytes(40);
};

TEST_F(ArgumentsBad, RefusesNoMechanismThatWasTakenBefore) {
    for (const auto& [init, run] : uses()) {
        ASSERT_TRUE(run()) << takeErrors();
        answerOnce(init, CKR_ARGUMENTS_BAD);
        EXPECT_FALSE(run()) << "another mechanism was tried";
        EXPECT_NE(takeErrors().find(init + std::string(" answered CKR_ARGUMENTS_BAD")),
                  std::string::npos);
        noFaults();
        hideRawRsa(); // with which it would be done if the mechanism had been given up
        EXPECT_TRUE(run()) << takeErrors();
        module().configure("PKCS11_TEST_HIDE_MECHANISMS", nullptr);
    }
}

TEST_F(ArgumentsBad, RefusesAMechanismTheFirstTime) {
    for (const auto& [init, run] : uses()) {
        answerOnce(init, CKR_ARGUMENTS_BAD);
        EXPECT_TRUE(run()) << init << takeErrors();
        noFaults();
        const CallCounter calls;
        EXPECT_TRUE(run());
        EXPECT_EQ(calls.total(), 2U) << calls.log();
    }
}

// An EC key that may not sign proves by an agreement that a public key is its own. Before it has
// signed, CKR_ARGUMENTS_BAD may say that it may not.
class ArgumentsBadOfEc : public ::testing::Test {
  protected:
    ~ArgumentsBadOfEc() override { noFaults(); }

    /// Compares the key on the token with its public half, and C_SignInit fails.
    int compare() const {
        answerOnce("C_SignInit", CKR_ARGUMENTS_BAD);
        const int answer = EVP_PKEY_eq(key.get(), own.get());
        noFaults();
        return answer;
    }
    void expectNoAgreement() const {
        const CallCounter calls;
        EXPECT_NE(compare(), 1);
        EXPECT_EQ(calls.of("C_DeriveKey"), 0U) << calls.log();
        EXPECT_NE(takeErrors().find("C_SignInit answered CKR_ARGUMENTS_BAD"), std::string::npos);
        EXPECT_EQ(EVP_PKEY_eq(key.get(), own.get()), 1) << takeErrors();
    }

    const p11::ossl::Pkey pair = newOnToken("P-256", "signs-and-derives", true);
    const Instance instance;
    const p11::ossl::Pkey key = loadPrivate(instance, "signs-and-derives");
    const p11::ossl::Pkey own =
        publicHalf(defaultOnly(), pair.get()); // keeps exports to the instance
};

TEST_F(ArgumentsBadOfEc, LetsAKeyThatHasNotSignedAgree) {
    const CallCounter calls;
    EXPECT_EQ(compare(), 1) << takeErrors();
    EXPECT_EQ(calls.of("C_DeriveKey"), 1U) << calls.log();
}

TEST_F(ArgumentsBadOfEc, IsToldOfAKeyThatHasSigned) {
    ASSERT_FALSE(sign(instance, key.get(), randomBytes(40)).empty()) << takeErrors();
    expectNoAgreement();
}

TEST_F(ArgumentsBadOfEc, IsToldOfAKeyThatHasSignedToProveItself) {
    const auto other = generate(defaultOnly(), "P-256");
    ASSERT_NE(EVP_PKEY_eq(key.get(), publicHalf(defaultOnly(), other.get()).get()), 1);
    takeErrors();
    expectNoAgreement();
}

// The lists of mechanisms are what nobody knows here: what could be remembered is a guess.
TEST_F(ArgumentsBad, IsToldWhereNothingElseIsLeftAndNotRemembered) {
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", "empty-mechanism-list"), CKR_OK);
    EXPECT_EQ(inChild([this] {
                  const Instance fresh;
                  const auto same = loadPrivate(fresh, "rsa");
                  answerOnce("C_SignInit", CKR_ARGUMENTS_BAD);
                  EXPECT_TRUE(sign(fresh, same.get(), message).empty());
                  EXPECT_NE(takeErrors().find("C_SignInit answered CKR_ARGUMENTS_BAD"),
                            std::string::npos);
                  noFaults();
                  EXPECT_TRUE(verify("rsa", sign(fresh, same.get(), message), message))
                      << takeErrors();
                  return !HasFailure();
              }),
              0);
}

// A mechanism that the token does not sign with is one that it may decrypt with. SoftHSM's OAEP
// takes any label, so labels are compared here, with raw RSA.
TEST(RawRsa, ThatIsRefusedForSignaturesDecryptsAllTheSame) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const p11::ossl::PkeyCtx signer(EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_sign_init(signer.get()), 1) << takeErrors();
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(signer.get(), RSA_NO_PADDING), 1);
    const Bytes block(256, 1);
    Bytes signature(256);
    std::size_t size = signature.size();
    answerOnce("C_SignInit", CKR_MECHANISM_INVALID);
    EXPECT_NE(EVP_PKEY_sign(signer.get(), signature.data(), &size, block.data(), block.size()), 1);
    noFaults();
    takeErrors();
    const Bytes message{1, 2, 3};
    const CipherOptions mine{RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {1}};
    const CipherOptions another{RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {2}};
    EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, mine), mine), message) << takeErrors();
    EXPECT_FALSE(decrypt(instance, key.get(), encrypt(message, mine), another));
    takeErrors();
}

// Only where C_SignInit refuses the mechanism without parameters, they are sent from then on.
TEST(ForeignData, OnlyARefusalOfTheEdwardsMechanismIsRemembered) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ed25519");
    const auto signs = [&] {
        return verifies("ed25519", sign(instance, key.get(), newKeysData, nullptr), nullptr);
    };
    answerOnce("C_Sign", CKR_MECHANISM_PARAM_INVALID);
    EXPECT_TRUE(signs()) << takeErrors();
    answerOnce("C_SignInit", CKR_MECHANISM_PARAM_INVALID);
    EXPECT_TRUE(signs()) << "the first try is the one without parameters: " << takeErrors();
    // That refusal was one of the mechanism: with parameters there is one try and no other.
    answerOnce("C_SignInit", CKR_MECHANISM_PARAM_INVALID);
    EXPECT_FALSE(signs());
    takeErrors();
    noFaults();
    EXPECT_TRUE(signs()) << takeErrors();
}

// A key of a token without raw RSA, and what it answers in the state that `function` is in.
class WithoutRawRsa : public ::testing::Test {
  protected:
    void SetUp() override {
        hideRawRsa();
        instance_.emplace();
        key_ = loadPrivate(*instance_, "rsa");
        for (int i = 0; i < usesUntilSteady; ++i) // the first makes the secret of the substitutes
            decryptWith({}, encrypt(message_));
        ASSERT_EQ(module().configure("PKCS11_TEST_FAULT_EFFECT", "end"), CKR_OK);
    }
    void TearDown() override { EXPECT_TRUE(isGood()) << takeErrors(); }

    std::optional<Bytes> decryptWith(const CipherOptions& options, const Bytes& ciphertext) {
        return decrypt(*instance_, key_.get(), ciphertext, options);
    }
    bool isGood() {
        noFaults();
        for (int i = 0; i < usesUntilSteady; ++i) // also after a loss
            decryptWith({}, encrypt(message_));
        const CallCounter calls;
        return decryptWith({}, encrypt(message_)) == message_ && calls.total() == 2;
    }

    const Bytes message_ = randomBytes(40);
    std::optional<Instance> instance_;
    p11::ossl::Pkey key_;
};

constexpr CK_RV vendors = CKR_VENDOR_DEFINED | 7;
// Tokens blame a ciphertext with any of these.
constexpr std::array blaming{CKR_ENCRYPTED_DATA_INVALID,
                             CKR_ENCRYPTED_DATA_LEN_RANGE,
                             CKR_DATA_INVALID,
                             CKR_DATA_LEN_RANGE,
                             CKR_ARGUMENTS_BAD,
                             CKR_DEVICE_ERROR,
                             CKR_DEVICE_MEMORY,
                             CKR_FUNCTION_FAILED,
                             CKR_FUNCTION_CANCELED,
                             CKR_GENERAL_ERROR,
                             CKR_KEY_HANDLE_INVALID,
                             CKR_MECHANISM_INVALID,
                             CKR_MECHANISM_PARAM_INVALID,
                             CKR_OPERATION_NOT_INITIALIZED,
                             vendors};

TEST_F(WithoutRawRsa, EveryAnswerThatMayBlameTheCiphertextIsOneAndTheSame) {
    const auto bad = badlyPadded();
    // Not the token's own answer: with a newer libcrypto SoftHSM makes a message up by itself.
    fault("C_Decrypt", "1+", CKR_ENCRYPTED_DATA_INVALID);
    const auto substitute = decryptWith({}, bad);
    ASSERT_TRUE(substitute) << takeErrors();
    for (const CK_RV rv : blaming) {
        fault("C_Decrypt", "1+", rv);
        const CallCounter calls;
        EXPECT_EQ(decryptWith({}, bad), substitute) << p11::pkcs11::rvName(rv);
        EXPECT_EQ(takeErrors(), "") << p11::pkcs11::rvName(rv);
        EXPECT_EQ(calls.total(), 2U) << p11::pkcs11::rvName(rv) << calls.log();
    }
}

TEST_F(WithoutRawRsa, EveryAnswerThatMayBlameATlsSecretIsARandomOne) {
    constexpr unsigned version = 0x0303;
    auto premaster = randomBytes(48);
    premaster[0] = version >> 8;
    premaster[1] = version & 0xff;
    const auto good = encrypt(premaster);
    const auto run = [&](const Bytes& ciphertext) {
        return decryptTls(*instance_, key_.get(), ciphertext, version);
    };
    EXPECT_EQ(run(good), premaster) << takeErrors();
    for (const CK_RV rv : blaming) {
        fault("C_Decrypt", "1+", rv);
        const CallCounter calls;
        const auto answer = run(good);
        EXPECT_EQ(calls.total(), 2U) << p11::pkcs11::rvName(rv) << calls.log();
        ASSERT_TRUE(answer) << p11::pkcs11::rvName(rv) << takeErrors();
        EXPECT_EQ(answer->size(), 48U);
        EXPECT_NE(answer, premaster) << p11::pkcs11::rvName(rv);
        EXPECT_NE(answer, run(good)) << p11::pkcs11::rvName(rv);
        EXPECT_EQ(takeErrors(), "") << p11::pkcs11::rvName(rv);
    }
    noFaults();
    for (const auto& wrong : {badlyPadded(), encrypt(randomBytes(47)), encrypt(randomBytes(49))})
        EXPECT_NE(run(wrong), run(wrong));
    constexpr unsigned other = 0x0302;
    EXPECT_NE(decryptTls(*instance_, key_.get(), good, other),
              decryptTls(*instance_, key_.get(), good, other))
        << "the version in it is another";
    EXPECT_EQ(run(good), premaster) << takeErrors();
}

TEST_F(WithoutRawRsa, EveryAnswerThatMayBlameAnOaepCiphertextIsOneError) {
    const auto good = encrypt(message_, oaep);
    for (const CK_RV rv : blaming) {
        fault("C_Decrypt", "1+", rv);
        const CallCounter calls;
        EXPECT_FALSE(decryptWith(oaep, good)) << p11::pkcs11::rvName(rv);
        EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n") << p11::pkcs11::rvName(rv);
        EXPECT_EQ(calls.total(), 2U) << p11::pkcs11::rvName(rv) << calls.log();
    }
}

TEST_F(WithoutRawRsa, AMessageThatCannotBeOneIsBadPadding) {
    const auto bad = badlyPadded();
    fault("C_Decrypt", "1+", CKR_ENCRYPTED_DATA_INVALID);
    const auto substitute = decryptWith({}, bad);
    ASSERT_TRUE(substitute) << takeErrors();
    fault("C_Decrypt", "1+", CKR_BUFFER_TOO_SMALL);
    EXPECT_EQ(decryptWith({}, bad), substitute);
    EXPECT_EQ(takeErrors(), "");
    noFaults();
    decryptWith({}, bad); // in a new session
}

// These come before the work: the operation is done again.
TEST_F(WithoutRawRsa, ALostSessionOrLoginIsNotNoticed) {
    for (const CK_RV rv : {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN,
                           CKR_CRYPTOKI_NOT_INITIALIZED}) {
        fault("C_Decrypt", "1", rv);
        const CallCounter calls;
        EXPECT_EQ(decryptWith({}, encrypt(message_)), message_) << p11::pkcs11::rvName(rv);
        EXPECT_EQ(calls.of("C_Decrypt"), 2U) << p11::pkcs11::rvName(rv);
        noFaults();
        decryptWith({}, encrypt(message_)); // reads the new connection's mechanisms
    }
}

TEST_F(WithoutRawRsa, ARemovedTokenIsToldAndNothingIsDoneAgain) {
    for (const CK_RV rv : {CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_HOST_MEMORY}) {
        for (const auto& options : {CipherOptions(), oaep}) {
            fault("C_Decrypt", "1", rv);
            const CallCounter calls;
            EXPECT_FALSE(decryptWith(options, encrypt(message_, options)))
                << p11::pkcs11::rvName(rv);
            EXPECT_NE(takeErrors().find("C_Decrypt answered " + p11::pkcs11::rvName(rv)),
                      std::string::npos);
            EXPECT_EQ(calls.of("C_Decrypt"), 1U) << p11::pkcs11::rvName(rv);
            noFaults();
            EXPECT_EQ(decryptWith(options, encrypt(message_, options)), message_) << takeErrors();
        }
    }
}

// OpenSSL 3.2's switch, for programs that hide the error themselves.
TEST_F(WithoutRawRsa, BadPaddingIsAnErrorWhereTheProgramWantsIt) {
    const auto run = [&](const Bytes& ciphertext, unsigned implicit) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(instance_->get(), key_.get(), nullptr));
        const std::array params{OSSL_PARAM_construct_uint("implicit-rejection", &implicit),
                                OSSL_PARAM_construct_end()};
        Bytes out(256);
        std::size_t size = out.size();
        EXPECT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), params.data()), 1);
        return EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                                ciphertext.size());
    };
    EXPECT_EQ(run(encrypt(message_), 0), 1);
    EXPECT_EQ(run(encrypt(message_), 1), 1);
    EXPECT_EQ(run(badlyPadded(), 1), 1);
    EXPECT_EQ(takeErrors(), "");
    // The token's answer, as a newer libcrypto lets SoftHSM make up a message.
    fault("C_Decrypt", "1+", CKR_ENCRYPTED_DATA_INVALID);
    EXPECT_EQ(run(badlyPadded(), 1), 1);
    EXPECT_NE(run(badlyPadded(), 0), 1);
    EXPECT_EQ(takeErrors(), "invalid data: decryption failed\n");
}

// What an operator's log says of a decryption, without the numbers of steps and the times.
std::string logged(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string all;
    for (std::string line; std::getline(in, line);)
        all += std::regex_replace(line, std::regex("#[0-9]+|[0-9]+ us$"), "") + "\n";
    std::filesystem::resize_file(file, 0);
    return all;
}

TEST(ForeignData, TheLogSaysTheSameOfBadPaddingAndOfGood) {
    const auto file = scratch("log");
    ASSERT_EQ(setenv("PKCS11_PROVIDER_DEBUG", ("file:" + file.string() + ",level:2").c_str(), 1),
              0);
    hideRawRsa();
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const auto good = encrypt(randomBytes(40));
    const auto bad = badlyPadded();
    for (int i = 0; i < usesUntilSteady; ++i)
        decrypt(instance, key.get(), good);
    EXPECT_NE(logged(file).find("C_Decrypt"), std::string::npos);
    decrypt(instance, key.get(), good);
    const auto ofGood = logged(file);
    decrypt(instance, key.get(), bad);
    EXPECT_EQ(logged(file), ofGood);
    EXPECT_NE(ofGood, "");
}

// The peer's X coordinate begins as the length of a DER OCTET STRING does, for which the token
// takes the raw point.
p11::ossl::Pkey ambiguousPeer(const std::string& group, std::size_t coordinate) {
    p11::ossl::Pkey peer;
    for (int i = 0; i < 200 && !peer; ++i) { // every other number is the X of a point
        auto point = randomBytes(1 + coordinate);
        point[0] = POINT_CONVERSION_COMPRESSED;
        point[1] = static_cast<unsigned char>(2 * coordinate - 1);
        peer = publicKeyOf(group, point);
        ERR_clear_error();
    }
    return peer;
}

// A pair whose point is not like that, which one in 256 is by chance.
p11::ossl::Pkey commonPeer(const std::string& group, std::size_t coordinate) {
    for (;;) {
        auto peer = generate(defaultOnly(), group);
        unsigned char* point = nullptr;
        if (EVP_PKEY_get1_encoded_public_key(peer.get(), &point) == 0)
            return nullptr;
        const bool isCommon = point[1] != 2 * coordinate - 1;
        OPENSSL_free(point);
        if (isCommon)
            return peer;
    }
}

struct Curve {
    const char* name;
    std::size_t coordinate; ///< bytes
};

class LooksLikeDer : public ::testing::TestWithParam<Curve> {};

TEST_P(LooksLikeDer, AndIsAGoodPeer) {
    const std::string group = GetParam().name;
    const auto pair = newOnToken(group, "derives");
    const Instance instance;
    const auto key = loadPrivate(instance, "derives");
    const auto agrees = [&](EVP_PKEY* peer) {
        return derive(instance.get(), key.get(), publicHalf(instance.get(), peer).get()) ==
               derive(defaultOnly(), pair.get(), peer);
    };
    const auto peer = commonPeer(group, GetParam().coordinate);
    ASSERT_TRUE(peer);
    EXPECT_TRUE(agrees(peer.get())) << takeErrors();
    const auto ambiguous = ambiguousPeer(group, GetParam().coordinate);
    ASSERT_TRUE(ambiguous);
    {
        const CallCounter calls;
        EXPECT_TRUE(agrees(ambiguous.get())) << takeErrors();
        EXPECT_EQ(calls.of("C_DeriveKey"), 2U) << calls.log();
        EXPECT_EQ(calls.of("C_Login") + calls.of("C_FindObjects") + calls.of("C_CloseSession"), 0U)
            << calls.log();
    }
    const CallCounter calls;
    EXPECT_TRUE(agrees(peer.get())) << takeErrors();
    EXPECT_EQ(calls.all(), oneDerivation) << calls.log() << "it has changed nothing";
}

INSTANTIATE_TEST_SUITE_P(ForeignData, LooksLikeDer,
                         ::testing::Values(Curve{"P-224", 28}, Curve{"brainpoolP224r1", 28},
                                           Curve{"brainpoolP320r1", 40},
                                           Curve{"brainpoolP512r1", 64}),
                         [](const auto& curve) {
                             std::string name = curve.param.name;
                             std::erase(name, '-');
                             return name;
                         });

// Points of small order (RFC 7748, section 6): the secret with them is zero, whatever the key.
TEST(ForeignData, APointOfSmallOrderCostsTheTokenNothingButCalls) {
    const Instance instance;
    for (const auto& [label, algorithm, size] :
         {std::tuple("x25519", "X25519", 32), std::tuple("x448", "X448", 56)}) {
        const auto key = loadPrivate(instance, label);
        const auto good = publicKeyFromFile(label);
        const auto expected = deriveInSoftware(label, good.get());
        for (int i = 0; i < usesUntilSteady; ++i)
            ASSERT_EQ(derive(instance.get(), key.get(), good.get()), expected) << takeErrors();
        for (const unsigned char small : Bytes{0, 1}) {
            Bytes value(static_cast<std::size_t>(size));
            value[0] = small;
            const p11::ossl::Pkey peer(EVP_PKEY_new_raw_public_key_ex(
                instance.get(), algorithm, nullptr, value.data(), value.size()));
            const CallCounter calls;
            EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
            EXPECT_NE(takeErrors(), "");
            EXPECT_GE(calls.of("C_DeriveKey"), 1U);
            EXPECT_LE(calls.of("C_DeriveKey"), 2U) << calls.log();
            EXPECT_EQ(calls.of("C_Login") + calls.of("C_FindObjects") + calls.of("C_OpenSession") +
                          calls.of("C_CloseSession"),
                      0U)
                << calls.log();
            const CallCounter after;
            EXPECT_EQ(derive(instance.get(), key.get(), good.get()), expected) << takeErrors();
            EXPECT_EQ(after.all(), oneDerivation) << after.log();
        }
    }
}

TEST(ForeignData, ABadPeerCostsTheTokenNothingButCalls) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
    const auto expected = deriveInSoftware("ec256", peer.get());
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
    for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
                           CKR_DEVICE_MEMORY, CKR_ARGUMENTS_BAD, CKR_PUBLIC_KEY_INVALID}) {
        fault("C_DeriveKey", "1+", rv);
        const CallCounter calls;
        EXPECT_TRUE(derive(instance.get(), key.get(), peer.get()).empty());
        EXPECT_NE(takeErrors().find("C_DeriveKey answered " + p11::pkcs11::rvName(rv)),
                  std::string::npos);
        EXPECT_LE(calls.of("C_DeriveKey"), 2U) << p11::pkcs11::rvName(rv);
        EXPECT_EQ(calls.total(), calls.of("C_DeriveKey") + calls.of("C_GetSessionInfo"))
            << calls.log();
        noFaults();
        const CallCounter after;
        EXPECT_EQ(derive(instance.get(), key.get(), peer.get()), expected) << takeErrors();
        EXPECT_EQ(after.all(), oneDerivation) << after.log();
    }
}

} // namespace
