// SPDX-License-Identifier: Apache-2.0
// HPKE (RFC 9180, OSSL_HPKE_CTX_new(3), OpenSSL 3.2) with the private key on the token. The other
// side is software, without the provider.
#include <openssl/core_names.h>

#include "agreement.h"
#include "newer.h"

namespace {

using namespace testing_support;

// openssl/hpke.h
struct Suite {
    std::uint16_t kem, kdf, aead;
};
struct HpkeContext;
constexpr int base = 0, preShared = 1, auth = 2, preSharedAuth = 3;
constexpr int sender = 0, recipient = 1;

struct Hpke {
    using Seal = int(HpkeContext*, unsigned char*, std::size_t*, const unsigned char*, std::size_t,
                     const unsigned char*, std::size_t);
    HpkeContext* (*make)(int, Suite, int, OSSL_LIB_CTX*, const char*) =
        newer<HpkeContext*(int, Suite, int, OSSL_LIB_CTX*, const char*)>("OSSL_HPKE_CTX_new");
    void (*free)(HpkeContext*) = newer<void(HpkeContext*)>("OSSL_HPKE_CTX_free");
    int (*encap)(HpkeContext*, unsigned char*, std::size_t*, const unsigned char*, std::size_t,
                 const unsigned char*, std::size_t) = newer<Seal>("OSSL_HPKE_encap");
    int (*decap)(HpkeContext*, const unsigned char*, std::size_t, EVP_PKEY*, const unsigned char*,
                 std::size_t) =
        newer<int(HpkeContext*, const unsigned char*, std::size_t, EVP_PKEY*, const unsigned char*,
                  std::size_t)>("OSSL_HPKE_decap");
    Seal* seal = newer<Seal>("OSSL_HPKE_seal");
    Seal* open = newer<Seal>("OSSL_HPKE_open");
    int (*setAuthPrivate)(HpkeContext*, EVP_PKEY*) =
        newer<int(HpkeContext*, EVP_PKEY*)>("OSSL_HPKE_CTX_set1_authpriv");
    int (*setAuthPublic)(HpkeContext*, const unsigned char*, std::size_t) =
        newer<int(HpkeContext*, const unsigned char*, std::size_t)>("OSSL_HPKE_CTX_set1_authpub");
    int (*setPreShared)(HpkeContext*, const char*, const unsigned char*, std::size_t) =
        newer<int(HpkeContext*, const char*, const unsigned char*, std::size_t)>(
            "OSSL_HPKE_CTX_set1_psk");
};

const Bytes message = randomBytes(100);
const Bytes info = randomBytes(20);
const Bytes preSharedKey = randomBytes(32);

Bytes publicValue(EVP_PKEY* key) {
    Bytes value(200);
    std::size_t size = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, value.data(),
                                              value.size(), &size),
              1)
        << takeErrors();
    value.resize(size);
    return value;
}

struct Given {
    const char* label;
    std::uint16_t kem, kdf;
};

/// A key's label on the token, and who of the two comes first.
class HpkeOnToken : public ::testing::TestWithParam<Given> {
  protected:
    using Context = std::unique_ptr<HpkeContext, void (*)(HpkeContext*)>;

