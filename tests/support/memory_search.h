// SPDX-License-Identifier: Apache-2.0
// Looks for a secret in the process's own memory.
#pragma once

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

namespace test_module {

/// The places of a secret in writable memory. Each byte is given plus one, so that the argument
/// itself is not found. Not for programs with sanitizers, whose shadow memory is too large to
/// search.
inline int placesOf(std::string_view shifted) {
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    std::ifstream maps("/proc/self/maps");
    int places = 0;
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        char mode[5] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) != 3 || mode[1] != 'w')
            continue;
        std::vector<unsigned char> part(end - begin);
        const auto size = pread(memory, part.data(), part.size(), static_cast<off_t>(begin));
        const auto fits = [](unsigned char here, char wanted) {
            return static_cast<unsigned char>(here + 1) == static_cast<unsigned char>(wanted);
        };
        auto at = part.begin();
        const auto last = part.begin() + std::max<ssize_t>(size, 0);
        while ((at = std::search(at, last, shifted.begin(), shifted.end(), fits)) != last) {
            ++places;
            ++at;
        }
        OPENSSL_cleanse(part.data(), part.size());
    }
    close(memory);
    return places;
}

} // namespace test_module
