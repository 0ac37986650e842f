// SPDX-License-Identifier: Apache-2.0
// HKDF and TLS13-KDF with generic secrets on tokens, beside OpenSSL's default provider with the
// same bytes. NSS has the mechanisms, and SoftHSM has not.
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include "agreement.h"
#include "nss_token.h"
#include "pkcs11/cryptoki.h"
#include "skeys.h"

namespace {

using namespace testing_support;

using Kdf = p11::ossl::Owner<EVP_KDF, EVP_KDF_free>;
using KdfCtx = p11::ossl::Owner<EVP_KDF_CTX, EVP_KDF_CTX_free>;
const auto setSkey = newer<int(EVP_KDF_CTX*, Skey*, const char*)>("EVP_KDF_CTX_set_SKEY");

/// The parameters of a KDF.
class Params {
  public:
    Params& text(const char* name, const std::string& value) {
        texts_.emplace_back(name, value);
        return *this;
    }
    Params& bytes(const char* name, const Bytes& value) {
        bytes_.emplace_back(name, value);
        return *this;
    }
    /// A value of no bytes, at an address. A null pointer stands for no value.
    Params& nothing(const char* name) {
        empty_.push_back(name);
        return *this;
    }
    std::vector<OSSL_PARAM> list() const {
        std::vector<OSSL_PARAM> all;
        for (const auto& [name, value] : texts_)
            all.push_back(
                OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value.c_str()), 0));
        for (const auto& [name, value] : bytes_)
            all.push_back(OSSL_PARAM_construct_octet_string(
                name, const_cast<unsigned char*>(value.data()), value.size()));
        static unsigned char address = 0;
        for (const auto* name : empty_)
            all.push_back(OSSL_PARAM_construct_octet_string(name, &address, 0));
        all.push_back(OSSL_PARAM_construct_end());
        return all;
    }

  private:
    std::vector<std::pair<const char*, std::string>> texts_;
    std::vector<std::pair<const char*, Bytes>> bytes_;
    std::vector<const char*> empty_;
};

KdfCtx contextOf(OSSL_LIB_CTX* libctx, const char* name, const char* properties) {
    const Kdf kdf(EVP_KDF_fetch(libctx, name, properties));
    EXPECT_TRUE(kdf) << name << takeErrors();
    return KdfCtx(EVP_KDF_CTX_new(kdf.get()));
}

/// Nothing on failure.
std::optional<Bytes> derived(EVP_KDF_CTX* context, std::size_t size, const Params& params) {
    Bytes out(size);
    if (EVP_KDF_derive(context, out.data(), size, params.list().data()) != 1)
        return std::nullopt;
    return out;
}

/// A key on NSS's token, and its bytes. It is a session object, which ends with this.
struct Secret {
    explicit Secret(OSSL_LIB_CTX* libctx, const std::string& token, std::size_t size = 32)
        : bytes(randomBytes(size)), key(importKey(libctx, token, bytes, {}, "GENERIC-SECRET")) {
        EXPECT_TRUE(key) << takeErrors();
        uri = keyIdOf(key.get());
    }
    Bytes bytes;
    SecretKey key;
    std::string uri;
};

const std::string nssUri = "pkcs11:token=NSS%20Certificate%20DB";
const char* const directive = "pkcs11-symmetric-keys = 1";

TokenWriter nssWriter() {
    return {std::string(NSS) + "/lib/libsoftokn3.so", "NSS Certificate DB", "1234"};
}

/// A secret that NSS lets out, for CKM_HKDF_DERIVE alone. It ends with the session of `writer`.
Bytes makeReadableSecret(TokenWriter& writer, const std::string& label) {
    auto value = randomBytes(32);
    CK_OBJECT_CLASS type = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType = CKK_GENERIC_SECRET;
    CK_MECHANISM_TYPE allowed = CKM_HKDF_DERIVE;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    std::string name = label;
    writer.create({{CKA_CLASS, &type, sizeof type},
                   {CKA_KEY_TYPE, &keyType, sizeof keyType},
                   {CKA_TOKEN, &no, sizeof no},
                   {CKA_SENSITIVE, &no, sizeof no},
                   {CKA_EXTRACTABLE, &yes, sizeof yes},
                   {CKA_DERIVE, &yes, sizeof yes},
                   {CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed},
                   {CKA_LABEL, name.data(), name.size()},
                   {CKA_VALUE, value.data(), value.size()}});
    return value;
}

