// SPDX-License-Identifier: Apache-2.0
// Objects on a token: finding them, and holding one so that it can be found again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/attributes.h"
#include "pkcs11/connection.h"
#include "pkcs11/recovery.h"
#include "pkcs11/token.h"

namespace pkcs11 {

/// What to look for; a part that is not given fits everything.
struct ObjectQuery {
    std::optional<CK_OBJECT_CLASS> type;
    std::optional<std::string> label;
    std::optional<Bytes> id;
};

/// "private key", "public key", "secret key", "certificate" or "object", for messages.
const char* nameOf(CK_OBJECT_CLASS type);

/// Handles of all objects that fit, each once (C_FindObjectsInit, C_FindObjects,
/// C_FindObjectsFinal). There are modules that pass over parts of what they are asked for: what is
/// read of an object has to be compared by fits(). Throws Error.
std::vector<CK_OBJECT_HANDLE> findObjects(Session& session, const ObjectQuery& query);

/// The same after a login, which shows private objects. Where the connection was lost meanwhile, or
/// nothing is found and nobody is logged in any more, it throws Error (CKR_USER_NOT_LOGGED_IN),
/// which is recovered from. Asks for the login only where nothing is found.
std::vector<CK_OBJECT_HANDLE> findLoggedIn(Session& session, const ObjectQuery& query);

/// True if an object with `attributes` is one that `query` asks for. CKA_CLASS has to be known; a
/// label or an id that the token does not give is taken to be the right one.
bool fits(const ObjectQuery& query, const Attributes& attributes);

/// The same, and what `query` asks for is known to be there.
bool isExactly(const ObjectQuery& query, const Attributes& attributes);

/// findObjects() for callers that read nothing else of the objects: those of which `is` is true
/// (fits() or isExactly()), each read by a call of its own. Throws Error.
using Comparison = bool(const ObjectQuery& query, const Attributes& attributes);
std::vector<CK_OBJECT_HANDLE> findCompared(Session& session, const ObjectQuery& query,
                                           Comparison& is);

/// An object that survives the loss of sessions, of the module and of the process it was loaded in:
/// its handle is looked up again where it may be stale, and the object found is compared with the
/// one before. Thread-safe.
class TokenObject {
  public:
    /// `attributes` are those read when it was found with `handle` on `connection`. Logins are done
    /// with the PINs of `pins`, which outlives this.
    TokenObject(std::shared_ptr<Connection> connection, CK_OBJECT_HANDLE handle,
                Attributes attributes, PinOwner& pins);

    Token& token() const { return token_; }
    PinOwner& pins() const { return pins_; }
    const Attributes& attributes() const { return attributes_; }
    CK_OBJECT_CLASS type() const;
    std::string label() const { return attributes_.text(CKA_LABEL); }
    /// The same with NULs at its end, as a search has to have it.
    std::string rawLabel() const;
    Bytes id() const { return attributes_.bytes(CKA_ID); }
    /// `private key "label" on token "t" (serial ...)`, for messages.
    std::string describe() const;

    /// True if both stand for one object of a token, as far as that is known without asking it.
    bool isSameAs(const TokenObject& other) const;

    /// What else must be true of an object that was found again, beside its attributes. To be set
    /// before the object is shared by threads.
    using Check = std::function<bool(Session& session, CK_OBJECT_HANDLE handle)>;
    void setCheck(Check check) { check_ = std::move(check); }

    /// Runs `operation(session, handle)` in a session of its own. Where the session, the login or
    /// the handle turn out to be lost it runs again with new ones (pkcs11/recovery.h). Throws
    /// Error.
    template <typename Operation>
    auto run(Operation&& operation) {
        return run([](Connection& connection, CK_OBJECT_HANDLE) { return connection.take(); },
                   operation);
    }

    /// The same with a session that `take(connection, handle)` chooses.
    template <typename Take, typename Operation>
    auto run(Take&& take, Operation&& operation) {
        for (Recovery recovery(token_);;) {
            Binding binding;
            try {
                bind(binding);
                const Token::Success success(token_);
                Session session = take(*binding.connection, binding.handle);
                return operation(session, binding.handle);
            } catch (const Error& error) {
                if (!recovery.prepare(error, binding.connection))
                    throw;
                if (error.rv() == CKR_USER_NOT_LOGGED_IN)
                    loggedIn_ = true;
                if (isHandleLoss(error.rv()))
                    forgetHandle(binding);
            }
        }
    }

  private:
    struct Binding {
        std::shared_ptr<Connection> connection;
        CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    };

    void bind(Binding& binding);
    void forgetHandle(const Binding& binding);
    void findAgain(Binding& binding);
    bool isSame(const Attributes& other) const;

    Token& token_;
    Attributes attributes_;
    PinOwner& pins_;
    Check check_;
    /// It was found after a login, and may be invisible without, or it can't be used without.
    std::atomic<bool> loggedIn_;
    Binding binding_; ///< guarded by process::stateMutex()
};

} // namespace pkcs11
