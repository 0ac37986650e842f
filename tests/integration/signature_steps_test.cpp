// SPDX-License-Identifier: Apache-2.0
// EVP_DigestSign... and EVP_DigestVerify..., step by step in any order. What a step answers, and
// which data a signature is of, is what OpenSSL's default provider has for the same key.
#include "signature_steps.h"

namespace {

using namespace testing_support;

/// What signing and verifying have in common. `finalise`: the context is not copied for the end.
class Digest : public Steps {
  public:
    using Init = decltype(EVP_DigestSignInit_ex);

    Digest(Side side, bool finalise, Init* init)
        : side_(std::move(side)), finalise_(finalise), init_(init) {}

  protected:
    int begin(EVP_PKEY* key) {
        const int result =
            init_(context(), nullptr, stepDigest, side_.libctx, nullptr, key, nullptr);
        if (finalise_)
            EVP_MD_CTX_set_flags(context(), EVP_MD_CTX_FLAG_FINALISE);
        return result;
    }
    int goOnWithACopy() {
        p11::ossl::MdCtx copy(EVP_MD_CTX_new());
        const int result = EVP_MD_CTX_copy_ex(copy.get(), context());
        context_ = std::move(copy);
        return result;
    }
    const Side& side() const { return side_; }
    EVP_MD_CTX* context() const { return context_.get(); }

  private:
    Side side_;
    bool finalise_;
    Init* init_;
    p11::ossl::MdCtx context_{EVP_MD_CTX_new()};
};

class Signing : public Digest {
  public:
    Signing(Side given, bool finalise)
        : Digest(std::move(given), finalise, EVP_DigestSignInit_ex) {}

    std::string step(char name) override {
        switch (name) {
        case 'o':
            return finalStep(side(), name, [this](unsigned char* out, std::size_t* size) {
                return EVP_DigestSign(context(), out, size, piece.data(), piece.size());
            });
        case 'f':
        case 's':
        case 'x':
            return finalStep(side(), name, [this](unsigned char* out, std::size_t* size) {
                return EVP_DigestSignFinal(context(), out, size);
            });
        default:
            return std::to_string(stepWithoutResult(name));
        }
    }

  private:
    int stepWithoutResult(char name) {
        std::size_t size = 0;
        switch (name) {
        case 'i':
            return begin(side().key);
        case 'k': // with the key that is there
            return begin(nullptr);
        case 'u':
            return EVP_DigestSignUpdate(context(), piece.data(), piece.size());
        case 'n':
            return EVP_DigestSignUpdate(context(), piece.data(), 0);
        case 'q':
            return EVP_DigestSignFinal(context(), nullptr, &size);
        default:
            return goOnWithACopy();
        }
    }
};

class Verification : public Digest {
  public:
    Verification(Side given, bool finalise)
        : Digest(std::move(given), finalise, EVP_DigestVerifyInit_ex),
          signatures_(signaturesOf(side().label)) {}

    // A wrong signature and an empty one get the same answer.
    std::string step(char name) override { return answer(name) == 1 ? "1" : "0"; }

  private:
    int answer(char name) {
        switch (name) {
        case 'i':
            return begin(side().key);
        case 'u':
            return EVP_DigestVerifyUpdate(context(), piece.data(), piece.size());
        case 'd':
            return goOnWithACopy();
        case 'o':
            return EVP_DigestVerify(context(), signatures_[1].data(), signatures_[1].size(),
                                    piece.data(), piece.size());
        default: // '0' and '1', with the signature of so many pieces
            const auto& signature = signatures_.at(static_cast<std::size_t>(name - '0'));
            return EVP_DigestVerifyFinal(context(), signature.data(), signature.size());
        }
    }

    const std::array<Bytes, 2>& signatures_;
};

class DigestSteps : public ::testing::TestWithParam<std::tuple<const char*, bool>> {
  protected:
    bool finalise() const { return std::get<1>(GetParam()); }
    /// OpenSSL 3.0 itself signs something after the end; later ones refuse.
    Expectation expected() const {
        if (!finalise())
            return asInSoftware;
        return [](const std::string& steps, Answers answers) {
            return closedAfterTheEnd({"ik", "unqfsxo01", "fsxo01"}, steps, std::move(answers));
        };
    }
    const KeyTwice key_{std::get<0>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(All, DigestSteps,
                         ::testing::Combine(::testing::Values("rsa", "ec256"), ::testing::Bool()),
                         [](const auto& given) {
                             return std::string(std::get<0>(given.param)) +
                                    (std::get<1>(given.param) ? "InPlace" : "WithACopy");
                         });

TEST_P(DigestSteps, SignAsInSoftware) {
    EXPECT_EQ(key_.compare<Signing>("ufxd", 3, expected(), finalise()), 64U);
    EXPECT_EQ(key_.compare<Signing>("unqfsodk", 2, expected(), finalise()), 64U);
}

TEST_P(DigestSteps, VerifyAsInSoftware) {
    EXPECT_EQ(key_.compare<Verification>("u01doi", 3, expected(), finalise()), 216U);
}

} // namespace
