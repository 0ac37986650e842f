// SPDX-License-Identifier: Apache-2.0
// Digests that a token makes (pkcs11-digest-token), beside OpenSSL's default provider.
#include <cstdlib>
#include <thread>

#include <openssl/core_names.h>
#include <openssl/ssl.h>

#include "agreement.h"
#include "jobs.h"
#include "new_keys.h"
#include "token_digests.h"

namespace {

using namespace testing_support;

class TokenDigests : public ::testing::Test {
  protected:
    void TearDown() override {
        noFaults();
        module().configure(nullptr, nullptr);
        takeErrors();
    }
    p11::ossl::MdCtx begin256() const { return begin(sha256); }

    const ConfiguredContext configured{digestDirective};
    const p11::ossl::Md sha256 = fetch(configured.get(), "SHA256");
    const Bytes data = randomBytes(1000);
    const Bytes longData = randomBytes(mostKept + 1);
};

TEST_F(TokenDigests, AreThoseOfTheDefaultProvider) {
    EXPECT_EQ(hashedBy(configured.get()),
              (std::set<std::string>{"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}));
}

TEST_F(TokenDigests, HaveTheNamesAndParametersOfTheDefaultProvider) {
    for (const char* name : digestNames) {
        const auto ours = fetch(configured.get(), name);
        const auto theirs = fetch(defaultOnly(), name, nullptr);
        ASSERT_TRUE(ours && theirs) << name;
        EXPECT_EQ(EVP_MD_get_size(ours.get()), EVP_MD_get_size(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_block_size(ours.get()), EVP_MD_get_block_size(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_type(ours.get()), EVP_MD_get_type(theirs.get())) << name;
        EXPECT_EQ(EVP_MD_get_flags(ours.get()), EVP_MD_get_flags(theirs.get())) << name;
        EVP_MD_names_do_all(
            theirs.get(),
            [](const char* alias, void* md) {
                EXPECT_EQ(EVP_MD_is_a(static_cast<EVP_MD*>(md), alias), 1) << alias;
            },
            ours.get());
    }
}

TEST_F(TokenDigests, CostTwoCallsWithoutALogin) {
    for (int round = 0; round < 3; ++round) {
        const CallCounter calls;
        const auto context = begin256();
        for (int part = 0; part < 10; ++part)
            ASSERT_TRUE(update(context, data)) << takeErrors();
        EXPECT_FALSE(finish(context).empty()) << takeErrors();
        EXPECT_EQ(calls.of("C_Login"), 0U);
        EXPECT_TRUE(round == 0 || calls.log() == "C_Digest 1\nC_DigestInit 1\n") << calls.log();
    }
}

// tpm2-pkcs11 does not hash before a login.
TEST_F(TokenDigests, LogInIfTheTokenInsists) {
    const ConfiguredContext withPin(digestDirective + "?pin-value=1234");
    const auto md = fetch(withPin.get(), "SHA256");
    const auto loginsBefore = module().logins(CKR_OK);
    for (const auto* message : {&data, &longData}) {
        fault("C_DigestInit", "1", CKR_USER_NOT_LOGGED_IN);
        const CallCounter calls;
        const auto context = begin(md);
        ASSERT_TRUE(update(context, *message)) << takeErrors();
        EXPECT_EQ(finish(context), inSoftware("SHA256", *message)) << takeErrors();
        EXPECT_LE(calls.of("C_Login"), 1U) << calls.log();
        noFaults();
    }
    EXPECT_EQ(module().logins(CKR_OK), loginsBefore + 1);
}

TEST_F(TokenDigests, SayThatAPinIsMissing) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, data));
    fault("C_DigestInit", "1+", CKR_USER_NOT_LOGGED_IN);
    EXPECT_TRUE(finish(context).empty());
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "PIN")) << errors;
}

TEST_F(TokenDigests, OfLongDataAreStreamedInOneSession) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const CallCounter calls;
    const auto context = begin256();
    Bytes all;
    for (int part = 0; part < 300; ++part) {
        ASSERT_TRUE(update(context, data)) << takeErrors();
        all = joined(std::move(all), data);
    }
    EXPECT_EQ(finish(context), inSoftware("SHA256", all));
    EXPECT_EQ(calls.log(), "C_DigestFinal 1\nC_DigestInit 1\nC_DigestUpdate 5\n");
    EXPECT_EQ(module().openSessions(), 1U);
}

