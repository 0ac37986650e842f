// SPDX-License-Identifier: Apache-2.0
// Two HSMs with the same key, one of which fails: nothing is lost, nothing that a token has
// answered is done again, and who comes back takes part again.
#include <atomic>
#include <thread>

#include "agreement.h"
#include "decryption.h"
#include "jobs.h"
#include "losses.h"
#include "second_hsm.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, nullptr, nullptr, {}};

bool signs(const Instance& instance, EVP_PKEY* key, const char* label) {
    const auto signature = sign(instance, key, data);
    return !signature.empty() && verify(label, signature, data);
}

/// What an application does with both keys: each answers whether it went well.
struct Step {
    std::vector<const char*> functions;
    std::function<bool()> run;
};

class ReplicaLoss : public ::testing::TestWithParam<CK_RV> {
  protected:
    void SetUp() override {
        rsa_ = load(instance_, replicaUri("rsa"));
        ec_ = load(instance_, replicaUri("ec256"));
        ASSERT_TRUE(rsa_ && ec_) << takeErrors();
        encrypted_ = encrypt(data, oaep);
        const auto pair = generate(defaultOnly(), "P-256");
        peer_ = publicHalf(instance_.get(), pair.get());
        secret_ = derive(instance_.get(), ec_.get(), peer_.get());
        ASSERT_FALSE(secret_.empty()) << takeErrors();
    }
    void TearDown() override { noFaults(); }

    std::vector<Step> steps() {
        return {{{"C_SignInit", "C_Sign"}, [this] { return signs(instance_, rsa_.get(), "rsa"); }},
                {{"C_SignInit", "C_Sign"}, [this] { return signs(instance_, ec_.get(), "ec256"); }},
                {{"C_DecryptInit", "C_Decrypt"},
                 [this] { return decrypt(instance_, rsa_.get(), encrypted_, oaep) == data; }},
                {{"C_DeriveKey"},
                 [this] { return derive(instance_.get(), ec_.get(), peer_.get()) == secret_; }}};
    }

    // The token lives, and has answered: no other one is asked.
    static bool isAnswer(const std::string& function, CK_RV rv) {
        const bool isLoss = rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
                            rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_CRYPTOKI_NOT_INITIALIZED ||
                            rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT;
        return (function == "C_Decrypt" && !isLoss) ||
               (function == "C_DeriveKey" &&
                (rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_GENERAL_ERROR));
    }

    SecondHsm second_;
    Instance instance_;
    p11::ossl::Pkey rsa_, ec_, peer_;
    Bytes encrypted_, secret_;
};

INSTANTIATE_TEST_SUITE_P(Lost, ReplicaLoss, ::testing::ValuesIn(losses), nameOfLoss);
INSTANTIATE_TEST_SUITE_P(Vague, ReplicaLoss, ::testing::ValuesIn(vague), nameOfLoss);

TEST_P(ReplicaLoss, OfOneForEverLosesNoOperation) {
    for (const auto& step : steps())
        for (const char* function : step.functions) {
            if (isAnswer(function, GetParam()))
                continue;
            fault(function, "1+", GetParam());
            for (int i = 0; i < 3; ++i)
                EXPECT_TRUE(step.run()) << function << ": " << takeErrors();
            noFaults();
        }
}

TEST_P(ReplicaLoss, OfTheWholeDeviceLosesNoOperation) {
    fault("*", "1+", GetParam());
    for (const auto& step : steps())
        for (int i = 0; i < 2; ++i)
            EXPECT_TRUE(step.run()) << takeErrors();
}

TEST_P(ReplicaLoss, IsNotAssumedForWhatATokenHasAnswered) {
    for (const auto& step : steps())
        for (const char* function : step.functions) {
            if (!isAnswer(function, GetParam()))
                continue;
            second_.module().resetCounts();
            fault(function, "1+", GetParam());
            EXPECT_FALSE(step.run()) << function;
            noFaults();
            takeErrors();
            EXPECT_EQ(second_.module().count(function), 0U) << function;
            EXPECT_TRUE(step.run()) << function << ": " << takeErrors(); // nothing is remembered
            EXPECT_EQ(second_.module().count(function), 0U) << function;
        }
}

