// AES keys on tokens by EVP_SKEY (OpenSSL 3.5). Results are compared with OpenSSL's default
// provider, which works with the same bytes in a library context of its own.
#include <filesystem>
#include <fstream>
#include <thread>

#include <dlfcn.h>
#include <openssl/provider.h>
#include <unistd.h>

#include "fixture.h"
#include "ossl/skey.h"

namespace {

using namespace testing_support;
using Calls = std::map<std::string, unsigned long>;

// OpenSSL 3.5's functions, where the library that is there has them: this is built with 3.0's.
struct Skey;
template <typename Function>
Function* symbol(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}
const auto importSkey =
    symbol<Skey*(OSSL_LIB_CTX*, const char*, const char*, int, const OSSL_PARAM*)>(
        "EVP_SKEY_import");
const auto generateSkey =
    symbol<Skey*(OSSL_LIB_CTX*, const char*, const char*, const OSSL_PARAM*)>("EVP_SKEY_generate");
const auto keyIdOf = symbol<const char*(const Skey*)>("EVP_SKEY_get0_key_id");
const auto rawKeyOf =
    symbol<int(const Skey*, const unsigned char**, size_t*)>("EVP_SKEY_get0_raw_key");
const auto cipherInit = symbol<int(EVP_CIPHER_CTX*, const EVP_CIPHER*, Skey*, const unsigned char*,
                                   size_t, int, const OSSL_PARAM*)>("EVP_CipherInit_SKEY");

void freeSkey(Skey* key) {
    symbol<void(Skey*)>("EVP_SKEY_free")(key);
}

using Key = ossl::Owner<Skey, freeSkey>;
using Cipher = ossl::Owner<EVP_CIPHER, EVP_CIPHER_free>;
using CipherCtx = ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr const char* ours = "provider=pkcs11";
const std::string token = "pkcs11:token=scenarios?pin-value=1234";

std::string uriFor(const std::string& label) {
    return "pkcs11:token=scenarios;object=" + label + "?pin-value=1234";
}

class SymmetricInstance {
  public:
    explicit SymmetricInstance(Order order = Order::defaultFirst) : libctx_(OSSL_LIB_CTX_new()) {
        const auto file = scratch("skey.cnf");
        const bool first = order == Order::providerFirst;
        std::ofstream(file) << "openssl_conf = init\n[init]\nproviders = providers\n[providers]\n"
                            << (first ? "pkcs11 = ours\ndefault = software\n"
                                      : "default = software\npkcs11 = ours\n")
                            << "[software]\nactivate = 1\n[ours]\nactivate = 1\nmodule = "
                            << PROVIDER_FILE << "\npkcs11-symmetric-keys = 1\n";
        EXPECT_EQ(OSSL_LIB_CTX_load_config(get(), file.c_str()), 1) << takeErrors();
        std::filesystem::remove(file);
    }
    OSSL_LIB_CTX* get() const { return libctx_.get(); }

    Cipher cipher(const std::string& name, const char* properties = ours) const {
        Cipher result(EVP_CIPHER_fetch(get(), name.c_str(), properties));
        EXPECT_TRUE(result) << name << takeErrors();
        return result;
    }

    /// With `value` the bytes are brought to the token, or kept in memory where `uri` is empty.
    Key import(const std::string& uri, const Bytes& value = {}) const {
        std::vector<OSSL_PARAM> params;
        if (!uri.empty())
            params.push_back(
                OSSL_PARAM_construct_utf8_string("pkcs11_uri", const_cast<char*>(uri.c_str()), 0));
        if (!value.empty())
            params.push_back(OSSL_PARAM_construct_octet_string(
                ossl::skey::rawBytes, const_cast<unsigned char*>(value.data()), value.size()));
        params.push_back(OSSL_PARAM_construct_end());
        return Key(importSkey(get(), "AES", ours,
                              ossl::skey::selectParameters | ossl::skey::selectSecret,
                              params.data()));
    }

    Key generate(const std::string& uri, std::size_t size) const {
        const std::array params{
            OSSL_PARAM_construct_utf8_string("pkcs11_uri", const_cast<char*>(uri.c_str()), 0),
            OSSL_PARAM_construct_size_t(ossl::skey::keyLength, &size), OSSL_PARAM_construct_end()};
        return Key(generateSkey(get(), "AES", ours, params.data()));
    }

