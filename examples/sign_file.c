// SPDX-License-Identifier: Apache-2.0
/* Signs a file with SHA-256 by the key that a URI names:  sign_file URI FILE SIGNATURE
 * Nothing in it is about PKCS#11: the providers come from openssl.cnf, or are loaded by name. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdio.h>

static EVP_PKEY* load_key(const char* uri) {
    OSSL_STORE_CTX* store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY* key = NULL;
    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
        while (key == NULL && !OSSL_STORE_eof(store)) {
            OSSL_STORE_INFO* info = OSSL_STORE_load(store);
            if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
                key = OSSL_STORE_INFO_get1_PKEY(info);
            OSSL_STORE_INFO_free(info);
        }
    OSSL_STORE_close(store);
    return key;
}

int main(int argc, char** argv) {
    static unsigned char data[1 << 20], signature[1024];
    size_t size, length = sizeof signature;
    if (argc != 4 || !OSSL_PROVIDER_load(NULL, "pkcs11") || !OSSL_PROVIDER_load(NULL, "default"))
        return ERR_print_errors_fp(stderr), 2;
    FILE *in = fopen(argv[2], "rb"), *out = fopen(argv[3], "wb");
    EVP_PKEY* key = load_key(argv[1]);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    int ok =
        in && out && key && EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL);
    while (ok && (size = fread(data, 1, sizeof data, in)) > 0)
        ok = EVP_DigestSignUpdate(context, data, size);
    ok = ok && EVP_DigestSignFinal(context, signature, &length) &&
         fwrite(signature, length, 1, out) == 1;
    ERR_print_errors_fp(stderr);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return (in && fclose(in)) || (out && fclose(out)) || !ok;
}
