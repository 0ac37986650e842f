// SPDX-License-Identifier: Apache-2.0
// Ciphers step by step in any order, with an AES key on the token and with the same bytes in
// OpenSSL's default provider (OpenSSL 3.5).
//
// The token's key differs on purpose in two things: where one step has failed, no later one
// succeeds, though software would leave the piece out and go on; and after the end of ECB, CBC and
// CTR nothing more is taken, where software begins a second message with what the first one left.
#include <algorithm>

#include "skeys.h"
#include "steps.h"

namespace {

using namespace testing_support;

struct Begin {
    const EVP_CIPHER* cipher;
    Skey* key; ///< null where `bytes` are it
    Bytes bytes;
    Bytes iv;
    bool encrypts;
};

constexpr int pieceSize = 16;
const Bytes plaintext = randomBytes(3 * pieceSize);

std::string hex(const Bytes& bytes) {
    char* text = OPENSSL_buf2hexstr(bytes.data(), static_cast<long>(bytes.size()));
    std::string result(text != nullptr ? text : "");
    OPENSSL_free(text);
    return result;
}

/// What has to be decrypted: whole blocks, and a last one with the padding of two blocks of data.
struct Ciphertext {
    Bytes data;
    Bytes tag;
};
Ciphertext ciphertextFor(const Begin& setup) {
    const auto context = begunWithBytes(setup.cipher, setup.bytes, setup.iv, true);
    const bool gcm = isGcm(setup.cipher);
    const auto sealed = seal(context.get(), Bytes(pieceSize, 9),
                             Bytes(plaintext.begin(), plaintext.begin() + (gcm ? 16 : 32)), 100);
    return {sealed->data, sealed->tag};
}

class CipherSteps : public Steps {
  public:
    CipherSteps(Begin setup, Ciphertext ciphertext)
        : setup_(std::move(setup)), ciphertext_(std::move(ciphertext)) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(begin());
        case 'k': // with the key and the IV that are there
            at_ = 0;
            return std::to_string(
                EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nullptr, -1, nullptr));
        case 'd':
            return std::to_string(goOnWithACopy());
        case 'a':
            return update(Bytes(pieceSize, 9), true);
        case 'p':
            return update(next(5), false);
        case 'u':
            return update(next(pieceSize), false);
        case 'x':
            return setup_.key == nullptr ? "0"
                                         : whileFailing(setup_.encrypts ? "C_Encrypt" : "C_Decrypt",
                                                        [this] { return step('u'); });
        case 'f':
            return finish();
        default:
            return tag(name == 'g');
        }
    }

  private:
    int begin() {
        at_ = 0;
        const auto* iv = setup_.iv.empty() ? nullptr : setup_.iv.data();
        if (setup_.key != nullptr)
            return initCipher(context_.get(), setup_.cipher, setup_.key, iv, setup_.iv.size(),
                              setup_.encrypts ? 1 : 0, nullptr);
        return EVP_CipherInit_ex2(context_.get(), setup_.cipher, setup_.bytes.data(), iv,
                                  setup_.encrypts ? 1 : 0, nullptr);
    }
    int goOnWithACopy() {
        CipherCtx copy(EVP_CIPHER_CTX_new());
        const int result = EVP_CIPHER_CTX_copy(copy.get(), context_.get());
        context_ = std::move(copy);
        return result;
    }
    Bytes next(std::size_t size) {
        const auto& all = setup_.encrypts ? plaintext : ciphertext_.data;
        Bytes result;
        while (result.size() < size)
            result.push_back(all.at(at_++ % all.size()));
        return result;
    }
    std::string update(const Bytes& in, bool authenticatedOnly) {
        Bytes out(64);
        int size = 0;
        const int result =
            EVP_CipherUpdate(context_.get(), authenticatedOnly ? nullptr : out.data(), &size,
                             in.data(), static_cast<int>(in.size()));
        return outcome(result, out, authenticatedOnly ? 0 : size);
    }
    std::string finish() {
        Bytes out(64);
        int size = 0;
        const int result = EVP_CipherFinal_ex(context_.get(), out.data(), &size);
        return outcome(result, out, size);
    }
    std::string tag(bool get) {
        auto value = get ? Bytes(16) : ciphertext_.tag;
        const int result =
            EVP_CIPHER_CTX_ctrl(context_.get(), get ? EVP_CTRL_AEAD_GET_TAG : EVP_CTRL_AEAD_SET_TAG,
                                static_cast<int>(value.size()), value.data());
        return outcome(result == 1 ? 1 : 0, value, get ? 16 : 0);
    }
    static std::string outcome(int result, Bytes out, int size) {
        if (result != 1)
            return "0";
        out.resize(static_cast<std::size_t>(size));
        return "1 " + hex(out);
    }

    Begin setup_;
    Ciphertext ciphertext_;
    std::size_t at_ = 0;
    CipherCtx context_{EVP_CIPHER_CTX_new()};
};

