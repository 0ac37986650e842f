// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/key_file.h"

#include <cstdlib>

#include "tools/keys/key_file_policy.h"
#include "tools/keys/yaml.h"
#include "tools/shared/error.h"
#include "tools/shared/token_uri.h"

namespace p11::tools {

KeyFile KeyFile::parse(std::string_view text, const std::string& what) {
    const auto root = yaml::parse(text, what);
    const auto uri = yaml::find(yaml::find(root, "pkcs11"), "uri");
    if (!uri.IsDefined() || !uri.IsScalar())
        throw Error(what + " is neither a key nor a certificate nor YAML with pkcs11: uri:");
    KeyFile file;
    file.uri = uri.Scalar();
    if (!isKeyUri(file.uri))
        throw Error(what + ": uri is not a pkcs11: URI");
    const auto environment = yaml::find(yaml::find(root, "module"), "env");
    if (!environment.IsDefined() || environment.IsNull())
        return file;
    if (!environment.IsMap())
        throw Error(what + ": module: env: is not a list of variables");
    for (const auto& entry : environment) {
        if (!entry.first.IsScalar() || !entry.second.IsScalar())
            throw Error(what + ": module: env: has values that are not texts");
        file.environment[entry.first.Scalar()] = entry.second.Scalar();
    }
    return file;
}

void ModuleEnvironment::apply(const KeyFile& file, const KeyFilePolicy& policy,
                              const std::string& what) {
    for (const auto& variable : file.environment) {
        const auto& name = variable.first;
        const auto refuse = [&what](const std::string& why) {
            throw KeyError(std::string(what).append(": ").append(why));
        };
        if (!policy.permitsVariable(name))
            refuse(name + " is not a variable that a key file may set (" + policy.origin() + ")");
        const auto [entry, isNew] = applied_.try_emplace(name, variable.second);
        if (!isNew && entry->second != variable.second)
            refuse("another key file sets " + name + " to something else");
        if (::setenv(name.c_str(), variable.second.c_str(), 1) != 0)
            refuse("\"" + name + "\" is not the name of a variable");
    }
}

} // namespace p11::tools
