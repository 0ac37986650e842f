// SPDX-License-Identifier: Apache-2.0
// The attributes of RFC 7512 and of this provider, and those in the text of a URI. Used only by
// uri/.
#pragma once

#include <array>
#include <climits>
#include <cstddef>
#include <string_view>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace p11::uri {

inline constexpr std::size_t longestPin = 255;
inline constexpr std::size_t longestObject = 4096;
inline constexpr std::size_t longestPath = PATH_MAX;

inline constexpr std::string_view scheme = "pkcs11:";
inline constexpr std::string_view pinValueName = "pin-value";
inline constexpr std::string_view pinSourceName = "pin-source";
inline constexpr std::string_view typeName = "type";
/// The same in drafts of RFC 7512, and in URIs for libp11.
inline constexpr std::string_view oldTypeName = "object-type";
/// Before the names of the PINs: the PIN for keys that ask for one at each use.
inline constexpr std::string_view contextPinPrefix = "x-context-";
inline constexpr std::string_view contextPinValueName = "x-context-pin-value";
inline constexpr std::string_view contextPinSourceName = "x-context-pin-source";
/// Whether an RSA key is for PSS alone.
inline constexpr std::string_view keyTypeName = "x-key-type";
/// Whether the same key on several tokens is one key.
inline constexpr std::string_view replicasName = "x-replicas";

// The PIN attributes belong in the query, but osslsigncode's users also write them in the path.
enum class Place { path, query, eitherForPin, queryForContextPin, ownQuery };

enum class Kind { text, bytes, type, slotId, version, keyType, replicas };

/// An attribute that RFC 7512 defines, or that is this provider's own.
struct Standard {
    std::string_view name;
    Place place;
    Kind kind;
    std::size_t longest; ///< of the decoded value
};

inline constexpr std::array standardAttributes{
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
    Standard{typeName, Place::path, Kind::type, longestObject},
    Standard{oldTypeName, Place::path, Kind::type, longestObject},
    Standard{"id", Place::path, Kind::bytes, longestObject},
    Standard{pinValueName, Place::eitherForPin, Kind::text, longestPin},
    Standard{pinSourceName, Place::eitherForPin, Kind::text, longestPath},
    Standard{"module-name", Place::query, Kind::text, longestPath},
    Standard{"module-path", Place::query, Kind::text, longestPath},
    Standard{contextPinValueName, Place::queryForContextPin, Kind::text, longestPin},
    Standard{contextPinSourceName, Place::queryForContextPin, Kind::text, longestPath},
    Standard{keyTypeName, Place::ownQuery, Kind::keyType, longestObject},
    Standard{replicasName, Place::ownQuery, Kind::replicas, longestObject},
};

/// One "name=value" of the text.
struct Attribute {
    Place place;        ///< path or query
    std::size_t number; ///< in the path or the query, from 1
    std::string_view name;
    std::string_view value;
    bool hasEquals;
    const Standard* standard; ///< null for all others
    bool canBeNamed = false;  ///< in messages

    /// "x-..."
    bool isVendors() const;
};
using Attributes = std::vector<Attribute>;

/// All of them, in order. `text` begins with the scheme, and must outlive them.
Attributes attributesOf(std::string_view text);

char lower(char c);
bool isHexDigit(char c);
/// The characters that RFC 7512 allows unencoded, and all others that can have one meaning only:
/// blanks, punctuation and the bytes of UTF-8. Not among them are control characters, ";", which
/// ends a value in the path, and "#", which begins a fragment (RFC 3986, section 3.5).
bool isValueCharacter(char c);

} // namespace p11::uri
