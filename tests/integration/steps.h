// SPDX-License-Identifier: Apache-2.0
// Every sequence of a few steps, taken with a key on the token and with the same key in software.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fixture.h"

namespace testing_support {

/// One operation of one key. A step is a letter; the answer is what OpenSSL returned, and what came
/// out of it in a form that can be compared.
class Steps {
  public:
    virtual ~Steps() = default;
    virtual std::string step(char name) = 0;
};

using Make = std::function<std::unique_ptr<Steps>()>;
using Answers = std::vector<std::string>;
/// What the token's key is to answer, made from what the one in software did.
using Expectation = std::function<Answers(const std::string& steps, Answers software)>;

inline Answers asInSoftware(const std::string&, Answers software) {
    return software;
}

/// Which letters are which steps.
struct Kinds {
    std::string inits;
    std::string uses; ///< what takes data or gives a result
    std::string ends; ///< those after which there is no result any more
};
/// After the end, and after a use that failed, every use is answered 0 until the next init.
Answers closedAfterTheEnd(const Kinds& kinds, const std::string& steps, Answers answers);

/// Takes every sequence of `length` letters of `alphabet` after `first`. Returns how many there
/// were.
std::size_t compareAll(const std::string& first, const std::string& alphabet, std::size_t length,
                       const Make& onToken, const Make& inSoftware,
                       const Expectation& expected = asInSoftware);

/// Copies the context and goes on with the copy. 0 where OpenSSL makes none; the context stays
/// then.
int goOnWithCopy(p11::ossl::PkeyCtx& context);

/// Runs `body` while every call of `function` fails, and ends what it was to end.
template <typename Body>
auto whileFailing(const std::string& function, Body&& body) {
    module().configure("PKCS11_TEST_FAULT_EFFECT", "end");
    fault(function, "1+", CKR_DATA_LEN_RANGE); // nothing is repeated after this one
    const auto result = body();
    noFaults();
    return result;
}

} // namespace testing_support
