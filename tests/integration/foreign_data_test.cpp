// Data of strangers: what a token answers to them changes nothing for what comes after.
#include <array>

#include "decryption.h"
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
    for (const CK_RV rv : refusals) {
        answerOnce("C_Decrypt", rv);
        EXPECT_FALSE(decrypt(instance, key.get(), encrypt(message, oaep), oaep));
        takeErrors();
        noFaults();
        const CallCounter calls;
        EXPECT_EQ(decrypt(instance, key.get(), encrypt(message, oaep), oaep), message)
            << pkcs11::rvName(rv) << takeErrors();
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
        const ossl::MdCtx context(EVP_MD_CTX_new());
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
    for (const CK_RV rv : refusals) {
        answerOnce("C_Sign", rv);
        EXPECT_TRUE(signsPss()) << takeErrors();
        noFaults();
    }
    hideRawRsa(); // with which PSS would be signed if its mechanism had been given up
    EXPECT_TRUE(signsPss()) << takeErrors();
}

} // namespace
