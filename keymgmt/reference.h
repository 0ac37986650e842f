// SPDX-License-Identifier: Apache-2.0
// The blob by which store and decoder hand a key to keymgmt (OSSL_OBJECT_PARAM_REFERENCE).
#pragma once

#include <cstdint>
#include <memory>

#include "keymgmt/key.h"

namespace p11::keymgmt {

/// Lives in the maker's stack frame during the callback. load() takes the key out. If a key is left
/// when the callback returns, it still belongs to the maker.
struct KeyReference {
    static constexpr std::uint64_t expectedMagic = 0x706b637331316b79;
    std::uint64_t magic = expectedMagic;
    std::shared_ptr<Key> key;

    /// The reference behind a blob, or null if the blob is not one.
    static KeyReference* from(const void* data, std::size_t size) {
        // OpenSSL passes on the address of the blob unchanged.
        auto* reference = static_cast<KeyReference*>(const_cast<void*>(data));
        const bool mine =
            data != nullptr && size == sizeof(KeyReference) && reference->magic == expectedMagic;
        return mine ? reference : nullptr;
    }
};

/// What keymgmt's `void* keydata` points to.
struct KeyData {
    std::shared_ptr<Key> key;
};

inline const std::shared_ptr<Key>& keyOf(void* keydata) {
    return static_cast<KeyData*>(keydata)->key;
}

} // namespace p11::keymgmt
