// SPDX-License-Identifier: Apache-2.0
// The audit log in the journal of systemd.
#pragma once

#include <string>

#include "pkcs11/audit_log.h"

namespace p11::pkcs11 {

/// Sends each line as the MESSAGE of a datagram to journald (systemd's "Native Journal Protocol").
/// It needs no library for that, and keeps no socket, which programs that become daemons would
/// close.
class AuditJournal : public AuditSink {
  public:
    std::string describe() const override;
    int check() override;
    int write(std::string_view line) override;
};

} // namespace p11::pkcs11
