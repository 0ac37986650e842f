// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/software_operation.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/evperr.h>

#include "keymgmt/reference.h"

namespace p11::keymgmt {
namespace {

bool isOf(std::string_view clause, std::string_view name) {
    constexpr std::string_view property = "provider=";
    const auto start = clause.find(property);
    if (start == std::string_view::npos)
        return false;
    auto value = clause.substr(start + property.size());
    value.remove_prefix(std::min(value.find_first_not_of("'\" "), value.size()));
    return value.substr(0, value.find_last_not_of("'\" ") + 1) == name;
}

// A query for this provider is met by being here; the other provider would look for its digests
// with it. The rest of the query goes on.
std::optional<std::string> withoutThisProvider(const char* query, std::string_view name) {
    if (query == nullptr)
        return std::nullopt;
    std::string result;
    std::string_view rest(query);
    while (!rest.empty()) {
        const auto clause = rest.substr(0, rest.find(','));
        if (!isOf(clause, name))
            result.append(result.empty() ? "" : ",").append(clause);
        rest.remove_prefix(std::min(rest.size(), clause.size() + 1));
    }
    return result.empty() ? std::nullopt : std::optional(result);
}

void* newContext(const ossl::Implementation& functions, const ContextIds& ids, const char* query,
                 std::string_view name) {
    using NewWithQuery = OSSL_FUNC_signature_newctx_fn;
    using New = OSSL_FUNC_asym_cipher_newctx_fn; // as all but signatures have it
    if (ids.operation == OSSL_OP_SIGNATURE) {
        auto* make = functions.function<NewWithQuery>(ids.newctx);
        const auto others = withoutThisProvider(query, name);
        return make != nullptr ? make(functions.provctx(), others ? others->c_str() : nullptr)
                               : nullptr;
    }
    auto* make = functions.function<New>(ids.newctx);
    return make != nullptr ? make(functions.provctx()) : nullptr;
}

} // namespace

SoftwareOperation::SoftwareOperation(std::shared_ptr<Key> key, const ContextIds& ids,
                                     const char* algorithm, const char* query)
    : key_(std::move(key)), ids_(ids) {
    const char* name =
        algorithm != nullptr ? algorithm : operationNameOf(key_->type(), ids.operation);
    functions_ = ossl::Implementation(key_->software()->keymgmt().provider(), ids.operation,
                                      std::string_view(name).substr(0, std::strcspn(name, ":")));
    if (!functions_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("the provider of the key in memory has no algorithm ") +
                                   name);
    context_ = newContext(functions_, ids_, query, key_->context().name());
    if (context_ == nullptr)
        throw ossl::UsageError(ossl::Reason::internal,
                               "the provider of the key in memory cannot start the operation");
}

SoftwareOperation::SoftwareOperation(const SoftwareOperation& other)
    : key_(other.key_), ids_(other.ids_), functions_(other.functions_) {
    auto* dup = functions_.function<OSSL_FUNC_signature_dupctx_fn>(ids_.dupctx);
    context_ = dup != nullptr ? dup(other.context_) : nullptr;
    if (context_ == nullptr)
        throw ossl::UsageError(ossl::Reason::internal,
                               "the operation in software cannot be copied");
}

SoftwareOperation::~SoftwareOperation() {
    auto* free = functions_.function<OSSL_FUNC_signature_freectx_fn>(ids_.freectx);
    if (free != nullptr)
        free(context_);
}

bool SoftwareOperation::isOf(const Key& key) const {
    return key_->type() == key.type() &&
           key_->software()->keymgmt().provider() == key.software()->keymgmt().provider();
}

int SoftwareOperation::refuse() {
    constexpr int notSupported = -2; // as EVP_PKEY_sign_init(3) has it
    ERR_raise(ERR_LIB_EVP, EVP_R_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE);
    return notSupported;
}

void SoftwareSide::choose(void* keydata, const ContextIds& ids, const char* algorithm,
                          const char* query) {
    if (keydata == nullptr)
        return;
    const auto& key = keyOf(keydata);
    if (key->software() == nullptr)
        operation_.reset();
    else if (operation_ && operation_->isOf(*key))
        operation_->setKey(key);
    else
        operation_.emplace(key, ids, algorithm, query);
}

void* softwareKeydata(void* keydata) {
    return keydata != nullptr ? keyOf(keydata)->software()->keydata() : nullptr;
}

} // namespace p11::keymgmt
