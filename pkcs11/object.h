// SPDX-License-Identifier: Apache-2.0
// Objects on a token: how to find them, and how to hold one so that it can be found again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/attributes.h"
#include "pkcs11/audit_log.h"
#include "pkcs11/key_copy.h"
#include "pkcs11/process.h"
#include "pkcs11/recovery.h"
#include "pkcs11/session_pool.h"
#include "pkcs11/token.h"

namespace p11::pkcs11 {

using AttributeValue = std::pair<CK_ATTRIBUTE_TYPE, Bytes>;

/// What to look for. A missing part fits everything.
struct ObjectQuery {
    std::optional<CK_OBJECT_CLASS> type;
    std::optional<std::string> label;
    std::optional<Bytes> id;
    /// More for the token to compare. fits() and isExactly() do not.
    std::vector<AttributeValue> others = {};
};

/// "private key", "public key", "secret key", "certificate" or "object", for messages.
const char* nameOf(CK_OBJECT_CLASS type);

/// Handles of all objects that fit, each once (C_FindObjectsInit, C_FindObjects,
/// C_FindObjectsFinal). If operations use copies of the token's keys, session objects are not
/// among private keys. Some modules ignore parts of the query, so compare the attributes of each
/// object with fits(). Throws Error.
std::vector<CK_OBJECT_HANDLE> findObjects(Session& session, const ObjectQuery& query);

/// The same after a login, which shows private objects. If the session pool was lost meanwhile, or
/// nothing is found and nobody is logged in any more, it throws Error (CKR_USER_NOT_LOGGED_IN),
/// which recovery handles. It asks about the login only if nothing is found.
std::vector<CK_OBJECT_HANDLE> findLoggedIn(Session& session, const ObjectQuery& query);

/// The same query for a label that ends with the NUL of a C string, as some modules store it.
/// `query` must have a label.
ObjectQuery withNul(ObjectQuery query);

/// True if an object with `attributes` is one that `query` asks for. CKA_CLASS must be known. A
/// label or an id that the token does not give counts as equal.
bool fits(const ObjectQuery& query, const Attributes& attributes);

/// The same, but the label and id that `query` asks for must be known.
bool isExactly(const ObjectQuery& query, const Attributes& attributes);

/// findObjects() for callers that read nothing else of the objects. Returns those for which `is` is
/// true (fits() or isExactly()), and reads each with a separate call. If
/// nothing is found, labels that end with a NUL are tried. Throws Error.
using Comparison = bool(const ObjectQuery& query, const Attributes& attributes);
std::vector<CK_OBJECT_HANDLE> findCompared(Session& session, const ObjectQuery& query,
                                           Comparison& is);

/// An object that survives the loss of sessions, of the module, and of the process in which it was
/// loaded. If its handle may be invalid, it is looked up again, and the object that is found is
/// compared with the previous one. Thread-safe.
class TokenObject {
  public:
    /// `attributes` were read when it was found with `handle` on `pool`. Logins use the PINs
    /// of `pins`, which outlives this. `contextPin` gives the PIN for its use. Without it, the
    /// context PIN of `pins` is used.
    TokenObject(std::shared_ptr<SessionPool> pool, CK_OBJECT_HANDLE handle, Attributes attributes,
                PinOwner& pins, PinOwner::Given contextPin = {});

    Token& token() const { return token_; }
    /// C_Login(CKU_CONTEXT_SPECIFIC) in `session`. Throws Error.
    void contextLogin(Session& session) const;
    PinOwner& pins() const { return pins_; }
    const Attributes& attributes() const { return attributes_; }
    CK_OBJECT_CLASS type() const;
    std::string label() const { return attributes_.text(CKA_LABEL); }
    /// The same with NULs at its end, as a search needs it.
    std::string rawLabel() const;
    Bytes id() const { return attributes_.bytes(CKA_ID); }
    /// `private key "label" on token "t" (serial ...)`, for messages.
    std::string describe() const;

