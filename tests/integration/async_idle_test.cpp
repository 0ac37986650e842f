// SPDX-License-Identifier: Apache-2.0
// What becomes of workers that have nothing to do.
#include <chrono>

#include "fixture.h"
#include "jobs.h"

namespace {

using namespace testing_support;

TEST(AsyncIdle, WorkersEndAfterTenSeconds) {
    const Instance instance;
    const auto data = randomBytes(100);
    const auto key = loadPrivate(instance, "ec256");
    const auto body = [&] { return verify("ec256", sign(instance, key.get(), data), data); };
    // The token's mechanisms are known by then, so that each job has one task.
    ASSERT_TRUE(body()) << takeErrors();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(Job(body).finish()) << takeErrors();
    EXPECT_EQ(workers().size(), 1U);
    EXPECT_TRUE(comesTrue([] { return workers().empty(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_TRUE(Job(body).finish()) << "another worker is made: " << takeErrors();
    EXPECT_EQ(workers().size(), 1U);
}

} // namespace
