// SPDX-License-Identifier: Apache-2.0
// ocicrypt's key-provider protocol: one JSON request on standard input, one JSON answer on standard
// output.
//
//     {"op": "keywrap",   "keywrapparams":   {"ec": {"Parameters": {NAME: [base64...]}},
//     "optsdata": base64}}
//     {"op": "keyunwrap", "keyunwrapparams": {"dc": {"Parameters": {NAME: [base64...]}},
//     "annotation": base64}}
//
// NAME is the program's name in the file of OCICRYPT_KEYPROVIDER_CONFIG; the values are what stands
// behind "provider:NAME:" on the command line of skopeo and others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/shared/bytes.h"

namespace p11::tools::protocol {

struct Request {
    enum class Operation { wrap, unwrap };

    Operation operation;
    std::vector<SecretString> keys; ///< the values for this program; may be empty
    SecretBytes data;               ///< to wrap, or the annotation
};

/// `name` is this program's. With "", it is the one that is not among ocicrypt's own parameters.
/// Throws Error.
Request parse(std::string_view json, const std::string& name);

SecretString wrapAnswer(ByteView annotation);
SecretString unwrapAnswer(ByteView contents);

} // namespace p11::tools::protocol
