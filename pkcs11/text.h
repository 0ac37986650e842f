// SPDX-License-Identifier: Apache-2.0
// PKCS#11's fixed-size text fields.
#pragma once

#include <cstddef>
#include <string>

#include <p11-kit/p11-kit.h>

namespace p11::pkcs11 {

/// A blank-padded field (PKCS#11 2.40, section 3.1) without its padding.
template <typename Char, std::size_t N>
std::string trimmed(const Char (&field)[N]) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(field);
    return {reinterpret_cast<const char*>(bytes), p11_kit_space_strlen(bytes, N)};
}

/// `text` without the NULs at its end.
inline std::string withoutNuls(std::string text) {
    text.resize(text.find_last_not_of('\0') + 1);
    return text;
}

/// Replaces the NULs with which some modules fill a field by blanks.
template <typename Char, std::size_t N>
void padWithBlanks(Char (&field)[N]) {
    for (auto at = N; at > 0 && field[at - 1] == 0; --at)
        field[at - 1] = ' ';
}

} // namespace p11::pkcs11
