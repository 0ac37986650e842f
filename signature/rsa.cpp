// SPDX-License-Identifier: Apache-2.0
#include "signature/rsa.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "keymgmt/rsa_type.h"
#include "ossl/dispatch.h"
#include "ossl/error_mark.h"
#include "ossl/params.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"
#include "signature/algorithm_id.h"
#include "signature/rsa_encoding.h"

namespace p11::signature {
namespace {

constexpr keymgmt::Use raw{keymgmt::Use::sign, CKM_RSA_X_509};
constexpr keymgmt::Use pkcs1{keymgmt::Use::sign, CKM_RSA_PKCS};

struct PaddingName {
    RsaPadding padding;
    const char* name;
    int number; ///< OpenSSL's RSA_*_PADDING
};

constexpr std::array paddingNames{
    PaddingName{RsaPadding::pkcs1, OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
    PaddingName{RsaPadding::pss, OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING},
    PaddingName{RsaPadding::none, OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING}};

constexpr std::array<std::pair<const char*, int>, 4> saltNames{
    {{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, saltDigest},
     {OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, saltAuto},
     {OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, saltMax},
     {"auto-digestmax", saltAutoDigestMax}}};

const PaddingName& nameOf(RsaPadding padding) {
    return *std::find_if(paddingNames.begin(), paddingNames.end(),
                         [padding](const auto& entry) { return entry.padding == padding; });
}

int parseSaltLength(const std::string& text) {
    for (const auto& [name, value] : saltNames)
        if (text == name)
            return value;
    int number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "\"" + text + "\" is not a PSS salt length");
    return number;
}

keymgmt::Use useOf(const CK_RSA_PKCS_PSS_PARAMS& params) {
    return {keymgmt::Use::sign, CKM_RSA_PKCS_PSS, params.hashAlg, params.mgf, params.sLen};
}

} // namespace

std::unique_ptr<SignatureContext> RsaContext::clone() const {
    return std::unique_ptr<SignatureContext>(new RsaContext(*this));
}

void RsaContext::keyChanged() {
    // Each operation begins with the defaults.
    padding_ = key().type() == keymgmt::KeyType::rsaPss ? RsaPadding::pss : RsaPadding::pkcs1;
    salt_ = saltAutoDigestMax;
    if (recovers() && padding_ == RsaPadding::pss)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "no data can be recovered from a signature with PSS padding");
    if (key().modulusSize() == 0)
        throw ossl::UsageError(ossl::Reason::key, "the RSA key has no modulus");
}

std::size_t RsaContext::sign(ByteView tbs, MutableBytes out) {
    const std::size_t size = signPadded(tbs, out);
    if (size != out.size())
        restoreZeros(size, tbs, out);
    return out.size();
}

std::size_t RsaContext::signPadded(ByteView tbs, MutableBytes out) {
    switch (padding_) {
    case RsaPadding::pkcs1:
        return signPkcs1(tbs, out);
    case RsaPadding::pss:
        return signPss(tbs, out);
    case RsaPadding::none:
        break;
    }
    return signNone(tbs, out);
}

// Some tokens leave out the zeros in front (RFC 8017, section 4.1). A signature that is short for
// another reason does not verify.
void RsaContext::restoreZeros(std::size_t size, ByteView tbs, MutableBytes out) {
    constexpr std::size_t mostZeros = 4; // more of them come once in 2^40 signatures
    if (size + mostZeros >= out.size() && key().publicKey() != nullptr) {
        const auto missing = static_cast<long>(out.size() - size);
        std::rotate(out.begin(), out.end() - missing, out.end());
        std::fill_n(out.begin(), missing, static_cast<unsigned char>(0));
        const ossl::ErrorMark mark;
        if (verify(out, tbs) == 1)
            return;
    }
    requireSize(size, out.size());
}

