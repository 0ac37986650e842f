// SPDX-License-Identifier: Apache-2.0
// The configuration file that OpenSSL reads by default (config(5)): OPENSSL_CONF, or openssl.cnf
// in OPENSSLDIR.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ossl/core.h"

namespace p11::provider {

/// True for names that OpenSSL itself reads in a provider's section, or answers for every provider
/// (activate, module, openssl-version ...).
bool isOfOpenssl(std::string_view name);

/// The names in the section of this provider instance, without OpenSSL's own (activate, module).
/// Empty if the file cannot be read, or if the application has read another one.
std::vector<std::string> namesInConfigurationFile(const ossl::Core& core);

} // namespace p11::provider