Params hkdf(const std::string& mode, const std::string& digest) {
    Params params;
    if (!digest.empty())
        params.text(OSSL_KDF_PARAM_DIGEST, digest);
    if (!mode.empty())
        params.text(OSSL_KDF_PARAM_MODE, mode);
    return params;
}

class TokenKdf : public Skeys {
  protected:
    void SetUp() override {
        Skeys::SetUp();
        if (IsSkipped())
            return;
        if (!NssToken::isThere())
            GTEST_SKIP() << "there is no NSS of Debian 14";
        nss_ = std::make_unique<NssToken>(Order::providerFirst, directive);
        secret_ = std::make_unique<Secret>(nss_->get(), nssUri);
    }
    /// From now on the token can be made to answer as others do.
    void putTestModuleBefore() {
        secret_.reset();
        nss_.reset();
        nss_ = NssToken::behindTestModule(Order::providerFirst, directive);
        secret_ = std::make_unique<Secret>(nss_->get(), nssUri);
    }
    /// The error of 40 bytes.
    std::string refusal() const {
        EXPECT_FALSE(derived(contextOf(nss_->get(), "HKDF", ours).get(), 40,
                             hkdf("", "SHA256").text("pkcs11_uri", secret_->uri)));
        return takeErrors();
    }
    /// A key that may be used with CKM_HKDF_DERIVE alone, in the place of the other.
    void takeReadable(TokenWriter& writer) {
        secret_->bytes = makeReadableSecret(writer, "readable");
        secret_->uri = nssUri + ";object=readable";
        secret_->key = importKey(nss_->get(), secret_->uri, {}, {}, "GENERIC-SECRET");
    }
    /// With the same parameters both derive the same, or both refuse.
    void expectSame(const char* name, std::size_t size, const Params& params) const {
        auto withBytes = params;
        const auto expected = derived(contextOf(defaultOnly(), name, nullptr).get(), size,
                                      withBytes.bytes(OSSL_KDF_PARAM_KEY, secret_->bytes));
        ERR_clear_error();
        auto withUri = params;
        EXPECT_EQ(derived(contextOf(nss_->get(), name, ours).get(), size,
                          withUri.text("pkcs11_uri", secret_->uri)),
                  expected)
            << name << ' ' << size << takeErrors();
        if (setSkey == nullptr)
            return;
        const auto context = contextOf(nss_->get(), name, ours);
        EXPECT_EQ(setSkey(context.get(), secret_->key.get(), OSSL_KDF_PARAM_KEY), 1)
            << takeErrors();
        EXPECT_EQ(derived(context.get(), size, params), expected) << name << takeErrors();
        ERR_clear_error();
    }

    /// Parameters by which no zero comes first: the test module leaves it out, and the provider
    /// refuses a secret of another size.
    Params withoutZeroInFront(std::size_t size) const {
        for (unsigned char i = 0;; ++i) {
            const auto params = hkdf("", "SHA256").bytes(OSSL_KDF_PARAM_INFO, {i});
            auto withBytes = params;
            const auto secret = derived(contextOf(defaultOnly(), "HKDF", nullptr).get(), size,
                                        withBytes.bytes(OSSL_KDF_PARAM_KEY, secret_->bytes));
            if (!secret || secret->front() != 0)
                return params;
        }
    }

    std::unique_ptr<NssToken> nss_;
    std::unique_ptr<Secret> secret_;
};

TEST_F(TokenKdf, HkdfDerivesWhatSoftwareDerives) {
    for (const char* mode : {"", "EXTRACT_ONLY", "EXPAND_ONLY", "expand_only"})
        for (const char* digest : {"SHA1", "SHA256", "SHA384", "sha512"})
            for (const std::size_t size : {1U, 20U, 32U, 48U, 64U, 200U}) {
                const auto params = hkdf(mode, digest);
                expectSame("HKDF", size, params);
                auto more = params;
                expectSame("HKDF", size,
                           more.bytes(OSSL_KDF_PARAM_SALT, randomBytes(13))
                               .bytes(OSSL_KDF_PARAM_INFO, randomBytes(7))
                               .bytes(OSSL_KDF_PARAM_INFO, randomBytes(9)));
            }
}