std::size_t RsaContext::signPkcs1(ByteView tbs, MutableBytes out) {
    requireDigestSize(tbs);
    DigestInfo info;
    const auto data = digest() != nullptr ? digestInfo(digest(), tbs, info) : tbs;
    constexpr std::size_t overhead = 11; // RFC 8017, section 9.2
    if (data.size() + overhead > maxSize())
        throw ossl::UsageError(ossl::Reason::data, "the data is too long for the RSA key");
    return signInSomeWay(
        {CKM_RSA_PKCS, nullptr, 0}, pkcs1, data, [&] { return pkcs1Encode(data, maxSize()); }, out);
}

// Some tokens list it and refuse it.
bool RsaContext::takesRaw() const {
    return !key().refusals().contain(raw) && pkcs11::takes(key().privateObject(), CKM_RSA_X_509);
}

// Where nothing fits that the token lists, its list may be wrong: it is tried, once where the token
// refuses it.
bool RsaContext::isWorthTrying(CK_MECHANISM_TYPE mechanism, const keymgmt::Use& use) const {
    auto& object = key().privateObject();
    if (key().refusals().contain(use))
        return false;
    return takesRaw()
               ? pkcs11::takes(object, mechanism) && pkcs11::listsHashes(object, use.hash, use.mgf)
               : object.attributes().allow(mechanism);
}

// Nothing where the token refuses the mechanism or its parameter, and another way may be left.
std::optional<std::size_t> RsaContext::signIfTaken(const CK_MECHANISM& mechanism,
                                                   const keymgmt::Use& use, ByteView data,
                                                   MutableBytes out) {
    auto& object = key().privateObject();
    if (!isWorthTrying(mechanism.mechanism, use))
        return std::nullopt;
    try {
        const auto size = callToken(mechanism, data, out);
        key().refusals().noteTaken(use);
        return size;
    } catch (const pkcs11::Error& error) {
        const bool isClear =
            error.rv() == CKR_ARGUMENTS_BAD || pkcs11::takes(object, mechanism.mechanism);
        if (!key().refusals().areToldBy(error, use))
            throw;
        if (isClear && !takesRaw())
            throwRefused(error);
        if (pkcs11::isRefusedAtInit(error))
            key().refusals().add(use);
    }
    return std::nullopt;
}

// For a catch clause. There is no other way. With PSS it is the hashes that the token lacks.
void RsaContext::throwRefused(const pkcs11::Error& error) const {
    if (padding_ != RsaPadding::pss || !pkcs11::isRefusedAtInit(error))
        throw;
    throw pkcs11::Error(pkcs11::Failure::unsupported,
                        std::string("the token refuses PSS padding with ") +
                            EVP_MD_get0_name(digest()) + " and the MGF1 digest " +
                            EVP_MD_get0_name(mgf1()) +
                            ", and offers no raw RSA (CKM_RSA_X_509) for it: " + error.what(),
                        error.rv());
}

// Nothing where the token does not do raw RSA, which its C_SignInit may be the first to tell.
std::optional<std::size_t> RsaContext::signRawIfTaken(const Encoding& encoding, MutableBytes out) {
    if (!takesRaw())
        return std::nullopt;
    try {
        const auto size = callToken({CKM_RSA_X_509, nullptr, 0}, encoding(), out);
        key().refusals().noteTaken(raw);
        return size;
    } catch (const pkcs11::Error& error) {
        if (!pkcs11::isRefusedAtInit(error) || !key().refusals().areToldBy(error, raw))
            throw;
    }
    key().refusals().add(raw);
    return std::nullopt;
}

// By the mechanism, or by raw RSA with a block that is padded here.
std::size_t RsaContext::signInSomeWay(const CK_MECHANISM& mechanism, const keymgmt::Use& use,
                                      ByteView data, const Encoding& encoding, MutableBytes out) {
    const bool tookRaw = takesRaw();
    if (const auto size = signIfTaken(mechanism, use, data, out))
        return *size;
    if (const auto size = signRawIfTaken(encoding, out))
        return *size;
    if (tookRaw) // and was refused only now, so that what is not listed is worth a try
        if (const auto size = signIfTaken(mechanism, use, data, out))
            return *size;
    throwUnsupported();
}

