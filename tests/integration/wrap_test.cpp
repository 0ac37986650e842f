// SPDX-License-Identifier: Apache-2.0
// AES key wrap with keys on tokens (OpenSSL 3.5), beside OpenSSL's default provider with the same
// bytes. SoftHSM offers the mechanisms for keys only, and NSS also for data.
#include "nss_token.h"
#include "skeys.h"
#include "steps.h"

namespace {

using namespace testing_support;
using Calls = std::map<std::string, unsigned long>;

constexpr const char* wrapping = "keyEncipherment";

/// What one call answers: result, size, and bytes.
struct Answer {
    int result = 0;
    int size = 0;
    Bytes bytes;
    bool operator==(const Answer&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Answer& answer) {
    out << answer.result << ", " << answer.size << " bytes";
    for (const auto byte : answer.bytes)
        out << ' ' << static_cast<unsigned>(byte);
    return out;
}

Answer updated(EVP_CIPHER_CTX* context, const Bytes& in, bool inPlace = false) {
    Answer answer;
    Bytes out(in.size() + 64);
    std::copy(in.begin(), in.end(), out.begin());
    answer.result = EVP_CipherUpdate(context, out.data(), &answer.size,
                                     inPlace ? out.data() : in.data(), static_cast<int>(in.size()));
    if (answer.result != 1)
        return {};
    out.resize(static_cast<std::size_t>(answer.size));
    answer.bytes = out;
    return answer;
}

Answer sizeAsked(EVP_CIPHER_CTX* context, std::size_t size) {
    Answer answer;
    const Bytes in(size);
    answer.result =
        EVP_CipherUpdate(context, nullptr, &answer.size, in.data(), static_cast<int>(size));
    return answer.result == 1 ? answer : Answer{};
}

/// A cipher of the token and of software, with the same key.
struct Pair {
    Pair(OSSL_LIB_CTX* libctx, const std::string& uri, const std::string& name,
         const char* usage = wrapping)
        : onToken(EVP_CIPHER_fetch(libctx, name.c_str(), ours)), inSoftware(softwareCipher(name)),
          bytes(randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(inSoftware.get())))),
          key(importKey(libctx, uri, bytes, usage)) {
        EXPECT_TRUE(onToken && key) << takeErrors();
    }
    CipherCtx token(bool encrypts, const Bytes& iv = {}) const {
        return begun(onToken.get(), key.get(), iv, encrypts);
    }
    CipherCtx software(bool encrypts, const Bytes& iv = {}) const {
        return begunWithBytes(inSoftware.get(), bytes, iv, encrypts);
    }

    Cipher onToken;
    Cipher inSoftware;
    Bytes bytes;
    SecretKey key;
};

/// Data that SoftHSM's CKM_AES_KEY_WRAP_PAD does not wrap as RFC 5649 has it.
bool isRefused(const Pair& pair, std::size_t size, bool badPadding) {
    return badPadding && size % 8 != 0 && EVP_CIPHER_get_iv_length(pair.onToken.get()) == 4;
}

/// Both ways with data of each size, and what was wrapped with one bit changed.
void compareSizes(const Pair& pair, bool badPadding, const Bytes& iv = {}) {
    for (const std::size_t size :
         {0U, 1U, 7U, 8U, 9U, 15U, 16U, 17U, 23U, 24U, 32U, 40U, 41U, 121U, 200U}) {
        const auto data = randomBytes(size);
        const auto expected = updated(pair.software(true, iv).get(), data);
        const auto onToken = isRefused(pair, size, badPadding) ? Answer{} : expected;
        EXPECT_EQ(updated(pair.token(true, iv).get(), data), onToken) << size << takeErrors();
        EXPECT_EQ(updated(pair.token(true, iv).get(), data, true), onToken) << "in place " << size;
        for (auto wrapped : {expected.bytes, data}) {
            for (const bool changed : {false, true}) {
                if (changed && !wrapped.empty())
                    wrapped.back() ^= 1;
                const auto back = updated(pair.software(false, iv).get(), wrapped);
                EXPECT_EQ(updated(pair.token(false, iv).get(), wrapped), back)
                    << size << takeErrors();
                EXPECT_EQ(updated(pair.token(false, iv).get(), wrapped, true), back) << size;
            }
        }
        for (const bool encrypts : {true, false})
            EXPECT_EQ(sizeAsked(pair.token(encrypts, iv).get(), size),
                      sizeAsked(pair.software(encrypts, iv).get(), size))
                << size;
        ERR_clear_error();
    }
}

