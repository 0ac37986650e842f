// SPDX-License-Identifier: Apache-2.0
/* Signs with the key that a URI names, into a file, and ends with status 42 in the order asked for.
 * Usage: ending_program URI SIGNATURE-FILE ORDER; the orders are at the end of this file. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_key.h"

enum { kept_status = 42, broken_status = 3 };

static const char* file_name;
static OSSL_LIB_CTX* libctx; /* null: the default one */
static OSSL_PROVIDER *software, *provider;
static EVP_PKEY* key;
/* Only signs: OpenSSL's own fetching may not be used while it ends. */
static EVP_PKEY_CTX* signer;
static unsigned char hash[32];

/* _exit: a broken test must not depend on the end that it tests. */
static void require(int good, const char* what) {
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    _exit(broken_status);
}

static int sign(unsigned char* signature, size_t* size) {
    return EVP_PKEY_sign(signer, signature, size, hash, sizeof hash) == 1;
}

static void write_signature(void) {
    unsigned char signature[1024];
    size_t size = sizeof signature;
    require(sign(signature, &size), "no signature");
    FILE* file = fopen(file_name, "wb");
    require(file != NULL && fwrite(signature, 1, size, file) == size && fclose(file) == 0,
            "no file");
}

static void load_providers(void) {
    if (provider != NULL)
        return;
    software = OSSL_PROVIDER_load(libctx, "default");
    provider = OSSL_PROVIDER_load(libctx, "pkcs11");
    require(software != NULL && provider != NULL, "no provider");
}

static void begin(const char* uri) {
    load_providers();
    key = load_key(libctx, uri, NULL);
    require(key != NULL, "no key");
    signer = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    require(signer != NULL && EVP_PKEY_sign_init(signer) == 1, "no signer");
    write_signature();
}

static void free_all(void) {
    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_free(key);
    OSSL_PROVIDER_unload(provider);
    OSSL_PROVIDER_unload(software);
    OSSL_LIB_CTX_free(libctx);
}

/* A thread that signs until that is refused, as it is at the end, and then stays. */

static atomic_int signatures;
static atomic_int refused;

static void* sign_until_refused(void* unused) {
    unsigned char signature[1024];
    for (size_t size = sizeof signature; sign(signature, &size); size = sizeof signature)
        ++signatures;
    refused = 1;
    for (;;)
        pause();
    return unused;
}

static void wait_for_signatures(void) {
    for (int enough = signatures + 20; signatures < enough && !refused;)
        usleep(100);
    require(!refused, "a thread was refused its signature");
}

static void start_signing(void) {
    pthread_t thread;
    require(pthread_create(&thread, NULL, sign_until_refused, NULL) == 0, "no thread");
    wait_for_signatures();
}

static void* exit_in_thread(void* unused) {
    exit(kept_status);
    return unused;
}

static void sign_or_not(void) {
    unsigned char signature[1024];
    size_t size = sizeof signature;
    puts(sign(signature, &size) ? "signed" : "refused");
    fflush(stdout);
}

/* The orders. Each returns to main, which returns the status, or ends by itself. */

static void return_alive(const char* uri) {
    begin(uri);
}

static void exit_alive(const char* uri) {
    begin(uri);
    exit(kept_status);
}

static void exit_freed(const char* uri) {
    begin(uri);
    free_all();
    exit(kept_status);
}

static void cleanup_alive(const char* uri) {
    begin(uri);
    OPENSSL_cleanup();
    exit(kept_status);
}

static void cleanup_freed(const char* uri) {
    begin(uri);
    free_all();
    OPENSSL_cleanup();
    exit(kept_status);
}

static void cleanup_in_handler(const char* uri) {
    atexit(OPENSSL_cleanup);
    begin(uri);
    exit(kept_status);
}

static void cleanup_in_late_handler(const char* uri) {
    begin(uri);
    atexit(OPENSSL_cleanup);
    exit(kept_status);
}