    /// True if both stand for the same object of a token, as far as that is known without a call.
    bool isSameAs(const TokenObject& other) const;

    /// What else must be true of an object that was found again. Set it before threads share the
    /// object.
    using Check = std::function<bool(Session& session, CK_OBJECT_HANDLE handle)>;
    void setCheck(Check check) { check_ = std::move(check); }

    /// Its uses are written to `log`, unless that is null, under `uri`, which has no PIN. Set both
    /// before threads share the object.
    void setAudit(std::shared_ptr<AuditLog> log, std::string uri) {
        auditLog_ = std::move(log);
        uri_ = std::move(uri);
    }
    AuditLog* auditLog() const { return auditLog_.get(); }
    const std::string& uri() const { return uri_; }

    /// Runs `operation(session, handle)` in a session of its own. If the session, the login or the
    /// handle is lost, it runs again with new ones (pkcs11/recovery.h). Throws Error.
    template <typename Operation>
    auto run(Operation&& operation) {
        return attempt(false, takeAny, operation);
    }

    /// The same with a session that `take(pool, handle)` chooses.
    template <typename Take, typename Operation>
    auto run(Take&& take, Operation&& operation) {
        return attempt(false, take, operation);
    }

    /// The same for an operation with a key that a copy of the key can do as well
    /// (pkcs11/key_copy.h): from its second use on, `handle` is that of a copy, where this is
    /// faster.
    template <typename Operation>
    auto use(Operation&& operation) {
        return attempt(true, takeAny, operation);
    }

  private:
    struct Binding {
        std::shared_ptr<SessionPool> pool;
        CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
        std::shared_ptr<const KeyCopy> copy = nullptr;
        bool copyIsDue = false; ///< this attempt makes it
    };

    /// Whether the next use makes a copy.
    enum class Copying {
        unused, ///< no, but the one after it
        used,   ///< yes
        decided ///< no: a copy exists, is being made, or cannot be made
    };

    static Session takeAny(SessionPool& pool, CK_OBJECT_HANDLE) { return pool.take(); }

    template <typename Take, typename Operation>
    auto attempt(bool mayCopy, Take& take, Operation& operation) {
        for (Recovery recovery(token_);;) {
            Binding binding;
            try {
                auto found = bind(binding, mayCopy);
                const Token::Success success(token_);
                Session session = found ? std::move(*found) : take(*binding.pool, binding.handle);
                if (binding.copyIsDue)
                    makeCopy(binding);
                return operation(session, binding.copy ? binding.copy->handle() : binding.handle);
            } catch (const Error& error) {
                const auto remedy = recovery.prepare(error, binding.pool);
                if (remedy == Remedy::none)
                    throw;
                apply(remedy, binding);
            }
        }
    }

    /// The session in which the object was found again, for there are modules whose handles are
    /// valid only in the session that found them. Nothing if its handle is known.
    std::optional<Session> bind(Binding& binding, bool mayCopy);
    void apply(Remedy remedy, const Binding& binding);
    void forgetHandle(const Binding& binding);
    void forgetCopy(Remedy remedy, const Binding& binding);
    void makeCopy(Binding& binding);
    bool isCopyDue() REQUIRES(process::stateMutex());
    Copying firstCopying() const;
    Session findAgain(Binding& binding);
    bool isSame(const Attributes& other) const;

    Token& token_;
    Attributes attributes_;
    PinOwner& pins_;
    PinOwner::Given contextPin_;
    Check check_;
    std::shared_ptr<AuditLog> auditLog_;
    std::string uri_;
    /// It was found after a login. Without one it may be invisible or unusable.
    std::atomic<bool> loggedIn_;
    Binding binding_ GUARDED_BY(process::stateMutex());
    Copying copying_ GUARDED_BY(process::stateMutex());
};

} // namespace p11::pkcs11
