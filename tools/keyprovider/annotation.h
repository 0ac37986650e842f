// SPDX-License-Identifier: Apache-2.0
// The annotation of an encrypted layer: the layer's key, wrapped for recipients.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/keyprovider/keyring.h"
#include "tools/keys/json.h"

namespace p11::tools::annotation {

/// The annotations in `text`: JSON, or base64 of JSON as in an image's manifest, which may have
/// several, separated by commas. Throws Error.
std::vector<Json> read(std::string_view text);

/// The contents of an annotation. Its version determines the format. Throws Error.
SecretBytes open(const Json& annotation, Keyring& keys);

/// The contents of the first of `annotations` that a key opens. Throws Error.
SecretBytes openFirst(const std::vector<Json>& annotations, Keyring& keys);

/// What is known without a key: format, version, recipients. Throws Error.
Json describe(const Json& annotation);

} // namespace p11::tools::annotation
