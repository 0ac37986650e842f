// SPDX-License-Identifier: Apache-2.0
// One forwarding function for each function of PKCS#11, made from the member of the function list.
#pragma once

#include <optional>

#include "tests/support/conduct.h"
#include "tests/support/config.h"
#include "tests/support/counters.h"
#include "tests/support/module.h"

namespace test_module {

/// Counts and delays a call. Returns its answer if it is not to be passed on. `handle` is the
/// call's slot or session.
std::optional<CK_RV> beforeCall(FunctionId id, CK_ULONG handle);
void afterCall(FunctionId id, CK_RV rv);

/// During its scope no fault closes sessions (PKCS11_TEST_FAULT_EFFECT=close).
class UseOfSessions {
  public:
    UseOfSessions();
    ~UseOfSessions();
    UseOfSessions(const UseOfSessions&) = delete;
    UseOfSessions& operator=(const UseOfSessions&) = delete;

  private:
    unsigned generation_;
};

/// In the child of fork(), where no other thread is inside.
void startUsesOfChild();

inline CK_ULONG handleOf() {
    return 0;
}

template <typename First, typename... Rest>
CK_ULONG handleOf(First first, Rest...) {
    if constexpr (std::is_same_v<First, CK_ULONG>)
        return first;
    else
        return 0;
}

template <typename Argument>
bool isHiddenMechanism(Argument argument) {
    if constexpr (std::is_same_v<Argument, CK_MECHANISM*>)
        return argument != nullptr && contains(config().hiddenMechanisms, argument->mechanism);
    else
        return false;
}

template <auto Member>
struct Forward;

template <typename List, typename... Arguments, CK_RV (*List::*Member)(Arguments...)>
struct Forward<Member> {
    static CK_RV call(Arguments... arguments) {
        constexpr FunctionId id = idOf<Member>();
        const Inside inside;
        const Conduct conduct(id, handleOf(arguments...));
        auto answer = beforeCall(id, handleOf(arguments...));
        if (const auto refusal = conduct.refusal())
            answer = refusal;
        const CK_RV rv = answer ? *answer : pass(arguments...);
        afterCall(id, rv);
        return rv;
    }

  private:
    static CK_RV pass(Arguments... arguments) {
        const auto function = inner().*Member;
        if (function == nullptr)
            return CKR_FUNCTION_NOT_SUPPORTED;
        if ((isHiddenMechanism(arguments) || ...))
            return CKR_MECHANISM_INVALID;
        const UseOfSessions use;
        return function(arguments...);
    }
};

} // namespace test_module
