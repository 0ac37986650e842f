// SPDX-License-Identifier: Apache-2.0
// Tokens that insist on more, and give less, than SoftHSM (tests/support/strict.cpp). Each test is
// a process of its own.
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "decryption.h"
#include "new_keys.h"
#include "pkcs11/error.h"

namespace {

using namespace testing_support;

void set(const char* name, const std::string& value) {
    ASSERT_EQ(module().configure(name, value.c_str()), CKR_OK) << name << "=" << value;
}

CK_FUNCTION_LIST* functions() {
    CK_FUNCTION_LIST* list = nullptr;
    EXPECT_EQ(module().functionList(&list), CKR_OK);
    return list;
}

TEST(TokenThatCannotLock, IsCalledByOneThreadAtATime) {
    set("PKCS11_TEST_NO_OS_LOCKING", "1");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    module().setDelays(500, 0);
    const auto before = module().breaches();
    inThreads(4, [&](int) {
        for (int i = 0; i < 5; ++i)
            EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    });
    EXPECT_EQ(module().breaches(), before);
}

// That it is seen at all.
TEST(TokenThatCannotLock, TellsOfTwoThreads) {
    EXPECT_EQ(inChild([] {
                  auto* list = functions();
                  if (list->C_Initialize(nullptr) != CKR_OK)
                      return false;
                  const auto before = module().breaches();
                  const auto callBeside = [] {
                      std::thread([] {
                          CK_INFO info{};
                          functions()->C_GetInfo(&info);
                      }).join();
                  };
                  EXPECT_EQ(module().setHook("C_GetInfo", callBeside), CKR_OK);
                  CK_INFO info{};
                  list->C_GetInfo(&info);
                  const bool seen = module().breaches() > before;
                  _exit(seen ? 0 : 1);
              }),
              0);
}

TEST(TokenOfZeros, GivesNoSecretOfAMontgomeryKey) {
    const Instance instance;
    const auto key = loadPrivate(instance, "x25519");
    const auto peer = publicHalf(instance.get(), publicKeyFromFile("x25519").get());
    ASSERT_FALSE(derive(instance.get(), key.get(), peer.get()).empty()) << takeErrors();
    set("PKCS11_TEST_ZEROS", "1");
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
    set("PKCS11_TEST_ZEROS", "1");
    for (const std::size_t size : {1U, 16U, 32U}) {
        EXPECT_EQ(RAND_bytes_ex(configured.get(), bytes.data(), size, 0), 0) << size;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("only zeros"), std::string::npos) << errors;
    }
}

/// An RSA pair on the token of which CKA_ALLOWED_MECHANISMS has one mechanism.
void makeRsaKeyFor(CK_MECHANISM_TYPE allowed, std::string label) {
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 1024;
    const std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                           {CKA_LABEL, label.data(), label.size()},
                                           {CKA_ID, label.data(), label.size()}};
    auto publicValues = common;
    publicValues.push_back({CKA_MODULUS_BITS, &bits, sizeof bits});
    auto privateValues = common;
    privateValues.push_back({CKA_SIGN, &yes, sizeof yes});
    privateValues.push_back({CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed});
    tokenWriter("scenarios").generatePair(CKM_RSA_PKCS_KEY_PAIR_GEN, publicValues, privateValues);
}

using AllowedMechanisms = NewKeys;

TEST_F(AllowedMechanisms, AreTheOnesThatAreUsed) {
    makeRsaKeyFor(CKM_SHA256_RSA_PKCS, "fresh");
    const Instance instance;
    const auto key = loadPrivate(instance, "fresh");
    ASSERT_TRUE(verifies("fresh", sign(instance, key.get(), newKeysData), "SHA256"))
        << takeErrors();
    const CallCounter calls;
    ASSERT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    EXPECT_EQ(calls.of("C_SignInit"), 1U) << calls.log();
}

/// A signature of PKCS#1 v1.5 over bytes as they are; its size, or 0.
std::size_t signsBytes(const Instance& instance, EVP_PKEY* key, std::size_t count) {
    const Bytes data(count, 0x5a);
    Bytes signature(512);
    std::size_t size = signature.size();
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    return EVP_PKEY_sign_init(context.get()) == 1 &&
                   EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                   EVP_PKEY_sign(context.get(), signature.data(), &size, data.data(),
                                 data.size()) == 1
               ? size
               : 0;
}

