// SPDX-License-Identifier: Apache-2.0
// X25519 and X448 keys (RFC 7748): on the token, which has them as Edwards keys, and in memory.
// Everything is compared with what OpenSSL makes of the same keys in software.
#include <array>
#include <atomic>

#include <openssl/core_names.h>

#include "agreement.h"

namespace {

using namespace testing_support;

class Montgomery : public ::testing::TestWithParam<std::tuple<const char*, Order>> {
  protected:
    const char* label() const { return std::get<0>(GetParam()); }
    Order order() const { return std::get<1>(GetParam()); }
    const char* algorithm() const { return isX25519() ? "X25519" : "X448"; }
    std::size_t size() const { return isX25519() ? 32 : 56; }
    p11::ossl::Pkey generateIn(OSSL_LIB_CTX* libctx) const {
        return p11::ossl::Pkey(EVP_PKEY_Q_keygen(libctx, nullptr, algorithm()));
    }

  private:
    bool isX25519() const { return std::string(label()) == "x25519"; }
};
INSTANTIATE_TEST_SUITE_P(
    All, Montgomery,
    ::testing::Combine(::testing::Values("x25519", "x448"),
                       ::testing::Values(Order::defaultFirst, Order::providerFirst)),
    [](const auto& given) {
        return std::string(std::get<0>(given.param)) +
               (std::get<1>(given.param) == Order::defaultFirst ? "DefaultFirst" : "ProviderFirst");
    });

Bytes rawPublic(EVP_PKEY* key) {
    Bytes value(64);
    std::size_t size = value.size();
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(key, value.data(), &size), 1) << takeErrors();
    value.resize(size);
    return value;
}

Bytes rawPrivate(EVP_PKEY* key) {
    Bytes value(64);
    std::size_t size = value.size();
    if (EVP_PKEY_get_raw_private_key(key, value.data(), &size) != 1)
        return {};
    value.resize(size);
    return value;
}

TEST_P(Montgomery, AgreesAsSoftwareDoesFromBothSides) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto ownPublic = publicKeyFromFile(label());
    for (int i = 0; i < usesUntilSteady; ++i)
        ASSERT_FALSE(derive(instance.get(), key.get(), ownPublic.get()).empty()) << takeErrors();
    for (int i = 0; i < 5; ++i) {
        const auto peer = generateIn(defaultOnly());
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware(label(), peer.get());
        ASSERT_EQ(expected.size(), size());
        const CallCounter calls;
        EXPECT_EQ(derive(instance.get(), key.get(), here.get()), expected) << takeErrors();
        EXPECT_EQ(calls.all(), oneDerivation) << calls.log();
        EXPECT_EQ(derive(defaultOnly(), peer.get(), publicKeyFromFile(label()).get()), expected);
    }
    // With itself, and with the public object.
    const auto own = deriveInSoftware(label(), publicKeyFromFile(label()).get());
    EXPECT_EQ(derive(instance.get(), key.get(), key.get()), own) << takeErrors();
    const auto object = load(instance, uriOf(label(), "public"), OSSL_STORE_INFO_PUBKEY);
    EXPECT_EQ(derive(instance.get(), key.get(), object.get()), own) << takeErrors();
}

TEST_P(Montgomery, TellsWhatItIs) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto file = publicKeyFromFile(label());
    EXPECT_TRUE(EVP_PKEY_is_a(key.get(), algorithm()));
    EXPECT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_get_id(file.get()));
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), EVP_PKEY_get_bits(file.get()));
    EXPECT_EQ(EVP_PKEY_get_security_bits(key.get()), EVP_PKEY_get_security_bits(file.get()));
    EXPECT_EQ(EVP_PKEY_get_size(key.get()), EVP_PKEY_get_size(file.get()));
    EXPECT_EQ(rawPublic(key.get()), rawPublic(file.get()));
    EXPECT_TRUE(rawPrivate(key.get()).empty());
    takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), file.get()), 1) << takeErrors();
    EXPECT_NE(EVP_PKEY_eq(key.get(), generateIn(defaultOnly()).get()), 1);
    takeErrors();
    const p11::ossl::Pkey copy(EVP_PKEY_dup(key.get()));
    EXPECT_EQ(derive(instance.get(), copy.get(), key.get()), deriveInSoftware(label(), file.get()))
        << takeErrors();
}

