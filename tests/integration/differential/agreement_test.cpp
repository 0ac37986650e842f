// SPDX-License-Identifier: Apache-2.0
// EVP_PKEY_derive on EC, X25519 and X448 keys.

#include <openssl/core_names.h>

#include "compare.h"

namespace {

using namespace testing_support;
using namespace testing_support::differential;

const std::vector<std::string> keys{"P-256", "P-384", "P-521", "X25519", "X448"};

bool isMontgomery(const std::string& key) {
    return key.starts_with("X");
}

p11::ossl::Pkey pairOf(const std::string& type, Random& random) {
    const auto size = type == "X25519" ? 32U : 56U;
    const auto value = random.bytes(size);
    return p11::ossl::Pkey(EVP_PKEY_new_raw_private_key_ex(defaultOnly(), type.c_str(), nullptr,
                                                           value.data(), value.size()));
}

/// SubjectPublicKeyInfo of a new key.
Bytes anyPeer(const std::string& type, Random& random) {
    p11::ossl::Pkey pair;
    if (random.oneIn(12) && isMontgomery(type)) { // a point of small order, or any number
        const auto size = type == "X25519" ? 32U : 56U;
        const auto value = random.oneIn(2) ? Bytes(size) : random.bytes(size);
        pair.reset(EVP_PKEY_new_raw_public_key_ex(defaultOnly(), type.c_str(), nullptr,
                                                  value.data(), value.size()));
    } else if (isMontgomery(type)) {
        pair = pairOf(type, random);
    } else {
        pair = ecPair(type, random.bytes(30));
    }
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(pair.get(), &der);
    Bytes bytes(der, der + std::max(size, 0));
    OPENSSL_free(der);
    return bytes;
}

p11::ossl::Pkey decoded(OSSL_LIB_CTX* libctx, const Bytes& der) {
    const unsigned char* at = der.data();
    return p11::ossl::Pkey(
        d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(der.size()), libctx, nullptr));
}

struct Given {
    std::string key;
    std::vector<Bytes> peers;
};

class Derivation {
  public:
    Derivation(Side& side, const Random& random, Answers& answers, const Given& given)
        : side_(side), random_(random), answers_(answers), given_(given),
          context_(EVP_PKEY_CTX_new_from_pkey(side.libctx(), side.key(given.key), nullptr)) {}

    void run() {
        if (random_.oneIn(10))
            derive(); // before it is begun
        if (!begin())
            return;
        if (random_.oneIn(2))
            setKdf();
        if (random_.oneIn(5))
            setCofactor();
        if (random_.oneIn(10))
            derive(); // without a peer
        for (std::size_t steps = 1 + random_.below(5); steps > 0; --steps)
            step();
        setPeer();
        if (!refused_)
            derive();
    }

