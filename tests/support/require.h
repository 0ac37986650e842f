// SPDX-License-Identifier: Apache-2.0
/* For programs in C that end at the first thing that is wrong. */
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

static inline void require(int good, const char* what) {
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(3);
}

/* In `library`; the caller frees it. */
static inline EVP_PKEY* load_public_key(OSSL_LIB_CTX* library, const char* file_name) {
    FILE* file = fopen(file_name, "r");
    require(file != NULL, "no public key");
    EVP_PKEY* key = PEM_read_PUBKEY_ex(file, NULL, NULL, NULL, library, NULL);
    fclose(file);
    require(key != NULL, "no public key");
    return key;
}