  private:
    ossl::LibCtx libctx_;
};

OSSL_LIB_CTX* softwareOnly() {
    static OSSL_LIB_CTX* libctx = [] {
        auto* made = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_load(made, "default");
        return made;
    }();
    return libctx;
}

struct Sealed {
    Bytes data;
    Bytes tag;
    bool operator==(const Sealed&) const = default;
};

/// Data through a context that is begun, in pieces. Nothing on failure.
std::optional<Bytes> through(EVP_CIPHER_CTX* context, const Bytes& in, std::size_t piece) {
    Bytes out(in.size() + 64);
    int size = 0;
    int total = 0;
    for (std::size_t at = 0; at < in.size(); at += piece) {
        if (EVP_CipherUpdate(context, out.data() + total, &size, in.data() + at,
                             static_cast<int>(std::min(piece, in.size() - at))) != 1)
            return std::nullopt;
        total += size;
    }
    if (EVP_CipherFinal_ex(context, out.data() + total, &size) != 1)
        return std::nullopt;
    out.resize(static_cast<std::size_t>(total + size));
    return out;
}

bool isGcm(const EVP_CIPHER* cipher) {
    return EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
}

std::optional<Sealed> seal(EVP_CIPHER_CTX* context, const Bytes& aad, const Bytes& in,
                           std::size_t piece) {
    const bool gcm = isGcm(EVP_CIPHER_CTX_get0_cipher(context));
    int size = 0;
    if (gcm &&
        EVP_CipherUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1)
        return std::nullopt;
    auto out = through(context, in, piece);
    Sealed sealed{out.value_or(Bytes{}), Bytes(gcm ? 16 : 0)};
    if (!out ||
        (gcm && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed.tag.data()) != 1))
        return std::nullopt;
    return sealed;
}

std::optional<Bytes> open(EVP_CIPHER_CTX* context, const Bytes& aad, Sealed sealed,
                          std::size_t piece) {
    int size = 0;
    if (!sealed.tag.empty() &&
        (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(sealed.tag.size()),
                             sealed.tag.data()) != 1 ||
         EVP_CipherUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1))
        return std::nullopt;
    return through(context, sealed.data, piece);
}

CipherCtx begun(const EVP_CIPHER* cipher, Skey* key, const Bytes& iv, bool encrypts) {
    CipherCtx context(EVP_CIPHER_CTX_new());
    EXPECT_EQ(cipherInit(context.get(), cipher, key, iv.empty() ? nullptr : iv.data(), iv.size(),
                         encrypts ? 1 : 0, nullptr),
              1)
        << takeErrors();
    return context;
}

CipherCtx begunWithBytes(const EVP_CIPHER* cipher, const Bytes& key, const Bytes& iv,
                         bool encrypts) {
    CipherCtx context(EVP_CIPHER_CTX_new());
    EXPECT_EQ(EVP_CipherInit_ex2(context.get(), cipher, key.data(),
                                 iv.empty() ? nullptr : iv.data(), encrypts ? 1 : 0, nullptr),
              1)
        << takeErrors();
    return context;
}

Cipher softwareCipher(const std::string& name) {
    return Cipher(EVP_CIPHER_fetch(softwareOnly(), name.c_str(), nullptr));
}

Bytes ivFor(const EVP_CIPHER* cipher) {
    return randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher)));
}

class Skeys : public ::testing::Test {
  protected:
    void SetUp() override {
        if (importSkey == nullptr)
            GTEST_SKIP() << "EVP_SKEY came with OpenSSL 3.5";
    }
    const Bytes aad_ = randomBytes(21);
};

class EachCipher : public Skeys, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, EachCipher,
                         ::testing::Values("AES-128-ECB", "AES-192-ECB", "AES-256-ECB",
                                           "AES-128-CBC", "AES-192-CBC", "AES-256-CBC",
                                           "AES-128-CTR", "AES-192-CTR", "AES-256-CTR",
                                           "AES-128-GCM", "AES-192-GCM", "AES-256-GCM"),
                         [](const auto& given) {
                             auto name = given.param;
                             std::erase(name, '-');
                             return name;
                         });

TEST_P(EachCipher, DoesWhatSoftwareDoesInAnyPieces) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto software = softwareCipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto key = instance.import(token, value);
    ASSERT_TRUE(key) << takeErrors();
    for (const std::size_t size : {1U, 15U, 16U, 17U, 32U, 1000U})
        for (const std::size_t piece : {1U, 7U, 16U, 33U, 5000U}) {
            if (isGcm(cipher.get()) && piece < size)
                continue;
            const auto data = randomBytes(size);
            const auto iv = ivFor(cipher.get());
            const auto expected =
                seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, data, size);
            ASSERT_TRUE(expected);
            const auto made =
                seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, piece);
            ASSERT_EQ(made, expected) << size << " in pieces of " << piece << takeErrors();
            EXPECT_EQ(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, *made,
                           isGcm(cipher.get()) ? size : piece),
                      data)
                << size << " in pieces of " << piece << takeErrors();
        }
}

