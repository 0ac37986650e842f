// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/aes.h"

#include <climits>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "tools/keys/key.h"
#include "tools/shared/error.h"

namespace p11::tools::aes {
namespace {

using Cipher = ossl::Owner<EVP_CIPHER, EVP_CIPHER_free>;
using CipherCtx = ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

enum class Direction { decrypt = 0, encrypt = 1 };

void check(int result, const char* what) {
    if (result <= 0)
        throw Error(withReasons(what));
}

int sizeOf(ByteView bytes) {
    if (bytes.size() > INT_MAX / 2)
        throw Error("the data is too long for AES");
    return static_cast<int>(bytes.size());
}

CipherCtx start(OSSL_LIB_CTX* library, const char* name, ByteView key, const unsigned char* nonce,
                Direction direction) {
    if (key.size() != keySize)
        throw KeyError("an AES key of " + std::to_string(key.size()) + " bytes instead of 32");
    const Cipher cipher(EVP_CIPHER_fetch(library, name, inSoftware));
    CipherCtx context(EVP_CIPHER_CTX_new());
    if (!cipher || !context)
        throw Error(withReasons(std::string("OpenSSL has no ") + name));
    EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    check(EVP_CipherInit_ex2(context.get(), cipher.get(), key.data(), nonce,
                             static_cast<int>(direction), nullptr),
          "AES cannot be started");
    return context;
}

} // namespace

SecretBytes randomBytes(OSSL_LIB_CTX* library, std::size_t size) {
    SecretBytes bytes(size);
    check(RAND_priv_bytes_ex(library, bytes.data(), size, 0), "no random numbers");
    return bytes;
}

Sealed seal(OSSL_LIB_CTX* library, ByteView key, ByteView additional, ByteView plaintext) {
    const auto nonce = randomBytes(library, nonceSize);
    Sealed sealed{{nonce.begin(), nonce.end()}, Bytes(plaintext.size()), Bytes(tagSize)};
    const auto context =
        start(library, "AES-256-GCM", key, sealed.nonce.data(), Direction::encrypt);
    int size = 0;
    const char* failed = "AES-GCM failed";
    check(EVP_EncryptUpdate(context.get(), nullptr, &size, additional.data(), sizeOf(additional)),
          failed);
    check(EVP_EncryptUpdate(context.get(), sealed.ciphertext.data(), &size, plaintext.data(),
                            sizeOf(plaintext)),
          failed);
    unsigned char none = 0;
    check(EVP_EncryptFinal_ex(context.get(), &none, &size), failed);
    check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tagSize, sealed.tag.data()),
          failed);
    return sealed;
}

SecretBytes open(OSSL_LIB_CTX* library, ByteView key, ByteView additional, const Sealed& sealed) {
    const auto context =
        start(library, "AES-256-GCM", key, sealed.nonce.data(), Direction::decrypt);
    SecretBytes plaintext(sealed.ciphertext.size());
    int size = 0;
    auto tag = sealed.tag;
    unsigned char none = 0;
    if (EVP_DecryptUpdate(context.get(), nullptr, &size, additional.data(), sizeOf(additional)) <=
            0 ||
        EVP_DecryptUpdate(context.get(), plaintext.data(), &size, sealed.ciphertext.data(),
                          sizeOf(sealed.ciphertext)) <= 0 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tagSize, tag.data()) <= 0 ||
        EVP_DecryptFinal_ex(context.get(), &none, &size) <= 0) {
        ERR_clear_error();
        throw KeyError("the contents are damaged: authentication failed");
    }
    return plaintext;
}

Bytes wrapKey(OSSL_LIB_CTX* library, ByteView wrappingKey, ByteView key) {
    const auto context = start(library, "AES-256-WRAP", wrappingKey, nullptr, Direction::encrypt);
    Bytes wrapped(key.size() + 8);
    int size = 0;
    check(EVP_EncryptUpdate(context.get(), wrapped.data(), &size, key.data(), sizeOf(key)),
          "AES key wrap failed");
    wrapped.resize(static_cast<std::size_t>(size));
    return wrapped;
}

SecretBytes unwrapKey(OSSL_LIB_CTX* library, ByteView wrappingKey, ByteView wrapped) {
    const auto context = start(library, "AES-256-WRAP", wrappingKey, nullptr, Direction::decrypt);
    SecretBytes key(wrapped.size() + 16);
    int size = 0;
    if (EVP_DecryptUpdate(context.get(), key.data(), &size, wrapped.data(), sizeOf(wrapped)) <= 0) {
        ERR_clear_error();
        throw KeyError("the wrapped key is damaged, or belongs to another key");
    }
    key.resize(static_cast<std::size_t>(size));
    return key;
}

} // namespace p11::tools::aes
