// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/cases.h"

#include <memory>

#include "tests/integration/provider_order/operations.h"

namespace provider_order {

void everyKeyIsAsked(Journal& journal, const World& world) {
    for (const auto& maker : makers) {
        if (!material(maker.name).pair)
            continue; // no such keys in this OpenSSL
        const auto pair = world.pair(journal, maker.name);
        const auto half = world.publicHalf(journal, maker.name);
        const auto other = world.publicHalf(journal, maker.name, 1);
        for (auto* key : {pair.get(), half.get()}) {
            noteForms(journal, key);
            for (const int selection :
                 {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS})
                noteData(journal, key, selection);
            noteChecks(journal, world, key);
            journal.note("bits", EVP_PKEY_get_bits(key));
            journal.note("security", EVP_PKEY_get_security_bits(key));
            journal.note("size", EVP_PKEY_get_size(key));
            journal.note("id", EVP_PKEY_get_id(key));
            journal.note("name", EVP_PKEY_get0_type_name(key));
            journal.note("signs", EVP_PKEY_can_sign(key));
            std::array<char, 80> digest{};
            journal.note("default digest",
                         EVP_PKEY_get_default_digest_name(key, digest.data(), digest.size()));
            journal.note("digest", std::string(digest.data()));
            journal.note("missing", EVP_PKEY_missing_parameters(key));
            const p11::ossl::Pkey copy(EVP_PKEY_dup(key));
            journal.note("dup", copy != nullptr ? 1 : 0);
            noteData(journal, copy.get(), EVP_PKEY_KEYPAIR);
            journal.note("eq copy", EVP_PKEY_eq(key, copy.get()));
            journal.note("eq half", EVP_PKEY_eq(key, half.get()));
            journal.note("half eq", EVP_PKEY_eq(half.get(), key));
            journal.note("eq other", EVP_PKEY_eq(key, other.get()));
            journal.note("parameters eq", EVP_PKEY_parameters_eq(key, other.get()));
            BIGNUM* number = nullptr;
            for (const char* name : {"n", "e", "d", "rsa-factor1", "priv", "qx", "p"}) {
                journal.note(name, EVP_PKEY_get_bn_param(key, name, &number));
                if (number != nullptr)
                    journal.note(name, std::string(BN_is_odd(number) != 0 ? "odd" : "even"));
                BN_clear_free(number);
                number = nullptr;
            }
        }
    }
}

// A key of each source beside one of the other.
void mixedSources(Journal& journal, const World& world) {
    for (const auto& maker : makers) {
        const auto& from = material(maker.name);
        if (!from.pair)
            continue; // no such keys in this OpenSSL
        const auto mine =
            World::required(world.fromData(journal, from, EVP_PKEY_KEYPAIR, from.pair.get()));
        const auto half = World::required(
            world.fromData(journal, from, EVP_PKEY_PUBLIC_KEY, from.publicHalf.get()));
        const auto decoded = world.decoded(from);
        const auto other = world.decoded(material(maker.name, 1));
        for (auto* key : {mine.get(), half.get()}) {
            journal.note("eq", EVP_PKEY_eq(key, decoded.get()));
            journal.note("eq", EVP_PKEY_eq(decoded.get(), key));
            journal.note("other", EVP_PKEY_eq(key, other.get()));
            journal.note("other", EVP_PKEY_eq(other.get(), key));
            journal.note("parameters", EVP_PKEY_parameters_eq(key, other.get()));
            journal.note("parameters", EVP_PKEY_parameters_eq(other.get(), key));
            const p11::ossl::Pkey copy(EVP_PKEY_new());
            journal.note("copy", EVP_PKEY_copy_parameters(copy.get(), key));
        }
        journal.note("secret", derive(journal, world, mine.get(), other.get(), {}, 200));
        journal.note("secret", derive(journal, world, other.get(), half.get(), {}, 200));
    }
}

namespace {

int countProgress(EVP_PKEY_CTX* context) {
    ++*static_cast<int*>(EVP_PKEY_CTX_get_app_data(context));
    return 1;
}

} // namespace

void generation(Journal& journal, const World& world) {
    struct Row {
        const char* type;
        Options options;
    };
    const std::array rows{
        Row{"RSA", {{"rsa_keygen_bits", "512"}, {"rsa_keygen_pubexp", "3"}}},
        Row{"RSA", {{"rsa_keygen_bits", "5"}}},
        Row{"RSA", {{"rsa_keygen_primes", "99"}}},
        Row{"RSA-PSS", {{"rsa_keygen_bits", "512"}, {"rsa_pss_keygen_md", "nosuch"}}},
        Row{"EC", {{"group", "P-256"}, {"point-format", "compressed"}}},
        Row{"EC", {{"group", "P-384"}, {"encoding", "explicit"}}},
        Row{"EC", {{"group", "nosuch"}}},
        Row{"EC", {}},
        Row{"ED25519", {}},
        Row{"X448", {{"nosuch", "1"}}}};
    for (const auto& row : rows) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_name(world.libctx(), row.type, nullptr));
        journal.note("init", EVP_PKEY_keygen_init(context.get()));
        set(journal, context.get(), row.options);
        int steps = 0;
        EVP_PKEY_CTX_set_app_data(context.get(), &steps);
        EVP_PKEY_CTX_set_cb(context.get(), countProgress);
        EVP_PKEY* raw = nullptr;
        journal.note("generate", EVP_PKEY_generate(context.get(), &raw));
        const p11::ossl::Pkey key(raw);
        journal.note("progress", steps > 0 ? 1 : 0);
        if (!key)
            continue;
        // OpenSSL's own encoders forget the format with which a key was generated, but only until
        // it comes to another provider, as it does here.
        if (row.options.size() < 2 || row.options[1].first != std::string("point-format"))
            journal.note("public size", static_cast<long>(derOf(raw, i2d_PUBKEY).size()));
        journal.note("bits", EVP_PKEY_get_bits(raw));
        noteChecks(journal, world, raw);
        std::array<char, 80> format{};
        EVP_PKEY_get_utf8_string_param(raw, "point-format", format.data(), format.size(), nullptr);
        journal.note("format", std::string(format.data()));
        journal.note("errors", 0);
    }
}