TEST_F(TokenDigests, AreStartedAgainAtAnyTime) {
    const auto context = begin256();
    for (const auto* dropped : {&data, &longData}) {
        ASSERT_TRUE(update(context, *dropped)) << takeErrors();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        ASSERT_TRUE(update(context, data)) << takeErrors();
        const CallCounter calls;
        EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << takeErrors();
        EXPECT_EQ(calls.of("C_DigestInit"), 1U) << "not in a session that is busy";
        EXPECT_TRUE(finish(context).empty()) << "twice";
        EXPECT_FALSE(update(context, data)) << "after the end";
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        EXPECT_EQ(finish(context), inSoftware("SHA256", {})) << takeErrors();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
    }
    EXPECT_EQ(EVP_MD_CTX_reset(context.get()), 1);
    ASSERT_EQ(EVP_DigestInit_ex2(context.get(), fetch(configured.get(), "SHA1").get(), nullptr), 1);
    EXPECT_EQ(finish(context), inSoftware("SHA1", {})) << takeErrors();
}

TEST_F(TokenDigests, AreCopiedAsLongAsTheHostHasTheData) {
    expectCopyGoesOn(begin256(), data, 70000);
}

// SoftHSM has no C_GetOperationState.
TEST_F(TokenDigests, OfLongDataAreNotCopiedIfTheTokenCannot) {
    const auto errors = expectNotCopied(begin256(), longData);
    EXPECT_TRUE(contains(errors, "cannot copy the digest of so much data: C_GetOperationState "
                                 "answered CKR_FUNCTION_NOT_SUPPORTED"))
        << errors;
}

TEST_F(TokenDigests, GoOnInAnotherThread) {
    for (const auto* first : {&data, &longData}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, *first)) << takeErrors();
        Bytes hash;
        std::thread([&] {
            EXPECT_TRUE(update(context, data)) << takeErrors();
            hash = finish(context);
        }).join();
        EXPECT_EQ(hash, inSoftware("SHA256", joined(*first, data)));
    }
}

TEST_F(TokenDigests, OfManyThreadsAreTheirOwn) {
    std::atomic<int> good{0};
    inThreads(8, [&](int number) {
        for (int round = 0; round < 10; ++round) {
            const auto message = randomBytes(number % 2 == 0 ? 500 : 100000);
            const auto context = begin256();
            good += context && update(context, message) &&
                            finish(context) == inSoftware("SHA256", message)
                        ? 1
                        : 0;
        }
    });
    EXPECT_EQ(good, 80) << takeErrors();
}

TEST_F(TokenDigests, AreRepeatedAfterALossAsLongAsTheHostHasTheData) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    for (const char* function : {"C_DigestInit", "C_Digest"}) {
        fault(function, "1", CKR_SESSION_HANDLE_INVALID);
        const auto context = begin256();
        ASSERT_TRUE(update(context, data));
        EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << function << takeErrors();
    }
    fault("C_DigestUpdate", "1", CKR_DEVICE_ERROR);
    const auto context = begin256();
    EXPECT_TRUE(update(context, longData)) << takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
}

TEST_F(TokenDigests, OfLongDataEndWithTheirSession) {
    for (const char* function : {"C_DigestUpdate", "C_DigestFinal"}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, longData)) << takeErrors();
        fault(function, "1", CKR_SESSION_CLOSED);
        EXPECT_TRUE(finish(context).empty()) << function;
        const auto errors = takeErrors();
        EXPECT_TRUE(contains(errors, "the digest was lost with its session, start a new one"))
            << errors;
        EXPECT_TRUE(finish(context).empty()) << "nothing is left to be finished";
        EXPECT_FALSE(update(context, data));
        takeErrors();
        noFaults();
        ASSERT_EQ(EVP_DigestInit_ex2(context.get(), nullptr, nullptr), 1) << takeErrors();
        ASSERT_TRUE(update(context, longData));
        EXPECT_EQ(finish(context), inSoftware("SHA256", longData)) << takeErrors();
    }
}

TEST_F(TokenDigests, ThatFailGiveTheirSessionsBack) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    for (const char* function : {"C_DigestUpdate", "C_DigestFinal"}) {
        const auto context = begin256();
        ASSERT_TRUE(update(context, longData)) << takeErrors();
        fault(function, "1", CKR_FUNCTION_FAILED);
        const CallCounter calls;
        EXPECT_TRUE(finish(context).empty()) << function;
        EXPECT_EQ(calls.of("C_CloseSession"), 1U) << "while the context is still there";
        noFaults();
        EXPECT_TRUE(contains(takeErrors(), "CKR_FUNCTION_FAILED"));
        EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    }
}

// Another part of the program closes all sessions, as a lost token does.
TEST_F(TokenDigests, SurviveTheEndOfTheTokensSessions) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const auto kept = begin256();
    ASSERT_TRUE(update(kept, data));
    const auto streamed = begin256();
    ASSERT_TRUE(update(streamed, longData));
    ASSERT_EQ(moduleFunctions()->C_CloseAllSessions(tokenWriter("scenarios").slot()), CKR_OK);
    EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_TRUE(finish(streamed).empty());
    EXPECT_TRUE(contains(takeErrors(), "the digest was lost with its session"));
}

