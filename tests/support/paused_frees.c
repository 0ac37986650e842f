// SPDX-License-Identifier: Apache-2.0
/* To be preloaded: counts the connections that a server frees while their asynchronous job is
 * paused. OpenSSL never frees such a job, which has a stack of 32 KiB. Their number is the size of
 * the file PAUSED_FREES, which grows by one byte for each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

static void note(void) {
    int file = open(getenv("PAUSED_FREES"), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0 || write(file, "x", 1) != 1)
        abort();
    close(file);
}

void SSL_free(SSL* connection) {
    void (*next)(SSL*) = (void (*)(SSL*))dlsym(RTLD_NEXT, "SSL_free");
    if (connection != NULL && SSL_waiting_for_async(connection))
        note();
    next(connection);
}
