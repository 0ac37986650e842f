// SPDX-License-Identifier: Apache-2.0
// Modules that write to a connection whose other end may be gone.
#pragma once

#include <csignal>

namespace p11::pkcs11 {

/// In its scope, this thread gets no SIGPIPE, which ends a program: a write to a closed connection
/// is only an error of write(2). A SIGPIPE that was pending before stays.
class NoBrokenPipe {
  public:
    /// Does nothing unless `isNeeded`.
    explicit NoBrokenPipe(bool isNeeded);
    ~NoBrokenPipe();
    NoBrokenPipe(const NoBrokenPipe&) = delete;
    NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

  private:
    bool isBlocked_ = false;
    sigset_t before_{};
};

} // namespace p11::pkcs11
