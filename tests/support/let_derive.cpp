// SPDX-License-Identifier: Apache-2.0
// let_derive MODULE TOKEN PIN LABEL: sets CKA_DERIVE of a private key. The tools that write X25519
// and X448 keys do not.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/support/token_writer.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s MODULE TOKEN PIN LABEL\n", argv[0]);
        return EXIT_FAILURE;
    }
    try {
        testing_support::TokenWriter(argv[1], argv[2], argv[3]).letDerive(argv[4]);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
