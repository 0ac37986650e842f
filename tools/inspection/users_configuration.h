// SPDX-License-Identifier: Apache-2.0
// The user's openssl.cnf, as far as it concerns providers.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace p11::tools::inspection {

/// An entry of the section that `providers` names.
struct ConfiguredProvider {
    std::string name;                                        ///< as OpenSSL calls it
    std::string section;                                     ///< in the file
    std::string module;                                      ///< its file, if the section has one
    std::vector<std::pair<std::string, std::string>> values; ///< of the section, in their order
};

/// The file that OpenSSL reads by default (config(5)).
struct UsersConfiguration {
    std::string path;
    bool isNamed = false; ///< by OPENSSL_CONF
    bool exists = false;  ///< and this user may read it
    std::string problem;  ///< why it cannot be read; empty if it can, or does not exist
    bool hasInit = false; ///< it has openssl_conf, without which OpenSSL ignores its sections
    std::vector<ConfiguredProvider> providers; ///< in the file's order

    /// The entry of this provider, which may have any name; null if the file does not name it.
    const ConfiguredProvider* own() const;
    /// The name by which OpenSSL knows this provider.
    std::string ownName() const;
};

/// Reads it. Errors are in the result.
UsersConfiguration readUsersConfiguration();

} // namespace p11::tools::inspection
