// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/input.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/error.h"

namespace p11::tools {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0)
            ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }

  private:
    int number_;
};

[[noreturn]] void unreadable(const std::string& what) {
    throw Error(what + " cannot be read: " + std::strerror(errno));
}

} // namespace

SecretBytes readAll(int descriptor, const std::string& what) {
    constexpr std::size_t step = 16384;
    SecretBytes bytes;
    while (true) {
        const auto before = bytes.size();
        bytes.resize(before + step);
        const auto got = ::read(descriptor, bytes.data() + before, step);
        if (got < 0 && errno != EINTR)
            unreadable(what);
        bytes.resize(before + static_cast<std::size_t>(got < 0 ? 0 : got));
        if (bytes.size() > longestInput)
            throw Error(what + " is longer than " + std::to_string(longestInput) + " bytes");
        if (got == 0)
            return bytes;
    }
}

SecretBytes readFile(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file.number() < 0 || ::fstat(file.number(), &status) != 0)
        unreadable(path);
    if (S_ISDIR(status.st_mode))
        throw Error(path + " is a folder");
    return readAll(file.number(), path);
}

} // namespace p11::tools
