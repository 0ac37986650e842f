// SPDX-License-Identifier: Apache-2.0
#include "kdf/kdf_context.h"

#include <array>
#include <cstring>

#include <openssl/core_names.h>

#include "ossl/error_mark.h"
#include "ossl/params.h"
#include "skeymgmt/key_search.h"
#include "tokens/token_search.h"

namespace p11::kdf {
namespace {

constexpr const char* uriParameter = "pkcs11_uri";

constexpr const char* nameOf(Algorithm algorithm) {
    return algorithm == Algorithm::hkdf ? "HKDF" : "TLS13-KDF";
}

void append(pkcs11::Bytes& out, std::size_t number, pkcs11::ByteView first,
            pkcs11::ByteView second = {}) {
    if (number > 0xFF)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the label or the data has more than 255 bytes");
    out.push_back(static_cast<unsigned char>(number));
    out.insert(out.end(), first.begin(), first.end());
    out.insert(out.end(), second.begin(), second.end());
}

// The structure HkdfLabel of RFC 8446, section 7.1.
pkcs11::Bytes hkdfLabel(const Parameters& parameters, std::size_t size) {
    if (size > 0xFFFF)
        throw ossl::UsageError(ossl::Reason::parameter, "TLS 1.3 derives 65535 bytes at most");
    pkcs11::Bytes out{static_cast<unsigned char>(size >> 8), static_cast<unsigned char>(size)};
    append(out, parameters.prefix.size() + parameters.label.size(), parameters.prefix,
           parameters.label);
    append(out, parameters.data.size(), parameters.data);
    return out;
}

} // namespace

KdfContext::KdfContext(ossl::ProviderContext& provider, Algorithm algorithm)
    : provider_(provider), algorithm_(algorithm), software_(provider, nameOf(algorithm)) {}

void KdfContext::reset() {
    software_.reset();
    parameters_ = {};
    key_.reset();
}

bool KdfContext::set(const OSSL_PARAM* params) {
    if (params == nullptr)
        return true;
    // TLS13-KDF refuses a key that comes before the mode, and keeps it. So does this, or a later
    // derivation would be one without a key.
    const bool taken = software_.set(params);
    parameters_.set(params);
    if (OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_KEY) != nullptr)
        key_.reset();
    setUri(params);
    return taken;
}

void KdfContext::setUri(const OSSL_PARAM* params) {
    auto text = ossl::textOf(params, uriParameter);
    if (!text)
        return;
    const ossl::Wiped wiped(*text);
    const ossl::ErrorMark mark;
    key_ = skeymgmt::findKey(provider_, tokens::parseUri(*text), skeymgmt::secretKeys);
}

bool KdfContext::setKey(std::shared_ptr<skeymgmt::SecretKey> key, const char* name) {
    const bool isKey = std::strcmp(name, OSSL_KDF_PARAM_KEY) == 0;
    if (key->isOnToken() && !isKey)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("a key on a token cannot be the parameter \"") + name +
                                   "\"");
    if (!key->isOnToken()) {
        const std::array params{
            OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(key->bytes().data()),
                                              key->bytes().size()),
            OSSL_PARAM_construct_end()};
        return set(params.data());
    }
    key_ = std::move(key);
    return true;
}

bool KdfContext::derive(pkcs11::MutableBytes out) {
    if (!key_)
        return software_.derive(out);
    const ossl::ErrorMark mark;
    if (parameters_.digest.empty())
        throw ossl::UsageError(ossl::Reason::parameter, "no digest is set");
    const auto digest = provider_.digest(parameters_.digest.c_str());
    if (!digest)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "no provider has the digest " + parameters_.digest);
    if (algorithm_ == Algorithm::hkdf)
        deriveHkdf(digest.get(), out);
    else
        deriveTls13(digest.get(), out);
    return true;
}

void KdfContext::deriveHkdf(const EVP_MD* digest, pkcs11::MutableBytes out) const {
    const auto salt = parameters_.salt ? parameters_.salt->view() : pkcs11::ByteView();
    deriveOnToken(*key_, {parameters_.mode, digest, salt, parameters_.info}, out);
}

// RFC 8446, section 7.1: HKDF-Expand-Label, or HKDF-Extract with a salt derived from the previous
// secret.
void KdfContext::deriveTls13(const EVP_MD* digest, pkcs11::MutableBytes out) const {
    if (parameters_.mode == Mode::extractAndExpand)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "TLS13-KDF has the modes EXTRACT_ONLY and EXPAND_ONLY");
    if (parameters_.mode == Mode::expand) {
        const auto label = hkdfLabel(parameters_, out.size());
        return deriveOnToken(*key_, {Mode::expand, digest, {}, label}, out);
    }
    const auto salt = tls13Salt(digest);
    deriveOnToken(*key_, {Mode::extract, digest, salt, {}}, out);
}

// The previous secret is bytes, so software expands it.
ossl::SecretBytes KdfContext::tls13Salt(const EVP_MD* digest) const {
    if (!parameters_.salt)
        return {};
    ossl::SecretBytes salt(static_cast<std::size_t>(EVP_MD_get_size(digest)));
    pkcs11::Bytes nothing(salt.size());
    Software expansion(provider_, nameOf(algorithm_));
    if (EVP_Digest(nullptr, 0, nothing.data(), nullptr, digest, nullptr) != 1 ||
        !expansion.setText(OSSL_KDF_PARAM_MODE, "EXPAND_ONLY") || // refused after the others
        !expansion.setText(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(digest)) ||
        !expansion.setBytes(OSSL_KDF_PARAM_KEY, parameters_.salt->view()) ||
        !expansion.setBytes(OSSL_KDF_PARAM_PREFIX, parameters_.prefix) ||
        !expansion.setBytes(OSSL_KDF_PARAM_LABEL, parameters_.label) ||
        !expansion.setBytes(OSSL_KDF_PARAM_DATA, nothing) || !expansion.derive(salt.all()))
        throw ossl::UsageError(ossl::Reason::parameter, "the previous secret cannot be expanded");
    return salt;
}

} // namespace p11::kdf