TEST_F(TokenDigests, TheTokensErrorIsTold) {
    const auto context = begin256();
    ASSERT_TRUE(update(context, data));
    fault("C_DigestInit", "1+", CKR_MECHANISM_INVALID);
    EXPECT_TRUE(finish(context).empty());
    const auto errors = takeErrors();
    EXPECT_TRUE(contains(errors, "C_DigestInit answered CKR_MECHANISM_INVALID")) << errors;
}

TEST_F(TokenDigests, HoldNoSessionUnlessTheyAreStreamed) {
    configureModule("PKCS11_TEST_MAX_SESSIONS", "2");
    std::vector<p11::ossl::MdCtx> contexts;
    for (int i = 0; i < 20; ++i) {
        contexts.push_back(begin256());
        ASSERT_TRUE(update(contexts.back(), data)) << takeErrors();
    }
    ASSERT_TRUE(update(contexts.front(), longData)) << takeErrors();
    for (const auto& context : contexts)
        EXPECT_FALSE(finish(context).empty()) << takeErrors();
    const auto dropped = begin256();
    ASSERT_TRUE(update(dropped, longData)) << takeErrors();
    ASSERT_EQ(EVP_DigestInit_ex2(dropped.get(), nullptr, nullptr), 1);
    const auto another = begin256();
    EXPECT_TRUE(update(another, longData)) << "its session is free again" << takeErrors();
}

TEST_F(TokenDigests, ForkEndsStreamsOfTheChildAlone) {
    const auto kept = begin256();
    ASSERT_TRUE(update(kept, data)) << takeErrors();
    const auto streamed = begin256();
    ASSERT_TRUE(update(streamed, longData)) << takeErrors();
    EXPECT_EQ(inChild([&] {
                  EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
                  EXPECT_TRUE(finish(streamed).empty());
                  EXPECT_TRUE(contains(takeErrors(), "the digest was lost with its session"));
                  const auto fresh = begin256();
                  return update(fresh, longData) && finish(fresh) == inSoftware("SHA256", longData);
              }),
              0);
    EXPECT_EQ(finish(kept), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_EQ(finish(streamed), inSoftware("SHA256", longData)) << takeErrors();
}

TEST_F(TokenDigests, OfTwoLibraryContextsAreIndependent) {
    const auto first = begin256();
    ASSERT_TRUE(update(first, longData));
    {
        const ConfiguredContext other(digestDirective);
        const auto second = begin(fetch(other.get(), "SHA256"));
        ASSERT_TRUE(update(second, longData)) << takeErrors();
        EXPECT_EQ(finish(second), inSoftware("SHA256", longData)) << takeErrors();
        EXPECT_FALSE(finish(begin(fetch(other.get(), "SHA1"))).empty()) << takeErrors();
    }
    EXPECT_EQ(finish(first), inSoftware("SHA256", longData)) << takeErrors();
}

// HMAC copies contexts of the digest.
TEST_F(TokenDigests, AreUsedByHmac) {
    const auto mac = [](OSSL_LIB_CTX* libctx, std::string query) {
        std::string digest = "SHA256";
        const std::array params{OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                                OSSL_PARAM_construct_utf8_string("properties", query.data(), 0),
                                OSSL_PARAM_construct_end()};
        Bytes result(32);
        std::size_t size = 0;
        const Bytes key(40, 7), message(300, 8);
        return EVP_Q_mac(libctx, "HMAC", nullptr, nullptr, params.data(), key.data(), key.size(),
                         message.data(), message.size(), result.data(), result.size(),
                         &size) != nullptr
                   ? result
                   : Bytes{};
    };
    const CallCounter calls;
    EXPECT_EQ(mac(configured.get(), onToken), mac(defaultOnly(), "provider=default"))
        << takeErrors();
    EXPECT_EQ(calls.of("C_Digest"), 2U) << calls.log();
}

TEST_F(TokenDigests, AreMadeByAWorkerInsideAnAsyncJob) {
    EXPECT_FALSE(finish(begin256()).empty()) << takeErrors();
    const auto context = begin256();
    ASSERT_TRUE(update(context, data)) << takeErrors();
    Bytes hash;
    Job job([&] {
        hash = finish(context);
        return true;
    });
    ASSERT_EQ(module().setGate("C_Digest", 2), CKR_OK);
    EXPECT_EQ(job.go(), ASYNC_PAUSE);
    ASSERT_EQ(module().setGate("C_Digest", 0), CKR_OK);
    EXPECT_TRUE(job.finish());
    EXPECT_EQ(hash, inSoftware("SHA256", data)) << takeErrors();
}

} // namespace