TEST_P(EachCipher, IsTwoCallsForDataInOnePiece) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto key =
        instance.generate(token, static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    ASSERT_TRUE(key) << takeErrors();
    const auto iv = ivFor(cipher.get());
    ASSERT_TRUE(seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, aad_, 100))
        << takeErrors(); // opens a session, since the key keeps the one that it was made in
    for (const std::size_t size : {5U, 16U, 1000U}) {
        const auto data = randomBytes(size);
        const CallCounter encryption;
        const auto sealed = seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, size);
        ASSERT_TRUE(sealed) << takeErrors();
        EXPECT_EQ(encryption.all(), (Calls{{"C_EncryptInit", 1}, {"C_Encrypt", 1}})) << size;
        const CallCounter decryption;
        EXPECT_EQ(open(begun(cipher.get(), key.get(), iv, false).get(), aad_, *sealed, size + 16),
                  data);
        EXPECT_EQ(decryption.all(), (Calls{{"C_DecryptInit", 1}, {"C_Decrypt", 1}})) << size;
    }
}

TEST_P(EachCipher, CopiesGoOnByThemselves) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher(GetParam());
    const auto key =
        instance.generate(token, static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    ASSERT_TRUE(key) << takeErrors();
    if (isGcm(cipher.get()))
        GTEST_SKIP() << "in one piece";
    const auto data = randomBytes(100);
    const auto iv = ivFor(cipher.get());
    const auto expected = through(begun(cipher.get(), key.get(), iv, true).get(), data, 100);
    const auto context = begun(cipher.get(), key.get(), iv, true);
    Bytes start(64);
    int size = 0;
    ASSERT_EQ(EVP_CipherUpdate(context.get(), start.data(), &size, data.data(), 37), 1);
    start.resize(static_cast<std::size_t>(size));
    const CipherCtx copy(EVP_CIPHER_CTX_new());
    ASSERT_EQ(EVP_CIPHER_CTX_copy(copy.get(), context.get()), 1) << takeErrors();
    for (auto* each : {context.get(), copy.get()}) {
        const auto rest = through(each, Bytes(data.begin() + 37, data.end()), 100);
        ASSERT_TRUE(rest) << takeErrors();
        Bytes all = start;
        all.insert(all.end(), rest->begin(), rest->end());
        EXPECT_EQ(all, expected);
    }
}

// EVP takes the first cipher of a name; keys that are bytes must be as good as ever.
TEST_P(EachCipher, LeavesKeysInMemoryToOtherProvidersWhereItComesFirst) {
    const SymmetricInstance instance(Order::providerFirst);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(
                     EVP_CIPHER_get0_provider(instance.cipher(GetParam(), nullptr).get())),
                 "pkcs11");
    const auto cipher = instance.cipher(GetParam());
    const auto software = softwareCipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(333);
    const auto expected =
        seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, data, 100);
    const CallCounter calls;
    const auto made = seal(begunWithBytes(cipher.get(), value, iv, true).get(), aad_, data, 100);
    EXPECT_EQ(made, expected) << takeErrors();
    EXPECT_EQ(open(begunWithBytes(cipher.get(), value, iv, false).get(), aad_, *expected, 50),
              data);
    const auto key = instance.import("", value);
    ASSERT_TRUE(key) << takeErrors();
    EXPECT_EQ(seal(begun(cipher.get(), key.get(), iv, true).get(), aad_, data, 100), expected)
        << takeErrors();
    EXPECT_EQ(calls.total(), 0U) << calls.log();
    for (const auto parameter : {EVP_CIPHER_get_mode, EVP_CIPHER_get_iv_length,
                                 EVP_CIPHER_get_block_size, EVP_CIPHER_get_key_length})
        EXPECT_EQ(parameter(cipher.get()), parameter(software.get()));
    EXPECT_EQ(EVP_CIPHER_get_flags(cipher.get()) & ~0xFUL,
              EVP_CIPHER_get_flags(software.get()) & ~0xFUL);
}

