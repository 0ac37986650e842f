// SPDX-License-Identifier: Apache-2.0
/* Signs with the key that a URI names, in several threads at once, and has every signature verified
 * by the default provider alone:  signing_threads URI PUBLIC.pem THREADS SIGNATURES-OF-EACH The
 * provider comes from openssl.cnf. */
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "load_key.h"
#include "require.h"

enum { most_threads = 256 };

static EVP_PKEY *private_key, *public_key;
static OSSL_LIB_CTX* software; /* knows nothing of tokens */
static int signatures;

static void sign_and_verify(const unsigned char* data, size_t size) {
    unsigned char signature[1024];
    size_t length = sizeof signature;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    require(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, private_key, NULL) == 1 &&
                EVP_DigestSign(context, signature, &length, data, size) == 1,
            "no signature");
    EVP_MD_CTX_free(context);
    context = EVP_MD_CTX_new();
    require(EVP_DigestVerifyInit_ex(context, NULL, "SHA256", software, NULL, public_key, NULL) ==
                    1 &&
                EVP_DigestVerify(context, signature, length, data, size) == 1,
            "a signature that does not verify");
    EVP_MD_CTX_free(context);
}

static void* work(void* number) {
    for (int round = 0; round < signatures; ++round) {
        const int data[] = {*(int*)number, round};
        sign_and_verify((const unsigned char*)data, sizeof data);
    }
    return NULL;
}

int main(int argc, char** argv) {
    static pthread_t threads[most_threads];
    static int numbers[most_threads];
    require(argc == 5, "usage: signing_threads URI PUBLIC.pem THREADS SIGNATURES-OF-EACH");
    const int count = atoi(argv[3]);
    signatures = atoi(argv[4]);
    require(count > 0 && count <= most_threads && signatures > 0, "a wrong number");
    private_key = load_key(NULL, argv[1], NULL);
    software = OSSL_LIB_CTX_new();
    require(OSSL_PROVIDER_load(software, "default") != NULL, "no default provider");
    public_key = load_public_key(software, argv[2]);
    require(private_key != NULL && public_key != NULL, "no key");
    for (int i = 0; i < count; ++i) {
        numbers[i] = i;
        require(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0, "no thread");
    }
    for (int i = 0; i < count; ++i)
        pthread_join(threads[i], NULL);
    EVP_PKEY_free(private_key);
    EVP_PKEY_free(public_key);
    OSSL_LIB_CTX_free(software);
    return 0;
}