std::size_t RsaContext::signRaw(const Encoding& encoding, MutableBytes out) {
    if (const auto size = signRawIfTaken(encoding, out))
        return *size;
    throwUnsupported();
}

void RsaContext::throwUnsupported() const {
    const auto& object = key().privateObject();
    if (padding_ != RsaPadding::pss && keymgmt::signsPssAlone(object.attributes()))
        throw pkcs11::Error(pkcs11::Failure::unsupported,
                            "the " + object.describe() +
                                " signs only with PSS padding (CKA_ALLOWED_MECHANISMS): set "
                                "rsa_padding_mode to pss",
                            CKR_MECHANISM_INVALID);
    throw pkcs11::Error(
        pkcs11::Failure::unsupported,
        "the token offers neither this padding nor raw RSA (CKM_RSA_X_509) for the " +
            object.describe(),
        CKR_MECHANISM_INVALID);
}

// Nothing where PKCS#11 has no number for the digest or the MGF.
std::optional<CK_RSA_PKCS_PSS_PARAMS> RsaContext::tokenPssParams() const {
    const auto* hash =
        digest() != nullptr ? pkcs11::hashMechanisms(EVP_MD_get0_name(digest())) : nullptr;
    const auto* mgf =
        mgf1() != nullptr ? pkcs11::hashMechanisms(EVP_MD_get0_name(mgf1())) : nullptr;
    const int salt = digest() != nullptr ? saltBytes() : -1;
    if (hash == nullptr || mgf == nullptr || salt < 0)
        return std::nullopt;
    return CK_RSA_PKCS_PSS_PARAMS{hash->hash, mgf->mgf1, static_cast<CK_ULONG>(salt)};
}

std::size_t RsaContext::signPss(ByteView tbs, MutableBytes out) {
    if (digest() == nullptr)
        throw ossl::UsageError(ossl::Reason::parameter, "PSS padding needs a digest");
    requireDigestSize(tbs);
    if (saltBytes() < 0)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the RSA key is too small for the digest and the salt");
    const Encoding encoding = [&] { return pssEncode(key(), tbs, digest(), mgf1(), saltBytes()); };
    if (auto params = tokenPssParams())
        return signInSomeWay({CKM_RSA_PKCS_PSS, &*params, sizeof *params}, useOf(*params), tbs,
                             encoding, out);
    return signRaw(encoding, out);
}

std::size_t RsaContext::signNone(ByteView tbs, MutableBytes out) {
    if (tbs.size() != maxSize())
        throw ossl::UsageError(ossl::Reason::data,
                               "without padding the data must have the size of the RSA modulus");
    return signRaw([&] { return pkcs11::Bytes(tbs.begin(), tbs.end()); }, out);
}

// Salt length in bytes; negative if the key is too small.
int RsaContext::saltBytes() const {
    const int hashSize = EVP_MD_get_size(digest());
    const int encodedSize = (EVP_PKEY_get_bits(key().partialKey()) - 1 + 7) / 8;
    const int longest = encodedSize - hashSize - 2;
    switch (salt_) {
    case saltDigest:
        return longest < hashSize ? -1 : hashSize;
    case saltAuto: // for signing, OpenSSL 3.0 takes the longest
    case saltMax:
        return longest;
    case saltAutoDigestMax:
        return std::min(longest, hashSize);
    default:
        return salt_ > longest ? -1 : salt_;
    }
}