TEST_P(Montgomery, WithoutAPublicObjectTellsItsSizesAndProvesItsPublicHalf) {
    const Instance instance(order());
    const auto hidden = std::to_string(CKO_PUBLIC_KEY);
    ASSERT_EQ(module().configure("PKCS11_TEST_HIDE_CLASSES", hidden.c_str()), CKR_OK);
    const auto key = loadPrivate(instance, label());
    const auto file = publicKeyFromFile(label());
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), EVP_PKEY_get_bits(file.get()));
    EXPECT_EQ(EVP_PKEY_get_security_bits(key.get()), EVP_PKEY_get_security_bits(file.get()));
    EXPECT_EQ(EVP_PKEY_get_size(key.get()), EVP_PKEY_get_size(file.get()));
    EXPECT_NE(EVP_PKEY_eq(key.get(), generateIn(defaultOnly()).get()), 1);
    takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), file.get()), 1) << takeErrors();
    const auto peer = generateIn(defaultOnly());
    EXPECT_EQ(derive(instance.get(), key.get(), publicHalf(instance.get(), peer.get()).get()),
              deriveInSoftware(label(), peer.get()))
        << takeErrors();
    EXPECT_EQ(module().configure("PKCS11_TEST_HIDE_CLASSES", nullptr), CKR_OK);
}

// As libssl makes the key of the other side.
TEST_P(Montgomery, TakesAPeerMadeOfCopiedParametersAndLeavesTheKeyAsItWas) {
    const Instance instance(order());
    const auto peer = generateIn(defaultOnly());
    const auto value = rawPublic(peer.get());
    const auto ephemeral = generateIn(instance.get());
    const auto key = loadPrivate(instance, label());
    for (auto* mine : {ephemeral.get(), key.get()}) {
        const auto before = rawPublic(mine);
        const p11::ossl::Pkey copy(EVP_PKEY_new());
        ASSERT_EQ(EVP_PKEY_copy_parameters(copy.get(), mine), 1) << takeErrors();
        ASSERT_EQ(EVP_PKEY_set1_encoded_public_key(copy.get(), value.data(), value.size()), 1)
            << takeErrors();
        EXPECT_EQ(rawPublic(copy.get()), value);
        EXPECT_EQ(rawPublic(mine), before);
        EXPECT_EQ(derive(instance.get(), mine, copy.get()),
                  derive(defaultOnly(), peer.get(), publicHalf(defaultOnly(), mine).get()))
            << takeErrors();
        EXPECT_NE(EVP_PKEY_set1_encoded_public_key(copy.get(), value.data(), value.size() - 1), 1);
        takeErrors();
    }
}

// Made and read as if this provider were not there, in every way that there is.
TEST_P(Montgomery, KeysInMemoryAreSoftware) {
    const Instance instance(order());
    const CallCounter calls;
    const auto pair = generateIn(instance.get());
    ASSERT_TRUE(pair) << takeErrors();
    const auto secretValue = rawPrivate(pair.get());
    ASSERT_EQ(secretValue.size(), size()) << takeErrors();
    const p11::ossl::Pkey raw(EVP_PKEY_new_raw_private_key_ex(
        instance.get(), algorithm(), nullptr, secretValue.data(), secretValue.size()));
    ASSERT_TRUE(raw) << takeErrors();
    EXPECT_EQ(rawPublic(raw.get()), rawPublic(pair.get()));
    EXPECT_EQ(rawPrivate(raw.get()), secretValue);
    EXPECT_EQ(EVP_PKEY_eq(raw.get(), pair.get()), 1) << takeErrors();
    const auto value = rawPublic(pair.get());
    const p11::ossl::Pkey pub(EVP_PKEY_new_raw_public_key_ex(instance.get(), algorithm(), nullptr,
                                                             value.data(), value.size()));
    ASSERT_TRUE(pub) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(pub.get(), pair.get()), 1) << takeErrors();
    const auto file = privateKeyFromFile(instance.get(), label());
    const auto expected = deriveInSoftware(label(), pair.get());
    EXPECT_EQ(derive(instance.get(), file.get(), pub.get()), expected) << takeErrors();
    const auto filePublic = publicHalf(instance.get(), file.get());
    for (auto* mine : {pair.get(), raw.get()})
        EXPECT_EQ(derive(instance.get(), mine, filePublic.get()), expected) << takeErrors();
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    // The token's key, with such a pair at the other end.
    EXPECT_EQ(derive(instance.get(), loadPrivate(instance, label()).get(), pub.get()), expected)
        << takeErrors();
}

