// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_sign, EVP_PKEY_verify and EVP_PKEY_verify_recover, of hashes and of anything else.
#include "scheme.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

std::string anyKeyForHashes(Random& random) {
    std::string key;
    do
        key = anySigningKey(random);
    while (isEdwards(key) && !random.oneIn(8));
    return key;
}

std::size_t sizeOf(const std::string& key) {
    return static_cast<std::size_t>(EVP_PKEY_get_size(softwareKey(key)));
}

/// What is signed: mostly of the digest's size.
Bytes anyHash(const std::string& key, const std::string& digest, Random& random) {
    auto hash = hashOf(digest, random.bytes(20));
    if (random.oneIn(5) || hash.empty())
        hash = random.bytes(random.below(sizeOf(key) + 3));
    if (random.oneIn(6)) {
        hash = random.bytes(sizeOf(key));
        if (!random.oneIn(3))
            hash.front() = 0;
    }
    return hash;
}

class PkeyOperation {
  public:
    PkeyOperation(Side& side, const Random& random, Answers& answers, std::string key)
        : side_(side), random_(random), answers_(answers), key_(std::move(key)),
          context_(EVP_PKEY_CTX_new_from_pkey(side_.libctx(), side_.key(key_), nullptr)) {}
    virtual ~PkeyOperation() = default;

  protected:
    bool begin(const char* name, int init(EVP_PKEY_CTX*)) {
        const int result = init(context_.get());
        answers_.add(name + (" " + key_), result);
        digest_.clear();
        mgf1_.clear();
        salt_ = "default";
        return result == 1;
    }
    void set(const Option& option) {
        const int result = apply(context_.get(), option);
        answers_.add("set " + option.describe(), result);
        confused_ = confused_ || (result != 1 && confuses(option));
        if (result != 1)
            return;
        if (option.name == "mgf1")
            mgf1_ = option.text;
        if (option.name == "digest")
            digest_ = option.text;
        if (option.name == "salt")
            salt_ = std::to_string(option.number);
    }
    bool isConfused() const { return confused_; }
    void setAny() {
        if (!random_.oneIn(6))
            set({"digest", 0, random_.oneIn(8) ? anyDigest(key_, random_) : "SHA256"});
        for (const auto& option : anyOptions(key_, random_))
            if (!confused_)
                set(option);
        if (random_.oneIn(3) && !confused_)
            read(context_.get(), key_, answers_);
    }
    void copy() {
        p11::ossl::PkeyCtx made(EVP_PKEY_CTX_dup(context_.get()));
        answers_.add("copy", made ? 1 : 0);
        if (made && random_.oneIn(2))
            context_ = std::move(made);
    }
    std::string scheme() const {
        return key_ + " " + digest_ + " mgf1 " + mgf1_ + " salt " + salt_ + ": ";
    }

    Side& side_;
    Random random_;
    Answers& answers_;
    std::string key_;
    std::string digest_;
    std::string mgf1_;
    std::string salt_ = "default";
    bool confused_ = false;
    p11::ossl::PkeyCtx context_;
};

class HashSigning : public PkeyOperation {
  public:
    using PkeyOperation::PkeyOperation;

    void run() {
        if (random_.oneIn(10))
            sign(true); // before it is begun
        if (!begin("sign init", EVP_PKEY_sign_init))
            return;
        setAny();
        for (std::size_t steps = 1 + random_.below(4); steps > 0 && !isConfused(); --steps)
            step();
        if (!isConfused())
            sign(true);
    }

  private:
    void step() {
        switch (random_.below(6)) {
        case 0:
            return sizeQuery();
        case 1:
            return sign(false);
        case 2:
            return copy();
        case 3:
            return set(anyOption(key_, random_));
        case 4:
            begin("sign init", EVP_PKEY_sign_init);
            return;
        default:
            return sign(true);
        }
    }
    void sizeQuery() {
        const auto hash = anyHash(key_, digest_, random_);
        std::size_t size = 0;
        const int result = EVP_PKEY_sign(context_.get(), nullptr, &size, hash.data(), hash.size());
        answers_.add("sign for the size", result, result == 1 ? std::to_string(size) : "");
    }
    void sign(bool enough) {
        const auto hash = anyHash(key_, digest_, random_);
        Room room(enough ? sizeOf(key_) + random_.below(2) * random_.below(50)
                         : random_.below(isRsa(key_) ? sizeOf(key_) : 8));
        std::size_t size = room.size();
        const int result =
            EVP_PKEY_sign(context_.get(), room.data(), &size, hash.data(), hash.size());
        EXPECT_TRUE(room.isKeptTo());
        answers_.add(
            scheme() + "sign " + std::to_string(hash.size()) + " in " + std::to_string(room.size()),
            result,
            result == 1 ? describeSignature(key_, room.bytes(size), digest_, mgf1_, hash) : "");
    }
};

