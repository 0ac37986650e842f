// SPDX-License-Identifier: Apache-2.0
// A token's generator step by step in any order, beside the default provider's CTR-DRBG.
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "steps.h"

namespace {

using namespace testing_support;

using Rand = p11::ossl::Owner<EVP_RAND, EVP_RAND_free>;
using RandContext = p11::ossl::Owner<EVP_RAND_CTX, EVP_RAND_CTX_free>;

/// Numbers can't be compared: a step answers its status, or the state.
class RandomSteps : public Steps {
  public:
    RandomSteps(OSSL_LIB_CTX* libctx, const char* name)
        : rand_(EVP_RAND_fetch(libctx, name, nullptr)), isDrbg_(name == drbg),
          context_(EVP_RAND_CTX_new(rand_.get(), nullptr)) {
        std::string cipher = "AES-256-CTR";
        const std::array params{
            OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_CIPHER, cipher.data(), 0),
            OSSL_PARAM_construct_end()};
        if (isDrbg_) {
            EXPECT_EQ(EVP_RAND_CTX_set_params(context_.get(), params.data()), 1);
        }
    }

    static constexpr std::string_view drbg = "CTR-DRBG";

    std::string step(char name) override {
        switch (name) {
        case 'i':
            return std::to_string(instantiate(256));
        case 'w':
            return std::to_string(instantiate(512));
        case 'u':
            return std::to_string(EVP_RAND_uninstantiate(context_.get()));
        case 'r':
            return std::to_string(EVP_RAND_reseed(context_.get(), 0, nullptr, 0, nullptr, 0));
        case 's':
            return std::to_string(EVP_RAND_get_state(context_.get()));
        case 'x': // the token fails; in software too much is asked for
            return std::to_string(
                isDrbg_ ? generate(512)
                        : whileFailing("C_GenerateRandom", [this] { return generate(256); }));
        case 'g':
            return std::to_string(generate(256));
        default:
            return std::to_string(generate(512));
        }
    }

  private:
    int instantiate(unsigned strength) {
        return EVP_RAND_instantiate(context_.get(), strength, 0, nullptr, 0, nullptr);
    }
    int generate(unsigned strength) {
        Bytes bytes(32);
        const int result =
            EVP_RAND_generate(context_.get(), bytes.data(), bytes.size(), strength, 0, nullptr, 0);
        EXPECT_EQ(result == 1, bytes != Bytes(32)) << "numbers are given only with success";
        return result;
    }

    Rand rand_;
    bool isDrbg_;
    RandContext context_;
};

// The DRBG answers 1 to any instantiation when it is instantiated already, and leaves it as it was.
Answers aStrengthBeyondItIsRefused(const std::string& steps, Answers answers) {
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps.at(i) == 'w')
            answers.at(i) = "w0";
    return answers;
}

TEST(RandomSteps, AreThoseOfSoftware) {
    const ConfiguredContext ours("pkcs11-random-token = pkcs11:token=scenarios");
    const auto ofToken = [&] { return std::make_unique<RandomSteps>(ours.get(), "PKCS11-RAND"); };
    const auto ofSoftware = [] {
        return std::make_unique<RandomSteps>(defaultOnly(), RandomSteps::drbg.data());
    };
    EXPECT_EQ(compareAll("", "iwgGursx", 3, ofToken, ofSoftware, aStrengthBeyondItIsRefused), 512U);
}

} // namespace
