// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/uri_test.h"

namespace {

using namespace uri_test;

// --- what is taken ---

TEST(UriParse, EmptyUriMatchesEverythingAndConstrainsNothing) {
    const auto uri = Uri::parse("pkcs11:");
    EXPECT_TRUE(uri.matchesToken(tokenInfo("any")));
    EXPECT_TRUE(uri.matchesModule(CK_INFO{}));
    EXPECT_TRUE(uri.matchesSlot(CK_SLOT_INFO{}, 7));
    EXPECT_FALSE(uri.constrainsModule());
    EXPECT_FALSE(uri.constrainsSlotInfo());
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
}

TEST(UriParse, ReadsEveryType) {
    EXPECT_EQ(Uri::parse("pkcs11:type=private").type(), CKO_PRIVATE_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=public").type(), CKO_PUBLIC_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=cert").type(), CKO_CERTIFICATE);
    EXPECT_EQ(Uri::parse("pkcs11:type=secret-key").type(), CKO_SECRET_KEY);
    EXPECT_EQ(Uri::parse("pkcs11:type=data").type(), CKO_DATA);
}

TEST(UriParse, ReadsTheOldNameOfTheType) {
    for (const std::string type : {"private", "public", "cert", "secret-key", "data", "c%65rt"}) {
        const auto uri = Uri::parse("pkcs11:object-type=" + type + ";object=a");
        EXPECT_EQ(uri.type(), Uri::parse("pkcs11:type=" + type).type()) << type;
        EXPECT_EQ(uri.withoutPin(), Uri::parse("pkcs11:object=a;type=" + type).withoutPin());
    }
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

TEST(UriParse, TakesLiterallyWhatCanHaveOneMeaningOnly) {
    const std::string label = "Test \"Key\" <a> {b} \\ ^ ` | / end";
    EXPECT_EQ(Uri::parse("pkcs11:object=" + label).object(), label);
    EXPECT_EQ(Uri::parse("pkcs11:object=" + label).withoutPin(),
              Uri::parse(Uri::parse("pkcs11:object=" + label).withoutPin()).withoutPin());
    EXPECT_EQ(Uri::parse("pkcs11:?pin-value=1 2\"<").pinValue(), "1 2\"<");
    EXPECT_TRUE(Uri::parse("pkcs11:token=My token").matchesToken(tokenInfo("My token")));
    EXPECT_EQ(Uri::parse("pkcs11:object=R&D;id=a").object(), "R&D");
}

TEST(UriParse, DropsBlanksAndLineEndsAroundTheUri) {
    for (const std::string around : {" ", "\n", "\r\n", " \t\n "}) {
        const auto uri = Uri::parse(around + "pkcs11:object=my key" + around);
        EXPECT_EQ(uri.object(), "my key");
        EXPECT_EQ(Uri::parse(around + "pkcs11:?pin-value=12" + around).pinValue(), "12");
    }
    EXPECT_EQ(Uri::parse("pkcs11:object=a%20").object(), "a ");
    EXPECT_EQ(Uri::parse("pkcs11: ").withoutPin(), "pkcs11:");
}

TEST(UriParse, TakesTheSchemeInAnyCase) {
    EXPECT_EQ(Uri::parse("PKCS11:object=a").object(), "a");
    EXPECT_EQ(Uri::parse("Pkcs11:object=a").withoutPin(), "pkcs11:object=a");
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

TEST(UriParse, TakesAPinForEachUse) {
    const auto uri = Uri::parse("pkcs11:object=a?pin-value=1&x-context-pin-value=12%3b34");
    EXPECT_EQ(uri.contextPinValue(), "12;34");
    EXPECT_EQ(uri.pinValue(), "1");
    EXPECT_FALSE(uri.contextPinSource());
    EXPECT_EQ(Uri::parse("pkcs11:?x-context-pin-source=file:/p").contextPinSource(), "file:/p");
    EXPECT_FALSE(Uri::parse("pkcs11:?pin-value=1").contextPinValue());
    EXPECT_FALSE(Uri::parse("pkcs11:?x-context-pin-value=1").pinValue());
}

TEST(UriParse, TakesAKeyType) {
    const auto uri = Uri::parse("pkcs11:object=a?x-key-type=RSA%2DPSS&module-name=n");
    EXPECT_EQ(uri.keyType(), "RSA-PSS");
    EXPECT_EQ(uri.withoutPin(), "pkcs11:object=a?module-name=n");
    EXPECT_EQ(Uri::parse(uri.without({})).keyType(), "RSA-PSS");
    EXPECT_FALSE(Uri::parse("pkcs11:object=a").keyType());
}

TEST(UriParse, CopiesShareThePin) {
    std::optional<Uri> original = Uri::parse("pkcs11:?pin-value=1234");
    const Uri copy = *original;
    const auto view = *copy.pinValue();
    original.reset();
    EXPECT_EQ(view, "1234");
}

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
        "pkcs11:?x-context-pin-value=12&" + pin + "=a",
        "pkcs11:?x-context-pin-value=" + pin + "%zz",
        "pkcs11:?x-context-pin-value=" + pin + "&x-context-pin-source=" + pin,
        "pkcs11:x-context-pin-value=" + pin,
        "pkcs11:?pin-value=" + pin + "%zz",
        "pkcs11:?pin-value=" + pin + "%00",
        "pkcs11:?pin-value=" + pin + "\t1",
        "pkcs11://?pin-value=" + pin,
        "pkcs11:token=T&object=K;pin-value=" + pin,
        "pkcs11:token=T&pin-value=" + pin,
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

TEST(UriPin, WithoutPinHasNoPinForEachUse) {
    for (const std::string name : {"value", "source"}) {
        const auto uri = Uri::parse("pkcs11:object=a?x-context-pin-" + name + "=b&module-name=n");
        EXPECT_EQ(uri.withoutPin(), "pkcs11:object=a?module-name=n");
    }
}

TEST(UriWithout, LeavesOutWhatIsNamedAndNothingElse) {
    using p11::uri::Part;
    const auto value = Uri::parse("pkcs11:object=a;pin-value=1%3b%26?module-name=n&x-y=z");
    EXPECT_EQ(value.without({}), "pkcs11:object=a?pin-value=1%3B%26&module-name=n");
    EXPECT_EQ(value.without({Part::module}), "pkcs11:object=a?pin-value=1%3B%26");
    EXPECT_EQ(value.without({Part::pinValue}), "pkcs11:object=a?module-name=n");
    EXPECT_EQ(value.without({Part::pinValue, Part::module}), "pkcs11:object=a");
    const auto source = Uri::parse("pkcs11:token=T?pin-source=/etc/pin&module-path=/m.so");
    EXPECT_EQ(source.without({Part::pinValue, Part::module}),
              "pkcs11:token=T?pin-source=%2Fetc%2Fpin");
    EXPECT_EQ(source.without({Part::pinValue, Part::pinSource}), source.withoutPin());
    const auto both = Uri::parse("pkcs11:token=T?pin-source=a&x-context-pin-value=1%3b");
    EXPECT_EQ(both.without({}), "pkcs11:token=T?pin-source=a&x-context-pin-value=1%3B");
    EXPECT_EQ(both.without({Part::pinValue}), "pkcs11:token=T?pin-source=a");
    const auto file = Uri::parse("pkcs11:token=T?x-context-pin-source=/etc/pin");
    EXPECT_EQ(file.without({Part::pinValue}), "pkcs11:token=T?x-context-pin-source=%2Fetc%2Fpin");
    EXPECT_EQ(file.without({Part::pinSource}), "pkcs11:token=T");
}

TEST(UriWithout, IsReadAgainWithTheSamePin) {
    for (const std::string pin : {"1234", "%3b%26%3f%25%20", "a/b|c", "%c3%a9", ""}) {
        const auto first = Uri::parse("pkcs11:object=a?pin-value=" + pin);
        const auto again = Uri::parse(first.without({}));
        EXPECT_EQ(again.pinValue(), first.pinValue()) << pin;
        const auto forUse = Uri::parse("pkcs11:object=a?x-context-pin-value=" + pin);
        EXPECT_EQ(Uri::parse(forUse.without({})).contextPinValue(), forUse.contextPinValue());
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

} // namespace
