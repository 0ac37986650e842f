// SPDX-License-Identifier: Apache-2.0
#include "uri/uri.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "uri/attributes.h"
#include "uri/blanks.h"
#include "uri/check.h"
#include "uri/p11kit.h"

namespace p11::uri {
namespace {

void appendValue(SecretText& text, const Attribute& attribute) {
    // p11-kit does not decode the values of these, so it gets them decoded.
    const auto kind = attribute.standard->kind;
    if (kind == Kind::type || kind == Kind::slotId || kind == Kind::version)
        text.append(Decoded(attribute.value).bytes());
    else
        appendPortable(text, attribute.value);
}

// As p11-kit knows it.
std::string_view nameOf(const Attribute& attribute) {
    auto name = attribute.name;
    if (attribute.standard->kind == Kind::type)
        return typeName;
    if (attribute.standard->place == Place::queryForContextPin)
        name.remove_prefix(contextPinPrefix.size());
    return name;
}

// Vendor attributes stay out: for p11-kit, a URI with one that it doesn't know matches nothing.
void appendAttributes(SecretText& text, const Attributes& attributes, Place place,
                      std::string_view delimiter) {
    bool isFirst = true;
    for (const auto& attribute : attributes) {
        if (attribute.standard == nullptr || attribute.standard->place != place)
            continue;
        if (!isFirst)
            text.append(delimiter);
        isFirst = false;
        text.append(nameOf(attribute));
        text.append("=");
        appendValue(text, attribute);
    }
}

std::size_t capacityFor(std::string_view text) {
    return encodedSize(text.size()) + 1;
}

UriHandle addressOf(std::string_view text, const Attributes& attributes) {
    SecretText address(capacityFor(text));
    address.append(scheme);
    appendAttributes(address, attributes, Place::path, ";");
    address.append("?");
    appendAttributes(address, attributes, Place::query, "&");
    return parseWithP11Kit(address);
}

UriHandle pinOf(std::string_view text, const Attributes& attributes, Place place) {
    SecretText pin(capacityFor(text));
    pin.append(scheme);
    pin.append("?");
    appendAttributes(pin, attributes, place, "&");
    return parseWithP11Kit(pin);
}

std::optional<std::string> ownAttribute(const Attributes& attributes, Kind kind) {
    for (const auto& attribute : attributes)
        if (attribute.standard != nullptr && attribute.standard->kind == kind)
            return std::string(Decoded(attribute.value).bytes());
    return std::nullopt;
}

// Some modules end their texts with a NUL (and garbage after it) instead of padding them with
// blanks.
template <std::size_t N>
void padWithBlanks(unsigned char (&field)[N]) {
    auto* const end = std::end(field);
    std::fill(std::find(std::begin(field), end, '\0'), end, static_cast<unsigned char>(' '));
}

CK_TOKEN_INFO padded(CK_TOKEN_INFO info) {
    padWithBlanks(info.label);
    padWithBlanks(info.manufacturerID);
    padWithBlanks(info.model);
    padWithBlanks(info.serialNumber);
    return info;
}

CK_SLOT_INFO padded(CK_SLOT_INFO info) {
    padWithBlanks(info.slotDescription);
    padWithBlanks(info.manufacturerID);
    return info;
}

CK_INFO padded(CK_INFO info) {
    padWithBlanks(info.libraryDescription);
    padWithBlanks(info.manufacturerID);
    return info;
}

// A field that begins with NUL is "not given" for p11-kit.
template <std::size_t N>
void copyUnlessBlank(const unsigned char (&from)[N], unsigned char (&to)[N]) {
    if (p11_kit_space_strlen(from, N) > 0)
        std::copy_n(from, N, to);
}

void setToken(P11KitUri* uri, const CK_TOKEN_INFO& token) {
    const auto from = padded(token);
    auto& to = *p11_kit_uri_get_token_info(uri);
    copyUnlessBlank(from.label, to.label);
    copyUnlessBlank(from.manufacturerID, to.manufacturerID);
    copyUnlessBlank(from.model, to.model);
    copyUnlessBlank(from.serialNumber, to.serialNumber);
}

void setAttribute(P11KitUri* uri, CK_ATTRIBUTE_TYPE type, const void* value, std::size_t size) {
    CK_ATTRIBUTE attribute{type, const_cast<void*>(value), size};
    if (p11_kit_uri_set_attribute(uri, &attribute) != P11_KIT_URI_OK)
        throw std::bad_alloc();
}

bool isFormattable(const std::string& object) {
    return !object.empty() && object.size() <= longestObject &&
           object.find('\0') == std::string::npos;
}

// Not its token.
void setObject(P11KitUri* uri, const ObjectAddress& address) {
    if (isFormattable(address.object))
        setAttribute(uri, CKA_LABEL, address.object.data(), address.object.size());
    if (!address.id.empty() && address.id.size() <= longestObject)
        setAttribute(uri, CKA_ID, address.id.data(), address.id.size());
    if (address.type)
        setAttribute(uri, CKA_CLASS, &*address.type, sizeof(*address.type));
}

UriHandle copyOf(P11KitUri* uri) {
    const auto address = formatted(uri);
    SecretText text(address.size());
    text.append(address);
    return parseWithP11Kit(text);
}

std::optional<std::string> optionalText(const char* text) {
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

std::optional<std::string_view> pinValueOf(P11KitUri* uri) {
    const char* const pin = p11_kit_uri_get_pin_value(uri);
    return pin == nullptr ? std::nullopt : std::optional<std::string_view>(pin);
}

} // namespace

/// The PIN attributes are kept apart, so that nothing made from the address can hold them.
class Uri::Parsed {
  public:
    Parsed(UriHandle address, UriHandle pin, UriHandle contextPin,
           std::optional<std::string> keyType, std::optional<std::string> replicas)
        : address_(std::move(address)), pin_(std::move(pin)), contextPin_(std::move(contextPin)),
          keyType_(std::move(keyType)), replicas_(std::move(replicas)) {}

