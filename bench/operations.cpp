// SPDX-License-Identifier: Apache-2.0
// One signature, decryption or key agreement through the provider, beside the same by raw C_ calls,
// with a key in software, and through the peers that are installed.
#include "bench/operations.h"

#include <functional>

#include <benchmark/benchmark.h>
#include <openssl/rsa.h>

#include "bench/keys.h"
#include "pkcs11/cryptoki.h"

namespace bench {
namespace {

constexpr std::size_t hashSize = 32;
constexpr std::size_t digestInfoSize = 51;
constexpr std::size_t longest = 1024;

using KeySource = std::function<p11::ossl::Pkey(const std::string& label)>;
using Run = void (*)(benchmark::State&, EVP_PKEY*);

// A short message with a context of its own, as TLS does it.
void signMessageWith(benchmark::State& state, EVP_PKEY* key, const EVP_MD* digest) {
    const Bytes message(hashSize, 1);
    Bytes signature(longest);
    for (auto _ : state) {
        const p11::ossl::MdCtx context(EVP_MD_CTX_new());
        std::size_t size = signature.size();
        if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
            EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                           message.size()) != 1)
            state.SkipWithError("no signature");
    }
}

void signMessage(benchmark::State& state, EVP_PKEY* key) {
    signMessageWith(state, key, EVP_sha256());
}

p11::ossl::Pkey publicHalf(EVP_PKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    const unsigned char* position = der;
    p11::ossl::Pkey half(d2i_PUBKEY(nullptr, &position, size));
    OPENSSL_free(der);
    return half;
}

Bytes encryptOaep(EVP_PKEY* key) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key, nullptr));
    const Bytes secret(hashSize, 1);
    Bytes ciphertext(longest);
    std::size_t size = ciphertext.size();
    if (EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_encrypt(context.get(), ciphertext.data(), &size, secret.data(), secret.size()) !=
            1)
        return {};
    ciphertext.resize(size);
    return ciphertext;
}

void decryptOaep(benchmark::State& state, EVP_PKEY* key) {
    const auto ciphertext = encryptOaep(softwareKey("rsa2048").get());
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1)
        return state.SkipWithError("the key does not decrypt");
    Bytes secret(longest);
    for (auto _ : state) {
        std::size_t size = secret.size();
        if (EVP_PKEY_decrypt(context.get(), secret.data(), &size, ciphertext.data(),
                             ciphertext.size()) != 1)
            state.SkipWithError("no plaintext");
    }
}

// A key agreement of the key with itself, whose public half is at hand.
void deriveEcdh(benchmark::State& state, EVP_PKEY* key) {
    const auto peer = softwareKey("ec256");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), publicHalf(peer.get()).get()) != 1)
        return state.SkipWithError("the key does not derive");
    Bytes secret(longest);
    for (auto _ : state) {
        std::size_t size = secret.size();
        if (EVP_PKEY_derive(context.get(), secret.data(), &size) != 1)
            state.SkipWithError("no secret");
    }
}

struct Operation {
    const char* name;
    const char* label;
    Run run;
    CK_MECHANISM_TYPE mechanism;
    std::size_t size; ///< bytes that the raw call signs
};

constexpr Operation operations[] = {
    {"RSA-2048", "rsa2048", signHash, CKM_RSA_PKCS, digestInfoSize},
    {"RSA-3072", "rsa3072", signHash, CKM_RSA_PKCS, digestInfoSize},
    {"RSA-4096", "rsa4096", signHash, CKM_RSA_PKCS, digestInfoSize},
    {"P-256", "ec256", signHash, CKM_ECDSA, hashSize},
    {"P-384", "ec384", signHash, CKM_ECDSA, hashSize},
    {"P-256 message", "ec256", signMessage, CKM_ECDSA, hashSize},
    {"Ed25519", "ed25519", signPlain, CKM_EDDSA, hashSize},
};

void runWith(benchmark::State& state, const KeySource& source, const char* label, Run run) {
    const auto key = source(label);
    if (!key)
        return state.SkipWithError("no key");
    run(state, key.get());
}

void signRaw(benchmark::State& state, const Operation& operation) {
    RawKey key(operation.label);
    Bytes data(operation.size, 1);
    Bytes signature(longest);
    for (auto _ : state)
        key.sign({operation.mechanism, nullptr, 0}, data, signature);
}

void decryptRaw(benchmark::State& state) {
    RawKey key("rsa2048");
    auto ciphertext = encryptOaep(softwareKey("rsa2048").get());
    Bytes secret(longest);
    CK_RSA_PKCS_OAEP_PARAMS params{CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, nullptr, 0};
    for (auto _ : state)
        key.decrypt({CKM_RSA_PKCS_OAEP, &params, sizeof params}, ciphertext, secret);
}

void deriveRaw(benchmark::State& state) {
    RawKey key("ec256");
    unsigned char* encoded = nullptr;
    const std::size_t size = EVP_PKEY_get1_encoded_public_key(softwareKey("ec256").get(), &encoded);
    Bytes point(encoded, encoded + size);
    OPENSSL_free(encoded);
    Bytes secret(hashSize);
    for (auto _ : state)
        key.derive(point, secret);
}

void add(const std::string& name, const char* label, Run run) {
    const auto one = [&](const char* who, KeySource source) {
        benchmark::RegisterBenchmark(
            ("operation/" + name + "/" + who).c_str(),
            [source, label, run](benchmark::State& state) { runWith(state, source, label, run); })
            ->UseRealTime();
    };
    one("provider", [](const std::string& l) { return providerKey(ownProvider(), l); });
    one("software", softwareKey);
    if (const auto folder = latchsetProvider(); !folder.empty())
        one("pkcs11-provider", [folder](const std::string& l) { return providerKey(folder, l); });
    if (haveEngine() && run != signPlain && run != deriveEcdh) // which the engine does not know
        one("libp11 engine", engineKey);
}

} // namespace

void signPlain(benchmark::State& state, EVP_PKEY* key) {
    signMessageWith(state, key, nullptr);
}

void signHash(benchmark::State& state, EVP_PKEY* key) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1)
        return state.SkipWithError("the key does not sign");
    const Bytes hash(hashSize, 1);
    Bytes signature(longest);
    for (auto _ : state) {
        std::size_t size = signature.size();
        if (EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()) != 1)
            state.SkipWithError("no signature");
    }
}

void addOperations() {
    for (const auto& operation : operations) {
        add(operation.name, operation.label, operation.run);
        benchmark::RegisterBenchmark(
            ("operation/" + std::string(operation.name) + "/raw").c_str(),
            [&operation](benchmark::State& state) { signRaw(state, operation); })
            ->UseRealTime();
    }
    add("OAEP RSA-2048", "rsa2048", decryptOaep);
    benchmark::RegisterBenchmark("operation/OAEP RSA-2048/raw", decryptRaw)->UseRealTime();
    add("ECDH P-256", "ec256", deriveEcdh);
    benchmark::RegisterBenchmark("operation/ECDH P-256/raw", deriveRaw)->UseRealTime();
}

} // namespace bench
