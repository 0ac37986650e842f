// SPDX-License-Identifier: Apache-2.0
// RSA encryption and decryption step by step in any order, beside OpenSSL's default provider.
#include "decryption.h"
#include "steps.h"

namespace {

using namespace testing_support;

/// The key, and what is done with it.
struct Place {
    OSSL_LIB_CTX* libctx;
    EVP_PKEY* key;
    bool onToken;
};

/// A message and its ciphertext, made by OpenSSL alone. For bad padding software and token make
/// different substitutes, so what is wrong here is the size.
struct Material {
    explicit Material(int padding) : options{padding, nullptr, nullptr, {}} {}

    CipherOptions options;
    Bytes message = randomBytes(40);
    Bytes ciphertext = encrypt(message, options);
    Bytes tooLong = Bytes(257, 1);
};

class CipherSteps : public Steps {
  public:
    CipherSteps(const Place& place, const Material& material)
        : place_(place), material_(material),
          context_(EVP_PKEY_CTX_new_from_pkey(place.libctx, place.key, nullptr)) {}

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return begin(EVP_PKEY_decrypt_init);
        case 'j':
            return begin(EVP_PKEY_encrypt_init);
        case 'q':
            return size(EVP_PKEY_decrypt, material_.ciphertext);
        case 'Q':
            return size(EVP_PKEY_encrypt, material_.message);
        case 'k':
            return decryptInto(256, material_.ciphertext);
        case 'w':
            return decryptInto(39, material_.ciphertext);
        case 'b':
            return decryptInto(256, material_.tooLong);
        case 'd':
            return std::to_string(goOnWithCopy(context_));
        case 'x':
            return fail();
        default:
            return encryptIt();
        }
    }

  private:
    using Init = int (*)(EVP_PKEY_CTX*);
    using Run = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*,
                        std::size_t);

    std::string begin(Init init) {
        const int result = init(context_.get());
        return std::to_string(result) + std::to_string(EVP_PKEY_CTX_set_rsa_padding(
                                            context_.get(), material_.options.padding));
    }
    std::string size(Run run, const Bytes& in) {
        std::size_t size = 0;
        const int result = run(context_.get(), nullptr, &size, in.data(), in.size());
        return std::to_string(result) + " " + std::to_string(result == 1 ? size : 0);
    }
    std::string decryptInto(std::size_t room, const Bytes& ciphertext) {
        Bytes out(256);
        const int result = EVP_PKEY_decrypt(context_.get(), out.data(), &room, ciphertext.data(),
                                            ciphertext.size());
        if (result != 1)
            return std::to_string(result);
        return std::string(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(room));
    }
    // The token answers with an error; in software the data is wrong.
    std::string fail() {
        if (!place_.onToken)
            return decryptInto(256, material_.tooLong);
        return whileFailing("C_Decrypt", [this] { return decryptInto(256, material_.ciphertext); });
    }
    std::string encryptIt() {
        Bytes out(256);
        std::size_t size = out.size();
        const int result = EVP_PKEY_encrypt(context_.get(), out.data(), &size,
                                            material_.message.data(), material_.message.size());
        return std::to_string(result) + (result != 1 || isOurs(out) ? "" : " of something else");
    }
    // As OpenSSL alone decrypts it.
    bool isOurs(const Bytes& ciphertext) {
        const auto key = privateKeyFromFile(defaultOnly(), "rsa");
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(defaultOnly(), key.get(), nullptr));
        EVP_PKEY_decrypt_init(context.get());
        configure(context.get(), material_.options);
        Bytes out(256);
        std::size_t size = out.size();
        EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(), ciphertext.size());
        out.resize(size);
        return out == material_.message;
    }
    Place place_;
    const Material& material_;
    p11::ossl::PkeyCtx context_;
};

class AsymCipherSteps : public ::testing::TestWithParam<int> {};

TEST_P(AsymCipherSteps, AreThoseOfSoftware) {
    const Instance instance(Order::providerFirst);
    const auto key = loadPrivate(instance, "rsa");
    const auto software = privateKeyFromFile(defaultOnly(), "rsa");
    const Material material(GetParam());
    const Place here{instance.get(), key.get(), true};
    const Place there{defaultOnly(), software.get(), false};
    const auto compare = [&](const char* first, const char* alphabet) {
        return compareAll(
            first, alphabet, 2, [&] { return std::make_unique<CipherSteps>(here, material); },
            [&] { return std::make_unique<CipherSteps>(there, material); });
    };
    EXPECT_EQ(compare("", "ijqQkewbdx"), 100U);
    EXPECT_EQ(compare("i", "ijqQkewbdx"), 100U);
    EXPECT_EQ(compare("j", "ijqQkewbdx"), 100U);
}

INSTANTIATE_TEST_SUITE_P(EachPadding, AsymCipherSteps,
                         ::testing::Values(RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING),
                         [](const auto& padding) {
                             return padding.param == RSA_PKCS1_PADDING ? "Pkcs1" : "Oaep";
                         });

} // namespace
