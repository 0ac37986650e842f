// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/cases.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "tests/integration/provider_order/operations.h"

namespace provider_order {

void ecSignatures(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "EC");
    const auto half = world.publicHalf(journal, "EC");
    const auto signature = run(journal, world, pair.get(), signing, {{"digest", "SHA256"}}, hash);
    verify(journal, world, half.get(), {{"digest", "SHA256"}}, signature, hash);
    verify(journal, world, half.get(), {{"digest", "SHA256"}}, signature, message);
    verify(journal, world, half.get(), {}, Bytes(70, 1), hash);
    run(journal, world, half.get(), signing, {}, hash);
    run(journal, world, half.get(), recovering, {}, hash);
    const auto made = digestSign(journal, world, pair.get(), "SHA512", nullptr, {});
    digestVerify(journal, world, half.get(), "SHA512", nullptr, {}, made);
    digestSign(journal, world, pair.get(), "SHAKE256", nullptr, {});
}

// OpenSSL 3.2 and later.
void deterministicEcdsa(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "EC");
    const auto half = world.publicHalf(journal, "EC");
    const auto context = world.context(pair.get());
    unsigned kind = 1;
    const std::array params{OSSL_PARAM_construct_uint("nonce-type", &kind),
                            OSSL_PARAM_construct_end()};
    journal.note("init", EVP_PKEY_sign_init_ex(context.get(), params.data()));
    journal.note("set", EVP_PKEY_CTX_set_params(context.get(), params.data()));
    set(journal, context.get(), {{"digest", "SHA256"}});
    std::size_t size = 200;
    Bytes signature(size);
    journal.note("sign",
                 EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()));
    signature.resize(size);
    const bool isThere =
        names(EVP_PKEY_CTX_settable_params(context.get())).find("nonce-type") != std::string::npos;
    if (isThere)
        journal.note("signature", signature);
    verify(journal, world, half.get(), {}, signature, hash);
    if (isThere)
        journal.note("of message",
                     digestSign(journal, world, pair.get(), "SHA256", params.data(), {}));
}

namespace {

void setText(Journal& journal, EVP_PKEY* key, const char* name, const char* value) {
    journal.note(std::string(name) + "=" + value, EVP_PKEY_set_utf8_string_param(key, name, value));
    std::array<char, 80> answer{};
    journal.note("get",
                 EVP_PKEY_get_utf8_string_param(key, name, answer.data(), answer.size(), nullptr));
    journal.note(name, std::string(answer.data()));
}

} // namespace

