// SPDX-License-Identifier: Apache-2.0
// pkcs11-keyprovider: what must be refused before anything is done.
#include <cstdlib>

#include <gtest/gtest.h>

#include "tools/keyprovider/annotation.h"
#include "tools/keyprovider/envelope.h"
#include "tools/keys/base64.h"
#include "tools/keys/key_file.h"
#include "tools/keys/key_file_policy.h"
#include "tools/shared/error.h"

namespace {

using namespace p11::tools;

// A module reads its variables once: the second file's would be passed over.
TEST(KeyFiles, ThatSetAVariableToDifferentValuesAreRefused) {
    const auto policy = KeyFilePolicy::parse("allowed-module-environment: [KEYPROVIDER_TEST]", "p");
    ModuleEnvironment environment;
    KeyFile file;
    file.environment = {{"KEYPROVIDER_TEST", "x"}};
    environment.apply(file, policy, "one");
    environment.apply(file, policy, "two");
    file.environment = {{"KEYPROVIDER_TEST", "y"}};
    EXPECT_THROW(environment.apply(file, policy, "three"), KeyError);
    EXPECT_STREQ(std::getenv("KEYPROVIDER_TEST"), "x");
    ::unsetenv("KEYPROVIDER_TEST");
}

// Its tag may be no tag, or a short one.
TEST(ProtectedHeader, NamesNoCipherButOne) {
    const auto said = [](const std::string& encryption) {
        const auto header = base64::encodeUrl(
            bytesOf(Json{{"enc", encryption}, {"version", envelope::version}}.dump()));
        const Json annotation{{"version", envelope::version},
                              {"protected", header},
                              {"recipients", Json::array()},
                              {"iv", base64::encodeUrl(Bytes(12))},
                              {"ciphertext", base64::encodeUrl(Bytes(5))},
                              {"tag", base64::encodeUrl(Bytes(16))}};
        try {
            annotation::describe(annotation);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_NE(said("A256GCM").find("has 0 recipients"), std::string::npos);
    for (const char* other : {"A128GCM", "A256CBC-HS512", ""})
        EXPECT_NE(said(other).find("names another cipher than A256GCM"), std::string::npos)
            << other;
}

} // namespace
