// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/audit_file.h"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace p11::pkcs11 {
namespace {

bool isSame(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

} // namespace

/// An open file. Programs that become daemons close all descriptors, and the number may be another
/// file's by now. So the file is compared with the one that was opened, also before it is closed.
class AuditFile::Open {
  public:
    Open(int descriptor, const struct stat& opened) : descriptor_(descriptor), opened_(opened) {}
    ~Open() {
        if (exists())
            close(descriptor_);
    }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

    /// Null, with errno, if the file cannot be opened.
    static std::shared_ptr<Open> at(const std::string& path);

    /// True if it is open, and not deleted.
    bool exists() const {
        struct stat now {};
        return fstat(descriptor_, &now) == 0 && isSame(now, opened_) && now.st_nlink > 0;
    }
    bool isAt(const std::string& path) const {
        struct stat there {};
        return exists() && stat(path.c_str(), &there) == 0 && isSame(there, opened_);
    }
    int append(std::string_view line);

  private:
    int descriptor_;
    struct stat opened_;
    std::atomic<bool> isCut_{false}; ///< a full disk has cut the last line
};

// O_NONBLOCK for FIFOs, which have no reader perhaps.
std::shared_ptr<AuditFile::Open> AuditFile::Open::at(const std::string& path) {
    constexpr mode_t ownerOnly = 0600;
    const int descriptor = open(
        path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, ownerOnly);
    if (descriptor < 0)
        return nullptr;
    struct stat opened {};
    if (fstat(descriptor, &opened) == 0 && (S_ISREG(opened.st_mode) || S_ISCHR(opened.st_mode)))
        return std::make_shared<Open>(descriptor, opened);
    close(descriptor);
    errno = EINVAL;
    return nullptr;
}

// With O_APPEND, one write() is one line, whoever else writes.
int AuditFile::Open::append(std::string_view line) {
    std::string text = isCut_ ? "\n" : "";
    text.append(line).append("\n");
    ssize_t written = 0;
    do
        written = ::write(descriptor_, text.data(), text.size());
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return errno;
    const bool isWhole = static_cast<std::size_t>(written) == text.size();
    isCut_ = !isWhole;
    return isWhole ? 0 : ENOSPC;
}

AuditFile::AuditFile(std::string path) : path_(std::move(path)), open_(Open::at(path_)) {}

AuditFile::~AuditFile() = default;

AuditFile::Usable AuditFile::usable() {
    std::shared_ptr<Open> file;
    {
        const MutexLock lock(process::stateMutex());
        file = open_;
    }
    if (file && file->isAt(path_))
        return {file, 0};
    auto fresh = Open::at(path_);
    if (const int error = errno; !fresh)
        return {file && file->exists() ? file : nullptr, error};
    const MutexLock lock(process::stateMutex());
    open_ = fresh; // `file` is closed when the mutex is no longer held
    return {fresh, 0};
}

int AuditFile::check() {
    return usable().error;
}

int AuditFile::write(std::string_view line) {
    const auto [file, error] = usable();
    return file ? file->append(line) : error;
}

} // namespace p11::pkcs11
