// SPDX-License-Identifier: Apache-2.0
#include "signature/eddsa.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "keymgmt/key_family.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "signature/algorithm_id.h"

namespace p11::signature {

struct EddsaContext::Variant {
    enum class ContextString { none, optional, required };

    const char* name;    ///< OpenSSL's name of the instance
    const char* keyType; ///< OpenSSL's
    bool prehash;
    ContextString contextString;
};

namespace {

using Variant = EddsaContext::Variant;
using ContextString = Variant::ContextString;

constexpr std::size_t longestContext = 255; // RFC 8032, section 2

// RFC 8032, section 5. The first of a key type is its plain one.
constexpr std::array variants{
    Variant{"Ed25519", "ED25519", false, ContextString::none},
    Variant{"Ed25519ctx", "ED25519", false, ContextString::required},
    Variant{"Ed25519ph", "ED25519", true, ContextString::optional},
    Variant{"Ed448", "ED448", false, ContextString::optional},
    Variant{"Ed448ph", "ED448", true, ContextString::optional},
};

const Variant& plainVariantOf(const keymgmt::Key& key) {
    return *std::ranges::find(variants, std::string_view(keymgmt::nameOf(key.type())),
                              &Variant::keyType);
}

const Variant& findVariant(const keymgmt::Key& key, const std::string& name) {
    const auto* found = std::ranges::find_if(variants, [&](const Variant& variant) {
        return strcasecmp(variant.name, name.c_str()) == 0 &&
               std::string_view(variant.keyType) == keymgmt::nameOf(key.type());
    });
    if (found == variants.end())
        throw ossl::UsageError(ossl::Reason::parameter, std::string(keymgmt::nameOf(key.type())) +
                                                            " keys have no EdDSA instance \"" +
                                                            name + "\"");
    return *found;
}

void requireFittingContext(const Variant& variant, const pkcs11::Bytes& contextString) {
    if (variant.contextString == ContextString::none && !contextString.empty())
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string(variant.name) +
                                   " takes no context-string; Ed25519ctx and Ed25519ph do");
    if (variant.contextString == ContextString::required && contextString.empty())
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::string(variant.name) + " needs a context-string");
}

bool apply(EVP_PKEY_CTX* context, const Variant& variant, const pkcs11::Bytes& contextString) {
    // The C interface takes pointers to what it only reads. OpenSSL takes no empty octets.
    const std::array params{
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING,
                                          const_cast<unsigned char*>(contextString.data()),
                                          contextString.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_INSTANCE,
                                         const_cast<char*>(variant.name), 0),
        OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_params(context, contextString.empty() ? &params[1] : params.data()) ==
           1;
}

pkcs11::Error variantRefused(const Variant& variant, const std::string& reason, CK_RV rv = CKR_OK) {
    return {pkcs11::Failure::unsupported,
            std::string("the token makes no ") + variant.name +
                " signatures with these parameters (CK_EDDSA_PARAMS): " + reason,
            rv};
}

} // namespace

bool opensslHasEddsaVariants() {
    constexpr unsigned firstMinor = 2;
    return OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= firstMinor;
}

std::unique_ptr<SignatureContext> EddsaContext::clone() const {
    return std::unique_ptr<SignatureContext>(new EddsaContext(*this));
}

// Without a new key, a new start keeps the parameters, as OpenSSL has it.
void EddsaContext::keyGiven() {
    if (keymgmt::familyOf(key().type()).signing != keymgmt::Signing::eddsa)
        throw ossl::UsageError(ossl::Reason::key, "the key is not an Ed25519 or Ed448 key");
    variant_ = &plainVariantOf(key());
    contextString_.clear();
}

std::size_t EddsaContext::maxSize() const {
    return static_cast<std::size_t>(keymgmt::rowOf(key().type()).sizes.largest);
}

bool EddsaContext::isPlain() const {
    return variant_ == &plainVariantOf(key()) && contextString_.empty();
}

std::size_t EddsaContext::sign(ByteView tbs, MutableBytes out) {
    requireFittingContext(*variant_, contextString_);
    return isPlain() ? signPlain(tbs, out) : signVariant(tbs, out);
}

