// SPDX-License-Identifier: Apache-2.0
/* Signs 64 messages at once, in one thread, by the key that a URI names:  sign_many URI
 * Each signature is a job. It pauses while the token works (ASYNC_start_job(3)). */
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <poll.h>
#include <stdio.h>

enum { COUNT = 64 };

struct message {
    EVP_PKEY* key;
    char text[32];
    unsigned char signature[1024];
    size_t length;
};

static EVP_PKEY* load_key(const char* uri) {
    OSSL_STORE_CTX* store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO* info = NULL;
    EVP_PKEY* key = NULL;
    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
        info = OSSL_STORE_load(store);
    if (info != NULL)
        key = OSSL_STORE_INFO_get1_PKEY(info);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return key;
}

/* The job. OpenSSL copies its argument, which is a pointer here. */
static int sign(void* argument) {
    struct message* message = *(struct message**)argument;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    message->length = sizeof message->signature;
    int ok = EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, message->key, NULL) &&
             EVP_DigestSign(context, message->signature, &message->length,
                            (unsigned char*)message->text, sizeof message->text);
    EVP_MD_CTX_free(context);
    return ok;
}

int main(int argc, char** argv) {
    static struct message messages[COUNT];
    ASYNC_JOB* jobs[COUNT] = {NULL};
    ASYNC_WAIT_CTX* waits[COUNT];
    struct pollfd polls[COUNT];
    int paused = COUNT, good = 0;
    if (argc != 2 || !OSSL_PROVIDER_load(NULL, "pkcs11") || !OSSL_PROVIDER_load(NULL, "default"))
        return ERR_print_errors_fp(stderr), 2;
    EVP_PKEY* key = load_key(argv[1]);
    for (int i = 0; i < COUNT; i++) {
        messages[i].key = key;
        snprintf(messages[i].text, sizeof messages[i].text, "message %d", i);
        waits[i] = ASYNC_WAIT_CTX_new();
        polls[i] = (struct pollfd){-1, POLLIN, POLLIN}; /* ready for its start */
    }
    while (key != NULL && paused > 0) {
        for (int i = 0; i < COUNT; i++) {
            struct message* message = &messages[i];
            int result = 0;
            size_t one = 1;
            if (polls[i].revents == 0)
                continue;
            switch (ASYNC_start_job(&jobs[i], waits[i], &result, sign, &message, sizeof message)) {
            case ASYNC_PAUSE: /* poll its descriptor */
                ASYNC_WAIT_CTX_get_all_fds(waits[i], &polls[i].fd, &one);
                break;
            case ASYNC_FINISH:
                good += result;
                /* fall through */
            default:
                polls[i].fd = -1; /* poll leaves it out */
                paused--;
            }
        }
        if (paused > 0)
            poll(polls, COUNT, -1);
    }
    printf("%d signatures\n", good);
    ERR_print_errors_fp(stderr);
    for (int i = 0; i < COUNT; i++)
        ASYNC_WAIT_CTX_free(waits[i]);
    EVP_PKEY_free(key);
    return good != COUNT;
}
