// SPDX-License-Identifier: Apache-2.0
// What a signature is made with: drawn at random, set in contexts, and told of a signature.
#pragma once

#include "compare.h"

namespace testing_support::differential {

std::string anySigningKey(Random& random);
bool isRsa(const std::string& key);
bool isEdwards(const std::string& key);

/// Mostly one that fits; null pointers are written "(none)".
std::string anyDigest(const std::string& key, Random& random);
const char* pointerTo(const std::string& digest);

/// One setting, and its value.
struct Option {
    std::string name; ///< "padding", "salt", "mgf1" or "digest"
    int number = 0;
    std::string text;
    std::string describe() const {
        return name + " " + (text.empty() ? std::to_string(number) : text);
    }
};
using Options = std::vector<Option>;

Option anyOption(const std::string& key, Random& random);
Options anyOptions(const std::string& key, Random& random);
int apply(EVP_PKEY_CTX* context, const Option& option);
/// Sets all; false after the first that is refused.
bool applyAll(EVP_PKEY_CTX* context, const Options& options);
/// Sets one, and tells what was answered.
int apply(EVP_PKEY_CTX* context, const Option& option, Answers& answers);
/// What the context tells of itself.
void read(EVP_PKEY_CTX* context, const std::string& key, Answers& answers);

/// What is known of a signature: the bytes where they are determined, else whether software
/// verifies it and how long its salt is. `digest` and `mgf1` are empty if none is set.
std::string describeSignature(const std::string& key, const Bytes& signature,
                              const std::string& digest, const std::string& mgf1,
                              const Bytes& hash);
/// Whether a description tells of a random signature that is good.
bool isVerified(const std::string& description);
/// Whether the setting leaves OpenSSL's context in a state that makes no sense: RSA without padding
/// and with a digest is refused, and half taken.
bool confuses(const Option& option);

/// A signature of the message in software. Empty if the options are refused.
Bytes signInSoftware(const std::string& key, const std::string& digest, const Options& options,
                     const Bytes& message);

} // namespace testing_support::differential
