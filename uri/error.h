// What refuses a URI.
#pragma once

#include <stdexcept>

namespace uri {

/// A URI that RFC 7512 or this project's stricter checks refuse. what() names the attribute at
/// fault, or gives its number where its name may be part of a PIN. It quotes no values, so it never
/// holds a PIN.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

} // namespace uri
