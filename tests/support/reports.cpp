// SPDX-License-Identifier: Apache-2.0
// The files of PKCS11_TEST_COUNTS and PKCS11_TEST_LOG.
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "pkcs11/error.h"
#include "tests/support/config.h"
#include "tests/support/counters.h"

namespace test_module {
namespace {

// The process that loaded the module. Its children have the same value and another pid.
const pid_t home = getpid();

std::atomic<unsigned long> written{0}; // the total that is in the file

// Opened for each write, because a program may close all descriptors and reuse them.
void write(const std::string& path, int flags, const std::string& text) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (file < 0)
        return;
    [[maybe_unused]] const auto size = ::write(file, text.data(), text.size());
    close(file);
}

std::string countsText(unsigned long total) {
    std::vector<std::string> lines;
    for (FunctionId id = 0; id < functionCount; ++id)
        if (const auto count = callCount(id); count != 0)
            lines.push_back(std::string(functionNames[id]) + ' ' + std::to_string(count) + '\n');
    std::ranges::sort(lines);
    std::string text;
    for (const auto& line : lines)
        text += line;
    return text + "total " + std::to_string(total) + '\n';
}

} // namespace

void logCall(FunctionId id, CK_RV rv) {
    const auto& path = config().logFile;
    if (!path.empty()) // one write a line, so that lines of several processes do not mix
        write(path, O_APPEND,
              std::string(functionNames[id]) + ' ' + p11::pkcs11::rvName(rv) + '\n');
}

void writeCounts() {
    auto path = config().countsFile;
    if (path.empty())
        return;
    if (getpid() != home)
        path += '.' + std::to_string(getpid());
    const auto total = totalCalls();
    write(path, O_TRUNC, countsText(total));
    written = total;
}

void writeNewCounts() {
    const auto total = totalCalls();
    if (total != 0 && total != written)
        writeCounts();
}

} // namespace test_module