TEST_F(Skeys, AGeneratedKeyStaysOnTheTokenAndIsFoundByItsUri) {
    const SymmetricInstance instance;
    const auto cipher = instance.cipher("AES-256-CBC");
    const auto iv = randomBytes(16);
    const auto data = randomBytes(50);
    std::string id;
    std::optional<Bytes> made;
    {
        const auto key = instance.generate(uriFor("made"), 32);
        ASSERT_TRUE(key) << takeErrors();
        id = keyIdOf(key.get());
        EXPECT_EQ(id.find("pin-value"), std::string::npos);
        EXPECT_NE(id.find("object=made"), std::string::npos) << id;
        made = through(begun(cipher.get(), key.get(), iv, true).get(), data, 50);
        EXPECT_FALSE(instance.generate(uriFor("made"), 32)) << "a second one of the name";
        EXPECT_NE(takeErrors().find("already"), std::string::npos);
    }
    for (const auto& uri : {uriFor("made"), id + "?pin-value=1234"}) {
        const auto key = instance.import(uri);
        ASSERT_TRUE(key) << takeErrors();
        EXPECT_EQ(through(begun(cipher.get(), key.get(), iv, false).get(), *made, 100), data);
    }
    EXPECT_FALSE(instance.import(uriFor("nosuch")));
    EXPECT_NE(takeErrors().find("no AES key fits"), std::string::npos);
}

TEST_F(Skeys, ASessionKeyGoesWithItsLastUser) {
    const SymmetricInstance instance;
    auto key = instance.generate(token, 16);
    ASSERT_TRUE(key) << takeErrors();
    const std::string id = std::string(keyIdOf(key.get())) + "?pin-value=1234";
    EXPECT_TRUE(instance.import(id)) << takeErrors();
    const CallCounter calls;
    key.reset();
    EXPECT_EQ(calls.all(), (Calls{{"C_DestroyObject", 1}}));
    EXPECT_FALSE(instance.import(id));
    takeErrors();
}

TEST_F(Skeys, SensitiveKeysAreNotExported) {
    const SymmetricInstance instance;
    const auto key = instance.import(token, randomBytes(32));
    ASSERT_TRUE(key) << takeErrors();
    const unsigned char* raw = nullptr;
    std::size_t size = 0;
    EXPECT_NE(rawKeyOf(key.get(), &raw, &size), 1);
    EXPECT_NE(takeErrors().find("CKR_ATTRIBUTE_SENSITIVE"), std::string::npos);
}

TEST_F(Skeys, WrongSizesAndPlacesAreRefused) {
    const SymmetricInstance instance;
    const auto refused = [](const Key& key, const char* words) {
        EXPECT_FALSE(key);
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(words), std::string::npos) << errors;
        EXPECT_EQ(errors.find("1234"), std::string::npos) << errors;
    };
    refused(instance.generate(token, 20), "16, 24 or 32 bytes");
    refused(instance.import(token, randomBytes(33)), "16, 24 or 32 bytes");
    refused(instance.import(""), "pkcs11_uri");
    refused(instance.generate("pkcs11:?pin-value=1234", 32), "several tokens fit");
    refused(instance.generate("pkcs11:token=nosuch?pin-value=1234", 32), "no token fits");
    refused(instance.generate("pkcs11:token=scenarios;object=x;type=private?pin-value=1234", 32),
            "secret-key");
    refused(instance.generate("nonsense", 32), "pkcs11");
    const auto key = instance.generate(token, 16);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-256-CBC");
    const CipherCtx context(EVP_CIPHER_CTX_new());
    const auto iv = randomBytes(16);
    EXPECT_EQ(cipherInit(context.get(), cipher.get(), key.get(), iv.data(), 16, 1, nullptr), 0);
    EXPECT_NE(takeErrors().find("takes a key of 32 bytes"), std::string::npos);
}

TEST_F(Skeys, WhatWasChangedIsNotDecrypted) {
    const SymmetricInstance instance;
    const auto key = instance.generate(token, 32);
    ASSERT_TRUE(key) << takeErrors();
    const auto data = randomBytes(40);
    const auto gcm = instance.cipher("AES-256-GCM");
    auto iv = ivFor(gcm.get());
    auto sealed = *seal(begun(gcm.get(), key.get(), iv, true).get(), aad_, data, 40);
    sealed.tag[3] ^= 1;
    EXPECT_FALSE(open(begun(gcm.get(), key.get(), iv, false).get(), aad_, sealed, 40));
    sealed.tag[3] ^= 1;
    EXPECT_FALSE(open(begun(gcm.get(), key.get(), iv, false).get(), randomBytes(3), sealed, 40));
    EXPECT_EQ(open(begun(gcm.get(), key.get(), iv, false).get(), aad_, sealed, 40), data);
    sealed.tag.clear();
    takeErrors();
    EXPECT_FALSE(through(begun(gcm.get(), key.get(), iv, false).get(), sealed.data, 40));
    EXPECT_NE(takeErrors().find("needs the tag before the data"), std::string::npos);
    EXPECT_FALSE(through(begun(gcm.get(), key.get(), iv, true).get(), data, 20));
    EXPECT_NE(takeErrors().find("in one piece"), std::string::npos);

    const auto cbc = instance.cipher("AES-256-CBC");
    iv = ivFor(cbc.get());
    auto text = *through(begun(cbc.get(), key.get(), iv, true).get(), data, 40);
    text[text.size() - 17] ^= 0x40; // the padding's last byte
    EXPECT_FALSE(through(begun(cbc.get(), key.get(), iv, false).get(), text, 100));
    text.pop_back();
    EXPECT_FALSE(through(begun(cbc.get(), key.get(), iv, false).get(), text, 100));
    const auto unpadded = begun(cbc.get(), key.get(), iv, true);
    EVP_CIPHER_CTX_set_padding(unpadded.get(), 0);
    EXPECT_FALSE(through(unpadded.get(), data, 40));
    EXPECT_NE(takeErrors().find("multiple of 16"), std::string::npos);
}

