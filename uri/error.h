// SPDX-License-Identifier: Apache-2.0
// What refuses a URI.
#pragma once

#include <stdexcept>

namespace p11::uri {

/// The error for a URI that RFC 7512 or this project's stricter checks refuse. what() names the
/// attribute, or gives its number if its name may be part of a PIN. It quotes no values, so it
/// never contains a PIN.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace p11::uri
