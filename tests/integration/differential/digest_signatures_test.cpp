// SPDX-License-Identifier: Apache-2.0
// EVP_DigestSign* and EVP_DigestVerify*.
#include "scheme.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

/// A context, and what it was given.
struct Stream {
    p11::ossl::MdCtx context{EVP_MD_CTX_new()};
    Bytes data;
    Bytes others; ///< what was given to EVP_DigestSign() after it; OpenSSL before 3.4 keeps that
    std::string digest;
    std::string mgf1;
    std::string salt = "default";
    EVP_PKEY_CTX* options() const { return EVP_MD_CTX_get_pkey_ctx(context.get()); }
};

std::optional<Stream> copied(const Stream& stream) {
    Stream copy;
    if (EVP_MD_CTX_copy_ex(copy.context.get(), stream.context.get()) != 1)
        return std::nullopt;
    copy.data = stream.data;
    copy.others = stream.others;
    copy.digest = stream.digest;
    copy.mgf1 = stream.mgf1;
    copy.salt = stream.salt;
    return copy;
}

class Signing {
  public:
    Signing(Side& side, const Random& random, Answers& answers, std::string key)
        : side_(side), random_(random), answers_(answers), key_(std::move(key)) {}

    void run() {
        if (!begin("sign init ", side_.key(key_)))
            return;
        for (const auto& option : anyOptions(key_, random_))
            set(option);
        if (random_.oneIn(3) && !failed_)
            read(stream_.options(), key_, answers_);
        for (std::size_t steps = 1 + random_.below(6); steps > 0; --steps)
            step();
        // Where it could not be begun anew, software goes on with what was there.
        if (failed_)
            return;
        final(true);
        if (kept_) {
            stream_ = std::move(*kept_);
            final(true);
        }
    }

  private:
    bool begin(const std::string& name, EVP_PKEY* key) {
        // Another one is refused by OpenSSL, or MGF1 keeps the first one.
        if (key != nullptr)
            stream_.digest = anyDigest(key_, random_);
        stream_.data.clear();
        stream_.others.clear();
        stream_.salt = "default";
        const int result =
            EVP_DigestSignInit_ex(stream_.context.get(), nullptr, pointerTo(stream_.digest),
                                  side_.libctx(), nullptr, key, nullptr);
        answers_.add(name + key_ + " " + stream_.digest, result);
        if (pointerTo(stream_.digest) == nullptr || stream_.digest.empty())
            stream_.digest = "SHA256";
        return result == 1;
    }
    void set(const Option& option) {
        if (failed_)
            return;
        const int result = apply(stream_.options(), option);
        answers_.add("set for data: " + option.describe(), result);
        // A digest that is set after a size query leaves OpenSSL's context without one.
        failed_ = result == 1 ? option.name == "digest" : confuses(option);
        if (option.name == "mgf1" && result == 1)
            stream_.mgf1 = option.text;
        if (option.name == "salt" && result == 1)
            stream_.salt = std::to_string(option.number);
    }
    void step() {
        if (failed_)
            return;
        switch (random_.below(12)) {
        case 0:
            final(false);
            break;
        case 1:
            return sizeQuery();
        case 2:
            return copy();
        case 3:
            return atOnce();
        case 4:
            final(true);
            break;
        case 5:
            if (random_.oneIn(2))
                failed_ = failed_ || !begin("sign init again ", nullptr);
            break;
        case 6:
            return set(anyOption(key_, random_));
        default:
            return update();
        }
    }
    void update() {
        const auto piece = random_.bytes(random_.messageSize());
        const int result = EVP_DigestSignUpdate(stream_.context.get(), piece.data(), piece.size());
        answers_.add("update " + std::to_string(piece.size()), result);
        if (result == 1)
            give(piece);
    }
    void give(const Bytes& piece) {
        stream_.data.insert(stream_.data.end(), piece.begin(), piece.end());
        stream_.others.insert(stream_.others.end(), piece.begin(), piece.end());
    }
    void sizeQuery() {
        std::size_t size = 0;
        const bool whole = isEdwards(key_) || random_.oneIn(3);
        const auto message = random_.bytes(random_.below(100));
        const int result = whole ? EVP_DigestSign(stream_.context.get(), nullptr, &size,
                                                  message.data(), message.size())
                                 : EVP_DigestSignFinal(stream_.context.get(), nullptr, &size);
        answers_.add(whole ? "sign for the size" : "final for the size", result,
                     result == 1 ? std::to_string(size) : "");
    }
    void copy() {
        auto made = copied(stream_);
        answers_.add("copy", made ? 1 : 0);
        if (!made)
            return;
        if (random_.oneIn(2))
            std::swap(stream_, *made);
        if (random_.oneIn(2))
            kept_ = std::move(*made);
    }
    Room anyRoom(bool enough) {
        const auto needed = static_cast<std::size_t>(EVP_PKEY_get_size(softwareKey(key_)));
        return Room(enough ? needed + random_.below(2) * random_.below(50)
                           : random_.below(isRsa(key_) || isEdwards(key_) ? needed : 8));
    }
    // OpenSSL 3.0 itself crashes where the algorithm takes no pieces.
    void final(bool enough) {
        if (isEdwards(key_))
            return atOnce();
        auto room = anyRoom(enough);
        std::size_t size = room.size();
        const int result = EVP_DigestSignFinal(stream_.context.get(), room.data(), &size);
        answer("final in " + std::to_string(room.size()), result, room, size);
    }
    void atOnce() {
        auto room = anyRoom(!random_.oneIn(6));
        std::size_t size = room.size();
        const auto message = random_.bytes(random_.messageSize());
        const int result = EVP_DigestSign(stream_.context.get(), room.data(), &size, message.data(),
                                          message.size());
        stream_.others.insert(stream_.others.end(), message.begin(), message.end());
        answer("sign " + std::to_string(message.size()) + " in " + std::to_string(room.size()),
               result, room, size);
    }
    void answer(const std::string& call, int result, const Room& room, std::size_t size) {
        EXPECT_TRUE(room.isKeptTo()) << call;
        const auto scheme =
            key_ + " " + stream_.digest + " mgf1 " + stream_.mgf1 + " salt " + stream_.salt + ": ";
        answers_.add(scheme + call, result, result == 1 ? describe(room.bytes(size)) : "");
    }
    std::string describe(const Bytes& signature) {
        const auto of = [&](const Bytes& data) {
            return describeSignature(key_, signature, stream_.digest, stream_.mgf1,
                                     hashOf(stream_.digest, data));
        };
        const auto all = of(stream_.others);
        return isVerified(all) || stream_.data == stream_.others ? all : of(stream_.data);
    }

