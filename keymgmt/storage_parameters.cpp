// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/storage_parameters.h"

#include <array>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

#include "ossl/params.h"
#include "ossl/secret.h"
#include "ossl/words.h"
#include "tokens/object_uris.h"
#include "tokens/writing.h"

namespace p11::keymgmt {
namespace {

constexpr const char* usageParameter = "pkcs11_key_usage";
constexpr const char* sensitiveParameter = "pkcs11_sensitive";
constexpr const char* extractableParameter = "pkcs11_extractable";
constexpr const char* alwaysAuthenticateParameter = "pkcs11_always_authenticate";
constexpr const char* allowDuplicateParameter = "pkcs11_allow_duplicate";

constexpr std::array<std::pair<std::string_view, bool Usage::*>, 8> usageNames{
    {{"digitalSignature", &Usage::sign},
     {"nonRepudiation", &Usage::sign},
     {"contentCommitment", &Usage::sign},
     {"keyCertSign", &Usage::sign},
     {"cRLSign", &Usage::sign},
     {"dataEncipherment", &Usage::decrypt},
     {"keyEncipherment", &Usage::unwrap},
     {"keyAgreement", &Usage::derive}}};

// `taken` are the values that the parameter accepts.
[[noreturn]] void reject(const char* parameter, const std::string& value,
                         const std::string& taken) {
    throw ossl::UsageError(ossl::Reason::parameter, std::string(parameter) +
                                                        " does not accept the value \"" + value +
                                                        "\": use " + taken);
}

std::string allUsages() {
    std::vector<std::string> names;
    names.reserve(usageNames.size());
    for (const auto& [name, member] : usageNames)
        names.emplace_back(name);
    return tokens::join(names);
}

Usage usageOf(const std::string& text) {
    Usage usage;
    for (const auto& word : ossl::words(text)) {
        bool known = false;
        for (const auto& [name, member] : usageNames)
            if (name == word)
                known = usage.*member = true;
        if (!known)
            reject(usageParameter, word, allUsages());
    }
    return usage;
}

std::optional<bool> flagOf(const OSSL_PARAM* params, const char* name) {
    const auto value = ossl::textOf(params, name);
    if (!value)
        return std::nullopt;
    const auto meant = ossl::yesOrNo(*value);
    if (!meant)
        reject(name, *value, "yes or no");
    return meant;
}

} // namespace

std::span<const OSSL_PARAM> StorageParameters::parameters() {
    static const std::array list{ossl::textParam(uriParameter),
                                 ossl::textParam(usageParameter),
                                 ossl::textParam(sensitiveParameter),
                                 ossl::textParam(extractableParameter),
                                 ossl::textParam(alwaysAuthenticateParameter),
                                 ossl::textParam(allowDuplicateParameter)};
    return list;
}

void StorageParameters::set(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    for (const auto& parameter : parameters())
        given_ = given_ || OSSL_PARAM_locate_const(params, parameter.key) != nullptr;
    if (!given_)
        return;
    if (auto text = ossl::textOf(params, uriParameter)) {
        const ossl::Wiped wiped(*text);
        setUri(*text);
    }
    if (const auto text = ossl::textOf(params, usageParameter))
        usage = usageOf(*text);
    sensitive = flagOf(params, sensitiveParameter).value_or(sensitive);
    extractable = flagOf(params, extractableParameter).value_or(extractable);
    if (const auto flag = flagOf(params, alwaysAuthenticateParameter))
        alwaysAuthenticate = flag;
    allowDuplicate = flagOf(params, allowDuplicateParameter).value_or(allowDuplicate);
}

// What is wrong with it is told when it is used: the openssl command repeats parameters that are
// refused, with the PIN.
void StorageParameters::setUri(std::string_view text) {
    uri_.reset();
    uriProblem_.clear();
    try {
        uri_ = uri::Uri::parse(text);
    } catch (const uri::Error& error) {
        uriProblem_ = error.what();
    }
}

const uri::Uri& StorageParameters::keyUri() const {
    if (!uriProblem_.empty())
        throw pkcs11::Error(pkcs11::Failure::uri, uriProblem_);
    if (!uri_)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "parameters for a key on a token are given without pkcs11_uri");
    if (!tokens::namesObject(*uri_))
        throw ossl::UsageError(ossl::Reason::parameter,
                               uri_->withoutPin() + " has no name for the new key (object=, id=)");
    if (uri_->type().value_or(CKO_PRIVATE_KEY) != CKO_PRIVATE_KEY)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "the type in " + uri_->withoutPin() +
                                   " must be private, or absent, for a key pair");
    return *uri_;
}

} // namespace p11::keymgmt
