// SPDX-License-Identifier: Apache-2.0
// PINs in this layer: bytes with an owner that wipes them.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

namespace p11::pkcs11 {

class PinOwner;

/// A PIN. The caller makes the owner of the bytes, which keeps them in suitable memory and wipes
/// them with the last copy.
struct Pin {
    std::shared_ptr<const char> bytes;
    std::size_t size = 0;

    bool operator==(const Pin& other) const {
        return size == other.size &&
               (size == 0 || std::memcmp(bytes.get(), other.bytes.get(), size) == 0);
    }
};

/// Where a PIN comes from, and who owns it. `given` returns PINs that the caller already has (URI,
/// file, configuration, environment). `asked` asks somebody (callback, prompt), and is tried only
/// if the token has no PIN pad. Either may be empty or return nothing.
struct PinSource {
    PinOwner& owner;
    std::function<std::optional<Pin>()> given;
    std::function<std::optional<Pin>()> asked;
};

} // namespace p11::pkcs11
