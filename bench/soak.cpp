// SPDX-License-Identifier: Apache-2.0
// soak SECONDS: threads sign and verify without pause, processes are forked, sessions, token and
// module are lost, and memory, descriptors and sessions must not grow. Ends with status 1 if a
// signature failed or was wrong, or if something grew. bench/soak.sh runs it.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <openssl/err.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/keys.h"
#include "tests/support/test_module.h"
#include "tools/shared/progress_line.h"

namespace {

using bench::Bytes;
using Clock = std::chrono::steady_clock;

constexpr int threadsPerKey = 8;
constexpr std::size_t hashSize = 32;
constexpr unsigned childPatience = 20;

std::atomic<bool> stop{false};
std::atomic<unsigned long> signatures{0};
std::atomic<unsigned long> failures{0};
std::atomic<unsigned long> forks{0};
std::atomic<unsigned long> losses{0};

struct Key {
    const char* label;
    p11::ossl::Pkey token;
    p11::ossl::Pkey software; ///< in the default context, where nothing of the provider is
};

p11::ossl::PkeyCtx signer(const Key& key) {
    p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.token.get(), nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1)
        return nullptr;
    return context;
}

Bytes sign(EVP_PKEY_CTX* context, const Bytes& hash) {
    Bytes signature(512);
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context, signature.data(), &size, hash.data(), hash.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

bool verifies(const Key& key, const Bytes& signature, const Bytes& hash) {
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new(key.software.get(), nullptr));
    return !signature.empty() && EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

// The system's numbers: a thread that forks would leave the lock of OpenSSL's generator to the
// child for good if another were inside, and SoftHSM waits for that lock.
Bytes randomHash() {
    Bytes hash(hashSize);
    if (getentropy(hash.data(), hash.size()) != 0)
        std::abort();
    return hash;
}

void count(bool good, const char* what) {
    if (good) {
        ++signatures;
        return;
    }
    ++failures;
    std::fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
}

void signAllTheTime(const Key& key) {
    auto context = signer(key);
    for (unsigned long i = 0; !stop; ++i) {
        if (i % 100 == 0)
            context = signer(key); // contexts come and go
        const auto hash = randomHash();
        count(context && verifies(key, sign(context.get(), hash), hash), key.label);
    }
}

// The child signs and the parent verifies: a child of a threaded program does well to use nothing
// that other threads may have had locked, and what OpenSSL's own providers lock is not ours.
void forkOnce(const Key& key) {
    const auto context = signer(key);
    const auto hash = randomHash();
    int ends[2];
    if (!context || pipe(ends) != 0)
        return count(false, "pipe");
    const pid_t child = fork();
    if (child == 0) {
        alarm(childPatience);
        const auto signature = sign(context.get(), hash);
        if (signature.empty())
            ERR_print_errors_fp(stderr);
        const bool written = write(ends[1], signature.data(), signature.size()) ==
                             static_cast<ssize_t>(signature.size());
        _exit(written && !signature.empty() ? 0 : 1);
    }
    close(ends[1]);
    Bytes signature(512);
    const ssize_t size = read(ends[0], signature.data(), signature.size());
    signature.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    close(ends[0]);
    int status = -1;
    waitpid(child, &status, 0);
    ++forks;
    count(status == 0 && verifies(key, signature, hash), "signing after fork");
}

// The next losses: each kind, some calls from now.
void injectLosses(const test_module::TestModule& module, unsigned round) {
    static const char* const answers[] = {"CKR_SESSION_HANDLE_INVALID", "CKR_DEVICE_REMOVED",
                                          "CKR_DEVICE_ERROR",           "CKR_KEY_HANDLE_INVALID",
                                          "CKR_USER_NOT_LOGGED_IN",     "CKR_GENERAL_ERROR"};
    const std::string answer = answers[round % std::size(answers)];
    const std::string rules = "C_SignInit:50=" + answer + ",C_Sign:250=" + answer;
    module.configure("PKCS11_TEST_FAULT_EFFECT", round % 2 == 0 ? "close" : nullptr);
    module.setFaults(rules.c_str());
    losses += 2;
}

struct Size {
    long memory = 0;      ///< resident, KiB
    long descriptors = 0; ///< open
    long sessions = 0;    ///< open
};

Size measure(const test_module::TestModule& module) {
    Size size;
    std::ifstream statm("/proc/self/statm");
    long total = 0;
    statm >> total >> size.memory;
    size.memory *= sysconf(_SC_PAGESIZE) / 1024;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++size.descriptors;
    size.sessions = static_cast<long>(module.openSessions());
    return size;
}

void print(long seconds, const Size& size) {
    std::printf("%6ld s  %9lu signatures  %5lu forks  %5lu losses  %lu failures  %6ld KiB  %3ld "
                "descriptors  %3ld sessions\n",
                seconds, signatures.load(), forks.load(), losses.load(), failures.load(),
                size.memory, size.descriptors, size.sessions);
    std::fflush(stdout);
}

std::string progress(std::chrono::seconds passed, std::chrono::seconds all) {
    return "soak: " + std::to_string(passed.count()) + " of " + std::to_string(all.count()) +
           " s, " + std::to_string(signatures) + " signatures, " + std::to_string(failures) +
           " failures";
}

// The straight line through the memory's size over the number of losses, by least squares.
class Trend {
  public:
    void add(double x, double y) {
        ++count_;
        sumX_ += x;
        sumY_ += y;
        sumXX_ += x * x;
        sumXY_ += x * y;
    }
    /// KiB for each loss.
    double slope() const {
        const double spread = count_ * sumXX_ - sumX_ * sumX_;
        return spread > 0 ? (count_ * sumXY_ - sumX_ * sumY_) / spread : 0;
    }

  private:
    double count_ = 0;
    double sumX_ = 0;
    double sumY_ = 0;
    double sumXX_ = 0;
    double sumXY_ = 0;
};

// A size would not do: what a loss leaks is little beside the allocator's arenas.
bool leaks(const Trend& trend, unsigned long lossesSeen) {
    constexpr double most = 0.5;      // KiB for each loss
    constexpr double unsteady = 1024; // KiB that come and go by themselves
    const double slope = trend.slope();
    std::printf("%.2f KiB for each loss\n", slope);
    return slope > most && slope * static_cast<double>(lossesSeen) > unsteady;
}

bool grew(const Size& before, const Size& after, const Trend& trend, unsigned long lossesSeen) {
    const bool memory = leaks(trend, lossesSeen);
    const bool descriptors = after.descriptors > before.descriptors + 4; // SoftHSM opens files
    const bool sessions = after.sessions > 2 * threadsPerKey + 2;
    if (memory || descriptors || sessions)
        std::printf("grown:%s%s%s\n", memory ? " memory" : "", descriptors ? " descriptors" : "",
                    sessions ? " sessions" : "");
    return memory || descriptors || sessions;
}

} // namespace

