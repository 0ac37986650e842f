// SPDX-License-Identifier: Apache-2.0
// OSSL_STORE_find(3): by subject, issuer and serial number, fingerprint and label.
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "fixture.h"

namespace {

using namespace testing_support;
using Store = p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using Info = p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;
using Criterion = p11::ossl::Owner<OSSL_STORE_SEARCH, OSSL_STORE_SEARCH_free>;
using Name = p11::ossl::Owner<X509_NAME, X509_NAME_free>;
using Number = p11::ossl::Owner<ASN1_INTEGER, ASN1_INTEGER_free>;

Name named(const std::string& common, int encoding = MBSTRING_UTF8) {
    Name name(X509_NAME_new());
    X509_NAME_add_entry_by_txt(name.get(), "CN", encoding,
                               reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
    return name;
}

Number number(long value) {
    Number made(ASN1_INTEGER_new());
    ASN1_INTEGER_set(made.get(), value);
    return made;
}

template <typename T>
Bytes encoded(int (*encode)(T*, unsigned char**), std::remove_const_t<T>* object) {
    unsigned char* der = nullptr;
    const int size = encode(object, &der);
    Bytes bytes(der, der + std::max(size, 0));
    OPENSSL_free(der);
    return bytes;
}

p11::ossl::Certificate certificate(const std::string& subject, const std::string& issuer,
                                   long serial, EVP_PKEY* key, EVP_PKEY* signer) {
    p11::ossl::Certificate made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_set_subject_name(made.get(), named(subject).get());
    X509_set_issuer_name(made.get(), named(issuer).get());
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key);
    if (subject == issuer) {
        const p11::ossl::Owner<X509_EXTENSION, X509_EXTENSION_free> isCa(
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"));
        X509_add_ext(made.get(), isCa.get(), -1);
    }
    EXPECT_GT(X509_sign(made.get(), signer, EVP_sha256()), 0) << takeErrors();
    return made;
}

/// A criterion keeps no copy of the name.
struct ByName {
    explicit ByName(Name wanted)
        : name(std::move(wanted)), criterion(OSSL_STORE_SEARCH_by_name(name.get())) {}
    explicit ByName(const std::string& common) : ByName(named(common)) {}
    Name name;
    Criterion criterion;
};

enum class Attributes { complete, withoutNames };

class StoreFind : public testing::Test {
  protected:
    ~StoreFind() override { tokenWriter("scenarios").destroy("found"); }

    static void put(X509* certificate, Attributes attributes = Attributes::complete) {
        auto der = derOf(certificate);
        auto subject = encoded(i2d_X509_NAME, X509_get_subject_name(certificate));
        auto issuer = encoded(i2d_X509_NAME, X509_get_issuer_name(certificate));
        auto serial = encoded(i2d_ASN1_INTEGER, X509_get_serialNumber(certificate));
        CK_BBOOL no = CK_FALSE;
        std::vector<CK_ATTRIBUTE> values{{CKA_PRIVATE, &no, sizeof no},
                                         {CKA_VALUE, der.data(), der.size()}};
        if (attributes == Attributes::complete)
            values.insert(values.end(), {{CKA_SUBJECT, subject.data(), subject.size()},
                                         {CKA_ISSUER, issuer.data(), issuer.size()},
                                         {CKA_SERIAL_NUMBER, serial.data(), serial.size()}});
        else
            values.push_back({CKA_SUBJECT, subject.data(), 0});
        tokenWriter("scenarios").createCertificate("found", values);
        takeErrors(); // of the module's use of OpenSSL
    }

    /// The types of what is found, and the last certificate.
    std::vector<int> find(const Criterion& criterion, const std::string& uri, int expected = 0) {
        const Store store(OSSL_STORE_open_ex(uri.c_str(), instance_.get(), nullptr, nullptr,
                                             nullptr, nullptr, nullptr, nullptr));
        EXPECT_TRUE(store) << takeErrors();
        if (expected != 0) {
            EXPECT_EQ(OSSL_STORE_expect(store.get(), expected), 1);
        }
        EXPECT_EQ(
            OSSL_STORE_supports_search(store.get(), OSSL_STORE_SEARCH_get_type(criterion.get())),
            1);
        if (OSSL_STORE_find(store.get(), criterion.get()) != 1)
            return {-1};
        std::vector<int> types;
        last_.reset();
        for (int i = 0; i < 100 && OSSL_STORE_eof(store.get()) == 0; ++i)
            if (const Info info(OSSL_STORE_load(store.get())); info) {
                types.push_back(OSSL_STORE_INFO_get_type(info.get()));
                if (types.back() == OSSL_STORE_INFO_CERT)
                    last_.reset(OSSL_STORE_INFO_get1_CERT(info.get()));
            }
        return types;
    }

    bool isLast(const p11::ossl::Certificate& certificate) const {
        return last_ && X509_cmp(last_.get(), certificate.get()) == 0;
    }

    const Instance instance_;
    const p11::ossl::Pkey key_{EVP_PKEY_Q_keygen(defaultOnly(), nullptr, "EC", "P-256")};
    p11::ossl::Certificate last_;
};

const std::string token = "pkcs11:token=scenarios";
const std::vector certificateAlone{OSSL_STORE_INFO_CERT};

TEST_F(StoreFind, GivesTheCertificateThatIsAskedFor) {
    const auto one = certificate("one", "issuer", 1, key_.get(), key_.get());
    const auto two = certificate("two", "issuer", 2, key_.get(), key_.get());
    put(one.get());
    put(two.get());
    EXPECT_EQ(find(ByName("two").criterion, token), certificateAlone);
    EXPECT_TRUE(isLast(two));
    const auto issuer = named("issuer");
    for (const auto* wanted : {&one, &two}) {
        const Criterion bySerial(
            OSSL_STORE_SEARCH_by_issuer_serial(issuer.get(), X509_get_serialNumber(wanted->get())));
        EXPECT_EQ(find(bySerial, token, OSSL_STORE_INFO_CERT), certificateAlone);
        EXPECT_TRUE(isLast(*wanted));
    }
    const auto other = number(3);
    EXPECT_TRUE(
        find(Criterion(OSSL_STORE_SEARCH_by_issuer_serial(issuer.get(), other.get())), token)
            .empty());
    EXPECT_EQ(takeErrors(), "");
}

TEST_F(StoreFind, ComparesNamesAsOpenSslDoes) {
    const auto made = certificate("Some  Name", "issuer", 1, key_.get(), key_.get());
    for (const auto attributes : {Attributes::complete, Attributes::withoutNames}) {
        put(made.get(), attributes);
        for (const int encoding : {MBSTRING_UTF8, V_ASN1_PRINTABLESTRING}) {
            EXPECT_EQ(find(ByName(named("SOME name", encoding)).criterion, token),
                      certificateAlone);
            EXPECT_TRUE(isLast(made));
        }
        EXPECT_TRUE(find(ByName("some names").criterion, token).empty());
        tokenWriter("scenarios").destroy("found");
    }
}

// A module that passes over its template, or over a part of it.
TEST_F(StoreFind, ComparesWhatTheTokenGives) {
    const auto one = certificate("one", "issuer", 1, key_.get(), key_.get());
    put(one.get());
    put(certificate("two", "issuer", 2, key_.get(), key_.get()).get());
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", "ignore-template"), CKR_OK);
    EXPECT_EQ(find(ByName("one").criterion, token), certificateAlone);
    EXPECT_TRUE(isLast(one));
    ASSERT_EQ(module().configure("PKCS11_TEST_QUIRK", ""), CKR_OK);
}

TEST_F(StoreFind, TakesFingerprintsOfCertificatesAndOfPublicKeys) {
    const auto made = certificate("one", "issuer", 1, key_.get(), key_.get());
    put(made.get());
    put(certificate("two", "issuer", 2, publicKeyFromFile("ec384").get(), key_.get()).get());
    const auto* digest = EVP_sha384();
    const auto fingerprint = [digest](const Bytes& der) {
        Bytes bytes(48);
        EVP_Digest(der.data(), der.size(), bytes.data(), nullptr, digest, nullptr);
        return bytes;
    };
    for (const auto& der : {derOf(made.get()), encoded(i2d_PUBKEY, key_.get())}) {
        const auto bytes = fingerprint(der);
        const Criterion criterion(
            OSSL_STORE_SEARCH_by_key_fingerprint(digest, bytes.data(), bytes.size()));
        EXPECT_EQ(find(criterion, token), certificateAlone);
        EXPECT_TRUE(isLast(made));
    }
    // With the login that shows the private key; bare-ec has its public half nowhere else.
    const auto bytes = fingerprint(encoded(i2d_PUBKEY, publicKeyFromFile("ec256").get()));
    const Criterion ofKey(OSSL_STORE_SEARCH_by_key_fingerprint(digest, bytes.data(), bytes.size()));
    EXPECT_EQ(find(ofKey, token + pinQuery()),
              (std::vector{OSSL_STORE_INFO_PUBKEY, OSSL_STORE_INFO_PKEY}));
    EXPECT_EQ(find(ofKey, token + pinQuery(), OSSL_STORE_INFO_PKEY),
              std::vector{OSSL_STORE_INFO_PKEY});
}

TEST_F(StoreFind, TakesALabel) {
    const Criterion rsa(OSSL_STORE_SEARCH_by_alias("rsa"));
    for (const char* object : {"", ";object=rsa"})
        EXPECT_EQ(
            find(rsa, token + object + pinQuery()),
            (std::vector{OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_PUBKEY, OSSL_STORE_INFO_PKEY}));
    EXPECT_TRUE(find(rsa, token + ";object=ec256").empty());
    EXPECT_TRUE(find(Criterion(OSSL_STORE_SEARCH_by_alias("nosuch")), token).empty());
    EXPECT_EQ(find(rsa, token, OSSL_STORE_INFO_NAME), (std::vector(3, OSSL_STORE_INFO_NAME)));
    EXPECT_EQ(takeErrors(), "");
}

// Keys have no names of their own.
TEST_F(StoreFind, GivesNoKeysForTheNamesOfCertificates) {
    const ByName localhost("localhost");
    EXPECT_EQ(find(localhost.criterion, token + pinQuery()),
              (std::vector(2, OSSL_STORE_INFO_CERT)));
    EXPECT_TRUE(find(localhost.criterion, token + pinQuery(), OSSL_STORE_INFO_PKEY).empty());
    EXPECT_EQ(takeErrors(), "");
}

TEST_F(StoreFind, RefusesDigestsThatNobodyHas) {
    const Bytes bytes(16);
    // The legacy provider, which is not loaded here, has it.
    const Criterion criterion(
        OSSL_STORE_SEARCH_by_key_fingerprint(EVP_md4(), bytes.data(), bytes.size()));
    ASSERT_TRUE(criterion);
    EXPECT_EQ(find(criterion, token), std::vector{-1});
    EXPECT_NE(takeErrors().find("the digest of the fingerprint to search for is unknown"),
              std::string::npos);
}

// The token compares, so that others' certificates cost nothing.
TEST_F(StoreFind, CostsNoMoreCallsWhereThereAreManyCertificates) {
    put(certificate("one", "issuer", 1, key_.get(), key_.get()).get());
    const auto calls = [this] {
        const CallCounter counter;
        EXPECT_EQ(find(ByName("one").criterion, token), certificateAlone);
        return counter.total();
    };
    calls();
    const auto alone = calls();
    for (long i = 2; i < 12; ++i)
        put(certificate("other " + std::to_string(i), "issuer", i, key_.get(), key_.get()).get());
    EXPECT_EQ(calls(), alone);
}

// X509_LOOKUP_store(3) climbs a chain by the names of the issuers.
TEST_F(StoreFind, BuildsAChain) {
    const p11::ossl::Pkey root(EVP_PKEY_Q_keygen(defaultOnly(), nullptr, "EC", "P-256"));
    put(certificate("root", "root", 1, root.get(), root.get()).get());
    const auto leaf = certificate("leaf", "root", 2, key_.get(), root.get());
    const p11::ossl::Owner<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    ASSERT_EQ(X509_STORE_load_store_ex(store.get(), token.c_str(), instance_.get(), nullptr), 1)
        << takeErrors();
    const p11::ossl::Owner<X509_STORE_CTX, X509_STORE_CTX_free> context(
        X509_STORE_CTX_new_ex(instance_.get(), nullptr));
    ASSERT_EQ(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr), 1);
    EXPECT_EQ(X509_verify_cert(context.get()), 1)
        << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    const auto stranger = certificate("leaf", "root", 2, key_.get(), key_.get());
    X509_STORE_CTX_cleanup(context.get());
    ASSERT_EQ(X509_STORE_CTX_init(context.get(), store.get(), stranger.get(), nullptr), 1);
    EXPECT_NE(X509_verify_cert(context.get()), 1);
}

} // namespace
