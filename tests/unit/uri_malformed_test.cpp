// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/uri_test.h"

namespace {

using namespace uri_test;

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
    {" \n", "does not begin with \"pkcs11:\""},
    {"pkcs11 :token=a", "does not begin with \"pkcs11:\""},
    {"pkcs11://token=a", "write \"pkcs11:\" in place of \"pkcs11://\""},
    {"pkcs11://host/token=a", "write \"pkcs11:\" in place of \"pkcs11://\""},
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
    {"pkcs11:/token=a", "attribute number 1 of the path is unknown"},
    {"pkcs11:token=T; object=K", "attribute number 2 of the path is unknown"},
    {"pkcs11:token=T&object=K", "attribute \"token\" is followed by \"&object=\""},
    {"pkcs11:token=T&x=1&id=2", "attribute \"token\" is followed by \"&id=\""},
    {"pkcs11:object=K&pin-value=1234", "attribute \"object\" is followed by \"&pin-value=\""},
    {"pkcs11:objecttype=private", "attribute \"objecttype\" is unknown"},
    {"pkcs11:?object-type=private", "attribute \"object-type\" belongs in the path"},
    {"pkcs11:object-type=private;object-type=private", "attribute \"object-type\" is given twice"},
    {"pkcs11:object-type=private;type=private", "\"type\" and \"object-type\" exclude each other"},
    {"pkcs11:type=private;id=a;object-type=cert",
     "\"type\" and \"object-type\" exclude each other"},
    {"pkcs11:object=K&object-type=private",
     "attribute \"object\" is followed by \"&object-type=\""},
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
    {"pkcs11:?x-context-pin-value=a&x-context-pin-source=b",
     "\"x-context-pin-value\" and \"x-context-pin-source\" exclude each other"},
    {"pkcs11:?x-context-pin-value=a&x-context-pin-value=b",
     "attribute \"x-context-pin-value\" is given twice"},
    {"pkcs11:x-context-pin-value=a", "attribute \"x-context-pin-value\" belongs in the query"},
    {"pkcs11:?x-key-type=EC", "attribute \"x-key-type\" is not one of RSA, RSA-PSS"},
    {"pkcs11:x-key-type=RSA", "attribute \"x-key-type\" belongs in the query"},
    {"pkcs11:?x-key-type=RSA&x-key-type=RSA", "attribute \"x-key-type\" is given twice"},
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
    {"pkcs11:object=a\tb", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a\nb", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a#b", "attribute \"object\" has a character that must be percent-encoded"},
    {"pkcs11:object=a\x7f", "attribute \"object\" has a character that must be percent-encoded"},
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
    {"pkcs11:type=key", "attribute \"type\" is not one of " + allTypes},
    {"pkcs11:type=", "attribute \"type\" is not one of " + allTypes},
    {"pkcs11:object-type=Private", "attribute \"object-type\" is not one of " + allTypes},
    {"pkcs11:object-type=", "attribute \"object-type\" is not one of " + allTypes},
    {"pkcs11:type=Private", "attribute \"type\" is not one of " + allTypes},
    {"pkcs11:type=secretkey", "attribute \"type\" is not one of " + allTypes},
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
    } catch (const p11::uri::Error& error) {
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
