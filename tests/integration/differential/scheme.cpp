// SPDX-License-Identifier: Apache-2.0
#include "scheme.h"

#include <array>

#include <openssl/rsa.h>

namespace testing_support::differential {
namespace {

const std::vector<std::string> rsaKeys{"rsa1024", "rsa1025", "rsa1030", "rsa2047",
                                       "rsa2048", "rsapss",  "rsa2048", "rsapss"};
const std::vector<std::string> goodDigests{"SHA1",       "SHA224",   "SHA256",   "SHA384",
                                           "SHA512",     "SHA3-256", "SHA3-512", "SHA512-224",
                                           "SHA512-256", "SHA3-224", "SHA3-384"};
const std::vector<std::string> oddDigests{"MD5",
                                          "MD5-SHA1",
                                          "RIPEMD160",
                                          "SM3",
                                          "BLAKE2B-512",
                                          "BLAKE2S-256",
                                          "NULL",
                                          "SHAKE128",
                                          "SHAKE256",
                                          "(none)",
                                          "",
                                          "nonsense",
                                          "sha256",
                                          "SHA2-256",
                                          "2.16.840.1.101.3.4.2.3",
                                          "KECCAK-KMAC-128"};

/// The block that an RSA signature is made of; empty if it is none.
Bytes opened(const std::string& key, const Bytes& signature) {
    const auto* name = key == "rsapss" ? "rsa2048" : key.c_str();
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), softwarePublic(name), nullptr));
    Bytes block(signature.size() + 8);
    std::size_t size = block.size();
    if (EVP_PKEY_verify_recover_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
        EVP_PKEY_verify_recover(context.get(), block.data(), &size, signature.data(),
                                signature.size()) != 1)
        return {};
    block.resize(size);
    return block;
}

bool verifiesPss(const std::string& key, const Bytes& signature, const std::string& digest,
                 const std::string& mgf1, int salt, const Bytes& hash) {
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), softwarePublic(key), nullptr));
    Options options{{"padding", RSA_PKCS1_PSS_PADDING, {}},
                    {"digest", 0, digest.empty() ? "SHA1" : digest},
                    {"salt", salt, {}}};
    if (!mgf1.empty())
        options.push_back({"mgf1", 0, mgf1});
    return EVP_PKEY_verify_init(context.get()) == 1 && applyAll(context.get(), options) &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

// In bytes, by trial.
std::string saltOf(const std::string& key, const Bytes& signature, const std::string& digest,
                   const std::string& mgf1, const Bytes& hash) {
    const int most =
        (EVP_PKEY_get_bits(softwarePublic(key)) + 6) / 8 - static_cast<int>(hash.size()) - 2;
    for (const int likely : {static_cast<int>(hash.size()), most, 20, 0})
        if (verifiesPss(key, signature, digest, mgf1, likely, hash))
            return std::to_string(likely);
    for (int salt = 1; salt < most; ++salt)
        if (verifiesPss(key, signature, digest, mgf1, salt, hash))
            return std::to_string(salt);
    return "of no length";
}

std::string describeRsa(const std::string& key, const Bytes& signature, const std::string& digest,
                        const std::string& mgf1, const Bytes& hash) {
    const auto block = opened(key, signature);
    const auto size = std::to_string(signature.size()) + " bytes, ";
    if (!block.empty() && block.back() == 0xbc &&
        verifiesPss(key, signature, digest, mgf1, RSA_PSS_SALTLEN_AUTO, hash))
        return size + "PSS, salt " + saltOf(key, signature, digest, mgf1, hash);
    return textOf(signature);
}

std::string describeEcdsa(const std::string& key, const Bytes& signature, const Bytes& hash) {
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_pkey(defaultOnly(), softwarePublic(key), nullptr));
    const bool good = EVP_PKEY_verify_init(context.get()) == 1 &&
                      EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                      hash.data(), hash.size()) == 1;
    return good ? "verified" : "not verified";
}

// Without X9.31, which is not offered for tokens, and which OpenSSL takes half where it refuses it.
int anyPadding(Random& random) {
    return random.of({RSA_PKCS1_PSS_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PKCS1_PSS_PADDING,
                      RSA_PKCS1_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PADDING, RSA_NO_PADDING,
                      RSA_PKCS1_OAEP_PADDING, 0, 99});
}

int anySalt(Random& random) {
    return random.of(
        {-1, -1, -2, -3, -4, 0, 1, 20, 32, 62, 63, 64, 94, 95, 220, 222, 223, 5000, -5});
}

} // namespace

std::string anySigningKey(Random& random) {
    static const std::vector<std::string> others{"P-256", "P-384", "P-521", "ED25519", "ED448"};
    if (random.oneIn(60))
        return "rsa3072";
    return random.of(random.below(3) != 0 ? rsaKeys : others);
}

