// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/cases.h"

#include "tests/integration/newer.h"
#include "tests/integration/provider_order/operations.h"

namespace provider_order {

// EVP_PKEY_sign_message_* of OpenSSL 3.4 and later, with algorithms that have their digest.
void namedAlgorithms(Journal& journal, const World& world) {
    using Init = int(EVP_PKEY_CTX*, EVP_SIGNATURE*, const OSSL_PARAM*);
    auto* signInit = newer<Init>("EVP_PKEY_sign_message_init");
    auto* verifyInit = newer<Init>("EVP_PKEY_verify_message_init");
    for (const auto& [name, type] :
         {std::pair("RSA-SHA256", "RSA"), std::pair("ECDSA-SHA256", "EC"),
          std::pair("ED25519", "ED25519"), std::pair("RSA-SHA256", "EC")}) {
        const auto pair = world.pair(journal, type);
        const auto half = world.publicHalf(journal, type);
        const p11::ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> algorithm(
            EVP_SIGNATURE_fetch(world.libctx(), name, nullptr));
        auto context = world.context(pair.get());
        if (!journal.note("init", signInit(context.get(), algorithm.get(), nullptr)))
            continue;
        std::size_t size = 300;
        Bytes signature(size);
        journal.note("sign", EVP_PKEY_sign(context.get(), signature.data(), &size, message.data(),
                                           message.size()));
        signature.resize(size);
        if (name != std::string("ECDSA-SHA256"))
            journal.note("signature", signature);
        context = world.context(half.get());
        journal.note("init", verifyInit(context.get(), algorithm.get(), nullptr));
        journal.note("verify", EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                               message.data(), message.size()));
    }
}

// OpenSSL 3.5 and later.
void postQuantum(Journal& journal, const World& world) {
    const auto signer = world.pair(journal, "ML-DSA-44");
    const auto verifier = world.publicHalf(journal, "ML-DSA-44");
    int yes = 1;
    const Bytes context(9, 'c');
    const std::array params{OSSL_PARAM_construct_int("deterministic", &yes),
                            octets("context-string", context), OSSL_PARAM_construct_end()};
    const auto signature = digestSign(journal, world, signer.get(), nullptr, params.data(), {});
    journal.note("signature", signature);
    digestVerify(journal, world, verifier.get(), nullptr, params.data(), {}, signature);
    digestVerify(journal, world, verifier.get(), nullptr, nullptr, {}, signature);
    const std::array mu{OSSL_PARAM_construct_int("mu", &yes), OSSL_PARAM_construct_end()};
    digestSign(journal, world, signer.get(), nullptr, mu.data(), {});

    const auto receiver = world.pair(journal, "ML-KEM-512");
    const auto sender = world.publicHalf(journal, "ML-KEM-512");
    const std::array ikme{octets("ikme", hash), OSSL_PARAM_construct_end()};
    const auto sending = world.context(sender.get());
    journal.note("encapsulate init", EVP_PKEY_encapsulate_init(sending.get(), ikme.data()));
    Bytes ciphertext(2000);
    Bytes secret(32);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = secret.size();
    journal.note("encapsulate", EVP_PKEY_encapsulate(sending.get(), ciphertext.data(), &size,
                                                     secret.data(), &secretSize));
    ciphertext.resize(size);
    journal.note("ciphertext", ciphertext);
    journal.note("secret", secret);
    const auto receiving = world.context(receiver.get());
    journal.note("decapsulate init", EVP_PKEY_decapsulate_init(receiving.get(), nullptr));
    journal.note("decapsulate", EVP_PKEY_decapsulate(receiving.get(), secret.data(), &secretSize,
                                                     ciphertext.data(), ciphertext.size()));
    journal.note("secret", secret);
    journal.note("short", EVP_PKEY_decapsulate(receiving.get(), secret.data(), &secretSize,
                                               ciphertext.data(), 5));
}

} // namespace provider_order
