// SPDX-License-Identifier: Apache-2.0
// Random numbers from the token (pkcs11-random-token), through EVP_RAND and RAND_bytes.
#include <algorithm>
#include <mutex>
#include <set>

#include <openssl/rand.h>
#include <unistd.h>

#include "fixture.h"

namespace {

using namespace testing_support;
using Calls = std::map<std::string, unsigned long>;

/// A library context whose random numbers are the token's, by configuration.
class RandomInstance : public ConfiguredContext {
  public:
    RandomInstance()
        : ConfiguredContext("pkcs11-random-token = pkcs11:token=scenarios", Order::defaultFirst,
                            "[init]\nrandom = random\n"
                            "[random]\nrandom = PKCS11-RAND\nproperties = provider=pkcs11") {}

    /// Empty on failure.
    Bytes take(std::size_t size) const {
        Bytes bytes(size);
        return RAND_bytes_ex(get(), bytes.data(), size, 0) == 1 ? bytes : Bytes{};
    }
};

TEST(Random, IsOneCallToTheToken) {
    const RandomInstance instance;
    ASSERT_FALSE(instance.take(16).empty()) << takeErrors();
    for (const std::size_t size : {1U, 16U, 48U, 1024U}) {
        const CallCounter calls;
        EXPECT_EQ(instance.take(size).size(), size) << takeErrors();
        EXPECT_EQ(calls.all(), (Calls{{"C_GenerateRandom", 1}})) << size;
    }
    const CallCounter calls;
    EXPECT_EQ(instance.take(5000).size(), 5000U);
    EXPECT_EQ(calls.all(), (Calls{{"C_GenerateRandom", 5}}));
}

// More than one call gives, and a single byte more: a token may be without numbers, but one byte of
// 256 is zero by chance.
TEST(Random, ASingleByteMayBeZero) {
    const RandomInstance instance;
    for (int i = 0; i < 2000; ++i)
        ASSERT_EQ(instance.take(1025).size(), 1025U) << i << takeErrors();
}

TEST(Random, NeedsADirective) {
    const ConfiguredContext configured("", Order::defaultFirst,
                                       "[init]\nrandom = random\n[random]\nrandom = PKCS11-RAND");
    Bytes bytes(16);
    const CallCounter calls;
    EXPECT_NE(RAND_bytes_ex(configured.get(), bytes.data(), bytes.size(), 0), 1);
    EXPECT_NE(takeErrors().find("PKCS11-RAND needs pkcs11-random-token"), std::string::npos);
    EXPECT_EQ(bytes, Bytes(16));
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

TEST(Random, TakesOneTokenOfSeveralOnlyByName) {
    const ConfiguredContext configured("pkcs11-module-load-behavior = early", Order::defaultFirst,
                                       "[init]\nrandom = random\n[random]\nrandom = PKCS11-RAND");
    Bytes bytes(16);
    EXPECT_NE(RAND_bytes_ex(configured.get(), bytes.data(), bytes.size(), 0), 1);
    EXPECT_NE(takeErrors().find("several tokens fit pkcs11-random-token"), std::string::npos);
}

TEST(Random, FailureLeavesTheBufferAlone) {
    const RandomInstance instance;
    ASSERT_FALSE(instance.take(16).empty()) << takeErrors();
    fault("C_GenerateRandom", "1+", CKR_DEVICE_ERROR);
    Bytes bytes(64, 0x5a);
    EXPECT_EQ(RAND_bytes_ex(instance.get(), bytes.data(), bytes.size(), 0), 0);
    EXPECT_NE(takeErrors().find("CKR_DEVICE_ERROR"), std::string::npos);
    EXPECT_EQ(bytes, Bytes(64, 0x5a));
    noFaults();
    EXPECT_FALSE(instance.take(16).empty()) << takeErrors();
}

TEST(Random, ALossIsRepeated) {
    const RandomInstance instance;
    ASSERT_FALSE(instance.take(16).empty()) << takeErrors();
    fault("C_GenerateRandom", "1", CKR_SESSION_HANDLE_INVALID);
    EXPECT_FALSE(instance.take(16).empty()) << takeErrors();
    noFaults();
}

TEST(Random, ManyThreadsAreGivenDifferentNumbers) {
    const RandomInstance instance;
    std::mutex mutex;
    std::set<std::string> all;
    inThreads(8, [&](int) {
        for (int n = 0; n < 50; ++n) {
            const auto bytes = instance.take(24);
            const std::lock_guard lock(mutex);
            all.insert(std::string(bytes.begin(), bytes.end()));
        }
    });
    EXPECT_EQ(all.size(), 400U);
    EXPECT_FALSE(all.contains(""));
}

TEST(Random, AChildIsGivenNumbersOfItsOwn) {
    const RandomInstance instance;
    ASSERT_FALSE(instance.take(16).empty()) << takeErrors();
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    EXPECT_EQ(inChild([&] {
                  const auto bytes = instance.take(32);
                  return bytes.size() == 32 && write(pipe[1], bytes.data(), 32) == 32;
              }),
              0);
    Bytes child(32);
    ASSERT_EQ(read(pipe[0], child.data(), child.size()), 32);
    EXPECT_NE(instance.take(32), child);
    close(pipe[0]);
    close(pipe[1]);
}

// SoftHSM takes its random numbers from the default library context, which asks the provider here.
TEST(Random, AModuleThatAsksBackIsGivenOpenSslsOwnNumbers) {
    EXPECT_EQ(inChild([] {
                  const RandomInstance instance;
                  auto* before = OSSL_LIB_CTX_set0_default(instance.get());
                  Bytes bytes(40);
                  const bool good = RAND_bytes(bytes.data(), 40) == 1 && bytes != Bytes(40);
                  std::fputs(takeErrors().c_str(), stderr);
                  const CallCounter calls;
                  const bool again = RAND_priv_bytes(bytes.data(), 40) == 1;
                  const bool once = calls.all() == Calls{{"C_GenerateRandom", 1}};
                  OSSL_LIB_CTX_set0_default(before);
                  return good && again && once;
              }),
              0);
}

TEST(Random, StrengthsBeyondItsOwnAreRefused) {
    const RandomInstance instance;
    const p11::ossl::Owner<EVP_RAND, EVP_RAND_free> rand(
        EVP_RAND_fetch(instance.get(), "PKCS11-RAND", nullptr));
    ASSERT_TRUE(rand) << takeErrors();
    const p11::ossl::Owner<EVP_RAND_CTX, EVP_RAND_CTX_free> context(
        EVP_RAND_CTX_new(rand.get(), nullptr));
    ASSERT_TRUE(context);
    EXPECT_EQ(EVP_RAND_get_state(context.get()), EVP_RAND_STATE_UNINITIALISED);
    EXPECT_EQ(EVP_RAND_instantiate(context.get(), 512, 0, nullptr, 0, nullptr), 0);
    EXPECT_EQ(EVP_RAND_instantiate(context.get(), 256, 0, nullptr, 0, nullptr), 1);
    EXPECT_EQ(EVP_RAND_get_state(context.get()), EVP_RAND_STATE_READY);
    EXPECT_EQ(EVP_RAND_get_strength(context.get()), 256U);
    Bytes bytes(16);
    EXPECT_EQ(EVP_RAND_generate(context.get(), bytes.data(), 16, 512, 0, nullptr, 0), 0);
    EXPECT_EQ(EVP_RAND_generate(context.get(), bytes.data(), 16, 256, 0, nullptr, 0), 1);
    EXPECT_EQ(EVP_RAND_nonce(context.get(), bytes.data(), 16), 1);
    takeErrors();
}

} // namespace
