// SPDX-License-Identifier: Apache-2.0
#include "uri/p11kit.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "uri/attributes.h"
#include "uri/error.h"

namespace p11::uri {
namespace {

struct WipeAndFree {
    void operator()(char* text) const {
        wipe(text, std::strlen(text));
        std::free(text);
    }
};

void wipeText(const char* text) {
    if (text != nullptr)
        wipe(const_cast<char*>(text), std::strlen(text));
}

} // namespace

void setVendors(P11KitUri* uri, std::string_view name, const char* value) {
    if (p11_kit_uri_set_vendor_query(uri, std::string(name).c_str(), value) == 0 &&
        value != nullptr)
        throw std::bad_alloc();
}

void UriDeleter::operator()(P11KitUri* uri) const {
    wipeText(p11_kit_uri_get_pin_value(uri));
    wipeText(p11_kit_uri_get_vendor_query(uri, contextPinValueName.data()));
    CK_ULONG count = 0;
    CK_ATTRIBUTE* const attributes = p11_kit_uri_get_attributes(uri, &count);
    for (CK_ULONG i = 0; i < count; ++i)
        wipe(attributes[i].pValue, attributes[i].ulValueLen);
    p11_kit_uri_free(uri);
}

void appendPortable(SecretText& text, std::string_view value) {
    for (const char& character : value) {
        switch (character) {
        case ';':
            text.append("%3B");
            break;
        case '&':
            text.append("%26");
            break;
        case '?':
            text.append("%3F");
            break;
        case ' ':
            text.append("%20");
            break;
        default:
            text.append({&character, 1});
        }
    }
}

UriHandle newUri() {
    UriHandle uri(p11_kit_uri_new());
    if (!uri)
        throw std::bad_alloc();
    return uri;
}

UriHandle parseWithP11Kit(const SecretText& text) {
    auto uri = newUri();
    const int result = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get());
    if (result == P11_KIT_URI_NO_MEMORY)
        throw std::bad_alloc();
    if (result != P11_KIT_URI_OK)
        throw Error(p11_kit_uri_message(result));
    return uri;
}

std::string_view attributeOf(P11KitUri* uri, CK_ATTRIBUTE_TYPE type) {
    const auto* const attribute = p11_kit_uri_get_attribute(uri, type);
    if (attribute == nullptr || attribute->pValue == nullptr)
        return {};
    return {static_cast<const char*>(attribute->pValue), attribute->ulValueLen};
}

std::string formatted(P11KitUri* uri) {
    char* text = nullptr;
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK)
        throw std::bad_alloc();
    const std::unique_ptr<char, WipeAndFree> owner(text);
    return text;
}

UriHandle Decoded::parse(std::string_view value) {
    constexpr std::string_view prefix = "pkcs11:object=";
    SecretText text(prefix.size() + encodedSize(value.size()));
    text.append(prefix);
    appendPortable(text, value);
    return parseWithP11Kit(text);
}

} // namespace p11::uri
