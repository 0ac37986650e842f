// SPDX-License-Identifier: Apache-2.0
/* The private key behind a URI, for programs in C. */
#pragma once

#include <stddef.h>

#include <openssl/store.h>
#include <openssl/ui.h>

/* Of the providers of `libctx` (NULL: the default context); `method` asks for the PIN, if it is not
 * NULL. NULL on failure, with the errors in OpenSSL's queue. The caller frees it. */
static inline EVP_PKEY* load_key(OSSL_LIB_CTX* libctx, const char* uri, const UI_METHOD* method) {
    EVP_PKEY* key = NULL;
    OSSL_STORE_CTX* store = OSSL_STORE_open_ex(uri, libctx, NULL, method, NULL, NULL, NULL, NULL);
    if (store == NULL)
        return NULL;
    OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO* info = OSSL_STORE_load(store);
        key = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}
