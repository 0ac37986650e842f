// SPDX-License-Identifier: Apache-2.0
// Key agreement and key encapsulation step by step in any order, beside OpenSSL's default provider.
//
// The token's key differs on purpose in one thing: a peer that is refused takes the place of the
// one before, so that nobody gets a secret with another peer than the last one that was named.
#include "agreement.h"
#include "newer.h"
#include "nss_token.h"
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
            return std::to_string(goOnWithCopy(context_));
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
    Meeting meeting_;
    p11::ossl::PkeyCtx context_;
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

/// What somebody has made of the key's public half, by OpenSSL alone.
struct Encapsulated {
    explicit Encapsulated(EVP_PKEY* key) {
        const auto half = publicHalf(defaultOnly(), key);
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(defaultOnly(), half.get(), nullptr));
        std::size_t size = ciphertext.size();
        std::size_t secretSize = secret.size();
        EXPECT_EQ(EVP_PKEY_encapsulate_init(context.get(), nullptr), 1);
        EXPECT_EQ(EVP_PKEY_encapsulate(context.get(), ciphertext.data(), &size, secret.data(),
                                       &secretSize),
                  1)
            << takeErrors();
    }

    Bytes ciphertext = Bytes(768); // ML-KEM-512
    Bytes secret = Bytes(32);
};

class KemSteps : public Steps {
  public:
    KemSteps(OSSL_LIB_CTX* libctx, EVP_PKEY* key, const Encapsulated& given)
        : context_(EVP_PKEY_CTX_new_from_pkey(libctx, key, nullptr)), given_(given) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(EVP_PKEY_encapsulate_init(context_.get(), nullptr));
        case 'j':
            return std::to_string(EVP_PKEY_decapsulate_init(context_.get(), nullptr));
        case 'e':
            return std::to_string(encapsulate());
        case 'q':
            return decapsulate(nullptr, 32, 768);
        case 'w':
            return decapsulate(secret_.data(), 32, 767);
        case 'r':
            return decapsulate(secret_.data(), 31, 768);
        case 'd':
            return std::to_string(goOnWithCopy(context_));
        default:
            return decapsulate(secret_.data(), 32, 768);
        }
    }

  private:
    int encapsulate() {
        Bytes ciphertext(768);
        Bytes secret(32);
        std::size_t size = ciphertext.size();
        std::size_t secretSize = secret.size();
        return EVP_PKEY_encapsulate(context_.get(), ciphertext.data(), &size, secret.data(),
                                    &secretSize);
    }
    std::string decapsulate(unsigned char* secret, std::size_t room, std::size_t size) {
        secret_.assign(32, 0);
        const int result =
            EVP_PKEY_decapsulate(context_.get(), secret, &room, given_.ciphertext.data(), size);
        return std::to_string(result) + (secret_ == given_.secret ? " with the secret" : "");
    }
    p11::ossl::PkeyCtx context_;
    const Encapsulated& given_;
    Bytes secret_ = Bytes(32);
};

void compareKem(OSSL_LIB_CTX* libctx, EVP_PKEY* ours) {
    const p11::ossl::Pkey software(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, "ML-KEM-512"));
    ASSERT_TRUE(ours && software) << takeErrors();
    const Encapsulated forOurs(ours);
    const Encapsulated forSoftware(software.get());
    for (const char* first : {"", "i", "j"})
        EXPECT_EQ(compareAll(
                      first, "ijekqwr", 2,
                      [&] { return std::make_unique<KemSteps>(libctx, ours, forOurs); },
                      [&] {
                          return std::make_unique<KemSteps>(defaultOnly(), software.get(),
                                                            forSoftware);
                      }),
                  49U);
}

TEST(KemSteps, AreThoseOfSoftware) {
    const Instance instance(Order::providerFirst);
    const p11::ossl::Pkey ours(EVP_PKEY_Q_keygen(instance.get(), nullptr, "ML-KEM-512"));
    if (!ours)
        GTEST_SKIP() << "came with OpenSSL 3.5: " << takeErrors();
    compareKem(instance.get(), ours.get());
}

TEST(KemSteps, OfAKeyOnATokenAreThoseOfSoftware) {
    if (!NssToken::isThere())
        GTEST_SKIP() << "there is no token that does ML-KEM, or OpenSSL does not";
    const NssToken token(Order::providerFirst);
    compareKem(token.get(), token.loadPrivate("ML-KEM-512").get());
}

// OpenSSL's own contexts for ML-KEM can't be copied.
TEST(KemSteps, OfACopyGoOn) {
    if (!NssToken::isThere())
        GTEST_SKIP() << "there is no token that does ML-KEM, or OpenSSL does not";
    const NssToken token(Order::providerFirst);
    const auto key = token.loadPrivate("ML-KEM-512");
    const Encapsulated given(key.get());
    KemSteps steps(token.get(), key.get(), given);
    for (const auto& [step, answer] :
         {std::pair('j', "1"), std::pair('d', "1"), std::pair('k', "1 with the secret"),
          std::pair('w', "0"), std::pair('d', "1"), std::pair('k', "1 with the secret"),
          std::pair('i', "1"), std::pair('d', "1"), std::pair('k', "-1"), std::pair('e', "1")})
        EXPECT_EQ(steps.step(step), answer) << step << takeErrors();
}

} // namespace
