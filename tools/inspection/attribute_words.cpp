// SPDX-License-Identifier: Apache-2.0
#include "tools/inspection/attribute_words.h"

#include <array>

#include "tools/inspection/objects.h"

namespace p11::tools::inspection {
namespace {

enum class Kind { flag, number, text, bytes, size, date, type, algorithm, mechanisms };

struct Known {
    CK_ATTRIBUTE_TYPE type;
    const char* name;
    const char* words;
    Kind kind;
};

constexpr std::array known{
    Known{CKA_CLASS, "CKA_CLASS", "class", Kind::type},
    Known{CKA_LABEL, "CKA_LABEL", "label", Kind::text},
    Known{CKA_ID, "CKA_ID", "id", Kind::bytes},
    Known{CKA_UNIQUE_ID, "CKA_UNIQUE_ID", "unique id", Kind::text},
    Known{CKA_KEY_TYPE, "CKA_KEY_TYPE", "algorithm", Kind::algorithm},
    Known{CKA_CERTIFICATE_TYPE, "CKA_CERTIFICATE_TYPE", "type of the certificate", Kind::number},
    Known{CKA_TOKEN, "CKA_TOKEN", "stays on the token", Kind::flag},
    Known{CKA_PRIVATE, "CKA_PRIVATE", "hidden without a login", Kind::flag},
    Known{CKA_MODIFIABLE, "CKA_MODIFIABLE", "may be changed", Kind::flag},
    Known{CKA_TRUSTED, "CKA_TRUSTED", "trusted", Kind::flag},
    Known{CKA_SENSITIVE, "CKA_SENSITIVE", "sensitive", Kind::flag},
    Known{CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", "always was sensitive", Kind::flag},
    Known{CKA_EXTRACTABLE, "CKA_EXTRACTABLE", "extractable", Kind::flag},
    Known{CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", "never was extractable", Kind::flag},
    Known{CKA_LOCAL, "CKA_LOCAL", "made on the token", Kind::flag},
    Known{CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE", "asks for the PIN at each use",
          Kind::flag},
    Known{CKA_SIGN, "CKA_SIGN", "may sign", Kind::flag},
    Known{CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", "may sign with recovery", Kind::flag},
    Known{CKA_VERIFY, "CKA_VERIFY", "may verify", Kind::flag},
    Known{CKA_ENCRYPT, "CKA_ENCRYPT", "may encrypt", Kind::flag},
    Known{CKA_DECRYPT, "CKA_DECRYPT", "may decrypt", Kind::flag},
    Known{CKA_WRAP, "CKA_WRAP", "may wrap keys", Kind::flag},
    Known{CKA_UNWRAP, "CKA_UNWRAP", "may unwrap keys", Kind::flag},
    Known{CKA_WRAP_WITH_TRUSTED, "CKA_WRAP_WITH_TRUSTED", "wrapped by trusted keys only",
          Kind::flag},
    Known{CKA_DERIVE, "CKA_DERIVE", "may derive", Kind::flag},
    Known{CKA_ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS", "allowed mechanisms", Kind::mechanisms},
    Known{CKA_START_DATE, "CKA_START_DATE", "valid from", Kind::date},
    Known{CKA_END_DATE, "CKA_END_DATE", "valid until", Kind::date},
    Known{CKA_VALUE_LEN, "CKA_VALUE_LEN", "bytes of the key", Kind::number},
    Known{CKA_PUBLIC_EXPONENT, "CKA_PUBLIC_EXPONENT", "public exponent", Kind::bytes},
    Known{CKA_MODULUS, "CKA_MODULUS", "modulus", Kind::size},
    Known{CKA_EC_PARAMS, "CKA_EC_PARAMS", "curve", Kind::bytes},
    Known{CKA_EC_POINT, "CKA_EC_POINT", "public point", Kind::bytes},
    Known{CKA_PARAMETER_SET, "CKA_PARAMETER_SET", "parameter set", Kind::number},
    Known{CKA_SUBJECT, "CKA_SUBJECT", "subject in DER", Kind::size},
    Known{CKA_ISSUER, "CKA_ISSUER", "issuer in DER", Kind::size},
    Known{CKA_SERIAL_NUMBER, "CKA_SERIAL_NUMBER", "serial number in DER", Kind::bytes},
    Known{CKA_APPLICATION, "CKA_APPLICATION", "application", Kind::text}};

constexpr auto types = [] {
    std::array<CK_ATTRIBUTE_TYPE, known.size()> all{};
    for (std::size_t i = 0; i < known.size(); ++i)
        all[i] = known[i].type;
    return all;
}();

std::string numberText(const pkcs11::Attributes& values, CK_ATTRIBUTE_TYPE type) {
    const auto number = values.number(type);
    return number ? std::to_string(*number) : hex(values.bytes(type));
}

std::string valueOf(const SeenObject& object, const Known& one) {
    const auto& values = object.attributes;
    switch (one.kind) {
    case Kind::flag:
        return values.flag(one.type, false) ? "yes" : "no";
    case Kind::text:
    case Kind::date:
        return values.text(one.type);
    case Kind::bytes:
        return hex(values.bytes(one.type));
    case Kind::size:
        return std::to_string(values.bytes(one.type).size()) + " bytes";
    case Kind::type:
        return typeInWords(object);
    case Kind::algorithm:
        return algorithmOf(object).empty() ? numberText(values, one.type) : algorithmOf(object);
    case Kind::mechanisms:
        return mechanismsOf(object).empty() ? "no limit" : mechanismsOf(object);
    default:
        return numberText(values, one.type);
    }
}

} // namespace

std::vector<AttributeInWords> attributesInWords(pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
    const SeenObject object{handle, pkcs11::readAttributes(session, handle, types)};
    std::vector<AttributeInWords> all;
    for (const auto& one : known)
        if (const auto* value = object.attributes.find(one.type);
            value != nullptr && (!value->empty() || one.kind == Kind::mechanisms))
            all.push_back({one.name, one.words, valueOf(object, one)});
    return all;
}

} // namespace p11::tools::inspection
