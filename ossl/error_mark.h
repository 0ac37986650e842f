// SPDX-License-Identifier: Apache-2.0
// OpenSSL's error queue, put back to where it was.
#pragma once

#include <openssl/err.h>

namespace ossl {

/// Errors that are raised while this lives are dropped at its end: those of attempts whose failure
/// is no failure, and those that a module's own use of libcrypto leaves behind.
class ErrorMark {
  public:
    ErrorMark() { ERR_set_mark(); }
    ~ErrorMark() { ERR_pop_to_mark(); }
    ErrorMark(const ErrorMark&) = delete;
    ErrorMark& operator=(const ErrorMark&) = delete;
};

} // namespace ossl
