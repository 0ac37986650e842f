// SPDX-License-Identifier: Apache-2.0
// Restores OpenSSL's error queue.
#pragma once

#include <openssl/err.h>

namespace p11::ossl {

/// Drops errors that are raised during its lifetime. These are errors of attempts that are allowed
/// to fail, and those that a module's own use of libcrypto leaves behind.
class ErrorMark {
  public:
    ErrorMark() { ERR_set_mark(); }
    ~ErrorMark() { ERR_pop_to_mark(); }
    ErrorMark(const ErrorMark&) = delete;
    ErrorMark& operator=(const ErrorMark&) = delete;
};

} // namespace p11::ossl
