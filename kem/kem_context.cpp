// SPDX-License-Identifier: Apache-2.0
#include "kem/kem_context.h"

#include <array>
#include <string>

#include <openssl/core_names.h>
#include <strings.h>

#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::kem {

void KemContext::begin(const std::shared_ptr<keymgmt::Key>& key,
                       const std::shared_ptr<keymgmt::Key>& sender, const OSSL_PARAM* params) {
    if (key) {
        key_ = key;
        sender_ = sender;
    }
    if (!key_)
        throw ossl::UsageError(ossl::Reason::key, "no key is set");
    keyMaterial_.reset();
    requireUsable();
    setParams(params);
}

void KemContext::beginEncapsulation(const std::shared_ptr<keymgmt::Key>& key,
                                    const std::shared_ptr<keymgmt::Key>& sender,
                                    const OSSL_PARAM* params) {
    state_.begin([&] {
        begin(key, sender, params);
        if (key_->isOnToken())
            key_->requireUnambiguous();
        if (sender_)
            sender_->privateObject(); // throws for public keys and ambiguous ones
    });
}

void KemContext::beginDecapsulation(const std::shared_ptr<keymgmt::Key>& key,
                                    const std::shared_ptr<keymgmt::Key>& sender,
                                    const OSSL_PARAM* params) {
    state_.begin([&] {
        begin(key, sender, params);
        key_->privateObject();
    });
}

void KemContext::setParams(const OSSL_PARAM* params) {
    const auto wanted = ossl::textOf(params, OSSL_KEM_PARAM_OPERATION);
    if (wanted && strcasecmp(wanted->c_str(), operation()) != 0)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "\"" + *wanted + "\" is no KEM operation with such a key: it has " +
                                   operation());
    if (const auto given = ossl::octetsOf(params, OSSL_KEM_PARAM_IKME))
        keyMaterial_ = std::make_shared<const ossl::SecretBytes>(given->begin(), given->end());
}

void KemContext::encapsulateNow(unsigned char* out, std::size_t* size, unsigned char* secret,
                                std::size_t* secretSize) const {
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(
        provider_.libctx(), key_->requirePublicKey(), ossl::ProviderContext::propq()));
    // The C interface takes pointers to what it only reads.
    std::array params{OSSL_PARAM_construct_utf8_string(OSSL_KEM_PARAM_OPERATION,
                                                       const_cast<char*>(operation()), 0),
                      OSSL_PARAM_construct_octet_string(
                          OSSL_KEM_PARAM_IKME, const_cast<unsigned char*>(keyMaterial().data()),
                          keyMaterial().size()),
                      OSSL_PARAM_construct_end()};
    if (keyMaterial().empty())
        params[1] = OSSL_PARAM_construct_end();
    if (!context || EVP_PKEY_encapsulate_init(context.get(), params.data()) != 1 ||
        EVP_PKEY_encapsulate(context.get(), out, size, secret, secretSize) != 1)
        throw ossl::UsageError(ossl::Reason::data, "encapsulation in software failed");
}

void KemContext::encapsulate(unsigned char* out, std::size_t* size, unsigned char* secret,
                             std::size_t* secretSize) const {
    state_.once([&] { encapsulateNow(out, size, secret, secretSize); });
}

void KemContext::decapsulate(unsigned char* secret, std::size_t* secretSize,
                             ByteView ciphertext) const {
    state_.once([&] {
        const auto expected = secretSize != nullptr ? this->secretSize() : 0;
        if (secret != nullptr && secretSize != nullptr && *secretSize < expected)
            throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the secret");
        if (secret != nullptr && ciphertext.size() != ciphertextSize())
            throw ossl::UsageError(ossl::Reason::data, "the ciphertext has " +
                                                           std::to_string(ciphertext.size()) +
                                                           " bytes, and one for this key has " +
                                                           std::to_string(ciphertextSize()));
        if (secret != nullptr)
            decapsulateNow(ciphertext, {secret, this->secretSize()});
        if (secretSize != nullptr)
            *secretSize = expected;
    });
}

} // namespace p11::kem
