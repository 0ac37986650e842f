// One signature through the provider, beside the same by raw C_ calls and by a software key, in one
// run.
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include "ossl/handles.h"
#include "pkcs11/object.h"
#include "pkcs11/registry.h"

namespace {

using Bytes = std::vector<unsigned char>;

std::string tokens() {
    return std::getenv("TOKENS") != nullptr ? std::getenv("TOKENS") : ".";
}

std::string modulePath() {
    std::ifstream file(tokens() + "/module");
    std::string path;
    std::getline(file, path);
    return path;
}

void loadProviders() {
    static const bool loaded = [] {
        setenv("PKCS11_PROVIDER_MODULE", modulePath().c_str(), 1);
        OSSL_PROVIDER_set_default_search_path(nullptr, PROVIDER_FOLDER);
        return OSSL_PROVIDER_load(nullptr, "default") != nullptr &&
               OSSL_PROVIDER_load(nullptr, "pkcs11") != nullptr;
    }();
    if (!loaded)
        std::abort();
}

ossl::Pkey tokenKey(const std::string& label) {
    loadProviders();
    const std::string uri =
        "pkcs11:token=scenarios;object=" + label + ";type=private?pin-value=1234";
    const ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
        OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr));
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    const ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(OSSL_STORE_load(store.get()));
    return ossl::Pkey(info ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
}

ossl::Pkey softwareKey(const std::string& label) {
    loadProviders();
    const ossl::Bio file(BIO_new_file((tokens() + "/" + label + ".pem").c_str(), "r"));
    return ossl::Pkey(PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
}

void signThroughEvp(benchmark::State& state, const ossl::Pkey& key) {
    const ossl::PkeyCtx context(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)
                                    : nullptr);
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1) {
        state.SkipWithError("no key");
        return;
    }
    const Bytes hash(32, 1);
    Bytes signature(1024);
    for (auto _ : state) {
        std::size_t size = signature.size();
        if (EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()) != 1)
            state.SkipWithError("no signature");
    }
}

void provider(benchmark::State& state, const std::string& label) {
    signThroughEvp(state, tokenKey(label));
}

void software(benchmark::State& state, const std::string& label) {
    signThroughEvp(state, softwareKey(label));
}

// The floor: C_SignInit and C_Sign in a session that stays open.
void raw(benchmark::State& state, const std::string& label, CK_MECHANISM_TYPE type,
         std::size_t size) {
    auto module = pkcs11::loadModule(modulePath(), {});
    module->initialize();
    for (const auto slot : module->slots()) {
        const auto info = module->tokenInfo(slot);
        auto& token = module->token(slot, info);
        if (token.describe().find("\"scenarios\"") == std::string::npos)
            continue;
        auto session = token.connection()->take();
        char pin[] = "1234";
        session.call<&pkcs11::List::C_Login>(CK_USER_TYPE{CKU_USER},
                                             reinterpret_cast<CK_UTF8CHAR_PTR>(pin), CK_ULONG{4});
        const auto found = pkcs11::findObjects(session, {CKO_PRIVATE_KEY, label, std::nullopt});
        Bytes data(size, 1);
        Bytes signature(1024);
        CK_MECHANISM mechanism{type, nullptr, 0};
        for (auto _ : state) {
            CK_ULONG length = signature.size();
            session.require<&pkcs11::List::C_SignInit>(&mechanism, found.at(0));
            session.require<&pkcs11::List::C_Sign>(data.data(), CK_ULONG{data.size()},
                                                   signature.data(), &length);
        }
        return;
    }
    state.SkipWithError("no token");
}

void load(benchmark::State& state, const std::string& label) {
    for (auto _ : state)
        if (!tokenKey(label))
            state.SkipWithError("no key");
}

void add(const char* name, const std::string& label, CK_MECHANISM_TYPE mechanism,
         std::size_t size) {
    const std::string prefix = std::string(name) + "/";
    benchmark::RegisterBenchmark((prefix + "provider").c_str(), provider, label)->UseRealTime();
    benchmark::RegisterBenchmark((prefix + "raw").c_str(), raw, label, mechanism, size)
        ->UseRealTime();
    benchmark::RegisterBenchmark((prefix + "software").c_str(), software, label)->UseRealTime();
}

} // namespace

int main(int argc, char** argv) {
    constexpr std::size_t digestInfoSize = 51;
    constexpr std::size_t hashSize = 32;
    add("rsa2048", "rsa", CKM_RSA_PKCS, digestInfoSize);
    add("rsa3072", "rsa3072", CKM_RSA_PKCS, digestInfoSize);
    add("p256", "ec256", CKM_ECDSA, hashSize);
    add("p384", "ec384", CKM_ECDSA, hashSize);
    benchmark::RegisterBenchmark("load/rsa2048", load, "rsa")->UseRealTime();
    benchmark::RegisterBenchmark("load/p256", load, "ec256")->UseRealTime();
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