// RFC 8017, section 9.2
TEST(DataForPkcs1, IsElevenBytesShorterThanTheModulusAtMost) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    EXPECT_EQ(signsBytes(instance, key.get(), 245), 256U) << takeErrors();
    EXPECT_EQ(signsBytes(instance, key.get(), 246), 0U);
    EXPECT_NE(takeErrors().find("too long for the RSA key"), std::string::npos);
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

TEST(Expected, IsNoCertificateWhereTheUriAsksForAKey) {
    const Instance instance;
    const auto store = ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>(
        OSSL_STORE_open_ex(uriOf("rsa").c_str(), instance.get(), nullptr, nullptr, nullptr, nullptr,
                           nullptr, nullptr));
    ASSERT_EQ(OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_CERT), 1);
    EXPECT_EQ(OSSL_STORE_load(store.get()), nullptr);
    EXPECT_NE(takeErrors().find("a certificate is expected"), std::string::npos);
}

// A module that passes over the template of a search.
TEST(Search, ComparesTheIdAlone) {
    set("PKCS11_TEST_QUIRK", "ignore-template");
    const Instance instance;
    const auto key = load(instance, "pkcs11:token=scenarios;id=%03;type=private?pin-value=1234");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile("ec256").get()), 1) << takeErrors();
    EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
}

using Calls = std::map<std::string, unsigned long>;

// CKR_GENERAL_ERROR says nothing of the session: another one is opened, before the login would end
// with the last.
TEST(FailedSession, IsReplacedAndTheLoginGoesOn) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    fault("C_Sign", "1", CKR_GENERAL_ERROR);
    const CallCounter calls;
    EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    EXPECT_EQ(
        calls.all(),
        (Calls{{"C_SignInit", 2}, {"C_Sign", 2}, {"C_OpenSession", 1}, {"C_CloseSession", 1}}));
}

// It leaves the operation active (PKCS#11 2.40, section 5.2).
TEST(FailedSession, IsClosedWhereTheBufferIsTooSmallForTheToken) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
    fault("C_Sign", "1", CKR_BUFFER_TOO_SMALL);
    const CallCounter calls;
    EXPECT_TRUE(sign(instance, key.get(), {1, 2, 3}).empty());
    EXPECT_NE(takeErrors().find("CKR_BUFFER_TOO_SMALL"), std::string::npos);
    EXPECT_EQ(calls.of("C_CloseSession"), 1U) << calls.log();
}

TEST(FailedSession, TakesASecretThatCannotBeDestroyedWithIt) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto own = publicKeyFromFile("ec256");
    ASSERT_FALSE(derive(instance.get(), key.get(), own.get()).empty()) << takeErrors();
    fault("C_DestroyObject", "1", CKR_FUNCTION_FAILED);
    const CallCounter calls;
    EXPECT_EQ(derive(instance.get(), key.get(), own.get()), deriveInSoftware("ec256", own.get()));
    EXPECT_EQ(calls.of("C_CloseSession"), 1U) << calls.log();
}

