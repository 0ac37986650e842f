// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/cases.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "tests/integration/provider_order/operations.h"

namespace provider_order {

void rsaSignatures(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    const Options sha256{{"digest", "SHA256"}};
    const std::array<Options, 5> all{
        sha256, Options{}, Options{{"rsa_padding_mode", "x931"}, {"digest", "SHA256"}},
        Options{{"rsa_padding_mode", "pss"}, {"digest", "SHA256"}, {"rsa_pss_saltlen", "0"}},
        Options{{"rsa_padding_mode", "pss"},
                {"digest", "SHA256"},
                {"rsa_mgf1_md", "SHA1"},
                {"rsa_pss_saltlen", "0"}}};
    for (const auto& options : all) {
        const auto signature = run(journal, world, pair.get(), signing, options, hash);
        journal.note("signature", signature);
        verify(journal, world, half.get(), options, signature, hash);
        verify(journal, world, pair.get(), options, signature, message);
        verify(journal, world, half.get(), options, Bytes(signature.size(), 1), hash);
        journal.note("recovered", run(journal, world, half.get(), recovering, options, signature));
    }
    const auto raw =
        run(journal, world, pair.get(), signing, {{"rsa_padding_mode", "none"}}, Bytes(128, 'r'));
    journal.note("raw", raw);
    verify(journal, world, half.get(), {{"rsa_padding_mode", "none"}}, raw, Bytes(128, 'r'));
}

void rsaRefusals(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    const std::array<Options, 8> all{
        Options{{"digest", "SHA512"}},
        Options{{"digest", "nosuch"}},
        Options{{"rsa_pss_saltlen", "20"}},
        Options{{"rsa_mgf1_md", "SHA1"}},
        Options{{"rsa_padding_mode", "oaep"}},
        Options{{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "-9"}},
        Options{{"rsa_padding_mode", "pss"}, {"digest", "SHA256"}, {"rsa_pss_saltlen", "9999"}},
        Options{{"rsa_padding_mode", "none"}}};
    for (const auto& options : all) {
        run(journal, world, pair.get(), signing, options, hash);
        verify(journal, world, half.get(), options, Bytes(128, 1), hash);
    }
    run(journal, world, half.get(), signing, {{"digest", "SHA256"}}, hash);
}

void rsaMessages(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    for (const char* digest : {"SHA256", "SHA3-256", "MD5-SHA1", "SHAKE128", "nosuch"}) {
        const auto signature = digestSign(journal, world, pair.get(), digest, nullptr, {});
        journal.note("signature", signature);
        digestVerify(journal, world, half.get(), digest, nullptr, {}, signature);
    }
    journal.note("default", digestSign(journal, world, pair.get(), nullptr, nullptr, {}));
    const Options pss{{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "digest"}};
    const auto signature = digestSign(journal, world, pair.get(), "SHA384", nullptr, pss);
    digestVerify(journal, world, half.get(), "SHA384", nullptr,
                 {{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "auto"}}, signature);
    digestVerify(journal, world, half.get(), "SHA384", nullptr,
                 {{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "20"}}, signature);
}

// EVP_PKEY_CTX_get_* before and after something is set, and the AlgorithmIdentifier.
void rsaContextParams(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto context = world.context(pair.get());
    journal.note("init", EVP_PKEY_sign_init(context.get()));
    for (const Options& options :
         {Options{}, Options{{"rsa_padding_mode", "pss"}}, Options{{"rsa_pss_saltlen", "max"}},
          Options{{"digest", "SHA384"}}, Options{{"rsa_pss_saltlen", "17"}}}) {
        set(journal, context.get(), options);
        int number = 77;
        journal.note("get padding", EVP_PKEY_CTX_get_rsa_padding(context.get(), &number));
        journal.note("padding", number);
        journal.note("get salt", EVP_PKEY_CTX_get_rsa_pss_saltlen(context.get(), &number));
        journal.note("salt", number);
        const EVP_MD* md = nullptr;
        journal.note("get md", EVP_PKEY_CTX_get_signature_md(context.get(), &md));
        journal.note("md", md != nullptr ? EVP_MD_get0_name(md) : "none");
        Bytes der(128);
        std::array params{octets("algorithm-id", der), OSSL_PARAM_construct_end()};
        journal.note("get id", EVP_PKEY_CTX_get_params(context.get(), params.data()));
        der.resize(std::min<std::size_t>(params[0].return_size, der.size()));
        journal.note("id", der);
    }
}

void pssLimits(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "PSS");
    const auto half = world.publicHalf(journal, "PSS");
    noteForms(journal, pair.get());
    noteData(journal, pair.get(), EVP_PKEY_KEYPAIR);
    for (const Options& options :
         {Options{}, Options{{"rsa_pss_saltlen", "20"}}, Options{{"rsa_pss_saltlen", "32"}},
          Options{{"rsa_pss_saltlen", "40"}}, Options{{"digest", "SHA1"}},
          Options{{"rsa_mgf1_md", "SHA512"}}, Options{{"rsa_padding_mode", "pkcs1"}},
          Options{{"rsa_pss_saltlen", "auto"}}, Options{{"rsa_pss_saltlen", "digest"}}}) {
        const auto signature = run(journal, world, pair.get(), signing, options, hash);
        verify(journal, world, half.get(), options, signature, hash);
        const auto made = digestSign(journal, world, pair.get(), "SHA256", nullptr, options);
        digestVerify(journal, world, half.get(), "SHA256", nullptr, options, made);
    }
    digestSign(journal, world, pair.get(), "SHA1", nullptr, {});
    digestVerify(journal, world, half.get(), "SHA1", nullptr, {}, Bytes(128, 1));
}

