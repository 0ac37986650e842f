// SPDX-License-Identifier: Apache-2.0
// Texts of tokens in messages and logs.
#include <gtest/gtest.h>

#include "pkcs11/printable.h"

namespace {

using p11::pkcs11::printable;

TEST(Printable, LeavesTextAsItIs) {
    for (const char* text :
         {"", "key 1", "Schl\xC3\xBCssel", "\xE9\x8D\xB5", "\xF0\x9F\x94\x91", "a\\x"})
        EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatSteersATerminalOrEndsALine) {
    EXPECT_EQ(printable("a\r\nb"), "a\\x0D\\x0Ab");
    EXPECT_EQ(printable("\x1B[2J\a\t\x7F"), "\\x1B[2J\\x07\\x09\\x7F");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(printable("\xC2\x9B"), "\\xC2\\x9B");          // CSI
    EXPECT_EQ(printable("\xE2\x80\xA8"), "\\xE2\\x80\\xA8"); // LINE SEPARATOR
    EXPECT_EQ(printable("\xE2\x80\xAE"), "\\xE2\\x80\\xAE"); // RIGHT-TO-LEFT OVERRIDE
    EXPECT_EQ(printable("\xE2\x81\xA6"), "\\xE2\\x81\\xA6"); // LEFT-TO-RIGHT ISOLATE
}

TEST(Printable, EscapesWhatIsNoUtf8) {
    EXPECT_EQ(printable("\x9B"), "\\x9B"); // CSI in terminals that know no UTF-8
    EXPECT_EQ(printable("\xC3"), "\\xC3");
    EXPECT_EQ(printable("\xC3("), "\\xC3(");
    EXPECT_EQ(printable("\xC0\x8A"), "\\xC0\\x8A"); // an overlong line end
    EXPECT_EQ(printable("\xE0\x80\x8A"), "\\xE0\\x80\\x8A");
    EXPECT_EQ(printable("\xED\xA0\x80"), "\\xED\\xA0\\x80"); // a surrogate
    EXPECT_EQ(printable("\xF5\x80\x80\x80"), "\\xF5\\x80\\x80\\x80");
}

} // namespace
