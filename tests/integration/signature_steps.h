// SPDX-License-Identifier: Apache-2.0
// What signatures of any API have in common when they are taken step by step.
#pragma once

#include <array>

#include "steps.h"

namespace testing_support {

constexpr const char* stepDigest = "SHA256";
/// What one step gives to a signature or verification.
extern const Bytes piece;
Bytes pieces(std::size_t count);

/// A key as one of the sides has it.
struct Side {
    OSSL_LIB_CTX* libctx;
    EVP_PKEY* key;
    std::string label;
    bool onToken;
    const char* properties;
};

/// The same key on the token and in software.
class KeyTwice {
  public:
    explicit KeyTwice(const std::string& label)
        : label_(label), onToken_(loadPrivate(instance_, label)),
          software_(privateKeyFromFile(defaultOnly(), label)) {}

    /// Every sequence that begins with an init, 'i'.
    template <typename Operation, typename... More>
    std::size_t compare(const std::string& alphabet, std::size_t length,
                        const Expectation& expected, More... more) const {
        const Side token{instance_.get(), onToken_.get(), label_, true, "provider=pkcs11"};
        const Side software{defaultOnly(), software_.get(), label_, false, nullptr};
        return compareAll(
            "i", alphabet, length, [&] { return std::make_unique<Operation>(token, more...); },
            [&] { return std::make_unique<Operation>(software, more...); }, expected);
    }

  private:
    Instance instance_;
    std::string label_;
    p11::ossl::Pkey onToken_;
    p11::ossl::Pkey software_;
};

/// Signatures of no piece and of one, made in software.
const std::array<Bytes, 2>& signaturesOf(const std::string& label);

/// Runs `final`, which is given a buffer and its size. Its answer, and how many pieces the
/// signature is of. Step 's' has a buffer that is too small; 'x' fails in the middle: on the token
/// in C_Sign, in software for its buffer.
std::string finalStep(const Side& side, char name,
                      const std::function<int(unsigned char*, std::size_t*)>& final);

} // namespace testing_support