/// `padded` as RFC 5649 wraps it, but with any claim about its length. `bytes` is the key.
Bytes wrappedWithClaim(const Bytes& bytes, const Bytes& padded, std::uint32_t claim) {
    Bytes alternativeIv{0xA6, 0x59, 0x59, 0xA6};
    for (int shift = 24; shift >= 0; shift -= 8)
        alternativeIv.push_back(static_cast<unsigned char>(claim >> shift));
    const auto bits = std::to_string(8 * bytes.size());
    if (padded.size() > alternativeIv.size()) // RFC 3394 with this initial value
        return updated(begunWithBytes(softwareCipher("AES-" + bits + "-WRAP").get(), bytes,
                                      alternativeIv, true)
                           .get(),
                       padded)
            .bytes;
    auto block = alternativeIv;
    block.insert(block.end(), padded.begin(), padded.end());
    return inSoftware("AES-" + bits + "-ECB", bytes, {}, block);
}

/// Wrapped keys with each claim about their length, and with padding of zeros or not.
void compareClaims(const Pair& pair) {
    for (const std::size_t size : {8U, 16U, 24U, 40U})
        for (std::uint32_t claim = 0; claim <= size + 9; ++claim)
            for (const bool clean : {true, false}) {
                auto padded = randomBytes(size);
                for (std::size_t i = claim; i < size; ++i)
                    padded[i] = i + 1 == size && !clean ? 1 : 0;
                const auto wrapped = wrappedWithClaim(pair.bytes, padded, claim);
                const auto expected = updated(pair.software(false).get(), wrapped);
                EXPECT_EQ(updated(pair.token(false).get(), wrapped), expected)
                    << size << " bytes that claim to be " << claim << takeErrors();
                ERR_clear_error();
            }
}

class EachWrap : public Skeys, public ::testing::WithParamInterface<std::string> {};
const std::vector<std::string> wraps{"AES-128-WRAP",     "AES-192-WRAP",     "AES-256-WRAP",
                                     "AES-128-WRAP-PAD", "AES-192-WRAP-PAD", "AES-256-WRAP-PAD"};
std::string nameOf(const ::testing::TestParamInfo<std::string>& given) {
    auto name = given.param;
    std::erase(name, '-');
    return name;
}
INSTANTIATE_TEST_SUITE_P(All, EachWrap, ::testing::ValuesIn(wraps), nameOf);

TEST_P(EachWrap, AnswersAsSoftwareForEachSize) {
    const SymmetricInstance instance;
    const Pair pair(instance.get(), tokenUri, GetParam());
    for (const auto parameter : {EVP_CIPHER_get_mode, EVP_CIPHER_get_iv_length,
                                 EVP_CIPHER_get_block_size, EVP_CIPHER_get_key_length})
        EXPECT_EQ(parameter(pair.onToken.get()), parameter(pair.inSoftware.get()));
    EXPECT_EQ(EVP_CIPHER_get_flags(pair.onToken.get()),
              EVP_CIPHER_get_flags(pair.inSoftware.get()));
    compareSizes(pair, true);
}

