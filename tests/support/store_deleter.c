// SPDX-License-Identifier: Apache-2.0
/* Deletes what a URI names by OSSL_STORE_delete(3), which OpenSSL has from 3.2 on: store_deleter
 * URI. Ends with 77 where there is no such function. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdio.h>

typedef int store_delete(const char* uri, OSSL_LIB_CTX* libctx, const char* propq,
                         const UI_METHOD* ui_method, void* ui_data, const OSSL_PARAM params[]);

int main(int argc, char** argv) {
    store_delete* delete = (store_delete*)dlsym(RTLD_DEFAULT, "OSSL_STORE_delete");
    int good;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URI\n", argv[0]);
        return 2;
    }
    if (delete == NULL)
        return 77;
    if (OSSL_PROVIDER_load(NULL, "default") == NULL || OSSL_PROVIDER_load(NULL, "pkcs11") == NULL) {
        ERR_print_errors_fp(stderr);
        return 2;
    }
    good = delete (argv[1], NULL, NULL, NULL, NULL, NULL);
    ERR_print_errors_fp(stderr);
    return good == 1 ? 0 : 1;
}
