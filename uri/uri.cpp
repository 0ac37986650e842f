#include "uri/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <strings.h>

namespace uri {
namespace {

constexpr std::string_view scheme = "pkcs11:";
constexpr std::size_t longestUri = 64 * 1024;
constexpr std::size_t longestAttribute = 4096;

/// What RFC 7512, section 2.3, says of an attribute, and p11-kit does not check.
struct Rule {
    std::string_view name;
    bool inPath;
    bool inQuery;
    std::size_t longest; ///< bytes, decoded: the size of the PKCS#11 field
    bool isText;         ///< has no NUL
};

constexpr std::array rules{Rule{"token", true, false, 32, true},
                           Rule{"manufacturer", true, false, 32, true},
                           Rule{"serial", true, false, 16, true},
                           Rule{"model", true, false, 16, true},
                           Rule{"library-manufacturer", true, false, 32, true},
                           Rule{"library-description", true, false, 32, true},
                           Rule{"library-version", true, false, 7, true},
                           Rule{"slot-manufacturer", true, false, 32, true},
                           Rule{"slot-description", true, false, 64, true},
                           Rule{"slot-id", true, false, 20, true},
                           Rule{"object", true, false, longestAttribute, true},
                           Rule{"type", true, false, 16, true},
                           Rule{"id", true, false, longestAttribute, false},
                           // In the path, too: users of osslsigncode write it there.
                           Rule{"pin-value", true, true, 255, true},
                           Rule{"pin-source", true, true, longestAttribute, true},
                           Rule{"module-name", false, true, 255, true},
                           Rule{"module-path", false, true, longestAttribute, true}};

constexpr std::array<std::string_view, 5> types{"private", "public", "cert", "secret-key", "data"};

struct UriDeleter {
    void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
};
using UriHandle = std::unique_ptr<P11KitUri, UriDeleter>;

struct FreeDeleter {
    void operator()(char* text) const { std::free(text); }
};

UriHandle newUri() {
    UriHandle uri(p11_kit_uri_new());
    if (!uri)
        throw std::bad_alloc();
    return uri;
}

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
    throw Error("attribute \"" + std::string(name) + "\" " + std::string(why));
}

std::string listOf(const auto& names) {
    std::string result;
    for (const auto& name : names)
        result.append(result.empty() ? "" : ", ").append(name);
    return result;
}

void checkSlotId(std::string_view value) {
    CK_SLOT_ID id = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
    if (error != std::errc{} || end != value.data() + value.size())
        refuse("slot-id", "is not a number that a slot can have");
}

// The message never quotes a value: it may be a PIN, or belong to one that is written wrong.
void checkValue(const Rule& rule, std::string_view value) {
    const auto escapes = static_cast<std::size_t>(std::count(value.begin(), value.end(), '%'));
    const bool complete = value.size() >= 2 * escapes;
    if (!complete || value.size() - 2 * escapes > rule.longest)
        refuse(rule.name, "is too long: at most " + std::to_string(rule.longest) + " bytes");
    if (rule.isText && value.find("%00") != std::string_view::npos)
        refuse(rule.name, "has a NUL byte");
    if (value.find_first_of(" \t\r\n\v\f") != std::string_view::npos)
        refuse(rule.name, "has a blank, which must be written as %20");
    if (rule.name == "type" && std::find(types.begin(), types.end(), value) == types.end())
        refuse("type", "is none of " + listOf(types));
    if (rule.name == "slot-id")
        checkSlotId(value);
}

/// The attributes of one URI, as they come by.
class AttributeChecker {
  public:
    void check(std::string_view attribute, bool inQuery) {
        const auto equals = attribute.find('=');
        if (attribute.empty() || equals == 0)
            throw Error(inQuery ? "an empty attribute in the query" : "an empty attribute in the path");
        const auto name = attribute.substr(0, equals);
        if (equals == std::string_view::npos)
            throw Error("an attribute has no value (\"=\" is missing)");
        if (std::find(seen_.begin(), seen_.end(), name) != seen_.end())
            refuse(name, "is given twice");
        seen_.push_back(name);
        if (name.starts_with("x-")) // vendor attributes may be ignored (RFC 7512, section 2.3)
            return;
        const auto* rule =
            std::find_if(rules.begin(), rules.end(), [name](const Rule& known) { return known.name == name; });
        if (rule == rules.end())
            refuseUnknown(name);
        if (!(inQuery ? rule->inQuery : rule->inPath))
            refuse(name, inQuery ? "belongs into the path, before the \"?\"" : "belongs into the query, after the \"?\"");
        checkValue(*rule, attribute.substr(equals + 1));
    }

