// SPDX-License-Identifier: Apache-2.0
#include "signature/eddsa.h"

#include <array>

#include <strings.h>

#include <openssl/core_names.h>

#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "signature/algorithm_id.h"

namespace p11::signature {

std::unique_ptr<SignatureContext> EddsaContext::clone() const {
    return std::unique_ptr<SignatureContext>(new EddsaContext(*this));
}

std::size_t EddsaContext::maxSize() const {
    return static_cast<std::size_t>(keymgmt::rowOf(key().type()).sizes.largest);
}

std::size_t EddsaContext::sign(ByteView tbs, MutableBytes out) {
    const std::size_t size = signInEitherForm(tbs, out);
    key().keepSampleSignature(tbs, out.first(size));
    return size;
}

// Some tokens want CK_EDDSA_PARAMS for the plain variants, too.
std::size_t EddsaContext::signInEitherForm(ByteView tbs, MutableBytes out) {
    constexpr keymgmt::Use withoutParams{keymgmt::Use::sign, CKM_EDDSA};
    if (!key().refusals().contain(withoutParams)) {
        try {
            return signOnToken({CKM_EDDSA, nullptr, 0}, tbs, out);
        } catch (const pkcs11::Error& error) {
            if (error.rv() != CKR_MECHANISM_PARAM_INVALID)
                throw;
            if (pkcs11::isRefusedAtInit(error))
                key().refusals().add(withoutParams);
        }
    }
    pkcs11::EddsaParams params;
    return signOnToken({CKM_EDDSA, &params, sizeof params}, tbs, out);
}

int EddsaContext::verify(ByteView signature, ByteView tbs) {
    const ossl::MdCtx context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, key().context().libctx(),
                                ossl::ProviderContext::propq(), key().requirePublicKey(),
                                nullptr) != 1)
        return 0;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), tbs.data(),
                            tbs.size());
}

pkcs11::Bytes EddsaContext::algorithmId() const {
    return algorithmIdOf(keymgmt::rowOf(key().type()).curve.nid);
}

// The variants of RFC 8032 (Ed25519ctx, Ed25519ph, Ed448ph, contexts) need CK_EDDSA_PARAMS, which
// tokens may pass over in silence: a plain signature would come out. So they are refused.
void EddsaContext::setParams(const OSSL_PARAM* params) {
    const auto instance = ossl::textOf(params, OSSL_SIGNATURE_PARAM_INSTANCE);
    if (instance && strcasecmp(instance->c_str(), keymgmt::nameOf(key().type())) != 0)
        throw ossl::UsageError(ossl::Reason::unsupported, "the EdDSA instance \"" + *instance +
                                                              "\" is not available on tokens");
    const auto contextString = ossl::octetsOf(params, OSSL_SIGNATURE_PARAM_CONTEXT_STRING);
    if (contextString && !contextString->empty())
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "EdDSA with a context string is not available on tokens");
}

const OSSL_PARAM* EddsaContext::settable() const {
    static const OSSL_PARAM list = ossl::endOfParams();
    return &list;
}

const OSSL_PARAM* EddsaContext::gettable() const {
    static const std::array list{ossl::octetsParam(OSSL_SIGNATURE_PARAM_ALGORITHM_ID),
                                 ossl::endOfParams()};
    return list.data();
}

} // namespace p11::signature
