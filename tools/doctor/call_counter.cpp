// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/call_counter.h"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

namespace p11::tools::doctor {
namespace {

constexpr const char* variable = "PKCS11_PROVIDER_DEBUG";

// A call's line is "pkcs11[PID] #STEP C_Sign CKR_OK 12 us".
bool isCall(std::string_view line) {
    const auto first = line.find(' ');
    const auto second = first == line.npos ? first : line.find(' ', first + 1);
    return second != line.npos && line.substr(second + 1).starts_with("C_");
}

} // namespace

CallCounter::CallCounter(bool isWanted) {
    if (!isWanted || std::getenv(variable) != nullptr || std::getenv("PKCS11_DEBUG_LEVEL"))
        return;
    file_ = ::memfd_create("calls", MFD_CLOEXEC);
    if (file_ >= 0)
        ::setenv(variable, ("file:/proc/self/fd/" + std::to_string(file_) + ",level:2").c_str(), 1);
}

CallCounter::~CallCounter() {
    if (file_ < 0)
        return;
    ::unsetenv(variable);
    ::close(file_);
}

std::optional<std::size_t> CallCounter::calls() const {
    if (file_ < 0)
        return std::nullopt;
    std::string log;
    std::array<char, 65536> piece{};
    for (ssize_t got = 0;
         (got = ::pread(file_, piece.data(), piece.size(), static_cast<off_t>(log.size()))) > 0;)
        log.append(piece.data(), static_cast<std::size_t>(got));
    std::size_t count = 0;
    for (std::string_view rest = log; !rest.empty();) {
        const auto end = rest.find('\n');
        count += isCall(rest.substr(0, end)) ? 1U : 0U;
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    return count;
}

} // namespace p11::tools::doctor