// Keys in memory are software's, also where this provider comes first.
TEST_P(EachWrap, LeavesKeysInMemoryToOtherProviders) {
    const SymmetricInstance instance(Order::providerFirst);
    const auto cipher = instance.cipher(GetParam(), nullptr);
    const auto software = softwareCipher(GetParam());
    const auto value =
        randomBytes(static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())));
    const auto key = instance.import("", value);
    const CallCounter calls;
    for (const auto& iv : {Bytes{}, ivFor(cipher.get())})
        for (const std::size_t size : {5U, 16U, 24U}) {
            const auto data = randomBytes(size);
            const auto expected =
                updated(begunWithBytes(software.get(), value, iv, true).get(), data);
            EXPECT_EQ(updated(begunWithBytes(cipher.get(), value, iv, true).get(), data), expected);
            EXPECT_EQ(updated(begun(cipher.get(), key.get(), iv, true).get(), data), expected);
        }
    EXPECT_EQ(calls.total(), 0U) << calls.log();
}

// With padding, 8 lengths are possible, and the wrapped key tells which is right.
TEST_F(Skeys, UnwrappingTakesTheLengthsThatSoftwareTakes) {
    const SymmetricInstance instance;
    for (const char* name : {"AES-128-WRAP-PAD", "AES-256-WRAP-PAD"})
        compareClaims(Pair(instance.get(), tokenUri, name));
}

/// Initialise, wrap or unwrap, the same with a bad length, the end, a copy, EVP_Cipher().
class WrapSteps : public Steps {
  public:
    WrapSteps(const Pair& pair, bool token, bool encrypts, Bytes data)
        : pair_(pair), token_(token), encrypts_(encrypts), data_(std::move(data)) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            context_ = token_ ? pair_.token(encrypts_) : pair_.software(encrypts_);
            return "1";
        case 'k':
            return std::to_string(
                EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nullptr, -1, nullptr));
        case 'u':
            return text(updated(context_.get(), data_));
        case 'b':
            return text(updated(context_.get(), Bytes(encrypts_ ? 8 : 17)));
        case 'q':
            return text(sizeAsked(context_.get(), data_.size()));
        case 'c': {
            Bytes out(200);
            const int result = EVP_Cipher(context_.get(), out.data(), data_.data(),
                                          static_cast<unsigned>(data_.size()));
            return std::to_string(result) + " " + std::string(out.begin(), out.end());
        }
        case 'f': {
            Bytes out(64);
            int size = 0;
            const int result = EVP_CipherFinal_ex(context_.get(), out.data(), &size);
            return text({result, size, {}});
        }
        default:
            CipherCtx copy(EVP_CIPHER_CTX_new());
            const int result = EVP_CIPHER_CTX_copy(copy.get(), context_.get());
            context_ = std::move(copy);
            return std::to_string(result);
        }
    }

  private:
    static std::string text(const Answer& answer) {
        return std::to_string(answer.result) + " " + std::to_string(answer.size) + " " +
               std::string(answer.bytes.begin(), answer.bytes.end());
    }
    const Pair& pair_;
    bool token_;
    bool encrypts_;
    Bytes data_;
    CipherCtx context_;
};

TEST_F(Skeys, WrappingTakesTheStepsThatSoftwareTakes) {
    const SymmetricInstance instance;
    for (const char* name : {"AES-256-WRAP", "AES-128-WRAP-PAD"})
        for (const bool encrypts : {true, false}) {
            const Pair pair(instance.get(), tokenUri, name);
            const auto plain = randomBytes(32);
            const auto data = encrypts ? plain : updated(pair.software(true).get(), plain).bytes;
            EXPECT_EQ(compareAll(
                          "i", "ubqcfkd", 3,
                          [&] { return std::make_unique<WrapSteps>(pair, true, encrypts, data); },
                          [&] { return std::make_unique<WrapSteps>(pair, false, encrypts, data); }),
                      343U);
        }
    ERR_clear_error();
}

