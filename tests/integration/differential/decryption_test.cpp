// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_decrypt and EVP_PKEY_encrypt with RSA keys.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "compare.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

/// What is set in a context, before and after it is asked for anything.
struct Scheme {
    int padding = RSA_PKCS1_PADDING;
    std::string oaepDigest;
    std::string mgf1;
    Bytes label;
    std::optional<unsigned> implicitRejection; ///< OpenSSL 3.2 has the parameter
};

std::string describe(const Scheme& scheme) {
    return "padding " + std::to_string(scheme.padding) + " oaep " + scheme.oaepDigest + " mgf1 " +
           scheme.mgf1 + " label " + std::to_string(scheme.label.size()) +
           (scheme.implicitRejection ? " implicit " + std::to_string(*scheme.implicitRejection)
                                     : "");
}

// Without "NULL": with it OpenSSL 3.0 itself does not come back.
std::string anyDigest(Random& random) {
    return random.of<const char*>({"", "", "SHA1", "SHA256", "SHA384", "SHA512", "SHA224",
                                   "SHA3-256", "MD5", "SHA512-256", "nonsense", "SM3", "SHAKE128"});
}

Scheme anyScheme(Random& random) {
    Scheme scheme;
    scheme.padding = random.of({RSA_PKCS1_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PADDING,
                                RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_OAEP_PADDING,
                                RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_OAEP_PADDING, RSA_NO_PADDING});
    if (random.oneIn(20))
        scheme.padding = random.of({RSA_X931_PADDING, RSA_PKCS1_PSS_PADDING, 0, 99});
    if (scheme.padding == RSA_PKCS1_OAEP_PADDING || random.oneIn(20)) {
        scheme.oaepDigest = anyDigest(random);
        scheme.mgf1 = random.oneIn(2) ? "" : anyDigest(random);
        if (random.oneIn(3))
            scheme.label = random.bytes(random.below(100));
    }
    if (random.oneIn(5))
        scheme.implicitRejection = static_cast<unsigned>(random.below(2));
    return scheme;
}

bool isKnown(int padding) {
    return padding == RSA_PKCS1_PADDING || padding == RSA_PKCS1_OAEP_PADDING ||
           padding == RSA_NO_PADDING;
}

int setLabel(EVP_PKEY_CTX* context, const Bytes& label) {
    auto* copy = OPENSSL_memdup(label.data(), label.size());
    const int result =
        EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, static_cast<int>(label.size()));
    if (result != 1)
        OPENSSL_free(copy);
    return result;
}

int setImplicitRejection(EVP_PKEY_CTX* context, unsigned value) {
    const std::array params{OSSL_PARAM_construct_uint("implicit-rejection", &value),
                            OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_params(context, params.data());
}

std::string apply(EVP_PKEY_CTX* context, const Scheme& scheme) {
    auto results = std::to_string(EVP_PKEY_CTX_set_rsa_padding(context, scheme.padding));
    if (!scheme.oaepDigest.empty())
        results += " " + std::to_string(EVP_PKEY_CTX_set_rsa_oaep_md_name(
                             context, scheme.oaepDigest.c_str(), nullptr));
    if (!scheme.mgf1.empty())
        results += " " + std::to_string(EVP_PKEY_CTX_set_rsa_mgf1_md_name(
                             context, scheme.mgf1.c_str(), nullptr));
    if (!scheme.label.empty())
        results += " " + std::to_string(setLabel(context, scheme.label));
    if (scheme.implicitRejection)
        results += " " + std::to_string(setImplicitRejection(context, *scheme.implicitRejection));
    return results;
}

std::size_t sizeOf(const std::string& key) {
    return static_cast<std::size_t>(EVP_PKEY_get_size(softwareKey(key)));
}

using Init = int(EVP_PKEY_CTX*);
using Crypt = int(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);

Bytes inSoftware(EVP_PKEY* key, const Scheme& scheme, const Bytes& in, Init* init, Crypt* run) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(defaultOnly(), key, nullptr));
    Bytes out(1000);
    std::size_t size = out.size();
    init(context.get());
    apply(context.get(), scheme);
    if (run(context.get(), out.data(), &size, in.data(), in.size()) != 1)
        return {};
    out.resize(size);
    return out;
}

