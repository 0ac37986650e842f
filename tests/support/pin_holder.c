// SPDX-License-Identifier: Apache-2.0
/* Signs once with the key behind a URI, says "ready" and stays: so that its memory can be searched
 * for the PIN. pin_holder URI [FILE]: with FILE the PIN is asked for, and read from there into
 * memory that is wiped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ui.h>

#include "load_key.h"

static const char* pin_file;

static int read_pin(UI* ui, UI_STRING* prompt) {
    char line[64] = {0};
    const int file = open(pin_file, O_RDONLY);
    const ssize_t size = read(file, line, sizeof line - 1);
    close(file);
    if (size <= 0 || UI_get_string_type(prompt) != UIT_PROMPT)
        return size > 0;
    line[strcspn(line, "\n")] = '\0';
    const int status = UI_set_result(ui, prompt, line);
    OPENSSL_cleanse(line, sizeof line);
    return status == 0;
}

static EVP_PKEY* load(const char* uri) {
    UI_METHOD* method = UI_create_method("file");
    UI_method_set_reader(method, read_pin);
    EVP_PKEY* key = load_key(NULL, uri, pin_file != NULL ? method : NULL);
    UI_destroy_method(method);
    return key;
}

int main(int argc, char** argv) {
    pin_file = argc > 2 ? argv[2] : NULL;
    EVP_PKEY* key = argc > 1 ? load(argv[1]) : NULL;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t size = sizeof signature;
    if (key == NULL || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char*)"message", 7) != 1) {
        ERR_print_errors_fp(stderr);
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);
    pause();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return EXIT_SUCCESS;
}
