// SPDX-License-Identifier: Apache-2.0
// A PIN that the test module has seen. It is wiped, because tests search memory for PINs.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

namespace test_module {

template <typename T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <typename Other>
    WipingAllocator(const WipingAllocator<Other>&) {}

    T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* memory, std::size_t count) {
        explicit_bzero(memory, count * sizeof(T));
        std::allocator<T>().deallocate(memory, count);
    }
    bool operator==(const WipingAllocator&) const { return true; }
};

/// Not a string, because strings keep short texts inside the object.
using PinCopy = std::vector<unsigned char, WipingAllocator<unsigned char>>;

} // namespace test_module
