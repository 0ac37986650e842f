// SPDX-License-Identifier: Apache-2.0
/* Signs many times with the key behind a URI: what profilers are pointed at.
 * sign_loop URI COUNT [message]: a given hash with one context; with "message", a message with a
 * context of its own each time, as TLS does. Providers come from the configuration (OPENSSL_CONF).
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "tests/support/load_key.h"

static const unsigned char hash[32] = {1};

static int sign_hashes(EVP_PKEY* key, int count) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int good = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
               EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;
    unsigned char signature[1024];
    for (int i = 0; i < count && good; ++i) {
        size_t size = sizeof signature;
        good = EVP_PKEY_sign(context, signature, &size, hash, sizeof hash) == 1;
    }
    EVP_PKEY_CTX_free(context);
    return good;
}

static int sign_messages(EVP_PKEY* key, int count) {
    unsigned char signature[1024];
    int good = 1;
    for (int i = 0; i < count && good; ++i) {
        size_t size = sizeof signature;
        EVP_MD_CTX* context = EVP_MD_CTX_new();
        good = EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
               EVP_DigestSign(context, signature, &size, hash, sizeof hash) == 1;
        EVP_MD_CTX_free(context);
    }
    return good;
}

int main(int argc, char** argv) {
    const int count = argc > 2 ? atoi(argv[2]) : 0;
    EVP_PKEY* key = argc > 1 ? load_key(NULL, argv[1], NULL) : NULL;
    const int good =
        key != NULL && (argc > 3 ? sign_messages(key, count) : sign_hashes(key, count));
    if (!good)
        ERR_print_errors_fp(stderr);
    EVP_PKEY_free(key);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
