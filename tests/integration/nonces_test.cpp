// SPDX-License-Identifier: Apache-2.0
// Deterministic ECDSA (RFC 6979; "nonce-type", OpenSSL 3.2): a token cannot be asked for it, so it
// is refused in every way in which it can be set. It is never ignored.
#include <array>

#include <openssl/core_names.h>

#include "fixture.h"
#include "newer.h"
#include "ossl/newer_openssl.h"

namespace {

using namespace testing_support;

const Bytes hash = randomBytes(32);
constexpr const char* refusal = "cannot be asked for deterministic ECDSA signatures";

/// "nonce-type" and the digest, which software needs for it.
struct NonceType {
    explicit NonceType(unsigned number) : value(number) {}
    unsigned value;
    std::array<OSSL_PARAM, 3> params{
        OSSL_PARAM_construct_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &value),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    const OSSL_PARAM* get() const { return params.data(); }

  private:
    static inline std::string digest = "SHA256";
};

Bytes signHash(EVP_PKEY_CTX* context) {
    Bytes signature(200);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context, signature.data(), &size, hash.data(), hash.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

bool isGood(const Bytes& signature) {
    const auto half = publicKeyFromFile("ec256");
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), half.get(), nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

class Nonces : public ::testing::TestWithParam<Order> {
  protected:
    p11::ossl::PkeyCtx contextOf(EVP_PKEY* key) const {
        return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(instance.get(), key, nullptr));
    }
    p11::ossl::PkeyCtx started(int (*init)(EVP_PKEY_CTX*) = EVP_PKEY_sign_init) const {
        auto context = contextOf(privateKey.get());
        EXPECT_EQ(init(context.get()), 1) << takeErrors();
        return context;
    }
    static void expectRefusal(int result) {
        EXPECT_NE(result, 1);
        EXPECT_NE(takeErrors().find(refusal), std::string::npos);
    }

    const Instance instance{GetParam()};
    const p11::ossl::Pkey privateKey = loadPrivate(instance, "ec256");
    const NonceType random{0};
    const NonceType deterministic{1};
};
INSTANTIATE_TEST_SUITE_P(All, Nonces, ::testing::Values(Order::defaultFirst, Order::providerFirst));

TEST_P(Nonces, DeterministicOnesAreRefusedInEveryWay) {
    const CallCounter calls;
    const auto context = started();
    expectRefusal(EVP_PKEY_CTX_set_params(context.get(), deterministic.get()));
    expectRefusal(EVP_PKEY_CTX_ctrl_str(context.get(), "nonce-type", "1"));
    expectRefusal(EVP_PKEY_sign_init_ex(contextOf(privateKey.get()).get(), deterministic.get()));
    const p11::ossl::MdCtx hashing(EVP_MD_CTX_new());
    expectRefusal(EVP_DigestSignInit_ex(hashing.get(), nullptr, "SHA256", instance.get(), nullptr,
                                        privateKey.get(), deterministic.get()));
    expectRefusal(EVP_PKEY_CTX_set_params(context.get(), NonceType(2).get()));
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    EXPECT_TRUE(isGood(signHash(context.get()))) << "what was refused is not set";
}

TEST_P(Nonces, RandomOnesAreTaken) {
    const auto context = started();
    EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), random.get()), 1) << takeErrors();
    EXPECT_EQ(EVP_PKEY_CTX_ctrl_str(context.get(), "nonce-type", "0"), 1) << takeErrors();
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    EXPECT_TRUE(isGood(signHash(context.get()))) << takeErrors();
    EXPECT_TRUE(isGood(signHash(copy.get()))) << takeErrors();
    expectRefusal(EVP_PKEY_CTX_set_params(copy.get(), deterministic.get()));
}

// As in software.
TEST_P(Nonces, VerificationHasAnyType) {
    const auto signature = signHash(started().get());
    const auto context = started(EVP_PKEY_verify_init);
    EXPECT_EQ(EVP_PKEY_CTX_set_params(context.get(), deterministic.get()), 1) << takeErrors();
    EXPECT_EQ(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                              hash.size()),
              1)
        << takeErrors();
    unsigned told = 0;
    std::array asked{OSSL_PARAM_construct_uint(OSSL_SIGNATURE_PARAM_NONCE_TYPE, &told),
                     OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_PKEY_CTX_get_params(context.get(), asked.data()), 1) << takeErrors();
    EXPECT_EQ(told, 1U);
}

TEST_P(Nonces, AlgorithmsWithADigestRefuseThemToo) {
    using Init = int(EVP_PKEY_CTX*, EVP_SIGNATURE*, const OSSL_PARAM*);
    auto* init = newer<Init>("EVP_PKEY_sign_init_ex2");
    auto* messageInit = newer<Init>("EVP_PKEY_sign_message_init");
    if (init == nullptr || messageInit == nullptr)
        GTEST_SKIP() << "OpenSSL has such algorithms since 3.4";
    const p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> algorithm(
        EVP_SIGNATURE_fetch(instance.get(), "ECDSA-SHA256", "provider=pkcs11"));
    const auto context = contextOf(privateKey.get());
    expectRefusal(init(context.get(), algorithm.get(), deterministic.get()));
    expectRefusal(messageInit(context.get(), algorithm.get(), deterministic.get()));
    ASSERT_EQ(init(context.get(), algorithm.get(), random.get()), 1) << takeErrors();
    expectRefusal(EVP_PKEY_CTX_set_params(context.get(), deterministic.get()));
    expectRefusal(EVP_PKEY_CTX_ctrl_str(context.get(), "nonce-type", "1"));
    EXPECT_TRUE(isGood(signHash(context.get()))) << takeErrors();
}

TEST_P(Nonces, SoftwareKeysHaveWhatTheirProviderHas) {
    const auto twice = [this](OSSL_LIB_CTX* libctx) {
        const auto software = privateKeyFromFile(libctx, "ec256");
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(libctx, software.get(), nullptr));
        EXPECT_EQ(EVP_PKEY_sign_init_ex(context.get(), deterministic.get()), 1) << takeErrors();
        return signHash(context.get()) == signHash(context.get());
    };
    EXPECT_EQ(twice(instance.get()), twice(defaultOnly()));
}

} // namespace
