#include "uri/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <set>

namespace uri {
namespace {

constexpr std::size_t longestUri = 64 * 1024;
constexpr std::size_t longestPin = 255;
constexpr std::size_t longestObject = 4096;
constexpr std::size_t longestPath = PATH_MAX;

constexpr std::string_view scheme = "pkcs11:";
constexpr std::string_view vendorPrefix = "x-";
constexpr std::array<std::string_view, 5> types{"private", "public", "cert", "secret-key", "data"};

// The PIN attributes belong in the query, but osslsigncode's users write them in the path, too.
enum class Place { path, query, eitherForPin };

enum class Kind { text, bytes, type, slotId, version };

/// An attribute that RFC 7512 defines.
struct Standard {
    std::string_view name;
    Place place;
    Kind kind;
    std::size_t longest; ///< of the decoded value
};

constexpr std::array standardAttributes{
    Standard{"token", Place::path, Kind::text, sizeof(CK_TOKEN_INFO::label)},
    Standard{"manufacturer", Place::path, Kind::text, sizeof(CK_TOKEN_INFO::manufacturerID)},
    Standard{"serial", Place::path, Kind::text, sizeof(CK_TOKEN_INFO::serialNumber)},
    Standard{"model", Place::path, Kind::text, sizeof(CK_TOKEN_INFO::model)},
    Standard{"library-manufacturer", Place::path, Kind::text, sizeof(CK_INFO::manufacturerID)},
    Standard{"library-description", Place::path, Kind::text, sizeof(CK_INFO::libraryDescription)},
    Standard{"library-version", Place::path, Kind::version, longestObject},
    Standard{"slot-description", Place::path, Kind::text, sizeof(CK_SLOT_INFO::slotDescription)},
    Standard{"slot-manufacturer", Place::path, Kind::text, sizeof(CK_SLOT_INFO::manufacturerID)},
    Standard{"slot-id", Place::path, Kind::slotId, longestObject},
    Standard{"object", Place::path, Kind::text, longestObject},
    Standard{"type", Place::path, Kind::type, longestObject},
    Standard{"id", Place::path, Kind::bytes, longestObject},
    Standard{"pin-value", Place::eitherForPin, Kind::text, longestPin},
    Standard{"pin-source", Place::eitherForPin, Kind::text, longestPath},
    Standard{"module-name", Place::query, Kind::text, longestPath},
    Standard{"module-path", Place::query, Kind::text, longestPath},
};

constexpr std::string_view pinValueName = "pin-value";
constexpr std::string_view pinSourceName = "pin-source";

const Standard* findStandard(std::string_view name) {
    const auto* const found = std::ranges::find(standardAttributes, name, &Standard::name);
    return found == standardAttributes.end() ? nullptr : found;
}

void wipe(void* bytes, std::size_t size) {
    if (bytes != nullptr)
        explicit_bzero(bytes, size);
}

// p11_kit_uri_free doesn't wipe. The values of attributes are wiped, too: Decoded puts PINs there.
struct UriDeleter {
    void operator()(P11KitUri* uri) const {
        if (const char* const pin = p11_kit_uri_get_pin_value(uri))
            wipe(const_cast<char*>(pin), std::strlen(pin));
        CK_ULONG count = 0;
        CK_ATTRIBUTE* const attributes = p11_kit_uri_get_attributes(uri, &count);
        for (CK_ULONG i = 0; i < count; ++i)
            wipe(attributes[i].pValue, attributes[i].ulValueLen);
        p11_kit_uri_free(uri);
    }
};
using UriHandle = std::unique_ptr<P11KitUri, UriDeleter>;

/// Text that may hold a PIN. Never grows beyond the capacity it is made with: a reallocation would
/// leave an unwiped copy behind.
class SecretText {
  public:
    explicit SecretText(std::size_t capacity) { text_.reserve(capacity); }
    ~SecretText() { wipe(text_.data(), text_.size()); }
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;

    void append(std::string_view more) {
        if (more.size() > text_.capacity() - text_.size())
            throw std::length_error("the buffer for a URI is too small");
        text_.append(more);
    }
    const char* c_str() const { return text_.c_str(); }

