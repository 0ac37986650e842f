// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_sign and EVP_PKEY_verify of hashes, and of messages (OpenSSL 3.4), step by step in any
// order.
#include "message_functions.h"
#include "signature_steps.h"

namespace {

using namespace testing_support;

/// One EVP_PKEY_CTX.
class KeySteps : public Steps {
  public:
    explicit KeySteps(Side side)
        : side_(std::move(side)),
          context_(EVP_PKEY_CTX_new_from_pkey(side_.libctx, side_.key, nullptr)) {}

  protected:
    const Side& side() const { return side_; }
    EVP_PKEY_CTX* context() const { return context_.get(); }
    int copyAndGoOn() { return goOnWithCopy(context_); }

  private:
    Side side_;
    p11::ossl::PkeyCtx context_;
};

Bytes hashOf(const Bytes& data) {
    Bytes hash(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    EXPECT_EQ(
        EVP_Q_digest(nullptr, stepDigest, nullptr, data.data(), data.size(), hash.data(), &size),
        1);
    hash.resize(size);
    return hash;
}

class HashSteps : public KeySteps {
  public:
    using KeySteps::KeySteps;

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(begin(EVP_PKEY_sign_init));
        case 'v':
            return std::to_string(begin(EVP_PKEY_verify_init));
        case 'd':
            return std::to_string(copyAndGoOn());
        case '0':
        case '1':
            return std::to_string(check(static_cast<std::size_t>(name - '0')));
        default:
            return finalStep(side(), name, [&](unsigned char* out, std::size_t* size) {
                const bool tooShort = name == 'w';
                return EVP_PKEY_sign(context(), name == 'q' ? nullptr : out, size, hash_.data(),
                                     hash_.size() - (tooShort ? 1 : 0));
            });
        }
    }

  private:
    int begin(int init(EVP_PKEY_CTX*)) {
        const int result = init(context());
        EVP_PKEY_CTX_set_signature_md(context(), EVP_sha256());
        return result;
    }
    int check(std::size_t count) {
        const auto& signature = signaturesOf(side().label).at(count);
        return EVP_PKEY_verify(context(), signature.data(), signature.size(), hash_.data(),
                               hash_.size());
    }

    const Bytes hash_ = hashOf(piece);
};

/// With an algorithm that names its digest.
class MessageSteps : public KeySteps {
  public:
    explicit MessageSteps(Side given)
        : KeySteps(std::move(given)),
          algorithm_(fetch(side().libctx, side().label == "rsa" ? "RSA-SHA2-256" : "ECDSA-SHA2-256",
                           side().properties)) {}

  protected:
    Signature* algorithm() const { return algorithm_.get(); }

  private:
    Algorithm algorithm_;
};

class MessageSigning : public MessageSteps {
  public:
    using MessageSteps::MessageSteps;

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(signInit(context(), algorithm(), nullptr));
        case 'u':
            return std::to_string(signUpdate(context(), piece.data(), piece.size()));
        case 'd':
            return std::to_string(copyAndGoOn());
        case 'o':
            return finalStep(side(), name, [this](unsigned char* out, std::size_t* size) {
                return EVP_PKEY_sign(context(), out, size, piece.data(), piece.size());
            });
        default:
            return finalStep(side(), name, [&](unsigned char* out, std::size_t* size) {
                return signFinal(context(), name == 'q' ? nullptr : out, size);
            });
        }
    }
};

class MessageVerification : public MessageSteps {
  public:
    using MessageSteps::MessageSteps;

    // A wrong signature and an empty one get the same answer.
    std::string step(char name) override { return answer(name) == 1 ? "1" : "0"; }

  private:
    int answer(char name) {
        const auto& signatures = signaturesOf(side().label);
        switch (name) {
        case 'i':
            return verifyInit(context(), algorithm(), nullptr);
        case '0':
        case '1': {
            const auto& signature = signatures.at(static_cast<std::size_t>(name - '0'));
            return setSignature(context(), signature.data(), signature.size());
        }
        case 'u':
            return verifyUpdate(context(), piece.data(), piece.size());
        case 'd':
            return copyAndGoOn();
        case 'o':
            return EVP_PKEY_verify(context(), signatures[1].data(), signatures[1].size(),
                                   piece.data(), piece.size());
        default:
            return verifyFinal(context());
        }
    }
};

class PkeySteps : public ::testing::TestWithParam<const char*> {
  protected:
    const KeyTwice key_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(All, PkeySteps, ::testing::Values("rsa", "ec256"),
                         [](const auto& given) { return std::string(given.param); });

TEST_P(PkeySteps, OfHashesAreAsInSoftware) {
    EXPECT_EQ(key_.compare<HashSteps>("owsxqd", 2, asInSoftware), 36U);
    EXPECT_EQ(key_.compare<HashSteps>("iv1od", 3, asInSoftware), 125U);
}

TEST_P(PkeySteps, OfMessagesSignAsInSoftware) {
    if (fetch == nullptr || signInit == nullptr)
        GTEST_SKIP() << "came with OpenSSL 3.4";
    // Software's ECDSA goes on telling the size.
    const auto expected = [](const std::string& steps, Answers answers) {
        return closedAfterTheEnd({"i", "ufxsoq", "fxso"}, steps, std::move(answers));
    };
    EXPECT_EQ(key_.compare<MessageSigning>("ufxqd", 3, expected), 125U);
    EXPECT_EQ(key_.compare<MessageSigning>("ofsi", 3, expected), 64U);
}

TEST_P(PkeySteps, OfMessagesVerifyAsInSoftware) {
    if (signInit == nullptr)
        GTEST_SKIP() << "came with OpenSSL 3.4";
    EXPECT_EQ(key_.compare<MessageVerification>("u01fd", 4, asInSoftware), 625U);
    EXPECT_EQ(key_.compare<MessageVerification>("o1fi", 3, asInSoftware), 64U);
}

// Software's ECDSA takes it for the last piece.
TEST(MessagesInSteps, TakeNoWholeOneAfterAPieceAsRsaInSoftware) {
    if (signInit == nullptr)
        GTEST_SKIP() << "came with OpenSSL 3.4";
    const KeyTwice key("rsa");
    EXPECT_EQ(key.compare<MessageSigning>("ufo", 3, asInSoftware), 27U);
    EXPECT_EQ(key.compare<MessageVerification>("uf1o", 3, asInSoftware), 64U);
}

} // namespace