Bytes encrypted(const std::string& key, const Scheme& scheme, const Bytes& message) {
    return inSoftware(softwarePublic(key), scheme, message, EVP_PKEY_encrypt_init,
                      EVP_PKEY_encrypt);
}

/// Whether a ciphertext has good PKCS#1 v1.5 padding inside.
bool isWellPadded(const std::string& key, const Bytes& ciphertext) {
    const auto block = inSoftware(softwareKey(key), {RSA_NO_PADDING, {}, {}, {}, {}}, ciphertext,
                                  EVP_PKEY_decrypt_init, EVP_PKEY_decrypt);
    constexpr std::ptrdiff_t shortest = 10; // 00 02, and eight bytes of padding
    return block.size() > static_cast<std::size_t>(shortest) && block[0] == 0 && block[1] == 2 &&
           std::find(block.begin() + 2, block.begin() + shortest, 0) == block.begin() + shortest &&
           std::find(block.begin() + shortest, block.end(), 0) != block.end();
}

/// Random blocks, and some that are nearly PKCS#1 v1.5.
Bytes anyBlock(const std::string& key, Random& random) {
    auto block = random.bytes(sizeOf(key));
    block[0] = 0;
    if (random.oneIn(3))
        return block;
    block[1] = random.oneIn(8) ? 1 : 2;
    for (std::size_t i = 2; i < block.size(); ++i)
        if (block[i] == 0)
            block[i] = 1;
    if (!random.oneIn(4))
        block.at(2 + random.below(block.size() - 2)) = 0;
    return block;
}

Bytes anyCiphertext(const std::string& key, const Scheme& scheme, Random& random) {
    if (random.oneIn(4))
        return encrypted(key, {RSA_NO_PADDING, {}, {}, {}, {}}, anyBlock(key, random));
    const auto good = encrypted(key, scheme, random.bytes(random.below(random.of({20U, 300U}))));
    return random.oneIn(3) ? spoilt(good, random) : good;
}

struct Given {
    std::string key;
    Scheme scheme;
    std::vector<Bytes> ciphertexts;
};

class Decryption {
  public:
    Decryption(Side& side, const Random& random, Answers& answers, const Given& given)
        : random_(random), answers_(answers), given_(given),
          context_(EVP_PKEY_CTX_new_from_pkey(side.libctx(), side.key(given.key), nullptr)) {}

    void run() {
        if (random_.oneIn(10))
            decrypt(); // before it is begun
        const int begun = EVP_PKEY_decrypt_init(context_.get());
        answers_.add("decrypt init " + given_.key, begun);
        if (begun != 1)
            return;
        answers_.add("set " + describe(given_.scheme), 0, apply(context_.get(), given_.scheme));
        if (!isKnown(given_.scheme.padding))
            return; // OpenSSL 3.0 itself may crash where it is asked for the padding
        for (std::size_t steps = 1 + random_.below(4); steps > 0; --steps)
            step();
        decrypt();
    }