TEST_F(TokenKdf, HkdfRefusesWhatSoftwareRefuses) {
    expectSame("HKDF", 32, hkdf("", ""));
    expectSame("HKDF", 32, hkdf("", "NOSUCH"));
    expectSame("HKDF", 32, hkdf("NOSUCH", "SHA256"));
    expectSame("HKDF", 255 * 32 + 1, hkdf("", "SHA256"));
    expectSame("HKDF", 255 * 32 + 1, hkdf("EXPAND_ONLY", "SHA256"));
}

Params tls13(const std::string& mode, const Bytes& data, const Bytes& secret = {}) {
    auto params = hkdf(mode, "SHA256");
    const std::string prefix = "tls13 ";
    const std::string label = mode == "EXPAND_ONLY" ? "c hs traffic" : "derived";
    params.bytes(OSSL_KDF_PARAM_PREFIX, {prefix.begin(), prefix.end()})
        .bytes(OSSL_KDF_PARAM_LABEL, {label.begin(), label.end()});
    if (!data.empty())
        params.bytes(OSSL_KDF_PARAM_DATA, data);
    if (!secret.empty())
        params.bytes(OSSL_KDF_PARAM_SALT, secret);
    return params;
}

TEST_F(TokenKdf, Tls13DerivesWhatSoftwareDerives) {
    for (const std::size_t size : {16U, 32U, 48U}) {
        expectSame("TLS13-KDF", size, tls13("EXPAND_ONLY", randomBytes(32)));
        expectSame("TLS13-KDF", size, tls13("EXPAND_ONLY", {}));
        expectSame("TLS13-KDF", size, tls13("EXTRACT_ONLY", {}));
        expectSame("TLS13-KDF", size, tls13("EXTRACT_ONLY", {}, randomBytes(32)));
    }
    expectSame("TLS13-KDF", 32, hkdf("EXTRACT_AND_EXPAND", "SHA256"));
    expectSame("TLS13-KDF", 32, hkdf("EXPAND_ONLY", ""));
}

/// What one context derives after each of these steps: a value, an empty one, the same again, a
/// copy, and a reset. Nothing where a step is refused.
std::vector<std::optional<Bytes>> derivedInSteps(OSSL_LIB_CTX* libctx, const char* name,
                                                 const Params& params, const char* field,
                                                 const Params& key) {
    const auto context = contextOf(libctx, name, nullptr);
    std::vector<std::optional<Bytes>> all;
    all.push_back(derived(context.get(), 32, key));
    all.push_back(derived(context.get(), 32, params));
    for (int round = 0; round < 2; ++round) {
        all.push_back(derived(context.get(), 32, Params().bytes(field, Bytes(13, 0x5A))));
        const KdfCtx full(EVP_KDF_CTX_dup(context.get()));
        all.push_back(full ? derived(full.get(), 32, {}) : std::nullopt);
        all.push_back(derived(context.get(), 32, Params().nothing(field)));
        all.push_back(derived(context.get(), 32, {}));
        const KdfCtx emptied(EVP_KDF_CTX_dup(context.get()));
        all.push_back(emptied ? derived(emptied.get(), 32, {}) : std::nullopt);
    }
    EVP_KDF_CTX_reset(context.get());
    all.push_back(derived(context.get(), 32, {}));
    all.push_back(derived(context.get(), 32, params));
    all.push_back(derived(context.get(), 32, key));
    ERR_clear_error();
    return all;
}

TEST_F(TokenKdf, AnEmptyValueTakesThePlaceOfAnother) {
    Params bytes;
    Params uri;
    bytes.bytes(OSSL_KDF_PARAM_KEY, secret_->bytes);
    uri.text("pkcs11_uri", secret_->uri);
    const auto expectSameSteps = [&](const char* name, const Params& params, const char* field) {
        const auto theirs = derivedInSteps(defaultOnly(), name, params, field, bytes);
        const auto mine = derivedInSteps(nss_->get(), name, params, field, uri);
        for (std::size_t i = 0; i < theirs.size(); ++i)
            EXPECT_EQ(mine[i], theirs[i]) << name << ' ' << field << ", derivation " << i;
    };
    for (const char* field : {OSSL_KDF_PARAM_SALT, OSSL_KDF_PARAM_INFO})
        for (const char* mode : {"EXTRACT_AND_EXPAND", "EXTRACT_ONLY", "EXPAND_ONLY"})
            expectSameSteps("HKDF", hkdf(mode, "SHA256"), field);
    for (const char* field :
         {OSSL_KDF_PARAM_SALT, OSSL_KDF_PARAM_PREFIX, OSSL_KDF_PARAM_LABEL, OSSL_KDF_PARAM_DATA})
        for (const char* mode : {"EXTRACT_ONLY", "EXPAND_ONLY"}) {
            expectSameSteps("TLS13-KDF", tls13(mode, {}), field);
            expectSameSteps("TLS13-KDF", hkdf(mode, "SHA256"), field);
        }
}

