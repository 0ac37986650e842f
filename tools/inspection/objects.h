// SPDX-License-Identifier: Apache-2.0
// Objects of a token with the attributes that a user wants to know. No secret is read.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ossl/handles.h"
#include "pkcs11/object.h"

namespace p11::tools::inspection {

struct SeenObject {
    CK_OBJECT_HANDLE handle;
    pkcs11::Attributes attributes; ///< of its class: see objectsOf()

    std::optional<CK_OBJECT_CLASS> type() const { return attributes.number(CKA_CLASS); }
    std::string label() const { return attributes.text(CKA_LABEL); }
    pkcs11::Bytes id() const { return attributes.bytes(CKA_ID); }
};

/// Is told how many objects of how many were read.
using Reading = std::function<void(std::size_t read, std::size_t all)>;

/// All objects that `session` sees, in the token's order. Calls `reading` after each. Throws
/// pkcs11::Error.
std::vector<SeenObject> objectsOf(pkcs11::Session& session, const Reading& reading = {});

/// "private", "public", "cert", "secret-key", "data" as RFC 7512 has them, or "other".
std::string typeInWords(const SeenObject& object);

/// "RSA 2048", "EC P-256", "AES 256" ...; empty if unknown.
std::string algorithmOf(const SeenObject& object);

/// "sign, decrypt": what its attributes permit.
std::string usageOf(const SeenObject& object);

/// "hidden", "extractable", "PIN at each use" ...: what else is true of a key.
std::string protectionOf(const SeenObject& object);

/// "CKM_RSA_PKCS_PSS, ..." from CKA_ALLOWED_MECHANISMS; empty if there is no limit.
std::string mechanismsOf(const SeenObject& object);

/// The bytes in hexadecimal digits.
std::string hex(const pkcs11::Bytes& bytes);

/// The X.509 certificate in it; null if it has none.
ossl::Certificate certificateOf(const SeenObject& object);
/// "CN = localhost"
std::string subjectOf(const X509* certificate);
/// "2036-01-31", when it ends.
std::string expiryOf(const X509* certificate);
bool isExpired(const X509* certificate);

} // namespace p11::tools::inspection
