// SPDX-License-Identifier: Apache-2.0
// AES with keys on a token (OpenSSL 3.5) beside the same bytes in software.
#include "compare.h"
#include "tests/integration/skeys.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

/// Bytes, and the key on the token that has them; one of each size for a process.
struct AesKey {
    Bytes bytes;
    SecretKey onToken;
};

AesKey& keyOf(const SymmetricInstance& instance, std::size_t size) {
    static std::map<std::pair<OSSL_LIB_CTX*, std::size_t>, AesKey> keys;
    auto& key = keys[{instance.get(), size}];
    if (!key.onToken) {
        key.bytes = Random(0, 0, size).bytes(size);
        key.onToken = instance.import(tokenUri, key.bytes);
        EXPECT_TRUE(key.onToken) << takeErrors();
    }
    return key;
}

struct Given {
    std::string cipher;
    bool encrypts = true;
    Bytes iv;
    Bytes aad;
    Bytes in;
    Bytes tag;
    bool authentic = true;
    bool isGcm() const { return cipher.ends_with("GCM"); }
    std::size_t keySize() const { return std::stoul(cipher.substr(4, 3)) / 8; }
};

class Ciphering {
  public:
    Ciphering(const SymmetricInstance& instance, bool onToken, const Random& random,
              Answers& answers, const Given& given)
        : onToken_(onToken), random_(random), answers_(answers), given_(given),
          key_(keyOf(instance, given.keySize())),
          cipher_(onToken ? instance.cipher(given.cipher) : softwareCipher(given.cipher)) {}

    void run() {
        if (random_.oneIn(2))
            padding_ = static_cast<int>(random_.below(2));
        if (!begin())
            return;
        if (given_.isGcm())
            return runGcm();
        while (at_ < given_.in.size() && !failed_)
            step();
        final();
        if (random_.oneIn(4) && begin() && !given_.in.empty())
            update(given_.in.size());
    }

  private:
    bool begin() {
        at_ = 0;
        const auto* iv = given_.iv.empty() ? nullptr : given_.iv.data();
        const int encrypts = given_.encrypts ? 1 : 0;
        const int result = onToken_ ? initCipher(context_.get(), cipher_.get(), key_.onToken.get(),
                                                 iv, given_.iv.size(), encrypts, nullptr)
                                    : EVP_CipherInit_ex2(context_.get(), cipher_.get(),
                                                         key_.bytes.data(), iv, encrypts, nullptr);
        answers_.add((given_.encrypts ? "encrypt " : "decrypt ") + given_.cipher, result);
        if (padding_)
            answers_.add("set padding " + std::to_string(*padding_),
                         EVP_CIPHER_CTX_set_padding(context_.get(), *padding_));
        return result == 1;
    }
    void step() {
        if (random_.oneIn(6))
            return copy();
        update(std::min(given_.in.size() - at_, 1 + random_.messageSize()));
    }
    void copy() {
        CipherCtx made(EVP_CIPHER_CTX_new());
        const int result = EVP_CIPHER_CTX_copy(made.get(), context_.get());
        answers_.add("copy", result);
        if (result == 1 && random_.oneIn(2))
            context_ = std::move(made);
    }
    void update(std::size_t count) {
        Room room(count + 32);
        int size = 0;
        const int result = EVP_CipherUpdate(context_.get(), room.data(), &size,
                                            given_.in.data() + at_, static_cast<int>(count));
        EXPECT_TRUE(room.isKeptTo());
        const bool authentic = given_.encrypts || !given_.isGcm() || (given_.authentic && tagged_);
        answers_.add("update " + std::to_string(count) + (authentic ? "" : ", not authentic"),
                     result, result == 1 ? room.text(static_cast<std::size_t>(size)) : "");
        at_ += count;
        failed_ = result != 1; // and nothing more is answered on the token
    }
    void final() {
        if (failed_)
            return;
        Room room(64);
        int size = 0;
        const int result = EVP_CipherFinal_ex(context_.get(), room.data(), &size);
        EXPECT_TRUE(room.isKeptTo());
        answers_.add("final", result, result == 1 ? room.text(static_cast<std::size_t>(size)) : "");
    }
    // In one piece, as the provider has it.
    void runGcm() {
        if (!given_.encrypts && !random_.oneIn(10))
            setTag();
        for (std::size_t at = 0; at < given_.aad.size();)
            at += addData(at);
        if (random_.oneIn(10))
            getTag();
        if (!given_.in.empty() || random_.oneIn(2))
            update(given_.in.size());
        final();
        if (given_.encrypts)
            getTag();
    }
    std::size_t addData(std::size_t at) {
        const auto count = 1 + random_.below(given_.aad.size() - at);
        int size = 0;
        answers_.add("add " + std::to_string(count),
                     EVP_CipherUpdate(context_.get(), nullptr, &size, given_.aad.data() + at,
                                      static_cast<int>(count)));
        return count;
    }
    void setTag() {
        auto tag = given_.tag;
        tag.reserve(1); // a null pointer would set the size alone
        const int result = EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG,
                                               static_cast<int>(tag.size()), tag.data());
        answers_.add("set tag " + std::to_string(tag.size()), result);
        tagged_ = result == 1;
    }
    void getTag() {
        const auto wanted = random_.oneIn(4) ? 1 + random_.below(16) : 16;
        Room room(wanted);
        const int result = EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG,
                                               static_cast<int>(wanted), room.data());
        answers_.add("get tag " + std::to_string(wanted), result,
                     result == 1 ? room.text(wanted) : "");
    }

    bool onToken_;
    Random random_;
    Answers& answers_;
    const Given& given_;
    const AesKey& key_;
    Cipher cipher_;
    CipherCtx context_{EVP_CIPHER_CTX_new()};
    std::optional<int> padding_;
    std::size_t at_ = 0;
    bool failed_ = false;
    bool tagged_ = false;
};

