// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/trace.h"

#include <atomic>
#include <cctype>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "pkcs11/error.h"
#include "pkcs11/functions.h"
#include "pkcs11/json_line.h"
#include "pkcs11/printable.h"
#include "pkcs11/timestamp.h"

namespace p11::pkcs11::trace {
namespace {

std::atomic<int> currentLevel{0};
std::atomic<bool> writesJson{false};
std::atomic<FILE*> sink{nullptr};
std::atomic<unsigned long> steps{0};
thread_local unsigned long currentStep = 0;

// One fprintf is one write to a line-buffered stream, so lines of several threads do not mix.
void write(const std::string& line) {
    FILE* out = sink.load();
    std::fprintf(out != nullptr ? out : stderr, "%s\n", line.c_str());
    std::fflush(out != nullptr ? out : stderr);
}

// What each line begins with.
std::string textStart() {
    return "pkcs11[" + std::to_string(getpid()) + "] #" + std::to_string(currentStep) + " ";
}
JsonLine jsonStart() {
    JsonLine line;
    line.text("time", timestamp(std::chrono::system_clock::now()))
        .number("pid", static_cast<std::uintmax_t>(getpid()))
        .number("step", currentStep);
    return line;
}

void line(std::string_view text) {
    write(writesJson ? jsonStart().text("message", text).str() : textStart() + printable(text));
}

struct Spec {
    std::string path;
    int level = 1;
    bool json = false;
};

// False if it is malformed.
bool parsePart(std::string_view part, Spec& spec) {
    if (part.starts_with("file:"))
        spec.path = part.substr(5);
    else if (part.starts_with("level:") && part.size() == 7 &&
             std::isdigit(static_cast<unsigned char>(part[6])) != 0)
        spec.level = part[6] - '0';
    else if (part == "format:json" || part == "format:text")
        spec.json = part == "format:json";
    else
        return part.empty();
    return true;
}

} // namespace

int level() {
    return currentLevel.load(std::memory_order_relaxed);
}

bool configure(std::string_view text) {
    Spec spec;
    while (!text.empty()) {
        const auto comma = text.find(',');
        if (!parsePart(text.substr(0, comma), spec))
            return false;
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    if (level() > 0)
        return true;
    if (!spec.path.empty()) {
        FILE* file = std::fopen(spec.path.c_str(), "ae");
        if (file == nullptr)
            return false;
        sink = file;
    }
    writesJson = spec.json;
    currentLevel = spec.level;
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

unsigned long stepOfThread() {
    return currentStep;
}

SameStep::SameStep(unsigned long step) {
    currentStep = step;
}

SameStep::~SameStep() {
    currentStep = 0;
}

void step(std::string_view text) {
    if (level() >= 1)
        line(text);
}

void call(const char* function, CK_RV rv, std::chrono::steady_clock::duration taken) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
    if (writesJson) {
        auto line = jsonStart().text("function", function);
        if (!isSecret(function))
            line.text("result", rvName(rv))
                .number("microseconds", static_cast<std::uintmax_t>(micros));
        return write(line.str());
    }
    write(textStart() + function +
          (isSecret(function) ? " (result and time are not logged)"
                              : " " + rvName(rv) + " " + std::to_string(micros) + " us"));
}

} // namespace p11::pkcs11::trace
