// SPDX-License-Identifier: Apache-2.0
// p11-kit's URIs, with texts that are wiped, because any of them may contain a PIN. Used only by
// uri/.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

namespace p11::uri {

inline void wipe(void* bytes, std::size_t size) {
    if (bytes != nullptr)
        explicit_bzero(bytes, size);
}

/// Sets a query attribute that p11-kit does not know, for formatted(). Null removes it. Throws
/// std::bad_alloc.
void setVendors(P11KitUri* uri, std::string_view name, const char* value);

// p11_kit_uri_free does not wipe. The values of attributes are wiped too, because Decoded puts PINs
// there.
struct UriDeleter {
    void operator()(P11KitUri* uri) const;
};
using UriHandle = std::unique_ptr<P11KitUri, UriDeleter>;

/// Text that may contain a PIN. It never grows beyond its initial capacity, because a reallocation
/// would leave an unwiped copy behind.
class SecretText {
  public:
    explicit SecretText(std::size_t capacity) { text_.reserve(capacity); }
    ~SecretText() { wipe(text_.data(), text_.size()); }
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;

    void append(std::string_view more) {
        if (more.size() > text_.capacity() - text_.size())
            throw std::length_error("the buffer for a URI is too small");
        text_.append(more);
    }
    const char* c_str() const { return text_.c_str(); }

  private:
    std::string text_;
};

// The length of an attribute's value if every character is percent-encoded.
constexpr std::size_t encodedSize(std::size_t size) {
    return 3 * size;
}

/// Percent-encodes the delimiters, so that the value can be in the path as well as in the query,
/// and blanks, which p11-kit drops.
void appendPortable(SecretText& text, std::string_view value);

/// Throws std::bad_alloc.
UriHandle newUri();

/// Throws Error, and std::bad_alloc.
UriHandle parseWithP11Kit(const SecretText& text);

/// The value of an attribute, valid as long as `uri`; empty if there is none.
std::string_view attributeOf(P11KitUri* uri, CK_ATTRIBUTE_TYPE type);

/// Throws std::bad_alloc.
std::string formatted(P11KitUri* uri);

/// A percent-encoded value, decoded by p11-kit. It must have passed uri/check.
class Decoded {
  public:
    explicit Decoded(std::string_view value) : uri_(parse(value)) {}
    std::string_view bytes() const { return attributeOf(uri_.get(), CKA_LABEL); }

  private:
    static UriHandle parse(std::string_view value);

    UriHandle uri_;
};

} // namespace p11::uri