TEST_F(Skeys, AContextIsBegunAgainWithAnotherIvAndTheSameKey) {
    const SymmetricInstance instance;
    const auto value = randomBytes(16);
    const auto key = instance.import(token, value);
    ASSERT_TRUE(key) << takeErrors();
    for (const char* name : {"AES-128-CBC", "AES-128-CTR", "AES-128-GCM"}) {
        const auto cipher = instance.cipher(name);
        const auto context = begun(cipher.get(), key.get(), {}, true);
        int size = 0;
        Bytes none(64);
        EXPECT_EQ(EVP_CipherUpdate(context.get(), none.data(), &size, aad_.data(), 16), 0) << name;
        EXPECT_NE(takeErrors().find("no IV"), std::string::npos);
        for (int i = 0; i < 2; ++i) {
            const auto iv = ivFor(cipher.get());
            ASSERT_EQ(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, iv.data(), -1, nullptr),
                      1)
                << takeErrors();
            const auto software = softwareCipher(name);
            EXPECT_EQ(seal(context.get(), aad_, value, 16),
                      seal(begunWithBytes(software.get(), value, iv, true).get(), aad_, value, 16))
                << name << takeErrors();
        }
    }
}

TEST_F(Skeys, ALossBetweenTwoPiecesDoesNoHarm) {
    const SymmetricInstance instance;
    const auto key = instance.generate(uriFor("lossy"), 32);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-256-CBC");
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(200);
    const auto expected = through(begun(cipher.get(), key.get(), iv, true).get(), data, 200);
    for (const CK_RV rv :
         {CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_KEY_HANDLE_INVALID}) {
        fault("C_Encrypt", "2", rv);
        EXPECT_EQ(through(begun(cipher.get(), key.get(), iv, true).get(), data, 50), expected)
            << takeErrors();
        noFaults();
    }
    fault("C_Encrypt", "1+", CKR_DEVICE_ERROR);
    EXPECT_FALSE(through(begun(cipher.get(), key.get(), iv, true).get(), data, 50));
    EXPECT_NE(takeErrors().find("C_Encrypt answered CKR_DEVICE_ERROR"), std::string::npos);
    noFaults();
}

TEST_F(Skeys, ThreadsShareAKeyAndChildrenUseIt) {
    const SymmetricInstance instance;
    const auto key = instance.generate(uriFor("shared"), 16);
    ASSERT_TRUE(key) << takeErrors();
    const auto cipher = instance.cipher("AES-128-CTR");
    const auto iv = ivFor(cipher.get());
    const auto data = randomBytes(100);
    const auto expected = through(begun(cipher.get(), key.get(), iv, true).get(), data, 100);
    const auto works = [&] {
        return through(begun(cipher.get(), key.get(), iv, true).get(), data, 30) == expected;
    };
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 20; ++n)
                failures += works() ? 0 : 1;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(inChild(works), 0);
    EXPECT_TRUE(works());
}

TEST(SkeysOff, AreNotOfferedUnlessConfigured) {
    const Instance instance;
    EXPECT_EQ(EVP_CIPHER_fetch(instance.get(), "AES-256-CBC", ours), nullptr);
    takeErrors();
}

TEST(SkeysOff, AreNotOfferedToAnOpenSslWithoutEvpSkey) {
    if (importSkey != nullptr)
        GTEST_SKIP() << "it has them";
    const SymmetricInstance instance;
    EXPECT_EQ(EVP_CIPHER_fetch(instance.get(), "AES-256-CBC", ours), nullptr);
    takeErrors();
}

} // namespace
