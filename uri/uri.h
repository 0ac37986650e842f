// SPDX-License-Identifier: Apache-2.0
// RFC 7512 "pkcs11:" URIs: parse, check, match, format. p11-kit's parser does the parsing.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "uri/error.h"

namespace p11::uri {

/// What identifies an object, to be formatted as a complete URI that can be pasted back.
struct ObjectAddress {
    const CK_TOKEN_INFO* token = nullptr; ///< model, manufacturer, serial, label; may be null
    std::optional<CK_OBJECT_CLASS> type;  ///< CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE ...
    std::string object;                   ///< CKA_LABEL, left out when empty
    std::vector<unsigned char> id;        ///< CKA_ID, left out when empty
};

/// The parts that can be left out of a URI. The PINs include those for keys that ask at each use.
/// `module` is module-name and module-path.
enum class Part { pinValue, pinSource, module };

/// An immutable, parsed URI. Copies share the parsed data. Several threads may read it. Except
/// parse(), functions throw only std::bad_alloc.
class Uri {
  public:
    /// Parses `text` (RFC 7512, section 2.3), and keeps no reference to it. Beyond the RFC, it also
    /// accepts pin-value and pin-source in the path, object-type for type, unencoded characters
    /// that can have one meaning only (uri/attributes.h), the scheme in upper case, and blanks and
    /// line ends around the URI. Vendor attributes must begin with "x-". All but those of
    /// contextPinValue(), contextPinSource(), keyType() and replicas() are ignored. Throws Error.
    static Uri parse(std::string_view text);

    /// True if every given attribute fits. Fields may be padded with blanks (PKCS#11 2.40, section
    /// 3.1), or end with a NUL byte as in some modules.
    bool matchesModule(const CK_INFO& info) const;
    bool matchesSlot(const CK_SLOT_INFO& info, CK_SLOT_ID id) const;
    bool matchesToken(const CK_TOKEN_INFO& info) const;

    /// True if any library-* attribute is given, so that a match needs CK_INFO.
    bool constrainsModule() const;
    /// True if slot-description or slot-manufacturer is given, so that a match needs CK_SLOT_INFO.
    bool constrainsSlotInfo() const;
    /// True if the serial number or the slot is given, so that one token fits.
    bool namesOneToken() const;
    /// `slot-id`, if given.
    std::optional<CK_SLOT_ID> slotId() const;

    /// `object` (CKA_LABEL), `id` (CKA_ID) and `type` (CKA_CLASS), decoded, if given.
    std::optional<std::string> object() const;
    std::optional<std::vector<unsigned char>> id() const;
    std::optional<CK_OBJECT_CLASS> type() const;

    /// `pin-value` (from the query, or from the path as osslsigncode's users write it), decoded.
    /// The view lives as long as a copy of this Uri does; its memory is wiped with the last copy. A
    /// present but empty pin-value is an empty view.
    std::optional<std::string_view> pinValue() const;
    std::optional<std::string> pinSource() const;
    /// `x-context-pin-value` and `x-context-pin-source`, the same for keys that ask for a PIN at
    /// each use (CKA_ALWAYS_AUTHENTICATE).
    std::optional<std::string_view> contextPinValue() const;
    std::optional<std::string> contextPinSource() const;
    /// `x-key-type`: "RSA" or "RSA-PSS", which an RSA key is to be.
    std::optional<std::string> keyType() const;
    /// `x-replicas`: "off", "failover" or "balance" in place of the setting pkcs11-replicas.
    std::optional<std::string> replicas() const;
    std::optional<std::string> moduleName() const;
    std::optional<std::string> modulePath() const;

    /// The URI again, normalised, without any PIN attribute: safe for messages and logs.
    std::string withoutPin() const;
    /// The same with x-replicas, and with those parts of `object` that the URI does not give. Not
    /// with its token: what the result names on one token it also names on others.
    std::string withObject(const ObjectAddress& object) const;
    /// The URI again, normalised, without `parts` and without others' attributes. It holds the PIN
    /// unless Part::pinValue is among `parts`: then the caller wipes it.
    std::string without(std::initializer_list<Part> parts) const;

  private:
    class Parsed;
    explicit Uri(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
    std::shared_ptr<const Parsed> parsed_;
};

/// Formats `address` (RFC 7512, section 2.3); every byte that is not unreserved is percent-encoded
/// where the RFC asks. Uri::parse() takes the result: what it would refuse (an object with a NUL
/// byte, an object or id of more than 4096 bytes, a type without a name in the RFC) is left out.
/// Throws std::bad_alloc.
std::string format(const ObjectAddress& address);

} // namespace p11::uri
