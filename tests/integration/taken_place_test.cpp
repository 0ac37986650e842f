// SPDX-License-Identifier: Apache-2.0
// Another key in the place of one that was loaded, with its label, its id and its parameters: it
// does not sign for it.
#include <cstdlib>
#include <filesystem>

#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "new_keys.h"
#include "operations.h"

namespace {

using namespace testing_support;

using TakenPlace = NewKeys;

constexpr const char* ownId = ";id=%77";

void expectAnother(const Instance& instance, EVP_PKEY* key, const char* digest) {
    EXPECT_TRUE(sign(instance, key, newKeysData, digest).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("another key has replaced"), std::string::npos) << errors;
}

// Either the public half is known before the loss, or a signature is all that is known.
void expectNoSignatureOfAnother(const char* type, bool publicHalfIsKnown) {
    const Instance instance;
    const Settings settings{{"pkcs11_uri", place("fresh", ownId)}};
    ASSERT_TRUE(generate(instance, type, settings)) << takeErrors();
    const auto key = loadPrivate(instance, "fresh");
    if (publicHalfIsKnown) {
        ASSERT_TRUE(softwarePublicKey(key.get())) << takeErrors();
    }
    ASSERT_TRUE(verifies("fresh", sign(instance, key.get(), newKeysData, nullptr), nullptr));
    tokenWriter("scenarios").destroy("fresh");
    ASSERT_TRUE(generate(instance, type, settings)) << takeErrors();
    expectAnother(instance, key.get(), nullptr);
    const auto fresh = loadPrivate(instance, "fresh");
    EXPECT_TRUE(verifies("fresh", sign(instance, fresh.get(), newKeysData, nullptr), nullptr))
        << "whoever loads it anew gets the new one: " << takeErrors();
    tokenWriter("scenarios").destroy("fresh");
}

// A key that tells nothing else of its public half proves nothing.
TEST_F(TakenPlace, OfAnRsaKeyIsSeenByTheModulus) {
    const auto hidden =
        std::to_string(CKA_PUBLIC_KEY_INFO) + "," + std::to_string(CKA_PUBLIC_EXPONENT);
    const Instance instance;
    const Settings settings{{"rsa_keygen_bits", "1024"}, {"pkcs11_uri", place("fresh", ownId)}};
    ASSERT_TRUE(generate(instance, "RSA", settings)) << takeErrors();
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", hidden.c_str()), CKR_OK);
    const auto key = loadPrivate(instance, "fresh");
    ASSERT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    tokenWriter("scenarios").destroy("fresh");
    ASSERT_TRUE(generate(instance, "RSA", settings)) << takeErrors();
    expectAnother(instance, key.get(), "SHA256");
}

TEST_F(TakenPlace, OfAnEdwardsKeyIsSeenByItsPublicHalf) {
    for (const char* type : {"ED25519", "ED448"})
        expectNoSignatureOfAnother(type, true);
}

TEST_F(TakenPlace, OfAnEdwardsKeyIsSeenByWhatItHasSigned) {
    for (const char* type : {"ED25519", "ED448"})
        expectNoSignatureOfAnother(type, false);
}

// It may have been made by somebody who left it out.
TEST_F(TakenPlace, IsSeenByAValueThatIsNoLongerTold) {
    const Instance instance;
    const auto key = loadPrivate(instance, "rsa");
    ASSERT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    for (const CK_ATTRIBUTE_TYPE type : {CKA_MODULUS, CKA_PUBLIC_EXPONENT}) {
        ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", std::to_string(type).c_str()),
                  CKR_OK);
        fault("C_SignInit", "1-2", CKR_KEY_HANDLE_INVALID); // of a copy of the key, too
        expectAnother(instance, key.get(), "SHA256");
        noFaults();
        ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES", nullptr), CKR_OK);
        EXPECT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    }
}

// SoftHSM cuts what is longer than a curve's order; other tokens refuse it, and then the key could
// not be asked.
TEST_F(TakenPlace, OfAPublicHalfIsSeenOnACurveSmallerThanTheProof) {
    Bytes p224{0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x21};
    const CK_ATTRIBUTE curve{CKA_EC_PARAMS, p224.data(), p224.size()};
    const auto own = generate(defaultOnly(), "P-224");
    const auto foreign = generate(defaultOnly(), "P-224");
    BIGNUM* number = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(own.get(), "priv", &number), 1);
    const p11::ossl::Owner<BIGNUM, BN_clear_free> owner(number);
    Bytes secret(28);
    BN_bn2binpad(number, secret.data(), 28);
    Bytes point(64);
    std::size_t size = 0;
    ASSERT_EQ(EVP_PKEY_get_octet_string_param(foreign.get(), "pub", point.data() + 2,
                                              point.size() - 2, &size),
              1);
    point[0] = 0x04; // OCTET STRING
    point[1] = static_cast<unsigned char>(size);
    CK_BBOOL yes = CK_TRUE;
    {
        auto writer = tokenWriter("scenarios");
        writer.createKey(
            CKO_PRIVATE_KEY, CKK_EC, "fresh", "\x77",
            {curve, {CKA_VALUE, secret.data(), secret.size()}, {CKA_SIGN, &yes, sizeof yes}});
        writer.createKey(CKO_PUBLIC_KEY, CKK_EC, "fresh", "\x77",
                         {curve, {CKA_EC_POINT, point.data(), size + 2}});
    }
    const Instance instance;
    const auto key = loadPrivate(instance, "fresh");
    EXPECT_FALSE(softwarePublicKey(key.get())) << "it is another key's";
    takeErrors();
    EXPECT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
}

