// SPDX-License-Identifier: Apache-2.0
// The only kind of error in the tools.
#pragma once

#include <stdexcept>
#include <string>

namespace p11::tools {

/// The error, in one line that names the object. Never contains a PIN or a secret.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A key that could not be loaded or does not fit. Other keys and recipients may still work.
class KeyError : public Error {
  public:
    using Error::Error;
};

/// OpenSSL's own reasons, oldest first, in one line and without a PIN. Clears its queue. "" if it
/// has none.
std::string opensslReasons();

/// `what` and, after a colon, OpenSSL's reasons if there are any.
std::string withReasons(const std::string& what);

/// A URI, or a text that quotes one, without pin-value in any spelling ("PIN-VALUE", "pin_value").
/// Other texts stay unchanged.
std::string withoutPin(const std::string& uri);

/// A text for the terminal: without a PIN, and with control characters escaped.
std::string message(const std::string& text);

} // namespace p11::tools