    // p11-kit's getters take a non-const pointer, but don't write through it.
    P11KitUri* address() const { return address_.get(); }
    P11KitUri* pin() const { return pin_.get(); }
    P11KitUri* contextPin() const { return contextPin_.get(); }
    const std::optional<std::string>& keyType() const { return keyType_; }
    const std::optional<std::string>& replicas() const { return replicas_; }

    bool has(CK_ATTRIBUTE_TYPE type) const {
        return p11_kit_uri_get_attribute(address(), type) != nullptr;
    }

  private:
    UriHandle address_;
    UriHandle pin_;
    UriHandle contextPin_;
    std::optional<std::string> keyType_;
    std::optional<std::string> replicas_;
};

Uri Uri::parse(std::string_view given) {
    const auto text = withoutBlanksAround(given);
    checkFrame(text);
    const auto attributes = attributesOf(text);
    checkAll(attributes);
    return Uri(std::make_shared<const Parsed>(
        addressOf(text, attributes), pinOf(text, attributes, Place::eitherForPin),
        pinOf(text, attributes, Place::queryForContextPin), ownAttribute(attributes, Kind::keyType),
        ownAttribute(attributes, Kind::replicas)));
}

bool Uri::matchesModule(const CK_INFO& info) const {
    const auto real = padded(info);
    return p11_kit_uri_match_module_info(parsed_->address(), &real) == 1;
}

bool Uri::matchesSlot(const CK_SLOT_INFO& info, CK_SLOT_ID id) const {
    const auto real = padded(info);
    return slotId().value_or(id) == id &&
           p11_kit_uri_match_slot_info(parsed_->address(), &real) == 1;
}

bool Uri::matchesToken(const CK_TOKEN_INFO& info) const {
    const auto real = padded(info);
    return p11_kit_uri_match_token_info(parsed_->address(), &real) == 1;
}

bool Uri::constrainsModule() const {
    constexpr CK_BYTE notGiven = 255;
    const auto& info = *p11_kit_uri_get_module_info(parsed_->address());
    return info.libraryDescription[0] != 0 || info.manufacturerID[0] != 0 ||
           info.libraryVersion.major != notGiven;
}

bool Uri::constrainsSlotInfo() const {
    const auto& info = *p11_kit_uri_get_slot_info(parsed_->address());
    return info.slotDescription[0] != 0 || info.manufacturerID[0] != 0;
}

bool Uri::namesOneToken() const {
    return slotId() || p11_kit_uri_get_token_info(parsed_->address())->serialNumber[0] != 0;
}

std::optional<CK_SLOT_ID> Uri::slotId() const {
    constexpr auto notGiven = std::numeric_limits<CK_SLOT_ID>::max();
    const CK_SLOT_ID id = p11_kit_uri_get_slot_id(parsed_->address());
    return id == notGiven ? std::nullopt : std::optional(id);
}

std::optional<std::string> Uri::object() const {
    if (!parsed_->has(CKA_LABEL))
        return std::nullopt;
    return std::string(attributeOf(parsed_->address(), CKA_LABEL));
}

std::optional<std::vector<unsigned char>> Uri::id() const {
    if (!parsed_->has(CKA_ID))
        return std::nullopt;
    const auto bytes = attributeOf(parsed_->address(), CKA_ID);
    return std::vector<unsigned char>(bytes.begin(), bytes.end());
}

std::optional<CK_OBJECT_CLASS> Uri::type() const {
    CK_OBJECT_CLASS type = 0;
    const auto bytes = attributeOf(parsed_->address(), CKA_CLASS);
    if (bytes.size() != sizeof(type))
        return std::nullopt;
    std::memcpy(&type, bytes.data(), sizeof(type));
    return type;
}

std::optional<std::string_view> Uri::pinValue() const {
    return pinValueOf(parsed_->pin());
}

std::optional<std::string> Uri::pinSource() const {
    return optionalText(p11_kit_uri_get_pin_source(parsed_->pin()));
}

std::optional<std::string_view> Uri::contextPinValue() const {
    return pinValueOf(parsed_->contextPin());
}

std::optional<std::string> Uri::contextPinSource() const {
    return optionalText(p11_kit_uri_get_pin_source(parsed_->contextPin()));
}

std::optional<std::string> Uri::keyType() const {
    return parsed_->keyType();
}

std::optional<std::string> Uri::replicas() const {
    return parsed_->replicas();
}

std::optional<std::string> Uri::moduleName() const {
    return optionalText(p11_kit_uri_get_module_name(parsed_->address()));
}

std::optional<std::string> Uri::modulePath() const {
    return optionalText(p11_kit_uri_get_module_path(parsed_->address()));
}

std::string Uri::withoutPin() const {
    return formatted(parsed_->address());
}

std::string Uri::without(std::initializer_list<Part> parts) const {
    const auto keeps = [&](Part part) { return std::ranges::find(parts, part) == parts.end(); };
    const auto uri = copyOf(parsed_->address());
    auto* const contextPin = parsed_->contextPin();
    if (keeps(Part::pinValue)) {
        p11_kit_uri_set_pin_value(uri.get(), p11_kit_uri_get_pin_value(parsed_->pin()));
        setVendors(uri.get(), contextPinValueName, p11_kit_uri_get_pin_value(contextPin));
    }
    if (keeps(Part::pinSource)) {
        p11_kit_uri_set_pin_source(uri.get(), p11_kit_uri_get_pin_source(parsed_->pin()));
        setVendors(uri.get(), contextPinSourceName, p11_kit_uri_get_pin_source(contextPin));
    }
    if (parsed_->keyType())
        setVendors(uri.get(), keyTypeName, parsed_->keyType()->c_str());
    if (parsed_->replicas())
        setVendors(uri.get(), replicasName, parsed_->replicas()->c_str());
    if (!keeps(Part::module)) {
        p11_kit_uri_set_module_name(uri.get(), nullptr);
        p11_kit_uri_set_module_path(uri.get(), nullptr);
    }
    return formatted(uri.get());
}

std::string Uri::withObject(const ObjectAddress& object) const {
    const auto uri = copyOf(parsed_->address());
    setObject(uri.get(), {nullptr, type() ? std::nullopt : object.type,
                          this->object() ? std::string() : object.object,
                          id() ? std::vector<unsigned char>() : object.id});
    if (parsed_->replicas())
        setVendors(uri.get(), replicasName, parsed_->replicas()->c_str());
    return formatted(uri.get());
}

std::string format(const ObjectAddress& address) {
    const auto uri = newUri();
    if (address.token != nullptr)
        setToken(uri.get(), *address.token);
    setObject(uri.get(), address);
    return formatted(uri.get());
}

} // namespace p11::uri
