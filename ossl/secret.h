// SPDX-License-Identifier: Apache-2.0
// Memory for secrets, which is wiped before it is freed. PINs have memory of their own
// (ossl/pin.h), which also stays out of swap and core dumps.
#pragma once

#include <string>

#include <openssl/crypto.h>

#include "pkcs11/secret.h"

namespace p11::ossl {

using pkcs11::SecretBytes;

/// Texts shorter than the string's own buffer (15 bytes) live in it and are not wiped.
using SecretString = std::basic_string<char, std::char_traits<char>, pkcs11::WipingAllocator<char>>;

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
