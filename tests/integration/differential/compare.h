// SPDX-License-Identifier: Apache-2.0
// Random operations, each done with a token's key and with the same key in software.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "keys.h"
#include "random.h"

namespace testing_support::differential {

/// What one call was, and what it answered, in words that can be compared.
struct Answer {
    std::string call;
    std::string answer;
};

/// What the calls of one operation answered.
class Answers {
  public:
    void add(const std::string& call, int result, const std::string& value = {}) {
        all_.push_back({call, std::to_string(result) + (value.empty() ? "" : " " + value)});
    }
    const std::vector<Answer>& all() const { return all_; }

  private:
    std::vector<Answer> all_;
};

/// Does one operation on a side. Both sides get the same choices.
using Run = std::function<void(Side&, Random, Answers&)>;
/// Makes what both sides are given: names, messages, signatures, ciphertexts.
using Plan = std::function<Run(Random&)>;

/// Makes DIFFERENTIAL_COUNT operations from number DIFFERENTIAL_FIRST on with DIFFERENTIAL_SEED
/// ("random": another one each time), and fails where the sides differ, with what repeats it.
void compare(Order order, const Plan& plan);

/// Room for a result of `size` bytes, and more behind it that nobody may touch.
class Room {
  public:
    explicit Room(std::size_t size) : bytes_(size + guard, filling), size_(size) {}
    unsigned char* data() { return bytes_.data(); }
    std::size_t size() const { return size_; }
    /// The first bytes, in a short form; or that there are too many.
    std::string text(std::size_t size) const;
    Bytes bytes(std::size_t size) const;
    bool isKeptTo() const;

  private:
    static constexpr std::size_t guard = 512; // as long as any key
    static constexpr unsigned char filling = 0xa5;
    Bytes bytes_;
    std::size_t size_;
};

/// Size and hash of what is long, else the bytes.
std::string textOf(const Bytes& bytes);

/// The hash of the data, computed in software; empty if OpenSSL does not have the digest.
Bytes hashOf(const std::string& digest, const Bytes& data);

/// The bytes with something wrong: a bit, the length, or all of them.
Bytes spoilt(Bytes bytes, Random& random);

} // namespace testing_support::differential
