// SPDX-License-Identifier: Apache-2.0
// Typed entries for OpenSSL's dispatch tables, and the one guard around every function behind them.
#pragma once

#include <cerrno>
#include <new>
#include <type_traits>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "ossl/error_mark.h"
#include "ossl/provider_context.h"

namespace p11::ossl {

/// A dispatch entry that compiles only if `function` has the type that belongs to the id:
/// `entry<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE, freeKey)`.
template <typename Function>
OSSL_DISPATCH entry(int id, std::type_identity_t<Function>* function) {
    return {id, reinterpret_cast<void (*)(void)>(function)};
}

inline OSSL_DISPATCH endOfTable() {
    return {0, nullptr};
}

/// The properties that all algorithms of the provider have are added by provider/definitions.h.
inline OSSL_ALGORITHM algorithm(const char* names, const OSSL_DISPATCH* functions,
                                const char* description) {
    return {names, "", functions, description};
}

inline OSSL_ALGORITHM endOfAlgorithms() {
    return {nullptr, nullptr, nullptr, nullptr};
}

/// Runs `body`. An exception becomes an OpenSSL error and the result `failure`; none gets through.
/// Errors that others raise meanwhile stay: this is for calls that are passed on to another
/// provider.
template <typename Result, typename Body>
Result passedOn(const Core& core, Result failure, Body&& body) noexcept {
    try {
        return body();
    } catch (const pkcs11::Error& error) {
        core.raise(reasonOf(error), error.what());
    } catch (const UsageError& error) {
        core.raise(error.reason(), error.what());
    } catch (const std::bad_alloc&) {
        core.raise(Reason::internal, "out of memory");
    } catch (const std::exception& error) {
        core.raise(Reason::internal, error.what());
    } catch (...) {
        core.raise(Reason::internal, "unknown exception");
    }
    return failure;
}

/// Restores errno, which some programs read after a function of OpenSSL failed.
class ErrnoKept {
  public:
    ErrnoKept() = default;
    ~ErrnoKept() { errno = before_; }
    ErrnoKept(const ErrnoKept&) = delete;
    ErrnoKept& operator=(const ErrnoKept&) = delete;

  private:
    int before_ = errno;
};

/// The same for this provider's own work: errors of others are dropped, and errno stays.
template <typename Result, typename Body>
Result guarded(const Core& core, Result failure, Body&& body) noexcept {
    const ErrnoKept errnoKept;
    return passedOn(core, failure, [&] {
        const ErrorMark mark;
        return body();
    });
}

} // namespace p11::ossl