std::optional<CK_MECHANISM_TYPE> RsaContext::combinedMechanism() const {
    const auto* hash =
        digest() != nullptr ? pkcs11::hashMechanisms(EVP_MD_get0_name(digest())) : nullptr;
    if (hash == nullptr || padding_ == RsaPadding::none)
        return std::nullopt;
    const bool pss = padding_ == RsaPadding::pss;
    auto& object = key().privateObject();
    if (pkcs11::takes(object, pss ? CKM_RSA_PKCS_PSS : CKM_RSA_PKCS) ||
        pkcs11::takes(object, CKM_RSA_X_509))
        return std::nullopt;
    const CK_MECHANISM_TYPE combined = pss ? hash->rsaPss : hash->rsaPkcs;
    return pkcs11::takes(object, combined) ? std::optional(combined) : std::nullopt;
}

std::size_t RsaContext::signMessage(CK_MECHANISM_TYPE mechanism, ByteView message,
                                    MutableBytes out) {
    CK_MECHANISM combined{mechanism, nullptr, 0};
    auto params = tokenPssParams();
    if (padding_ == RsaPadding::pss) {
        if (!params)
            throw ossl::UsageError(
                ossl::Reason::parameter,
                "the PSS parameters do not exist in PKCS#11, or do not fit the key");
        combined = {mechanism, &*params, sizeof *params};
    }
    const std::size_t size = callToken(combined, message, out);
    if (size != out.size())
        restoreZeros(size, hashOf(message), out);
    return out.size();
}

void RsaContext::configure(EVP_PKEY_CTX* context) const {
    const auto require = [](int result) {
        if (result != 1)
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "OpenSSL's own provider does not accept the RSA padding");
    };
    require(EVP_PKEY_CTX_set_rsa_padding(context, nameOf(padding_).number));
    SignatureContext::configure(context);
    if (padding_ != RsaPadding::pss)
        return;
    if (mgf1() != nullptr)
        require(EVP_PKEY_CTX_set_rsa_mgf1_md(context, mgf1()));
    const int salt = salt_ == saltAutoDigestMax ? int{saltAuto} : salt_;
    require(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt));
}

int RsaContext::verify(ByteView signature, ByteView tbs) {
    return verifyInSoftware(signature, tbs);
}

std::size_t RsaContext::recover(ByteView signature, MutableBytes out) {
    const auto context = publicContext(key());
    // OpenSSL 3.0 asks for no size, and fills what it needs; later ones refuse a small one.
    pkcs11::Bytes recovered(maxSize());
    std::size_t size = std::min(out.size(), recovered.size());
    if (EVP_PKEY_verify_recover_init(context.get()) != 1)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "the data of a signature cannot be recovered");
    configure(context.get());
    if (EVP_PKEY_verify_recover(context.get(), recovered.data(), &size, signature.data(),
                                signature.size()) != 1)
        throw ossl::UsageError(ossl::Reason::data, "the signature is invalid");
    if (size > out.size())
        throw ossl::UsageError(ossl::Reason::data,
                               "the buffer is too small for the recovered data");
    std::copy_n(recovered.begin(), size, out.begin());
    return size;
}

void RsaContext::setPadding(const OSSL_PARAM* params) {
    const auto wanted = ossl::textOrIntOf(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (!wanted)
        return;
    const auto* found =
        std::find_if(paddingNames.begin(), paddingNames.end(), [&](const auto& entry) {
            return wanted->text ? *wanted->text == entry.name : wanted->number == entry.number;
        });
    if (found == paddingNames.end())
        throw ossl::UsageError(ossl::Reason::parameter,
                               "unsupported RSA signature padding " +
                                   wanted->text.value_or(std::to_string(wanted->number)));
    if (key().type() == keymgmt::KeyType::rsaPss && found->padding != RsaPadding::pss)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "an RSA-PSS key signs with PSS padding only");
    if (recovers() && found->padding == RsaPadding::pss)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "no data can be recovered from a signature with PSS padding");
    if (digest() != nullptr && found->padding == RsaPadding::none)
        throw ossl::UsageError(ossl::Reason::parameter, "a digest needs a padding");
    padding_ = found->padding;
}

