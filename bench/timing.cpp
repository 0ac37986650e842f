// SPDX-License-Identifier: Apache-2.0
// timing FOLDER with-raw|without-raw CALLS: does the time of a decryption tell what was decrypted?
// Welch's t-test, as in "Dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede, 2017).
// The provider is that in FOLDER; the test module answers C_Decrypt at once, with one of two chosen
// answers chosen at random, CALLS times each on average. Without raw RSA
// the token removes the padding, and its result is the secret.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "bench/keys.h"
#include "tests/support/test_module.h"

namespace {

constexpr std::size_t blockSize = 256;
constexpr std::size_t premasterSize = 48;
constexpr int tlsPadding = 7; // RSA_PKCS1_WITH_TLS_PADDING
constexpr unsigned clientVersion = 0x0303;
constexpr std::size_t warmUp = 1000;
constexpr unsigned seed = 1;

using Block = std::array<unsigned char, blockSize>;

struct Answer {
    CK_RV rv;
    CK_ULONG size;
    Block data;
    bool fails = false; // EVP_PKEY_decrypt, where padding is no secret
};

struct Experiment {
    const char* name;
    int padding;
    const char* digest; // of OAEP
    std::array<Answer, 2> answers;
};

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "timing: %s\n", what);
    ERR_print_errors_fp(stderr);
    std::exit(EXIT_FAILURE);
}

std::uint64_t now() {
#ifdef __x86_64__
    __builtin_ia32_lfence();
    const auto cycles = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return cycles;
#else
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
#endif
}

// A TLS premaster secret in PKCS#1 v1.5 padding of type 2, or of another one.
Block paddedBlock(unsigned char type) {
    Block block;
    block.fill(0xa5);
    block[0] = 0;
    block[1] = type;
    block[blockSize - premasterSize - 1] = 0;
    block[blockSize - premasterSize] = clientVersion >> 8;
    block[blockSize - premasterSize + 1] = clientVersion & 0xff;
    return block;
}

Block withoutLeadingZero(const Block& block) {
    Block shorter{};
    std::copy(block.begin() + 1, block.end(), shorter.begin());
    return shorter;
}

Block premaster() {
    const auto block = paddedBlock(2);
    Block message{};
    std::copy(block.end() - premasterSize, block.end(), message.begin());
    return message;
}

// No OAEP, with a first byte of 0 or another.
Block noOaep(unsigned char first) {
    Block block;
    block.fill(0x5a);
    block[0] = first;
    return block;
}

std::vector<Experiment> withRaw() {
    const Answer good{CKR_OK, blockSize, paddedBlock(2)};
    const Answer bad{CKR_OK, blockSize, paddedBlock(1)};
    const Answer shorter{CKR_OK, blockSize - 1, withoutLeadingZero(good.data)};
    return {
        {"PKCS#1 v1.5: good and bad padding", RSA_PKCS1_PADDING, nullptr, {good, bad}},
        {"PKCS#1 v1.5: block with and without its leading zero",
         RSA_PKCS1_PADDING,
         nullptr,
         {good, shorter}},
        {"TLS: good and bad padding", tlsPadding, nullptr, {good, bad}},
        {"OAEP: first byte and label's hash wrong",
         RSA_PKCS1_OAEP_PADDING,
         "SHA1",
         {Answer{CKR_OK, blockSize, noOaep(1), true}, Answer{CKR_OK, blockSize, noOaep(0), true}}},
    };
}

std::vector<Experiment> withoutRaw() {
    const Answer good{CKR_OK, premasterSize, premaster()};
    const Answer bad{CKR_ENCRYPTED_DATA_INVALID, premasterSize, premaster()};
    const Answer told{CKR_ENCRYPTED_DATA_INVALID, premasterSize, premaster(), true};
    const Answer other{CKR_GENERAL_ERROR, premasterSize, premaster(), true};
    return {
        {"PKCS#1 v1.5: CKR_OK and CKR_ENCRYPTED_DATA_INVALID",
         RSA_PKCS1_PADDING,
         nullptr,
         {good, bad}},
        {"TLS: CKR_OK and CKR_ENCRYPTED_DATA_INVALID", tlsPadding, nullptr, {good, bad}},
        {"OAEP: CKR_ENCRYPTED_DATA_INVALID and CKR_GENERAL_ERROR",
         RSA_PKCS1_OAEP_PADDING,
         "SHA1",
         {told, other}},
        {"for comparison, OAEP: CKR_OK and CKR_ENCRYPTED_DATA_INVALID",
         RSA_PKCS1_OAEP_PADDING,
         "SHA1",
         {good, told}},
    };
}

struct Sample {
    std::uint64_t time;
    unsigned which;
};

// The samples up to a time; for each of the two classes.
struct Sums {
    std::array<double, 2> count{};
    std::array<double, 2> sum{};
    std::array<double, 2> squares{};