int main(int argc, char** argv) {
    const auto length = std::chrono::seconds(argc > 1 ? std::atol(argv[1]) : 600);
    const test_module::TestModule module(std::getenv("PKCS11_PROVIDER_MODULE"));
    std::vector<Key> keys;
    for (const char* label : {"rsa2048", "ec256"})
        keys.push_back(
            {label, bench::providerKey(bench::ownProvider(), label), bench::softwareKey(label)});
    std::vector<std::thread> threads;
    for (const auto& key : keys)
        for (int i = 0; i < threadsPerKey; ++i)
            threads.emplace_back([&key] { signAllTheTime(key); });

    const auto start = Clock::now();
    const auto warm = start + length / 5; // sizes are compared with those after a fifth of the time
    Size before;
    Trend trend;
    unsigned long lossesBefore = 0;
    p11::tools::ProgressLine line;
    for (unsigned round = 0; Clock::now() < start + length; ++round) {
        injectLosses(module, round);
        forkOnce(keys[round % keys.size()]);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        const auto now = measure(module);
        if (Clock::now() < warm || before.memory == 0) {
            before = now;
            lossesBefore = losses;
        } else {
            trend.add(static_cast<double>(losses), static_cast<double>(now.memory));
        }
        const auto passed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start);
        if (round % 10 == 0) {
            line.erase();
            print(passed.count(), now);
        }
        line.show([&] { return progress(passed, length); });
    }
    line.erase();
    stop = true;
    for (auto& thread : threads)
        thread.join();
    module.setFaults(nullptr);
    const auto after = measure(module);
    print(length.count(), after);
    return grew(before, after, trend, losses - lossesBefore) || failures != 0 ? EXIT_FAILURE
                                                                              : EXIT_SUCCESS;
}
