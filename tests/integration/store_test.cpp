// SPDX-License-Identifier: Apache-2.0
// The store: what is found, what is not, and that every loop over it ends.
#include <atomic>

#include "fixture.h"

namespace {

using namespace testing_support;
using Store = p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using Info = p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;

Store open(const Instance& instance, const std::string& uri, const char* propq = nullptr) {
    return Store(OSSL_STORE_open_ex(uri.c_str(), instance.get(), propq, nullptr, nullptr, nullptr,
                                    nullptr, nullptr));
}

// The loop of OpenSSL's own programs; it must end.
std::vector<int> typesIn(OSSL_STORE_CTX* store) {
    std::vector<int> types;
    for (int i = 0; i < 1000 && OSSL_STORE_eof(store) == 0; ++i)
        if (const Info info(OSSL_STORE_load(store)); info)
            types.push_back(OSSL_STORE_INFO_get_type(info.get()));
    EXPECT_EQ(OSSL_STORE_eof(store), 1) << "the loop did not end by itself";
    return types;
}

TEST(Store, GivesWhatIsExpected) {
    const Instance instance;
    const std::string uri = "pkcs11:token=scenarios;object=rsa?pin-value=1234";
    for (const int expected :
         {OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_PUBKEY, OSSL_STORE_INFO_CERT}) {
        const auto store = open(instance, uri);
        ASSERT_EQ(OSSL_STORE_expect(store.get(), expected), 1);
        EXPECT_EQ(typesIn(store.get()), std::vector{expected}) << takeErrors();
    }
    const auto store = open(instance, uri);
    EXPECT_EQ(typesIn(store.get()),
              (std::vector{OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_PUBKEY, OSSL_STORE_INFO_PKEY}));
}

TEST(Store, EndsAfterEveryError) {
    const Instance instance;
    for (const char* uri : {"pkcs11:token=scenarios;object=rsa;type=private", "pkcs11:token=nosuch",
                            "pkcs11:token=scenarios;object=nosuch?pin-value=1234",
                            "pkcs11:token=empty;object=a?pin-value=1234"}) {
        const auto store = open(instance, uri);
        ASSERT_TRUE(store) << uri;
        OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
        EXPECT_TRUE(typesIn(store.get()).empty()) << uri;
        EXPECT_FALSE(takeErrors().empty()) << uri;
    }
}

TEST(Store, RefusesBadUrisWhenTheyAreOpened) {
    const Instance instance;
    for (const char* uri : {"pkcs11:type=nothing", "pkcs11:token=a;token=b", "pkcs11:%zz=a",
                            "pkcs11:object=a;pin-value=1234;pin-value=4321"}) {
        EXPECT_FALSE(open(instance, uri)) << uri;
        const auto errors = takeErrors();
        EXPECT_NE(errors.find("invalid pkcs11 URI"), std::string::npos) << errors;
    }
}

TEST(Store, TakesAPropertyQuery) {
    const Instance instance;
    for (const char* query : {"provider=pkcs11", "?provider=pkcs11", "?provider=default"}) {
        const auto store = open(instance, uriOf("rsa"), query);
        ASSERT_TRUE(store) << query << takeErrors();
        EXPECT_EQ(typesIn(store.get()), std::vector{OSSL_STORE_INFO_PKEY}) << query << takeErrors();
    }
    // Another provider's loader is asked for, which has none for this scheme.
    for (const char* query : {"provider=default", "provider=default,fips=no"}) {
        EXPECT_FALSE(open(instance, uriOf("rsa"), query)) << query;
        EXPECT_NE(takeErrors(), "") << query;
    }
}

TEST(Store, GivesThePublicHalfOfAPrivateUri) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256", "withcert"}) {
        const auto key = load(instance, uriOf(label), OSSL_STORE_INFO_PUBKEY);
        ASSERT_TRUE(key) << label << takeErrors();
        EXPECT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile(label).get()), 1);
    }
}

