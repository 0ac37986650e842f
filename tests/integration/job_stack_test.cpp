// SPDX-License-Identifier: Apache-2.0
// The stack of OpenSSL's asynchronous jobs: 32 KiB, which OpenSSL takes from its malloc. This
// program's own one puts a page before each that cannot be written to, so that whoever needs more
// ends the process, and tells how much was needed.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <openssl/ssl.h>
#include <sys/mman.h>

#include "agreement.h"
#include "decryption.h"
#include "jobs.h"
#include "operations.h"
#include "references.h"

namespace {

constexpr std::size_t stackSize = 32768; // STACKSIZE in OpenSSL's crypto/async
constexpr std::size_t pageSize = 4096;
constexpr unsigned char unused = 0xa5;

/// The stacks that were given out.
class Stacks {
  public:
    void* make() {
        auto* memory =
            static_cast<unsigned char*>(mmap(nullptr, pageSize + stackSize, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(memory, pageSize, PROT_NONE);
        memory += pageSize;
        std::memset(memory, unused, stackSize);
        const std::lock_guard lock(mutex_);
        if (count_ == all_.size())
            std::abort();
        return all_.at(count_++) = memory;
    }
    bool has(const void* memory) {
        const std::lock_guard lock(mutex_);
        return std::find(all_.begin(), all_.end(), memory) != all_.end();
    }
    std::size_t count() const { return count_; }
    /// The most bytes that any of them was used for.
    std::size_t deepest() {
        const std::lock_guard lock(mutex_);
        std::size_t most = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            const auto* stack = all_.at(i);
            const auto* lowest = std::find_if(stack, stack + stackSize,
                                              [](unsigned char byte) { return byte != unused; });
            most = std::max(most, static_cast<std::size_t>(stack + stackSize - lowest));
        }
        return most;
    }

  private:
    std::mutex mutex_;
    std::array<unsigned char*, 1000> all_{};
    std::size_t count_ = 0;
};

Stacks& stacks() {
    static auto& only = *new Stacks;
    return only;
}

void* allocate(std::size_t size, const char*, int) {
    return size == stackSize ? stacks().make() : std::malloc(size);
}

void* reallocate(void* memory, std::size_t size, const char*, int) {
    return std::realloc(memory, size);
}

// Stacks are kept, so that they can be looked at.
void release(void* memory, const char*, int) {
    if (!stacks().has(memory))
        std::free(memory);
}

// Before any other code of the program, which may use OpenSSL.
__attribute__((constructor(101))) void takeMemoryFunctions() {
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        std::abort();
}

using namespace testing_support;

/// Directives: with workers, with everything on the job's stack, and with an audit log beside it.
class JobStack : public ::testing::TestWithParam<const char*> {
  protected:
    // Most of it stays free, since a server's own frames, and those of later releases of OpenSSL,
    // come to it.
    static constexpr std::size_t enough = stackSize * 3 / 4;

    void expectFits(const std::function<bool()>& body) {
        Job job(body);
        EXPECT_TRUE(job.finish()) << takeErrors();
        ASSERT_GT(stacks().count(), 0U) << "OpenSSL takes its stacks from elsewhere";
        RecordProperty("bytes", static_cast<int>(stacks().deepest()));
        EXPECT_LT(stacks().deepest(), enough);
    }

    Instance instance_{ConfiguredContext(GetParam()).take()};
    const Bytes data_ = randomBytes(100);
};

INSTANTIATE_TEST_SUITE_P(
    Threads, JobStack,
    testing::Values("pkcs11-async-threads = 64", "pkcs11-async-threads = 0",
                    "pkcs11-async-threads = 0\npkcs11-audit-log = file:/dev/null"));

TEST_P(JobStack, HoldsSignatures) {
    for (const std::string label : {"rsa", "ec256", "ed25519"}) {
        const auto key = loadPrivate(instance_, label);
        const char* digest = label == "ed25519" ? nullptr : "SHA256";
        expectFits([&] {
            return verify(label, sign(instance_, key.get(), data_, digest), data_, digest);
        });
    }
}

TEST_P(JobStack, HoldsDecryption) {
    const auto key = loadPrivate(instance_, "rsa");
    const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", {}};
    const auto ciphertext = encrypt(data_, oaep);
    expectFits([&] { return decrypt(instance_, key.get(), ciphertext, oaep) == data_; });
}

TEST_P(JobStack, HoldsKeyAgreement) {
    const auto key = loadPrivate(instance_, "ec256");
    const auto peer = generate(defaultOnly(), "P-256");
    const auto expected = deriveInSoftware("ec256", peer.get(), kdf("SHA256", 40));
    expectFits([&] {
        return derive(instance_.get(), key.get(), peer.get(), kdf("SHA256", 40)) == expected;
    });
}

TEST_P(JobStack, HoldsTheLoadingOfAKey) {
    expectFits([&] { return loadPrivate(instance_, "rsa") != nullptr; });
}

TEST_P(JobStack, HoldsTheReadingOfAReference) {
    const auto pem = pemOf(uriOf("ec256"));
    expectFits([&] { return readPem(instance_, pem) != nullptr; });
}

TEST_P(JobStack, HoldsHandshakes) {
    for (const std::string label : {"rsa", "ec256"})
        expectFits([&] {
            expectHandshake(instance_, label);
            return true;
        });
}

} // namespace
