// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/attributes.h"

#include <algorithm>
#include <cstring>

#include "pkcs11/cryptoki.h"
#include "pkcs11/text.h"

namespace p11::pkcs11 {
namespace {

constexpr std::size_t longValue = 64 * 1024;
// Buffers are filled with this byte, because some modules stop at the first attribute that they do
// not know and leave the rest untouched. It is not a CK_BBOOL. Repeated, it is not a class and not
// a type.
constexpr unsigned char filling = 0xA5;

// These sizes hold nearly every value at the first try: RSA up to 8192 bits, ML-DSA, common
// certificates. Numbers and flags get their exact size, because NSS softokn refuses larger buffers
// for them.
std::size_t expectedSize(CK_ATTRIBUTE_TYPE type) {
    switch (type) {
    case CKA_CLASS:
    case CKA_KEY_TYPE:
    case CKA_CERTIFICATE_TYPE:
    case CKA_VALUE_LEN:
    case CKA_PARAMETER_SET:
        return sizeof(CK_ULONG);
    case CKA_ALWAYS_AUTHENTICATE:
        return sizeof(CK_BBOOL);
    case CKA_VALUE:
        return 8192;
    case CKA_MODULUS:
        return 1200;
    case CKA_PUBLIC_KEY_INFO:
        return 2700;
    default:
        return 512;
    }
}

struct Request {
    CK_ATTRIBUTE_TYPE type = 0;
    Bytes buffer;
    bool isExact = false; ///< the module has told the value's length before

    Request(CK_ATTRIBUTE_TYPE attribute, std::size_t room)
        : type(attribute), buffer(room, filling) {}

    bool wasLeft(CK_ULONG length) const {
        return length == buffer.size() &&
               std::all_of(buffer.begin(), buffer.end(),
                           [](unsigned char byte) { return byte == filling; });
    }
    /// Some modules write the value and leave its length untouched.
    bool mayBeShorter(CK_ULONG length) const {
        return !isExact && length == buffer.size() && buffer.back() == filling;
    }
};

std::vector<CK_ATTRIBUTE> templateOf(std::vector<Request>& requests) {
    std::vector<CK_ATTRIBUTE> result;
    result.reserve(requests.size());
    for (auto& request : requests)
        result.push_back({request.type, request.buffer.data(), request.buffer.size()});
    return result;
}

// True for results after which the attributes that could be read are valid (PKCS#11 2.40,
// C_GetAttributeValue).
bool isPartial(CK_RV rv) {
    return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
           rv == CKR_BUFFER_TOO_SMALL;
}

bool isFixed(CK_ATTRIBUTE_TYPE type) {
    return expectedSize(type) <= sizeof(CK_ULONG);
}

bool isEverywhere(CK_ATTRIBUTE_TYPE type) {
    return type == CKA_LABEL || type == CKA_ID || type == CKA_VALUE;
}

using Types = std::vector<CK_ATTRIBUTE_TYPE>;

/// What a call did not give.
struct Rest {
    Types missing;
    Types left; ///< the module did not come to these
};

// Moves what was read into `out`.
Rest harvest(std::vector<Request>& requests, const std::vector<CK_ATTRIBUTE>& values,
             Attributes& out) {
    Rest rest;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        auto& request = requests[i];
        const CK_ULONG length = values[i].ulValueLen;
        if (length == CK_UNAVAILABLE_INFORMATION || length > request.buffer.size()) {
            rest.missing.push_back(request.type);
        } else if (request.wasLeft(length) || request.mayBeShorter(length)) {
            rest.left.push_back(request.type);
        } else {
            request.buffer.resize(length);
            out.set(request.type, std::move(request.buffer));
        }
    }
    return rest;
}

CK_RV readInto(Session& session, CK_OBJECT_HANDLE object, std::vector<Request>& requests,
               Attributes& out, Rest& rest) {
    auto values = templateOf(requests);
    const CK_RV rv =
        session.call<&List::C_GetAttributeValue>(object, values.data(), CK_ULONG{values.size()});
    if (isPartial(rv))
        rest = harvest(requests, values, out);
    return rv;
}

// Some modules answer CKR_DEVICE_ERROR for a single attribute. The others can still be read.
void requireObject(Session& session, CK_RV rv) {
    if (isHandleLoss(rv) || (invalidatesSessions(rv) && rv != CKR_DEVICE_ERROR))
        session.fail(functionName<&List::C_GetAttributeValue>, rv);
}

void readExactly(Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                 Attributes& out) {
    CK_ATTRIBUTE size{type, nullptr, 0};
    const CK_RV rv = session.call<&List::C_GetAttributeValue>(object, &size, CK_ULONG{1});
    requireObject(session, rv);
    if (rv != CKR_OK || size.ulValueLen == 0 || size.ulValueLen > longValue)
        return;
    std::vector<Request> one{{type, size.ulValueLen}};
    one.front().isExact = true;
    Rest rest;
    requireObject(session, readInto(session, object, one, out, rest));
}

void readOneByOne(Session& session, CK_OBJECT_HANDLE object, const Types& types, Attributes& out) {
    for (const auto type : types) {
        Rest rest;
        std::vector<Request> one{{type, expectedSize(type)}};
        const CK_RV rv = readInto(session, object, one, out, rest);
        requireObject(session, rv);
        if (rv == CKR_BUFFER_TOO_SMALL && !isFixed(type)) {
            one = {{type, longValue}};
            requireObject(session, readInto(session, object, one, out, rest));
        } else if (rv == CKR_OK && !rest.left.empty() && !isFixed(type)) {
            readExactly(session, object, type, out);
        }
    }
}

bool hasClass(Session& session, CK_OBJECT_HANDLE object) {
    Attributes read;
    readOneByOne(session, object, {CKA_CLASS}, read);
    return read.has(CKA_CLASS);
}

// Every object has a class, and every key a type.
bool lacksEssentials(const Types& wanted, const Attributes& read) {
    const auto isMissing = [&](CK_ATTRIBUTE_TYPE type) {
        return std::find(wanted.begin(), wanted.end(), type) != wanted.end() && !read.has(type);
    };
    return isMissing(CKA_CLASS) ||
           (isMissing(CKA_KEY_TYPE) && read.number(CKA_CLASS).value_or(0) != CKO_CERTIFICATE);
}

} // namespace

