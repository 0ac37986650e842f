// SPDX-License-Identifier: Apache-2.0
#include "exchange/ecdh.h"

#include <algorithm>
#include <array>
#include <string>

#include <openssl/core_names.h>

#include "ossl/params.h"
#include "pkcs11/operation.h"

namespace p11::exchange {
namespace {

constexpr int cofactorModeOfKey = -1;

bool hasCofactor(EVP_PKEY* key) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_COFACTOR, &number);
    const ossl::Bignum owner(number);
    return number != nullptr && BN_is_one(number) == 0;
}

} // namespace

void Ecdh::begin(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM* params) {
    state().begin([&] {
        setKey(key);
        cofactorMode_ = cofactorModeOfKey;
        usesKdf_ = false;
        setParams(params);
    });
}

void Ecdh::requireComplete() const {
    requirePeer();
    if (usesKdf_ && (!kdfDigest_ || kdfSize_ == 0))
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the X9.63 KDF needs a digest and an output length");
}

std::size_t Ecdh::size() const {
    if (usesKdf_ && kdfSize_ != 0) // as OpenSSL tells it: whatever else is missing
        return kdfSize_;
    requireComplete();
    return secretSize();
}

std::size_t Ecdh::derive(MutableBytes out) const {
    requireComplete();
    if (out.empty())
        throw ossl::UsageError(ossl::Reason::data, "there is no room for the secret");
    if (usesKdf_ && out.size() < kdfSize_)
        throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the KDF's output");
    return withToken(*this, out, [](const Ecdh& exchange, MutableBytes room) {
        return exchange.deriveNow(room);
    });
}

std::size_t Ecdh::deriveNow(MutableBytes out) const {
    const auto shared = secret(mechanism());
    if (usesKdf_)
        return applyKdf(shared.view(), out);
    const auto part = shared.view().first(std::min(out.size(), shared.size()));
    std::copy(part.begin(), part.end(), out.begin());
    return part.size();
}

bool Ecdh::multipliesByCofactor() const {
    return cofactorMode_ == 1 && hasCofactor(peer());
}

CK_MECHANISM_TYPE Ecdh::mechanism() const {
    if (!multipliesByCofactor())
        return CKM_ECDH1_DERIVE;
    auto& object = key()->privateObject();
    if (!pkcs11::takes(object, CKM_ECDH1_COFACTOR_DERIVE))
        throw pkcs11::Error(
            pkcs11::Failure::unsupported,
            "the token does not offer cofactor mode (CKM_ECDH1_COFACTOR_DERIVE) for the " +
                object.describe(),
            CKR_MECHANISM_INVALID);
    return CKM_ECDH1_COFACTOR_DERIVE;
}

std::size_t Ecdh::applyKdf(ByteView secret, MutableBytes out) const {
    const ossl::Kdf kdf(
        EVP_KDF_fetch(provider().libctx(), OSSL_KDF_NAME_X963KDF, ossl::ProviderContext::propq()));
    const ossl::KdfCtx context(EVP_KDF_CTX_new(kdf.get()));
    // The C interface takes pointers to what it only reads.
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         const_cast<char*>(EVP_MD_get0_name(kdfDigest_.get())), 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_PROPERTIES,
                                         const_cast<char*>(ossl::ProviderContext::propq()), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                          const_cast<unsigned char*>(secret.data()), secret.size()),
        OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_INFO, const_cast<unsigned char*>(kdfInfo_.data()), kdfInfo_.size()),
        OSSL_PARAM_construct_end()};
    if (!context || EVP_KDF_derive(context.get(), out.data(), kdfSize_, params.data()) != 1)
        throw ossl::UsageError(ossl::Reason::data, "the X9.63 KDF failed");
    return kdfSize_;
}

void Ecdh::setCofactorMode(const OSSL_PARAM* params) {
    const auto mode = ossl::intOf(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
    if (!mode)
        return;
    if (*mode < -1 || *mode > 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "unknown cofactor mode " + std::to_string(*mode));
    cofactorMode_ = *mode;
}

void Ecdh::setKdf(const OSSL_PARAM* params) {
    if (const auto type = ossl::textOf(params, OSSL_EXCHANGE_PARAM_KDF_TYPE)) {
        if (!type->empty() && *type != OSSL_KDF_NAME_X963KDF)
            throw ossl::UsageError(ossl::Reason::parameter, "unknown KDF \"" + *type + "\"");
        usesKdf_ = !type->empty();
    }
    if (const auto name = ossl::textOf(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST)) {
        auto digest = provider().digest(name->c_str());
        if (!digest || EVP_MD_get_size(digest.get()) <= 0 ||
            (EVP_MD_get_flags(digest.get()) & EVP_MD_FLAG_XOF) != 0)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "\"" + *name +
                                       "\" cannot be used as the digest of the X9.63 KDF");
        kdfDigest_ = ossl::SharedMd(std::move(digest));
    }
    kdfSize_ = ossl::sizeOf(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN).value_or(kdfSize_);
    if (const auto info = ossl::octetsOf(params, OSSL_EXCHANGE_PARAM_KDF_UKM))
        kdfInfo_.assign(info->begin(), info->end());
}

void Ecdh::setParams(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    setCofactorMode(params);
    setKdf(params);
}

void Ecdh::getParams(OSSL_PARAM* params) const {
    // Keys on tokens do not say.
    const int mode = cofactorMode_ == cofactorModeOfKey ? 0 : cofactorMode_;
    ossl::answerInt(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, mode);
    ossl::answerText(params, OSSL_EXCHANGE_PARAM_KDF_TYPE, usesKdf_ ? OSSL_KDF_NAME_X963KDF : "");
    ossl::answerText(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST,
                     kdfDigest_ ? EVP_MD_get0_name(kdfDigest_.get()) : "");
    ossl::answerSize(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN, kdfSize_);
    if (auto* info = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM))
        OSSL_PARAM_set_octet_ptr(info, kdfInfo_.data(), kdfInfo_.size());
}

const OSSL_PARAM* Ecdh::settable() {
    static const std::array list{ossl::intParam(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE),
                                 ossl::textParam(OSSL_EXCHANGE_PARAM_KDF_TYPE),
                                 ossl::textParam(OSSL_EXCHANGE_PARAM_KDF_DIGEST),
                                 ossl::textParam(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS),
                                 ossl::sizeParam(OSSL_EXCHANGE_PARAM_KDF_OUTLEN),
                                 ossl::octetsParam(OSSL_EXCHANGE_PARAM_KDF_UKM),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* Ecdh::gettable() {
    static const std::array list{
        ossl::intParam(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE),
        ossl::textParam(OSSL_EXCHANGE_PARAM_KDF_TYPE),
        ossl::textParam(OSSL_EXCHANGE_PARAM_KDF_DIGEST),
        ossl::sizeParam(OSSL_EXCHANGE_PARAM_KDF_OUTLEN),
        OSSL_PARAM{OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR, nullptr, 0, 0},
        ossl::endOfParams()};
    return list.data();
}

} // namespace p11::exchange
