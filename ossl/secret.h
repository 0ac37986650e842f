// SPDX-License-Identifier: Apache-2.0
// Memory for secrets, which is wiped before it is freed. PINs have memory of their own
// (ossl/pin.h), which also stays out of swap and core dumps.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <openssl/crypto.h>

#include "pkcs11/bytes.h"

namespace p11::ossl {

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

/// Wiped also where it grows. It is moved and not copied.
class SecretBytes : public std::vector<unsigned char, WipingAllocator<unsigned char>> {
  public:
    using vector::vector;
    SecretBytes(SecretBytes&&) = default;
    SecretBytes& operator=(SecretBytes&&) = default;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes() = default;

    pkcs11::MutableBytes all() { return *this; }
    pkcs11::ByteView view() const { return *this; }
};

/// Texts shorter than the string's own buffer (15 bytes) live in it and are not wiped.
using SecretString = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

/// Wipes a text of another owner at the end of its scope.
class Wiped {
  public:
    explicit Wiped(std::string& text) : text_(text) {}
    ~Wiped() { OPENSSL_cleanse(text_.data(), text_.size()); }
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

  private:
    std::string& text_;
};

} // namespace p11::ossl
