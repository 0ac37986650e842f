// SPDX-License-Identifier: Apache-2.0
// AES keys on the scenario token by EVP_SKEY (OpenSSL 3.5), and ciphers with them.
#pragma once

#include <optional>

#include "fixture.h"
#include "newer.h"

namespace testing_support {

struct Skey;
void freeSkey(Skey* key);

using SecretKey = p11::ossl::Owner<Skey, freeSkey>;
using Cipher = p11::ossl::Owner<EVP_CIPHER, EVP_CIPHER_free>;
using CipherCtx = p11::ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

/// OpenSSL 3.5's functions; null in an older one.
using ImportSkey = Skey*(OSSL_LIB_CTX*, const char*, const char*, int, const OSSL_PARAM*);
using InitCipher = int(EVP_CIPHER_CTX*, const EVP_CIPHER*, Skey*, const unsigned char*, size_t, int,
                       const OSSL_PARAM*);
const auto importSkey = newer<ImportSkey>("EVP_SKEY_import");
const auto initCipher = newer<InitCipher>("EVP_CipherInit_SKEY");
const auto keyIdOf = newer<const char*(const Skey*)>("EVP_SKEY_get0_key_id");
const auto rawKeyOf =
    newer<int(const Skey*, const unsigned char**, size_t*)>("EVP_SKEY_get0_raw_key");

constexpr const char* ours = "provider=pkcs11";
/// The token alone: a key there lives as long as it is used.
inline const std::string tokenUri = "pkcs11:token=scenarios?pin-value=1234";
std::string secretKeyUri(const std::string& label);

/// `usage` is pkcs11_key_usage; empty for the default. `type` is AES or GENERIC-SECRET.
SecretKey importKey(OSSL_LIB_CTX* libctx, const std::string& uri, const Bytes& value,
                    const std::string& usage = {}, const char* type = "AES");

/// A library context in which the provider offers symmetric keys.
class SymmetricInstance : public ConfiguredContext {
  public:
    explicit SymmetricInstance(Order order = Order::defaultFirst)
        : ConfiguredContext("pkcs11-symmetric-keys = 1", order) {}

    Cipher cipher(const std::string& name, const char* properties = ours) const;
    /// With `value` the bytes are brought to the token, or kept in memory where `uri` is empty.
    SecretKey import(const std::string& uri, const Bytes& value = {},
                     const std::string& usage = {}) const {
        return importKey(get(), uri, value, usage);
    }
    SecretKey generate(const std::string& uri, std::size_t size) const;
    /// Of the cipher's size, for as long as it is used.
    SecretKey generateFor(const EVP_CIPHER* cipher) const {
        return generate(tokenUri, static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher)));
    }
};

/// OpenSSL's own, without the provider.
Cipher softwareCipher(const std::string& name);
bool isGcm(const EVP_CIPHER* cipher);
Bytes ivFor(const EVP_CIPHER* cipher);

/// A context for encryption or decryption with a key, or with the bytes of one.
CipherCtx begun(const EVP_CIPHER* cipher, Skey* key, const Bytes& iv, bool encrypts);
CipherCtx begunWithBytes(const EVP_CIPHER* cipher, const Bytes& key, const Bytes& iv,
                         bool encrypts);

/// Data through a context that is begun, in pieces. Nothing on failure.
std::optional<Bytes> through(EVP_CIPHER_CTX* context, const Bytes& in, std::size_t piece);

/// What OpenSSL alone makes of `data` with the bytes of a key.
Bytes inSoftware(const std::string& cipher, const Bytes& key, const Bytes& iv, const Bytes& data);

/// The same with GCM's tag and additional data, which other modes pass over.
struct Sealed {
    Bytes data;
    Bytes tag;
    bool operator==(const Sealed&) const = default;
};
std::optional<Sealed> seal(EVP_CIPHER_CTX* context, const Bytes& aad, const Bytes& in,
                           std::size_t piece);
std::optional<Bytes> open(EVP_CIPHER_CTX* context, const Bytes& aad, Sealed sealed,
                          std::size_t piece);

/// Tests that need EVP_SKEY.
class Skeys : public ::testing::Test {
  protected:
    void SetUp() override {
        if (importSkey == nullptr)
            GTEST_SKIP() << "EVP_SKEY came with OpenSSL 3.5";
    }
    const Bytes aad_ = randomBytes(21);
};

} // namespace testing_support
