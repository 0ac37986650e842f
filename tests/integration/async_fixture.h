// SPDX-License-Identifier: Apache-2.0
// For tests of operations inside OpenSSL's asynchronous jobs, and of the workers that do them.
#pragma once

#include <algorithm>

#include "fixture.h"
#include "jobs.h"

namespace testing_support {

inline const Bytes data = randomBytes(100);

/// A signature of a hash that a job makes with nothing of its own, so that nothing is lost with a
/// job that is never resumed.
class Prepared {
  public:
    Prepared(OSSL_LIB_CTX* libctx, EVP_PKEY* key)
        : context_(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr)) {
        EXPECT_EQ(EVP_PKEY_sign_init(context_.get()), 1) << takeErrors();
    }
    std::function<bool()> body() {
        return [this] {
            return EVP_PKEY_sign(context_.get(), signature_.data(), &size_, data.data(), 32) == 1;
        };
    }
    /// False once anything was written.
    bool isUntouched() const {
        return size_ == signature_.size() && signature_ == Bytes(signature_.size());
    }

  private:
    p11::ossl::PkeyCtx context_;
    Bytes signature_ = Bytes(80);
    std::size_t size_ = signature_.size();
};

/// The workers that were made after this.
class NewWorkers {
  public:
    std::vector<std::string> all() const {
        auto now = workers();
        std::erase_if(now,
                      [this](const auto& one) { return std::ranges::count(before_, one) > 0; });
        return now;
    }
    std::size_t count() const { return all().size(); }

  private:
    std::vector<std::string> before_ = workers();
};

class Async : public ::testing::Test {
  protected:
    // What a test leaves at the gate goes on.
    void TearDown() override { openGate(); }

    static void closeGate(const char* function = "C_Sign", unsigned together = 1000) {
        ASSERT_EQ(module().setGate(function, together), CKR_OK);
    }
    static void openGate() { ASSERT_EQ(module().setGate("C_Sign", 0), CKR_OK); }
    static bool reachesGate() {
        return comesTrue([] { return module().waiting() == 1; });
    }

    std::function<bool()> signsForTheFirstTime(const std::string& label) {
        const auto& key = keys_.emplace_back(loadPrivate(instance_, label));
        return [this, label, key = key.get()] {
            return verify(label, sign(instance_, key, data), data);
        };
    }
    // The token's mechanisms are known by then.
    std::function<bool()> signs(const std::string& label) {
        auto body = signsForTheFirstTime(label);
        EXPECT_TRUE(body()) << takeErrors();
        return body;
    }

    NewWorkers newWorkers_;
    Instance instance_;
    std::vector<p11::ossl::Pkey> keys_;
};

} // namespace testing_support
