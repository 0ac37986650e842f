// SPDX-License-Identifier: Apache-2.0
// A token's digest step by step in any order, beside the default provider's.
#include "steps.h"

namespace {

using namespace testing_support;

class DigestSteps : public Steps {
  public:
    DigestSteps(OSSL_LIB_CTX* libctx, const char* query)
        : digest_(EVP_MD_fetch(libctx, "SHA256", query)), context_(EVP_MD_CTX_new()),
          isOnToken_(query != nullptr) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr));
        case 'r':
            return std::to_string(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr));
        case 'u':
            return std::to_string(update(10));
        case 'l': // the token has a stream
            return std::to_string(update(70000));
        case 'c':
            return std::to_string(goOnWithCopy());
        case 'x': // the token fails; in software nothing can
            return isOnToken_ ? whileFailing("C_Digest", [this] { return finish(); }) : finish();
        default:
            return finish();
        }
    }

  private:
    int update(std::size_t size) {
        const Bytes data(size, 'd');
        return EVP_DigestUpdate(context_.get(), data.data(), data.size());
    }
    std::string finish() {
        Bytes hash(32);
        const int result = EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr);
        return result == 1 ? "1 " + std::string(hash.begin(), hash.end()) : "0";
    }
    int goOnWithCopy() {
        p11::ossl::MdCtx copy(EVP_MD_CTX_new());
        if (EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1)
            return 0;
        context_ = std::move(copy);
        return 1;
    }

    p11::ossl::Md digest_;
    p11::ossl::MdCtx context_;
    bool isOnToken_;
};

class DigestStepsOfToken : public ::testing::Test {
  protected:
    std::size_t compare(const std::string& alphabet, std::size_t length,
                        const Expectation& expected) {
        const ConfiguredContext ours("pkcs11-digest-token = pkcs11:token=scenarios");
        return compareAll(
            "i", alphabet, length,
            [&] { return std::make_unique<DigestSteps>(ours.get(), "provider=pkcs11"); },
            [] { return std::make_unique<DigestSteps>(defaultOnly(), nullptr); }, expected);
    }
};

// Software of OpenSSL 3.0 goes on after the end.
Answers closed(const std::string& steps, const Answers& answers) {
    return closedAfterTheEnd({"ir", "ulfx", "fx"}, steps, answers);
}

TEST_F(DigestStepsOfToken, AreThoseOfSoftware) {
    EXPECT_EQ(compare("irufc", 4, closed), 625U);
}

// SoftHSM cannot copy a stream. So there are no copies of them here.
TEST_F(DigestStepsOfToken, AreThoseOfSoftwareWithLongData) {
    EXPECT_EQ(compare("rulf", 4, closed), 256U);
}

// A step that failed has no result, and neither have those after it.
TEST_F(DigestStepsOfToken, GiveNoHashAfterAFailure) {
    const auto failed = [](const std::string& steps, Answers answers) {
        answers = closed(steps, std::move(answers));
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (steps.at(i) == 'x')
                answers.at(i) = "x0";
        return answers;
    };
    EXPECT_EQ(compare("iufx", 4, failed), 256U);
}

} // namespace
