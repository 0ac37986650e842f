// SPDX-License-Identifier: Apache-2.0
#include "tests/support/names.h"

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "pkcs11/error.h"
#include "tests/support/config_error.h"

namespace test_module {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream{std::string(text)};
    for (std::string part; std::getline(stream, part, separator);) {
        part.erase(0, part.find_first_not_of(' '));
        part.erase(part.find_last_not_of(' ') + 1);
        parts.push_back(part);
    }
    return parts;
}

CK_ULONG parseNumber(const std::string& text) {
    char* end = nullptr;
    const bool hexadecimal = text.starts_with("0x");
    errno = 0;
    const CK_ULONG number = std::strtoul(text.c_str(), &end, hexadecimal ? 16 : 10);
    // strtoul itself would also take signs and spaces.
    const bool begins = !text.empty() && text.front() >= '0' && text.front() <= '9';
    if (!begins || *end != '\0' || errno != 0)
        throw ConfigError("not a number: '" + text + "'");
    return number;
}

CK_RV parseResult(const std::string& text) {
    if (!text.starts_with("CKR_"))
        return parseNumber(text);
    for (CK_RV rv = 0; rv <= CKR_FUNCTION_REJECTED; ++rv)
        if (p11::pkcs11::rvName(rv) == text)
            return rv;
    throw ConfigError("unknown result: '" + text + "'");
}

} // namespace test_module