TEST(Store, LoadsAKeyInFewCalls) {
    const Instance instance;
    ASSERT_TRUE(loadPrivate(instance, "rsa")); // module, session and login are there from now on
    for (const char* label : {"rsa", "ec256"}) {
        const CallCounter calls;
        const auto key = loadPrivate(instance, label);
        // Four slots: the three tokens and SoftHSM's free one.
        EXPECT_LE(calls.total(), 10) << calls.log();
        EXPECT_EQ(calls.of("C_GetAttributeValue"), 1) << calls.log();
    }
}

TEST(Store, AsksAThreadedCrowdForOneLoginOnly) {
    const Instance instance;
    // So that all of them find nobody logged in.
    ASSERT_EQ(module().configure("PKCS11_TEST_DELAY_LOGIN_US", "30000"), CKR_OK);
    const CallCounter calls;
    std::atomic<int> good{0};
    inThreads(16, [&](int) { good += load(instance, uriOf("ec256")) ? 1 : 0; });
    EXPECT_EQ(good, 16);
    EXPECT_EQ(calls.of("C_Login"), 1U) << calls.log();
}

// SoftHSM allows any number of tries, other tokens three.
TEST(Store, TriesAWrongPinOnceAProcess) {
    const Instance instance;
    const CallCounter calls;
    inThreads(8, [&](int) {
        EXPECT_FALSE(load(instance, "pkcs11:token=retry;object=a;type=private?pin-value=0000"));
        takeErrors();
    });
    EXPECT_FALSE(load(instance, "pkcs11:token=retry;object=a;type=private?pin-value=0000"));
    EXPECT_NE(takeErrors().find("not tried again"), std::string::npos);
    EXPECT_EQ(calls.of("C_Login"), 1) << calls.log();
    // Another PIN is another matter.
    EXPECT_FALSE(load(instance, "pkcs11:token=retry;object=a;type=private?pin-value=1234"));
    EXPECT_NE(takeErrors().find("no private key fits"), std::string::npos);
}

TEST(Store, RefusesToUseAnAmbiguousKeyButListsAll) {
    const Instance instance;
    const auto key = load(instance, uriOf("twin"));
    ASSERT_TRUE(key);
    EXPECT_TRUE(sign(instance, key.get(), {1, 2, 3}).empty());
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("id=%0C"), std::string::npos) << errors;
    EXPECT_NE(errors.find("id=%0D"), std::string::npos) << errors;
    const auto store = open(instance, uriOf("twin"));
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    EXPECT_EQ(typesIn(store.get()).size(), 2U);
}

// As nginx and libcurl do, which expect nothing.
TEST(Store, RefusesToUseTheFirstOfSeveralKeysAfterAPublicOne) {
    const Instance instance;
    const auto store = open(instance, "pkcs11:token=scenarios;object=twin?pin-value=1234");
    std::vector<int> types;
    p11::ossl::Pkey key;
    while (!key && OSSL_STORE_eof(store.get()) == 0) {
        const Info info(OSSL_STORE_load(store.get()));
        ASSERT_TRUE(info) << takeErrors();
        types.push_back(OSSL_STORE_INFO_get_type(info.get()));
        key.reset(OSSL_STORE_INFO_get1_PKEY(info.get()));
    }
    ASSERT_TRUE(key);
    EXPECT_NE(std::find(types.begin(), types.end(), OSSL_STORE_INFO_PUBKEY), types.end());
    takeErrors();
    EXPECT_TRUE(sign(instance, key.get(), {1, 2, 3}).empty());
    EXPECT_NE(takeErrors().find("several keys fit the URI"), std::string::npos);
    // The next one makes it a list.
    ASSERT_EQ(typesIn(store.get()).size(), 1U);
    EXPECT_FALSE(sign(instance, key.get(), {1, 2, 3}).empty()) << takeErrors();
}

} // namespace
