// SPDX-License-Identifier: Apache-2.0
// Key references through OpenSSL's own readers and writers: PEM_read_bio_PrivateKey, OSSL_DECODER
// and OSSL_ENCODER, with software keys beside them.
#include <atomic>
#include <thread>

#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/pem.h>

#include "references.h"

namespace {

using namespace testing_support;

const std::string rsa = "pkcs11:token=scenarios;object=rsa;type=private";
const std::string withPin = rsa + "?pin-value=1234";

p11::ossl::Pkey decode(const Instance& instance, const std::string& text, const char* input,
                       const char* structure, const char* type) {
    EVP_PKEY* key = nullptr;
    const p11::ossl::Owner<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> decoder(
        OSSL_DECODER_CTX_new_for_pkey(&key, input, structure, type, EVP_PKEY_KEYPAIR,
                                      instance.get(), nullptr));
    const auto in = bioOf(text);
    const bool decoded = decoder && OSSL_DECODER_from_bio(decoder.get(), in.get()) == 1;
    EXPECT_EQ(decoded, key != nullptr);
    return p11::ossl::Pkey(key);
}

void expectSigns(const Instance& instance, EVP_PKEY* key, const std::string& label) {
    const auto data = randomBytes(100);
    const auto signature = sign(instance, key, data);
    ASSERT_FALSE(signature.empty()) << takeErrors();
    EXPECT_TRUE(verify(label, signature, data));
}

class References : public testing::TestWithParam<Order> {
  protected:
    Instance instance{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Orders, References,
                         testing::Values(Order::defaultFirst, Order::providerFirst));

TEST_P(References, AreReadByPemReadBioPrivateKey) {
    for (const std::string label : {"rsa", "ec256"}) {
        const auto pem = pemOf(uriOf(label));
        for (const auto& text : {pem, "A remark: pkcs11:token=x\n\n" + pem + "behind it\n"}) {
            const auto key = readPem(instance, text);
            ASSERT_TRUE(key) << takeErrors();
            expectSigns(instance, key.get(), label);
        }
    }
}

TEST_P(References, AskTheCallbackForThePinOnce) {
    Answer right{"1234"};
    const auto key = readPem(instance, pemOf(rsa), right);
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(right.asked, 1);
    expectSigns(instance, key.get(), "rsa");
    // Not at all where the process is logged in already.
    ASSERT_TRUE(readPem(instance, pemOf(rsa), right)) << takeErrors();
    EXPECT_EQ(right.asked, 1);
}

TEST_P(References, SayWhatIsWrongWithThem) {
    for (const auto& [uri, words] :
         {std::pair<std::string, std::string>{"pkcs11:token=scenarios;object=absent?pin-value=1234",
                                              "no private key fits"},
          {"pkcs11:tokn=a?pin-value=1234", "\"tokn\" is unknown"},
          {"pkcs11:token=absent", "no token fits"}}) {
        EXPECT_FALSE(readPem(instance, pemOf(uri)));
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(words), std::string::npos) << errors;
        EXPECT_EQ(errors.find("1234"), std::string::npos) << errors;
    }
}

TEST_P(References, AreDecodedFromPemAndDer) {
    const auto der = p11::store::encodeKeyUri(withPin);
    const std::string derText(der.begin(), der.end());
    for (const char* structure : {static_cast<const char*>(nullptr), "pk11-uri"})
        for (const char* type : {static_cast<const char*>(nullptr), "RSA"}) {
            EXPECT_TRUE(decode(instance, pemOf(withPin), "PEM", structure, type)) << takeErrors();
            EXPECT_TRUE(decode(instance, derText, "DER", structure, type)) << takeErrors();
            EXPECT_TRUE(decode(instance, derText, nullptr, structure, type)) << takeErrors();
        }
    EXPECT_FALSE(decode(instance, pemOf(withPin), "PEM", nullptr, "EC"));
    EXPECT_NE(takeErrors(), "");
    EXPECT_FALSE(decode(instance, derText, "DER", nullptr, "EC"));
    EXPECT_NE(takeErrors(), "");
}

TEST_P(References, AreWrittenWithoutThePinAndReadAgain) {
    const auto key = load(instance, withPin);
    ASSERT_TRUE(key) << takeErrors();
    const p11::ossl::Owner<OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free> encoder(
        OSSL_ENCODER_CTX_new_for_pkey(key.get(), EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo",
                                      nullptr));
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    ASSERT_EQ(OSSL_ENCODER_to_bio(encoder.get(), out.get()), 1) << takeErrors();
    const auto pem = textIn(out.get());
    const auto in = bioOf(pem);
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    ASSERT_EQ(PEM_read_bio(in.get(), &name, &header, &data, &size), 1);
    EXPECT_STREQ(name, p11::store::keyUriPemLabel);
    const auto uri = p11::store::decodeKeyUri({data, static_cast<std::size_t>(size)});
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    ASSERT_TRUE(uri);
    EXPECT_EQ(uri->find("pin"), std::string::npos) << *uri;
    Answer right{"1234"};
    const auto again = readPem(instance, pem, right);
    ASSERT_TRUE(again) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), again.get()), 1);
}

// OpenSSL tries a decoder for each key type; the token is searched for one of them.
TEST_P(References, AreLookedUpOnce) {
    ASSERT_TRUE(readPem(instance, pemOf(uriOf("rsa")))) << takeErrors();
    const CallCounter calls;
    ASSERT_TRUE(readPem(instance, pemOf(uriOf("ec256")))) << takeErrors();
    EXPECT_EQ(calls.of("C_FindObjectsInit"), 1UL) << calls.log();
    EXPECT_EQ(calls.of("C_Login"), 0UL) << calls.log();
}

// Every PEM file that the process reads comes by the decoders.
TEST_P(References, AreNoConcernOfSoftwareKeys) {
    const CallCounter calls;
    ASSERT_TRUE(privateKeyFromFile(instance.get(), "rsa")) << takeErrors();
    ASSERT_TRUE(certificateFromFile(instance.get(), "ec256")) << takeErrors();
    EXPECT_EQ(calls.total(), 0UL) << calls.log();
    EXPECT_EQ(ERR_peek_error(), 0UL) << takeErrors();
}

TEST_P(References, AreReadByManyThreadsAtOnce) {
    const auto pem = pemOf(withPin);
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 5; ++round) {
                const auto key = readPem(instance, pem);
                const auto data = randomBytes(40);
                if (key && verify("rsa", sign(instance, key.get(), data), data))
                    ++good;
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(good, 40);
}

} // namespace
