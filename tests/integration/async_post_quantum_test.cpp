// SPDX-License-Identifier: Apache-2.0
// ML-DSA and ML-KEM keys inside OpenSSL's asynchronous jobs.
#include "jobs.h"
#include "nss_token.h"

namespace {

using namespace testing_support;

class PostQuantumJobs : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!NssToken::isThere())
            GTEST_SKIP() << "there is no token that has such keys, or OpenSSL does not know them";
        token_ = std::make_unique<NssToken>();
    }
    // A job pauses where a worker does its work, and nowhere else.
    static void expectPause(const std::function<bool()>& body) {
        Job job(body);
        ASSERT_EQ(job.go(), ASYNC_PAUSE);
        EXPECT_TRUE(comesTrue([] { return workers().size() == 1; }));
        EXPECT_TRUE(job.finish()) << takeErrors();
    }

    std::unique_ptr<NssToken> token_;
};

/// `key` without its private half, in OpenSSL's default provider alone.
p11::ossl::Pkey inSoftware(EVP_PKEY* key, const char* type) {
    Bytes octets(5000);
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(key, "pub", octets.data(), octets.size(), &size), 1);
    return p11::ossl::Pkey(
        EVP_PKEY_new_raw_public_key_ex(defaultOnly(), type, nullptr, octets.data(), size));
}

TEST_F(PostQuantumJobs, SignWithMlDsa) {
    const auto key = token_->loadPrivate("ML-DSA-65");
    const auto software = inSoftware(key.get(), "ML-DSA-65");
    ASSERT_TRUE(key && software) << takeErrors();
    const auto data = randomBytes(100);
    expectPause([&] {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        Bytes signature(4000);
        std::size_t size = signature.size();
        const bool made =
            EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, token_->get(), nullptr,
                                  key.get(), nullptr) == 1 &&
            EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) == 1;
        signature.resize(size);
        return made && verify(software.get(), signature, data, nullptr);
    });
}

TEST_F(PostQuantumJobs, DecapsulateWithMlKem) {
    const auto key = token_->loadPrivate("ML-KEM-768");
    const auto software = inSoftware(key.get(), "ML-KEM-768");
    ASSERT_TRUE(key && software) << takeErrors();
    Bytes ciphertext(1088);
    Bytes secret(32);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = secret.size();
    const p11::ossl::PkeyCtx sender(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), software.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_encapsulate_init(sender.get(), nullptr), 1);
    ASSERT_EQ(
        EVP_PKEY_encapsulate(sender.get(), ciphertext.data(), &size, secret.data(), &secretSize),
        1);
    expectPause([&] {
        Bytes found(32);
        std::size_t foundSize = found.size();
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(token_->get(), key.get(), nullptr));
        return EVP_PKEY_decapsulate_init(context.get(), nullptr) == 1 &&
               EVP_PKEY_decapsulate(context.get(), found.data(), &foundSize, ciphertext.data(),
                                    ciphertext.size()) == 1 &&
               found == secret;
    });
}

} // namespace
