// SPDX-License-Identifier: Apache-2.0
// The common functions of all operations' contexts: new, free, copy, and a call inside the guard.
#pragma once

#include <utility>

#include "ossl/dispatch.h"

namespace p11::ossl {

/// Functions for the dispatch table of an operation whose contexts hold a `T`. A `T` is constructed
/// from the provider's Context, and errors go to its core(). If `T` is a base class, it has a
/// clone() that returns an owner.
template <typename T>
struct ContextFunctions {
    static T& of(void* ctx) { return *static_cast<T*>(ctx); }

    /// `Made` is `T` or derives from it.
    template <typename Made = T, typename... Args>
    static void* create(void* provctx, Args&&... args) {
        auto& provider = ProviderContext::from(provctx);
        return guarded<void*>(provider.core(), nullptr, [&] {
            return static_cast<T*>(new Made(provider, std::forward<Args>(args)...));
        });
    }

    static void* createPlain(void* provctx) { return create(provctx); }

    static void destroy(void* ctx) { delete static_cast<T*>(ctx); }

    static void* duplicate(void* ctx) {
        return passedOn<void*>(of(ctx).core(), nullptr, [&] {
            if constexpr (requires { of(ctx).clone(); })
                return of(ctx).clone().release();
            else
                return new T(of(ctx));
        });
    }

    /// Runs `body`; 1 unless it throws.
    template <typename Body>
    static int attempt(void* ctx, Body&& body) {
        return guarded(of(ctx).core(), 0, [&] {
            body(of(ctx));
            return 1;
        });
    }
};

} // namespace p11::ossl
