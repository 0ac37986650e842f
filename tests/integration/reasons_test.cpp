// SPDX-License-Identifier: Apache-2.0
// The reason of an error, which is all that many programs show, and errno, which some read.
#include <cerrno>
#include <fstream>

#include "fixture.h"

namespace {

using namespace testing_support;

/// The reasons of the errors in the thread's queue that are this provider's. The queue is empty
/// afterwards.
std::vector<std::string> takeReasons() {
    std::vector<std::string> reasons;
    while (const auto code = ERR_get_error())
        if (const char* library = ERR_lib_error_string(code);
            library != nullptr && std::string(library) == "pkcs11")
            reasons.emplace_back(ERR_reason_error_string(code));
    return reasons;
}

std::string file(const std::string& name, const std::string& content, std::filesystem::perms mode) {
    const auto path = scratch(name);
    std::ofstream(path) << content;
    std::filesystem::permissions(path, mode);
    return path;
}

const std::string key = "pkcs11:token=scenarios;object=ec256;type=private";
constexpr auto ownersOnly = std::filesystem::perms::owner_read;

TEST(Reasons, OfALoginThatFailsAreTold) {
    const std::string exposed =
        file("exposed", "1234", ownersOnly | std::filesystem::perms::others_read);
    const std::pair<std::string, std::string> cases[] = {
        {"", "no PIN was given"},
        {"?pin-source=/nosuch/pin", "the PIN file is missing"},
        {"?pin-source=/dev/null/pin", "the PIN file is missing"},
        {"?pin-source=" + std::filesystem::temp_directory_path().string(),
         "the PIN file is missing"}, // the folder has none for the token
        {"?pin-source=/dev/null", "the PIN file cannot be read"},
        {"?pin-source=" + file("empty", "", ownersOnly), "the PIN file cannot be read"},
        {"?pin-source=" + exposed, "everybody can read the PIN file"},
        {"?pin-value=4321", "the PIN was refused"},
        {"?pin-value=4321", "the PIN was refused"}}; // the second time without a try
    for (const auto& [query, reason] : cases) {
        const Instance instance;
        EXPECT_FALSE(load(instance, key + query));
        EXPECT_EQ(takeReasons(), std::vector{reason}) << query;
    }
}

TEST(Reasons, OfWhatCLoginAnswersAreTold) {
    const std::pair<CK_RV, const char*> cases[] = {{CKR_PIN_LOCKED, "the PIN is locked"},
                                                   {CKR_PIN_EXPIRED, "the PIN has expired"},
                                                   {CKR_PIN_LEN_RANGE, "the PIN was refused"},
                                                   {CKR_FUNCTION_CANCELED, "login failed"}};
    for (const auto& [answer, reason] : cases) {
        fault("C_Login", "1+", answer);
        EXPECT_EQ(inChild([reason = reason] {
                      const Instance instance;
                      return !load(instance, key + "?pin-value=1234") &&
                             takeReasons() == std::vector<std::string>{reason};
                  }),
                  0)
            << reason;
        noFaults();
    }
}

// What OSSL_STORE_open(3) does to it is OpenSSL's: it looks for a file of that name first.
p11::ossl::Pkey loadWithErrno(const Instance& instance, const std::string& uri) {
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
        uri.c_str(), instance.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    errno = EDOM;
    const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
        OSSL_STORE_load(store.get()));
    return p11::ossl::Pkey(info ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
}

// Python takes errno for the error's cause, and reports a file that is not found.
TEST(Errno, StaysWhatItWas) {
    const auto unchanged = [](const char* what, const auto& use) {
        errno = EDOM;
        use();
        EXPECT_EQ(errno, EDOM) << what;
    };
    const Instance instance;
    unchanged("a missing PIN file",
              [&] { EXPECT_FALSE(loadWithErrno(instance, key + "?pin-source=/nosuch/pin")); });
    p11::ossl::Pkey loaded;
    unchanged("loading", [&] { loaded = loadWithErrno(instance, key + "?pin-value=1234"); });
    ASSERT_TRUE(loaded) << takeErrors();
    unchanged("signing", [&] { EXPECT_FALSE(sign(instance, loaded.get(), Bytes(9)).empty()); });
    unchanged("the public half", [&] { EXPECT_GT(i2d_PUBKEY(loaded.get(), nullptr), 0); });
    fault("C_Sign", "1+", CKR_DEVICE_REMOVED);
    unchanged("a loss", [&] { EXPECT_TRUE(sign(instance, loaded.get(), Bytes(9)).empty()); });
    noFaults();
    unchanged("the end", [&] {
        loaded.reset();
        const Instance another;
        EXPECT_TRUE(loadWithErrno(another, key + "?pin-value=1234"));
    });
    takeErrors();
}

} // namespace
