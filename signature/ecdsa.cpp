// SPDX-License-Identifier: Apache-2.0
#include "signature/ecdsa.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "ossl/ecdsa_der.h"
#include "ossl/error_mark.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"

#include "signature/algorithm_id.h"

namespace p11::signature {
namespace {

// r and s of the largest curves OpenSSL has (sect571) take 72 bytes each.
constexpr std::size_t longestRaw = 144;
// As DER, which some tokens give in its place.
constexpr std::size_t longestDer = longestRaw + 9;

std::size_t orderSize(EVP_PKEY* partial) {
    return static_cast<std::size_t>((EVP_PKEY_get_bits(partial) + 7) / 8);
}

// Once in 128 signatures r or s is short, and where a token leaves zeros out nobody knows which of
// the two it is, unless the public key is known. The next signature has other numbers.
constexpr int mostTries = 4;

std::size_t writeDer(ByteView raw, MutableBytes out) {
    const std::size_t size = ossl::ecdsaToDer(raw, out);
    if (size == 0)
        throw pkcs11::Error(pkcs11::Failure::call,
                            "C_Sign returned an ECDSA signature of " + std::to_string(raw.size()) +
                                " bytes",
                            CKR_GENERAL_ERROR);
    return size;
}

} // namespace

std::unique_ptr<SignatureContext> EcdsaContext::clone() const {
    return std::unique_ptr<SignatureContext>(new EcdsaContext(*this));
}

std::size_t EcdsaContext::maxSize() const {
    auto* partial = key().partialKey();
    return static_cast<std::size_t>(partial != nullptr ? EVP_PKEY_get_size(partial)
                                                       : keymgmt::unknownSizes.largest);
}

// Longer hashes are cut to the order's length here: not every token does it (FIPS 186-5,
// section 6.4.1).
std::size_t EcdsaContext::sign(ByteView tbs, MutableBytes out) {
    if (digest() != nullptr && EVP_MD_get_size(digest()) > 0) // "NULL" stands for anything
        requireDigestSize(tbs);
    auto data = tbs;
    if (auto* partial = key().partialKey())
        data = data.first(std::min(data.size(), orderSize(partial)));
    const std::size_t size = signAsDer(
        CKM_ECDSA, data, [tbs] { return pkcs11::Bytes(tbs.begin(), tbs.end()); }, out);
    key().keepSampleSignature(data, out.first(size));
    return size;
}

std::size_t EcdsaContext::signAsDer(CK_MECHANISM_TYPE mechanism, ByteView data,
                                    const HashGiver& hash, MutableBytes out) {
    std::array<unsigned char, longestDer> answer{};
    std::size_t size = 0;
    auto* partial = key().partialKey();
    // Somebody may have to come to the PIN pad for each use.
    const bool onlyOnce = key().privateObject().attributes().flag(CKA_ALWAYS_AUTHENTICATE, false);
    for (int i = 0; i < (onlyOnce ? 1 : mostTries); ++i) {
        size = signAndNote({mechanism, nullptr, 0}, data, answer);
        const auto raw = ByteView(answer).first(size);
        // r and s (PKCS#11 2.40, section 2.3.1)
        if (partial == nullptr || size == 2 * orderSize(partial))
            return writeDer(raw, out);
        const auto forms = possibleForms(raw, hash());
        if (forms.empty())
            break;
        if (forms.size() == 1) {
            std::ranges::copy(forms.front(), out.begin());
            return forms.front().size();
        }
    }
    requireSize(size, 2 * orderSize(partial));
    return 0;
}

// Modules that have a form of their own: what the answer can mean.
std::vector<pkcs11::Bytes> EcdsaContext::possibleForms(ByteView raw, ByteView tbs) {
    auto forms = ossl::ecdsaForms(raw, orderSize(key().partialKey()));
    if (!forms.empty() && key().publicKey() != nullptr) {
        const ossl::ErrorMark mark;
        std::erase_if(forms, [&](const auto& form) { return verifyInSoftware(form, tbs) != 1; });
    }
    return forms;
}

int EcdsaContext::verify(ByteView signature, ByteView tbs) {
    return verifyInSoftware(signature, tbs);
}

std::optional<CK_MECHANISM_TYPE> EcdsaContext::combinedMechanism() const {
    const auto* hash =
        digest() != nullptr ? pkcs11::hashMechanisms(EVP_MD_get0_name(digest())) : nullptr;
    auto& object = key().privateObject();
    if (hash == nullptr || pkcs11::takes(object, CKM_ECDSA) || !pkcs11::takes(object, hash->ecdsa))
        return std::nullopt;
    return hash->ecdsa;
}

std::size_t EcdsaContext::signMessage(CK_MECHANISM_TYPE mechanism, ByteView message,
                                      MutableBytes out) {
    return signAsDer(
        mechanism, message, [&] { return hashOf(message); }, out);
}

pkcs11::Bytes EcdsaContext::algorithmId() const {
    return algorithmIdOf(key(), {digest()});
}

// PKCS#11 has no mechanism and no parameter for deterministic signatures, so the nonce is the
// token's affair. A random one in the place of the one that was asked for would go unnoticed.
void EcdsaContext::setNonceType(const OSSL_PARAM* params) {
    const auto wanted = ossl::unsignedOf(params, OSSL_SIGNATURE_PARAM_NONCE_TYPE);
    if (!wanted)
        return;
    if (signs() && *wanted != 0)
        throw ossl::UsageError(
            ossl::Reason::unsupported,
            "nonce-type " + std::to_string(*wanted) +
                ": a token cannot be asked for deterministic ECDSA signatures, only for random "
                "ones (nonce-type 0)");
    nonceType_ = *wanted;
}

void EcdsaContext::setParams(const OSSL_PARAM* params) {
    SignatureContext::setParams(params);
    setNonceType(params);
}

void EcdsaContext::getParams(OSSL_PARAM* params) const {
    SignatureContext::getParams(params);
    ossl::answerUnsigned(params, OSSL_SIGNATURE_PARAM_NONCE_TYPE, nonceType_);
}

const OSSL_PARAM* EcdsaContext::settable() const {
    static const std::array list{ossl::textParam(OSSL_SIGNATURE_PARAM_DIGEST),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PROPERTIES),
                                 ossl::unsignedParam(OSSL_SIGNATURE_PARAM_NONCE_TYPE),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* EcdsaContext::gettable() const {
    static const std::array list{ossl::textParam(OSSL_SIGNATURE_PARAM_DIGEST),
                                 ossl::octetsParam(OSSL_SIGNATURE_PARAM_ALGORITHM_ID),
                                 ossl::unsignedParam(OSSL_SIGNATURE_PARAM_NONCE_TYPE),
                                 ossl::endOfParams()};
    return list.data();
}

} // namespace p11::signature
