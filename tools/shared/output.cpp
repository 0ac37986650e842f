// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/error.h"

namespace p11::tools {
namespace {

[[noreturn]] void unwritable(const std::string& path, int error) {
    throw Error(path + " cannot be written: " + std::strerror(error));
}

bool writeAll(int descriptor, std::string_view contents) {
    while (!contents.empty()) {
        const auto written = ::write(descriptor, contents.data(), contents.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(descriptor) == 0 || errno == EINVAL;
}

// Fills the new file at `path`, or removes it. Returns the number of the error, or 0.
int fill(int descriptor, const std::string& path, std::string_view contents) {
    int error = writeAll(descriptor, contents) ? 0 : errno;
    if (::close(descriptor) != 0 && error == 0)
        error = errno;
    if (error != 0)
        ::unlink(path.c_str());
    return error;
}

} // namespace

void writeNewFile(const std::string& path, std::string_view contents) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno == EEXIST)
        throw Error(path + " already exists; --force replaces it");
    if (descriptor < 0)
        unwritable(path, errno);
    if (const int error = fill(descriptor, path, contents))
        unwritable(path, error);
}

void replaceFile(const std::string& path, std::string_view contents) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        throw Error(path + " is not a regular file, and is not replaced");
    std::string name = path + ".XXXXXX";
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
        unwritable(path, errno);
    if (const int error = fill(descriptor, name, contents))
        unwritable(path, error);
    if (::rename(name.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(name.c_str());
        unwritable(path, error);
    }
}

void writeStandardOutput(std::string_view contents) {
    if (std::fwrite(contents.data(), 1, contents.size(), stdout) != contents.size() ||
        std::fflush(stdout) != 0)
        throw Error("standard output cannot be written");
}

} // namespace p11::tools