// Some tokens want CK_EDDSA_PARAMS for the plain variants, too.
std::size_t EddsaContext::signPlain(ByteView tbs, MutableBytes out) {
    constexpr keymgmt::Use withoutParams{keymgmt::Use::sign, CKM_EDDSA};
    const auto signAndKeep = [&](const CK_MECHANISM& mechanism) {
        const std::size_t size = signOnToken(mechanism, tbs, out);
        key().keepSampleSignature(tbs, out.first(size));
        return size;
    };
    if (!key().refusals().contain(withoutParams)) {
        try {
            return signAndKeep({CKM_EDDSA, nullptr, 0});
        } catch (const pkcs11::Error& error) {
            if (error.rv() != CKR_MECHANISM_PARAM_INVALID)
                throw;
            if (pkcs11::isRefusedAtInit(error))
                key().refusals().add(withoutParams);
        }
    }
    pkcs11::EddsaParams params;
    return signAndKeep({CKM_EDDSA, &params, sizeof params});
}

// The public half is needed afterwards, so its absence is told before anything is signed.
std::size_t EddsaContext::signVariant(ByteView tbs, MutableBytes out) {
    key().requirePublicKey();
    pkcs11::EddsaParams params{variant_->prehash ? CK_BBOOL{CK_TRUE} : CK_BBOOL{CK_FALSE},
                               contextString_.size(), contextString_.data()};
    try {
        const std::size_t size = signOnToken({CKM_EDDSA, &params, sizeof params}, tbs, out);
        requireVariant(out.first(size), tbs);
        return size;
    } catch (const pkcs11::Error& error) {
        if (!pkcs11::isMechanismRefusal(error.rv()) && error.rv() != CKR_FUNCTION_NOT_SUPPORTED)
            throw;
        throw variantRefused(*variant_, error.what(), error.rv());
    }
}

// A token may pass over CK_EDDSA_PARAMS in silence. A plain signature in the place of a variant
// would be worse than none. OpenSSL before 3.2 knows the plain ones alone.
void EddsaContext::requireVariant(ByteView signature, ByteView tbs) const {
    const bool isRight = opensslHasEddsaVariants()
                             ? verifyAs(*variant_, contextString_, signature, tbs) == 1
                             : verifyAs(plainVariantOf(key()), {}, signature, tbs) != 1;
    if (!isRight)
        throw variantRefused(*variant_, "it passed over them");
}

int EddsaContext::verify(ByteView signature, ByteView tbs) {
    requireFittingContext(*variant_, contextString_);
    if (!isPlain() && !opensslHasEddsaVariants())
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("this version of OpenSSL does not verify ") +
                                   variant_->name + " signatures with these parameters");
    return verifyAs(*variant_, contextString_, signature, tbs);
}

int EddsaContext::verifyAs(const Variant& variant, const pkcs11::Bytes& contextString,
                           ByteView signature, ByteView tbs) const {
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    const bool isPlainVariant = &variant == &plainVariantOf(key()) && contextString.empty();
    if (EVP_DigestVerifyInit_ex(context.get(), &keyContext, nullptr, key().context().libctx(),
                                ossl::ProviderContext::propq(), key().requirePublicKey(),
                                nullptr) != 1 ||
        (!isPlainVariant && !apply(keyContext, variant, contextString)))
        return 0;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), tbs.data(),
                            tbs.size());
}

pkcs11::Bytes EddsaContext::algorithmId() const {
    return algorithmIdOf(keymgmt::rowOf(key().type()).curve.nid);
}

void EddsaContext::setParams(const OSSL_PARAM* params) {
    if (const auto instance = ossl::textOf(params, OSSL_SIGNATURE_PARAM_INSTANCE))
        variant_ = &findVariant(key(), *instance);
    if (const auto given = ossl::octetsOf(params, OSSL_SIGNATURE_PARAM_CONTEXT_STRING)) {
        if (given->size() > longestContext)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "context-string: longer than 255 bytes");
        contextString_.assign(given->begin(), given->end());
    }
}

const OSSL_PARAM* EddsaContext::settable() const {
    static const std::array list{ossl::textParam(OSSL_SIGNATURE_PARAM_INSTANCE),
                                 ossl::octetsParam(OSSL_SIGNATURE_PARAM_CONTEXT_STRING),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* EddsaContext::gettable() const {
    static const std::array list{ossl::octetsParam(OSSL_SIGNATURE_PARAM_ALGORITHM_ID),
                                 ossl::endOfParams()};
    return list.data();
}

} // namespace p11::signature
