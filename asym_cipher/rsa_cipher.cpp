// SPDX-License-Identifier: Apache-2.0
#include "asym_cipher/rsa_cipher.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "keymgmt/replicas.h"
#include "ossl/job.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "pkcs11/bytes.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/operation.h"

namespace p11::asym_cipher {
namespace {

constexpr keymgmt::Use raw{keymgmt::Use::decrypt, CKM_RSA_X_509};

using pkcs11::constant_time::Mask;

constexpr int tlsPaddingNumber = 7; // RSA_PKCS1_WITH_TLS_PADDING
constexpr std::size_t premasterSize = 48;
constexpr std::size_t pkcs1Overhead = 11;
constexpr std::size_t secretSize = 32;

struct PaddingName {
    CipherPadding padding;
    const char* name;
    int number;
};

constexpr std::array paddingNames{
    PaddingName{CipherPadding::pkcs1, OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
    PaddingName{CipherPadding::oaep, OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
    PaddingName{CipherPadding::none, OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING},
    PaddingName{CipherPadding::tls, "", tlsPaddingNumber},
    // an old misspelling that OpenSSL takes still
    PaddingName{CipherPadding::oaep, "oeap", RSA_PKCS1_OAEP_PADDING}};

const PaddingName& nameOf(CipherPadding padding) {
    return *std::find_if(paddingNames.begin(), paddingNames.end(),
                         [padding](const auto& entry) { return entry.padding == padding; });
}

// Not CKA_MODULUS, which a token need not tell of its private keys.
pkcs11::Bytes modulusOf(const keymgmt::Key& key) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key.partialKey(), OSSL_PKEY_PARAM_RSA_N, &number);
    const ossl::Bignum owner(number);
    pkcs11::Bytes bytes(key.modulusSize());
    if (!owner || BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size())) < 0)
        throw ossl::UsageError(ossl::Reason::key, "the modulus of the key is unknown");
    return bytes;
}

// One message for all that depends on the plaintext.
[[noreturn]] void decryptionFailed() {
    throw ossl::UsageError(ossl::Reason::data, "decryption failed");
}

// Whether a token that removes the padding found it good.
Mask goodMask(const pkcs11::DecryptAnswer& answer, std::size_t longest) {
    return pkcs11::constant_time::isEqual(answer.rv, CKR_OK) &
           pkcs11::constant_time::isLess(answer.size, longest + 1);
}

// Where bad padding is told, which is all that is told.
void requireGood(Mask good) {
    if (!pkcs11::constant_time::declassify(good))
        decryptionFailed();
}

} // namespace

void RsaCipher::begin(const std::shared_ptr<keymgmt::Key>& key, bool decrypting,
                      const OSSL_PARAM* params) {
    if (key)
        key_ = key;
    if (!key_ || key_->modulusSize() <= pkcs1Overhead + premasterSize)
        throw ossl::UsageError(ossl::Reason::key, "no RSA key of a usable size is set");
    if (key_->type() == keymgmt::KeyType::rsaPss)
        throw ossl::UsageError(ossl::Reason::key, "an RSA-PSS key can only sign");
    if (decrypting)
        key_->privateObject();
    setParams(params);
}

std::size_t RsaCipher::maxSize() const {
    return padding_ == CipherPadding::tls ? premasterSize : key_->modulusSize();
}

std::size_t RsaCipher::decryptForJob(ByteView ciphertext, MutableBytes out) {
    return keymgmt::withReplica(key_, [&](const std::shared_ptr<keymgmt::Key>& replica) {
        return ossl::runWithToken(provider_, replica->privateObject().token(), *this, ciphertext,
                                  out,
                                  [choice = keymgmt::ReplicaChoice(key_, replica)](
                                      RsaCipher& cipher, ByteView data, MutableBytes room) {
                                      const keymgmt::ReplicaInPlace place(cipher.key_, choice);
                                      return cipher.decrypt(data, room);
                                  });
    });
}

std::size_t RsaCipher::decrypt(ByteView ciphertext, MutableBytes out) {
    const auto size = key_->modulusSize();
    if (ciphertext.empty() || ciphertext.size() > size)
        throw ossl::UsageError(ossl::Reason::data,
                               "the ciphertext has " + std::to_string(ciphertext.size()) +
                                   " bytes, and the RSA key " + std::to_string(size));
    // It is a number: OpenSSL takes it without its leading zeros, too.
    pkcs11::Bytes padded;
    if (ciphertext.size() < size) {
        padded.resize(size - ciphertext.size());
        padded.insert(padded.end(), ciphertext.begin(), ciphertext.end());
        ciphertext = padded;
    }
    switch (padding_) {
    case CipherPadding::pkcs1:
        return decryptPkcs1(ciphertext, out);
    case CipherPadding::tls:
        return decryptTls(ciphertext, out);
    case CipherPadding::oaep:
        return decryptOaep(ciphertext, out);
    case CipherPadding::none:
        break;
    }
    return decryptNone(ciphertext, out);
}

