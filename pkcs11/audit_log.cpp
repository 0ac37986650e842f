// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/audit_log.h"

#include <cerrno>
#include <future>
#include <system_error>
#include <vector>

#include <pwd.h>
#include <unistd.h>

#include "pkcs11/error.h"
#include "pkcs11/trace.h"

namespace p11::pkcs11 {
namespace {

// Empty if there is none, for example in a chroot without /etc/passwd.
std::string nameOfUser(uid_t id) {
    constexpr std::size_t firstSize = 1024, largestSize = 1U << 20U;
    for (std::vector<char> texts(firstSize); texts.size() <= largestSize;
         texts.resize(texts.size() * 4)) {
        passwd entry{};
        passwd* found = nullptr;
        const int error = getpwuid_r(id, &entry, texts.data(), texts.size(), &found);
        if (error != ERANGE)
            return found != nullptr ? found->pw_name : "";
    }
    return "";
}

// The caller may be a job of OpenSSL, whose stack is too small for what the system is configured to
// ask for users (nsswitch.conf).
std::string nameOfUserByThread(uid_t id) {
    try {
        return std::async(std::launch::async, nameOfUser, id).get();
    } catch (const std::system_error&) { // the system has no more threads
        return "";
    }
}

} // namespace

// The user's name is looked up now, because a server may give up its rights, or its file system,
// before it uses the key.
AuditLog::AuditLog(std::unique_ptr<AuditSink> sink, bool refuses)
    : sink_(std::move(sink)), refuses_(refuses) {
    user();
}

std::string AuditLog::problem() const {
    const int error = sink_->check();
    return error == 0 ? ""
                      : "the audit log cannot be written to " + sink_->describe() + ": " +
                            std::generic_category().message(error);
}

void AuditLog::write(JsonLine line) {
    const auto lost = lost_.exchange(0);
    if (lost != 0)
        line.number("lost", lost);
    const int error = sink_->write(line.str());
    if (error == 0)
        return;
    const bool isFirst = lost_.fetch_add(lost + 1) == 0 && lost == 0;
    const auto message = "the use of a key cannot be written to the audit log, " +
                         sink_->describe() + ": " + std::generic_category().message(error);
    if (isFirst)
        trace::step(message);
    if (refuses_)
        throw Error(Failure::auditLog, message);
}

JsonLine AuditLog::user() const {
    const auto id = geteuid();
    std::optional<User> user;
    {
        const MutexLock lock(process::stateMutex());
        user = user_;
    }
    if (!user || user->id != id) {
        user = User{id, nameOfUserByThread(id)};
        const MutexLock lock(process::stateMutex());
        user_ = user;
    }
    JsonLine line;
    line.number("uid", user->id);
    if (!user->name.empty())
        line.text("name", user->name);
    return line;
}

} // namespace p11::pkcs11