    void add(const Sample& sample, double origin) {
        const double value = static_cast<double>(sample.time) - origin;
        count[sample.which] += 1;
        sum[sample.which] += value;
        squares[sample.which] += value * value;
    }
    double mean(unsigned which) const { return sum[which] / count[which]; }
    double difference() const { return mean(0) - mean(1); }
    double t() const {
        if (std::min(count[0], count[1]) < 2)
            return 0;
        double variance = 0; // of the difference of the means
        for (const unsigned which : {0U, 1U})
            variance +=
                (squares[which] / count[which] - mean(which) * mean(which)) / (count[which] - 1);
        return difference() / std::sqrt(variance);
    }
};

// Interruptions make the slowest samples: t of all, and of the fastest so many.
void report(const char* name, std::vector<Sample> samples) {
    constexpr int crops = 100;
    std::sort(samples.begin(), samples.end(),
              [](const Sample& a, const Sample& b) { return a.time < b.time; });
    const auto median = static_cast<double>(samples[samples.size() / 2].time);
    Sums sums;
    Sums worst;
    double worstShare = 0;
    int crop = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        sums.add(samples[i], median);
        const double share = static_cast<double>(i + 1) / static_cast<double>(samples.size());
        const bool isLast = i + 1 == samples.size();
        if (!isLast && share < 1 - std::pow(0.5, 10.0 * (crop + 1) / crops))
            continue;
        ++crop;
        if (worstShare == 0 || std::abs(sums.t()) > std::abs(worst.t())) {
            worst = sums;
            worstShare = share;
        }
    }
    std::printf("| %s | %.1f | %.1f | %.1f | %.0f %% | %.0f |\n", name, sums.t(), worst.t(),
                worst.difference(), worstShare * 100, median);
    std::fflush(stdout);
}

void configure(EVP_PKEY_CTX* context, const Experiment& experiment) {
    unsigned version = clientVersion;
    const std::array params{
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    if (context == nullptr || EVP_PKEY_decrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, experiment.padding) != 1 ||
        EVP_PKEY_CTX_set_params(context, params.data()) != 1 ||
        (experiment.digest != nullptr &&
         EVP_PKEY_CTX_set_rsa_oaep_md_name(context, experiment.digest, nullptr) != 1))
        fail("the operation cannot be begun");
    // With a label, and raw RSA, OAEP is not left to the token.
    if (experiment.digest != nullptr &&
        EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup("label"), 5) != 1)
        fail("no label");
}

// Reads both, so that neither is nearer in a cache, and has no branch.
Answer chooseOne(const std::array<Answer, 2>& answers, unsigned which) {
    const auto& [zero, one] = answers;
    const CK_ULONG mask = CK_ULONG{0} - which;
    const auto byteMask = static_cast<unsigned char>(mask);
    Answer chosen = zero;
    chosen.rv ^= (zero.rv ^ one.rv) & mask;
    chosen.size ^= (zero.size ^ one.size) & mask;
    for (std::size_t i = 0; i < blockSize; ++i)
        chosen.data[i] ^= (zero.data[i] ^ one.data[i]) & byteMask;
    return chosen;
}

void measure(const test_module::TestModule& module, EVP_PKEY* key, const Experiment& experiment,
             std::size_t calls) {
    using Answering = void(CK_RV, const unsigned char*, CK_ULONG);
    auto* const answerDecrypt = module.control<Answering>("test_module_answer_decrypt");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key, nullptr));
    configure(context.get(), experiment);
    const Block ciphertext{0, 1};
    Block given{};
    Block out{};
    std::mt19937_64 coin(seed);
    std::vector<Sample> samples;
    samples.reserve(2 * calls);
    for (std::size_t i = 0; i < warmUp + 2 * calls; ++i) {
        const auto which = static_cast<unsigned>(coin() >> 63);
        const auto answer = chooseOne(experiment.answers, which);
        given = answer.data;
        answerDecrypt(answer.rv, given.data(), answer.size);
        std::size_t size = out.size();
        const auto start = now();
        const bool good = EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                                           ciphertext.size()) == 1;
        const auto end = now();
        if (good == experiment.answers[which].fails)
            fail(experiment.name);
        ERR_clear_error();
        if (i >= warmUp)
            samples.push_back({end - start, which});
    }
    answerDecrypt(CKR_OK, nullptr, 0);
    report(experiment.name, std::move(samples));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4)
        fail("usage: timing FOLDER with-raw|without-raw CALLS");
    const bool raw = std::strcmp(argv[2], "with-raw") == 0;
    const test_module::TestModule module(std::getenv("PKCS11_PROVIDER_MODULE"));
    if (!raw && module.configure("PKCS11_TEST_HIDE_MECHANISMS",
                                 std::to_string(CKM_RSA_X_509).c_str()) != CKR_OK)
        fail("raw RSA cannot be hidden");
    const auto key = bench::providerKey(argv[1], "rsa2048");
    if (!key)
        fail("no key");
    for (const auto& experiment : raw ? withRaw() : withoutRaw())
        measure(module, key.get(), experiment, std::stoul(argv[3]));
    return EXIT_SUCCESS;
}
