// SPDX-License-Identifier: Apache-2.0
#include "ossl/params.h"

#include <cstring>

namespace p11::ossl {
namespace {

[[noreturn]] void reject(const char* key) {
    throw UsageError(Reason::parameter,
                     std::string("the parameter \"") + key + "\" has the wrong type or size");
}

void check(int success, const char* key) {
    if (success != 1)
        reject(key);
}

const OSSL_PARAM* findWithData(const OSSL_PARAM* params, const char* key) {
    const auto* found = OSSL_PARAM_locate_const(params, key);
    if (found == nullptr || found->data != nullptr)
        return found;
    if (found->data_type != OSSL_PARAM_OCTET_STRING || found->data_size != 0)
        reject(key);
    return found;
}

} // namespace

std::optional<std::string> textOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = findWithData(params, key);
    if (found == nullptr)
        return std::nullopt;
    const char* text = nullptr;
    if (found->data_type == OSSL_PARAM_UTF8_STRING)
        return std::string(static_cast<const char*>(found->data),
                           strnlen(static_cast<const char*>(found->data), found->data_size));
    check(OSSL_PARAM_get_utf8_ptr(found, &text), key);
    return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<int> intOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = findWithData(params, key);
    if (found == nullptr)
        return std::nullopt;
    int number = 0;
    check(OSSL_PARAM_get_int(found, &number), key);
    return number;
}

std::optional<std::size_t> sizeOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = findWithData(params, key);
    if (found == nullptr)
        return std::nullopt;
    std::size_t number = 0;
    check(OSSL_PARAM_get_size_t(found, &number), key);
    return number;
}

std::optional<unsigned> unsignedOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = findWithData(params, key);
    if (found == nullptr)
        return std::nullopt;
    unsigned number = 0;
    check(OSSL_PARAM_get_uint(found, &number), key);
    return number;
}

std::optional<pkcs11::ByteView> octetsOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = findWithData(params, key);
    if (found == nullptr)
        return std::nullopt;
    const void* data = nullptr;
    std::size_t size = 0;
    check(OSSL_PARAM_get_octet_string_ptr(found, &data, &size), key);
    if (data == nullptr && size != 0)
        reject(key);
    return std::span(static_cast<const unsigned char*>(data), size);
}

std::optional<TextOrInt> textOrIntOf(const OSSL_PARAM* params, const char* key) {
    const auto* found = OSSL_PARAM_locate_const(params, key);
    if (found == nullptr)
        return std::nullopt;
    if (found->data_type == OSSL_PARAM_INTEGER || found->data_type == OSSL_PARAM_UNSIGNED_INTEGER)
        return TextOrInt{std::nullopt, *intOf(params, key)};
    return TextOrInt{textOf(params, key), 0};
}

void answerText(OSSL_PARAM* params, const char* key, const char* value) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        check(OSSL_PARAM_set_utf8_string(found, value), key);
}

void answerInt(OSSL_PARAM* params, const char* key, int value) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        check(OSSL_PARAM_set_int(found, value), key);
}

void answerSize(OSSL_PARAM* params, const char* key, size_t value) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        check(OSSL_PARAM_set_size_t(found, value), key);
}

void answerUnsigned(OSSL_PARAM* params, const char* key, unsigned value) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        check(OSSL_PARAM_set_uint(found, value), key);
}

void answerOctets(OSSL_PARAM* params, const char* key, const void* data, size_t size) {
    if (auto* found = OSSL_PARAM_locate(params, key))
        check(OSSL_PARAM_set_octet_string(found, data, size), key);
}

void answerTextOrInt(OSSL_PARAM* params, const char* key, const char* text, int number) {
    auto* found = OSSL_PARAM_locate(params, key);
    if (found != nullptr && found->data_type == OSSL_PARAM_UTF8_STRING)
        answerText(params, key, text);
    else
        answerInt(params, key, number);
}

} // namespace p11::ossl