/// Puts a certificate on the token beside a key.
void putCertificate(const char* of, std::string label, std::string id) {
    auto value = derOf(certificateFromFile(defaultOnly(), of).get());
    CK_BBOOL no = CK_FALSE;
    Bytes subject{0x30, 0x00};
    tokenWriter("scenarios")
        .createCertificate(std::move(label), {{CKA_PRIVATE, &no, sizeof no},
                                              {CKA_ID, id.data(), id.size()},
                                              {CKA_SUBJECT, subject.data(), subject.size()},
                                              {CKA_VALUE, value.data(), value.size()}});
}

// A private key that tells its modulus alone.
TEST(ForeignCertificate, OfAnotherModulusGivesNoPublicHalf) {
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_ATTRIBUTES",
                                 std::to_string(CKA_PUBLIC_EXPONENT).c_str()),
              CKR_OK);
    putCertificate("project", "bare-rsa", "\x0a");
    const Instance instance;
    const auto key = loadPrivate(instance, "bare-rsa");
    EXPECT_FALSE(softwarePublicKey(key.get()));
    takeErrors();
    putCertificate("bare-rsa", "bare-rsa", "\x0a");
    const auto again = loadPrivate(instance, "bare-rsa");
    EXPECT_EQ(
        EVP_PKEY_eq(softwarePublicKey(again.get()).get(), publicKeyFromFile("bare-rsa").get()), 1)
        << takeErrors();
}

// A key that asks for a PIN at each use proves nothing, but its curve is known.
TEST(ForeignCertificate, OfAnotherCurveGivesNoPublicHalf) {
    ASSERT_EQ(module().configure("PKCS11_TEST_ALWAYS_AUTHENTICATE", "1"), CKR_OK);
    putCertificate("ec384", "bare-ec", "\x0b");
    const Instance instance;
    EXPECT_FALSE(softwarePublicKey(loadPrivate(instance, "bare-ec").get()));
    takeErrors();
}

using StoredPair = NewKeys;

// What is on a token can't be looked at any more.
TEST_F(StoredPair, OfTwoHalvesThatDoNotFitIsRefused) {
    const Instance instance;
    const auto one = generate(defaultOnly(), "P-256");
    const auto other = generate(defaultOnly(), "P-256");
    BIGNUM* secret = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(one.get(), "priv", &secret), 1);
    const p11::ossl::Owner<BIGNUM, BN_clear_free> owner(secret);
    Bytes point(65);
    std::size_t size = 0;
    ASSERT_EQ(
        EVP_PKEY_get_octet_string_param(other.get(), "pub", point.data(), point.size(), &size), 1);
    const auto uri = place("fresh");
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", "P-256", 0);
    OSSL_PARAM_BLD_push_BN(builder.get(), "priv", secret);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), size);
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), "pkcs11_uri", uri.c_str(), 0);
    const p11::ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_name(instance.get(), "EC", "provider=pkcs11"));
    EVP_PKEY* made = nullptr;
    ASSERT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
    EXPECT_NE(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()), 1);
    EXPECT_NE(takeErrors().find("do not form a key pair"), std::string::npos);
    EXPECT_EQ(countOf("fresh"), 0U);
    EVP_PKEY_free(made);
}

/// "serial=..." of the token with the URI of an object.
std::string serialIn(const std::string& uri) {
    const auto at = uri.find("serial=");
    return uri.substr(at, uri.find(';', at) - at);
}

// The PIN is for the one that is gone, and trying it would cost the other one a try.
TEST(TwoTokensOfOneName, AreToldApartByTheirSerialNumbers) {
    namespace fs = std::filesystem;
    const auto tokens = scratch("tokens");
    const auto serial = [] {
        const Instance instance;
        return serialIn(listing(instance).front());
    }();
    const auto away = scratch("away");
    fs::rename(tokens, away);
    fs::create_directory(tokens);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads yet
    ASSERT_EQ(std::system("softhsm2-util --init-token --free --label scenarios --pin 1234 "
                          "--so-pin 5678 >/dev/null"),
              0);
    const auto other = fs::directory_iterator(tokens)->path();
    fs::copy(away, tokens, fs::copy_options::recursive);
    const Instance instance;
    const auto key = load(instance, "pkcs11:token=scenarios;" + serial +
                                        ";object=ec256;type=private?pin-value=1234");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_FALSE(sign(instance, key.get(), newKeysData).empty()) << takeErrors();
    for (const auto& one : fs::directory_iterator(tokens))
        if (one.path() != other)
            fs::remove_all(one.path());
    const auto wantedSerial = "serial " + serial.substr(serial.find('=') + 1);
    EXPECT_EQ(inChild([&] { // which has the module look for its tokens anew
                  const CallCounter calls;
                  EXPECT_TRUE(sign(instance, key.get(), newKeysData).empty());
                  // SoftHSM has a slot for the one that is gone, and cannot read it.
                  EXPECT_NE(takeErrors().find(wantedSerial), std::string::npos);
                  EXPECT_EQ(calls.of("C_Login"), 0U) << calls.log();
                  return !::testing::Test::HasFailure();
              }),
              0);
}

} // namespace
