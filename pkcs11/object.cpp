// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/object.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <unordered_set>
#include <utility>

#include "pkcs11/login.h"
#include "pkcs11/process.h"
#include "pkcs11/text.h"

namespace p11::pkcs11 {
namespace {

constexpr std::size_t findBatch = 64;
// A limit for modules that never stop finding objects.
constexpr std::size_t findLimit = 1'000'000;
// A copy is made faster than a search is, unless the thread that makes it does not run, or the
// module does not answer. The pauses double, so all of them are less than a second.
constexpr int mostRepeats = 13;
constexpr std::chrono::microseconds firstPause(100);

// A key is the same if all these attributes are. They are public values.
constexpr std::array identity{CKA_CLASS,           CKA_KEY_TYPE,        CKA_ID,        CKA_LABEL,
                              CKA_MODULUS,         CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT,
                              CKA_PUBLIC_KEY_INFO, CKA_UNIQUE_ID};

class Search {
  public:
    Search(Session& session, std::vector<CK_ATTRIBUTE>& filter)
        : session_(session), active_(begin(session, filter)) {}
    ~Search() {
        if (session_.call<&List::C_FindObjectsFinal>() == CKR_OK)
            active_.end();
    }
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    // Only an empty answer is the end, not one with fewer than asked for (PKCS#11 2.40,
    // C_FindObjects).
    std::vector<CK_OBJECT_HANDLE> all() {
        std::vector<CK_OBJECT_HANDLE> found;
        std::unordered_set<CK_OBJECT_HANDLE> known; // some modules give an object twice
        for (std::size_t seen = 0;;) {
            const auto batch = next();
            if (batch.empty())
                return found;
            for (const CK_OBJECT_HANDLE handle : batch)
                if (known.insert(handle).second)
                    found.push_back(handle);
            // The list is not cut short, because nobody could tell what it lacks.
            seen += batch.size();
            if (seen >= findLimit)
                throw Error(Failure::call,
                            "C_FindObjects does not end for " + session_.sessionPool().describe(),
                            CKR_GENERAL_ERROR);
        }
    }

  private:
    static Session& begin(Session& session, std::vector<CK_ATTRIBUTE>& filter) {
        session.require<&List::C_FindObjectsInit>(filter.data(), CK_ULONG{filter.size()});
        return session;
    }
    std::span<const CK_OBJECT_HANDLE> next() {
        CK_ULONG count = 0;
        session_.require<&List::C_FindObjects>(batch_.data(), CK_ULONG{batch_.size()}, &count);
        return std::span(batch_).first(std::min<std::size_t>(count, batch_.size()));
    }

