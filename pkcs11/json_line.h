// SPDX-License-Identifier: Apache-2.0
// JSON objects in one line each (RFC 8259), for logs. Texts are as printable() shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pkcs11/printable.h"

namespace p11::pkcs11 {

/// An object whose members are added one after the other. Names are plain ASCII.
class JsonLine {
  public:
    JsonLine& text(std::string_view name, std::string_view value) {
        return member(name, quoted(printable(value)));
    }
    JsonLine& number(std::string_view name, std::uintmax_t value) {
        return member(name, std::to_string(value));
    }
    JsonLine& yes(std::string_view name) { return member(name, "true"); }
    JsonLine& object(std::string_view name, const JsonLine& value) {
        return member(name, value.str());
    }
    /// `thousandths` as a decimal fraction: 1234 is 1.234.
    JsonLine& decimal(std::string_view name, std::uintmax_t thousandths) {
        constexpr std::uintmax_t whole = 1000;
        const auto digits = std::to_string(whole + thousandths % whole).substr(1);
        return member(name, std::to_string(thousandths / whole) + "." + digits);
    }

    /// Without a line end.
    std::string str() const { return "{" + members_ + "}"; }

  private:
    // printable() leaves only these two characters that need an escape.
    static std::string quoted(const std::string& text) {
        std::string result = "\"";
        for (const char letter : text) {
            if (letter == '"' || letter == '\\')
                result += '\\';
            result += letter;
        }
        return result + '"';
    }
    JsonLine& member(std::string_view name, const std::string& value) {
        if (!members_.empty())
            members_ += ',';
        members_.append("\"").append(name).append("\":").append(value);
        return *this;
    }

    std::string members_;
};

} // namespace p11::pkcs11