    Side& side_;
    Random random_;
    Answers& answers_;
    std::string key_;
    Stream stream_;
    std::optional<Stream> kept_;
    bool failed_ = false;
};

Run planSigning(Random& random) {
    const auto key = anySigningKey(random);
    return [key](Side& side, const Random& same, Answers& answers) {
        Signing(side, same, answers, key).run();
    };
}

/// What is to be verified, which may be wrong.
struct Given {
    std::string key;
    std::string digest;
    Options options;
    Bytes message;
    Bytes signature;
};

class Verification {
  public:
    Verification(Side& side, const Random& random, Answers& answers, const Given& given)
        : side_(side), random_(random), answers_(answers), given_(given) {}

    void run() {
        if (!begin())
            return;
        auto options = given_.options;
        if (random_.oneIn(4))
            options.push_back(anyOption(given_.key, random_));
        for (const auto& option : options)
            if (apply(stream_.options(), option, answers_) != 1 && confuses(option))
                return;
        if (random_.oneIn(4))
            read(stream_.options(), given_.key, answers_);
        if (random_.oneIn(3) || isEdwards(given_.key))
            atOnce();
        else
            pieces();
        if (random_.oneIn(3))
            atOnce();
        if (random_.oneIn(3))
            final();
    }

  private:
    bool begin() {
        const int result =
            EVP_DigestVerifyInit_ex(stream_.context.get(), nullptr, pointerTo(given_.digest),
                                    side_.libctx(), nullptr, side_.key(given_.key), nullptr);
        answers_.add("verify init " + given_.key + " " + given_.digest, result);
        return result == 1;
    }
    void pieces() {
        std::size_t at = 0;
        while (at < given_.message.size()) {
            const auto size = std::min(given_.message.size() - at, 1 + random_.messageSize());
            const int result =
                EVP_DigestVerifyUpdate(stream_.context.get(), given_.message.data() + at, size);
            answers_.add("update " + std::to_string(size), result);
            at += size;
            if (random_.oneIn(6))
                between();
        }
        final();
    }
    void between() {
        if (random_.oneIn(3))
            return final();
        auto made = copied(stream_);
        answers_.add("copy", made ? 1 : 0);
        if (made && random_.oneIn(2))
            stream_ = std::move(*made);
    }
    // OpenSSL 3.0 itself crashes where the algorithm takes no pieces.
    void final() {
        if (isEdwards(given_.key))
            return;
        answers_.add("verify final " + std::to_string(given_.signature.size()),
                     EVP_DigestVerifyFinal(stream_.context.get(), given_.signature.data(),
                                           given_.signature.size()));
    }
    void atOnce() {
        answers_.add("verify " + std::to_string(given_.signature.size()),
                     EVP_DigestVerify(stream_.context.get(), given_.signature.data(),
                                      given_.signature.size(), given_.message.data(),
                                      given_.message.size()));
    }

    Side& side_;
    Random random_;
    Answers& answers_;
    const Given& given_;
    Stream stream_;
};

Run planVerification(Random& random) {
    Given given;
    given.key = anySigningKey(random);
    given.digest = anyDigest(given.key, random);
    given.options = anyOptions(given.key, random);
    given.message = random.bytes(random.messageSize());
    given.signature = signInSoftware(given.key, given.digest, given.options, given.message);
    if (random.oneIn(2))
        given.signature = spoilt(given.signature, random);
    if (random.oneIn(6))
        given.message = spoilt(given.message, random);
    if (random.oneIn(6))
        given.digest = anyDigest(given.key, random);
    return [given](Side& side, const Random& same, Answers& answers) {
        Verification(side, same, answers, given).run();
    };
}

TEST(DifferentialFirst, SignsData) {
    compare(Order::providerFirst, planSigning);
}

TEST(DifferentialLast, SignsData) {
    compare(Order::defaultFirst, planSigning);
}

TEST(DifferentialFirst, VerifiesData) {
    compare(Order::providerFirst, planVerification);
}

TEST(DifferentialLast, VerifiesData) {
    compare(Order::defaultFirst, planVerification);
}

} // namespace
