// SPDX-License-Identifier: Apache-2.0
// The fuzzer's bytes, read from the front; behind the end everything is zero. So an empty input is
// the plainest of all cases, and every byte more is one deviation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

namespace fuzz {

class Input {
  public:
    Input() = default;
    Input(const unsigned char* data, std::size_t size) : rest_(data, size) {}

    bool empty() const { return rest_.empty(); }

    unsigned char byte() {
        if (rest_.empty())
            return 0;
        const unsigned char first = rest_.front();
        rest_ = rest_.subspan(1);
        return first;
    }

    /// Fewer where the input ends.
    std::span<const unsigned char> bytes(std::size_t size) {
        const auto taken = rest_.first(std::min(size, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }

    /// As many bytes as the next one says.
    std::span<const unsigned char> counted() { return bytes(byte()); }

    unsigned long number() {
        unsigned long value = 0;
        const auto taken = bytes(sizeof value);
        if (!taken.empty())
            std::memcpy(&value, taken.data(), taken.size());
        return value;
    }

    template <typename Choices>
    const auto& choice(const Choices& choices) {
        return choices[byte() % std::size(choices)];
    }

    std::span<const unsigned char> rest() { return bytes(rest_.size()); }

  private:
    std::span<const unsigned char> rest_;
};

/// What must hold for every input; the fuzzer keeps the input that breaks it.
inline void require(bool condition) {
    if (!condition)
        std::abort();
}

} // namespace fuzz
