// SPDX-License-Identifier: Apache-2.0
/* Signs with the key that the URI names, frees nothing, and ends with status 42; with "no-atexit"
 * as the second argument OpenSSL does not clean up at the end, and no provider is told of it. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
    if (argc > 2 && strcmp(argv[2], "no-atexit") == 0)
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    if (argc < 2 || !OSSL_PROVIDER_load(NULL, "default") || !OSSL_PROVIDER_load(NULL, "pkcs11"))
        return 2;
    OSSL_STORE_CTX* store = OSSL_STORE_open(argv[1], NULL, NULL, NULL, NULL);
    if (store == NULL || !OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
        return 3;
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    EVP_PKEY* key = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    static unsigned char signature[1024];
    size_t size = sizeof signature;
    if (key == NULL || !EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) ||
        !EVP_DigestSign(context, signature, &size, (const unsigned char*)"data", 4))
        return 4;
    exit(42);
}