/// The two differences.
Answers withoutGoingOn(const std::string& steps, Answers answers) {
    return closedAfterTheEnd({"ik", "auxpf", "f"}, steps, std::move(answers));
}

/// And what is known of GCM: one piece of data, and a decryption gives only what is authentic,
/// which is what one 'a' and the tag, 't', come before. No tag comes of what has failed.
Answers inOnePiece(const std::string& steps, Answers answers, bool encrypts) {
    std::string done;
    bool failed = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const char name = steps.at(i);
        auto& answer = answers.at(i);
        const auto refused = std::string(1, name) + "0";
        if (name == 'i') {
            done.clear();
            failed = false;
        }
        const auto times = [&](char other) { return std::ranges::count(done, other); };
        const bool authentic = encrypts || (times('t') == 1 && times('a') == 1);
        if (failed || (name == 'u' && (times('u') > 0 || !authentic)))
            answer = name == 'd' ? answer : refused;
        failed = failed || (name != 'g' && times('f') == 0 && answer == refused);
        done += name;
    }
    return withoutGoingOn(steps, std::move(answers));
}

class EachCipherSteps : public Skeys,
                        public ::testing::WithParamInterface<std::tuple<const char*, bool>> {
  protected:
    void SetUp() override {
        Skeys::SetUp();
        if (IsSkipped())
            return;
        instance_ = std::make_unique<SymmetricInstance>();
        onToken_.cipher = (cipher_ = instance_->cipher(std::get<0>(GetParam()))).get();
        onToken_.bytes = randomBytes(32);
        onToken_.key = (key_ = instance_->import(tokenUri, onToken_.bytes)).get();
        ASSERT_NE(onToken_.key, nullptr) << takeErrors();
        onToken_.iv = ivFor(onToken_.cipher);
        onToken_.encrypts = encrypts();
        inSoftware_ = onToken_;
        inSoftware_.key = nullptr;
        inSoftware_.cipher = (software_ = softwareCipher(std::get<0>(GetParam()))).get();
    }
    bool encrypts() const { return std::get<1>(GetParam()); }
    std::size_t compare(const std::string& first, const std::string& alphabet, std::size_t length,
                        const Expectation& expected) const {
        const auto ciphertext = ciphertextFor(inSoftware_);
        return compareAll(
            first, alphabet, length,
            [&] { return std::make_unique<CipherSteps>(onToken_, ciphertext); },
            [&] { return std::make_unique<CipherSteps>(inSoftware_, ciphertext); }, expected);
    }

    std::unique_ptr<SymmetricInstance> instance_;
    Cipher cipher_;
    Cipher software_;
    SecretKey key_;
    Begin onToken_;
    Begin inSoftware_;
};

std::string nameOf(const ::testing::TestParamInfo<std::tuple<const char*, bool>>& given) {
    std::string name = std::get<0>(given.param);
    std::erase(name, '-');
    return name + (std::get<1>(given.param) ? "Encrypts" : "Decrypts");
}

class UnauthenticatedSteps : public EachCipherSteps {};
INSTANTIATE_TEST_SUITE_P(All, UnauthenticatedSteps,
                         ::testing::Combine(::testing::Values("AES-256-ECB", "AES-256-CBC",
                                                              "AES-256-CTR"),
                                            ::testing::Bool()),
                         nameOf);
TEST_P(UnauthenticatedSteps, AreThoseOfSoftwareAsLongAsAllIsWell) {
    EXPECT_EQ(compare("i", "ufxd", 4, withoutGoingOn), 256U);
    EXPECT_EQ(compare("i", "upfi", 4, withoutGoingOn), 256U);
}

class GcmSteps : public EachCipherSteps {};
INSTANTIATE_TEST_SUITE_P(All, GcmSteps,
                         ::testing::Combine(::testing::Values("AES-256-GCM"), ::testing::Bool()),
                         nameOf);
TEST_P(GcmSteps, AreThoseOfSoftwareInOnePiece) {
    const auto expected = [this](const std::string& steps, Answers answers) {
        return inOnePiece(steps, std::move(answers), encrypts());
    };
    if (encrypts()) {
        EXPECT_EQ(compare("i", "aufxg", 4, expected), 625U);
        EXPECT_EQ(compare("i", "aufgdi", 3, expected), 216U);
        return;
    }
    EXPECT_EQ(compare("it", "aufxd", 4, expected), 625U);
    EXPECT_EQ(compare("i", "aufi", 3, expected), 64U) << "without a tag";
}

} // namespace
