// SPDX-License-Identifier: Apache-2.0
#include "ossl/ecdsa_der.h"

#include <algorithm>

#include <openssl/asn1.h>
#include <openssl/ec.h>

#include "ossl/der_writer.h"
#include "ossl/handles.h"

namespace p11::ossl {
namespace {

constexpr unsigned char sequenceTag = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;

/// A positive INTEGER. It has no leading zeros, except one if the highest bit would be a sign.
class Integer {
  public:
    explicit Integer(pkcs11::ByteView number) {
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

    pkcs11::ByteView digits_;
    bool padded_;
};

using Bytes = std::vector<unsigned char>;

// The zeros that r and s may lack together. One signature in 2^40 lacks more.
constexpr std::size_t mostTrimmed = 4;

Bytes derOf(pkcs11::ByteView raw) {
    Bytes der(raw.size() + 16);
    der.resize(ecdsaToDer(raw, der));
    return der;
}

bool isPositive(const BIGNUM* number, std::size_t size) {
    return BN_is_negative(number) == 0 && static_cast<std::size_t>(BN_num_bytes(number)) <= size;
}

// Empty if it is not DER to its last byte, or has numbers that are impossible for the curve.
Bytes normalized(pkcs11::ByteView der, std::size_t orderSize) {
    const unsigned char* at = der.data();
    const EcdsaSig signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (!signature || !isPositive(ECDSA_SIG_get0_r(signature.get()), orderSize) ||
        !isPositive(ECDSA_SIG_get0_s(signature.get()), orderSize))
        return {};
    unsigned char* written = nullptr;
    const int size = at == der.data() + der.size() ? i2d_ECDSA_SIG(signature.get(), &written) : 0;
    if (size <= 0)
        return {};
    Bytes result(written, written + size);
    OPENSSL_free(written);
    return result;
}

// `raw` with zeros put before r, which has `size` bytes, and before s.
Bytes padded(pkcs11::ByteView raw, std::size_t size, std::size_t orderSize) {
    Bytes result(2 * orderSize);
    const auto r = raw.first(size);
    const auto s = raw.subspan(size);
    std::copy_backward(r.begin(), r.end(), result.begin() + static_cast<long>(orderSize));
    std::copy_backward(s.begin(), s.end(), result.end());
    return result;
}

} // namespace

std::vector<Bytes> ecdsaForms(pkcs11::ByteView raw, std::size_t orderSize) {
    if (raw.size() == 2 * orderSize)
        return {derOf(raw)};
    if (auto der = normalized(raw, orderSize); !der.empty())
        return {std::move(der)};
    std::vector<Bytes> forms;
    if (raw.size() < 2 || raw.size() + mostTrimmed < 2 * orderSize)
        return forms;
    for (std::size_t size = raw.size() - orderSize; size <= orderSize; ++size)
        forms.push_back(derOf(padded(raw, size, orderSize)));
    return forms;
}

std::size_t ecdsaToDer(pkcs11::ByteView raw, pkcs11::MutableBytes out) {
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

} // namespace p11::ossl
