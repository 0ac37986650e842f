// SPDX-License-Identifier: Apache-2.0
#include "ossl/pace.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

void note(p11::ossl::Pace& pace, std::chrono::microseconds time, int times) {
    for (int i = 0; i < times; ++i)
        pace.note(time);
}

TEST(Pace, IsQuickAfterSixteenShortOperationsInSuccession) {
    p11::ossl::Pace pace;
    note(pace, 199us, 15);
    EXPECT_FALSE(pace.isQuick());
    note(pace, 199us, 1);
    EXPECT_TRUE(pace.isQuick());
}

TEST(Pace, IsNoLongerQuickAfterALongOne) {
    p11::ossl::Pace pace;
    note(pace, 0us, 1000);
    note(pace, 200us, 1);
    EXPECT_FALSE(pace.isQuick());
    note(pace, 0us, 15);
    EXPECT_FALSE(pace.isQuick());
    note(pace, 0us, 1);
    EXPECT_TRUE(pace.isQuick());
}

} // namespace
