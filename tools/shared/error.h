// SPDX-License-Identifier: Apache-2.0
// The one kind of failure that the tools know.
#pragma once

#include <stdexcept>
#include <string>

namespace tools {

/// What went wrong, in one line that names the thing. Never holds a PIN or a secret.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A key that could not be had or does not fit; other keys and recipients may still do.
class KeyError : public Error {
  public:
    using Error::Error;
};

/// OpenSSL's own reasons, first one first, in one line and without a PIN; its queue is empty
/// afterwards. "" if it has none.
std::string opensslReasons();

/// `what` and, behind a colon, OpenSSL's reasons where there are some.
std::string withReasons(const std::string& what);

/// A URI as it may be shown, or a text that quotes one: without pin-value, however it is written
/// ("PIN-VALUE", "pin_value"). Other texts stay as they are.
std::string withoutPin(const std::string& uri);

/// A text as it goes to the terminal: without a PIN, and with control characters escaped.
std::string message(const std::string& text);

} // namespace tools
