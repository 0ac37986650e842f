// SPDX-License-Identifier: Apache-2.0
// Handshakes whose server has SSL_MODE_ASYNC. It pauses while the token works.
#include <fcntl.h>

#include "jobs.h"
#include "tls_jobs.h"

namespace {

using namespace testing_support;

struct Kind {
    const char* label;
    int version;
};

class AsyncTls : public ::testing::TestWithParam<Kind> {
  protected:
    AsyncTls()
        : key_(loadPrivate(instance_, GetParam().label)),
          certificate_(certificateFromFile(instance_.get(), GetParam().label)),
          server_(instance_.get(), key_.get(), certificate_.get(), GetParam().version) {}
    void TearDown() override { openGate(); }

    static void closeGate() { ASSERT_EQ(module().setGate("C_Sign", 1000), CKR_OK); }
    static void openGate() { ASSERT_EQ(module().setGate("C_Sign", 0), CKR_OK); }

    // Where a thread got lost, no handshake would come to its end.
    Instance instance_{ConfiguredContext("pkcs11-async-threads = 1").take()};
    p11::ossl::Pkey key_;
    p11::ossl::Certificate certificate_;
    TlsServer server_;
};

TEST_P(AsyncTls, ServersPauseWhileTheTokenSigns) {
    closeGate();
    Handshake one(server_);
    Handshake other(server_);
    EXPECT_EQ(one.goOn(), SSL_ERROR_WANT_ASYNC) << takeErrors();
    EXPECT_EQ(other.goOn(), SSL_ERROR_WANT_ASYNC) << takeErrors();
    openGate();
    EXPECT_TRUE(other.finish()) << takeErrors();
    EXPECT_TRUE(one.finish()) << takeErrors();
}

TEST_P(AsyncTls, ConnectionsThatAreFreedWhilePausedCostNeitherSessionsNorDescriptors) {
    ASSERT_TRUE(Handshake(server_).finish()) << takeErrors();
    const auto sessions = module().openSessions();
    const auto threads = workers().size();
    for (int i = 0; i < 5; ++i) {
        closeGate();
        auto left = std::make_unique<Handshake>(server_);
        ASSERT_EQ(left->goOn(), SSL_ERROR_WANT_ASYNC) << takeErrors();
        ASSERT_TRUE(comesTrue([] { return module().waiting() == 1; }));
        const int descriptor = left->descriptor();
        left.reset();
        EXPECT_EQ(fcntl(descriptor, F_GETFD), -1);
        openGate();
        EXPECT_TRUE(Handshake(server_).finish()) << takeErrors();
    }
    EXPECT_LE(module().openSessions(), sessions + 1) << "one more for copies of keys";
    EXPECT_EQ(workers().size(), threads);
}

INSTANTIATE_TEST_SUITE_P(Each, AsyncTls,
                         ::testing::Values(Kind{"rsa", TLS1_2_VERSION}, Kind{"rsa", TLS1_3_VERSION},
                                           Kind{"ec256", TLS1_2_VERSION},
                                           Kind{"ec256", TLS1_3_VERSION}),
                         [](const auto& kind) {
                             return std::string(kind.param.label) +
                                    (kind.param.version == TLS1_2_VERSION ? "Tls12" : "Tls13");
                         });

} // namespace
