// SPDX-License-Identifier: Apache-2.0
// Digests of NSS softokn, which can copy the state of an operation.
#include <cstdlib>

#include <dlfcn.h>

#include <openssl/sha.h>

#include "tests/support/memory_search.h"
#include "token_digests.h"

namespace {

using namespace testing_support;

/// NSS softokn's token without keys. It has C_GetOperationState and, since NSS 3.91, SHA-3.
class NssDigests : public ::testing::Test {
  protected:
    // The system's own, wherever it is.
    static std::string module() {
        void* library = dlopen("libsoftokn3.so", RTLD_NOW);
        Dl_info info{};
        const bool isFound =
            library != nullptr && dladdr(dlsym(library, "C_GetFunctionList"), &info) != 0;
        EXPECT_TRUE(isFound) << dlerror();
        return isFound ? info.dli_fname : "";
    }
    static std::unique_ptr<ConfiguredContext> make(const std::string& more) {
        const auto folder = scratch("nss-digests");
        std::filesystem::create_directory(folder);
        const std::string before = getenv("PKCS11_PROVIDER_MODULE");
        unsetenv("PKCS11_PROVIDER_MODULE"); // else it comes before the directive
        auto made = std::make_unique<ConfiguredContext>(
            "pkcs11-module-path = " + module() +
            "\npkcs11-module-init-args = configDir='sql:" + folder.string() +
            "' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\n"
            "pkcs11-digest-token = pkcs11:token=NSS%20Generic%20Crypto%20Services\n" +
            more);
        setenv("PKCS11_PROVIDER_MODULE", before.c_str(), 1);
        return made;
    }
    const Bytes longData = randomBytes(2 * mostKept + 1);
};

TEST_F(NssDigests, AreThoseOfTheDefaultProvider) {
    const auto configured = make("");
    const auto taken = hashedBy(configured->get());
    for (const char* name : {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"})
        EXPECT_TRUE(taken.contains(name)) << name;
    EXPECT_EQ(taken.size(), taken.contains("SHA3-256") ? 9U : 5U);
}

TEST_F(NssDigests, OfLongDataAreCopiedByTheToken) {
    const auto configured = make("");
    expectCopyGoesOn(begin(fetch(configured->get(), "SHA256")), longData, 10);
}

TEST_F(NssDigests, AreNotCopiedByTheTokenWithTheQuirk) {
    const auto configured = make("pkcs11-module-quirks = no-operation-state");
    const auto errors = expectNotCopied(begin(fetch(configured->get(), "SHA256")), longData);
    EXPECT_TRUE(contains(errors, "the quirk no-operation-state is set")) << errors;
}

/// The chaining value of SHA-256 after so many zeros (FIPS 180-4, section 6.2.2), each byte plus
/// one.
std::string shiftedChainingValue(std::size_t zeros) {
    SHA256_CTX state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" // nothing newer shows it
    SHA256_Init(&state);
    SHA256_Update(&state, Bytes(zeros).data(), zeros);
#pragma GCC diagnostic pop
    std::string value(sizeof state.h, ' ');
    for (std::size_t i = 0; i < value.size(); ++i)
        value[i] = static_cast<char>(reinterpret_cast<const unsigned char*>(state.h)[i] + 1);
    OPENSSL_cleanse(&state, sizeof state);
    return value;
}

TEST_F(NssDigests, LeaveNoSavedStateInMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    const auto value = shiftedChainingValue(mostKept);
    const auto configured = make("");
    const auto context = begin(fetch(configured->get(), "SHA256"));
    ASSERT_TRUE(update(context, Bytes(mostKept + 1))) << takeErrors(); // the last byte is kept
    EXPECT_EQ(test_module::placesOf(value), 1) << "or what follows looks in the wrong place";
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1) << takeErrors();
    EXPECT_EQ(test_module::placesOf(value), 2) << "in the token's two digests, and nowhere else";
}

} // namespace
