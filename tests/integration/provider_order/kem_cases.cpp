// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/cases.h"

#include <openssl/core_names.h>

#include "tests/integration/newer.h"
#include "tests/integration/provider_order/operations.h"

namespace provider_order {
namespace {

using AuthInit = int(EVP_PKEY_CTX*, EVP_PKEY*, const OSSL_PARAM*);

// Random ones are told by their sizes alone.
void encapsulate(Journal& journal, EVP_PKEY_CTX* context, bool isRandom, Bytes& ciphertext,
                 Bytes& secret) {
    ciphertext.assign(600, 0);
    secret.assign(600, 0);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = secret.size();
    if (!journal.note("encapsulate", EVP_PKEY_encapsulate(context, ciphertext.data(), &size,
                                                          secret.data(), &secretSize)))
        return;
    ciphertext.resize(size);
    secret.resize(secretSize);
    journal.note("ciphertext", isRandom ? Bytes(ciphertext.size()) : ciphertext);
    journal.note("secret", isRandom ? Bytes(secret.size()) : secret);
}

void decapsulate(Journal& journal, EVP_PKEY_CTX* context, const Bytes& ciphertext,
                 const Bytes& secret) {
    Bytes found(600);
    for (const std::size_t room : {found.size(), secret.size() - 1}) {
        std::size_t size = room;
        journal.note("decapsulate", EVP_PKEY_decapsulate(context, found.data(), &size,
                                                         ciphertext.data(), ciphertext.size()));
        journal.note("size", static_cast<long>(size));
        journal.note(
            "is the secret",
            long{size == secret.size() && std::equal(secret.begin(), secret.end(), found.begin())});
    }
    std::size_t size = found.size();
    journal.note("short", EVP_PKEY_decapsulate(context, found.data(), &size, ciphertext.data(), 5));
}

void plain(Journal& journal, const World& world, const char* name, const char* operation) {
    const bool isRandom = std::string(operation) == "RSASVE";
    const std::array params{text("operation", operation),
                            isRandom ? OSSL_PARAM_construct_end() : octets("ikme", message),
                            OSSL_PARAM_construct_end()};
    const auto pair = world.pair(journal, name);
    const auto half = world.publicHalf(journal, name);
    const auto sending = world.context(half.get());
    journal.note("init", EVP_PKEY_encapsulate_init(sending.get(), params.data()));
    journal.note("settable", names(EVP_PKEY_CTX_settable_params(sending.get())));
    journal.note("nonsense", EVP_PKEY_CTX_set_kem_op(sending.get(), "nonsense"));
    Bytes ciphertext;
    Bytes secret;
    encapsulate(journal, sending.get(), isRandom, ciphertext, secret);
    const auto receiving = world.context(pair.get());
    journal.note("init", EVP_PKEY_decapsulate_init(receiving.get(), params.data()));
    decapsulate(journal, receiving.get(), ciphertext, secret);
    journal.note("public", EVP_PKEY_decapsulate_init(sending.get(), params.data()));
}

} // namespace

void rsaKem(Journal& journal, const World& world) {
    plain(journal, world, "RSA", "RSASVE");
    const auto pair = world.pair(journal, "PSS");
    journal.note("init", EVP_PKEY_decapsulate_init(world.context(pair.get()).get(), nullptr));
}

// OpenSSL 3.2 and later. Before, there are no such KEMs, which its error queue tells in other words
// if this provider is there.
void curveKem(Journal& journal, const World& world) {
    if (newer<AuthInit>("EVP_PKEY_auth_decapsulate_init") == nullptr) {
        const auto pair = world.pair(journal, "EC");
        const auto result = EVP_PKEY_decapsulate_init(world.context(pair.get()).get(), nullptr);
        ERR_clear_error();
        journal.note("init", result);
        return;
    }
    for (const char* name : {"EC", "X25519", "X448"})
        plain(journal, world, name, "DHKEM");
    for (const char* name : {"cofactor", "ED25519"}) {
        const auto pair = world.pair(journal, name);
        journal.note("init", EVP_PKEY_decapsulate_init(world.context(pair.get()).get(), nullptr));
    }
}

void curveKemWithSender(Journal& journal, const World& world) {
    auto* encapsulateInit = newer<AuthInit>("EVP_PKEY_auth_encapsulate_init");
    auto* decapsulateInit = newer<AuthInit>("EVP_PKEY_auth_decapsulate_init");
    const std::array params{text("operation", "DHKEM"), octets("ikme", message),
                            OSSL_PARAM_construct_end()};
    for (const char* name : {"EC", "X25519"}) {
        const auto sender = world.pair(journal, name, 1);
        const auto sending = world.context(world.publicHalf(journal, name).get());
        journal.note("init", encapsulateInit(sending.get(), sender.get(), params.data()));
        Bytes ciphertext;
        Bytes secret;
        encapsulate(journal, sending.get(), false, ciphertext, secret);
        const auto receiving = world.context(world.pair(journal, name).get());
        const auto senderHalf = world.publicHalf(journal, name, 1);
        journal.note("init", decapsulateInit(receiving.get(), senderHalf.get(), params.data()));
        decapsulate(journal, receiving.get(), ciphertext, secret);
        const auto other = world.pair(journal, "X448");
        journal.note("other type", decapsulateInit(receiving.get(), other.get(), params.data()));
    }
}

} // namespace provider_order
