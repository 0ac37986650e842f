#include "uri/uri.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include <gtest/gtest.h>

namespace {

using uri::Uri;

// The message of the Error that `text` gets, or "" if it gets none.
std::string refusal(std::string_view text) {
    try {
        Uri::parse(text);
    } catch (const uri::Error& error) {
        return error.what();
    }
    return "";
}

template <std::size_t N>
void setField(unsigned char (&field)[N], std::string_view text, unsigned char padding = ' ') {
    std::fill(std::begin(field), std::end(field), padding);
    std::copy_n(text.begin(), std::min(text.size(), N), field);
}

CK_TOKEN_INFO tokenInfo(std::string_view label, unsigned char padding = ' ') {
    CK_TOKEN_INFO info{};
    setField(info.label, label, padding);
    setField(info.manufacturerID, "SoftHSM project", padding);
    setField(info.model, "SoftHSM v2", padding);
    setField(info.serialNumber, "0123456789abcdef", padding);
    return info;
}

std::vector<unsigned char> bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// --- what is taken ---

TEST(UriParse, EmptyUriMatchesEverythingAndConstrainsNothing) {
    const auto uri = Uri::parse("pkcs11:");
    EXPECT_TRUE(uri.matchesToken(tokenInfo("any")));
    EXPECT_TRUE(uri.matchesModule(CK_INFO{}));
    EXPECT_TRUE(uri.matchesSlot(CK_SLOT_INFO{}, 7));
    EXPECT_FALSE(uri.constrainsModule());
    EXPECT_FALSE(uri.constrainsSlotInfo());
    EXPECT_FALSE(uri.constrainsToken());
    EXPECT_FALSE(uri.slotId());
    EXPECT_FALSE(uri.object());
    EXPECT_FALSE(uri.id());
    EXPECT_FALSE(uri.type());
    EXPECT_FALSE(uri.pinValue());
    EXPECT_FALSE(uri.pinSource());
    EXPECT_FALSE(uri.moduleName());
    EXPECT_FALSE(uri.modulePath());
    EXPECT_EQ(uri.withoutPin(), "pkcs11:");
}

TEST(UriParse, TakesAnEmptyQuery) {
    EXPECT_EQ(Uri::parse("pkcs11:?").withoutPin(), "pkcs11:");
    EXPECT_EQ(Uri::parse("pkcs11:object=a?").object(), "a");
}

TEST(UriParse, SchemeIsCaseInsensitive) {
    EXPECT_EQ(Uri::parse("PKCS11:object=Key").object(), "Key");
    EXPECT_EQ(Uri::parse("Pkcs11:object=Key").withoutPin(), "pkcs11:object=Key");
}

TEST(UriParse, ReadsObjectAttributes) {
    const auto uri = Uri::parse("pkcs11:object=my%20key;id=%01%00%ff;type=private");
    EXPECT_EQ(uri.object(), "my key");
    EXPECT_EQ(uri.id(), (std::vector<unsigned char>{0x01, 0x00, 0xff}));
    EXPECT_EQ(uri.type(), CKO_PRIVATE_KEY);
    EXPECT_FALSE(uri.constrainsToken());
}

TEST(UriParse, ReadsEveryType) {
    EXPECT_EQ(Uri::parse("pkcs11:type=private").type(), CKO_PRIVATE_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=public").type(), CKO_PUBLIC_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=cert").type(), CKO_CERTIFICATE);
    EXPECT_EQ(Uri::parse("pkcs11:type=secret-key").type(), CKO_SECRET_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=data").type(), CKO_DATA);
}

TEST(UriParse, ReadsQueryAttributes) {
    const auto uri =
        Uri::parse("pkcs11:?module-name=softhsm2&module-path=/usr/lib/x.so&pin-value=12%2034");
    EXPECT_EQ(uri.moduleName(), "softhsm2");
    EXPECT_EQ(uri.modulePath(), "/usr/lib/x.so");
    EXPECT_EQ(uri.pinValue(), "12 34");
    EXPECT_FALSE(uri.pinSource());
    EXPECT_EQ(Uri::parse("pkcs11:?pin-source=file:/etc/pin").pinSource(), "file:/etc/pin");
    EXPECT_EQ(Uri::parse("pkcs11:?pin-source=|/usr/bin/pin").pinSource(), "|/usr/bin/pin");
}

TEST(UriParse, EmptyValuesArePresent) {
    const auto uri = Uri::parse("pkcs11:object=;id=?pin-value=&module-name=");
    EXPECT_EQ(uri.object(), "");
    EXPECT_EQ(uri.id(), std::vector<unsigned char>{});
    EXPECT_EQ(uri.pinValue(), "");
    EXPECT_EQ(uri.moduleName(), "");
}

TEST(UriParse, EmptyTokenMatchesBlankLabelsOnly) {
    const auto uri = Uri::parse("pkcs11:token=");
    EXPECT_TRUE(uri.constrainsToken());
    EXPECT_TRUE(uri.matchesToken(tokenInfo("")));
    EXPECT_FALSE(uri.matchesToken(tokenInfo("a")));
}

TEST(UriParse, DecodesEveryPercentEncoding) {
    EXPECT_EQ(Uri::parse("pkcs11:object=%6B%6b%2D%7e%C3%a9").object(), "kk-~\xc3\xa9");
    EXPECT_EQ(Uri::parse("pkcs11:object=%25%3B%3d%26%3F%2f%23").object(), "%;=&?/#");
}

TEST(UriParse, DecodesAttributesThatP11KitDoesNotDecode) {
    EXPECT_EQ(Uri::parse("pkcs11:type=p%72ivate").type(), CKO_PRIVATE_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:slot-id=%31%32").slotId(), 12u);
    EXPECT_EQ(Uri::parse("pkcs11:library-version=1%2e2").withoutPin(),
              "pkcs11:library-version=1.2");
}

TEST(UriParse, TakesRawUtf8) {
    EXPECT_EQ(Uri::parse("pkcs11:object=Schl\xc3\xbcssel").object(), "Schl\xc3\xbcssel");
}

TEST(UriParse, TakesBareSlashInId) {
    EXPECT_EQ(Uri::parse("pkcs11:id=project/policy").id(), bytes("project/policy"));
}

TEST(UriParse, TakesCharactersThatTheRfcAllowsUnencoded) {
    EXPECT_EQ(Uri::parse("pkcs11:object=:[]@!$'()*+,=&-._~").object(), ":[]@!$'()*+,=&-._~");
    EXPECT_EQ(Uri::parse("pkcs11:?module-path=:[]@!$'()*+,=/?|").modulePath(), ":[]@!$'()*+,=/?|");
    EXPECT_EQ(Uri::parse("pkcs11:?pin-value=a:[]@!$'()*+,=/?|b").pinValue(), "a:[]@!$'()*+,=/?|b");
}

TEST(UriParse, TakesThePinInThePath) {
    const auto uri = Uri::parse("pkcs11:id=a/b;type=private;pin-value=CONFIG");
    EXPECT_EQ(uri.pinValue(), "CONFIG");
    EXPECT_EQ(uri.id(), bytes("a/b"));
    EXPECT_EQ(uri.type(), CKO_PRIVATE_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:pin-source=/etc/pin;id=a").pinSource(), "/etc/pin");
}

TEST(UriParse, PinInThePathMayHoldTheQuerysDelimiter) {
    EXPECT_EQ(Uri::parse("pkcs11:pin-value=a&b=c;id=x?module-name=y").pinValue(), "a&b=c");
}

TEST(UriParse, IgnoresVendorAttributes) {
    const auto uri = Uri::parse("pkcs11:x-a=1;token=T;x-b_C-2=%20?x-q=1&x-q=2");
    EXPECT_TRUE(uri.matchesToken(tokenInfo("T")));
    EXPECT_FALSE(uri.matchesToken(tokenInfo("U")));
    EXPECT_EQ(uri.withoutPin(), "pkcs11:token=T");
}

TEST(UriParse, TakesValuesAsLongAsTheirFields) {
    const std::string label(32, 'L');
    EXPECT_TRUE(Uri::parse("pkcs11:token=" + label).matchesToken(tokenInfo(label)));
    EXPECT_EQ(refusal("pkcs11:serial=" + std::string(16, 's')), "");
    EXPECT_EQ(refusal("pkcs11:slot-description=" + std::string(64, 's')), "");
    EXPECT_EQ(refusal("pkcs11:object=" + std::string(4096, 'o')), "");
    EXPECT_EQ(Uri::parse("pkcs11:?pin-value=" + std::string(255, 'p')).pinValue()->size(), 255u);
}

TEST(UriParse, LengthIsCountedAfterDecoding) {
    std::string label;
    for (int i = 0; i < 32; ++i)
        label += "%4C";
    EXPECT_EQ(refusal("pkcs11:token=" + label), "");
    EXPECT_TRUE(
        contains(refusal("pkcs11:token=" + label + "%4C"), "is too long: at most 32 bytes"));
}

TEST(UriParse, SlotIdReachesFromZeroToTheLargestThatP11KitTakes) {
    EXPECT_EQ(Uri::parse("pkcs11:slot-id=0").slotId(), 0u);
    EXPECT_EQ(Uri::parse("pkcs11:slot-id=007").slotId(), 7u);
    const auto largest = CK_SLOT_ID{std::numeric_limits<long>::max()};
    EXPECT_EQ(Uri::parse("pkcs11:slot-id=" + std::to_string(largest)).slotId(), largest);
}

TEST(UriParse, CopiesShareThePin) {
    std::optional<Uri> original = Uri::parse("pkcs11:?pin-value=1234");
    const Uri copy = *original;
    const auto view = *copy.pinValue();
    original.reset();
    EXPECT_EQ(view, "1234");
}

// --- what is refused ---

struct Malformed {
    std::string text;
    std::string message; ///< a part of it
};

void PrintTo(const Malformed& malformed, std::ostream* out) {
    *out << malformed.text;
}

class UriMalformed : public testing::TestWithParam<Malformed> {};

TEST_P(UriMalformed, IsRefusedWithAClearMessage) {
    const auto message = refusal(GetParam().text);
    EXPECT_TRUE(contains(message, GetParam().message)) << "message: " << message;
}

const std::string nul(1, '\0');

const Malformed malformedFrames[] = {
    {"", "does not begin with \"pkcs11:\""},
    {"pkcs11", "does not begin with \"pkcs11:\""},
    {"file:token=a", "does not begin with \"pkcs11:\""},
    {"pkcs 11:token=a", "does not begin with \"pkcs11:\""},
    {" pkcs11:token=a", "does not begin with \"pkcs11:\""},
    {"pkcs11:object=" + std::string(64 * 1024, 'a'), "the URI is longer than 65536 bytes"},
    {"pkcs11:token", "attribute \"token\" has no \"=\""},
    {"pkcs11:?pin-value", "attribute \"pin-value\" has no \"=\""},
    {"pkcs11:id=a;token%3Da", "attribute number 2 of the path has no \"=\""},
    {"pkcs11:=a", "attribute number 1 of the path has no name"},
    {"pkcs11:?=a", "attribute number 1 of the query has no name"},
    {"pkcs11:;", "attribute number 1 of the path is empty"},
    {"pkcs11:token=a;", "attribute number 2 of the path is empty"},
    {"pkcs11:token=a;?pin-value=b", "attribute number 2 of the path is empty"},
    {"pkcs11:;token=a", "attribute number 1 of the path is empty"},
    {"pkcs11:token=a;;id=b", "attribute number 2 of the path is empty"},
    {"pkcs11:?module-name=a&", "attribute number 2 of the query is empty"},
    {"pkcs11:?&module-name=a", "attribute number 1 of the query is empty"},
};
INSTANTIATE_TEST_SUITE_P(Frame, UriMalformed, testing::ValuesIn(malformedFrames));

const Malformed malformedNames[] = {
    {"pkcs11:foo=bar", "attribute \"foo\" is unknown; there are token, manufacturer"},
    {"pkcs11:?foo=bar", "attribute \"foo\" is unknown; there are pin-value, pin-source"},
    {"pkcs11:Token=a", "attribute \"Token\" is unknown"},
    {"pkcs11:x-=a", "attribute \"x-\" is unknown"},
    {"pkcs11:x-a.b=a", "attribute number 1 of the path is unknown"},
    {"pkcs11:t%6fken=a", "attribute number 1 of the path is unknown"},
    {"pkcs11:to ken=a", "attribute number 1 of the path is unknown"},
    {"pkcs11://host/token=a", "attribute number 1 of the path is unknown"},
    {"pkcs11:object-type=private", "attribute \"object-type\" is unknown"},
    {"pkcs11:?pinfile=a", "attribute number 1 of the query is unknown"},
    {"pkcs11:module-name=a", "attribute \"module-name\" belongs in the query"},
    {"pkcs11:module-path=a", "attribute \"module-path\" belongs in the query"},
    {"pkcs11:?token=a", "attribute \"token\" belongs in the path"},
    {"pkcs11:token=a;token=a", "attribute \"token\" is given twice"},
    {"pkcs11:id=a;object=b;id=c", "attribute \"id\" is given twice"},
    {"pkcs11:x-a=1;x-a=2", "attribute \"x-a\" is given twice"},
    {"pkcs11:?module-name=a&module-name=a", "attribute \"module-name\" is given twice"},
    {"pkcs11:?pin-value=a&pin-value=b", "attribute \"pin-value\" is given twice"},
    {"pkcs11:pin-value=a?pin-value=b", "attribute \"pin-value\" is given twice"},
    {"pkcs11:?pin-value=a&pin-source=b", "\"pin-value\" and \"pin-source\" exclude each other"},
    {"pkcs11:pin-source=a?pin-value=b", "\"pin-value\" and \"pin-source\" exclude each other"},
};
INSTANTIATE_TEST_SUITE_P(Names, UriMalformed, testing::ValuesIn(malformedNames));

const Malformed malformedEncodings[] = {
    {"pkcs11:token=%", "attribute \"token\" has a bad percent-encoding"},
    {"pkcs11:token=%4", "attribute \"token\" has a bad percent-encoding"},
    {"pkcs11:token=a%4;id=b", "attribute \"token\" has a bad percent-encoding"},
    {"pkcs11:object=%4g", "attribute \"object\" has a bad percent-encoding"},
    {"pkcs11:object=%g4", "attribute \"object\" has a bad percent-encoding"},
    {"pkcs11:object=%%41", "attribute \"object\" has a bad percent-encoding"},
    {"pkcs11:x-a=%zz", "attribute \"x-a\" has a bad percent-encoding"},
    {"pkcs11:?pin-value=12%zz", "attribute \"pin-value\" has a bad percent-encoding"},
    {"pkcs11:object=my key", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a\tb", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a\n", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a#b", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a\\b", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a" + nul, "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:?pin-value=1;2", "attribute \"pin-value\" has a character that must be"},
    {"pkcs11:?module-name=x;module-path=y",
     "attribute \"module-name\" has a character that must be"},
    {"pkcs11:token=a%00b", "attribute \"token\" has a NUL byte"},
    {"pkcs11:token=%00", "attribute \"token\" has a NUL byte"},
    {"pkcs11:object=a%00", "attribute \"object\" has a NUL byte"},
    {"pkcs11:slot-description=%00", "attribute \"slot-description\" has a NUL byte"},
    {"pkcs11:?pin-value=1%002", "attribute \"pin-value\" has a NUL byte"},
    {"pkcs11:?module-path=/a%00b", "attribute \"module-path\" has a NUL byte"},
};
INSTANTIATE_TEST_SUITE_P(Encodings, UriMalformed, testing::ValuesIn(malformedEncodings));

const std::string allTypes = "private, public, cert, secret-key, data";

const Malformed malformedValues[] = {
    {"pkcs11:type=key", "attribute \"type\" is none of " + allTypes},
    {"pkcs11:type=", "attribute \"type\" is none of " + allTypes},
    {"pkcs11:type=Private", "attribute \"type\" is none of " + allTypes},
    {"pkcs11:type=secretkey", "attribute \"type\" is none of " + allTypes},
    {"pkcs11:slot-id=", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=a", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=1a", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=-1", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=+1", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=0x10", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=18446744073709551615", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:slot-id=18446744073709551616", "attribute \"slot-id\" is not a decimal number"},
    {"pkcs11:library-version=", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=1.", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=.1", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=1.2.3", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=1.-2", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=v1", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=255.0", "attribute \"library-version\" must be a number"},
    {"pkcs11:library-version=4294967297.1", "attribute \"library-version\" must be a number"},
    {"pkcs11:token=" + std::string(33, 'a'), "attribute \"token\" is too long: at most 32 bytes"},
    {"pkcs11:serial=" + std::string(17, 'a'), "attribute \"serial\" is too long: at most 16 bytes"},
    {"pkcs11:model=" + std::string(17, 'a'), "attribute \"model\" is too long: at most 16 bytes"},
    {"pkcs11:manufacturer=" + std::string(33, 'a'),
     "\"manufacturer\" is too long: at most 32 bytes"},
    {"pkcs11:library-description=" + std::string(33, 'a'),
     "\"library-description\" is too long: at most 32 bytes"},
    {"pkcs11:library-manufacturer=" + std::string(33, 'a'),
     "\"library-manufacturer\" is too long: at most 32 bytes"},
    {"pkcs11:slot-description=" + std::string(65, 'a'),
     "\"slot-description\" is too long: at most 64 bytes"},
    {"pkcs11:slot-manufacturer=" + std::string(33, 'a'),
     "\"slot-manufacturer\" is too long: at most 32 bytes"},
    {"pkcs11:object=" + std::string(4097, 'a'),
     "attribute \"object\" is too long: at most 4096 bytes"},
    {"pkcs11:id=" + std::string(4097, 'a'), "attribute \"id\" is too long: at most 4096 bytes"},
    {"pkcs11:?pin-value=" + std::string(256, 'a'), "\"pin-value\" is too long: at most 255 bytes"},
    {"pkcs11:?pin-source=" + std::string(4097, 'a'),
     "\"pin-source\" is too long: at most 4096 bytes"},
    {"pkcs11:?module-path=" + std::string(4097, 'a'),
     "\"module-path\" is too long: at most 4096 bytes"},
};
INSTANTIATE_TEST_SUITE_P(Values, UriMalformed, testing::ValuesIn(malformedValues));

// --- PINs stay out of messages ---

TEST(UriPin, NoMessageHoldsAMalformedPin) {
    const std::string pin = "S3cr3t";
    const std::array texts{
        "pkcs11:pin-value:" + pin,
        "pkcs11:pin-value" + pin + "=a",
        "pkcs11:pin-value=12;" + pin,
        "pkcs11:pin-value=12;" + pin + "=a",
        "pkcs11:pin-value=12?" + pin + "=a",
        "pkcs11:?pin-value=12&" + pin + "=a",
        "pkcs11:?pin-value=12&x-a=1&" + pin + "=a",
        "pkcs11:?pin-value=" + pin + "%zz",
        "pkcs11:?pin-value=" + pin + "%00",
        "pkcs11:?pin-value=" + pin + " ",
        "pkcs11:?pin-value=" + pin + "#",
        "pkcs11:?PIN-VALUE=" + pin,
        "pkcs11:?pin-value=" + pin + "&pin-source=" + pin,
        "pkcs11:?pin-value=a&pin-value=" + pin,
        "pkcs11:type=private,pin-value=" + pin,
        "pkcs11:slot-id=1,pin-value=" + pin,
        "pkcs11:library-version=1,pin-value=" + pin,
        "pkcs11:token=a%pin-value=" + pin,
        "PIN-VALUE=" + pin,
        pin + ":",
    };
    for (const auto& text : texts) {
        const auto message = refusal(text);
        EXPECT_FALSE(message.empty()) << text << " was not refused";
        EXPECT_FALSE(contains(message, pin)) << message;
    }
}

TEST(UriPin, UnknownAttributeAwayFromThePinIsNamed) {
    EXPECT_TRUE(contains(refusal("pkcs11:foo=a?pin-value=1234"), "\"foo\""));
    EXPECT_TRUE(contains(refusal("pkcs11:pin-value=1234;id=a;foo=a"), "\"foo\""));
}

TEST(UriPin, WithoutPinHasEverythingButThePin) {
    EXPECT_EQ(Uri::parse("pkcs11:object=a%2f;pin-value=1234?module-name=n").withoutPin(),
              "pkcs11:object=a%2F?module-name=n");
    EXPECT_EQ(Uri::parse("pkcs11:token=T?pin-source=/etc/pin&module-path=/m.so").withoutPin(),
              "pkcs11:token=T?module-path=%2Fm.so");
}

TEST(UriWithout, LeavesOutWhatIsNamedAndNothingElse) {
    using uri::Part;
    const auto value = Uri::parse("pkcs11:object=a;pin-value=1%3b%26?module-name=n&x-y=z");
    EXPECT_EQ(value.without({}), "pkcs11:object=a?pin-value=1%3B%26&module-name=n");
    EXPECT_EQ(value.without({Part::module}), "pkcs11:object=a?pin-value=1%3B%26");
    EXPECT_EQ(value.without({Part::pinValue}), "pkcs11:object=a?module-name=n");
    EXPECT_EQ(value.without({Part::pinValue, Part::module}), "pkcs11:object=a");
    const auto source = Uri::parse("pkcs11:token=T?pin-source=/etc/pin&module-path=/m.so");
    EXPECT_EQ(source.without({Part::pinValue, Part::module}),
              "pkcs11:token=T?pin-source=%2Fetc%2Fpin");
    EXPECT_EQ(source.without({Part::pinValue, Part::pinSource}), source.withoutPin());
}

TEST(UriWithout, IsReadAgainWithTheSamePin) {
    for (const std::string pin : {"1234", "%3b%26%3f%25%20", "a/b|c", "%c3%a9", ""}) {
        const auto first = Uri::parse("pkcs11:object=a?pin-value=" + pin);
        const auto again = Uri::parse(first.without({}));
        EXPECT_EQ(again.pinValue(), first.pinValue()) << pin;
    }
}

TEST(UriPin, WithoutPinKeepsEveryOtherAttribute) {
    const std::string all =
        "pkcs11:library-description=d;library-manufacturer=m;library-version=2.40;"
        "slot-description=sd;slot-manufacturer=sm;slot-id=3;model=mo;manufacturer=ma;serial=se;"
        "token=to;id=%01;object=ob;type=cert?module-name=na&module-path=pa";
    const auto normal = Uri::parse(all).withoutPin();
    EXPECT_EQ(Uri::parse(normal).withoutPin(), normal);
    for (const auto* part :
         {"library-description=d", "library-manufacturer=m", "library-version=2.40",
          "slot-description=sd", "slot-manufacturer=sm", "slot-id=3", "model=mo", "manufacturer=ma",
          "serial=se", "token=to", "id=%01", "object=ob", "type=cert", "module-name=na",
          "module-path=pa"})
        EXPECT_TRUE(contains(normal, part)) << part << " in " << normal;
}

// --- matching ---

TEST(UriMatch, ComparesEveryTokenField) {
    const auto info = tokenInfo("My token");
    EXPECT_TRUE(Uri::parse("pkcs11:token=My%20token;manufacturer=SoftHSM%20project;"
                           "model=SoftHSM%20v2;serial=0123456789abcdef")
                    .matchesToken(info));
    for (const auto* other : {"pkcs11:token=My", "pkcs11:token=My%20token%202",
                              "pkcs11:manufacturer=x", "pkcs11:model=x", "pkcs11:serial=0"}) {
        const auto uri = Uri::parse(other);
        EXPECT_TRUE(uri.constrainsToken()) << other;
        EXPECT_FALSE(uri.matchesToken(info)) << other;
    }
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
    EXPECT_EQ(uri::format({&info, CKO_PRIVATE_KEY, "a;b", {0x00, 0x41}}),
              "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=0123456789abcdef;"
              "token=My%20token;id=%00%41;object=a%3Bb;type=private");
}

TEST(UriFormat, LeavesOutWhatIsEmpty) {
    EXPECT_EQ(uri::format({}), "pkcs11:");
    const CK_TOKEN_INFO empty{};
    EXPECT_EQ(uri::format({&empty, std::nullopt, "", {}}), "pkcs11:");
    CK_TOKEN_INFO blank = tokenInfo("");
    setField(blank.manufacturerID, "");
    setField(blank.model, "");
    EXPECT_EQ(uri::format({&blank, std::nullopt, "", {}}), "pkcs11:serial=0123456789abcdef");
}

TEST(UriFormat, LeavesOutWhatParseWouldRefuse) {
    EXPECT_EQ(uri::format({nullptr, CKO_DOMAIN_PARAMETERS, std::string("a\0b", 3), {1}}),
              "pkcs11:id=%01");
    EXPECT_EQ(
        uri::format({nullptr, CKO_DATA, std::string(4097, 'a'), std::vector<unsigned char>(4097)}),
        "pkcs11:type=data");
}

TEST(UriFormat, UriOfATokenWithNulPaddingMatchesIt) {
    const auto info = tokenInfo("T", '\0');
    const auto text = uri::format({&info, std::nullopt, "", {}});
    EXPECT_TRUE(contains(text, ";token=T")) << text;
    EXPECT_FALSE(contains(text, "%00")) << text;
    EXPECT_TRUE(Uri::parse(text).matchesToken(info));
}

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }
    char byte() { return static_cast<char>(below(256)); }
    std::string text(std::size_t longest, bool withNul) {
        static const std::array<std::string, 9> special{
            ";", "%", "/", "&", "?", "=", " ", "\xc3\xa9", "\xf0\x9f\x94\x91"};
        std::string result;
        for (auto left = below(longest + 1); left > 0; --left) {
            const char any = byte();
            result += any == '\0' && !withNul ? "0" : std::string(1, any);
            if (below(3) == 0)
                result += special[below(special.size())];
        }
        return result.substr(0, longest);
    }

  private:
    std::mt19937 engine_;
};

TEST(UriFormat, RandomObjectsParseBackToTheSame) {
    Random random(7512);
    for (int round = 0; round < 3000; ++round) {
        const auto info = tokenInfo(random.text(32, false));
        const auto object = random.text(60, false);
        const auto id = bytes(random.text(40, true));
        const auto text = uri::format({&info, CKO_CERTIFICATE, object, id});
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
        const auto text = uri::format({&info, random.below(12), object, {}});
        ASSERT_TRUE(Uri::parse(text).matchesToken(info)) << text;
    }
}

// --- robustness ---

class Mutator {
  public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::string mutate(std::string text) {
        for (auto count = 1 + random_.below(4); count > 0; --count)
            mutateOnce(text);
        return text;
    }

  private:
    char character() {
        static const std::string interesting = "%;&?=:/ \n#xX0fF-pin";
        return random_.below(2) == 0 ? interesting[random_.below(interesting.size())]
                                     : random_.byte();
    }

    void mutateOnce(std::string& text) {
        const auto at = random_.below(text.size());
        switch (random_.below(4)) {
        case 0:
            text[at] = character();
            break;
        case 1:
            text.insert(at, 1, character());
            break;
        case 2:
            text.erase(at, text.size() > 1 ? 1 : 0);
            break;
        default:
            text.insert(at, text.substr(random_.below(text.size()), random_.below(8)));
        }
    }

    Random random_;
};

void useEverything(const Uri& uri) {
    const auto info = tokenInfo("T");
    uri.matchesToken(info);
    uri.matchesModule(CK_INFO{});
    uri.matchesSlot(CK_SLOT_INFO{}, 1);
    uri.slotId();
    uri.object();
    uri.id();
    uri.type();
    uri.pinSource();
    uri.moduleName();
    uri.modulePath();
}

// The text of every URI that was taken can be normalised, and stays the same from then on.
void checkMutation(const std::string& text, const std::string& pin) {
    try {
        const auto uri = Uri::parse(text);
        useEverything(uri);
        const auto normal = uri.withoutPin();
        ASSERT_EQ(Uri::parse(normal).withoutPin(), normal) << text;
        if (uri.pinValue() == pin && text.find(pin) == text.rfind(pin)) {
            ASSERT_FALSE(contains(normal, pin)) << text;
        }
    } catch (const uri::Error& error) {
        ASSERT_FALSE(contains(error.what(), pin)) << text << "\n" << error.what();
    }
}

TEST(UriMutation, NeverCrashesAndNeverTellsThePin) {
    const std::string pin = "S3cr3tPin";
    const std::array<std::string, 5> valid{
        "pkcs11:token=T;object=key%20one;id=%01%02;type=private?pin-value=" + pin,
        "pkcs11:id=a/b;type=private;pin-value=" + pin,
        "pkcs11:pin-value=" + pin + ";id=a?module-name=softhsm2",
        "pkcs11:slot-id=3;library-version=2.40;serial=1?pin-value=" + pin + "&module-path=/m.so",
        "pkcs11:model=m;slot-description=d;x-a=1?x-b=2&pin-value=" + pin,
    };
    Mutator mutator(50000);
    for (int round = 0; round < 50000; ++round) {
        checkMutation(mutator.mutate(valid[static_cast<std::size_t>(round) % valid.size()]), pin);
        ASSERT_FALSE(HasFatalFailure());
    }
}

} // namespace