void ecForms(Journal& journal, const World& world) {
    for (const auto& key : {world.pair(journal, "EC"), world.publicHalf(journal, "EC")}) {
        noteForms(journal, key.get());
        for (const char* format : {"compressed", "hybrid", "nosuch", "uncompressed"}) {
            setText(journal, key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, format);
            noteForms(journal, key.get());
            noteData(journal, key.get(), EVP_PKEY_PUBLIC_KEY);
        }
        setText(journal, key.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
        noteForms(journal, key.get());
        journal.note("without public",
                     EVP_PKEY_set_int_param(key.get(), OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0));
        noteForms(journal, key.get());
        journal.note("cofactor",
                     EVP_PKEY_set_int_param(key.get(), OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, 1));
        noteData(journal, key.get(), EVP_PKEY_KEYPAIR);
        const p11::ossl::Pkey copy(EVP_PKEY_dup(key.get()));
        noteForms(journal, copy.get());
        noteData(journal, copy.get(), EVP_PKEY_KEYPAIR);
    }
}

void ecAgreement(Journal& journal, const World& world) {
    for (const char* type : {"EC", "cofactor"}) {
        const auto mine = world.pair(journal, type);
        const auto theirs = world.publicHalf(journal, type, 1);
        for (const Options& options :
             {Options{}, Options{{"ecdh_cofactor_mode", "1"}}, Options{{"ecdh_cofactor_mode", "5"}},
              Options{{"ecdh_kdf_md", "SHA256"}}}) {
            const auto secret = derive(journal, world, mine.get(), theirs.get(), options, 100);
            journal.note("secret", secret);
        }
        journal.note("short", derive(journal, world, mine.get(), theirs.get(), {}, 5));
        const auto other = world.publicHalf(journal, type == std::string("EC") ? "cofactor" : "EC");
        derive(journal, world, mine.get(), other.get(), {}, 100);
        const auto stranger = world.publicHalf(journal, "X25519");
        derive(journal, world, mine.get(), stranger.get(), {}, 100);
    }
}

void ecAgreementWithKdf(Journal& journal, const World& world) {
    const auto mine = world.pair(journal, "EC");
    const auto theirs = world.publicHalf(journal, "EC", 1);
    journal.note("key", EVP_PKEY_set_int_param(mine.get(), OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, 1));
    const auto context = world.context(mine.get());
    journal.note("init", EVP_PKEY_derive_init(context.get()));
    journal.note("mode", EVP_PKEY_CTX_get_ecdh_cofactor_mode(context.get()));
    journal.note("set mode", EVP_PKEY_CTX_set_ecdh_cofactor_mode(context.get(), 0));
    journal.note("mode", EVP_PKEY_CTX_get_ecdh_cofactor_mode(context.get()));
    journal.note("kdf", EVP_PKEY_CTX_set_ecdh_kdf_type(context.get(), EVP_PKEY_ECDH_KDF_X9_63));
    journal.note("md", EVP_PKEY_CTX_set_ecdh_kdf_md(context.get(), EVP_sha256()));
    journal.note("length", EVP_PKEY_CTX_set_ecdh_kdf_outlen(context.get(), 50));
    journal.note("ukm", EVP_PKEY_CTX_set0_ecdh_kdf_ukm(
                            context.get(),
                            static_cast<unsigned char*>(OPENSSL_memdup(hash.data(), hash.size())),
                            static_cast<int>(hash.size())));
    journal.note("peer", EVP_PKEY_derive_set_peer(context.get(), theirs.get()));
    const p11::ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    for (auto* one : {context.get(), copy.get()}) {
        Bytes secret(50);
        std::size_t size = secret.size();
        journal.note("derive", EVP_PKEY_derive(one, secret.data(), &size));
        journal.note("secret", secret);
    }
}

void montgomeryAgreement(Journal& journal, const World& world) {
    for (const char* type : {"X25519", "X448"}) {
        const auto mine = world.pair(journal, type);
        const auto theirs = world.publicHalf(journal, type, 1);
        noteForms(journal, mine.get());
        journal.note("secret", derive(journal, world, mine.get(), theirs.get(), {}, 100));
        derive(journal, world, mine.get(), theirs.get(), {}, 5);
        const auto stranger = world.publicHalf(journal, "EC");
        derive(journal, world, mine.get(), stranger.get(), {}, 100);
    }
}

void montgomeryRawKeys(Journal& journal, const World& world) {
    for (const char* type : {"X25519", "ED25519"}) {
        const p11::ossl::Pkey pair(EVP_PKEY_new_raw_private_key_ex(world.libctx(), type, nullptr,
                                                                   hash.data(), hash.size()));
        noteForms(journal, pair.get());
        noteData(journal, pair.get(), EVP_PKEY_KEYPAIR);
        const p11::ossl::Pkey half(EVP_PKEY_new_raw_public_key_ex(world.libctx(), type, nullptr,
                                                                  hash.data(), hash.size()));
        noteForms(journal, half.get());
        const p11::ossl::Pkey none(
            EVP_PKEY_new_raw_public_key_ex(world.libctx(), type, nullptr, hash.data(), 5));
        journal.note("short", none != nullptr ? 1 : 0);
        Bytes raw(32);
        std::size_t size = raw.size();
        journal.note("get", EVP_PKEY_get_raw_private_key(pair.get(), raw.data(), &size));
        journal.note("raw", raw);
        journal.note("get", EVP_PKEY_get_raw_private_key(half.get(), raw.data(), &size));
    }
}

void edwardsSignatures(Journal& journal, const World& world) {
    for (const char* type : {"ED25519", "ED448"}) {
        const auto pair = world.pair(journal, type);
        const auto half = world.publicHalf(journal, type);
        noteForms(journal, pair.get());
        const auto plain = digestSign(journal, world, pair.get(), nullptr, nullptr, {});
        journal.note("signature", plain);
        digestVerify(journal, world, half.get(), nullptr, nullptr, {}, plain);
        digestVerify(journal, world, half.get(), nullptr, nullptr, {}, Bytes(plain.size(), 1));
        digestSign(journal, world, half.get(), nullptr, nullptr, {});
        digestSign(journal, world, pair.get(), "SHA256", nullptr, {});
        run(journal, world, pair.get(), signing, {}, hash);
        run(journal, world, pair.get(), recovering, {}, hash);
        run(journal, world, pair.get(), encrypting, {}, hash);
        const p11::ossl::MdCtx streamed(EVP_MD_CTX_new());
        journal.note("init", EVP_DigestSignInit_ex(streamed.get(), nullptr, nullptr, world.libctx(),
                                                   nullptr, pair.get(), nullptr));
        journal.note("update", EVP_DigestSignUpdate(streamed.get(), message.data(), 5));
    }
}

// OpenSSL 3.2 and later.
void edwardsInstances(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "ED25519");
    const auto half = world.publicHalf(journal, "ED25519");
    const Bytes context(9, 'c');
    for (const char* instance : {"Ed25519", "Ed25519ctx", "Ed25519ph", "nosuch"})
        for (const bool withContext : {false, true}) {
            const std::array params{text("instance", instance),
                                    withContext ? octets("context-string", context)
                                                : OSSL_PARAM_construct_end(),
                                    OSSL_PARAM_construct_end()};
            const auto signature =
                digestSign(journal, world, pair.get(), nullptr, params.data(), {});
            journal.note(instance, signature);
            digestVerify(journal, world, half.get(), nullptr, params.data(), {}, signature);
            digestVerify(journal, world, half.get(), nullptr, nullptr, {}, signature);
        }
}

} // namespace provider_order
