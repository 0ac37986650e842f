// SPDX-License-Identifier: Apache-2.0
#include "kem/hpke_kdf.h"

#include <array>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "ossl/handles.h"
#include "ossl/secret.h"

namespace p11::kem {
namespace {

using ossl::SecretBytes;
using pkcs11::ByteView;
using pkcs11::MutableBytes;

void append(SecretBytes& bytes, std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
}

void append(SecretBytes& bytes, ByteView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

// I2OSP(number, 2)
void append(SecretBytes& bytes, std::uint16_t number) {
    bytes.push_back(static_cast<unsigned char>(number >> 8));
    bytes.push_back(static_cast<unsigned char>(number));
}

/// What LabeledExtract() and LabeledExpand() put before their data.
void appendLabel(SecretBytes& bytes, const KdfOfKem& kem, std::string_view label) {
    append(bytes, "HPKE-v1");
    append(bytes, "KEM");
    append(bytes, kem.id);
    append(bytes, label);
}

/// One step of HKDF. `name` is the parameter that has `data`: the salt, or the info.
void hkdf(const ossl::ProviderContext& provider, int mode, const char* digest, ByteView key,
          const char* name, ByteView data, MutableBytes out) {
    const ossl::Kdf kdf(
        EVP_KDF_fetch(provider.libctx(), OSSL_KDF_NAME_HKDF, ossl::ProviderContext::propq()));
    const ossl::KdfCtx context(EVP_KDF_CTX_new(kdf.get()));
    // The C interface takes pointers to what it only reads.
    const std::array params{
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_PROPERTIES,
                                         const_cast<char*>(ossl::ProviderContext::propq()), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                          const_cast<unsigned char*>(key.data()), key.size()),
        OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(data.data()),
                                          data.size()),
        OSSL_PARAM_construct_end()};
    if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) != 1)
        throw ossl::UsageError(ossl::Reason::internal, "HKDF failed");
}

} // namespace

void extractAndExpand(const ossl::ProviderContext& provider, const KdfOfKem& kem, ByteView dh,
                      ByteView context, MutableBytes secret) {
    const auto digest = provider.digest(kem.digest);
    if (!digest)
        throw ossl::UsageError(ossl::Reason::internal, "no provider has SHA-2");
    const auto hashSize = static_cast<std::size_t>(EVP_MD_get_size(digest.get()));
    SecretBytes labeledKey;
    appendLabel(labeledKey, kem, "eae_prk");
    append(labeledKey, dh);
    SecretBytes pseudorandomKey(hashSize);
    const SecretBytes noSalt(hashSize); // RFC 5869, section 2.2
    hkdf(provider, EVP_KDF_HKDF_MODE_EXTRACT_ONLY, kem.digest, labeledKey.view(),
         OSSL_KDF_PARAM_SALT, noSalt.view(), pseudorandomKey.all());
    SecretBytes info;
    append(info, static_cast<std::uint16_t>(secret.size()));
    appendLabel(info, kem, "shared_secret");
    append(info, context);
    hkdf(provider, EVP_KDF_HKDF_MODE_EXPAND_ONLY, kem.digest, pseudorandomKey.view(),
         OSSL_KDF_PARAM_INFO, info.view(), secret);
}

} // namespace p11::kem
