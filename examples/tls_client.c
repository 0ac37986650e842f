// SPDX-License-Identifier: Apache-2.0
/* Gets a page, and shows a client certificate whose key is on a token:
 *   tls_client HOST PORT CA CERTIFICATE URI */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
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

/* A context that trusts the CA, and has the certificate and the key, or NULL. */
static SSL_CTX* client_context(const char* ca, const char* certificate, const char* uri) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    EVP_PKEY* key = load_key(uri);
    if (context == NULL || key == NULL || SSL_CTX_load_verify_file(context, ca) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1) {
        SSL_CTX_free(context);
        context = NULL;
    }
    EVP_PKEY_free(key);
    if (context != NULL)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

/* Connects, and verifies the server's name. NULL if that fails. */
static BIO* connect_to(SSL_CTX* context, const char* host, const char* port) {
    BIO* connection = BIO_new_ssl_connect(context);
    SSL* ssl = NULL;
    if (connection == NULL)
        return NULL;
    BIO_set_conn_hostname(connection, host);
    BIO_set_conn_port(connection, port);
    BIO_get_ssl(connection, &ssl);
    if (ssl == NULL || SSL_set1_host(ssl, host) != 1 || SSL_set_tlsext_host_name(ssl, host) != 1 ||
        BIO_do_connect(connection) <= 0) {
        BIO_free_all(connection);
        return NULL;
    }
    return connection;
}

int main(int argc, char** argv) {
    char answer[4096];
    int size, got = 0;
    if (argc != 6 || !OSSL_PROVIDER_load(NULL, "pkcs11") || !OSSL_PROVIDER_load(NULL, "default"))
        return ERR_print_errors_fp(stderr), 2;
    SSL_CTX* context = client_context(argv[3], argv[4], argv[5]);
    BIO* connection = context == NULL ? NULL : connect_to(context, argv[1], argv[2]);
    if (connection != NULL && BIO_puts(connection, "GET / HTTP/1.0\r\n\r\n") > 0)
        while ((size = BIO_read(connection, answer, sizeof answer)) > 0)
            got += (int)fwrite(answer, 1, (size_t)size, stdout);
    ERR_print_errors_fp(stderr);
    BIO_free_all(connection);
    SSL_CTX_free(context);
    return got == 0;
}
