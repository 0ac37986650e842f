// SPDX-License-Identifier: Apache-2.0
// Memory that is wiped when it is freed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <openssl/crypto.h>

namespace ossl {

class SecretBytes {
  public:
    explicit SecretBytes(std::size_t size) : bytes_(size) {}
    ~SecretBytes() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
    SecretBytes(SecretBytes&&) = default;
    SecretBytes& operator=(SecretBytes&&) = delete;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    unsigned char* data() { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }
    std::span<unsigned char> all() { return bytes_; }
    std::span<const unsigned char> view() const { return bytes_; }

  private:
    std::vector<unsigned char> bytes_;
};

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

} // namespace ossl
