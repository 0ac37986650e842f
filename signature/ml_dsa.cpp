// SPDX-License-Identifier: Apache-2.0
#include "signature/ml_dsa.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "keymgmt/key_family.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "pkcs11/operation.h"
#include "signature/algorithm_id.h"

namespace p11::signature {
namespace {

constexpr std::size_t longestContext = 255; // FIPS 204, algorithm 2

// What is for tests of the algorithm itself, and beyond CKM_ML_DSA: signing another encoding of the
// message or its hash, and with numbers that are no random ones.
void refuseForeignInput(const OSSL_PARAM* params) {
    if (ossl::intOf(params, OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING).value_or(1) != 1)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "message-encoding: a token encodes the messages that it signs");
    if (ossl::intOf(params, OSSL_SIGNATURE_PARAM_MU).value_or(0) != 0)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "mu: keys on tokens sign messages, not their external mu");
    if (ossl::octetsOf(params, OSSL_SIGNATURE_PARAM_TEST_ENTROPY))
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "test-entropy: a token uses its own random numbers");
}

} // namespace

std::unique_ptr<SignatureContext> MlDsaContext::clone() const {
    return std::unique_ptr<SignatureContext>(new MlDsaContext(*this));
}

void MlDsaContext::keyChanged() {
    if (keymgmt::familyOf(key().type()).signing != keymgmt::Signing::additionalContext)
        throw ossl::UsageError(ossl::Reason::key, "the key is not an ML-DSA key");
    context_.clear();
    deterministic_ = false;
}

std::size_t MlDsaContext::maxSize() const {
    return static_cast<std::size_t>(keymgmt::rowOf(key().type()).sizes.largest);
}

std::size_t MlDsaContext::sign(ByteView tbs, MutableBytes out) {
    pkcs11::SignAdditionalContext more{deterministic_ ? CKH_DETERMINISTIC_REQUIRED
                                                      : CKH_HEDGE_PREFERRED,
                                       context_.data(), context_.size()};
    const bool plain = context_.empty() && !deterministic_;
    const CK_MECHANISM mechanism{keymgmt::familyOf(key().type()).signMechanism,
                                 plain ? nullptr : &more, plain ? 0 : sizeof more};
    const std::size_t size = signOnToken(mechanism, tbs, out);
    if (context_.empty())
        key().keepSampleSignature(tbs, out.first(size));
    return size;
}

bool MlDsaContext::apply(EVP_PKEY_CTX* context) const {
    int noRandom = deterministic_ ? 1 : 0;
    // The C interface takes pointers to what it only reads.
    const std::array params{OSSL_PARAM_construct_octet_string(
                                OSSL_SIGNATURE_PARAM_CONTEXT_STRING,
                                const_cast<unsigned char*>(context_.data()), context_.size()),
                            OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_DETERMINISTIC, &noRandom),
                            OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_params(context, context_.empty() ? &params[1] : params.data()) == 1;
}

int MlDsaContext::verify(ByteView signature, ByteView tbs) {
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    if (EVP_DigestVerifyInit_ex(context.get(), &keyContext, nullptr, key().context().libctx(),
                                ossl::ProviderContext::propq(), key().requirePublicKey(),
                                nullptr) != 1 ||
        !apply(keyContext))
        return 0;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), tbs.data(),
                            tbs.size());
}

void MlDsaContext::setParams(const OSSL_PARAM* params) {
    refuseForeignInput(params);
    if (const auto given = ossl::octetsOf(params, OSSL_SIGNATURE_PARAM_CONTEXT_STRING)) {
        if (given->size() > longestContext)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "context-string: longer than 255 bytes");
        context_.assign(given->begin(), given->end());
    }
    if (const auto given = ossl::intOf(params, OSSL_SIGNATURE_PARAM_DETERMINISTIC))
        deterministic_ = *given != 0;
}

pkcs11::Bytes MlDsaContext::algorithmId() const {
    return algorithmIdOf(OBJ_txt2nid(keymgmt::nameOf(key().type())));
}

const OSSL_PARAM* MlDsaContext::settable() const {
    static const std::array list{ossl::octetsParam(OSSL_SIGNATURE_PARAM_CONTEXT_STRING),
                                 ossl::intParam(OSSL_SIGNATURE_PARAM_DETERMINISTIC),
                                 ossl::intParam(OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING),
                                 ossl::intParam(OSSL_SIGNATURE_PARAM_MU),
                                 ossl::octetsParam(OSSL_SIGNATURE_PARAM_TEST_ENTROPY),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* MlDsaContext::gettable() const {
    static const std::array list{ossl::octetsParam(OSSL_SIGNATURE_PARAM_ALGORITHM_ID),
                                 ossl::endOfParams()};
    return list.data();
}

} // namespace p11::signature
