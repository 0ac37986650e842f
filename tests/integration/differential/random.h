// SPDX-License-Identifier: Apache-2.0
// Choices that are the same everywhere for the same seed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

namespace testing_support::differential {

/// The engine's numbers and those of std::seed_seq are laid down by the standard; those of its
/// distributions are not, so there are none. A copy makes the same choices again.
class Random {
  public:
    Random(std::uint64_t seed, std::uint64_t stream, std::uint64_t number) {
        std::seed_seq sequence{seed & low, seed >> 32, stream, number & low, number >> 32};
        engine_.seed(sequence);
    }

    std::uint64_t next() { return engine_(); }
    /// 0 ... bound - 1
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
    bool oneIn(std::size_t count) { return below(count) == 0; }

    template <typename T>
    T of(std::initializer_list<T> list) {
        return list.begin()[below(list.size())];
    }
    template <typename T>
    const T& of(const std::vector<T>& list) {
        return list.at(below(list.size()));
    }

    std::vector<unsigned char> bytes(std::size_t size) {
        std::vector<unsigned char> result(size);
        for (std::size_t i = 0; i < size; ++i) {
            if (i % sizeof word_ == 0)
                word_ = next();
            result[i] = static_cast<unsigned char>(word_ >> (8 * (i % sizeof word_)));
        }
        return result;
    }

    /// A message: often short, often at the edge of a block, up to 70,000 bytes.
    std::size_t messageSize() {
        constexpr std::size_t longest = 70'000;
        switch (below(8)) {
        case 0:
            return below(3);
        case 1:
            return 16 * below(20) + below(3);
        case 2:
            return below(longest + 1);
        default:
            return below(300);
        }
    }

  private:
    static constexpr std::uint64_t low = 0xffffffff;
    std::mt19937_64 engine_;
    std::uint64_t word_ = 0;
};

} // namespace testing_support::differential
