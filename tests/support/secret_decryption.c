// SPDX-License-Identifier: Apache-2.0
/* Decrypts well and badly padded ciphertexts with a key on a token, under valgrind's memcheck and
 * with what the test module's C_Decrypt gives marked as undefined (PKCS11_TEST_MARK_DECRYPTED).
 * Memcheck then reports each jump and each address that depends on it.
 * secret_decryption URI PUBLIC_KEY [HOST_DIGEST]: with a digest that the token does not do, for
 * OAEP in the host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <valgrind/memcheck.h>

#include "load_key.h"

enum { block_size = 256, premaster_size = 48, tls_padding = 7, client_version = 0x0303 };

struct keys {
    EVP_PKEY* public_key; /* of a file, in software */
    EVP_PKEY* private_key;
};

struct example {
    const char* name;
    int padding;
    const char* digest; /* of OAEP */
    int damage;         /* one of those below */
    int fails;          /* 1: it is told that the padding is bad */
    int explicit_rejection;
};

enum {
    no_damage,
    first_byte,
    block_type,
    short_padding,
    no_separator,
    other_version,
    other_length
};

static const struct example examples[] = {
    {"PKCS#1", RSA_PKCS1_PADDING, NULL, no_damage, 0, 0},
    {"PKCS#1, first byte", RSA_PKCS1_PADDING, NULL, first_byte, 0, 0},
    {"PKCS#1, block type", RSA_PKCS1_PADDING, NULL, block_type, 0, 0},
    {"PKCS#1, short padding", RSA_PKCS1_PADDING, NULL, short_padding, 0, 0},
    {"PKCS#1, no separator", RSA_PKCS1_PADDING, NULL, no_separator, 0, 0},
    {"PKCS#1 with errors", RSA_PKCS1_PADDING, NULL, no_damage, 0, 1},
    {"PKCS#1 with errors, block type", RSA_PKCS1_PADDING, NULL, block_type, 1, 1},
    {"TLS", tls_padding, NULL, no_damage, 0, 0},
    {"TLS, block type", tls_padding, NULL, block_type, 0, 0},
    {"TLS, no separator", tls_padding, NULL, no_separator, 0, 0},
    {"TLS, version", tls_padding, NULL, other_version, 0, 0},
    {"TLS, length", tls_padding, NULL, other_length, 0, 0},
    {"OAEP", RSA_PKCS1_OAEP_PADDING, "SHA1", no_damage, 0, 0},
    {"OAEP, first byte", RSA_PKCS1_OAEP_PADDING, "SHA1", first_byte, 1, 0},
    {"OAEP, hash of the label", RSA_PKCS1_OAEP_PADDING, "SHA1", block_type, 1, 0},
};

static int complain(const char* example, const char* what) {
    fprintf(stderr, "%s: %s\n", example, what);
    ERR_print_errors_fp(stderr);
    return 0;
}

/* A block with the premaster secret and the padding of PKCS#1 v1.5 (RFC 8017, section 7.2.1). */
static void make_block(unsigned char* block, const unsigned char* premaster, int damage) {
    const size_t start = block_size - premaster_size;
    memset(block, 0xa5, block_size);
    block[0] = damage == first_byte ? 1 : 0;
    block[1] = damage == block_type ? 1 : 2;
    if (damage == short_padding)
        block[5] = 0;
    block[start - 1] = damage == no_separator || damage == other_length ? 0xa5 : 0;
    memcpy(block + start, premaster, premaster_size);
    if (damage == other_version)
        block[start] = 2;
    if (damage == other_length)
        block[start - 2] = 0;
}

static int set_padding(EVP_PKEY_CTX* context, const struct example* example, const char* digest) {
    unsigned version = client_version;
    unsigned implicit = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    if (example->explicit_rejection)
        params[1] = OSSL_PARAM_construct_uint("implicit-rejection", &implicit);
    return EVP_PKEY_CTX_set_rsa_padding(context, example->padding) == 1 &&
           EVP_PKEY_CTX_set_params(context, params) == 1 &&
           (digest == NULL || EVP_PKEY_CTX_set_rsa_oaep_md_name(context, digest, NULL) == 1);
}

