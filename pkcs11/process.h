// SPDX-License-Identifier: Apache-2.0
// What fork and process exit force to be global: a generation count, one short lock, an exit flag.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

namespace pkcs11::process {

/// Rises by one in the child of every fork. Sessions, handles and logins made under another
/// generation are void (PKCS#11 2.40, section 6.6.1) and must not be touched.
unsigned long generation();

/// Guards the state of modules and tokens. Never held during a C_ call, a callback or an allocation
/// of unbounded length; fork() waits for it, so that a child never finds it taken.
std::mutex& stateMutex();

/// True once the process has begun to exit: no C_ function may be called any more, since a module's
/// static objects may be gone.
bool exiting();

/// Starts the end of the process: sets exiting() and runs `finalizer` once. Called by atexit and,
/// through the provider, by OPENSSL_cleanup, whichever comes first.
void shutdown();

/// Calls into modules are counted here. While a fork is under way, enterCall() waits, and fork()
/// waits (for a second at most) until no other thread is inside a module: a child would find the
/// module's own locks taken for ever.
void enterCall();
void leaveCall();
/// How deep the present thread is inside modules: 1 in a call, more where a module calls back.
int callDepth();

/// Installs the fork and exit handlers, once a process. Call it after a module was loaded: exit
/// handlers run in reverse order, and so before that module's static destructors. `childStarter`
/// runs in the child of every fork, with stateMutex() held, and must not lock or allocate.
void installHandlers(void (*finalizer)(), void (*childStarter)());

/// Has the process end as shutdown() says before what exit handlers installed up to now do. Each
/// call installs one more handler. Thread-safe.
void exitBeforeOthers();

/// Keeps `object` for the rest of the process: what another generation left behind may hold locks
/// and waiters that do not exist here, and must not be destroyed. The caller holds stateMutex().
void keepForever(std::shared_ptr<void> object);

} // namespace pkcs11::process
