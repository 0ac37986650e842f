// SPDX-License-Identifier: Apache-2.0
/* A TLS server whose key is on a token:  tls_server PORT CERTIFICATE URI
 * It serves one client after the other. Only load_key is about the key's place. */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <signal.h>
#include <stdio.h>

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

/* A context with the certificate and the key, or NULL. */
static SSL_CTX* server_context(const char* certificate, const char* uri) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY* key = load_key(uri);
    /* SSL_CTX_use_PrivateKey also compares the key with the certificate. */
    if (context == NULL || key == NULL ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1) {
        SSL_CTX_free(context);
        context = NULL;
    }
    EVP_PKEY_free(key); /* the context has a reference of its own */
    return context;
}

/* Takes ownership of the connection. */
static void serve(SSL_CTX* context, BIO* connection) {
    static const char answer[] = "HTTP/1.0 200 OK\r\n\r\nhello\n";
    char request[1024];
    SSL* ssl = SSL_new(context);
    if (ssl == NULL) {
        BIO_free_all(connection);
        return;
    }
    SSL_set_bio(ssl, connection, connection);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0)
        SSL_write(ssl, answer, sizeof answer - 1);
    ERR_print_errors_fp(stderr);
    SSL_shutdown(ssl);
    SSL_free(ssl);
}

int main(int argc, char** argv) {
    char address[64];
    signal(SIGPIPE, SIG_IGN); /* a client that goes away is no reason to end */
    if (argc != 4 || !OSSL_PROVIDER_load(NULL, "pkcs11") || !OSSL_PROVIDER_load(NULL, "default"))
        return ERR_print_errors_fp(stderr), 2;
    snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    SSL_CTX* context = server_context(argv[2], argv[3]);
    BIO* listener = BIO_new_accept(address);
    if (listener != NULL)
        BIO_set_bind_mode(listener, BIO_BIND_REUSEADDR);
    if (context == NULL || listener == NULL || BIO_do_accept(listener) <= 0)
        return ERR_print_errors_fp(stderr), 1;
    while (BIO_do_accept(listener) > 0)
        serve(context, BIO_pop(listener));
    ERR_print_errors_fp(stderr);
    BIO_free_all(listener);
    SSL_CTX_free(context);
    return 1;
}
