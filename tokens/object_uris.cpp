// SPDX-License-Identifier: Apache-2.0
#include "tokens/object_uris.h"

#include <array>

#include "uri/uri.h"

namespace p11::tokens {
namespace {

constexpr std::array nameAttributes{CKA_CLASS, CKA_LABEL, CKA_ID};

// How many objects an error message names.
constexpr std::size_t listLimit = 8;

std::string format(const CK_TOKEN_INFO* token, const pkcs11::Attributes& attributes) {
    return uri::format({token, attributes.number(CKA_CLASS), attributes.text(CKA_LABEL),
                        attributes.bytes(CKA_ID)});
}

} // namespace

std::string uriOf(const pkcs11::Token& token, const pkcs11::Attributes& attributes) {
    return format(&token.info(), attributes);
}

std::vector<std::string> urisOf(pkcs11::Session& session,
                                std::span<const CK_OBJECT_HANDLE> handles) {
    std::vector<std::string> uris;
    for (const CK_OBJECT_HANDLE handle : handles) {
        if (uris.size() == listLimit) {
            uris.emplace_back("...");
            break;
        }
        uris.push_back(format(nullptr, pkcs11::readAttributes(session, handle, nameAttributes)));
    }
    return uris;
}

std::string join(const std::vector<std::string>& parts) {
    std::string result;
    for (const auto& part : parts)
        result.append(result.empty() ? "" : ", ").append(part);
    return result;
}

} // namespace p11::tokens
