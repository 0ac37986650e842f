#include "ossl/ecdsa_der.h"

#include <algorithm>

#include <openssl/asn1.h>

#include "ossl/der_writer.h"

namespace ossl {
namespace {

constexpr unsigned char sequenceTag = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;

/// A positive INTEGER: without leading zeros, but with one where the highest bit would be a sign.
class Integer {
  public:
    explicit Integer(std::span<const unsigned char> number) {
        const auto first = std::find_if(number.begin(), number.end(),
                                        [](unsigned char byte) { return byte != 0; });
        digits_ = number.subspan(static_cast<std::size_t>(first - number.begin()));
        padded_ = digits_.empty() || digits_.front() >= 0x80;
    }

    std::size_t size() const { return DerWriter::headerSize(length()) + length(); }

    void write(DerWriter& out) const {
        out.header(V_ASN1_INTEGER, length());
        if (padded_)
            out.byte(0);
        out.bytes(digits_);
    }

  private:
    std::size_t length() const { return digits_.size() + (padded_ ? 1 : 0); }

    std::span<const unsigned char> digits_;
    bool padded_;
};

} // namespace

std::size_t ecdsaToDer(std::span<const unsigned char> raw, std::span<unsigned char> out) {
    if (raw.empty() || raw.size() % 2 != 0)
        return 0;
    const Integer r(raw.first(raw.size() / 2));
    const Integer s(raw.last(raw.size() / 2));
    const std::size_t content = r.size() + s.size();
    if (DerWriter::headerSize(content) + content > out.size())
        return 0;
    DerWriter der(out);
    der.header(sequenceTag, content);
    r.write(der);
    s.write(der);
    return der.size();
}

} // namespace ossl