// Of the replicas of a key, one that is gone must not pass for one that has found a bad ciphertext.
// Only where the caller is told of bad padding, or there is none: whether the token still answers
// is asked then (keymgmt/replicas.h), and that takes time.
void RsaCipher::requireDevice(const pkcs11::DecryptAnswer& answer) const {
    if (key_->isReplica() && pkcs11::constant_time::declassify(
                                 pkcs11::constant_time::isEqual(answer.rv, CKR_DEVICE_ERROR)))
        throw pkcs11::Error(pkcs11::Failure::call, "decryption failed", answer.rv,
                            pkcs11::functionName<&pkcs11::List::C_Decrypt>);
}

// Some tokens list it and refuse it.
bool RsaCipher::takesRaw() const {
    return !key_->refusals().contain(raw) && pkcs11::takes(key_->privateObject(), CKM_RSA_X_509);
}

// Where it fails the ciphertext is not below the modulus, which everybody can see: what the token
// answers here knows of no padding.
SecretBytes RsaCipher::rawDecrypt(ByteView ciphertext) {
    SecretBytes block(key_->modulusSize());
    const auto answer = pkcs11::answerOfDecrypt(key_->privateObject(), {CKM_RSA_X_509, nullptr, 0},
                                                ciphertext, block.all());
    requireDevice(answer);
    key_->refusals().noteTaken(raw);
    if (answer.rv != CKR_OK)
        decryptionFailed();
    alignRight(block.all(), answer.size); // some tokens leave leading zeros out
    return block;
}

// Nothing where the token does not do raw RSA with the key, which its C_DecryptInit may be the
// first to tell.
std::optional<SecretBytes> RsaCipher::rawDecryptIfTaken(ByteView ciphertext) {
    if (!takesRaw())
        return std::nullopt;
    try {
        return rawDecrypt(ciphertext);
    } catch (const pkcs11::Error& error) {
        if (!pkcs11::isRefusedAtInit(error) || !key_->refusals().areToldBy(error, raw))
            throw;
    }
    key_->refusals().add(raw);
    return std::nullopt;
}

// The key's own secret for answering wrong padding. Where raw RSA is there, it is what the key
// makes of a fixed block, and so the same in every process; else it is random, and holds for this
// process.
ByteView RsaCipher::rejectionSecret() {
    if (const auto known = key_->rejectionSecret(); !known.empty())
        return known;
    SecretBytes secret(secretSize);
    const auto sha256 = provider_.digest("SHA2-256");
    if (!sha256)
        throw ossl::UsageError(ossl::Reason::internal, "no provider has SHA-256");
    if (const auto answer = rawDecryptIfTaken(challengeFor(modulusOf(*key_), sha256.get()))) {
        if (EVP_Digest(answer->view().data(), answer->size(), secret.data(), nullptr, sha256.get(),
                       nullptr) != 1)
            throw ossl::UsageError(ossl::Reason::internal, "hashing failed");
    } else if (RAND_priv_bytes_ex(provider_.libctx(), secret.data(), secret.size(), 0) != 1) {
        throw ossl::UsageError(ossl::Reason::internal, "no random numbers");
    }
    return key_->keepRejectionSecret(secret.view());
}

// The token removes the padding where there is no raw RSA. Whatever it answers then is one bad
// padding like any other.
Unpadded RsaCipher::unpad(ByteView ciphertext) {
    if (const auto block = rawDecryptIfTaken(ciphertext))
        return removePkcs1(block->view());
    Unpadded result{SecretBytes(key_->modulusSize()), 0, 0};
    const auto answer = pkcs11::answerOfDecrypt(key_->privateObject(), {CKM_RSA_PKCS, nullptr, 0},
                                                ciphertext, result.message.all());
    if (key_->isReplica()) // whatever it has answered
        key_->requireAnswers();
    const std::size_t longest = key_->modulusSize() - pkcs1Overhead;
    result.size = answer.size;
    result.good = goodMask(answer, longest);
    return result;
}

std::size_t RsaCipher::decryptPkcs1(ByteView ciphertext, MutableBytes out) {
    const auto substitute = makeSubstitute(provider_.libctx(), rejectionSecret(), ciphertext,
                                           key_->modulusSize() - pkcs1Overhead);
    const auto unpadded = unpad(ciphertext);
    if (!rejectsImplicitly_) // as the application asked for
        requireGood(unpadded.good);
    return messageOrSubstitute(unpadded, substitute, out);
}