void Attributes::set(CK_ATTRIBUTE_TYPE type, Bytes value) {
    values_.emplace_back(type, std::move(value));
}

const Bytes* Attributes::find(CK_ATTRIBUTE_TYPE type) const {
    const auto found = std::find_if(values_.begin(), values_.end(),
                                    [type](const auto& entry) { return entry.first == type; });
    return found == values_.end() ? nullptr : &found->second;
}

Bytes Attributes::bytes(CK_ATTRIBUTE_TYPE type) const {
    const auto* value = find(type);
    return value != nullptr ? *value : Bytes{};
}

std::string Attributes::text(CK_ATTRIBUTE_TYPE type) const {
    const auto value = bytes(type);
    return withoutNuls({value.begin(), value.end()});
}

std::optional<CK_ULONG> Attributes::number(CK_ATTRIBUTE_TYPE type) const {
    const auto* value = find(type);
    if (value == nullptr || value->size() != sizeof(CK_ULONG))
        return std::nullopt;
    CK_ULONG result = 0;
    std::memcpy(&result, value->data(), sizeof result);
    return result;
}

bool Attributes::flag(CK_ATTRIBUTE_TYPE type, bool fallback) const {
    const auto* value = find(type);
    return value != nullptr && value->size() == sizeof(CK_BBOOL) ? value->front() != CK_FALSE
                                                                 : fallback;
}

std::vector<CK_MECHANISM_TYPE> Attributes::mechanisms(CK_ATTRIBUTE_TYPE type) const {
    const auto* value = find(type);
    if (value == nullptr || value->size() % sizeof(CK_MECHANISM_TYPE) != 0)
        return {};
    std::vector<CK_MECHANISM_TYPE> result(value->size() / sizeof(CK_MECHANISM_TYPE));
    if (!result.empty())
        std::memcpy(result.data(), value->data(), value->size());
    return result;
}

bool Attributes::allow(CK_MECHANISM_TYPE mechanism) const {
    const auto* value = find(CKA_ALLOWED_MECHANISMS);
    if (value == nullptr || value->empty() || value->size() % sizeof mechanism != 0)
        return true;
    for (std::size_t at = 0; at < value->size(); at += sizeof mechanism)
        if (std::memcmp(value->data() + at, &mechanism, sizeof mechanism) == 0)
            return true;
    return false;
}

Attributes readAttributes(Session& session, CK_OBJECT_HANDLE object,
                          std::span<const CK_ATTRIBUTE_TYPE> types) {
    const Types wanted(types.begin(), types.end());
    std::vector<Request> requests;
    requests.reserve(wanted.size());
    for (const auto type : wanted)
        requests.emplace_back(type, expectedSize(type));
    Attributes result;
    Rest rest;
    const CK_RV rv = readInto(session, object, requests, result, rest);
    // Some modules answer CKR_DEVICE_ERROR for a single attribute. Then the object still has a
    // class.
    if (isHandleLoss(rv) ||
        (invalidatesSessions(rv) && (rv != CKR_DEVICE_ERROR || !hasClass(session, object))))
        session.fail(functionName<&List::C_GetAttributeValue>, rv);
    // Some modules refuse the whole template because of one attribute that they do not know.
    if (!isPartial(rv) || lacksEssentials(wanted, result)) {
        result = {};
        readOneByOne(session, object, wanted, result);
        // Every object has a class. So the refusal was not due to an attribute.
        if (!isPartial(rv) && !result.has(CKA_CLASS))
            session.fail(functionName<&List::C_GetAttributeValue>, rv);
        return result;
    }
    readOneByOne(session, object, rest.left, result);
    // One code stands for all attributes. If some are missing as well, the token may not say that
    // others are too long. So the attributes that every object has are worth another call.
    std::vector<Request> longer;
    for (const auto type : rest.missing)
        if (!isFixed(type) && (rv == CKR_BUFFER_TOO_SMALL || isEverywhere(type)))
            longer.emplace_back(type, longValue);
    if (!longer.empty())
        readInto(session, object, longer, result, rest);
    return result;
}

} // namespace p11::pkcs11
