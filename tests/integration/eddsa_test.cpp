// SPDX-License-Identifier: Apache-2.0
// Ed25519 and Ed448: EVP_PKEY_sign with a message, and the variants of RFC 8032. SoftHSM passes
// over the variants' parameters. A token that takes them is SoftHSM with a function of this test
// that signs with the same key in software. Only OpenSSL 3.2 and later can do that.
#include <openssl/core_names.h>

#include "new_keys.h"
#include "newer.h"

namespace {

using namespace testing_support;

constexpr const char* label = "ed25519";

bool opensslHasVariants() {
    return OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 2;
}

/// "instance" and "context-string".
struct Variant {
    std::string instance;
    Bytes context;

    std::vector<OSSL_PARAM> params() {
        std::vector<OSSL_PARAM> list;
        if (!instance.empty())
            list.push_back(OSSL_PARAM_construct_utf8_string("instance", instance.data(), 0));
        if (!context.empty())
            list.push_back(OSSL_PARAM_construct_octet_string("context-string", context.data(),
                                                             context.size()));
        list.push_back(OSSL_PARAM_construct_end());
        return list;
    }
};

/// Empty on failure.
Bytes finish(EVP_MD_CTX* context, const Bytes& data) {
    Bytes signature(200);
    std::size_t size = signature.size();
    if (EVP_DigestSign(context, signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

Bytes signAs(OSSL_LIB_CTX* libctx, EVP_PKEY* key, Variant variant, const Bytes& data) {
    const auto params = variant.params();
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    if (EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, libctx, nullptr, key,
                              params.data()) != 1)
        return {};
    return finish(context.get(), data);
}

bool verifiesAs(EVP_PKEY* publicKey, Variant variant, const Bytes& signature, const Bytes& data) {
    const auto params = variant.params();
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, defaultOnly(), nullptr,
                                   publicKey, params.data()) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                            data.size()) == 1;
}

/// EVP_PKEY_sign, after `context` was initialised. Empty on failure.
Bytes signAtOnce(EVP_PKEY_CTX* context, const Bytes& data) {
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_sign(context, nullptr, &size, data.data(), data.size()), 1) << takeErrors();
    Bytes signature(size);
    if (EVP_PKEY_sign(context, signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

void expectPkeySigns(const Instance& instance, EVP_PKEY* key, EVP_PKEY* publicKey) {
    const Bytes data = randomBytes(1000);
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1) << takeErrors();
    for (int round = 0; round < usesUntilSteady + 2; ++round) {
        const CallCounter calls;
        const auto signature = signAtOnce(context.get(), data);
        EXPECT_TRUE(round < usesUntilSteady || calls.log() == "C_Sign 1\nC_SignInit 1\n")
            << calls.log();
        EXPECT_TRUE(verify(publicKey, signature, data, nullptr)) << takeErrors();
    }
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    EXPECT_TRUE(verify(publicKey, signAtOnce(copy.get(), data), data, nullptr)) << takeErrors();
}

TEST(Eddsa, PkeySignTakesTheMessage) {
    const Instance instance;
    const auto key = loadPrivate(instance, label);
    expectPkeySigns(instance, key.get(), publicKeyOnToken(label).get());
}

TEST(Eddsa, PkeyVerifyTakesTheMessage) {
    const Instance instance;
    const auto key = loadPrivate(instance, label);
    const Bytes data = randomBytes(100);
    auto signature = sign(instance, key.get(), data, nullptr);
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_verify_init(context.get()), 1) << takeErrors();
    const auto check = [&] {
        return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), data.data(),
                               data.size());
    };
    EXPECT_EQ(check(), 1) << takeErrors();
    signature.front() ^= 1;
    EXPECT_NE(check(), 1);
    takeErrors();
}

