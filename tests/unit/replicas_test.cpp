// SPDX-License-Identifier: Apache-2.0
// When a token that was left out is asked again, and how the settings of replicas are read.
#include <gtest/gtest.h>

#include "keymgmt/replicas.h"
#include "ossl/settings.h"
#include "ossl/words.h"
#include "uri/uri.h"

namespace {

using p11::keymgmt::Retry;
using std::chrono::seconds;

const Retry::Clock::time_point start = Retry::Clock::time_point() + std::chrono::hours(1);

TEST(Retry, AsksAfterOneTwoFourAndNeverMoreThanThirtySeconds) {
    Retry retry;
    EXPECT_FALSE(retry.isAside());
    EXPECT_FALSE(retry.begins(start)); // nothing has failed
    auto now = start;
    retry.setAside(now);
    for (const auto pause : {1, 2, 4, 8, 16, 30, 30}) {
        EXPECT_TRUE(retry.isAside());
        EXPECT_FALSE(retry.begins(now + seconds(pause) - std::chrono::milliseconds(1))) << pause;
        now += seconds(pause);
        EXPECT_TRUE(retry.begins(now)) << pause;
        retry.end(false, now);
    }
}

TEST(Retry, IsDoneByOneAtATime) {
    Retry retry;
    retry.setAside(start);
    EXPECT_TRUE(retry.begins(start + seconds(1)));
    EXPECT_FALSE(retry.begins(start + seconds(100)));
    retry.end(true, start + seconds(2));
    EXPECT_FALSE(retry.isAside());
    EXPECT_FALSE(retry.begins(start + seconds(100)));
}

TEST(Retry, IsNotPutOffByFurtherFailures) {
    Retry retry;
    for (int i = 0; i < 32; ++i)
        retry.setAside(start + std::chrono::milliseconds(i));
    EXPECT_TRUE(retry.begins(start + seconds(1)));
}

TEST(CommaSeparated, KeepsBlanksInsideAndDropsThoseAround) {
    using p11::ossl::commaSeparated;
    EXPECT_EQ(commaSeparated(" hsm 1 ,, 0123\t, "), (std::vector<std::string>{"hsm 1", "0123"}));
    EXPECT_TRUE(commaSeparated("").empty());
}

TEST(ReplicaUri, SaysHowTheTokensShareTheWork) {
    using p11::uri::Uri;
    EXPECT_EQ(Uri::parse("pkcs11:object=a?x-replicas=balance").replicas(), "balance");
    EXPECT_FALSE(Uri::parse("pkcs11:object=a").replicas());
    EXPECT_THROW(Uri::parse("pkcs11:?x-replicas=all"), p11::uri::Error);
    EXPECT_THROW(Uri::parse("pkcs11:x-replicas=off"), p11::uri::Error);
    EXPECT_FALSE(Uri::parse("pkcs11:token=t;model=m").namesOneToken());
    EXPECT_TRUE(Uri::parse("pkcs11:serial=1").namesOneToken());
    EXPECT_TRUE(Uri::parse("pkcs11:slot-id=0").namesOneToken());
}

TEST(ReplicaUri, GetsWhatItLacksToNameTheObject) {
    using p11::uri::Uri;
    const p11::uri::ObjectAddress object{nullptr, CKO_PRIVATE_KEY, "key", {0x01}};
    EXPECT_EQ(Uri::parse("pkcs11:model=m?pin-value=1234").withObject(object),
              "pkcs11:model=m;id=%01;object=key;type=private");
    EXPECT_EQ(Uri::parse("pkcs11:object=other;type=public?x-replicas=off").withObject(object),
              "pkcs11:id=%01;object=other;type=public?x-replicas=off");
}

} // namespace
