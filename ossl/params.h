// SPDX-License-Identifier: Apache-2.0
// Reads and answers OSSL_PARAM arrays (OSSL_PARAM(3)). Unknown keys are ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openssl/params.h>

#include "ossl/core.h"
#include "pkcs11/bytes.h"

namespace p11::ossl {

/// Entries of the lists of parameters (gettable and settable). They have no data. They are
/// constants, so that a list needs no initialisation at run time: if a thread were initialising one
/// while another forks, the child would wait for ever.
constexpr OSSL_PARAM bignumParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_UNSIGNED_INTEGER, nullptr, 0, 0};
}
constexpr OSSL_PARAM intParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_INTEGER, nullptr, sizeof(int), 0};
}
constexpr OSSL_PARAM octetsParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_OCTET_STRING, nullptr, 0, 0};
}
constexpr OSSL_PARAM sizeParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_UNSIGNED_INTEGER, nullptr, sizeof(size_t), 0};
}
constexpr OSSL_PARAM textParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0};
}
constexpr OSSL_PARAM unsignedParam(const char* key) {
    return OSSL_PARAM{key, OSSL_PARAM_UNSIGNED_INTEGER, nullptr, sizeof(unsigned), 0};
}
constexpr OSSL_PARAM endOfParams() {
    return OSSL_PARAM{};
}

/// Missing entries give nothing. Entries with a wrong type or without data throw UsageError,
/// because OpenSSL 3.0's own getters would read through the null pointer. Octet strings of size 0
/// need no data.
std::optional<std::string> textOf(const OSSL_PARAM* params, const char* key);
std::optional<int> intOf(const OSSL_PARAM* params, const char* key);
std::optional<std::size_t> sizeOf(const OSSL_PARAM* params, const char* key);
std::optional<unsigned> unsignedOf(const OSSL_PARAM* params, const char* key);
/// Valid as long as the entry's data.
std::optional<pkcs11::ByteView> octetsOf(const OSSL_PARAM* params, const char* key);

/// A value that applications give either as text or as a number.
struct TextOrInt {
    std::optional<std::string> text;
    int number = 0;
};
std::optional<TextOrInt> textOrIntOf(const OSSL_PARAM* params, const char* key);

/// Answers `key` if it is in the array. Throws UsageError if the value does not fit into the
/// caller's buffer.
void answerText(OSSL_PARAM* params, const char* key, const char* value);
void answerInt(OSSL_PARAM* params, const char* key, int value);
void answerSize(OSSL_PARAM* params, const char* key, size_t value);
void answerUnsigned(OSSL_PARAM* params, const char* key, unsigned value);
void answerOctets(OSSL_PARAM* params, const char* key, const void* data, size_t size);
/// Answers with text or number, according to the type of the caller's entry.
void answerTextOrInt(OSSL_PARAM* params, const char* key, const char* text, int number);

} // namespace p11::ossl