TEST_F(TokenKdf, TheLastKeyCounts) {
    const auto params = hkdf("", "SHA256");
    auto withBytes = params;
    withBytes.bytes(OSSL_KDF_PARAM_KEY, randomBytes(32));
    const auto expected = derived(contextOf(defaultOnly(), "HKDF", nullptr).get(), 32, withBytes);
    const auto context = contextOf(nss_->get(), "HKDF", nullptr);
    auto withUri = params;
    withUri.text("pkcs11_uri", secret_->uri);
    const auto onToken = derived(context.get(), 32, withUri);
    EXPECT_TRUE(onToken) << takeErrors();
    EXPECT_EQ(derived(context.get(), 32, withBytes), expected) << takeErrors();
    EXPECT_EQ(derived(context.get(), 32, withUri), onToken) << takeErrors();
    const KdfCtx copy(EVP_KDF_CTX_dup(context.get()));
    ASSERT_TRUE(copy) << takeErrors();
    EXPECT_EQ(derived(copy.get(), 32, {}), onToken) << takeErrors();
    if (setSkey != nullptr) {
        const auto inMemory = importKey(nss_->get(), "", randomBytes(20), {}, "GENERIC-SECRET");
        EXPECT_EQ(setSkey(copy.get(), secret_->key.get(), OSSL_KDF_PARAM_SALT), 0);
        EXPECT_NE(takeErrors().find("cannot be the parameter \"salt\""), std::string::npos);
        const auto another = contextOf(nss_->get(), "HKDF", nullptr);
        EXPECT_EQ(setSkey(another.get(), secret_->key.get(), OSSL_KDF_PARAM_KEY), 1);
        EXPECT_EQ(setSkey(another.get(), inMemory.get(), OSSL_KDF_PARAM_KEY), 1);
        EXPECT_NE(derived(another.get(), 32, params), onToken) << takeErrors();
    }
    EVP_KDF_CTX_reset(context.get());
    EXPECT_FALSE(derived(context.get(), 32, params)) << "a key after the reset";
    EXPECT_EQ(derived(copy.get(), 32, {}), onToken) << "the copy is its own";
    takeErrors();
}

TEST_F(TokenKdf, TakesAnAesKeyThatMayDerive) {
    const auto value = randomBytes(32);
    const auto key = importKey(nss_->get(), nssUri, value, "keyAgreement");
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(derived(contextOf(nss_->get(), "HKDF", ours).get(), 32,
                      hkdf("", "SHA256").text("pkcs11_uri", keyIdOf(key.get()))),
              derived(contextOf(defaultOnly(), "HKDF", nullptr).get(), 32,
                      hkdf("", "SHA256").bytes(OSSL_KDF_PARAM_KEY, value)))
        << takeErrors();
}

TEST_F(TokenKdf, DerivesASecretWhereDataIsNotAllowed) {
    TokenWriter writer = nssWriter();
    takeReadable(writer);
    for (const char* mode : {"", "EXTRACT_ONLY", "EXPAND_ONLY"})
        for (const std::size_t size : {16U, 32U, 100U})
            expectSame("HKDF", size, hkdf(mode, "SHA256"));
    expectSame("TLS13-KDF", 32, tls13("EXTRACT_ONLY", {}, randomBytes(32)));
}

/// A P-256 key that agrees on secrets. It ends with the session of `writer`.
void makeAgreeingKey(TokenWriter& writer, std::string label) {
    CK_BBOOL yes = CK_TRUE;
    Bytes p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    const CK_ATTRIBUTE name{CKA_LABEL, label.data(), label.size()};
    writer.generatePair(CKM_EC_KEY_PAIR_GEN, {name, {CKA_EC_PARAMS, p256.data(), p256.size()}},
                        {name, {CKA_DERIVE, &yes, sizeof yes}});
}