// What software makes of it, which is to be decrypted; it may be wrong.
void turnAround(Given& given, Random& random) {
    const auto cipher = softwareCipher(given.cipher);
    const auto key = Random(0, 0, given.keySize()).bytes(given.keySize());
    const auto sealed = seal(begunWithBytes(cipher.get(), key, given.iv, true).get(), given.aad,
                             given.in, std::max<std::size_t>(1, given.in.size()));
    ASSERT_TRUE(sealed) << takeErrors();
    given.encrypts = false;
    given.in = sealed->data;
    given.tag = sealed->tag;
    if (random.oneIn(3))
        given.in = spoilt(given.in, random);
    if (random.oneIn(4) && given.isGcm())
        given.tag = spoilt(given.tag, random);
    given.authentic =
        !given.isGcm() || open(begunWithBytes(cipher.get(), key, given.iv, false).get(), given.aad,
                               {given.in, given.tag}, std::max<std::size_t>(1, given.in.size()))
                              .has_value();
    ERR_clear_error();
}

Given anyGiven(Random& random) {
    Given given;
    given.cipher = std::string("AES-") + random.of<const char*>({"128", "192", "256"}) +
                   random.of<const char*>({"-ECB", "-CBC", "-CTR", "-GCM", "-CBC", "-GCM"});
    const auto cipher = softwareCipher(given.cipher);
    given.iv = random.bytes(static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher.get())));
    given.in = random.bytes(random.messageSize());
    if (given.isGcm())
        given.aad = random.bytes(random.below(3) * random.below(40));
    if (random.oneIn(2))
        turnAround(given, random);
    return given;
}

void compareCiphers(Order order) {
    if (importSkey == nullptr)
        GTEST_SKIP() << "EVP_SKEY came with OpenSSL 3.5";
    static std::map<Order, std::unique_ptr<SymmetricInstance>> instances;
    auto& instance = instances[order];
    if (!instance)
        instance = std::make_unique<SymmetricInstance>(order);
    compare(order, [&](Random& random) -> Run {
        const auto given = anyGiven(random);
        return [&instance, given](Side& side, const Random& same, Answers& answers) {
            Ciphering(*instance, side.onToken(), same, answers, given).run();
        };
    });
}

TEST(DifferentialFirst, EncryptsWithAes) {
    compareCiphers(Order::providerFirst);
}

TEST(DifferentialLast, EncryptsWithAes) {
    compareCiphers(Order::defaultFirst);
}

} // namespace