TEST(ReplicaReturn, TakesPartAgainOnceItsKeyIsProved) {
    const SecondHsm second;
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256"));
    ASSERT_NE(key, nullptr) << takeErrors();
    fault("*", "1+", CKR_DEVICE_REMOVED);
    EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    module().resetCounts();
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    EXPECT_EQ(module().total(), 0U); // nobody asks it before a second has passed
    noFaults();
    for (int i = 0; i < 400 && module().count("C_Sign") < 3; ++i) {
        EXPECT_TRUE(signs(instance, key.get(), "ec256"));
        std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    EXPECT_GE(module().count("C_Sign"), 3U);
}

TEST(ReplicaReturn, OfATokenThatWasNotThereWhenTheKeyWasLoaded) {
    const SecondHsm second;
    second.fault("C_Initialize", "1+", CKR_DEVICE_ERROR);
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    EXPECT_EQ(second.module().count("C_Sign"), 0U);
    second.module().setFaults(nullptr);
    for (int i = 0; i < 400 && second.module().count("C_Sign") < 3; ++i) {
        EXPECT_TRUE(signs(instance, key.get(), "ec256"));
        std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    EXPECT_GE(second.module().count("C_Sign"), 3U);
}

TEST(ReplicasAllGone, IsOneErrorThatNamesEachAndTheNextOperationTriesAgain) {
    const SecondHsm second;
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa"));
    ASSERT_NE(key, nullptr) << takeErrors();
    fault("*", "1+", CKR_DEVICE_REMOVED);
    second.fault("*", "1+", CKR_DEVICE_REMOVED);
    EXPECT_FALSE(signs(instance, key.get(), "rsa"));
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("no token with the key can do it"), std::string::npos) << errors;
    EXPECT_NE(errors.find(serialOfFirst()), std::string::npos) << errors;
    EXPECT_NE(errors.find(second.serial()), std::string::npos) << errors;
    noFaults();
    second.module().setFaults(nullptr);
    EXPECT_TRUE(signs(instance, key.get(), "rsa")) << takeErrors();
}

// The first one is back before the second one has told that it is gone.
TEST(ReplicaReturn, WhileTheOperationIsWithTheOtherOneIsNoticed) {
    const SecondHsm second;
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa"));
    ASSERT_NE(key, nullptr) << takeErrors();
    fault("*", "1+", CKR_DEVICE_REMOVED);
    ASSERT_EQ(second.module().setHook("C_SignInit", noFaults), CKR_OK);
    second.fault("C_SignInit", "1+", CKR_DEVICE_REMOVED);
    EXPECT_TRUE(signs(instance, key.get(), "rsa")) << takeErrors();
}

TEST(ReplicaThreads, LoseNoOperationWhileOneTokenFailsAndReturns) {
    const SecondHsm second;
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    std::atomic<int> signatures{0};
    std::thread fails([&] {
        for (int i = 0; i < 4; ++i) {
            fault("*", "1+", CKR_DEVICE_REMOVED);
            for (const int before = signatures; signatures < before + 10;)
                std::this_thread::yield();
            noFaults();
            for (const int before = signatures; signatures < before + 10;)
                std::this_thread::yield();
        }
    });
    inThreads(4, [&](int) {
        for (int i = 0; i < 40; ++i) {
            EXPECT_TRUE(signs(instance, key.get(), "ec256")) << takeErrors();
            ++signatures;
        }
    });
    fails.join();
}

TEST(ReplicaLossInJobs, LosesNoOperation) {
    SKIP_WHERE_JOBS_CANNOT_THROW();
    const SecondHsm second;
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    fault("*", "1+", CKR_DEVICE_REMOVED);
    std::vector<std::unique_ptr<Job>> jobs;
    for (int i = 0; i < 8; ++i)
        jobs.push_back(std::make_unique<Job>([&] { return signs(instance, key.get(), "rsa"); }));
    EXPECT_TRUE(finishAll(jobs)) << takeErrors();
    noFaults();
}

TEST(ReplicaMessages, AreKeptWhereOneTokenHashesItself) {
    const SecondHsm second;
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_ECDSA));
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256"));
    ASSERT_NE(key, nullptr) << takeErrors();
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    ASSERT_EQ(EVP_DigestSignUpdate(context.get(), data.data(), data.size()), 1);
    fault("*", "1+", CKR_DEVICE_REMOVED); // after the first data
    Bytes signature(80);
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignFinal(context.get(), signature.data(), &size), 1) << takeErrors();
    signature.resize(size);
    EXPECT_TRUE(verify("ec256", signature, data));
    noFaults();
    resetModule("PKCS11_TEST_HIDE_MECHANISMS");
}

} // namespace