TEST_F(Skeys, WrappingLeavesNothingOnTheToken) {
    const SymmetricInstance instance;
    const Pair pair(instance.get(), tokenUri, "AES-256-WRAP-PAD");
    const auto data = randomBytes(32);
    const auto wrapped = updated(pair.token(true).get(), data).bytes; // learns the mechanisms
    const CallCounter wrap;
    updated(pair.token(true).get(), data);
    EXPECT_EQ(wrap.all(), (Calls{{"C_CreateObject", 1}, {"C_WrapKey", 1}, {"C_DestroyObject", 1}}));
    updated(pair.token(false).get(), wrapped);
    const CallCounter unwrap;
    EXPECT_EQ(updated(pair.token(false).get(), wrapped).bytes, data);
    EXPECT_EQ(unwrap.all(),
              (Calls{{"C_UnwrapKey", 1}, {"C_GetAttributeValue", 1}, {"C_DestroyObject", 1}}));
    // If it cannot be destroyed, it goes with its session.
    fault("C_DestroyObject", "1", CKR_DEVICE_ERROR);
    const CallCounter undestroyed;
    EXPECT_EQ(updated(pair.token(true).get(), data).bytes, wrapped);
    EXPECT_EQ(undestroyed.of("C_CloseSession"), 1U) << undestroyed.log();
    noFaults();
}

TEST_F(Skeys, WrappingIsRepeatedAfterALoss) {
    const SymmetricInstance instance;
    const Pair pair(instance.get(), secretKeyUri("wrapper"), "AES-256-WRAP");
    const auto data = randomBytes(32);
    const auto wrapped = updated(pair.software(true).get(), data).bytes;
    for (const char* function : {"C_CreateObject", "C_WrapKey", "C_UnwrapKey"})
        for (const CK_RV rv :
             {CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED}) {
            fault(function, "1", rv);
            EXPECT_EQ(updated(pair.token(true).get(), data).bytes, wrapped)
                << function << takeErrors();
            EXPECT_EQ(updated(pair.token(false).get(), wrapped).bytes, data)
                << function << takeErrors();
            noFaults();
        }
    fault("C_WrapKey", "1", CKR_WRAPPING_KEY_HANDLE_INVALID);
    EXPECT_EQ(updated(pair.token(true).get(), data).bytes, wrapped) << takeErrors();
    fault("C_UnwrapKey", "1", CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    EXPECT_EQ(updated(pair.token(false).get(), wrapped).bytes, data) << takeErrors();
    noFaults();
}

// What a stranger has sent may be the cause.
TEST_F(Skeys, UnwrappingIsNotRepeatedWithTheSameData) {
    const SymmetricInstance instance;
    const Pair pair(instance.get(), tokenUri, "AES-256-WRAP");
    const auto data = randomBytes(32);
    const auto wrapped = updated(pair.token(true).get(), data).bytes;
    for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
                           CKR_WRAPPED_KEY_INVALID, CKR_VENDOR_DEFINED}) {
        fault("C_UnwrapKey", "1", rv);
        const CallCounter calls;
        EXPECT_EQ(updated(pair.token(false).get(), wrapped), Answer{});
        EXPECT_EQ(calls.of("C_UnwrapKey"), 1U);
        EXPECT_NE(takeErrors().find("C_UnwrapKey answered"), std::string::npos);
        noFaults();
        EXPECT_EQ(updated(pair.token(false).get(), wrapped).bytes, data) << takeErrors();
    }
}

TEST_F(Skeys, WrappingSaysWhatTheKeyOrTheTokenLacks) {
    const SymmetricInstance instance;
    const auto data = randomBytes(32);
    const auto refuses = [&](const CipherCtx& context, const char* words) {
        EXPECT_EQ(updated(context.get(), data), Answer{});
        const auto errors = takeErrors();
        EXPECT_NE(errors.find(words), std::string::npos) << errors;
    };
    const Pair encrypting(instance.get(), tokenUri, "AES-256-WRAP", "dataEncipherment");
    refuses(encrypting.token(true), "its CKA_WRAP is false");
    const Pair wrappingKey(instance.get(), tokenUri, "AES-256-WRAP");
    refuses(wrappingKey.token(true, randomBytes(8)), "C_WrapKey answered CKR_ARGUMENTS_BAD");
    // Nobody can read what such a key wraps by decrypting it.
    const auto cbc = instance.cipher("AES-256-CBC");
    refuses(begun(cbc.get(), wrappingKey.key.get(), randomBytes(16), true),
            "its CKA_ENCRYPT is false");
    EXPECT_FALSE(instance.import(tokenUri, randomBytes(32), "digitalSignature"));
    EXPECT_NE(takeErrors().find("does not accept the value \"digitalSignature\""),
              std::string::npos);
    const CipherCtx wrong(EVP_CIPHER_CTX_new());
    EXPECT_EQ(initCipher(wrong.get(), wrappingKey.onToken.get(), wrappingKey.key.get(), data.data(),
                         7, 1, nullptr),
              0);
    EXPECT_NE(takeErrors().find("the IV has 7 bytes instead of 8"), std::string::npos);
}

