// SPDX-License-Identifier: Apache-2.0
// PINs do not stay in memory: those in a URI that is gone, and what was read of a PIN file.
#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "ossl/pin.h"
#include "tests/support/memory_search.h"
#include "tests/support/temporary_folder.h"
#include "uri/uri.h"

namespace {

using test_module::placesOf;

// One more than each letter, since what looks for it has it in memory, too.
constexpr std::string_view shifted = "qjouibujtmpohfopvhiupcftffo";

/// Has the secret at `at` once and again, up to `end`.
void repeat(char* at, const char* end) {
    for (std::size_t i = 0; at != end; ++at, i = (i + 1) % shifted.size())
        *at = static_cast<char>(shifted[i] - 1);
}

class WipingOfPins : public testing::Test {
  protected:
    void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    }
};

TEST_F(WipingOfPins, LeavesNothingOfOneInAUri) {
    {
        const std::string start = "pkcs11:object=a?pin-value=";
        std::string text(start.size() + 255, '\0'); // the longest
        start.copy(text.data(), start.size());
        repeat(text.data() + start.size(), text.data() + text.size());
        const auto uri = p11::uri::Uri::parse(text);
        OPENSSL_cleanse(text.data(), text.size());
        EXPECT_GT(placesOf(shifted), 0) << "or what follows looks in the wrong place";
        EXPECT_TRUE(uri.pinValue());
    }
    EXPECT_EQ(placesOf(shifted), 0);
}

// So far down in the stack that the search does not write over what was left there.
[[gnu::noinline]] std::size_t readFarDown(const std::string& path) {
    std::array<volatile unsigned char, 65536> room;
    room[0] = 0;
    const auto size = p11::ossl::readPinFile(path, false).size;
    room[1] = 0;
    return size;
}

TEST_F(WipingOfPins, LeavesNothingOfTheLineOfAPinFile) {
    const testing_support::TemporaryFolder folder("pins");
    const auto file = folder.path() / "pin";
    // The dynamic linker puts registers on the stack where a function is called for the first time.
    const auto another = folder.path() / "another";
    std::ofstream(another) << "1234\n";
    std::filesystem::permissions(another, std::filesystem::perms::owner_read);
    EXPECT_EQ(readFarDown(another.string()), 4U);
    {
        std::array<char, 900> line{};
        repeat(line.begin(), line.end());
        line[4] = '\r'; // the end of the PIN, and not of the line
        const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
        ASSERT_EQ(write(out, line.data(), line.size()), static_cast<ssize_t>(line.size()));
        close(out);
        OPENSSL_cleanse(line.data(), line.size());
    }
    ASSERT_EQ(placesOf(shifted), 0) << "of this test's own";
    EXPECT_EQ(readFarDown(file.string()), 4U);
    EXPECT_EQ(placesOf(shifted), 0);
}

} // namespace
