// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_sign_message_* and EVP_PKEY_verify_message_* (OpenSSL 3.4), with algorithms that name
// their digest.
#include "scheme.h"
#include "tests/integration/message_functions.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

/// What is signed or verified; the signature may be wrong.
struct Given {
    std::string key;
    std::string digest;
    std::string algorithm;
    Bytes message;
    Bytes signature;
};

class MessageOperation {
  public:
    MessageOperation(Side& side, const Random& random, Answers& answers, const Given& given)
        : side_(side), random_(random), answers_(answers), given_(given),
          context_(EVP_PKEY_CTX_new_from_pkey(side_.libctx(), side_.key(given.key), nullptr)),
          algorithm_(fetch(side_.libctx(), given.algorithm.c_str(),
                           side_.onToken() ? "provider=pkcs11" : nullptr)) {}

  protected:
    bool begin(const char* name, MessageInit* init) {
        const int result = init(context_.get(), algorithm_.get(), nullptr);
        answers_.add(name + (" " + given_.key + " " + given_.algorithm), result);
        taken_.clear();
        return result == 1;
    }
    void update(MessageUpdate* take) {
        const auto left = given_.message.size() - taken_.size();
        const auto size = std::min(left, random_.messageSize());
        const auto* at = given_.message.data() + taken_.size();
        const int result = take(context_.get(), at, size);
        answers_.add("update " + std::to_string(size), result);
        if (result == 1)
            taken_.insert(taken_.end(), at, at + size);
    }
    void copy() {
        p11::ossl::PkeyCtx made(EVP_PKEY_CTX_dup(context_.get()));
        answers_.add("copy", made ? 1 : 0);
        if (made && random_.oneIn(2))
            context_ = std::move(made);
    }
    bool isStreamed() const { return !isEdwards(given_.key); }

    Side& side_;
    Random random_;
    Answers& answers_;
    const Given& given_;
    p11::ossl::PkeyCtx context_;
    Algorithm algorithm_;
    Bytes taken_;
};

class Signing : public MessageOperation {
  public:
    using MessageOperation::MessageOperation;

    void run() {
        if (!begin("sign message init", signInit))
            return;
        if (!isStreamed() || random_.oneIn(4))
            return atOnce();
        for (std::size_t steps = random_.below(5); steps > 0; --steps)
            step();
        final();
        if (random_.oneIn(3))
            final();
    }

  private:
    void step() {
        switch (random_.below(5)) {
        case 0:
            return sizeQuery();
        case 1:
            return copy();
        default:
            return update(signUpdate);
        }
    }
    void sizeQuery() {
        std::size_t size = 0;
        const int result = signFinal(context_.get(), nullptr, &size);
        answers_.add("final for the size", result, result == 1 ? std::to_string(size) : "");
    }
    void final() {
        Room room(1000);
        std::size_t size = room.size();
        answer("final", signFinal(context_.get(), room.data(), &size), room, size);
    }
    void atOnce() {
        const auto needed = static_cast<std::size_t>(EVP_PKEY_get_size(softwareKey(given_.key)));
        Room room(random_.oneIn(4) ? random_.below(isRsa(given_.key) ? needed : 8)
                                   : needed + random_.below(20));
        std::size_t size = room.size();
        const int result = EVP_PKEY_sign(context_.get(), room.data(), &size, given_.message.data(),
                                         given_.message.size());
        taken_ = given_.message;
        answer("sign in " + std::to_string(room.size()), result, room, size);
    }
    void answer(const std::string& call, int result, const Room& room, std::size_t size) {
        EXPECT_TRUE(room.isKeptTo());
        answers_.add(call, result,
                     result != 1 ? ""
                                 : describeSignature(given_.key, room.bytes(size), given_.digest,
                                                     "", hashOf(given_.digest, taken_)));
    }
};

class Verification : public MessageOperation {
  public:
    using MessageOperation::MessageOperation;

    void run() {
        if (!begin("verify message init", verifyInit))
            return;
        if (!isStreamed() || random_.oneIn(4))
            return atOnce();
        const bool isSet = !given_.signature.empty() && !random_.oneIn(8);
        const std::string without = isSet ? "" : " without a signature";
        if (isSet)
            answers_.add("set signature", setSignature(context_.get(), given_.signature.data(),
                                                       given_.signature.size()));
        while (taken_.size() < given_.message.size()) {
            const auto before = taken_.size();
            update(verifyUpdate);
            if (random_.oneIn(6))
                copy();
            if (taken_.size() == before && random_.oneIn(10))
                break;
        }
        answers_.add("verify final" + without, verifyFinal(context_.get()));
        if (random_.oneIn(3))
            answers_.add("verify final again" + without, verifyFinal(context_.get()));
    }

  private:
    void atOnce() {
        answers_.add("verify", EVP_PKEY_verify(context_.get(), given_.signature.data(),
                                               given_.signature.size(), given_.message.data(),
                                               given_.message.size()));
    }
};

Given anyGiven(Random& random) {
    Given given;
    given.key = random.of<const char*>(
        {"rsa1024", "rsa1025", "rsa2048", "P-256", "P-384", "P-521", "ED25519", "ED448"});
    given.digest = random.of<const char*>(
        {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512", "SHA512-256"});
    given.algorithm = isEdwards(given.key) ? given.key
                      : isRsa(given.key)   ? "RSA-" + given.digest
                                           : "ECDSA-" + given.digest;
    given.message = random.bytes(random.messageSize());
    given.signature = signInSoftware(given.key, isEdwards(given.key) ? "(none)" : given.digest, {},
                                     given.message);
    if (random.oneIn(2))
        given.signature = spoilt(given.signature, random);
    return given;
}

Run plan(Random& random) {
    const auto given = anyGiven(random);
    const bool signs = random.oneIn(2);
    return [=](Side& side, const Random& same, Answers& answers) {
        if (signs)
            Signing(side, same, answers, given).run();
        else
            Verification(side, same, answers, given).run();
    };
}

void compareMessages(Order order) {
    if (fetch == nullptr || signInit == nullptr)
        GTEST_SKIP() << "came with OpenSSL 3.4";
    compare(order, plan);
}

TEST(DifferentialFirst, SignsAndVerifiesMessages) {
    compareMessages(Order::providerFirst);
}

TEST(DifferentialLast, SignsAndVerifiesMessages) {
    compareMessages(Order::defaultFirst);
}

} // namespace
