// SPDX-License-Identifier: Apache-2.0
// Choices among secret values without a branch. A mask passes through empty assembler code, so that
// the optimiser does not know that it has only two values, and cannot make a branch of it.
#pragma once

#include <cstdint>

namespace p11::pkcs11::constant_time {

/// All bits set for true, none for false.
using Mask = std::uint64_t;

inline Mask opaque(Mask mask) {
    asm volatile("" : "+r"(mask));
    return mask;
}

inline Mask isZero(std::uint64_t value) {
    return opaque(((value | (0 - value)) >> 63) - 1);
}

inline Mask isEqual(std::uint64_t a, std::uint64_t b) {
    return isZero(a ^ b);
}

inline Mask isLess(std::uint64_t a, std::uint64_t b) {
    return opaque(0 - ((a ^ ((a ^ b) | ((a - b) ^ b))) >> 63));
}

inline Mask isNegative(std::int32_t value) {
    return opaque(0 - (static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) >> 63));
}

inline std::uint64_t select(Mask mask, std::uint64_t a, std::uint64_t b) {
    return (a & mask) | (b & ~mask);
}

/// True if a bit of `mask` is set. For branches on what may be known, although it was computed from
/// secrets. The branch is inside this function, so that tests can distinguish its callers from
/// branches on secrets (tests/clients/declassified.supp).
[[gnu::noinline]] inline bool declassify(Mask mask) {
    if (mask == 0)
        return false;
    bool known = true;
    // Otherwise the result would be computed from the mask, and the branch on it would be the
    // caller's.
    asm volatile("" : "+r"(known));
    return known;
}

} // namespace p11::pkcs11::constant_time