static int encrypt(EVP_PKEY* key, const struct example* example, const char* digest,
                   const unsigned char* premaster, unsigned char* ciphertext) {
    const int in_openssl = digest != NULL && example->damage == no_damage;
    unsigned char block[block_size];
    size_t size = block_size;
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(NULL, key, "provider=default");
    make_block(block, premaster, example->damage);
    const int good =
        EVP_PKEY_encrypt_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, in_openssl ? example->padding : RSA_NO_PADDING) ==
            1 &&
        (!in_openssl || EVP_PKEY_CTX_set_rsa_oaep_md_name(context, digest, NULL) == 1) &&
        EVP_PKEY_encrypt(context, ciphertext, &size, in_openssl ? premaster : block,
                         in_openssl ? premaster_size : block_size) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

/* Whether anything there is marked. Takes the marks away. */
static int take_marks(void* memory, size_t size) {
    unsigned char bits[block_size] = {0};
    int marked = 0;
    if (VALGRIND_GET_VBITS(memory, bits, size) == 1)
        for (size_t i = 0; i < size; ++i)
            marked |= bits[i] != 0;
    VALGRIND_MAKE_MEM_DEFINED(memory, size);
    return marked;
}

/* The program's own look at the result is no matter of the provider's. */
static int judge(const struct example* example, int result, unsigned char* out, size_t* size,
                 const unsigned char* premaster) {
    const int marked = take_marks(out, block_size);
    take_marks(size, sizeof *size);
    if ((result == 1) == example->fails)
        return complain(example->name, result == 1 ? "was decrypted" : "was not decrypted");
    if (result == 1 && !marked)
        return complain(example->name, "the result does not depend on marked memory");
    const int same = *size == premaster_size && memcmp(out, premaster, premaster_size) == 0;
    if (result == 1 && same != (example->damage == no_damage))
        return complain(example->name, same ? "gives the message" : "gives another message");
    ERR_clear_error();
    return 1;
}

static int run(const struct keys* keys, const struct example* example, const char* digest) {
    unsigned char premaster[premaster_size];
    unsigned char ciphertext[block_size];
    unsigned char out[block_size];
    size_t size = sizeof out;
    RAND_bytes(premaster, sizeof premaster);
    premaster[0] = client_version >> 8;
    premaster[1] = client_version & 0xff;
    if (!encrypt(keys->public_key, example, digest, premaster, ciphertext))
        return complain(example->name, "cannot be encrypted");
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(NULL, keys->private_key, NULL);
    if (EVP_PKEY_decrypt_init(context) != 1 || !set_padding(context, example, digest))
        return complain(example->name, "cannot be begun");
    const int result = EVP_PKEY_decrypt(context, out, &size, ciphertext, sizeof ciphertext);
    EVP_PKEY_CTX_free(context);
    return judge(example, result, out, &size, premaster);
}

static EVP_PKEY* read_public_key(const char* path) {
    BIO* file = BIO_new_file(path, "r");
    EVP_PKEY* key = PEM_read_bio_PUBKEY(file, NULL, NULL, NULL);
    BIO_free(file);
    return key;
}

int main(int argc, char** argv) {
    if (argc < 3 || RUNNING_ON_VALGRIND == 0) {
        fputs("secret_decryption URI PUBLIC_KEY [HOST_DIGEST], under valgrind\n", stderr);
        return EXIT_FAILURE;
    }
    OSSL_PROVIDER_load(NULL, "default");
    OSSL_PROVIDER_load(NULL, "pkcs11");
    const struct keys keys = {read_public_key(argv[2]), load_key(NULL, argv[1], NULL)};
    if (keys.public_key == NULL || keys.private_key == NULL)
        return complain("keys", "not there"), EXIT_FAILURE;
    int good = 1;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; ++i) {
        good &= run(&keys, &examples[i], examples[i].digest);
        if (examples[i].digest != NULL && argc > 3)
            good &= run(&keys, &examples[i], argv[3]);
    }
    EVP_PKEY_free(keys.public_key);
    EVP_PKEY_free(keys.private_key);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
