// SPDX-License-Identifier: Apache-2.0
// New keys on the scenario token, their public halves in software, and their end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agreement.h"

namespace testing_support {

using Settings = std::vector<std::pair<const char*, std::string>>;

/// What new keys sign.
extern const Bytes newKeysData;

/// "pkcs11:token=scenarios;object=LABEL...?pin-value=1234"
std::string place(const std::string& label, const std::string& more = "");
p11::ossl::Params paramsOf(const Settings& settings);

/// Null on failure.
p11::ossl::Pkey generate(const Instance& instance, const char* type, const Settings& settings);
/// Of P-256.
p11::ossl::Pkey generateEc(const Instance& instance, const std::string& label,
                           const std::string& more = "");
/// Brings a pair to the token; null on failure.
p11::ossl::Pkey store(const Instance& instance, EVP_PKEY* software, const std::string& uri,
                      Settings settings = {});
/// As OSSL_STORE_delete of OpenSSL 3.2 does it.
int destroy(const Instance& instance, const std::string& uri, bool all = false);

/// The same public key, as OpenSSL alone has it.
p11::ossl::Pkey softwarePublicKey(EVP_PKEY* key);
/// A signature of newKeysData by the key of that label, whose public half the module itself tells.
bool verifies(const std::string& label, const Bytes& signature, const char* digest,
              const std::string& id = {});
/// Objects of every kind with that label; asked of the module itself.
std::size_t countOf(const std::string& label);
bool contains(const std::string& text, const std::string& part);

/// Takes what was made away again.
class NewKeys : public ::testing::Test {
  protected:
    void TearDown() override;
};

} // namespace testing_support