    void checkTogether() const {
        const auto has = [this](std::string_view name) {
            return std::find(seen_.begin(), seen_.end(), name) != seen_.end();
        };
        if (has("pin-value") && has("pin-source"))
            throw Error("both pin-value and pin-source are given");
    }

  private:
    // A name with odd characters in it may be a PIN gone astray, and is not repeated.
    [[noreturn]] static void refuseUnknown(std::string_view name) {
        constexpr std::size_t longestName = 32;
        const bool printable = name.size() <= longestName && std::all_of(name.begin(), name.end(), [](char letter) {
                                   return (letter >= 'a' && letter <= 'z') || letter == '-';
                               });
        if (printable)
            refuse(name, "is unknown");
        throw Error("an attribute with an unknown name");
    }

    std::vector<std::string_view> seen_;
};

void checkPart(AttributeChecker& checker, std::string_view part, char separator, bool inQuery) {
    for (;;) {
        const auto end = part.find(separator);
        checker.check(part.substr(0, end), inQuery);
        if (end == std::string_view::npos)
            return;
        part.remove_prefix(end + 1);
    }
}

void checkAttributes(std::string_view rest) {
    AttributeChecker checker;
    const auto question = rest.find('?');
    const auto path = rest.substr(0, question);
    if (!path.empty())
        checkPart(checker, path, ';', false);
    if (question != std::string_view::npos)
        checkPart(checker, rest.substr(question + 1), '&', true);
    checker.checkTogether();
}

void checkText(std::string_view text) {
    if (text.size() > longestUri)
        throw Error("the URI is longer than 64 KiB");
    if (text.find('\0') != std::string_view::npos)
        throw Error("the URI has a NUL byte");
    if (text.size() < scheme.size() || strncasecmp(text.data(), scheme.data(), scheme.size()) != 0)
        throw Error("the URI does not begin with \"pkcs11:\"");
    checkAttributes(text.substr(scheme.size()));
}

template <typename Char, std::size_t N>
bool isSet(const Char (&field)[N]) {
    return field[0] != 0;
}

void setAttribute(P11KitUri* uri, CK_ATTRIBUTE_TYPE type, const void* value, std::size_t size) {
    CK_ATTRIBUTE attribute{type, const_cast<void*>(value), size};
    p11_kit_uri_set_attribute(uri, &attribute);
}

std::string formatted(P11KitUri* uri) {
    char* text = nullptr;
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK)
        throw Error("the URI cannot be formatted");
    const std::unique_ptr<char, FreeDeleter> owner(text);
    return owner.get();
}

/// A string that is wiped when it goes.
class SecretText {
  public:
    SecretText() = default;
    explicit SecretText(std::string_view text) : text_(text) {}
    ~SecretText() { explicit_bzero(text_.data(), text_.size()); }
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

} // namespace

class Uri::Parsed {
  public:
    explicit Parsed(std::string_view text) : uri_(newUri()) {
        const SecretText copy(text); // p11-kit wants an end
        const int result = p11_kit_uri_parse(copy.text().c_str(), P11_KIT_URI_FOR_ANY, uri_.get());
        takePin();
        if (result != P11_KIT_URI_OK)
            throw Error(p11_kit_uri_message(result) != nullptr ? p11_kit_uri_message(result) : "malformed URI");
        // Everything unknown was judged by our own rules; what is left are vendor attributes, to be ignored.
        p11_kit_uri_set_unrecognized(uri_.get(), 0);
    }

    P11KitUri* get() const { return uri_.get(); }
    const std::optional<std::string>& pinSource() const { return pinSource_; }
    std::optional<std::string_view> pinValue() const {
        return pin_ ? std::optional<std::string_view>(pin_->text()) : std::nullopt;
    }

  private:
    // The PIN moves to memory that is wiped, so that p11-kit's copy can't come out anywhere.
    void takePin() {
        if (const char* value = p11_kit_uri_get_pin_value(uri_.get())) {
            pin_ = std::make_unique<SecretText>(value);
            explicit_bzero(const_cast<char*>(value), std::strlen(value));
            p11_kit_uri_set_pin_value(uri_.get(), nullptr);
        }
        if (const char* source = p11_kit_uri_get_pin_source(uri_.get())) {
            pinSource_ = source;
            p11_kit_uri_set_pin_source(uri_.get(), nullptr);
        }
    }

