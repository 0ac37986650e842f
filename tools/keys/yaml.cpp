// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/yaml.h"

#include "tools/shared/error.h"

namespace p11::tools::yaml {

YAML::Node parse(std::string_view text, const std::string& what) {
    try {
        return YAML::Load(std::string(text));
    } catch (const YAML::Exception& error) {
        throw Error(what + " is not YAML: error in line " + std::to_string(error.mark.line + 1));
    }
}

YAML::Node find(const YAML::Node& mapping, const char* name) {
    return mapping.IsDefined() && mapping.IsMap() ? mapping[name]
                                                  : YAML::Node(YAML::NodeType::Undefined);
}

std::vector<std::string> texts(const YAML::Node& list, const std::string& what) {
    std::vector<std::string> all;
    if (!list.IsDefined() || list.IsNull())
        return all;
    if (!list.IsSequence())
        throw Error(what + " is not a list");
    for (const auto& entry : list) {
        if (!entry.IsScalar())
            throw Error(what + " is not a list of texts");
        all.push_back(entry.Scalar());
    }
    return all;
}

} // namespace p11::tools::yaml