void RsaContext::setSaltLength(const OSSL_PARAM* params) {
    const auto wanted = ossl::textOrIntOf(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (!wanted)
        return;
    if (padding_ != RsaPadding::pss)
        throw ossl::UsageError(ossl::Reason::parameter, "a salt length needs PSS padding");
    const int length = wanted->text ? parseSaltLength(*wanted->text) : wanted->number;
    if (length < saltAutoDigestMax)
        throw ossl::UsageError(ossl::Reason::parameter,
                               std::to_string(length) + " is not a PSS salt length");
    salt_ = length;
}

void RsaContext::setMgf1(const OSSL_PARAM* params) {
    const auto name = ossl::textOf(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (!name)
        return;
    if (padding_ != RsaPadding::pss)
        throw ossl::UsageError(ossl::Reason::parameter, "an MGF1 digest needs PSS padding");
    auto digest = provider().digest(name->c_str());
    if (!digest)
        throw ossl::UsageError(ossl::Reason::parameter, "unknown digest \"" + *name + "\"");
    requireTaken(digest.get());
    mgf1_ = ossl::SharedMd(std::move(digest));
}

void RsaContext::setParams(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    if (padding_ == RsaPadding::none &&
        OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST) != nullptr)
        throw ossl::UsageError(ossl::Reason::parameter, "a digest needs a padding");
    SignatureContext::setParams(params);
    setPadding(params);
    setSaltLength(params);
    setMgf1(params);
    if (padding_ == RsaPadding::pss && digest() == nullptr)
        setDigest("SHA1"); // RFC 4055's default; OpenSSL sets it here, too
}

// What OpenSSL's own provider says where no length was set: 3.0 has no word for the newer default.
int RsaContext::toldSalt() const {
    const bool hasWord = OPENSSL_version_major() > 3 || OPENSSL_version_minor() > 0;
    return salt_ == saltAutoDigestMax && !hasWord ? int{saltAuto} : salt_;
}

void RsaContext::getParams(OSSL_PARAM* params) const {
    SignatureContext::getParams(params);
    const auto& padding = nameOf(padding_);
    ossl::answerTextOrInt(params, OSSL_SIGNATURE_PARAM_PAD_MODE, padding.name, padding.number);
    const int salt = toldSalt();
    const auto* named = std::find_if(saltNames.begin(), saltNames.end(),
                                     [salt](const auto& entry) { return entry.second == salt; });
    ossl::answerTextOrInt(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                          named != saltNames.end() ? named->first : std::to_string(salt).c_str(),
                          salt);
    if (mgf1() != nullptr)
        ossl::answerText(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, EVP_MD_get0_name(mgf1()));
}

pkcs11::Bytes RsaContext::algorithmId() const {
    if (padding_ == RsaPadding::none || digest() == nullptr)
        return {};
    if (padding_ == RsaPadding::pkcs1)
        return algorithmIdOf(key(), {digest(), RSA_PKCS1_PADDING});
    const int salt = saltBytes();
    return salt < 0 ? pkcs11::Bytes{}
                    : algorithmIdOf(key(), {digest(), RSA_PKCS1_PSS_PADDING, mgf1(), salt});
}

const OSSL_PARAM* RsaContext::settable() const {
    static const std::array list{ossl::textParam(OSSL_SIGNATURE_PARAM_DIGEST),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PROPERTIES),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PAD_MODE),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PSS_SALTLEN),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_MGF1_DIGEST),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* RsaContext::gettable() const {
    static const std::array list{ossl::textParam(OSSL_SIGNATURE_PARAM_DIGEST),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PAD_MODE),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_PSS_SALTLEN),
                                 ossl::textParam(OSSL_SIGNATURE_PARAM_MGF1_DIGEST),
                                 ossl::octetsParam(OSSL_SIGNATURE_PARAM_ALGORITHM_ID),
                                 ossl::endOfParams()};
    return list.data();
}

} // namespace p11::signature
