// SPDX-License-Identifier: Apache-2.0
// Lines of JSON, judged by another project's parser.
#include "pkcs11/json_line.h"
#include "pkcs11/timestamp.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;
using p11::pkcs11::JsonLine;

TEST(JsonLine, HasItsMembersInOrder) {
    JsonLine line;
    line.text("text", "a").number("number", 18446744073709551615U).yes("flag");
    line.decimal("ms", 1005).object("inner", JsonLine().text("x", "y"));
    EXPECT_EQ(line.str(), R"({"text":"a","number":18446744073709551615,"flag":true,)"
                          R"("ms":1.005,"inner":{"x":"y"}})");
    EXPECT_EQ(JsonLine().str(), "{}");
}

TEST(JsonLine, IsJsonWhateverBytesATextHas) {
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; second += 5) {
            const std::string text{static_cast<char>(first), static_cast<char>(second), 'x'};
            const auto line = JsonLine().text("text", text).str();
            EXPECT_EQ(line.find_first_of("\n\x1B"), line.npos);
            const auto read = json::parse(line); // throws for bytes that are not UTF-8, too
            ASSERT_EQ(read["text"].get<std::string>(), p11::pkcs11::printable(text));
        }
    EXPECT_EQ(json::parse(JsonLine().text("t", R"(a"b\c)").str())["t"], R"(a"b\c)");
    EXPECT_EQ(json::parse(JsonLine().text("t", "\xC3\xA9\xF0\x9F\x94\x91").str())["t"],
              "\xC3\xA9\xF0\x9F\x94\x91");
}

TEST(Timestamp, IsRfc3339InUtc) {
    using namespace std::chrono;
    const auto at = [](long long milli) {
        return p11::pkcs11::timestamp(system_clock::time_point(milliseconds(milli)));
    };
    EXPECT_EQ(at(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(at(951827696789), "2000-02-29T12:34:56.789Z");
    EXPECT_EQ(at(4102444799999), "2099-12-31T23:59:59.999Z");
}

} // namespace