    Session& session_;
    ActiveOperation active_;
    std::array<CK_OBJECT_HANDLE, findBatch> batch_{};
};

} // namespace

const char* nameOf(CK_OBJECT_CLASS type) {
    switch (type) {
    case CKO_PRIVATE_KEY:
        return "private key";
    case CKO_PUBLIC_KEY:
        return "public key";
    case CKO_CERTIFICATE:
        return "certificate";
    case CKO_SECRET_KEY:
        return "secret key";
    default:
        return "object";
    }
}

std::vector<CK_OBJECT_HANDLE> findObjects(Session& session, const ObjectQuery& query) {
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS type = query.type.value_or(0);
    std::string label = query.label.value_or("");
    Bytes id = query.id.value_or(Bytes{});
    std::vector<CK_ATTRIBUTE> filter;
    if (query.type)
        filter.push_back({CKA_CLASS, &type, sizeof type});
    if (query.label)
        filter.push_back({CKA_LABEL, label.data(), label.size()});
    if (query.id)
        filter.push_back({CKA_ID, id.data(), id.size()});
    const bool mayFindCopies = query.type.value_or(CKO_PRIVATE_KEY) == CKO_PRIVATE_KEY;
    if (mayFindCopies && session.sessionPool().token().mayHaveCopies())
        filter.push_back({CKA_TOKEN, &yes, sizeof yes});
    auto others = query.others;
    for (auto& [other, value] : others)
        filter.push_back({other, value.data(), value.size()});
    const CopyGate::Search scope(session.sessionPool().copyGate());
    for (int repeats = 0;; ++repeats) {
        const bool mayBeWrong = scope.isDisturbed() && repeats < mostRepeats;
        auto found = Search(session, filter).all();
        if (!mayBeWrong)
            return found;
        std::this_thread::sleep_for(firstPause * (1 << repeats));
    }
}

std::vector<CK_OBJECT_HANDLE> findLoggedIn(Session& session, const ObjectQuery& query) {
    auto handles = findObjects(session, query);
    // Our logout marks the session pool before it calls C_Logout. Somebody else may have logged in
    // again by now, on another session pool.
    auto& pool = session.sessionPool();
    const bool isLost = !pool.valid() || (handles.empty() && !session.isLoggedIn());
    if (pool.loginRequired() && isLost)
        throw Error(Failure::call, "the login to " + pool.describe() + " ended during a search",
                    CKR_USER_NOT_LOGGED_IN);
    return handles;
}

ObjectQuery withNul(ObjectQuery query) {
    query.label->push_back('\0');
    return query;
}

bool fits(const ObjectQuery& query, const Attributes& attributes) {
    const bool otherLabel = query.label && attributes.has(CKA_LABEL) &&
                            attributes.text(CKA_LABEL) != withoutNuls(*query.label);
    const bool otherId =
        query.id && attributes.has(CKA_ID) && attributes.bytes(CKA_ID) != *query.id;
    return (!query.type || attributes.number(CKA_CLASS) == query.type) && !otherLabel && !otherId;
}

bool isExactly(const ObjectQuery& query, const Attributes& attributes) {
    return fits(query, attributes) && (!query.label || attributes.has(CKA_LABEL)) &&
           (!query.id || attributes.has(CKA_ID));
}

std::vector<CK_OBJECT_HANDLE> findCompared(Session& session, const ObjectQuery& query,
                                           Comparison& is) {
    constexpr std::array wanted{CKA_CLASS, CKA_LABEL, CKA_ID};
    const auto find = [&](const ObjectQuery& asked) {
        auto handles = findObjects(session, asked);
        std::erase_if(handles, [&](CK_OBJECT_HANDLE handle) {
            return !is(asked, readAttributes(session, handle, wanted));
        });
        return handles;
    };
    const auto handles = find(query);
    return handles.empty() && query.label ? find(withNul(query)) : handles;
}

TokenObject::TokenObject(std::shared_ptr<SessionPool> pool, CK_OBJECT_HANDLE handle,
                         Attributes attributes, PinOwner& pins, PinOwner::Given contextPin)
    : token_(pool->token()), attributes_(std::move(attributes)), pins_(pins),
      contextPin_(std::move(contextPin)),
      loggedIn_(pool->loggedIn()), binding_{std::move(pool), handle}, copying_(firstCopying()) {}

CK_OBJECT_CLASS TokenObject::type() const {
    return attributes_.number(CKA_CLASS).value_or(CKO_DATA);
}

void TokenObject::contextLogin(Session& session) const {
    auto pin = contextPin_ ? contextPin_() : std::nullopt;
    if (!pin)
        pin = pins_.contextPin();
    logInForUse(session, pins_, std::move(pin));
}

std::string TokenObject::rawLabel() const {
    const auto bytes = attributes_.bytes(CKA_LABEL);
    return {bytes.begin(), bytes.end()};
}

std::string TokenObject::describe() const {
    return std::string(nameOf(type())) + " \"" + label() + "\" on " + token_.describe();
}

// Nearly all modules have handles that are valid in all sessions of the pool.
bool TokenObject::isSameAs(const TokenObject& other) const {
    const MutexLock lock(process::stateMutex());
    return this == &other ||
           (binding_.handle != CK_INVALID_HANDLE && binding_.handle == other.binding_.handle &&
            binding_.pool == other.binding_.pool);
}

// A copy does not ask for the PIN that the key asks for, so the token must say that it does not.
TokenObject::Copying TokenObject::firstCopying() const {
    const bool mayBeCopied =
        type() == CKO_PRIVATE_KEY && !attributes_.flag(CKA_ALWAYS_AUTHENTICATE, true);
    return mayBeCopied ? Copying::unused : Copying::decided;
}

// For one thread only.
bool TokenObject::isCopyDue() {
    if (copying_ == Copying::decided)
        return false;
    const bool isDue = copying_ == Copying::used;
    copying_ = isDue ? Copying::decided : Copying::used;
    return isDue && token_.copiesKeys();
}

// If this fails, `binding` has the session pool that was used, if there was one.
std::optional<Session> TokenObject::bind(Binding& binding, bool mayCopy) {
    Binding old; // its copy is destroyed when the mutex is no longer held
    {
        const MutexLock lock(process::stateMutex());
        if (binding_.handle != CK_INVALID_HANDLE && binding_.pool->valid()) {
            if (binding_.copy && !binding_.copy->isCurrent()) {
                old.copy.swap(binding_.copy);
                copying_ = firstCopying();
            }
            binding = binding_;
            if (mayCopy)
                binding.copyIsDue = isCopyDue();
            else
                binding.copy.reset();
            return std::nullopt;
        }
    }
    Session session = findAgain(binding);
    const MutexLock lock(process::stateMutex());
    if (binding_.pool->isFromParentProcess())
        process::keepForever(binding_.pool);
    old = std::exchange(binding_, binding);
    copying_ = firstCopying();
    return session;
}

void TokenObject::makeCopy(Binding& binding) {
    const auto made = copyKey(*binding.pool, binding.handle, describe());
    binding.copy = made.copy;
    const MutexLock lock(process::stateMutex());
    // Meanwhile the key may have been lost and found again, and have a copy of another thread.
    if (binding_.pool != binding.pool || binding_.handle != binding.handle || binding_.copy)
        return;
    binding_.copy = made.copy;
    if (made.isBusy)
        copying_ = Copying::used;
}

Session TokenObject::findAgain(Binding& binding) {
    trace::step("look up again: " + describe());
    binding.pool = token_.sessionPool();
    Session session = binding.pool->take();
    const bool needsLogin = loggedIn_;
    if (needsLogin)
        logInAsUser(session, {pins_, {}, {}});
    const ObjectQuery query{type(),
                            attributes_.has(CKA_LABEL) ? std::optional(rawLabel()) : std::nullopt,
                            attributes_.has(CKA_ID) ? std::optional(id()) : std::nullopt};
    auto handles = needsLogin ? findLoggedIn(session, query) : findObjects(session, query);
    // The login may have ended before the search, and another thread may have logged in after it.
    if (handles.empty() && needsLogin)
        handles = findObjects(session, query);
    for (const CK_OBJECT_HANDLE handle : handles)
        if (isSame(readAttributes(session, handle, identity)) &&
            (!check_ || check_(session, handle))) {
            binding.handle = handle;
            return session;
        }
    if (!handles.empty())
        throw Error(Failure::key, "another key has replaced the " + describe(),
                    CKR_KEY_HANDLE_INVALID);
    throw Error(Failure::notFound, "the " + describe() + " no longer exists",
                CKR_KEY_HANDLE_INVALID);
}

bool TokenObject::isSame(const Attributes& other) const {
    return std::all_of(identity.begin(), identity.end(), [&](CK_ATTRIBUTE_TYPE type) {
        const auto* before = attributes_.find(type);
        const auto* now = other.find(type);
        return before == nullptr || (now != nullptr && *before == *now);
    });
}

void TokenObject::apply(Remedy remedy, const Binding& binding) {
    if (remedy == Remedy::login)
        loggedIn_ = true;
    if (binding.copy)
        forgetCopy(remedy, binding);
    else if (remedy == Remedy::handle)
        forgetHandle(binding);
}

// After a failure the copy is not trusted any more. If it has not worked even once, another one
// would not either.
void TokenObject::forgetCopy(Remedy remedy, const Binding& binding) {
    if (binding.copyIsDue && remedy == Remedy::handle)
        token_.noteNoCopies();
    std::shared_ptr<const KeyCopy> old; // destroyed when the mutex is no longer held
    const MutexLock lock(process::stateMutex());
    if (binding_.copy != binding.copy)
        return;
    old.swap(binding_.copy);
    copying_ = binding.copyIsDue ? Copying::decided : Copying::unused;
}

void TokenObject::forgetHandle(const Binding& binding) {
    const MutexLock lock(process::stateMutex());
    if (binding_.pool == binding.pool && binding_.handle == binding.handle)
        binding_.handle = CK_INVALID_HANDLE;
}

} // namespace p11::pkcs11