TEST(Eddsa, PkeySignIsRepeatedAfterALossAndFailsWithTheTokensError) {
    const Instance instance;
    const auto key = loadPrivate(instance, label);
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1) << takeErrors();
    const Bytes data = randomBytes(10);
    fault("C_Sign", "1+", CKR_FUNCTION_FAILED);
    EXPECT_TRUE(signAtOnce(context.get(), data).empty());
    EXPECT_NE(takeErrors().find("CKR_FUNCTION_FAILED"), std::string::npos);
    noFaults();
    fault("C_Sign", "1", CKR_SESSION_CLOSED);
    EXPECT_TRUE(verify(label, signAtOnce(context.get(), data), data, nullptr)) << takeErrors();
    noFaults();
}

class NewEddsa : public NewKeys {};

TEST_F(NewEddsa, PkeySignTakesTheMessageWithEd448) {
    const Instance instance;
    const auto key = generate(instance, "ED448", {{"pkcs11_uri", place("made")}});
    ASSERT_TRUE(key) << takeErrors();
    expectPkeySigns(instance, key.get(), publicKeyOnToken("made").get());
}

/// What the token was asked for, and the signature that it gave.
struct Asked {
    int prehash = -1;
    Bytes context;
    Bytes signature;
};
// The module's function has no argument of ours.
Asked asked;
p11::ossl::Pkey softwareKey;

const char* instanceOf(bool prehash) {
    if (EVP_PKEY_is_a(softwareKey.get(), "ED448") == 1)
        return prehash ? "Ed448ph" : "Ed448";
    return prehash ? "Ed25519ph" : "Ed25519ctx";
}

// With an older OpenSSL than 3.2, bytes that are no plain signature stand for one.
CK_RV signInTheTokensPlace(CK_BBOOL prehash, const unsigned char* context, CK_ULONG contextSize,
                           const unsigned char* data, CK_ULONG size, unsigned char* signature,
                           CK_ULONG* signatureSize) {
    asked = {prehash, Bytes(context, context + contextSize),
             randomBytes(static_cast<std::size_t>(EVP_PKEY_get_size(softwareKey.get())))};
    if (opensslHasVariants())
        asked.signature =
            signAs(defaultOnly(), softwareKey.get(),
                   {instanceOf(prehash != CK_FALSE), asked.context}, Bytes(data, data + size));
    if (asked.signature.size() > *signatureSize)
        return CKR_BUFFER_TOO_SMALL;
    std::copy(asked.signature.begin(), asked.signature.end(), signature);
    *signatureSize = asked.signature.size();
    return CKR_OK;
}

class EddsaVariants : public NewKeys {
  protected:
    void SetUp() override { setUp("ED25519"); }
    void setUp(const char* type) {
        softwareKey.reset(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, type));
        ASSERT_TRUE(store(instance, softwareKey.get(), place("made"))) << takeErrors();
        key = loadPrivate(instance, "made");
        ASSERT_TRUE(key) << takeErrors();
    }
    void TearDown() override {
        setSigner(nullptr);
        softwareKey.reset();
        key.reset();
        NewKeys::TearDown();
    }
    bool isPlain(const Bytes& signature) const {
        return verify(softwareKey.get(), signature, data, nullptr);
    }
    static void setSigner(test_module_eddsa* signer) {
        module().control<void(test_module_eddsa*)>("test_module_answer_eddsa")(signer);
    }
    Bytes signAsVariant(const Variant& variant) const {
        return signAs(instance.get(), key.get(), variant, data);
    }
    void expectRefusal(const Variant& variant, const std::string& message) const {
        EXPECT_TRUE(signAsVariant(variant).empty()) << message;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(message), std::string::npos) << message << "\n" << errors;
    }
    /// Of what was signed last.
    void expectGood(const Variant& variant, const Bytes& signature) const {
        EXPECT_EQ(signature, asked.signature) << takeErrors();
        EXPECT_EQ(asked.context, variant.context);
        EXPECT_EQ(asked.prehash, variant.instance.ends_with("ph") ? CK_TRUE : CK_FALSE);
        if (opensslHasVariants()) {
            EXPECT_TRUE(verifiesAs(softwareKey.get(), variant, signature, data)) << takeErrors();
            EXPECT_FALSE(isPlain(signature));
            takeErrors();
        }
    }

    const Instance instance;
    p11::ossl::Pkey key;
    const Bytes data = randomBytes(300);
};

