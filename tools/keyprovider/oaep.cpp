// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/oaep.h"

#include <openssl/rsa.h>

#include "tools/shared/error.h"

namespace p11::tools::oaep {
namespace {

std::size_t sizeOf(Hash hash) {
    return hash == Hash::sha1 ? 20 : 32;
}

ossl::PkeyCtx start(const Key& key, int (*init)(EVP_PKEY_CTX*), Hash hash) {
    ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(key.library.get(), key.pkey.get(), nullptr));
    const auto* name = hash == Hash::sha1 ? "SHA1" : "SHA256";
    if (!context || init(context.get()) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), name, nullptr) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), name, nullptr) <= 0)
        throw KeyError(withReasons(key.name + ": RSA-OAEP cannot be started"));
    return context;
}

} // namespace

const char* nameOf(Hash hash) {
    return hash == Hash::sha1 ? "sha1" : "sha256";
}

std::optional<Hash> hashNamed(std::string_view name) {
    if (name == "sha1")
        return Hash::sha1;
    if (name == "sha256")
        return Hash::sha256;
    return std::nullopt;
}

Bytes encrypt(const Key& key, Hash hash, ByteView plaintext) {
    const auto context = start(key, EVP_PKEY_encrypt_init, hash);
    Bytes ciphertext(static_cast<std::size_t>(EVP_PKEY_get_size(key.pkey.get())));
    const auto overhead = 2 * sizeOf(hash) + 2;
    if (plaintext.size() + overhead > ciphertext.size())
        throw KeyError(
            key.name + ": " + std::to_string(plaintext.size()) +
            " bytes are too long for OAEP with " + nameOf(hash) + " and an RSA key of " +
            std::to_string(EVP_PKEY_get_bits(key.pkey.get())) + " bits, which takes at most " +
            std::to_string(ciphertext.size() > overhead ? ciphertext.size() - overhead : 0));
    std::size_t size = ciphertext.size();
    if (EVP_PKEY_encrypt(context.get(), ciphertext.data(), &size, plaintext.data(),
                         plaintext.size()) <= 0)
        throw KeyError(withReasons(key.name + ": RSA-OAEP encryption failed"));
    ciphertext.resize(size);
    return ciphertext;
}

SecretBytes decrypt(const Key& key, Hash hash, ByteView ciphertext) {
    const auto context = start(key, EVP_PKEY_decrypt_init, hash);
    // Asking for the size first could cost calls to the token.
    SecretBytes plaintext(static_cast<std::size_t>(EVP_PKEY_get_size(key.pkey.get())));
    std::size_t size = plaintext.size();
    if (EVP_PKEY_decrypt(context.get(), plaintext.data(), &size, ciphertext.data(),
                         ciphertext.size()) <= 0)
        throw KeyError(withReasons(key.name + ": RSA-OAEP decryption failed"));
    plaintext.resize(size);
    return plaintext;
}

} // namespace p11::tools::oaep
