// SPDX-License-Identifier: Apache-2.0
/* Uses keys on tokens in many threads at once until there is a file named "stop", and has the
 * default provider alone judge every result:  key_operations THREADS URI PUBLIC.pem OPERATIONS ...
 * OPERATIONS are "sign", "decrypt" and "derive", separated by commas. The provider comes from
 * openssl.cnf. Prints the number of operations and of failures, and ends with 1 after a failure. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_key.h"
#include "require.h"

enum { most_threads = 256, most_keys = 8, secret_size = 32 };

struct key {
    EVP_PKEY* private_key;
    EVP_PKEY* public_key; /* in a library context that knows nothing of tokens */
    const char* operations;
};

static struct key keys[most_keys];
static int key_count;
static OSSL_LIB_CTX* software;
static atomic_long operations, failures;
static atomic_int stopping;

static int sign(const struct key* key, const unsigned char* data, size_t size) {
    unsigned char signature[1024];
    size_t length = sizeof signature;
    const char* digest = EVP_PKEY_is_a(key->public_key, "ED25519") ? NULL : "SHA256";
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const int made =
        EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key->private_key, NULL) == 1 &&
        EVP_DigestSign(context, signature, &length, data, size) == 1;
    EVP_MD_CTX_free(context);
    if (!made)
        return 0;
    context = EVP_MD_CTX_new();
    const int good = EVP_DigestVerifyInit_ex(context, NULL, digest, software, NULL, key->public_key,
                                             NULL) == 1 &&
                     EVP_DigestVerify(context, signature, length, data, size) == 1;
    EVP_MD_CTX_free(context);
    require(good, "a signature that does not verify");
    return 1;
}

static int decrypt(const struct key* key, const unsigned char* data, size_t size) {
    unsigned char ciphertext[1024], plaintext[1024];
    size_t length = sizeof ciphertext, result = sizeof plaintext;
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(software, key->public_key, NULL);
    require(EVP_PKEY_encrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_encrypt(context, ciphertext, &length, data, size) == 1,
            "no ciphertext");
    EVP_PKEY_CTX_free(context);
    context = EVP_PKEY_CTX_new_from_pkey(NULL, key->private_key, NULL);
    const int made = context != NULL && EVP_PKEY_decrypt_init(context) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                     EVP_PKEY_decrypt(context, plaintext, &result, ciphertext, length) == 1;
    EVP_PKEY_CTX_free(context);
    require(!made || (result == size && memcmp(plaintext, data, size) == 0), "another plaintext");
    return made;
}

static int agree(OSSL_LIB_CTX* library, EVP_PKEY* key, EVP_PKEY* peer, unsigned char* secret) {
    size_t size = secret_size;
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(library, key, NULL);
    const int made = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                     EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                     EVP_PKEY_derive(context, secret, &size) == 1 && size == secret_size;
    EVP_PKEY_CTX_free(context);
    return made;
}

static int derive(const struct key* key) {
    unsigned char ours[secret_size], theirs[secret_size];
    EVP_PKEY* other = EVP_PKEY_Q_keygen(software, NULL, "EC", "P-256");
    require(other != NULL && agree(software, other, key->public_key, theirs), "no secret");
    const int made = agree(NULL, key->private_key, other, ours);
    require(!made || memcmp(ours, theirs, secret_size) == 0, "another secret");
    EVP_PKEY_free(other);
    return made;
}

static void count(int good) {
    ++operations;
    if (good)
        return;
    if (failures++ == 0)
        ERR_print_errors_fp(stderr);
    ERR_clear_error();
}

static void use(const struct key* key, const unsigned char* data, size_t size) {
    if (strstr(key->operations, "sign") != NULL)
        count(sign(key, data, size));
    if (strstr(key->operations, "decrypt") != NULL)
        count(decrypt(key, data, size));
    if (strstr(key->operations, "derive") != NULL)
        count(derive(key));
}

static void* work(void* number) {
    for (int round = 0; !stopping; ++round) {
        const int data[] = {*(int*)number, round};
        use(&keys[(*(int*)number + round) % key_count], (const unsigned char*)data, sizeof data);
    }
    return NULL;
}

int main(int argc, char** argv) {
    static pthread_t threads[most_threads];
    static int numbers[most_threads];
    require(argc >= 5 && argc % 3 == 2 && argc <= 2 + 3 * most_keys,
            "usage: key_operations THREADS URI PUBLIC.pem OPERATIONS ...");
    const int thread_count = atoi(argv[1]);
    require(thread_count > 0 && thread_count <= most_threads, "a wrong number");
    software = OSSL_LIB_CTX_new();
    require(OSSL_PROVIDER_load(software, "default") != NULL, "no default provider");
    for (int i = 2; i < argc; i += 3, ++key_count) {
        keys[key_count].private_key = load_key(NULL, argv[i], NULL);
        keys[key_count].public_key = load_public_key(software, argv[i + 1]);
        keys[key_count].operations = argv[i + 2];
        require(keys[key_count].private_key != NULL, "no key");
    }
    puts("loaded");
    fflush(stdout);
    for (int i = 0; i < thread_count; ++i) {
        numbers[i] = i;
        require(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0, "no thread");
    }
    while (access("stop", F_OK) != 0)
        usleep(50000);
    stopping = 1;
    for (int i = 0; i < thread_count; ++i)
        pthread_join(threads[i], NULL);
    printf("%ld operations, %ld failures\n", (long)operations, (long)failures);
    for (int i = 0; i < key_count; ++i) {
        EVP_PKEY_free(keys[i].private_key);
        EVP_PKEY_free(keys[i].public_key);
    }
    OSSL_LIB_CTX_free(software);
    return failures == 0 ? 0 : 1;
}