bool isRsa(const std::string& key) {
    return key.starts_with("rsa");
}

bool isEdwards(const std::string& key) {
    return key.starts_with("ED");
}

std::string anyDigest(const std::string& key, Random& random) {
    if (isEdwards(key))
        return random.oneIn(8) ? random.of(goodDigests) : "(none)";
    return random.of(random.oneIn(5) ? oddDigests : goodDigests);
}

const char* pointerTo(const std::string& digest) {
    return digest == "(none)" ? nullptr : digest.c_str();
}

Option anyOption(const std::string& key, Random& random) {
    switch (random.below(isRsa(key) ? 6 : 1)) {
    case 0:
        return {"digest", 0, anyDigest("P-256", random)};
    case 1:
    case 2:
        return {"salt", anySalt(random), {}};
    case 3:
        return {"mgf1", 0, anyDigest("P-256", random)};
    default:
        return {"padding", anyPadding(random), {}};
    }
}

Options anyOptions(const std::string& key, Random& random) {
    Options options;
    if (isRsa(key) && random.oneIn(2))
        options.push_back({"padding", RSA_PKCS1_PSS_PADDING, {}});
    if (isRsa(key) && random.oneIn(2))
        options.push_back({"salt", anySalt(random), {}});
    for (std::size_t count = random.oneIn(2) ? 0 : random.below(3); count > 0; --count)
        options.push_back(anyOption(key, random));
    return options;
}

int apply(EVP_PKEY_CTX* context, const Option& option) {
    if (option.name == "padding")
        return EVP_PKEY_CTX_set_rsa_padding(context, option.number);
    if (option.name == "salt")
        return EVP_PKEY_CTX_set_rsa_pss_saltlen(context, option.number);
    if (option.name == "mgf1")
        return EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, pointerTo(option.text), nullptr);
    const p11::ossl::Md digest(EVP_MD_fetch(defaultOnly(), option.text.c_str(), nullptr));
    return EVP_PKEY_CTX_set_signature_md(context, digest.get());
}

bool applyAll(EVP_PKEY_CTX* context, const Options& options) {
    for (const auto& option : options)
        if (apply(context, option) != 1)
            return false;
    return true;
}

int apply(EVP_PKEY_CTX* context, const Option& option, Answers& answers) {
    const int result = apply(context, option);
    answers.add("set " + option.describe(), result);
    return result;
}

void read(EVP_PKEY_CTX* context, const std::string& key, Answers& answers) {
    const EVP_MD* digest = nullptr;
    const int result = EVP_PKEY_CTX_get_signature_md(context, &digest);
    answers.add("get digest", result,
                result == 1 && digest != nullptr ? EVP_MD_get0_name(digest) : "");
    if (!isRsa(key))
        return;
    // What is positive depends on the length of a name inside OpenSSL 3.0.
    int number = -100;
    const bool padded = EVP_PKEY_CTX_get_rsa_padding(context, &number) > 0;
    answers.add("get padding", padded ? 1 : 0, std::to_string(number));
    number = -100;
    const bool salted = EVP_PKEY_CTX_get_rsa_pss_saltlen(context, &number) > 0;
    answers.add("get salt", salted ? 1 : 0, std::to_string(number));
    std::array<char, 80> name{};
    const int named = EVP_PKEY_CTX_get_rsa_mgf1_md_name(context, name.data(), name.size());
    // A digest has many names.
    const p11::ossl::Md mgf1(EVP_MD_fetch(defaultOnly(), name.data(), nullptr));
    answers.add("get mgf1", named, mgf1 ? EVP_MD_get0_name(mgf1.get()) : name.data());
}

bool isVerified(const std::string& description) {
    return description == "verified" || description.find("PSS") != std::string::npos;
}

bool confuses(const Option& option) {
    return option.name == "padding" && option.number == RSA_NO_PADDING;
}

std::string describeSignature(const std::string& key, const Bytes& signature,
                              const std::string& digest, const std::string& mgf1,
                              const Bytes& hash) {
    if (isRsa(key))
        return describeRsa(key, signature, digest, mgf1, hash);
    return isEdwards(key) ? textOf(signature) : describeEcdsa(key, signature, hash);
}

Bytes signInSoftware(const std::string& key, const std::string& digest, const Options& options,
                     const Bytes& message) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* inner = nullptr;
    Bytes signature(1000);
    std::size_t size = signature.size();
    if (EVP_DigestSignInit_ex(context.get(), &inner, pointerTo(digest), defaultOnly(), nullptr,
                              softwareKey(key), nullptr) != 1)
        return {};
    for (const auto& option : options)
        apply(inner, option);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

} // namespace testing_support::differential
