// SPDX-License-Identifier: Apache-2.0
#include "cipher/wrap.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "pkcs11/cryptoki.h"
#include "pkcs11/operation.h"
#include "pkcs11/wrapping.h"

namespace p11::cipher {
namespace {

constexpr std::size_t semiblock = 8; // bytes (RFC 3394, section 2)
using Semiblock = std::array<unsigned char, semiblock>;

// CKM_AES_KEY_WRAP_PAD of PKCS#11 2.40 is RFC 5649 with some tokens only (PKCS#11 3.0, section
// 2.14).
constexpr std::array plain{CK_MECHANISM_TYPE{CKM_AES_KEY_WRAP}};
constexpr std::array padded{CK_MECHANISM_TYPE{CKM_AES_KEY_WRAP_KWP},
                            CK_MECHANISM_TYPE{CKM_AES_KEY_WRAP_PAD}};

std::size_t wrappedSize(std::size_t size) {
    return (size + semiblock - 1) / semiblock * semiblock + semiblock;
}

[[noreturn]] void wrongLength(const char* rule) {
    throw ossl::UsageError(ossl::Reason::data, rule);
}

// Of the way to do it, and of the key.
struct Use {
    CK_FLAGS flag;
    CK_ATTRIBUTE_TYPE attribute;
    bool asKey;
};

std::array<Use, 2> uses(bool encrypts) {
    if (encrypts)
        return {Use{CKF_ENCRYPT, CKA_ENCRYPT, false}, Use{CKF_WRAP, CKA_WRAP, true}};
    return {Use{CKF_DECRYPT, CKA_DECRYPT, false}, Use{CKF_UNWRAP, CKA_UNWRAP, true}};
}

} // namespace

Wrap::Wrap(const Setup& setup)
    : key_(setup.key), encrypts_(setup.encrypts), iv_(setup.iv.begin(), setup.iv.end()) {}

// If the key may use none of the token's ways, the token refuses one, and the error says why.
Wrap::Way Wrap::way() const {
    const auto& object = key_->object();
    std::optional<Way> refused;
    for (const auto mechanism : padding_ ? std::span<const CK_MECHANISM_TYPE>(padded) : plain)
        for (const auto& use : uses(encrypts_))
            if (pkcs11::takes(object, mechanism, use.flag)) {
                const Way found{mechanism, use.asKey};
                if (object.attributes().flag(use.attribute, true))
                    return found;
                refused = found;
            }
    if (refused)
        return *refused;
    throw ossl::UsageError(
        ossl::Reason::unsupported,
        std::string("no ") +
            (padding_ ? "CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD" : "CKM_AES_KEY_WRAP") +
            " for the " + object.describe());
}

std::size_t Wrap::apply(const Way& way, ByteView in, MutableBytes out) const {
    auto iv = iv_;
    const CK_MECHANISM mechanism{way.mechanism, iv.empty() ? nullptr : iv.data(), iv.size()};
    if (!way.asKey)
        return onToken(*key_, encrypts_, mechanism, in, out);
    return encrypts_ ? pkcs11::wrap(key_->object(), mechanism, in, out)
                     : pkcs11::unwrap(key_->object(), mechanism, in, out);
}

// Other tokens have PKCS#7's padding, which makes whole semiblocks longer. SoftHSM 2.6 writes the
// size of the padded data, so whoever unwraps it gets zeros at the end. What is unwrapped needs no
// such test, because the initial values of the standards differ.
void Wrap::requireRfc5649(const Way& chosen, ByteView in, ByteView wrapped) const {
    if (chosen.mechanism != CKM_AES_KEY_WRAP_PAD || in.size() % semiblock == 0)
        return;
    constexpr Semiblock probe{};
    std::array<unsigned char, 4 * semiblock> wrappedProbe{};
    Wrap back(*this);
    back.encrypts_ = false;
    ossl::SecretBytes unwrapped(wrapped.size());
    if (apply(chosen, probe, wrappedProbe) != wrappedSize(semiblock) ||
        back.apply(back.way(), wrapped, unwrapped.all()) != in.size() ||
        !std::equal(in.begin(), in.end(), unwrapped.begin()))
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "CKM_AES_KEY_WRAP_PAD of this token is not RFC 5649; it wraps only "
                               "keys with a multiple of 8 bytes");
}

std::size_t Wrap::update(ByteView in, MutableBytes out) {
    if (!encrypts_ && (in.size() < 2 * semiblock || in.size() % semiblock != 0))
        wrongLength("a wrapped key has a multiple of 8 bytes, at least 16");
    if (!padding_ && in.size() % semiblock != 0)
        wrongLength("without padding, a key to be wrapped has a multiple of 8 bytes");
    if (out.data() == nullptr)
        return encrypts_ ? wrappedSize(in.size()) : in.size() - semiblock;
    if (!padding_ && in.size() < (encrypts_ ? 2 : 3) * semiblock)
        wrongLength("without padding, a key to be wrapped has at least 16 bytes");
    return encrypts_ ? wrap(in, out) : unwrap(in, out);
}

std::size_t Wrap::wrap(ByteView in, MutableBytes out) {
    const auto chosen = way();
    ossl::SecretBytes made(wrappedSize(in.size()) + semiblock);
    const auto size = apply(chosen, in, made.all());
    if (size != wrappedSize(in.size()))
        throw pkcs11::Error(pkcs11::Failure::call,
                            "the token returned a wrapped key of " + std::to_string(size) +
                                " bytes instead of " + std::to_string(wrappedSize(in.size())),
                            CKR_GENERAL_ERROR);
    requireRfc5649(chosen, in, made.view().first(size));
    return give(made.view().first(size), out);
}

std::size_t Wrap::unwrap(ByteView in, MutableBytes out) {
    // With room for the whole input, because some modules require it.
    ossl::SecretBytes made(in.size());
    const auto size = apply(way(), in, made.all());
    // With padding, the last semiblock has 1 to 8 bytes of the key (RFC 5649, section 3), and the
    // token alone can read how many.
    const auto longest = in.size() - semiblock;
    if (size > longest || size + (padding_ ? semiblock - 1 : 0) < longest)
        throw pkcs11::Error(pkcs11::Failure::call, "the token returned a key of the wrong size",
                            CKR_GENERAL_ERROR);
    return give(made.view().first(size), out);
}

} // namespace p11::cipher
