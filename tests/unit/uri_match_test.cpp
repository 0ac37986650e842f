// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/uri_test.h"

#include <cstring>

namespace {

using namespace uri_test;

// --- matching ---

TEST(UriMatch, ComparesEveryTokenField) {
    const auto info = tokenInfo("My token");
    EXPECT_TRUE(Uri::parse("pkcs11:token=My%20token;manufacturer=SoftHSM%20project;"
                           "model=SoftHSM%20v2;serial=0123456789abcdef")
                    .matchesToken(info));
    for (const auto* other : {"pkcs11:token=My", "pkcs11:token=My%20token%202",
                              "pkcs11:manufacturer=x", "pkcs11:model=x", "pkcs11:serial=0"})
        EXPECT_FALSE(Uri::parse(other).matchesToken(info)) << other;
}

TEST(UriMatch, TrailingBlanksAreNoDifference) {
    EXPECT_TRUE(Uri::parse("pkcs11:token=T%20").matchesToken(tokenInfo("T")));
    EXPECT_FALSE(Uri::parse("pkcs11:token=%20T").matchesToken(tokenInfo("T")));
}

TEST(UriMatch, TakesFieldsThatEndWithNul) {
    const auto uri = Uri::parse("pkcs11:token=T");
    EXPECT_TRUE(uri.matchesToken(tokenInfo("T", '\0')));
    EXPECT_TRUE(uri.matchesToken(tokenInfo(std::string("T\0garbage", 9))));
    EXPECT_FALSE(uri.matchesToken(tokenInfo("T", 0xff)));
    EXPECT_FALSE(uri.matchesToken(CK_TOKEN_INFO{}));
}

TEST(UriMatch, ComparesModuleFieldsAndVersion) {
    CK_INFO info{};
    setField(info.libraryDescription, "Implementation of PKCS11");
    setField(info.manufacturerID, "SoftHSM");
    info.libraryVersion = {2, 6};
    for (const auto* same : {"pkcs11:library-description=Implementation%20of%20PKCS11",
                             "pkcs11:library-manufacturer=SoftHSM", "pkcs11:library-version=2.6"}) {
        const auto uri = Uri::parse(same);
        EXPECT_TRUE(uri.constrainsModule()) << same;
        EXPECT_TRUE(uri.matchesModule(info)) << same;
    }
    for (const auto* other : {"pkcs11:library-description=x", "pkcs11:library-manufacturer=x",
                              "pkcs11:library-version=2.7", "pkcs11:library-version=2"})
        EXPECT_FALSE(Uri::parse(other).matchesModule(info)) << other;
}

TEST(UriMatch, ComparesSlotFieldsAndNumber) {
    CK_SLOT_INFO info{};
    setField(info.slotDescription, "Reader 1");
    setField(info.manufacturerID, "Acme");
    EXPECT_TRUE(Uri::parse("pkcs11:slot-description=Reader%201;slot-manufacturer=Acme")
                    .matchesSlot(info, 3));
    EXPECT_TRUE(Uri::parse("pkcs11:slot-description=Reader%201").constrainsSlotInfo());
    EXPECT_TRUE(Uri::parse("pkcs11:slot-manufacturer=Acme").constrainsSlotInfo());
    EXPECT_FALSE(Uri::parse("pkcs11:slot-description=Reader").matchesSlot(info, 3));
    EXPECT_FALSE(Uri::parse("pkcs11:slot-manufacturer=x").matchesSlot(info, 3));
    const auto byNumber = Uri::parse("pkcs11:slot-id=3");
    EXPECT_FALSE(byNumber.constrainsSlotInfo());
    EXPECT_TRUE(byNumber.matchesSlot(info, 3));
    EXPECT_FALSE(byNumber.matchesSlot(info, 4));
}

// --- formatting ---

TEST(UriFormat, GivesACompleteUri) {
    const auto info = tokenInfo("My token");
    EXPECT_EQ(p11::uri::format({&info, CKO_PRIVATE_KEY, "a;b", {0x00, 0x41}}),
              "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=0123456789abcdef;"
              "token=My%20token;id=%00%41;object=a%3Bb;type=private");
}

TEST(UriFormat, LeavesOutWhatIsEmpty) {
    EXPECT_EQ(p11::uri::format({}), "pkcs11:");
    const CK_TOKEN_INFO empty{};
    EXPECT_EQ(p11::uri::format({&empty, std::nullopt, "", {}}), "pkcs11:");
    CK_TOKEN_INFO blank = tokenInfo("");
    setField(blank.manufacturerID, "");
    setField(blank.model, "");
    EXPECT_EQ(p11::uri::format({&blank, std::nullopt, "", {}}), "pkcs11:serial=0123456789abcdef");
}

TEST(UriFormat, LeavesOutWhatParseWouldRefuse) {
    EXPECT_EQ(p11::uri::format({nullptr, CKO_DOMAIN_PARAMETERS, std::string("a\0b", 3), {1}}),
              "pkcs11:id=%01");
    EXPECT_EQ(p11::uri::format(
                  {nullptr, CKO_DATA, std::string(4097, 'a'), std::vector<unsigned char>(4097)}),
              "pkcs11:type=data");
}

TEST(UriFormat, UriOfATokenWithNulPaddingMatchesIt) {
    const auto info = tokenInfo("T", '\0');
    const auto text = p11::uri::format({&info, std::nullopt, "", {}});
    EXPECT_TRUE(contains(text, ";token=T")) << text;
    EXPECT_FALSE(contains(text, "%00")) << text;
    EXPECT_TRUE(Uri::parse(text).matchesToken(info));
}

TEST(UriFormat, RandomObjectsParseBackToTheSame) {
    Random random(7512);
    for (int round = 0; round < 3000; ++round) {
        const auto info = tokenInfo(random.text(32, false));
        const auto object = random.text(60, false);
        const auto id = bytes(random.text(40, true));
        const auto text = p11::uri::format({&info, CKO_CERTIFICATE, object, id});
        const auto parsed = Uri::parse(text);
        ASSERT_EQ(parsed.object().value_or(""), object) << text;
        ASSERT_EQ(parsed.id().value_or(std::vector<unsigned char>{}), id) << text;
        ASSERT_EQ(parsed.type(), CKO_CERTIFICATE);
        ASSERT_TRUE(parsed.matchesToken(info)) << text;
        ASSERT_EQ(parsed.withoutPin(), text);
    }
}

TEST(UriFormat, UrisOfRandomTokensParseAndMatch) {
    Random random(11);
    for (int round = 0; round < 3000; ++round) {
        CK_TOKEN_INFO info{};
        auto* const raw = reinterpret_cast<unsigned char*>(&info);
        std::generate_n(raw, sizeof(info),
                        [&] { return static_cast<unsigned char>(random.byte()); });
        const auto object = random.text(20, true);
        const auto text = p11::uri::format({&info, random.below(12), object, {}});
        ASSERT_TRUE(Uri::parse(text).matchesToken(info)) << text;
    }
}

} // namespace
