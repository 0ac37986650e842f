// SPDX-License-Identifier: Apache-2.0
// The audit log in a file, which logrotate(8) may move.
#pragma once

#include <memory>
#include <string>

#include "pkcs11/audit_log.h"

namespace p11::pkcs11 {

/// Opens `path`, which is absolute, and creates it for its owner alone if it does not exist. It
/// must be a regular file or a character device, because others may block the caller. If another
/// file is at `path` by now, or none, it is opened again. If that is not possible (the process has
/// given up its rights, or is in a chroot), lines still go to the file that is open, unless that
/// was deleted.
class AuditFile : public AuditSink {
  public:
    explicit AuditFile(std::string path);
    ~AuditFile() override;

    std::string describe() const override { return "the file " + path_; }
    int check() override;
    int write(std::string_view line) override;

  private:
    class Open;
    struct Usable {
        std::shared_ptr<Open> file; ///< null if there is none
        int error = 0;
    };
    Usable usable();

    std::string path_;
    std::shared_ptr<Open> open_ GUARDED_BY(process::stateMutex());
};

} // namespace p11::pkcs11