TEST_P(Montgomery, RefusesWhatItCannotDo) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    // Known from here on: an agreement proves it, and would be counted.
    ASSERT_TRUE(publicHalf(instance.get(), key.get())) << takeErrors();
    const CallCounter calls;
    const p11::ossl::MdCtx signer(EVP_MD_CTX_new());
    EXPECT_NE(EVP_DigestSignInit_ex(signer.get(), nullptr, nullptr, instance.get(), nullptr,
                                    key.get(), nullptr),
              1);
    EXPECT_NE(takeErrors().find("operation not supported for this keytype"), std::string::npos);
    const auto other = p11::ossl::Pkey(
        EVP_PKEY_Q_keygen(defaultOnly(), nullptr, size() == 32 ? "X448" : "X25519"));
    EXPECT_TRUE(
        derive(instance.get(), key.get(), publicHalf(instance.get(), other.get()).get()).empty());
    EXPECT_NE(takeErrors(), "");
    const auto context = begin(instance.get(), key.get());
    EXPECT_TRUE(finish(context.get()).empty());
    EXPECT_NE(takeErrors().find("no peer's key is set"), std::string::npos);
    ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), key.get()), 1) << takeErrors();
    Bytes out(size());
    std::size_t room = size() - 1;
    EXPECT_NE(EVP_PKEY_derive(context.get(), out.data(), &room), 1);
    EXPECT_NE(takeErrors().find("too small"), std::string::npos);
    EXPECT_EQ(calls.of("C_DeriveKey"), 0U) << calls.log();
}

// Zero, and one: with these every secret is zero (RFC 7748, section 6).
TEST_P(Montgomery, RefusesPeersOfSmallOrder) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto pair = generateIn(instance.get());
    for (const unsigned char first : Bytes{0, 1, 9}) {
        Bytes value(size());
        value.front() = first;
        const p11::ossl::Pkey peer(EVP_PKEY_new_raw_public_key_ex(
            instance.get(), algorithm(), nullptr, value.data(), value.size()));
        ASSERT_TRUE(peer) << takeErrors();
        for (auto* mine : {key.get(), pair.get()}) {
            // 9 is X25519's base point, and a point as any other of X448.
            EXPECT_EQ(derive(instance.get(), mine, peer.get()).empty(), first != 9)
                << int{first} << takeErrors();
            EXPECT_EQ(takeErrors().empty(), first == 9) << int{first};
        }
    }
}

TEST_P(Montgomery, CopiesOfAContextAreIndependent) {
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    const auto first = generateIn(defaultOnly());
    const auto second = generateIn(defaultOnly());
    auto context = begin(instance.get(), key.get());
    ASSERT_EQ(
        EVP_PKEY_derive_set_peer(context.get(), publicHalf(instance.get(), first.get()).get()), 1)
        << takeErrors();
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    ASSERT_TRUE(copy) << takeErrors();
    ASSERT_EQ(EVP_PKEY_derive_set_peer(copy.get(), publicHalf(instance.get(), second.get()).get()),
              1);
    EXPECT_EQ(finish(context.get()), deriveInSoftware(label(), first.get()));
    context.reset();
    EXPECT_EQ(finish(copy.get()), deriveInSoftware(label(), second.get()));
}