  private:
    bool begin() {
        const int result = EVP_PKEY_derive_init(context_.get());
        answers_.add("derive init " + given_.key, result);
        return result == 1;
    }
    // On purpose a peer that is refused takes the place of the one before, which software keeps.
    void step() {
        if (refused_)
            return setPeer();
        switch (random_.below(9)) {
        case 0:
            return sizeQuery();
        case 1:
            return copy();
        case 2:
            return setKdf();
        case 3:
            return setCofactor();
        case 4:
            return read();
        case 5:
            if (random_.oneIn(2))
                begin();
            return;
        case 6:
            return setPeer();
        default:
            return derive();
        }
    }
    void copy() {
        p11::ossl::PkeyCtx made(EVP_PKEY_CTX_dup(context_.get()));
        answers_.add("copy", made ? 1 : 0);
        if (made && random_.oneIn(2))
            context_ = std::move(made);
    }
    void setPeer() {
        const auto at = random_.below(given_.peers.size());
        const auto peer = decoded(side_.libctx(), given_.peers.at(at));
        const int result = EVP_PKEY_derive_set_peer(context_.get(), peer.get());
        answers_.add("set peer " + std::to_string(at), result);
        refused_ = result != 1;
    }
    int set(const OSSL_PARAM& param) {
        const std::array params{param, OSSL_PARAM_construct_end()};
        return EVP_PKEY_CTX_set_params(context_.get(), params.data());
    }
    int setText(const char* name, std::string value) {
        const int result = set(OSSL_PARAM_construct_utf8_string(name, value.data(), 0));
        answers_.add(std::string("set ") + name + " " + value, result);
        return result;
    }
    void setKdf() {
        setText(OSSL_EXCHANGE_PARAM_KDF_TYPE,
                random_.oneIn(5) ? random_.of<const char*>({"", "nonsense", "X942KDF-ASN1", "HKDF"})
                                 : OSSL_KDF_NAME_X963KDF);
        if (!random_.oneIn(6) &&
            setText(OSSL_EXCHANGE_PARAM_KDF_DIGEST,
                    random_.of<const char*>(
                        {"SHA1", "SHA256", "SHA512", "SHA3-256", "nonsense", "SHA384"})) != 1)
            // OpenSSL has forgotten the one before
            setText(OSSL_EXCHANGE_PARAM_KDF_DIGEST, "SHA512-256");
        auto size = random_.of<std::size_t>({0, 1, 16, 20, 33, 100, 1000});
        if (!random_.oneIn(6))
            answers_.add("set outlen " + std::to_string(size),
                         set(OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &size)));
        auto info = random_.bytes(random_.below(50));
        info.reserve(1); // OpenSSL takes a null pointer for an error
        if (random_.oneIn(2))
            answers_.add("set ukm " + std::to_string(info.size()),
                         set(OSSL_PARAM_construct_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM,
                                                               info.data(), info.size())));
    }
    void setCofactor() {
        int mode = random_.of({-2, -1, 0, 1, 2});
        answers_.add(
            "set cofactor " + std::to_string(mode),
            set(OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &mode)));
    }
    void read() {
        std::array<char, 80> type{};
        std::array<char, 80> digest{};
        std::size_t size = 999;
        int mode = 999;
        std::array params{
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, type.data(),
                                             type.size()),
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, digest.data(),
                                             digest.size()),
            OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &size),
            OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &mode),
            OSSL_PARAM_construct_end()};
        const int result = EVP_PKEY_CTX_get_params(context_.get(), params.data());
        // A digest has many names.
        const p11::ossl::Md md(EVP_MD_fetch(defaultOnly(), digest.data(), nullptr));
        answers_.add("get", result,
                     std::string(type.data()) + " " +
                         (md ? EVP_MD_get0_name(md.get()) : digest.data()) + " " +
                         std::to_string(size) + " " + std::to_string(mode));
    }
    void sizeQuery() {
        std::size_t size = 0;
        const int result = EVP_PKEY_derive(context_.get(), nullptr, &size);
        answers_.add("derive for the size", result, result == 1 ? std::to_string(size) : "");
    }
    void derive() {
        constexpr std::size_t longest = 1100;
        Room room(random_.oneIn(3) ? random_.below(70) : longest);
        std::size_t size = room.size();
        const int result = EVP_PKEY_derive(context_.get(), room.data(), &size);
        EXPECT_TRUE(room.isKeptTo());
        answers_.add("derive in " + std::to_string(room.size()), result,
                     result == 1 ? room.text(size) : "");
    }

    Side& side_;
    Random random_;
    Answers& answers_;
    const Given& given_;
    p11::ossl::PkeyCtx context_;
    bool refused_ = false;
};

Run planDerivation(Random& random) {
    Given given;
    given.key = random.of(keys);
    if (random.oneIn(30))
        given.key = random.of<const char*>({"rsa1024", "ED25519"});
    for (int i = 0; i < 3; ++i)
        given.peers.push_back(
            anyPeer(random.oneIn(6) || given.key.starts_with("rsa") || given.key.starts_with("ED")
                        ? random.of(keys)
                        : given.key,
                    random));
    return [given](Side& side, const Random& same, Answers& answers) {
        Derivation(side, same, answers, given).run();
    };
}

TEST(DifferentialFirst, Derives) {
    compare(Order::providerFirst, planDerivation);
}

TEST(DifferentialLast, Derives) {
    compare(Order::defaultFirst, planDerivation);
}

} // namespace
