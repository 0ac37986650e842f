// SPDX-License-Identifier: Apache-2.0
// Global state because of fork and process exit: a fork count, one short lock, an exit flag.
#pragma once

#include <functional>
#include <memory>

#include "pkcs11/mutex.h"

namespace p11::pkcs11::process {

/// Increases by one in the child of every fork. Sessions, handles and logins of another process
/// are invalid (PKCS#11 2.40, section 6.6.1) and must not be touched.
unsigned long forkCount();

/// Guards the state of modules and tokens. Never held during a C_ call, a callback or an allocation
/// of unlimited size. fork() waits for it, so that a child never finds it locked.
Mutex& stateMutex();

/// True once the process has started to exit. Then no C_ function may be called, because a module's
/// static objects may be gone.
bool exiting();

/// Starts the end of the process: sets exiting() and runs `finalizer` once. Called by atexit or,
/// through the provider, by OPENSSL_cleanup, whichever comes first.
void shutdown();

/// Counts calls into modules. While a fork is under way, enterCall() waits. fork() waits (for a
/// second at most) until no other thread is inside a module, because the child would find the
/// module's own locks locked for ever.
void enterCall();
void leaveCall();
/// How deep this thread is inside modules: 1 in a call, more if a module calls back.
int callDepth();

/// Installs the fork and exit handlers, once for each process. Call it after a module was loaded:
/// exit handlers run in reverse order, and so before that module's static destructors.
/// `childStarter` runs in the child of every fork, with stateMutex() held, and must not lock or
/// allocate.
void installHandlers(void (*finalizer)(), void (*childStarter)());

/// Makes the process end as described for shutdown(), before the exit handlers that are installed
/// so far. Each call installs another handler. Thread-safe.
void exitBeforeOthers();

/// Keeps `object` for the rest of the process. Objects of the parent process may have locks and
/// waiters that do not exist here, so they must not be destroyed. The caller holds stateMutex().
void keepForever(std::shared_ptr<void> object) REQUIRES(stateMutex());

} // namespace p11::pkcs11::process
