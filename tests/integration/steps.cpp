// SPDX-License-Identifier: Apache-2.0
#include "steps.h"

namespace testing_support {
namespace {

Answers take(const Make& make, const std::string& steps) {
    const auto operation = make();
    Answers answers;
    for (const char name : steps)
        answers.push_back(std::string(1, name) + operation->step(name));
    ERR_clear_error();
    return answers;
}

// The next number in the system with the letters for digits; false after the last one.
bool advance(std::string& word, const std::string& alphabet) {
    for (auto& letter : word) {
        const auto next = alphabet.find(letter) + 1;
        letter = alphabet.at(next % alphabet.size());
        if (next < alphabet.size())
            return true;
    }
    return false;
}

bool isOneOf(const std::string& letters, char name) {
    return letters.find(name) != std::string::npos;
}

} // namespace

Answers closedAfterTheEnd(const Kinds& kinds, const std::string& steps, Answers answers) {
    bool closed = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const char name = steps.at(i);
        const auto refused = std::string(1, name) + "0";
        if (isOneOf(kinds.inits, name))
            closed = false;
        if (!isOneOf(kinds.uses, name))
            continue;
        if (closed)
            answers.at(i) = refused;
        closed = closed || isOneOf(kinds.ends, name) || answers.at(i) == refused;
    }
    return answers;
}

std::size_t compareAll(const std::string& first, const std::string& alphabet, std::size_t length,
                       const Make& onToken, const Make& inSoftware, const Expectation& expected) {
    std::string word(length, alphabet.front());
    std::size_t count = 0;
    do {
        const auto steps = first + word;
        EXPECT_EQ(take(onToken, steps), expected(steps, take(inSoftware, steps))) << steps;
        ++count;
    } while (!::testing::Test::HasFailure() && advance(word, alphabet));
    return count;
}

int goOnWithCopy(p11::ossl::PkeyCtx& context) {
    p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    if (!copy)
        return 0;
    context = std::move(copy);
    return 1;
}

} // namespace testing_support