// With ECDH a token may want no length. With HKDF it would choose one.
TEST_F(TokenKdf, AlwaysGetsTheLength) {
    putTestModuleBefore();
    TokenWriter writer = nssWriter();
    takeReadable(writer);
    makeAgreeingKey(writer, "agrees");
    const auto key = nss_->loadPrivate("agrees");
    configureModule("PKCS11_TEST_QUIRK", "derive-wants-no-length");
    EXPECT_EQ(derive(nss_->get(), key.get(), publicKeyFromFile("ec256").get()).size(), 32U)
        << takeErrors();
    module().configure("PKCS11_TEST_QUIRK", nullptr);
    expectSame("HKDF", 40, withoutZeroInFront(40));
}

TEST_F(TokenKdf, RefusesASecretOfAnotherSize) {
    putTestModuleBefore();
    TokenWriter writer = nssWriter();
    takeReadable(writer);
    for (const std::string size : {"0", "32"}) {
        configureModule("PKCS11_TEST_VALUE_SIZE", size);
        EXPECT_NE(refusal().find("the token derived " + size + " bytes instead of 40"),
                  std::string::npos);
    }
}

// Nobody who does not name a key on the token notices the provider, even if it comes first.
TEST(Kdfs, WithBytesAreThoseOfSoftware) {
    const SymmetricInstance instance(Order::providerFirst);
    for (const auto& [name, params] :
         {std::pair{"HKDF", hkdf("", "SHA256")},
          std::pair{"TLS13-KDF", tls13("EXPAND_ONLY", randomBytes(32))},
          std::pair{"HKDF", hkdf("NOSUCH", "SHA256")}}) {
        const Kdf kdf(EVP_KDF_fetch(instance.get(), name, nullptr));
        EXPECT_STREQ(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf.get())), "pkcs11");
        auto all = params;
        all.bytes(OSSL_KDF_PARAM_KEY, randomBytes(32));
        const CallCounter calls;
        const auto mine = contextOf(instance.get(), name, nullptr);
        const auto theirs = contextOf(defaultOnly(), name, nullptr);
        EXPECT_EQ(derived(mine.get(), 40, all), derived(theirs.get(), 40, all)) << takeErrors();
        EXPECT_EQ(EVP_KDF_CTX_get_kdf_size(mine.get()), EVP_KDF_CTX_get_kdf_size(theirs.get()));
        EXPECT_EQ(calls.total(), 0U) << calls.log();
        ERR_clear_error();
    }
    // Without the directive they are not offered.
    const ConfiguredContext plain("");
    EXPECT_EQ(EVP_KDF_fetch(plain.get(), "HKDF", ours), nullptr);
    takeErrors();
}

TEST_F(Skeys, KdfsSayThatTheTokenHasNoHkdf) {
    const SymmetricInstance instance;
    const Secret secret(instance.get(), tokenUri);
    auto params = hkdf("", "SHA256");
    params.text("pkcs11_uri", secret.uri + "?pin-value=1234");
    EXPECT_FALSE(derived(contextOf(instance.get(), "HKDF", ours).get(), 32, params));
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("no CKM_HKDF_DERIVE for the secret key"), std::string::npos) << errors;
    EXPECT_EQ(errors.find("1234"), std::string::npos) << errors;
    EXPECT_FALSE(derived(contextOf(instance.get(), "HKDF", ours).get(), 32,
                         hkdf("", "SHA256").text("pkcs11_uri", secretKeyUri("nosuch"))));
    EXPECT_NE(takeErrors().find("no secret key fits"), std::string::npos);
}

TEST_F(Skeys, GenericSecretsAreNoAesKeys) {
    const SymmetricInstance instance;
    const Secret secret(instance.get(), secretKeyUri("generic"), 32);
    EXPECT_FALSE(instance.import(secretKeyUri("generic"))) << "found as an AES key";
    EXPECT_TRUE(importKey(instance.get(), secretKeyUri("generic"), {}, {}, "GENERIC-SECRET"))
        << takeErrors();
    takeErrors();
    const auto cipher = instance.cipher("AES-256-CBC");
    const CipherCtx context(EVP_CIPHER_CTX_new());
    EXPECT_EQ(initCipher(context.get(), cipher.get(), secret.key.get(), randomBytes(16).data(), 16,
                         1, nullptr),
              0);
    EXPECT_NE(takeErrors().find("is not an AES key"), std::string::npos);
}

} // namespace
