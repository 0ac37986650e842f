// SPDX-License-Identifier: Apache-2.0
// The open sessions, and who authenticated in them.
#pragma once

#include <optional>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "tests/support/pin_copy.h"

namespace test_module {

/// Takes a place for one more session of the slot; false if there are `most` already. Has to be
/// followed by addSession or giveUpSession.
bool reserveSession(CK_SLOT_ID slot, std::optional<CK_ULONG> most);
void addSession(CK_SLOT_ID slot, CK_SESSION_HANDLE session);
void giveUpSession(CK_SLOT_ID slot);

void removeSession(CK_SESSION_HANDLE session);
void removeSessionsOf(CK_SLOT_ID slot);
void removeAllSessions();

unsigned long openSessions();
/// The slot of an open session.
std::optional<CK_SLOT_ID> slotOf(CK_SESSION_HANDLE session);
/// The slots with open sessions.
std::vector<CK_SLOT_ID> slotsInUse();

/// The PIN of the user, who is logged in at the session's slot.
void rememberPin(CK_SESSION_HANDLE session, PinCopy pin);
void forgetPin(CK_SESSION_HANDLE session);
std::optional<PinCopy> pinOf(CK_SESSION_HANDLE session);
/// A wrong PIN was entered since the last login, as CKF_USER_PIN_COUNT_LOW tells it.
void noteWrongPin(bool wasEntered);
bool wrongPinWasEntered();

/// For keys with CKA_ALWAYS_AUTHENTICATE: where an operation of a session stands.
enum class Authentication { noOperation, needed, done };
void setAuthentication(CK_SESSION_HANDLE session, Authentication state);
Authentication authenticationOf(CK_SESSION_HANDLE session);

/// The mechanism that the session signs with, or has signed with.
void setMechanism(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type);
CK_MECHANISM_TYPE mechanismOf(CK_SESSION_HANDLE session);

/// Handlers of fork().
void lockSessions();
void unlockSessions();

} // namespace test_module
