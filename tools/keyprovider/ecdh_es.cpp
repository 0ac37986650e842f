// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/ecdh_es.h"

#include <array>
#include <cstdint>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "tools/keyprovider/aes.h"
#include "tools/keys/jwk.h"
#include "tools/shared/error.h"

namespace p11::tools::ecdh_es {
namespace {

using Kdf = ossl::Owner<EVP_KDF, EVP_KDF_free>;
using KdfCtx = ossl::Owner<EVP_KDF_CTX, EVP_KDF_CTX_free>;

constexpr std::string_view algorithm = "ECDH-ES+A256KW";

void appendNumber(Bytes& bytes, std::size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<unsigned char>(number >> shift));
}

// AlgorithmID, PartyUInfo and PartyVInfo (both empty), SuppPubInfo: the key's length in bits.
Bytes otherInfo() {
    Bytes info;
    appendNumber(info, algorithm.size());
    info.insert(info.end(), algorithm.begin(), algorithm.end());
    appendNumber(info, 0);
    appendNumber(info, 0);
    appendNumber(info, aes::keySize * 8);
    return info;
}

SecretBytes agree(const Key& own, const Key& other) {
    const ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(own.library.get(), own.pkey.get(), nullptr));
    SecretBytes secret(128);
    std::size_t size = secret.size();
    if (!context || EVP_PKEY_derive_init(context.get()) <= 0 ||
        EVP_PKEY_derive_set_peer(context.get(), other.pkey.get()) <= 0 ||
        EVP_PKEY_derive(context.get(), secret.data(), &size) <= 0)
        throw KeyError(withReasons(own.name + ": ECDH failed"));
    secret.resize(size);
    return secret;
}

SecretBytes wrappingKey(const Key& own, const Key& other) {
    auto secret = agree(own, other);
    auto info = otherInfo();
    const Kdf kdf(EVP_KDF_fetch(own.library.get(), "SSKDF", inSoftware));
    const KdfCtx context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    std::string hash = "SHA256";
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
        OSSL_PARAM_construct_end()};
    SecretBytes key(aes::keySize);
    if (!context || EVP_KDF_derive(context.get(), key.data(), key.size(), params.data()) <= 0)
        throw Error(withReasons("the Concat KDF failed"));
    return key;
}

Key ephemeralFor(const Key& recipient) {
    Key made{recipient.library,
             ossl::Pkey(EVP_PKEY_Q_keygen(recipient.library.get(), inSoftware, "EC",
                                          jwk::curve(recipient).c_str())),
             "the key made for this message"};
    if (!made.pkey)
        throw Error(withReasons("an EC key cannot be made"));
    return made;
}

} // namespace

Wrapped wrap(const Key& recipient, ByteView key) {
    const auto ephemeral = ephemeralFor(recipient);
    return {jwk::from(ephemeral),
            aes::wrapKey(recipient.library.get(), wrappingKey(ephemeral, recipient), key)};
}

SecretBytes unwrap(const Key& recipient, const Wrapped& wrapped) {
    const auto ephemeral = jwk::peer(wrapped.ephemeral, recipient, "the recipient's \"epk\"");
    return aes::unwrapKey(recipient.library.get(), wrappingKey(recipient, ephemeral), wrapped.key);
}

} // namespace p11::tools::ecdh_es
