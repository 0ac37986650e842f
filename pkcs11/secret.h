// SPDX-License-Identifier: Apache-2.0
// Memory for secret bytes, which is wiped before it is freed.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "pkcs11/bytes.h"

namespace p11::pkcs11 {

template <typename T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <typename U>
    WipingAllocator(const WipingAllocator<U>&) noexcept {}

    T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        explicit_bzero(memory, count * sizeof(T));
        std::allocator<T>().deallocate(memory, count);
    }
    bool operator==(const WipingAllocator&) const = default;
};

/// Wiped also where it grows. It is moved and not copied.
class SecretBytes : public std::vector<unsigned char, WipingAllocator<unsigned char>> {
  public:
    using vector::vector;
    SecretBytes(SecretBytes&&) = default;
    SecretBytes& operator=(SecretBytes&&) = default;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes() = default;

    MutableBytes all() { return *this; }
    ByteView view() const { return *this; }
};

} // namespace p11::pkcs11