// Zeros that are missing may have been in front of r or of s; the public key tells.
TEST(ShortSignature, IsReadByThePublicKeyAndNotMadeAgain) {
    set("PKCS11_TEST_QUIRK", "trim-ecdsa");
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
        set("PKCS11_TEST_SIGNATURE_SIZE", "300");
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
    set("PKCS11_TEST_VALUE_SIZE", "33");
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

TEST(FormOfThePoint, IsTheOneThatTheTokenTakes) {
    set("PKCS11_TEST_DERIVE_POINT", "der");
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto peer = publicKeyFromFile("ec256");
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
    const auto pair = newOnToken("P-224", "derives");
    ossl::Pkey ambiguous;
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
    set("PKCS11_TEST_DERIVE_POINT", "raw");
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
        set("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_RSA_X_509));
        instance.emplace();
        key = loadPrivate(*instance, "rsa");
        ciphertext = encrypt(randomBytes(20));
        ASSERT_TRUE(decrypt(*instance, key.get(), ciphertext)) << takeErrors();
    }
    std::optional<Instance> instance;
    ossl::Pkey key;
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
        EXPECT_NE(answer, premaster) << pkcs11::rvName(rv);
        EXPECT_NE(decrypt(*instance, key.get(), ciphertext), premaster) << pkcs11::rvName(rv);
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

TEST(ModuleOfTheProgram, IsNotFinalised) {
    EXPECT_EQ(inChild([] {
                  auto* list = functions();
                  if (list->C_Initialize(nullptr) != CKR_OK)
                      return false;
                  const CallCounter calls;
                  {
                      const Instance instance;
                      EXPECT_TRUE(load(instance, uriOf("ec256"))) << takeErrors();
                  }
                  CK_INFO info{};
                  EXPECT_EQ(list->C_GetInfo(&info), CKR_OK);
                  EXPECT_EQ(calls.of("C_Finalize"), 0U) << calls.log();
                  return !::testing::Test::HasFailure();
              }),
              0);
}

// Only what is in a folder is allowed by it.
TEST(AllowedFolder, IsNoBeginningOfAName) {
    unsetenv("PKCS11_PROVIDER_MODULE");
    const auto folder = scratch("modules");
    const auto file = folder / "softhsm.so";
    std::filesystem::create_directories(folder / "below");
    std::filesystem::create_directory(scratch("mod"));
    std::filesystem::copy_file(std::getenv("PKCS11_TEST_TARGET"), file);
    std::filesystem::copy_file(file, folder / "below" / "softhsm.so");
    const auto loads = [](const std::filesystem::path& module,
                          const std::filesystem::path& allowed) {
        const ConfiguredContext context("pkcs11-module-path = " + module.string() +
                                        "\npkcs11-allowed-module-paths = " + allowed.string());
        return load(context.get(), uriOf("ec256", "public"), OSSL_STORE_INFO_PUBKEY) != nullptr;
    };
    EXPECT_FALSE(loads(file, scratch("mod")));
    EXPECT_NE(takeErrors().find("is not among pkcs11-allowed-module-paths"), std::string::npos);
    EXPECT_FALSE(loads(folder / "below" / "softhsm.so", folder));
    EXPECT_NE(takeErrors().find("is not among pkcs11-allowed-module-paths"), std::string::npos);
    EXPECT_TRUE(loads(file, folder)) << takeErrors();
}

TEST(UserType, IsNotThatOfALoginForOneOperation) {
    const ConfiguredContext configured("pkcs11-module-user-type = 2"); // CKU_CONTEXT_SPECIFIC
    EXPECT_FALSE(load(configured.get(), uriOf("ec256")));
    EXPECT_NE(takeErrors().find("pkcs11-module-user-type does not accept the value"),
              std::string::npos);
}

// A module's own use of libcrypto.
TEST(InsideAModule, NoAlgorithmIsOfThisProvider) {
    static const auto instance = std::make_unique<Instance>();
    static bool wasThere = true;
    ASSERT_EQ(module().setHook("C_GetSlotList",
                               [] {
                                   auto* found = EVP_SIGNATURE_fetch(instance->get(), "ECDSA",
                                                                     "provider=pkcs11");
                                   wasThere = found != nullptr;
                                   EVP_SIGNATURE_free(found);
                                   ERR_clear_error();
                               }),
              CKR_OK);
    const auto key = load(*instance, uriOf("ec256"));
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_FALSE(wasThere);
    EXPECT_FALSE(sign(*instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
}

// RFC 8017, section 9.1, and FIPS 186-5, section 5.4: no longer than the digest.
TEST(SaltOfPss, IsAsLongAsTheDigestWhereNobodySaysMore) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    const Bytes data{1, 2, 3};
    Bytes signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    ASSERT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()), 1)
        << takeErrors();
    const ossl::MdCtx verifier(EVP_MD_CTX_new());
    const auto publicKey = publicKeyFromFile("rsa");
    ASSERT_EQ(EVP_DigestVerifyInit_ex(verifier.get(), &options, "SHA256", defaultOnly(), nullptr,
                                      publicKey.get(), nullptr),
              1);
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    EXPECT_EQ(EVP_DigestVerify(verifier.get(), signature.data(), size, data.data(), data.size()), 1)
        << takeErrors();
}

TEST(Digest, IsNotChangedWhileDataIsHashed) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    char other[] = "SHA384";
    const std::array params{OSSL_PARAM_construct_utf8_string("digest", other, 0),
                            OSSL_PARAM_construct_end()};
    EXPECT_NE(EVP_PKEY_CTX_set_params(options, params.data()), 1);
    EXPECT_NE(takeErrors().find("cannot be changed while data is hashed"), std::string::npos);
}

