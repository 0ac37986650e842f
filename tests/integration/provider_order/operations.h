// SPDX-License-Identifier: Apache-2.0
// Operations with a key, each with a journal of its answers.
#pragma once

#include "tests/integration/provider_order/world.h"

namespace provider_order {

/// The names in `list`, sorted.
std::string names(const OSSL_PARAM* list);

/// What is set in a context before it is used.
using Options = std::vector<std::pair<const char*, const char*>>;

void set(Journal& journal, EVP_PKEY_CTX* context, const Options& options);

struct OneShot {
    int (*init)(EVP_PKEY_CTX*);
    int (*run)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);
};
inline constexpr OneShot signing{EVP_PKEY_sign_init, EVP_PKEY_sign};
inline constexpr OneShot recovering{EVP_PKEY_verify_recover_init, EVP_PKEY_verify_recover};
inline constexpr OneShot encrypting{EVP_PKEY_encrypt_init, EVP_PKEY_encrypt};
inline constexpr OneShot decrypting{EVP_PKEY_decrypt_init, EVP_PKEY_decrypt};

Bytes run(Journal& journal, const World& world, EVP_PKEY* key, const OneShot& how,
          const Options& options, const Bytes& input);
void verify(Journal& journal, const World& world, EVP_PKEY* key, const Options& options,
            const Bytes& signature, const Bytes& tbs);
/// With `message`; `params` are given to init.
Bytes digestSign(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                 const OSSL_PARAM* params, const Options& options);
void digestVerify(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                  const OSSL_PARAM* params, const Options& options, const Bytes& signature);
Bytes derive(Journal& journal, const World& world, EVP_PKEY* key, EVP_PKEY* peer,
             const Options& options, std::size_t room);

void noteForms(Journal& journal, EVP_PKEY* key);
void noteData(Journal& journal, EVP_PKEY* key, int selection);
void noteChecks(Journal& journal, const World& world, EVP_PKEY* key);

} // namespace provider_order
