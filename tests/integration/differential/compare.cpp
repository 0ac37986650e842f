// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "deliberate.h"

namespace testing_support::differential {
namespace {

struct Settings {
    std::uint64_t seed;
    std::uint64_t first;
    std::uint64_t count;
};

std::uint64_t numberIn(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0')
        return otherwise;
    if (std::string(text) == "random")
        return static_cast<std::uint64_t>(
            std::chrono::system_clock::now().time_since_epoch().count());
    return std::stoull(text);
}

// Twelve tests with OpenSSL 3.0, sixteen with 3.5.
constexpr std::uint64_t operationsOfATest = 250;

Settings settings() {
    return {numberIn("DIFFERENTIAL_SEED", 1), numberIn("DIFFERENTIAL_FIRST", 0),
            numberIn("DIFFERENTIAL_COUNT", operationsOfATest)};
}

std::string described(const Answers& answers, std::size_t until) {
    std::string text;
    for (std::size_t i = 0; i < std::min(until, answers.all().size()); ++i)
        text += "  " + answers.all()[i].call + ": " + answers.all()[i].answer + "\n";
    return text;
}

std::string at(const Answers& answers, std::size_t index) {
    return index < answers.all().size()
               ? answers.all()[index].call + ": " + answers.all()[index].answer
               : "(nothing)";
}

/// Where the sides differ; nothing if they agree.
std::optional<std::size_t> difference(const Answers& software, const Answers& token) {
    const auto count = std::max(software.all().size(), token.all().size());
    for (std::size_t i = 0; i < count; ++i) {
        if (i >= software.all().size() || i >= token.all().size())
            return i;
        const auto& expected = software.all()[i];
        const auto& made = token.all()[i];
        if (expected.call == made.call && expected.answer == made.answer)
            continue;
        const auto* listed = deliberateDifference(expected, made);
        if (listed == nullptr)
            return i;
        if (listed->endsComparison)
            return std::nullopt;
    }
    return std::nullopt;
}

struct Sides {
    SoftwareSide software;
    TokenSide token;
};

bool agree(Sides& sides, const Plan& plan, Random random, const std::string& repeat) {
    const auto run = plan(random);
    Answers software;
    Answers token;
    run(sides.software, random, software);
    ERR_clear_error();
    run(sides.token, random, token);
    const auto errors = takeErrors();
    const auto where = difference(software, token);
    if (!where)
        return true;
    ADD_FAILURE() << repeat << "\n"
                  << described(software, *where) << "  in software " << at(software, *where)
                  << "\n  on the token " << at(token, *where) << "\n"
                  << errors;
    return false;
}

} // namespace

void compare(Order order, const Plan& plan) {
    constexpr int mostFailures = 5;
    const auto [seed, first, count] = settings();
    std::cout << "DIFFERENTIAL_SEED=" << seed << " DIFFERENTIAL_FIRST=" << first
              << " DIFFERENTIAL_COUNT=" << count << std::endl;
    Sides sides{{}, TokenSide(order)};
    int failures = 0;
    for (auto number = first; number < first + count && failures < mostFailures; ++number) {
        const auto repeat = "repeat with DIFFERENTIAL_SEED=" + std::to_string(seed) +
                            " DIFFERENTIAL_FIRST=" + std::to_string(number) +
                            " DIFFERENTIAL_COUNT=1";
        const auto stream = order == Order::providerFirst ? 1U : 0U;
        if (!agree(sides, plan, Random(seed, stream, number), repeat))
            ++failures;
        if (::testing::Test::HasFatalFailure())
            return;
    }
}

std::string textOf(const Bytes& bytes) {
    constexpr std::size_t shortSize = 20;
    const auto& shown = bytes.size() <= shortSize ? bytes : hashOf("SHA1", bytes);
    std::string text = std::to_string(bytes.size()) + " bytes ";
    for (const auto byte : shown) {
        constexpr const char* digits = "0123456789abcdef";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

bool Room::isKeptTo() const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(size_), bytes_.end(),
                       [](unsigned char byte) { return byte == filling; });
}

std::string Room::text(std::size_t size) const {
    return size > size_ ? "more than there is room for" : textOf(bytes(size));
}

Bytes Room::bytes(std::size_t size) const {
    return {bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(size, size_))};
}

Bytes hashOf(const std::string& digest, const Bytes& data) {
    Bytes hash(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    if (EVP_Q_digest(defaultOnly(), digest.c_str(), nullptr, data.data(), data.size(), hash.data(),
                     &size) != 1)
        return {};
    hash.resize(size);
    return hash;
}

Bytes spoilt(Bytes bytes, Random& random) {
    switch (random.below(6)) {
    case 0:
        return {};
    case 1:
        bytes.push_back(static_cast<unsigned char>(random.below(256)));
        break;
    case 2:
        bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), 1 + random.below(3)));
        break;
    case 3:
        if (!bytes.empty())
            bytes.erase(bytes.begin());
        break;
    case 4:
        return random.bytes(bytes.size());
    default:
        if (!bytes.empty())
            bytes.at(random.below(bytes.size())) ^=
                static_cast<unsigned char>(1U << random.below(8));
    }
    return bytes;
}

} // namespace testing_support::differential