TEST(Expected, IsNoKeyWhereTheUriAsksForACertificate) {
    const Instance instance;
    EXPECT_FALSE(load(instance, uriOf("rsa", "cert")));
    EXPECT_NE(takeErrors().find("a private key is expected"), std::string::npos);
}

// Whoever reads the reference would have another key, perhaps.
TEST(AmbiguousKey, IsNotWrittenAsAReference) {
    const Instance instance;
    const auto write = [](EVP_PKEY* key) {
        const ossl::Bio out(BIO_new(BIO_s_mem()));
        return PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    };
    EXPECT_FALSE(write(load(instance, uriOf("twin")).get()));
    EXPECT_NE(takeErrors().find("several keys fit the URI"), std::string::npos);
    EXPECT_TRUE(write(loadPrivate(instance, "rsa").get())) << takeErrors();
}

using Deletion = NewKeys;

TEST_F(Deletion, IsOfWhatTheUriNamesWhateverTheModuleFinds) {
    const Instance instance;
    set("PKCS11_TEST_QUIRK", "ignore-template");
    EXPECT_NE(destroy(instance, place("nosuch"), true), 1);
    EXPECT_NE(takeErrors().find("exists to delete"), std::string::npos);
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", nullptr), CKR_OK);
    EXPECT_TRUE(loadPrivate(instance, "ec256"));
}

// A PIN that is tried on the wrong token costs that one a try.
TEST(PinForOneToken, IsTriedOnNoneOfSeveral) {
    const Instance instance;
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:object=ec256;type=private?pin-value=1234"));
    EXPECT_NE(takeErrors().find("several tokens need a login"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
}

// Some modules look for tokens that came where they are asked for the number alone.
TEST(MissingToken, IsLookedForAnewBeforeItIsTold) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "ec256"));
    const CallCounter calls;
    EXPECT_FALSE(load(instance, "pkcs11:token=nosuch;object=a"));
    EXPECT_NE(takeErrors().find("no token fits"), std::string::npos);
    EXPECT_EQ(calls.of("C_GetSlotList"), 4U)
        << "a list, the number, a list again, and what is there for the message";
}

TEST(WithoutAPin, WhatEverybodySeesIsFound) {
    set("PKCS11_TEST_QUIRK", "visible-before-login");
    const Instance instance;
    EXPECT_TRUE(load(instance, "pkcs11:token=scenarios;object=ec256;type=private")) << takeErrors();
}

TEST(ErrorMessage, NamesEightObjectsAndNoMore) {
    const Instance instance;
    EXPECT_FALSE(load(instance, uriOf("nosuch")));
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("..."), std::string::npos) << errors;
    int named = 0;
    for (auto at = errors.find(";id="); at != std::string::npos; at = errors.find(";id=", at + 1))
        ++named;
    EXPECT_LE(named, 8) << errors;
}

TEST(WriteProtection, ThatIsGoneIsNotRemembered) {
    set("PKCS11_TEST_TOKEN_FLAGS", std::to_string(CKF_WRITE_PROTECTED));
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    ASSERT_EQ(module().configure("PKCS11_TEST_TOKEN_FLAGS", nullptr), CKR_OK);
    const auto certificate = certificateFromFile(defaultOnly(), "ec256");
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const std::array params{OSSL_PARAM_construct_octet_string("pkcs11_certificate", der,
                                                              static_cast<std::size_t>(size)),
                            OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_PKEY_set_params(key.get(), const_cast<OSSL_PARAM*>(params.data())), 1)
        << takeErrors();
    OPENSSL_free(der);
}

} // namespace