std::size_t RsaCipher::decryptTls(ByteView ciphertext, MutableBytes out) {
    if (clientVersion_ == 0)
        throw ossl::UsageError(ossl::Reason::parameter, "TLS padding needs the client's version");
    premasterOrRandom(provider_.libctx(), unpad(ciphertext), clientVersion_, negotiatedVersion_,
                      out);
    return premasterSize;
}

EVP_MD* RsaCipher::oaepDigest() {
    if (!digest_)
        digest_ = fetch("SHA1");
    return digest_.get();
}

std::size_t RsaCipher::decryptOaep(ByteView ciphertext, MutableBytes out) {
    const bool tookRaw = takesRaw();
    if (const auto size = decryptOaepOnToken(ciphertext, out))
        return *size;
    if (const auto block = rawDecryptIfTaken(ciphertext)) {
        const auto decoded = oaepDecode(block->view(), label_, oaepDigest(), mgf1(), out);
        requireGood(decoded.good);
        return decoded.size;
    }
    if (tookRaw) // and was refused only now, so that the token's own OAEP is worth a try
        if (const auto size = decryptOaepOnToken(ciphertext, out))
            return *size;
    throw pkcs11::Error(
        pkcs11::Failure::unsupported,
        "the token offers neither OAEP with these parameters nor raw RSA (CKM_RSA_X_509) for the " +
            key_->privateObject().describe(),
        CKR_MECHANISM_INVALID);
}

// Nothing if the token does not do OAEP with these parameters.
std::optional<std::size_t> RsaCipher::decryptOaepOnToken(ByteView ciphertext, MutableBytes out) {
    // Labels are where tokens go wrong: SoftHSM 2.6.1 takes them, and decrypts as if there were
    // none.
    if (!label_.empty() && takesRaw())
        return std::nullopt;
    const auto* hash = pkcs11::hashMechanisms(EVP_MD_get0_name(oaepDigest()));
    const auto* mgf = pkcs11::hashMechanisms(EVP_MD_get0_name(mgf1()));
    if (hash == nullptr || mgf == nullptr)
        return std::nullopt;
    CK_RSA_PKCS_OAEP_PARAMS params{hash->hash, mgf->mgf1, CKZ_DATA_SPECIFIED,
                                   label_.empty() ? nullptr : label_.data(), label_.size()};
    const keymgmt::Use use{keymgmt::Use::decrypt, CKM_RSA_PKCS_OAEP, hash->hash, mgf->mgf1};
    auto& object = key_->privateObject();
    // Where nothing fits that the token lists, its list may be wrong.
    const bool isWorthTrying = takesRaw() ? pkcs11::takes(object, CKM_RSA_PKCS_OAEP) &&
                                                pkcs11::listsHashes(object, use.hash, use.mgf)
                                          : object.attributes().allow(CKM_RSA_PKCS_OAEP);
    if (key_->refusals().contain(use) || !isWorthTrying)
        return std::nullopt;
    try {
        const auto answer = pkcs11::answerOfDecrypt(
            object, {CKM_RSA_PKCS_OAEP, &params, sizeof params}, ciphertext, out);
        requireDevice(answer);
        key_->refusals().noteTaken(use);
        requireGood(goodMask(answer, out.size()));
        return answer.size;
    } catch (const pkcs11::Error& error) {
        if (!pkcs11::isRefusedAtInit(error) || !key_->refusals().areToldBy(error, use))
            throw;
    }
    if (label_.empty()) // else it may be this label's fault
        key_->refusals().add(use);
    return std::nullopt;
}

std::size_t RsaCipher::decryptNone(ByteView ciphertext, MutableBytes out) {
    const auto block = rawDecrypt(ciphertext);
    std::copy(block.view().begin(), block.view().end(), out.begin());
    return block.size();
}

bool RsaCipher::configure(EVP_PKEY_CTX* context) {
    if (EVP_PKEY_CTX_set_rsa_padding(context, nameOf(padding_).number) != 1)
        return false;
    if (padding_ == CipherPadding::tls) {
        const std::array params{
            OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &clientVersion_),
            OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION,
                                      &negotiatedVersion_),
            OSSL_PARAM_construct_end()};
        return EVP_PKEY_CTX_set_params(context, params.data()) == 1;
    }
    if (padding_ == CipherPadding::pkcs1 && !rejectsImplicitly_) {
        unsigned no = 0;
        const std::array params{
            OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION, &no),
            OSSL_PARAM_construct_end()};
        return EVP_PKEY_CTX_set_params(context, params.data()) == 1;
    }
    if (padding_ != CipherPadding::oaep)
        return true;
    // OpenSSL takes the memory of the label over.
    const auto* query = ossl::ProviderContext::propq();
    return EVP_PKEY_CTX_set_rsa_oaep_md_name(context, EVP_MD_get0_name(oaepDigest()), query) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, EVP_MD_get0_name(mgf1()), query) == 1 &&
           (label_.empty() ||
            EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_memdup(label_.data(), label_.size()),
                                             static_cast<int>(label_.size())) == 1);
}