  private:
    void step() {
        switch (random_.below(5)) {
        case 0:
            return sizeQuery();
        case 1:
            return copy();
        case 2:
            return read();
        default:
            return decrypt();
        }
    }
    void copy() {
        p11::ossl::PkeyCtx made(EVP_PKEY_CTX_dup(context_.get()));
        answers_.add("copy", made ? 1 : 0);
        if (made && random_.oneIn(2))
            context_ = std::move(made);
    }
    void read() {
        int padding = -100;
        const bool padded = EVP_PKEY_CTX_get_rsa_padding(context_.get(), &padding) > 0;
        answers_.add("get padding", padded ? 1 : 0, std::to_string(padding));
        unsigned char* label = nullptr;
        const int size = EVP_PKEY_CTX_get0_rsa_oaep_label(context_.get(), &label);
        answers_.add("get label", size, label != nullptr ? textOf({label, label + size}) : "");
    }
    void sizeQuery() {
        const auto& in = random_.of(given_.ciphertexts);
        std::size_t size = 0;
        const int result = EVP_PKEY_decrypt(context_.get(), nullptr, &size, in.data(), in.size());
        answers_.add("decrypt for the size", result, result == 1 ? std::to_string(size) : "");
    }
    void decrypt() {
        const auto& in = random_.of(given_.ciphertexts);
        Room room(random_.oneIn(5) ? random_.below(sizeOf(given_.key))
                                   : sizeOf(given_.key) + random_.below(2) * random_.below(20));
        std::size_t size = room.size();
        const int result =
            EVP_PKEY_decrypt(context_.get(), room.data(), &size, in.data(), in.size());
        EXPECT_TRUE(room.isKeptTo());
        const bool substitute =
            given_.scheme.padding == RSA_PKCS1_PADDING && !isWellPadded(given_.key, in);
        answers_.add("decrypt " + std::to_string(in.size()) + " in " + std::to_string(room.size()) +
                         (substitute ? " badly padded" : ""),
                     result,
                     result != 1  ? ""
                     : substitute ? "a substitute"
                                  : room.text(size));
    }

    Random random_;
    Answers& answers_;
    const Given& given_;
    p11::ossl::PkeyCtx context_;
};

std::string anyKey(Random& random) {
    if (random.oneIn(60))
        return "rsa3072";
    return random.of<const char*>(
        {"rsa1024", "rsa1025", "rsa1030", "rsa2047", "rsa2048", "rsa2048"});
}

Run planDecryption(Random& random) {
    Given given;
    given.key = random.oneIn(30) ? std::string(random.of<const char*>({"rsapss", "P-256"}))
                                 : anyKey(random);
    given.scheme = anyScheme(random);
    const auto key = given.key.starts_with("rsa1") || given.key.starts_with("rsa2") ||
                             given.key.starts_with("rsa3")
                         ? given.key
                         : "rsa2048";
    for (int i = 0; i < 3; ++i)
        given.ciphertexts.push_back(anyCiphertext(key, given.scheme, random));
    return [given](Side& side, const Random& same, Answers& answers) {
        Decryption(side, same, answers, given).run();
    };
}

/// Encryption is with the public half: what comes out is decrypted by software.
Run planEncryption(Random& random) {
    const auto key = anyKey(random);
    const auto scheme = anyScheme(random);
    const auto message = random.oneIn(6) ? anyBlock(key, random)
                                         : random.bytes(random.below(random.of({20U, 300U})));
    return [=](Side& side, Random same, Answers& answers) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(side.libctx(), side.key(key), nullptr));
        answers.add("encrypt init " + key, EVP_PKEY_encrypt_init(context.get()));
        answers.add("set " + describe(scheme), 0, apply(context.get(), scheme));
        if (!isKnown(scheme.padding))
            return;
        std::size_t size = 0;
        const int query =
            EVP_PKEY_encrypt(context.get(), nullptr, &size, message.data(), message.size());
        answers.add("encrypt for the size", query, query == 1 ? std::to_string(size) : "");
        Room room(same.oneIn(5) ? same.below(sizeOf(key)) : sizeOf(key) + same.below(20));
        size = room.size();
        const int result =
            EVP_PKEY_encrypt(context.get(), room.data(), &size, message.data(), message.size());
        EXPECT_TRUE(room.isKeptTo());
        answers.add("encrypt " + std::to_string(message.size()) + " in " +
                        std::to_string(room.size()),
                    result,
                    result != 1 ? ""
                                : std::to_string(size) + ", in it " +
                                      textOf(inSoftware(softwareKey(key), scheme, room.bytes(size),
                                                        EVP_PKEY_decrypt_init, EVP_PKEY_decrypt)));
    };
}

Run planCrypt(Random& random) {
    return random.oneIn(5) ? planEncryption(random) : planDecryption(random);
}

TEST(DifferentialFirst, Decrypts) {
    compare(Order::providerFirst, planCrypt);
}

TEST(DifferentialLast, Decrypts) {
    compare(Order::defaultFirst, planCrypt);
}

} // namespace