void rsaEncryption(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    journal.note("raw", run(journal, world, half.get(), encrypting, {{"rsa_padding_mode", "none"}},
                            Bytes(128, 'r')));
    for (const Options& options :
         {Options{}, Options{{"rsa_padding_mode", "oaep"}},
          Options{{"rsa_padding_mode", "oaep"}, {"rsa_oaep_md", "SHA256"}, {"rsa_mgf1_md", "SHA1"}},
          Options{{"rsa_padding_mode", "oaep"}, {"rsa_oaep_label", "0102"}},
          Options{{"rsa_pkcs1_implicit_rejection", "0"}}, Options{{"rsa_padding_mode", "x931"}},
          Options{{"rsa_padding_mode", "pss"}}}) {
        const auto ciphertext = run(journal, world, half.get(), encrypting, options, hash);
        journal.note("plaintext", run(journal, world, pair.get(), decrypting, options, ciphertext));
        run(journal, world, half.get(), encrypting, options, Bytes(128, 'l'));
        run(journal, world, pair.get(), decrypting, options, Bytes(3, 's'));
        // From OpenSSL 3.2 on, the substitute depends on key and ciphertext alone.
        journal.note("of nonsense",
                     run(journal, world, pair.get(), decrypting, options, Bytes(128, 'n')));
    }
    run(journal, world, half.get(), decrypting, {}, Bytes(128, 'n'));
}

void rsaTlsDecryption(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    Bytes premaster(48, 'p');
    premaster[0] = premaster[1] = 3;
    const auto ciphertext = run(journal, world, half.get(), encrypting, {}, premaster);
    const auto context = world.context(pair.get());
    unsigned version = 0x0303;
    const std::array params{
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    journal.note("init", EVP_PKEY_decrypt_init(context.get()));
    journal.note("padding",
                 EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_WITH_TLS_PADDING));
    Bytes out(48);
    std::size_t size = out.size();
    const auto decrypt = [&] {
        return EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                                ciphertext.size());
    };
    journal.note("without version", decrypt());
    journal.note("version", EVP_PKEY_CTX_set_params(context.get(), params.data()));
    size = out.size();
    journal.note("decrypt", decrypt());
    journal.note("premaster", out);
}

} // namespace provider_order
