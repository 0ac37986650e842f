// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/audit_journal.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace p11::pkcs11 {
namespace {

constexpr std::string_view place = "/run/systemd/journal/socket";
constexpr timeval patience{1, 0}; // with a journal whose queue is full

/// A datagram socket that is connected to the journal.
class Connection {
  public:
    Connection() : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(place, address.sun_path);
        const bool isConnected =
            descriptor_ >= 0 &&
            setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
            connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        error_ = isConnected ? 0 : errno;
    }
    ~Connection() {
        if (descriptor_ >= 0)
            close(descriptor_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int error() const { return error_; }
    int sendAll(std::string_view text) const {
        ssize_t sent = 0;
        do
            sent = send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        return sent < 0 ? errno : 0; // a datagram is sent as a whole
    }

  private:
    int descriptor_;
    int error_ = 0;
};

} // namespace

std::string AuditJournal::describe() const {
    return "the journal (" + std::string(place) + ")";
}

int AuditJournal::check() {
    return Connection().error();
}

// The priority is LOG_INFO. A line has no line end, so no field needs a binary length.
int AuditJournal::write(std::string_view line) {
    const Connection connection;
    if (connection.error() != 0)
        return connection.error();
    std::string text = "SYSLOG_IDENTIFIER=pkcs11-audit\nPRIORITY=6\nMESSAGE=";
    return connection.sendAll(text.append(line).append("\n"));
}

} // namespace p11::pkcs11
