// SPDX-License-Identifier: Apache-2.0
// fill_token MODULE TOKEN PIN COUNT: writes COUNT public keys to a token, all alike but for their
// labels and ids.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "tests/support/token_writer.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s MODULE TOKEN PIN COUNT\n", argv[0]);
        return EXIT_FAILURE;
    }
    try {
        testing_support::TokenWriter writer(argv[1], argv[2], argv[3]);
        for (int i = 0; i < std::atoi(argv[4]); ++i)
            writer.createPublicKey("object " + std::to_string(i), std::to_string(i));
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