    UriHandle uri_;
    std::unique_ptr<SecretText> pin_;
    std::optional<std::string> pinSource_;
};

Uri Uri::parse(std::string_view text) {
    checkText(text);
    return Uri(std::make_shared<const Parsed>(text));
}

bool Uri::matchesModule(const CK_INFO& info) const {
    return p11_kit_uri_match_module_info(parsed_->get(), &info) == 1;
}

bool Uri::matchesSlot(const CK_SLOT_INFO& info, CK_SLOT_ID id) const {
    return slotId().value_or(id) == id && p11_kit_uri_match_slot_info(parsed_->get(), &info) == 1;
}

bool Uri::matchesToken(const CK_TOKEN_INFO& info) const {
    return p11_kit_uri_match_token_info(parsed_->get(), &info) == 1;
}

bool Uri::constrainsModule() const {
    const auto* info = p11_kit_uri_get_module_info(parsed_->get());
    constexpr CK_BYTE noVersion = 0xFF; // as p11-kit marks a version that is not given
    return isSet(info->manufacturerID) || isSet(info->libraryDescription) || info->libraryVersion.major != noVersion;
}

bool Uri::constrainsSlotInfo() const {
    const auto* info = p11_kit_uri_get_slot_info(parsed_->get());
    return isSet(info->slotDescription) || isSet(info->manufacturerID);
}

bool Uri::constrainsToken() const {
    const auto* info = p11_kit_uri_get_token_info(parsed_->get());
    return isSet(info->label) || isSet(info->manufacturerID) || isSet(info->model) || isSet(info->serialNumber);
}

std::optional<CK_SLOT_ID> Uri::slotId() const {
    const CK_SLOT_ID id = p11_kit_uri_get_slot_id(parsed_->get());
    return id == static_cast<CK_SLOT_ID>(-1) ? std::nullopt : std::optional(id);
}

std::optional<std::string> Uri::object() const {
    const auto* label = p11_kit_uri_get_attribute(parsed_->get(), CKA_LABEL);
    if (label == nullptr)
        return std::nullopt;
    return std::string(static_cast<const char*>(label->pValue), label->ulValueLen);
}

std::optional<std::vector<unsigned char>> Uri::id() const {
    const auto* id = p11_kit_uri_get_attribute(parsed_->get(), CKA_ID);
    if (id == nullptr)
        return std::nullopt;
    const auto* bytes = static_cast<const unsigned char*>(id->pValue);
    return std::vector<unsigned char>(bytes, bytes + id->ulValueLen);
}

std::optional<CK_OBJECT_CLASS> Uri::type() const {
    const auto* type = p11_kit_uri_get_attribute(parsed_->get(), CKA_CLASS);
    CK_OBJECT_CLASS value = 0;
    if (type == nullptr || type->ulValueLen != sizeof value)
        return std::nullopt;
    std::memcpy(&value, type->pValue, sizeof value);
    return value;
}

std::optional<std::string_view> Uri::pinValue() const { return parsed_->pinValue(); }

std::optional<std::string> Uri::pinSource() const { return parsed_->pinSource(); }

std::optional<std::string> Uri::moduleName() const {
    const char* name = p11_kit_uri_get_module_name(parsed_->get());
    return name != nullptr ? std::optional<std::string>(name) : std::nullopt;
}

std::optional<std::string> Uri::modulePath() const {
    const char* path = p11_kit_uri_get_module_path(parsed_->get());
    return path != nullptr ? std::optional<std::string>(path) : std::nullopt;
}

std::string Uri::withoutPin() const { return formatted(parsed_->get()); }

std::string format(const ObjectAddress& address) {
    const auto uri = newUri();
    if (address.token != nullptr) {
        auto* info = p11_kit_uri_get_token_info(uri.get());
        std::memcpy(info->label, address.token->label, sizeof info->label);
        std::memcpy(info->manufacturerID, address.token->manufacturerID, sizeof info->manufacturerID);
        std::memcpy(info->model, address.token->model, sizeof info->model);
        std::memcpy(info->serialNumber, address.token->serialNumber, sizeof info->serialNumber);
    }
    if (!address.id.empty())
        setAttribute(uri.get(), CKA_ID, address.id.data(), address.id.size());
    if (!address.object.empty())
        setAttribute(uri.get(), CKA_LABEL, address.object.data(), address.object.size());
    if (address.type)
        setAttribute(uri.get(), CKA_CLASS, &*address.type, sizeof *address.type);
    return formatted(uri.get());
}

} // namespace uri
