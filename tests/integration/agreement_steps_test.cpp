// Key agreement and key encapsulation step by step in any order, beside OpenSSL's default provider.
//
// The token's key differs on purpose in one thing: a peer that is refused takes the place of the
// one before, so that nobody gets a secret with another peer than the last one that was named.
#include "agreement.h"
#include "newer.h"
#include "steps.h"

namespace {

using namespace testing_support;

/// The key, and the peers that it meets.
struct Meeting {
    OSSL_LIB_CTX* libctx;
    EVP_PKEY* key;
    EVP_PKEY* good;
    EVP_PKEY* other; ///< of another curve
    bool onToken;
};

class AgreementSteps : public Steps {
  public:
    explicit AgreementSteps(const Meeting& meeting)
        : meeting_(meeting),
          context_(EVP_PKEY_CTX_new_from_pkey(meeting.libctx, meeting.key, nullptr)) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(EVP_PKEY_derive_init(context_.get()));
        case 'p':
            return std::to_string(EVP_PKEY_derive_set_peer(context_.get(), meeting_.good));
        case 'o':
            return EVP_PKEY_derive_set_peer(context_.get(), meeting_.other) == 1 ? "1" : "refused";
        case 'q':
            return derive(nullptr);
        case 'd':
            return std::to_string(goOnWithACopy());
        case 'x':
            return meeting_.onToken ? whileFailing("C_DeriveKey", [this] { return deriveAll(); })
                                    : "left out";
        default:
            return deriveAll();
        }
    }

  private:
    std::string deriveAll() {
        Bytes secret(32);
        return derive(secret.data());
    }
    std::string derive(unsigned char* secret) {
        std::size_t size = 32;
        const int result = EVP_PKEY_derive(context_.get(), secret, &size);
        if (result != 1)
            return "refused";
        return secret == nullptr ? "1" : std::string(secret, secret + size);
    }
    int goOnWithACopy() {
        ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context_.get()));
        if (!copy)
            return 0;
        context_ = std::move(copy);
        return 1;
    }

    Meeting meeting_;
    ossl::PkeyCtx context_;
};

Answers withTheLastPeerAlone(const std::string& steps, Answers answers) {
    bool refused = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const char name = steps.at(i);
        if (name == 'i' || name == 'p')
            refused = false;
        if (name == 'o')
            refused = true;
        if (name == 'x' || (refused && (name == 'k' || name == 'q')))
            answers.at(i) = std::string(1, name) + "refused";
    }
    return answers;
}

TEST(AgreementSteps, AreThoseOfSoftware) {
    const Instance instance;
    const auto key = loadPrivate(instance, "ec256");
    const auto software = privateKeyFromFile(defaultOnly(), "ec256");
    const auto good = generate(defaultOnly(), "P-256");
    const auto other = generate(defaultOnly(), "P-384");
    const auto goodHere = publicHalf(instance.get(), good.get());
    const auto otherHere = publicHalf(instance.get(), other.get());
    const Meeting here{instance.get(), key.get(), goodHere.get(), otherHere.get(), true};
    const Meeting there{defaultOnly(), software.get(), good.get(), other.get(), false};
    const auto compare = [&](const char* first, std::size_t length) {
        return compareAll(
            first, "pokqxdi", length, [&] { return std::make_unique<AgreementSteps>(here); },
            [&] { return std::make_unique<AgreementSteps>(there); }, withTheLastPeerAlone);
    };
    EXPECT_EQ(compare("i", 3), 343U);
    EXPECT_EQ(compare("", 2), 49U);
}

/// With a pair in memory, since no token that tests have does ML-KEM.
class KemSteps : public Steps {
  public:
    KemSteps(OSSL_LIB_CTX* libctx, EVP_PKEY* key)
        : context_(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr)) {}

    std::string step(char name) override {
        const bool tooShort = name == 'w';
        switch (name) {
        case 'i':
            return std::to_string(EVP_PKEY_encapsulate_init(context_.get(), nullptr));
        case 'j':
            return std::to_string(EVP_PKEY_decapsulate_init(context_.get(), nullptr));
        case 'e':
            return std::to_string(encapsulate());
        default:
            return std::to_string(decapsulate(ciphertext_.size() - (tooShort ? 1 : 0)));
        }
    }

  private:
    int encapsulate() {
        std::size_t size = ciphertext_.size();
        std::size_t secretSize = secret_.size();
        return EVP_PKEY_encapsulate(context_.get(), ciphertext_.data(), &size, secret_.data(),
                                    &secretSize);
    }
    int decapsulate(std::size_t size) {
        Bytes secret(32);
        std::size_t secretSize = secret.size();
        return EVP_PKEY_decapsulate(context_.get(), secret.data(), &secretSize, ciphertext_.data(),
                                    size);
    }

    ossl::PkeyCtx context_;
    Bytes ciphertext_ = Bytes(768); // ML-KEM-512
    Bytes secret_ = Bytes(32);
};

TEST(KemSteps, AreThoseOfSoftware) {
    const Instance instance(Order::providerFirst);
    const ossl::Pkey ours(EVP_PKEY_Q_keygen(instance.get(), nullptr, "ML-KEM-512"));
    const ossl::Pkey software(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, "ML-KEM-512"));
    ERR_clear_error();
    if (!software)
        GTEST_SKIP() << "came with OpenSSL 3.5";
    ASSERT_TRUE(ours);
    for (const char* first : {"", "i", "j"})
        EXPECT_EQ(compareAll(
                      first, "ijekw", 3,
                      [&] { return std::make_unique<KemSteps>(instance.get(), ours.get()); },
                      [&] { return std::make_unique<KemSteps>(defaultOnly(), software.get()); }),
                  125U);
}

} // namespace