static void immediately(const char* uri) {
    begin(uri);
    _exit(kept_status);
}

static void quickly(const char* uri) {
    begin(uri);
    quick_exit(kept_status);
}

/* OpenSSL's own handler comes first, so that it runs last: keys are of no use after it. */
static void handler_before_provider(const char* uri) {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    atexit(sign_or_not);
    begin(uri);
    exit(kept_status);
}

static void handler_before_module(const char* uri) {
    load_providers();
    atexit(sign_or_not);
    begin(uri);
    exit(kept_status);
}

static void handler_after_provider(const char* uri) {
    begin(uri);
    atexit(sign_or_not);
    exit(kept_status);
}

static void freeing_handler_before_provider(const char* uri) {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    atexit(free_all);
    begin(uri);
    exit(kept_status);
}

static void freeing_handler_after_provider(const char* uri) {
    begin(uri);
    atexit(free_all);
    exit(kept_status);
}

static void own_context_alive(const char* uri) {
    libctx = OSSL_LIB_CTX_new();
    begin(uri);
    exit(kept_status);
}

static void own_context_freed(const char* uri) {
    libctx = OSSL_LIB_CTX_new();
    begin(uri);
    free_all();
    exit(kept_status);
}

static void exit_while_signing(const char* uri) {
    begin(uri);
    start_signing();
    exit(kept_status);
}

static void return_while_signing(const char* uri) {
    begin(uri);
    start_signing();
}

static void immediately_while_signing(const char* uri) {
    begin(uri);
    start_signing();
    _exit(kept_status);
}

static void thread_exits_while_signing(const char* uri) {
    pthread_t thread;
    begin(uri);
    start_signing();
    require(pthread_create(&thread, NULL, exit_in_thread, NULL) == 0, "no thread");
    for (;;)
        pause();
}

static void thread_exits_while_main_signs(const char* uri) {
    pthread_t thread;
    begin(uri);
    require(pthread_create(&thread, NULL, exit_in_thread, NULL) == 0, "no thread");
    sign_until_refused(NULL);
}

static void unload_while_signing(const char* uri) {
    begin(uri);
    start_signing();
    OSSL_PROVIDER_unload(provider);
    wait_for_signatures();
    exit(kept_status);
}

static void free_context_while_signing(const char* uri) {
    libctx = OSSL_LIB_CTX_new();
    begin(uri);
    start_signing();
    OSSL_PROVIDER_unload(provider);
    OSSL_PROVIDER_unload(software);
    OSSL_LIB_CTX_free(libctx);
    wait_for_signatures();
    exit(kept_status);
}

#define ORDER(name)                                                                                \
    { #name, name }
static const struct {
    const char* name;
    void (*run)(const char* uri);
} orders[] = {ORDER(return_alive),
              ORDER(exit_alive),
              ORDER(exit_freed),
              ORDER(cleanup_alive),
              ORDER(cleanup_freed),
              ORDER(cleanup_in_handler),
              ORDER(cleanup_in_late_handler),
              ORDER(immediately),
              ORDER(quickly),
              ORDER(handler_before_provider),
              ORDER(handler_before_module),
              ORDER(handler_after_provider),
              ORDER(freeing_handler_before_provider),
              ORDER(freeing_handler_after_provider),
              ORDER(own_context_alive),
              ORDER(own_context_freed),
              ORDER(exit_while_signing),
              ORDER(return_while_signing),
              ORDER(immediately_while_signing),
              ORDER(thread_exits_while_signing),
              ORDER(thread_exits_while_main_signs),
              ORDER(unload_while_signing),
              ORDER(free_context_while_signing)};

int main(int argc, char** argv) {
    require(argc == 4, "usage: ending_program URI SIGNATURE-FILE ORDER");
    file_name = argv[2];
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; ++i)
        if (strcmp(argv[3], orders[i].name) == 0) {
            orders[i].run(argv[1]);
            return kept_status;
        }
    require(0, "no such order");
}
