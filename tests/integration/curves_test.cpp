// SPDX-License-Identifier: Apache-2.0
// Keys that the command-line tools cannot make: Ed448, and a curve given by its numbers instead of
// its name.
#include <fstream>
#include <iterator>

#include "new_keys.h"

namespace {

using namespace testing_support;

const Bytes& data = newKeysData;

struct Generate {
    CK_MECHANISM_TYPE mechanism;
    CK_KEY_TYPE type;
    Bytes params;
    std::string label;
};

// Before the provider is loaded: the module is the writer's alone, and finalised at its end.
void generateOnToken(Generate wanted) {
    auto writer = tokenWriter("scenarios");
    CK_BBOOL yes = CK_TRUE;
    std::vector<CK_ATTRIBUTE> common{{CKA_TOKEN, &yes, sizeof yes},
                                     {CKA_LABEL, wanted.label.data(), wanted.label.size()},
                                     {CKA_ID, wanted.label.data(), wanted.label.size()},
                                     {CKA_KEY_TYPE, &wanted.type, sizeof wanted.type}};
    auto publicTemplate = common;
    publicTemplate.push_back({CKA_EC_PARAMS, wanted.params.data(), wanted.params.size()});
    auto privateTemplate = common;
    privateTemplate.push_back({CKA_SIGN, &yes, sizeof yes});
    writer.generatePair(wanted.mechanism, publicTemplate, privateTemplate);
}

TEST(Curves, Ed448Signs) {
    constexpr CK_MECHANISM_TYPE edwardsKeyPairGen = 0x1055; // PKCS#11 3.0
    constexpr CK_KEY_TYPE edwards = 0x40;
    generateOnToken({edwardsKeyPairGen, edwards, {0x06, 0x03, 0x2b, 0x65, 0x71}, "ed448"});
    const Instance instance;
    const auto key = loadPrivate(instance, "ed448");
    ASSERT_TRUE(key);
    EXPECT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_ED448);
    EXPECT_EQ(EVP_PKEY_get_size(key.get()), 114);
    const auto signature = sign(instance, key.get(), data, nullptr);
    EXPECT_TRUE(verifies("ed448", signature, nullptr)) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyOnToken("ed448").get()), 1) << takeErrors();
}

TEST(Curves, ExplicitParametersSign) {
    std::ifstream file(std::string(TOKENS) + "/explicit-p256.der", std::ios::binary);
    const Bytes params{std::istreambuf_iterator<char>(file), {}};
    ASSERT_GT(params.size(), 100U);
    generateOnToken({CKM_EC_KEY_PAIR_GEN, CKK_EC, params, "explicit"});
    const Instance instance;
    const auto key = loadPrivate(instance, "explicit");
    ASSERT_TRUE(key);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
    EXPECT_TRUE(verifies("explicit", sign(instance, key.get(), data), "SHA256")) << takeErrors();
}

} // namespace