// The module is not loaded before SetUp.
class EddsaVariantsByMessages : public EddsaVariants {
  protected:
    EddsaVariantsByMessages() { configureModule("PKCS11_TEST_MESSAGE_SIGN", "1"); }
};

const Bytes context{'c', 't', 'x'};
const Variant possible[] = {{"Ed25519ctx", context}, {"Ed25519ph", {}}, {"Ed25519ph", context}};

TEST_F(EddsaVariants, AreMadeByATokenThatTakesTheirParameters) {
    setSigner(signInTheTokensPlace);
    for (int i = 0; i < usesUntilSteady; ++i) // the first proves whose the public half is
        signAsVariant({"Ed25519ph", {}});
    for (const auto& variant : possible) {
        asked = {};
        const CallCounter calls;
        const auto signature = signAsVariant(variant);
        EXPECT_EQ(calls.log(), "C_Sign 1\nC_SignInit 1\n");
        expectGood(variant, signature);
    }
}

class Ed448Variants : public EddsaVariants {
  protected:
    void SetUp() override { setUp("ED448"); }
};

TEST_F(Ed448Variants, AreMadeByATokenThatTakesTheirParameters) {
    setSigner(signInTheTokensPlace);
    for (const auto& variant :
         {Variant{"Ed448", context}, Variant{"Ed448ph", {}}, Variant{"Ed448ph", context}}) {
        asked = {};
        expectGood(variant, signAsVariant(variant));
    }
    EXPECT_TRUE(isPlain(signAsVariant({"Ed448", {}}))) << takeErrors();
    setSigner(nullptr);
    expectRefusal({"", context}, "the token makes no Ed448 signatures");
    expectRefusal({"Ed25519ph", {}}, "ED448 keys have no EdDSA instance");
}

// A plain signature in the place of a variant would be worse than none.
TEST_F(EddsaVariants, AreRefusedIfTheTokenPassesOverTheirParameters) {
    for (const auto& variant : possible)
        expectRefusal(
            variant,
            "the token makes no " + variant.instance +
                " signatures with these parameters (CK_EDDSA_PARAMS): it passed over them");
}

TEST_F(EddsaVariants, AreRefusedIfTheTokenRefusesTheirParameters) {
    for (const CK_RV rv : {CKR_MECHANISM_PARAM_INVALID, CKR_FUNCTION_NOT_SUPPORTED}) {
        fault("C_SignInit", "1", rv);
        expectRefusal({"Ed25519ph", {}}, "the token makes no Ed25519ph signatures");
        noFaults();
    }
    EXPECT_TRUE(isPlain(sign(instance, key.get(), data, nullptr))) << takeErrors();
}

TEST_F(EddsaVariants, ThatDoNotFitAreRefusedBeforeTheTokenIsAsked) {
    const CallCounter calls;
    expectRefusal({"Ed25519", context}, "Ed25519 takes no context-string");
    expectRefusal({"", context}, "Ed25519 takes no context-string");
    expectRefusal({"Ed25519ctx", {}}, "Ed25519ctx needs a context-string");
    expectRefusal({"Ed448ph", {}}, "ED25519 keys have no EdDSA instance \"Ed448ph\"");
    expectRefusal({"nosuch", {}}, "no EdDSA instance \"nosuch\"");
    expectRefusal({"Ed25519ph", Bytes(256)}, "longer than 255 bytes");
    EXPECT_EQ(calls.of("C_SignInit"), 0U);
}