    void SetUp() override {
        if (hpke.make == nullptr)
            GTEST_SKIP() << "OpenSSL has HPKE since 3.2";
        const auto half = publicKeyFromFile(GetParam().label);
        const p11::ossl::PkeyCtx maker(
            EVP_PKEY_CTX_new_from_pkey(defaultOnly(), half.get(), nullptr));
        EVP_PKEY* made = nullptr;
        ASSERT_TRUE(EVP_PKEY_keygen_init(maker.get()) == 1 &&
                    EVP_PKEY_generate(maker.get(), &made) == 1);
        other.reset(made);
        own = publicValue(half.get());
    }
    Context make(int mode, int role, OSSL_LIB_CTX* libctx, const char* query = nullptr) const {
        constexpr std::uint16_t aes128Gcm = 1;
        Context context(
            hpke.make(mode, {GetParam().kem, GetParam().kdf, aes128Gcm}, role, libctx, query),
            hpke.free);
        if (mode == preShared || mode == preSharedAuth) {
            EXPECT_EQ(
                hpke.setPreShared(context.get(), "name", preSharedKey.data(), preSharedKey.size()),
                1);
        }
        return context;
    }
    struct Sealed {
        Bytes encapsulated, ciphertext;
    };
    Sealed seal(HpkeContext* context, const Bytes& to) const {
        Sealed sealed{Bytes(200), Bytes(200)};
        std::size_t size = sealed.encapsulated.size();
        EXPECT_EQ(hpke.encap(context, sealed.encapsulated.data(), &size, to.data(), to.size(),
                             info.data(), info.size()),
                  1)
            << takeErrors();
        sealed.encapsulated.resize(size);
        size = sealed.ciphertext.size();
        EXPECT_EQ(hpke.seal(context, sealed.ciphertext.data(), &size, nullptr, 0, message.data(),
                            message.size()),
                  1)
            << takeErrors();
        sealed.ciphertext.resize(size);
        return sealed;
    }
    /// Empty on failure.
    Bytes open(HpkeContext* context, const Sealed& sealed, EVP_PKEY* with) const {
        Bytes opened(200);
        std::size_t size = opened.size();
        if (hpke.decap(context, sealed.encapsulated.data(), sealed.encapsulated.size(), with,
                       info.data(), info.size()) != 1 ||
            hpke.open(context, opened.data(), &size, nullptr, 0, sealed.ciphertext.data(),
                      sealed.ciphertext.size()) != 1)
            return {};
        opened.resize(size);
        return opened;
    }

    const Hpke hpke;
    p11::ossl::Pkey other; ///< in software
    Bytes own;             ///< the public value of the key on the token
};
INSTANTIATE_TEST_SUITE_P(All, HpkeOnToken,
                         ::testing::Values(Given{"ec256", 0x0010, 1}, Given{"ec384", 0x0011, 2},
                                           Given{"ec521", 0x0012, 3}, Given{"x25519", 0x0020, 1},
                                           Given{"x448", 0x0021, 3}),
                         [](const auto& given) { return std::string(given.param.label); });

TEST_P(HpkeOnToken, OpensWhatSoftwareSeals) {
    for (const auto order : {Order::defaultFirst, Order::providerFirst}) {
        const Instance instance(order);
        const auto key = loadPrivate(instance, GetParam().label);
        for (const int mode : {base, preShared, auth, preSharedAuth}) {
            const auto from = make(mode, sender, defaultOnly());
            const auto to = make(mode, recipient, instance.get());
            if (mode == auth || mode == preSharedAuth) {
                const auto half = publicValue(other.get());
                ASSERT_EQ(hpke.setAuthPrivate(from.get(), other.get()), 1);
                ASSERT_EQ(hpke.setAuthPublic(to.get(), half.data(), half.size()), 1);
            }
            auto sealed = seal(from.get(), own);
            EXPECT_EQ(open(to.get(), sealed, key.get()), message) << mode << takeErrors();
        }
    }
}

TEST_P(HpkeOnToken, DoesNotOpenWhatSomebodyElseSealed) {
    const Instance instance;
    const auto key = loadPrivate(instance, GetParam().label);
    const auto from = make(auth, sender, defaultOnly());
    const auto to = make(auth, recipient, instance.get());
    ASSERT_EQ(hpke.setAuthPrivate(from.get(), other.get()), 1);
    ASSERT_EQ(hpke.setAuthPublic(to.get(), own.data(), own.size()), 1);
    EXPECT_TRUE(open(to.get(), seal(from.get(), own), key.get()).empty());
    takeErrors();
}

// The query makes OpenSSL take this provider's KEM, though the recipient's key is in memory.
TEST_P(HpkeOnToken, AuthenticatesAsTheSender) {
    const Instance instance(Order::defaultFirst);
    const auto key = loadPrivate(instance, GetParam().label);
    const auto from = make(auth, sender, instance.get(), "?provider=pkcs11");
    const auto to = make(auth, recipient, defaultOnly());
    ASSERT_EQ(hpke.setAuthPrivate(from.get(), key.get()), 1) << takeErrors();
    ASSERT_EQ(hpke.setAuthPublic(to.get(), own.data(), own.size()), 1);
    EXPECT_EQ(open(to.get(), seal(from.get(), publicValue(other.get())), other.get()), message)
        << takeErrors();
}

} // namespace
