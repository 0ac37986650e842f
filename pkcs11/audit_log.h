// SPDX-License-Identifier: Apache-2.0
// The audit log (pkcs11-audit-log): one line for each use of a private or secret key on a token.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "pkcs11/json_line.h"
#include "pkcs11/process.h"

namespace p11::pkcs11 {

/// Where the lines go. Thread-safe, and usable in the child of a fork.
class AuditSink {
  public:
    AuditSink() = default;
    virtual ~AuditSink() = default;
    AuditSink(const AuditSink&) = delete;
    AuditSink& operator=(const AuditSink&) = delete;

    /// "the file /var/log/audit.json", for messages.
    virtual std::string describe() const = 0;
    /// 0 if lines can be written; otherwise the errno.
    virtual int check() = 0;
    /// Writes `line`, which has no line end, as a whole. Returns 0 or the errno.
    virtual int write(std::string_view line) = 0;
};

/// Thread-safe, and usable in the child of a fork.
class AuditLog {
  public:
    /// `refuses`: a use of a key whose line cannot be written gives no result.
    AuditLog(std::unique_ptr<AuditSink> sink, bool refuses);

    /// Where its lines go, for messages.
    std::string describe() const { return sink_->describe(); }
    /// What is wrong with it; empty if lines can be written.
    std::string problem() const;

    /// Writes `line`. If that fails, it throws Error, or says so once in the debug log. The next
    /// line that can be written then has the number of those that are missing ("lost").
    void write(JsonLine line);

    /// The effective user of this process: "uid", and "name" if it has one.
    JsonLine user() const;

  private:
    struct User {
        uid_t id = 0;
        std::string name;
    };

    std::unique_ptr<AuditSink> sink_;
    bool refuses_;
    std::atomic<unsigned long> lost_{0};
    mutable std::optional<User> user_ GUARDED_BY(process::stateMutex()); ///< the last one
};

} // namespace p11::pkcs11