  private:
    std::string text_;
};

// What an attribute's value may become when every character of it is percent-encoded.
constexpr std::size_t encodedSize(std::size_t size) {
    return 3 * size;
}

// Percent-encodes the delimiters, so that the value can stand in the path as well as in the query.
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

/// A percent-encoded value, decoded by p11-kit. It must have passed checkCharacters().
class Decoded {
  public:
    explicit Decoded(std::string_view value) : uri_(parse(value)) {}
    std::string_view bytes() const { return attributeOf(uri_.get(), CKA_LABEL); }

  private:
    static UriHandle parse(std::string_view value) {
        constexpr std::string_view prefix = "pkcs11:object=";
        SecretText text(prefix.size() + encodedSize(value.size()));
        text.append(prefix);
        appendPortable(text, value);
        return parseWithP11Kit(text);
    }

    UriHandle uri_;
};

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool isHexDigit(char c) {
    return isDigit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// pk11-v-attr-nm-char of RFC 7512
bool isNameCharacter(char c) {
    return isDigit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

// What RFC 7512 lets stand unencoded, and two things beyond: "/" and "|" in the path, too, and the
// bytes of UTF-8. Both are common and can't be mistaken for anything else.
bool isValueCharacter(char c) {
    constexpr std::string_view punctuation = ".~:[]@!$'()*+,=&/?|%";
    return isNameCharacter(c) || static_cast<unsigned char>(c) >= 0x80 ||
           punctuation.find(c) != std::string_view::npos;
}

bool containsIgnoringCase(std::string_view text, std::string_view lowerCase) {
    const auto matches = [](char a, char b) { return lower(a) == b; };
    return std::search(text.begin(), text.end(), lowerCase.begin(), lowerCase.end(), matches) !=
           text.end();
}

/// One "name=value" as it stands in the text.
struct Attribute {
    Place place;        ///< path or query
    std::size_t number; ///< in the path or the query, from 1
    std::string_view name;
    std::string_view value;
    bool hasEquals;
    const Standard* standard; ///< null for all others
    bool canBeNamed = false;  ///< in messages

    bool isVendors() const {
        return name.size() > vendorPrefix.size() && name.starts_with(vendorPrefix) &&
               std::ranges::all_of(name, isNameCharacter);
    }
};
using Attributes = std::vector<Attribute>;

void split(std::string_view component, Place place, char delimiter, Attributes& to) {
    if (component.empty())
        return;
    for (std::size_t number = 1;; ++number) {
        const auto end = component.find(delimiter);
        const auto part = component.substr(0, end);
        const auto equals = part.find('=');
        const bool hasEquals = equals != std::string_view::npos;
        const auto name = part.substr(0, equals);
        const auto value = hasEquals ? part.substr(equals + 1) : std::string_view{};
        to.push_back({place, number, name, value, hasEquals, findStandard(name)});
        if (end == std::string_view::npos)
            return;
        component.remove_prefix(end + 1);
    }
}

// Where a delimiter in a PIN isn't encoded, or its "=" is missing, what looks like a name is part
// of the PIN.
void decideWhatCanBeNamed(Attributes& attributes) {
    constexpr std::size_t longestNamed = 32;
    bool maybePin = false;
    for (auto& attribute : attributes) {
        const auto name = attribute.name;
        attribute.canBeNamed =
            attribute.standard != nullptr ||
            (!maybePin && attribute.hasEquals && !name.empty() && name.size() <= longestNamed &&
             std::ranges::all_of(name, isNameCharacter) && !containsIgnoringCase(name, "pin"));
        if (attribute.standard != nullptr)
            maybePin = name == pinValueName;
    }
}

Attributes attributesOf(std::string_view text) {
    const auto rest = text.substr(scheme.size());
    const auto question = rest.find('?');
    Attributes attributes;
    split(rest.substr(0, question), Place::path, ';', attributes);
    if (question != std::string_view::npos)
        split(rest.substr(question + 1), Place::query, '&', attributes);
    decideWhatCanBeNamed(attributes);
    return attributes;
}

// Values are never quoted: one that swallowed a delimiter may hold the PIN.
[[noreturn]] void fail(const Attribute& attribute, const std::string& reason) {
    const std::string component = attribute.place == Place::path ? "path" : "query";
    const std::string subject =
        attribute.canBeNamed
            ? "\"" + std::string(attribute.name) + "\""
            : "number " + std::to_string(attribute.number) + " of the " + component;
    throw Error("attribute " + subject + " " + reason);
}

std::string namesFor(Place place) {
    std::string names;
    for (const auto& standard : standardAttributes)
        if (standard.place == place || standard.place == Place::eitherForPin)
            names.append(standard.name).append(", ");
    return names;
}

[[noreturn]] void failAsUnknown(const Attribute& attribute) {
    fail(attribute, "is unknown; there are " + namesFor(attribute.place) +
                        "and vendor attributes, which begin with \"x-\"");
}

void checkName(const Attribute& attribute) {
    if (!attribute.hasEquals && attribute.name.empty())
        fail(attribute, "is empty: a delimiter is doubled or at an end");
    if (!attribute.hasEquals)
        fail(attribute, "has no \"=\"");
    if (attribute.name.empty())
        fail(attribute, "has no name");
    if (attribute.standard == nullptr && !attribute.isVendors())
        failAsUnknown(attribute);
}

void checkPlace(const Attribute& attribute) {
    if (attribute.standard == nullptr || attribute.standard->place == Place::eitherForPin ||
        attribute.standard->place == attribute.place)
        return;
    if (attribute.place == Place::path)
        fail(attribute, "belongs in the query, after a \"?\"");
    fail(attribute, "belongs in the path, before the \"?\"");
}

// p11-kit refuses bad encodings by itself, but frees what it has decoded by then without wiping it;
// and it silently drops white space, so that "my key" would be "mykey".
void checkCharacters(const Attribute& attribute) {
    const auto value = attribute.value;
    if (!std::ranges::all_of(value, isValueCharacter))
        fail(attribute, "has a character that must be percent-encoded "
                        "(a space is %20, \";\" is %3B, \"#\" is %23)");
    for (auto at = value.find('%'); at != std::string_view::npos; at = value.find('%', at + 1))
        if (at + 2 >= value.size() || !isHexDigit(value[at + 1]) || !isHexDigit(value[at + 2]))
            fail(attribute, "has a bad percent-encoding: \"%\" takes two hexadecimal digits");
}

template <typename Number>
bool isNumberUpTo(std::string_view text, Number largest) {
    Number number{};
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stop == end && number <= largest;
}

// p11-kit takes "" for 0; 0.24 wraps large numbers around, and 0.25 stops at LONG_MAX.
void checkSlotId(const Attribute& attribute, std::string_view value) {
    constexpr CK_SLOT_ID largest = std::numeric_limits<long>::max();
    if (!isNumberUpTo(value, largest))
        fail(attribute, "is not a decimal number, or is too large");
}

// p11-kit wraps large numbers around here, too, and has 255 for "not given".
void checkVersion(const Attribute& attribute, std::string_view value) {
    constexpr unsigned largest = 254;
    const auto dot = value.find('.');
    const bool minorIsGood =
        dot == std::string_view::npos || isNumberUpTo(value.substr(dot + 1), largest);
    if (!isNumberUpTo(value.substr(0, dot), largest) || !minorIsGood)
        fail(attribute, "must be a number, or two with a dot between, from 0 to 254");
}

std::string allTypes() {
    std::string names;
    for (const auto type : types)
        names.append(names.empty() ? "" : ", ").append(type);
    return names;
}

// p11-kit marks a URI with an unknown type so that it matches nothing.
void checkType(const Attribute& attribute, std::string_view value) {
    if (std::ranges::find(types, value) == types.end())
        fail(attribute, "is none of " + allTypes());
}

void checkValue(const Attribute& attribute) {
    const Decoded decoded(attribute.value);
    const auto value = decoded.bytes();
    const auto& standard = *attribute.standard;
    if (value.size() > standard.longest)
        fail(attribute, "is too long: at most " + std::to_string(standard.longest) + " bytes");
    if (standard.kind != Kind::bytes && value.find('\0') != std::string_view::npos)
        fail(attribute, "has a NUL byte");
    if (standard.kind == Kind::slotId)
        checkSlotId(attribute, value);
    if (standard.kind == Kind::version)
        checkVersion(attribute, value);
    if (standard.kind == Kind::type)
        checkType(attribute, value);
}

// RFC 7512, section 2.3, lets vendor attributes be repeated, though in the query only.
bool mayBeRepeated(const Attribute& attribute) {
    return attribute.standard == nullptr && attribute.place == Place::query;
}

void checkAll(const Attributes& attributes) {
    std::set<std::string_view> seen;
    for (const auto& attribute : attributes) {
        checkName(attribute);
        checkPlace(attribute);
        if (!seen.insert(attribute.name).second && !mayBeRepeated(attribute))
            fail(attribute, "is given twice");
        checkCharacters(attribute);
        if (attribute.standard != nullptr)
            checkValue(attribute);
    }
    if (seen.contains(pinValueName) && seen.contains(pinSourceName))
        throw Error("attributes \"pin-value\" and \"pin-source\" exclude each other");
}

void checkFrame(std::string_view text) {
    if (text.size() > longestUri)
        throw Error("the URI is longer than " + std::to_string(longestUri) + " bytes");
    if (!std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, lower))
        throw Error("the URI does not begin with \"pkcs11:\"");
}

void appendValue(SecretText& text, const Attribute& attribute) {
    // p11-kit does not decode the values of these, so it gets them decoded.
    const auto kind = attribute.standard->kind;
    if (kind == Kind::type || kind == Kind::slotId || kind == Kind::version)
        text.append(Decoded(attribute.value).bytes());
    else
        appendPortable(text, attribute.value);
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
        text.append(attribute.name);
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

UriHandle pinOf(std::string_view text, const Attributes& attributes) {
    SecretText pin(capacityFor(text));
    pin.append(scheme);
    pin.append("?");
    appendAttributes(pin, attributes, Place::eitherForPin, "&");
    return parseWithP11Kit(pin);
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

struct WipeAndFree {
    void operator()(char* text) const {
        wipe(text, std::strlen(text));
        std::free(text);
    }
};

std::string formatted(P11KitUri* uri) {
    char* text = nullptr;
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK)
        throw std::bad_alloc();
    const std::unique_ptr<char, WipeAndFree> owner(text);
    return text;
}

std::optional<std::string> optionalText(const char* text) {
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

} // namespace

/// The PIN attributes are kept apart, so that nothing made from the address can hold them.
class Uri::Parsed {
  public:
    Parsed(UriHandle address, UriHandle pin) : address_(std::move(address)), pin_(std::move(pin)) {}

    // p11-kit's getters take a non-const pointer, but don't write through it.
    P11KitUri* address() const { return address_.get(); }
    P11KitUri* pin() const { return pin_.get(); }

    bool has(CK_ATTRIBUTE_TYPE type) const {
        return p11_kit_uri_get_attribute(address(), type) != nullptr;
    }

  private:
    UriHandle address_;
    UriHandle pin_;
};

Uri Uri::parse(std::string_view text) {
    checkFrame(text);
    const auto attributes = attributesOf(text);
    checkAll(attributes);
    return Uri(
        std::make_shared<const Parsed>(addressOf(text, attributes), pinOf(text, attributes)));
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

bool Uri::constrainsToken() const {
    const auto& info = *p11_kit_uri_get_token_info(parsed_->address());
    return info.label[0] != 0 || info.manufacturerID[0] != 0 || info.model[0] != 0 ||
           info.serialNumber[0] != 0;
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
    const char* const pin = p11_kit_uri_get_pin_value(parsed_->pin());
    return pin == nullptr ? std::nullopt : std::optional<std::string_view>(pin);
}

std::optional<std::string> Uri::pinSource() const {
    return optionalText(p11_kit_uri_get_pin_source(parsed_->pin()));
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
    const auto address = formatted(parsed_->address());
    SecretText text(address.size());
    text.append(address);
    const auto uri = parseWithP11Kit(text);
    if (keeps(Part::pinValue))
        p11_kit_uri_set_pin_value(uri.get(), p11_kit_uri_get_pin_value(parsed_->pin()));
    if (keeps(Part::pinSource))
        p11_kit_uri_set_pin_source(uri.get(), p11_kit_uri_get_pin_source(parsed_->pin()));
    if (!keeps(Part::module)) {
        p11_kit_uri_set_module_name(uri.get(), nullptr);
        p11_kit_uri_set_module_path(uri.get(), nullptr);
    }
    return formatted(uri.get());
}

std::string format(const ObjectAddress& address) {
    const auto uri = newUri();
    if (address.token != nullptr)
        setToken(uri.get(), *address.token);
    if (isFormattable(address.object))
        setAttribute(uri.get(), CKA_LABEL, address.object.data(), address.object.size());
    if (!address.id.empty() && address.id.size() <= longestObject)
        setAttribute(uri.get(), CKA_ID, address.id.data(), address.id.size());
    if (address.type)
        setAttribute(uri.get(), CKA_CLASS, &*address.type, sizeof(*address.type));
    return formatted(uri.get());
}

} // namespace uri
