// SPDX-License-Identifier: Apache-2.0
#include "tests/support/ec_point.h"

#include <optional>

namespace test_module {
namespace {

constexpr unsigned char octetString = 0x04;

// The contents of a DER OCTET STRING of less than 256 bytes.
std::optional<Bytes> unwrap(const Bytes& value) {
    if (value.size() < 2 || value[0] != octetString)
        return std::nullopt;
    const bool isLong = value[1] == 0x81 && value.size() > 2;
    const std::size_t header = isLong ? 3 : 2;
    if (value[header - 1] != value.size() - header)
        return std::nullopt;
    return Bytes(value.begin() + static_cast<std::ptrdiff_t>(header), value.end());
}

Bytes wrap(const Bytes& contents) {
    Bytes value;
    // Without it GCC 14 and later warn of a write behind the first byte.
    value.reserve(contents.size() + 3);
    value.push_back(octetString);
    if (contents.size() >= 0x80)
        value.push_back(0x81);
    value.push_back(static_cast<unsigned char>(contents.size()));
    value.insert(value.end(), contents.begin(), contents.end());
    return value;
}

// SEC 1, 2.3.3: 04 X Y becomes 02 X or 03 X, by the lowest bit of Y.
Bytes compressed(Bytes point) {
    if (point.size() < 3 || point.size() % 2 == 0 || point[0] != 0x04)
        return point; // an Edwards point, or compressed before
    point[0] = (point.back() & 1U) != 0 ? 0x03 : 0x02;
    point.resize(1 + point.size() / 2);
    return point;
}

} // namespace

Bytes changePoint(const Bytes& value, bool compress, bool raw) {
    auto point = unwrap(value);
    if (!point)
        return value;
    if (compress)
        point = compressed(*point);
    return raw ? *point : wrap(*point);
}

} // namespace test_module
