// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/trace.h"

#include <atomic>
#include <cctype>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "pkcs11/error.h"
#include "pkcs11/functions.h"
#include "pkcs11/printable.h"

namespace p11::pkcs11::trace {
namespace {

std::atomic<int> currentLevel{0};
std::atomic<FILE*> sink{nullptr};
std::atomic<unsigned long> steps{0};
thread_local unsigned long currentStep = 0;

// One fprintf is one write to a line-buffered stream, so lines of several threads do not mix.
void line(std::string_view text) {
    FILE* out = sink.load();
    std::fprintf(out != nullptr ? out : stderr, "pkcs11[%ld] #%lu %s\n",
                 static_cast<long>(getpid()), currentStep, printable(text).c_str());
    std::fflush(out != nullptr ? out : stderr);
}

} // namespace

int level() {
    return currentLevel.load(std::memory_order_relaxed);
}

bool configure(std::string_view spec) {
    std::string path;
    int wanted = 1;
    while (!spec.empty()) {
        const auto comma = spec.find(',');
        const auto part = spec.substr(0, comma);
        spec = comma == std::string_view::npos ? std::string_view{} : spec.substr(comma + 1);
        if (part.starts_with("file:"))
            path = part.substr(5);
        else if (part.starts_with("level:") && part.size() == 7 &&
                 std::isdigit(static_cast<unsigned char>(part[6])) != 0)
            wanted = part[6] - '0';
        else if (!part.empty())
            return false;
    }
    if (level() > 0)
        return true;
    if (!path.empty()) {
        FILE* file = std::fopen(path.c_str(), "ae");
        if (file == nullptr)
            return false;
        sink = file;
    }
    currentLevel = wanted;
    return true;
}

void Step::begin(const std::string& text) {
    begun_ = currentStep == 0;
    if (begun_)
        currentStep = ++steps;
    line(text);
}

Step::~Step() {
    if (begun_)
        currentStep = 0;
}

void step(std::string_view text) {
    if (level() >= 1)
        line(text);
}

namespace {

// Their result and time may tell whether somebody's ciphertext was well padded.
bool isSecret(std::string_view function) {
    return function == functionName<&List::C_Decrypt>;
}

} // namespace

void call(const char* function, CK_RV rv, std::chrono::steady_clock::duration taken) {
    if (isSecret(function))
        return line(std::string(function) + " (result and time are not logged)");
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
    line(std::string(function) + " " + rvName(rv) + " " + std::to_string(micros) + " us");
}

} // namespace p11::pkcs11::trace
