// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/annotation.h"

#include "tools/keyprovider/envelope.h"
#include "tools/keyprovider/ocicrypt_annotation.h"
#include "tools/keys/base64.h"
#include "tools/shared/error.h"
#include "uri/blanks.h"

namespace p11::tools::annotation {
namespace {

template <typename Ours, typename Ocicrypts>
auto byVersion(const Json& annotation, Ours ours, Ocicrypts ocicrypts) {
    const auto version = json::number(annotation, "version", "the annotation");
    if (version == envelope::version)
        return ours();
    if (version == ocicrypt::version)
        return ocicrypts();
    throw Error("the annotation has version " + std::to_string(version) +
                "; versions 0 (ocicrypt's) and 1 are supported");
}

} // namespace

std::vector<Json> read(std::string_view text) {
    text = uri::withoutBlanksAround(text);
    if (text.empty())
        throw Error("the annotation is empty");
    std::vector<Json> all;
    if (text.starts_with('{')) {
        all.push_back(json::parse(text, "the annotation"));
        return all;
    }
    while (!text.empty()) {
        const auto end = text.find(',');
        const auto decoded = base64::decode(uri::withoutBlanksAround(text.substr(0, end)));
        if (!decoded)
            throw Error("the annotation is neither JSON nor base64");
        all.push_back(json::parse(textOf(*decoded), "the annotation"));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return all;
}

SecretBytes open(const Json& annotation, Keyring& keys) {
    return byVersion(
        annotation, [&] { return envelope::open(annotation, keys); },
        [&] { return ocicrypt::open(annotation, keys); });
}

SecretBytes openFirst(const std::vector<Json>& annotations, Keyring& keys) {
    std::string failures;
    for (const auto& annotation : annotations) {
        try {
            return open(annotation, keys);
        } catch (const Error& error) {
            failures += (failures.empty() ? "" : "; ") + std::string(error.what());
        }
    }
    throw Error(failures);
}

Json describe(const Json& annotation) {
    return byVersion(
        annotation, [&] { return envelope::describe(annotation); },
        [&] { return ocicrypt::describe(annotation); });
}

} // namespace p11::tools::annotation