TEST_P(Montgomery, OfManyThreadsIsRightAlsoAfterALoss) {
    constexpr int crowd = 8;
    constexpr int rounds = 20;
    const Instance instance(order());
    const auto key = loadPrivate(instance, label());
    ASSERT_EQ(EVP_PKEY_eq(key.get(), publicKeyFromFile(label()).get()), 1);
    fault("C_DeriveKey", "30", CKR_KEY_HANDLE_INVALID);
    std::atomic<int> good{0};
    inThreads(crowd, [&](int) {
        const auto peer = generateIn(defaultOnly());
        const auto here = publicHalf(instance.get(), peer.get());
        const auto expected = deriveInSoftware(label(), peer.get());
        for (int round = 0; round < rounds; ++round)
            good += derive(instance.get(), key.get(), here.get()) == expected ? 1 : 0;
    });
    noFaults();
    EXPECT_EQ(good, crowd * rounds) << takeErrors();
}

// Every way in which tokens write the curve and the point down.
struct Spelling {
    const char* name;
    CK_KEY_TYPE type;
    const char* params; ///< a dotted OID, or a PrintableString
};
constexpr CK_KEY_TYPE edwards = 0x40; // PKCS#11 3.0
constexpr std::array spellings{
    Spelling{"X25519", edwards, "1.3.101.110"},
    Spelling{"X25519", edwards, "1.3.6.1.4.1.3029.1.5.1"},
    Spelling{"X25519", edwards, "curve25519"},
    Spelling{"X25519", edwards, "X25519"},
    Spelling{"X25519", CKK_EC, "1.3.101.110"},
    Spelling{"X25519", CKK_EC, "1.3.6.1.4.1.11591.15.1"},
    Spelling{"X25519", CKK_EC, "curve25519"},
    Spelling{"X448", edwards, "1.3.101.111"},
    Spelling{"X448", edwards, "curve448"},
    Spelling{"X448", CKK_EC, "curve448"},
    Spelling{"ED25519", edwards, "1.3.101.112"},
    Spelling{"ED25519", edwards, "1.3.6.1.4.1.11591.15.1"},
    Spelling{"ED25519", CKK_EC, "1.3.101.112"},
    Spelling{"ED448", edwards, "edwards448"},
};

Bytes derOf(const std::string& params) {
    Bytes der;
    if (const p11::ossl::Asn1Object oid(OBJ_txt2obj(params.c_str(), 1)); oid) {
        unsigned char* out = nullptr;
        const int size = i2d_ASN1_OBJECT(oid.get(), &out);
        der.assign(out, out + size);
        OPENSSL_free(out);
        return der;
    }
    ERR_clear_error();
    der = {V_ASN1_PRINTABLESTRING, static_cast<unsigned char>(params.size())};
    der.insert(der.end(), params.begin(), params.end());
    return der;
}

void putPublicKey(const Spelling& spelling, Bytes point) {
    const std::string label = "spelling";
    auto params = derOf(spelling.params);
    auto writer = tokenWriter("scenarios");
    writer.destroy(label);
    writer.createKey(CKO_PUBLIC_KEY, spelling.type, label, label,
                     {{CKA_EC_PARAMS, params.data(), params.size()},
                      {CKA_EC_POINT, point.data(), point.size()}});
}

TEST(Spellings, OfCurvesAndPointsAreUnderstood) {
    const Instance instance;
    for (const auto& spelling : spellings) {
        const p11::ossl::Pkey pair(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, spelling.name));
        const auto value = rawPublic(pair.get());
        const auto size = static_cast<unsigned char>(value.size());
        for (const auto& head :
             {Bytes{}, Bytes{V_ASN1_OCTET_STRING, size},
              Bytes{V_ASN1_BIT_STRING, static_cast<unsigned char>(size + 1), 0}}) {
            Bytes point = head;
            point.insert(point.end(), value.begin(), value.end());
            putPublicKey(spelling, point);
            const auto key = load(instance, uriOf("spelling", "public"), OSSL_STORE_INFO_PUBKEY);
            ASSERT_TRUE(key) << spelling.name << spelling.params << takeErrors();
            EXPECT_TRUE(EVP_PKEY_is_a(key.get(), spelling.name)) << spelling.params;
            EXPECT_EQ(rawPublic(key.get()), value) << spelling.params;
        }
    }
}

} // namespace