// A key of another size than the wrapped one can have is not the key that was wrapped.
TEST_F(Skeys, UnwrappingRefusesAKeyOfTheWrongSize) {
    const SymmetricInstance instance;
    for (const auto& [name, refused] :
         {std::pair<const char*, std::vector<std::size_t>>{"AES-256-WRAP", {0, 32, 39, 41}},
          std::pair<const char*, std::vector<std::size_t>>{"AES-256-WRAP-PAD", {0, 32, 41}}}) {
        const Pair pair(instance.get(), tokenUri, name);
        const auto wrapped = updated(pair.software(true).get(), randomBytes(40)).bytes;
        for (const auto size : refused) {
            configureModule("PKCS11_TEST_VALUE_SIZE", std::to_string(size));
            EXPECT_EQ(updated(pair.token(false).get(), wrapped), Answer{}) << name << ' ' << size;
            const auto errors = takeErrors();
            EXPECT_NE(errors.find("the token returned a key of the wrong size"), std::string::npos)
                << errors;
            resetModule("PKCS11_TEST_VALUE_SIZE");
        }
        EXPECT_EQ(updated(pair.token(false).get(), wrapped).size, 40) << takeErrors();
    }
}

// Other modules have PKCS#7's padding.
TEST_F(Skeys, WrappingWithAnotherPaddingIsRefused) {
    configureModule("PKCS11_TEST_QUIRK", "pkcs7-key-wrap");
    const SymmetricInstance instance;
    const Pair pair(instance.get(), tokenUri, "AES-256-WRAP-PAD");
    for (const std::size_t size : {17U, 24U}) {
        const auto data = randomBytes(size);
        EXPECT_EQ(updated(pair.token(true).get(), data), Answer{}) << size;
        EXPECT_NE(takeErrors().find(size == 24 ? "40 bytes instead of 32" : "is not RFC 5649"),
                  std::string::npos);
        const auto wrapped = updated(pair.software(true).get(), data).bytes;
        EXPECT_EQ(updated(pair.token(false).get(), wrapped), Answer{}) << size;
        takeErrors();
    }
    resetModule("PKCS11_TEST_QUIRK");
}

// NSS encrypts with CKM_AES_KEY_WRAP and CKM_AES_KEY_WRAP_KWP, and takes another IV.
TEST_F(Skeys, WrappingOnATokenThatAlsoEncryptsAnswersAsSoftware) {
    if (!NssToken::isThere())
        GTEST_SKIP() << "there is no NSS of Debian 14";
    const NssToken token(Order::defaultFirst, "pkcs11-symmetric-keys = 1");
    for (const char* usage : {"dataEncipherment", wrapping})
        for (const char* name : {"AES-256-WRAP", "AES-128-WRAP-PAD"}) {
            const Pair pair(token.get(), "pkcs11:token=NSS%20Certificate%20DB", name, usage);
            compareSizes(pair, false);
            if (EVP_CIPHER_get_iv_length(pair.onToken.get()) == 4)
                compareClaims(pair);
            if (EVP_CIPHER_get_iv_length(pair.onToken.get()) == 8)
                compareSizes(pair, false, ivFor(pair.onToken.get()));
        }
}

} // namespace
