// SPDX-License-Identifier: Apache-2.0
// Memory for secrets, which is wiped before it is freed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/crypto.h>

namespace tools {

template <typename T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <typename U>
    WipingAllocator(const WipingAllocator<U>&) noexcept {}

    T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        OPENSSL_cleanse(memory, count * sizeof(T));
        std::allocator<T>().deallocate(memory, count);
    }
    bool operator==(const WipingAllocator&) const = default;
};

using Bytes = std::vector<unsigned char>;
using View = std::span<const unsigned char>;
using SecretBytes = std::vector<unsigned char, WipingAllocator<unsigned char>>;
/// Texts shorter than the string's own buffer (15 bytes) live in it and are not wiped.
using SecretString = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

inline View bytesOf(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

inline std::string_view textOf(View bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace tools
