// SPDX-License-Identifier: Apache-2.0
/* Verifies what sign_file signed:  verify_file URI FILE SIGNATURE
 * The URI names a public key on the token, or is the name of a PEM file. The default provider
 * verifies. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdio.h>

static EVP_PKEY* load_public_key(const char* uri) {
    OSSL_STORE_CTX* store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY* key = NULL;
    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PUBKEY))
        while (key == NULL && !OSSL_STORE_eof(store)) {
            OSSL_STORE_INFO* info = OSSL_STORE_load(store);
            if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY)
                key = OSSL_STORE_INFO_get1_PUBKEY(info);
            OSSL_STORE_INFO_free(info);
        }
    OSSL_STORE_close(store);
    return key;
}

int main(int argc, char** argv) {
    static unsigned char data[1 << 20], signature[1024];
    size_t size, length = 0;
    if (argc != 4 || !OSSL_PROVIDER_load(NULL, "pkcs11") || !OSSL_PROVIDER_load(NULL, "default"))
        return ERR_print_errors_fp(stderr), 2;
    FILE *in = fopen(argv[2], "rb"), *given = fopen(argv[3], "rb");
    EVP_PKEY* key = load_public_key(argv[1]);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    int ok = in && given && key &&
             EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL);
    if (ok)
        length = fread(signature, 1, sizeof signature, given);
    while (ok && (size = fread(data, 1, sizeof data, in)) > 0)
        ok = EVP_DigestVerifyUpdate(context, data, size);
    /* 0 is a wrong signature, and a negative number another failure. */
    ok = ok && EVP_DigestVerifyFinal(context, signature, length) == 1;
    ERR_print_errors_fp(stderr);
    puts(ok ? "Verified OK" : "Verification failure");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (in)
        fclose(in);
    if (given)
        fclose(given);
    return !ok;
}
