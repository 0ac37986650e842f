// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/broken_pipe.h"

#include <cerrno>
#include <ctime>

namespace p11::pkcs11 {
namespace {

sigset_t onlyPipe() {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

bool isPending() {
    sigset_t pending{};
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

} // namespace

NoBrokenPipe::NoBrokenPipe(bool isNeeded) {
    if (!isNeeded || isPending())
        return;
    const auto pipe = onlyPipe();
    isBlocked_ = pthread_sigmask(SIG_BLOCK, &pipe, &before_) == 0;
}

// The signal of a write is for the thread that wrote (signal(7)).
NoBrokenPipe::~NoBrokenPipe() {
    if (!isBlocked_)
        return;
    const auto pipe = onlyPipe();
    const timespec now{};
    while (sigtimedwait(&pipe, nullptr, &now) == -1 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace p11::pkcs11
