// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/protocol.h"

#include <algorithm>
#include <array>

#include "tools/keys/base64.h"
#include "tools/keys/json.h"
#include "tools/shared/error.h"

namespace p11::tools::protocol {
namespace {

constexpr const char* what = "the request";

// Parameters of ocicrypt's own protocols.
constexpr std::array<std::string_view, 12> foreign{"gpg-recipients",  "gpg-pubkeyringfile",
                                                   "gpg-privatekeys", "gpg-privatekeys-passwords",
                                                   "pubkeys",         "x509s",
                                                   "privkeys",        "privkeys-passwords",
                                                   "pkcs11-pubkeys",  "pkcs11-yamls",
                                                   "pkcs11-config",   "pkcs11-config-yamls"};

const Json* valuesFor(const Json& parameters, const std::string& name) {
    if (!name.empty())
        return json::find(parameters, name.c_str());
    const Json* found = nullptr;
    for (const auto& [key, value] : parameters.items()) {
        if (std::find(foreign.begin(), foreign.end(), std::string_view(key)) != foreign.end())
            continue;
        if (found != nullptr)
            throw Error("the request is for several key providers; select this one with --name");
        found = &value;
    }
    return found != nullptr && found->is_null() ? nullptr : found;
}

std::vector<SecretString> keysIn(const Json& config, const std::string& name) {
    std::vector<SecretString> keys;
    const auto* parameters = json::find(config, "Parameters");
    if (parameters == nullptr)
        return keys;
    if (!parameters->is_object())
        throw Error("the request: \"Parameters\" is not an object");
    const auto* values = valuesFor(*parameters, name);
    if (values == nullptr)
        return keys;
    if (!values->is_array())
        throw Error("the request: the parameters of the key provider are not a list");
    for (const auto& value : *values) {
        const auto decoded =
            value.is_string() ? base64::decode(value.get_ref<const SecretString&>()) : std::nullopt;
        if (!decoded)
            throw Error("the request: a parameter of the key provider is not base64");
        // ocicrypt sends this if nothing follows the name.
        if (const auto key = textOf(*decoded); !key.empty() && key != "Enabled")
            keys.emplace_back(key);
    }
    return keys;
}

Request parseParams(const Json& params, Request::Operation operation, const std::string& name) {
    const bool wraps = operation == Request::Operation::wrap;
    const auto* config = json::find(params, wraps ? "ec" : "dc");
    return {operation, config != nullptr ? keysIn(*config, name) : std::vector<SecretString>(),
            json::base64(params, wraps ? "optsdata" : "annotation", what)};
}

Json nothing(const char* name) {
    return {{name, nullptr}};
}

} // namespace

Request parse(std::string_view text, const std::string& name) {
    const auto request = json::parse(text, what);
    const auto operation = json::text(request, "op", what);
    if (operation == "keywrap")
        return parseParams(json::member(request, "keywrapparams", what), Request::Operation::wrap,
                           name);
    if (operation == "keyunwrap")
        return parseParams(json::member(request, "keyunwrapparams", what),
                           Request::Operation::unwrap, name);
    throw Error("the request: \"op\" is neither keywrap nor keyunwrap");
}

SecretString wrapAnswer(ByteView annotation) {
    const Json answer{{"keywrapresults", {{"annotation", base64::encode(annotation)}}},
                      {"keyunwrapresults", nothing("optsdata")}};
    return answer.dump();
}

SecretString unwrapAnswer(ByteView contents) {
    const Json answer{{"keywrapresults", nothing("annotation")},
                      {"keyunwrapresults", {{"optsdata", base64::encode(contents)}}}};
    return answer.dump();
}

} // namespace p11::tools::protocol
