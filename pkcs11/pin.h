// SPDX-License-Identifier: Apache-2.0
// PINs as this layer sees them: bytes with an owner that wipes them.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

namespace pkcs11 {

class PinOwner;

/// A PIN. The owner of the bytes, made by the caller, keeps them in the memory it thinks fit and
/// wipes them with the last copy.
struct Pin {
    std::shared_ptr<const char> bytes;
    std::size_t size = 0;

    bool operator==(const Pin& other) const {
        return size == other.size &&
               (size == 0 || std::memcmp(bytes.get(), other.bytes.get(), size) == 0);
    }
};

/// Where a PIN comes from, and whose it is. `given` are PINs that the caller holds already (URI,
/// file, configuration, environment), `asked` disturbs somebody (callback, prompt) and is tried
/// only if the token has no PIN pad of its own. Either may be empty or answer nothing.
struct PinSource {
    PinOwner& owner;
    std::function<std::optional<Pin>()> given;
    std::function<std::optional<Pin>()> asked;
};

} // namespace pkcs11
