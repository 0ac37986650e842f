// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/operations.h"

#include <map>

#include <openssl/pem.h>

namespace provider_order {

std::string names(const OSSL_PARAM* list) {
    std::vector<std::string> all;
    for (; list != nullptr && list->key != nullptr; ++list)
        all.emplace_back(list->key);
    std::sort(all.begin(), all.end());
    std::string text;
    for (const auto& one : all)
        text += one + " ";
    return text;
}

void set(Journal& journal, EVP_PKEY_CTX* context, const Options& options) {
    for (const auto& [name, value] : options)
        journal.note(std::string(name) + ":" + value, EVP_PKEY_CTX_ctrl_str(context, name, value));
}

Bytes run(Journal& journal, const World& world, EVP_PKEY* key, const OneShot& how,
          const Options& options, const Bytes& input) {
    const auto context = world.context(key);
    if (!journal.note("init", how.init(context.get())))
        return {};
    journal.note("settable", names(EVP_PKEY_CTX_settable_params(context.get())));
    journal.note("gettable", names(EVP_PKEY_CTX_gettable_params(context.get())));
    set(journal, context.get(), options);
    std::size_t size = 0;
    journal.note("size", how.run(context.get(), nullptr, &size, input.data(), input.size()));
    Bytes out(std::max<std::size_t>(size, 1));
    out.resize(
        journal.note("run", how.run(context.get(), out.data(), &size, input.data(), input.size()))
            ? size
            : 0);
    return out;
}

void verify(Journal& journal, const World& world, EVP_PKEY* key, const Options& options,
            const Bytes& signature, const Bytes& tbs) {
    const auto context = world.context(key);
    journal.note("verify init", EVP_PKEY_verify_init(context.get()));
    set(journal, context.get(), options);
    journal.note("verify", EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                           tbs.data(), tbs.size()));
}

Bytes digestSign(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                 const OSSL_PARAM* params, const Options& options) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    if (!journal.note("digest sign init",
                      EVP_DigestSignInit_ex(context.get(), &keyContext, digest, world.libctx(),
                                            nullptr, key, params)))
        return {};
    set(journal, keyContext, options);
    std::size_t size = 0;
    journal.note("digest sign size",
                 EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()));
    Bytes signature(std::max<std::size_t>(size, 1));
    signature.resize(
        journal.note("digest sign", EVP_DigestSign(context.get(), signature.data(), &size,
                                                   message.data(), message.size()))
            ? size
            : 0);
    return signature;
}

void digestVerify(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                  const OSSL_PARAM* params, const Options& options, const Bytes& signature) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    if (!journal.note("digest verify init",
                      EVP_DigestVerifyInit_ex(context.get(), &keyContext, digest, world.libctx(),
                                              nullptr, key, params)))
        return;
    set(journal, keyContext, options);
    journal.note("digest verify",
                 EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                  message.size()));
}

namespace {

template <typename Print>
std::string printed(Print print, EVP_PKEY* key) {
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    const int answer = print(out.get(), key, 0, nullptr);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::to_string(answer) + " " + std::string(data, static_cast<std::size_t>(size));
}

std::string pem(EVP_PKEY* key, bool isPrivate) {
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    const int answer =
        isPrivate ? PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr)
                  : PEM_write_bio_PUBKEY(out.get(), key);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::to_string(answer) + " " + std::string(data, static_cast<std::size_t>(size));
}

} // namespace

void noteForms(Journal& journal, EVP_PKEY* key) {
    journal.note("private DER", derOf(key, i2d_PrivateKey));
    journal.note("public DER", derOf(key, i2d_PUBKEY));
    journal.note("private PEM", pem(key, true));
    journal.note("public PEM", pem(key, false));
    journal.note("private text", printed(EVP_PKEY_print_private, key));
    journal.note("public text", printed(EVP_PKEY_print_public, key));
    journal.note("parameter text", printed(EVP_PKEY_print_params, key));
    journal.note("errors", 0);
}

void noteData(Journal& journal, EVP_PKEY* key, int selection) {
    OSSL_PARAM* values = nullptr;
    journal.note("todata", EVP_PKEY_todata(key, selection, &values));
    const p11::ossl::Params owner(values);
    std::map<std::string, Bytes> sorted;
    for (const auto* next = values; next != nullptr && next->key != nullptr; ++next) {
        const auto* data = static_cast<const unsigned char*>(next->data);
        sorted[next->key] = Bytes(data, data + next->data_size);
    }
    for (const auto& [name, value] : sorted)
        journal.note(name, value);
}

void noteChecks(Journal& journal, const World& world, EVP_PKEY* key) {
    struct Row {
        const char* name;
        int (*check)(EVP_PKEY_CTX*);
    };
    constexpr std::array checks{Row{"check", EVP_PKEY_check},
                                Row{"public check", EVP_PKEY_public_check},
                                Row{"quick public check", EVP_PKEY_public_check_quick},
                                Row{"private check", EVP_PKEY_private_check},
                                Row{"pairwise check", EVP_PKEY_pairwise_check},
                                Row{"parameter check", EVP_PKEY_param_check}};
    for (const auto& row : checks)
        journal.note(row.name, row.check(world.context(key).get()));
}

Bytes derive(Journal& journal, const World& world, EVP_PKEY* key, EVP_PKEY* peer,
             const Options& options, std::size_t room) {
    const auto context = world.context(key);
    if (!journal.note("init", EVP_PKEY_derive_init(context.get())))
        return {};
    journal.note("settable", names(EVP_PKEY_CTX_settable_params(context.get())));
    set(journal, context.get(), options);
    journal.note("early", EVP_PKEY_derive(context.get(), nullptr, &room));
    journal.note("peer", EVP_PKEY_derive_set_peer(context.get(), peer));
    std::size_t size = 0;
    journal.note("size", EVP_PKEY_derive(context.get(), nullptr, &size));
    journal.note("sizes", static_cast<long>(size));
    size = room;
    Bytes secret(200);
    journal.note("derive", EVP_PKEY_derive(context.get(), secret.data(), &size));
    secret.resize(std::min(size, secret.size()));
    return secret;
}

} // namespace provider_order