ossl::PkeyCtx RsaCipher::softwareContext() const {
    return ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(provider_.libctx(), key_->requirePublicKey(),
                                                    ossl::ProviderContext::propq()));
}

std::size_t RsaCipher::encrypt(ByteView plaintext, MutableBytes out) {
    const auto context = softwareContext();
    std::size_t size = out.size();
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !configure(context.get()) ||
        EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1)
        throw ossl::UsageError(ossl::Reason::data, "encryption failed");
    return size;
}

ossl::SharedMd RsaCipher::fetch(const std::string& name) const {
    auto digest = provider_.digest(name.c_str());
    if (!digest)
        throw ossl::UsageError(ossl::Reason::parameter, "unknown digest \"" + name + "\"");
    if (EVP_MD_get_size(digest.get()) <= 0) // OpenSSL's MGF1 would not end with it
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the digest \"" + name + "\" cannot be used in OAEP");
    return ossl::SharedMd(std::move(digest));
}

void RsaCipher::setPadding(const OSSL_PARAM* params) {
    const auto wanted = ossl::textOrIntOf(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (!wanted)
        return;
    const auto* found =
        std::find_if(paddingNames.begin(), paddingNames.end(), [&](const auto& entry) {
            return wanted->text ? *entry.name != '\0' && *wanted->text == entry.name
                                : wanted->number == entry.number;
        });
    if (found == paddingNames.end())
        throw ossl::UsageError(ossl::Reason::parameter,
                               "unsupported RSA encryption padding " +
                                   wanted->text.value_or(std::to_string(wanted->number)));
    padding_ = found->padding;
}

void RsaCipher::setLabel(const OSSL_PARAM* params) {
    if (const auto label = ossl::octetsOf(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL))
        label_.assign(label->begin(), label->end());
}

void RsaCipher::setParams(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    setPadding(params);
    if (const auto name = ossl::textOf(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST))
        digest_ = fetch(*name);
    if (const auto name = ossl::textOf(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST))
        mgf1_ = fetch(*name);
    setLabel(params);
    if (const auto wanted = ossl::unsignedOf(params, OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION))
        rejectsImplicitly_ = *wanted != 0;
    clientVersion_ = ossl::unsignedOf(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION)
                         .value_or(clientVersion_);
    negotiatedVersion_ = ossl::unsignedOf(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION)
                             .value_or(negotiatedVersion_);
}

void RsaCipher::getParams(OSSL_PARAM* params) const {
    const auto& padding = nameOf(padding_);
    ossl::answerTextOrInt(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE, padding.name, padding.number);
    const char* digest = digest_ ? EVP_MD_get0_name(digest_.get()) : "SHA1";
    ossl::answerText(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, digest);
    ossl::answerText(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                     mgf1_ ? EVP_MD_get0_name(mgf1_.get()) : digest);
    if (auto* label = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL))
        OSSL_PARAM_set_octet_ptr(label, label_.data(), label_.size());
    auto* version = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    if (version != nullptr)
        OSSL_PARAM_set_uint(version, clientVersion_);
    version = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);
    if (version != nullptr)
        OSSL_PARAM_set_uint(version, negotiatedVersion_);
}

const OSSL_PARAM* RsaCipher::settable() {
    static const std::array list{ossl::textParam(OSSL_ASYM_CIPHER_PARAM_PAD_MODE),
                                 ossl::textParam(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST),
                                 ossl::textParam(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS),
                                 ossl::textParam(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST),
                                 ossl::textParam(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS),
                                 ossl::octetsParam(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL),
                                 ossl::unsignedParam(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION),
                                 ossl::unsignedParam(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION),
                                 ossl::unsignedParam(OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION),
                                 ossl::endOfParams()};
    return list.data();
}

const OSSL_PARAM* RsaCipher::gettable() {
    static const std::array list{
        ossl::textParam(OSSL_ASYM_CIPHER_PARAM_PAD_MODE),
        ossl::textParam(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST),
        ossl::textParam(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST),
        OSSL_PARAM{OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, OSSL_PARAM_OCTET_PTR, nullptr, 0, 0},
        ossl::unsignedParam(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION),
        ossl::unsignedParam(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION),
        ossl::endOfParams()};
    return list.data();
}

} // namespace p11::asym_cipher