Run planSigning(Random& random) {
    const auto key = anyKeyForHashes(random);
    return [key](Side& side, const Random& same, Answers& answers) {
        HashSigning(side, same, answers, key).run();
    };
}

/// What is to be verified or opened, which may be wrong.
struct Given {
    std::string key;
    std::string digest;
    Options options;
    Bytes hash;
    Bytes signature;
};

Bytes signInSoftware(const Given& given) {
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), softwareKey(given.key), nullptr));
    Bytes signature(1000);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign_init(context.get()) != 1)
        return {};
    for (const auto& option : given.options)
        apply(context.get(), option);
    if (EVP_PKEY_sign(context.get(), signature.data(), &size, given.hash.data(),
                      given.hash.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

Given anyGiven(Random& random) {
    Given given;
    given.key = anyKeyForHashes(random);
    given.digest = random.oneIn(5) ? "" : anyDigest(given.key, random);
    if (!given.digest.empty())
        given.options.push_back({"digest", 0, given.digest});
    for (auto& option : anyOptions(given.key, random))
        given.options.push_back(option);
    given.hash = anyHash(given.key, given.digest, random);
    given.signature = signInSoftware(given);
    if (random.oneIn(2))
        given.signature = spoilt(given.signature, random);
    if (random.oneIn(6))
        given.hash = spoilt(given.hash, random);
    return given;
}

class HashVerification : public PkeyOperation {
  public:
    HashVerification(Side& side, const Random& random, Answers& answers, const Given& given)
        : PkeyOperation(side, random, answers, given.key), given_(given) {}

    void run() {
        const bool recovers = random_.oneIn(3);
        if (!(recovers ? begin("recover init", EVP_PKEY_verify_recover_init)
                       : begin("verify init", EVP_PKEY_verify_init)))
            return;
        for (const auto& option : given_.options)
            if (!isConfused())
                set(option);
        if (random_.oneIn(4) && !isConfused())
            set(anyOption(key_, random_));
        if (isConfused())
            return;
        for (std::size_t steps = 1 + random_.below(3); steps > 0; --steps) {
            if (random_.oneIn(5))
                copy();
            recovers ? recover() : verify();
        }
        if (random_.oneIn(8))
            recovers ? verify() : recover(); // which was not begun
    }

  private:
    void verify() {
        answers_.add("verify " + std::to_string(given_.signature.size()),
                     EVP_PKEY_verify(context_.get(), given_.signature.data(),
                                     given_.signature.size(), given_.hash.data(),
                                     given_.hash.size()));
    }
    void recover() {
        const bool query = random_.oneIn(4);
        Room room(random_.oneIn(5) ? random_.below(sizeOf(key_)) : sizeOf(key_) + random_.below(9));
        std::size_t size = room.size();
        const int result =
            EVP_PKEY_verify_recover(context_.get(), query ? nullptr : room.data(), &size,
                                    given_.signature.data(), given_.signature.size());
        EXPECT_TRUE(room.isKeptTo() || !side_.onToken()); // OpenSSL 3.0 itself writes behind it
        const auto call = query ? std::string("recover for the size")
                                : scheme() + "recover in " + std::to_string(room.size());
        answers_.add(call, result,
                     result != 1 ? ""
                     : query     ? std::to_string(size)
                                 : room.text(size));
    }

    const Given& given_;
};

Run planVerification(Random& random) {
    const auto given = anyGiven(random);
    return [given](Side& side, const Random& same, Answers& answers) {
        HashVerification(side, same, answers, given).run();
    };
}

TEST(DifferentialFirst, SignsHashes) {
    compare(Order::providerFirst, planSigning);
}

TEST(DifferentialLast, SignsHashes) {
    compare(Order::defaultFirst, planSigning);
}

TEST(DifferentialFirst, VerifiesHashes) {
    compare(Order::providerFirst, planVerification);
}

TEST(DifferentialLast, VerifiesHashes) {
    compare(Order::defaultFirst, planVerification);
}

} // namespace
