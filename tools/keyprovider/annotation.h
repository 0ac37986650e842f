// SPDX-License-Identifier: Apache-2.0
// What is written beside an encrypted layer: the layer's key, wrapped for recipients.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/keyprovider/keyring.h"
#include "tools/keys/json.h"

namespace tools::annotation {

/// More are refused: each may cost an operation on the token.
inline constexpr std::size_t mostRecipients = 64;

/// The annotations in `text`: JSON, or base64 of JSON as it is in an image's manifest, where there
/// may be several with commas between. Throws Error.
std::vector<Json> read(std::string_view text);

/// The contents of an annotation of either format, which its version tells. Throws Error.
SecretBytes open(const Json& annotation, Keyring& keys);

/// The contents of the first of `annotations` that can be opened. Throws Error.
SecretBytes openFirst(const std::vector<Json>& annotations, Keyring& keys);

/// What may be told without a key: format, version, recipients. Throws Error.
Json describe(const Json& annotation);

} // namespace tools::annotation
