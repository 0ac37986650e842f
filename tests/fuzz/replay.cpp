// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over files and folders, without a fuzzer: the tests keep the corpus passing
// with every compiler. A path with nothing to run is an error.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

bool run(const fs::path& file) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    std::ifstream in(file, std::ios::binary);
    if (!in)
        return false;
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    // A block of its own, so that a sanitizer sees what is read beyond.
    const std::vector<unsigned char> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    return true;
}

bool runAll(const fs::path& path) {
    if (!fs::is_directory(path))
        return run(path);
    const std::vector<fs::directory_entry> entries{fs::directory_iterator(path), {}};
    return !entries.empty() && std::ranges::all_of(entries, run);
}

} // namespace

int main(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
        if (!runAll(arguments[i])) {
            std::fprintf(stderr, "nothing can be read from %s\n", arguments[i]);
            return 1;
        }
    }
    return count > 1 ? 0 : 1;
}
