// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over files and folders, without a fuzzer: the tests keep the corpus passing
// with every compiler.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run(const fs::path& file) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    // A block of its own, so that a sanitizer sees what is read beyond.
    const std::vector<unsigned char> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

} // namespace

int main(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
        if (!fs::is_directory(arguments[i])) {
            run(arguments[i]);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(arguments[i]))
            run(entry.path());
    }
    return 0;
}