void parameters(Journal& journal, const World& world) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(world.libctx(), "EC", nullptr));
    EVP_PKEY* raw = nullptr;
    journal.note("init", EVP_PKEY_paramgen_init(context.get()));
    journal.note("group", EVP_PKEY_CTX_set_group_name(context.get(), "P-521"));
    journal.note("paramgen", EVP_PKEY_paramgen(context.get(), &raw));
    const p11::ossl::Pkey group(raw);
    noteForms(journal, group.get());
    noteData(journal, group.get(), EVP_PKEY_KEY_PARAMETERS);
    noteChecks(journal, world, group.get());
    const auto maker = world.context(group.get());
    EVP_PKEY* made = nullptr;
    journal.note("keygen init", EVP_PKEY_keygen_init(maker.get()));
    journal.note("keygen", EVP_PKEY_keygen(maker.get(), &made));
    const p11::ossl::Pkey key(made);
    journal.note("eq", EVP_PKEY_parameters_eq(group.get(), key.get()));
    journal.note("bits", EVP_PKEY_get_bits(key.get()));
    const p11::ossl::Pkey copy(EVP_PKEY_new());
    journal.note("copy", EVP_PKEY_copy_parameters(copy.get(), key.get()));
    unsigned char* point = nullptr;
    const auto size = EVP_PKEY_get1_encoded_public_key(key.get(), &point);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(
        point, [](unsigned char* data) { OPENSSL_free(data); });
    journal.note("set", EVP_PKEY_set1_encoded_public_key(copy.get(), point, size));
    journal.note("eq", EVP_PKEY_eq(copy.get(), key.get()));
    journal.note("bad", EVP_PKEY_set1_encoded_public_key(copy.get(), point, 5));
}

// What EVP_PKEY_fromdata refuses.
void nonsense(Journal& journal, const World& world) {
    for (const char* type : {"RSA", "RSA-PSS", "EC", "ED25519", "X25519"}) {
        Material from;
        from.type = type;
        const Bytes data(5, 'd');
        std::array empty{OSSL_PARAM_construct_end()};
        std::array wrong{octets("pub", data), text("group", "nosuch"), text("n", "x"),
                         OSSL_PARAM_construct_end()};
        std::array half{text("group", "P-256"), octets("priv", data), OSSL_PARAM_construct_end()};
        for (auto* params : {empty.data(), wrong.data(), half.data()})
            for (const int selection :
                 {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS}) {
                const auto key = world.fromData(journal, from, selection, params);
                journal.note("made", key != nullptr ? 1 : 0);
            }
    }
}

void certificates(Journal& journal, const World& world) {
    const auto certificate = certificateFromFile(world.libctx(), "rsa");
    EVP_PKEY* key = X509_get0_pubkey(certificate.get());
    ASSERT_NE(key, nullptr);
    noteForms(journal, key);
    journal.note("verify", X509_verify(certificate.get(), key));
    run(journal, world, key, recovering, {{"rsa_padding_mode", "x931"}}, Bytes(256, 1));
    const auto pair = privateKeyFromFile(world.libctx(), "rsa");
    journal.note("check", X509_check_private_key(certificate.get(), pair.get()));
    const auto other = world.pair(journal, "RSA");
    journal.note("check", X509_check_private_key(certificate.get(), other.get()));
    const auto edwards = world.pair(journal, "ED25519");
    const p11::ossl::Certificate copy(X509_dup(certificate.get()));
    journal.note("set", X509_set_pubkey(copy.get(), edwards.get()));
    journal.note("sign", X509_sign(copy.get(), edwards.get(), nullptr));
    journal.note("verify", X509_verify(copy.get(), edwards.get()));
}

} // namespace provider_order
