// SPDX-License-Identifier: Apache-2.0
// Key agreements between a private key on the token and a pair in memory. Of the peer, as in
// software, the public half is used.
#include "agreement.h"

namespace {

using namespace testing_support;

class PeerPairs : public ::testing::TestWithParam<std::pair<const char*, Order>> {
  protected:
    static const char* label() { return GetParam().first; }
    static p11::ossl::Pkey generateLike(OSSL_LIB_CTX* libctx, EVP_PKEY* key) {
        const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr));
        EVP_PKEY* made = nullptr;
        EXPECT_TRUE(EVP_PKEY_keygen_init(maker.get()) == 1 &&
                    EVP_PKEY_generate(maker.get(), &made) == 1)
            << takeErrors();
        return p11::ossl::Pkey(made);
    }
};
INSTANTIATE_TEST_SUITE_P(All, PeerPairs,
                         ::testing::Values(std::pair("ec256", Order::defaultFirst),
                                           std::pair("ec256", Order::providerFirst),
                                           std::pair("x25519", Order::defaultFirst),
                                           std::pair("x25519", Order::providerFirst)));

TEST_P(PeerPairs, AreTakenForTheirPublicHalves) {
    const Instance instance(GetParam().second);
    const auto key = loadPrivate(instance, label());
    const auto pair = generateLike(defaultOnly(), publicKeyFromFile(label()).get());
    const auto expected = deriveInSoftware(label(), pair.get());
    ASSERT_FALSE(expected.empty());
    EXPECT_EQ(derive(instance.get(), key.get(), pair.get()), expected) << takeErrors();
    // A pair of the same library context.
    const auto own = generateLike(instance.get(), publicHalf(instance.get(), pair.get()).get());
    EXPECT_EQ(derive(instance.get(), key.get(), own.get()),
              deriveInSoftware(label(), publicHalf(defaultOnly(), own.get()).get()))
        << takeErrors();
}

// The other way round OpenSSL has to take this provider's key exchange: a private key on a token
// can be given to no other one.
TEST_P(PeerPairs, MeetAKeyOnTheToken) {
    const Instance instance(GetParam().second);
    const auto key = loadPrivate(instance, label());
    const auto pair = generateLike(defaultOnly(), publicKeyFromFile(label()).get());
    const auto expected = deriveInSoftware(label(), pair.get());
    const auto deriveWith = [&](EVP_PKEY* peer, const char* query) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(instance.get(), pair.get(), query));
        EXPECT_EQ(EVP_PKEY_derive_init(context.get()), 1) << takeErrors();
        const int set = EVP_PKEY_derive_set_peer(context.get(), peer);
        return set == 1 ? finish(context.get()) : Bytes();
    };
    EXPECT_EQ(deriveWith(key.get(), "?provider=pkcs11"), expected) << takeErrors();
    const bool isFirst = GetParam().second == Order::providerFirst;
    EXPECT_EQ(deriveWith(key.get(), nullptr), isFirst ? expected : Bytes());
    EXPECT_EQ(takeErrors().find("operation not supported for this keytype") == std::string::npos,
              isFirst);
    EXPECT_EQ(deriveWith(publicHalf(instance.get(), key.get()).get(), nullptr), expected)
        << takeErrors();
}

} // namespace