// As in software: each of the steps is taken with the same key there, too.
TEST_F(EddsaVariants, StayWithACopyAndAreChosenAgainWithAKey) {
    setSigner(signInTheTokensPlace);
    Variant variant{"Ed25519ph", context};
    const auto params = variant.params();
    const auto steps = [&](OSSL_LIB_CTX* libctx, EVP_PKEY* used) {
        std::vector<Bytes> signatures;
        const auto restart = [&](const p11::ossl::MdCtx& signer, EVP_PKEY* given,
                                 const OSSL_PARAM* chosen) {
            EXPECT_EQ(EVP_DigestSignInit_ex(signer.get(), nullptr, nullptr, libctx, nullptr, given,
                                            chosen),
                      1)
                << takeErrors();
            signatures.push_back(finish(signer.get(), data));
        };
        const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
        restart(signer, used, params.data());
        restart(signer, nullptr, nullptr);
        const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
        EXPECT_EQ(EVP_MD_CTX_copy_ex(copy.get(), signer.get()), 1) << takeErrors();
        restart(copy, nullptr, nullptr);
        restart(signer, used, nullptr);
        return signatures;
    };
    const auto signatures = steps(instance.get(), key.get());
    EXPECT_TRUE(isPlain(signatures.back())) << takeErrors();
    for (std::size_t i = 0; i + 1 < signatures.size(); ++i)
        EXPECT_FALSE(signatures[i].empty() || isPlain(signatures[i])) << i;
    if (opensslHasVariants()) {
        EXPECT_EQ(signatures, steps(defaultOnly(), softwareKey.get())) << takeErrors();
    }
    takeErrors();
}

// PKCS#11 3.0: an operation that stays active in a session has the context that it was begun with.
TEST_F(EddsaVariantsByMessages, WithAContextAreBegunEachTime) {
    setSigner(signInTheTokensPlace);
    for (const char last : {'1', '2'}) {
        const Variant variant{"Ed25519ctx", {'c', static_cast<unsigned char>(last)}};
        expectGood(variant, signAsVariant(variant));
    }
}

TEST_F(EddsaVariants, VerifyWithTheKeyOnTheToken) {
    setSigner(signInTheTokensPlace);
    Variant variant{"Ed25519ph", context};
    const auto signature = signAsVariant(variant);
    const auto params = variant.params();
    const p11::ossl::MdCtx verifier(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestVerifyInit_ex(verifier.get(), nullptr, nullptr, instance.get(),
                                      "provider=pkcs11", key.get(), params.data()),
              1)
        << takeErrors();
    const int verdict = EVP_DigestVerify(verifier.get(), signature.data(), signature.size(),
                                         data.data(), data.size());
    if (opensslHasVariants())
        EXPECT_EQ(verdict, 1) << takeErrors();
    else
        EXPECT_NE(takeErrors().find("does not verify Ed25519ph"), std::string::npos);
}

// As `pkeyutl -pkeyopt instance:Ed25519ph` and EVP_PKEY_sign_message_init (OpenSSL 3.4) do it.
TEST_F(EddsaVariants, AreChosenWithSignMessageInit) {
    using Init = int(EVP_PKEY_CTX*, EVP_SIGNATURE*, const OSSL_PARAM*);
    auto* init = newer<Init>("EVP_PKEY_sign_message_init");
    if (init == nullptr)
        GTEST_SKIP() << "OpenSSL has signatures of messages since 3.4";
    setSigner(signInTheTokensPlace);
    const p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> algorithm(
        EVP_SIGNATURE_fetch(instance.get(), "ED25519", "provider=pkcs11"));
    const p11::ossl::PkeyCtx signer(EVP_PKEY_CTX_new_from_pkey(instance.get(), key.get(), nullptr));
    ASSERT_EQ(init(signer.get(), algorithm.get(), nullptr), 1) << takeErrors();
    ASSERT_EQ(EVP_PKEY_CTX_ctrl_str(signer.get(), "instance", "Ed25519ph"), 1) << takeErrors();
    ASSERT_EQ(EVP_PKEY_CTX_ctrl_str(signer.get(), "hexcontext-string", "637478"), 1)
        << takeErrors();
    expectGood({"Ed25519ph", context}, signAtOnce(signer.get(), data));
}

} // namespace
