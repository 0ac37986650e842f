// SPDX-License-Identifier: Apache-2.0
#include "kem/rsasve.h"

#include <array>

#include <openssl/core_names.h>

#include "asym_cipher/rsa_cipher.h"
#include "ossl/job.h"
#include "ossl/params.h"

namespace p11::kem {

std::unique_ptr<KemContext> Rsasve::clone() const {
    return std::unique_ptr<KemContext>(new Rsasve(*this));
}

const char* Rsasve::operation() const {
    return OSSL_KEM_PARAM_OPERATION_RSASVE;
}

void Rsasve::requireUsable() const {
    if (key()->type() == keymgmt::KeyType::rsaPss)
        throw ossl::UsageError(ossl::Reason::key, "an RSA-PSS key can only sign");
    if (key()->modulusSize() == 0)
        throw ossl::UsageError(ossl::Reason::key, "the RSA key has no modulus");
}

std::size_t Rsasve::secretSize() const {
    return key()->modulusSize();
}

std::size_t Rsasve::ciphertextSize() const {
    return key()->modulusSize();
}

// SP 800-56B, section 7.1.2. Everybody can see whether it is so.
void Rsasve::requireInRange(ByteView ciphertext) const {
    auto* half = key()->partialKey() != nullptr ? key()->partialKey() : key()->publicKey();
    BIGNUM* modulus = nullptr;
    EVP_PKEY_get_bn_param(half, OSSL_PKEY_PARAM_RSA_N, &modulus);
    const ossl::Bignum limit(modulus);
    const ossl::Bignum number(
        BN_bin2bn(ciphertext.data(), static_cast<int>(ciphertext.size()), nullptr));
    if (!limit || !number || BN_sub_word(limit.get(), 1) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the modulus of the key is unknown");
    if (BN_cmp(number.get(), BN_value_one()) <= 0 || BN_cmp(number.get(), limit.get()) >= 0)
        throw ossl::UsageError(ossl::Reason::data,
                               "the ciphertext is not a number between 1 and the modulus less 1");
}

// What is on a job's stack owns nothing while the job is paused: a worker does all of it.
void Rsasve::decapsulateNow(ByteView ciphertext, MutableBytes secret) const {
    ossl::runWithToken(
        provider(), key()->privateObject().token(), *this, ciphertext, secret,
        [](const Rsasve& kem, ByteView data, MutableBytes out) { return kem.decrypt(data, out); });
}

std::size_t Rsasve::decrypt(ByteView ciphertext, MutableBytes secret) const {
    requireInRange(ciphertext);
    // The C interface takes pointers to what it only reads.
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE,
                                         const_cast<char*>(OSSL_PKEY_RSA_PAD_MODE_NONE), 0),
        OSSL_PARAM_construct_end()};
    asym_cipher::RsaCipher cipher(provider());
    cipher.begin(key(), true, params.data());
    return cipher.decryptForJob(ciphertext, secret);
}

const OSSL_PARAM* Rsasve::settable() const {
    static const std::array list{ossl::textParam(OSSL_KEM_PARAM_OPERATION), ossl::endOfParams()};
    return list.data();
}

} // namespace p11::kem
