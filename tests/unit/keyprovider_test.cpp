// SPDX-License-Identifier: Apache-2.0
// pkcs11-keyprovider: formats, bad input, policy, with keys in files.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "tests/support/temporary_folder.h"
#include "tools/keyprovider/aes.h"
#include "tools/keyprovider/annotation.h"
#include "tools/keyprovider/ecdh_es.h"
#include "tools/keyprovider/envelope.h"
#include "tools/keyprovider/ocicrypt_annotation.h"
#include "tools/keyprovider/protocol.h"
#include "tools/keys/base64.h"
#include "tools/keys/key_file.h"
#include "tools/keys/key_file_policy.h"
#include "tools/shared/error.h"
#include "tools/shared/token_uri.h"

namespace {

using namespace p11::tools;

// The message of the Error that `action` throws, or "" if it throws none.
template <typename Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string text(ByteView bytes) {
    return std::string(textOf(bytes));
}

// A folder of its own with key pairs.
class KeyproviderTest : public testing::Test {
  protected:
    KeyproviderTest() { ::setenv("OPENSSL_CONF", (folder_.path() / "none.cnf").c_str(), 1); }

    std::string write(const std::string& name, const std::string& contents) const {
        const auto path = folder_.path() / name;
        std::ofstream(path) << contents;
        return path;
    }

    // The paths of a private key that was made for it.
    std::string make(const std::string& name, p11::ossl::Pkey key) const {
        const auto path = (folder_.path() / name).string();
        const p11::ossl::Bio file(BIO_new_file(path.c_str(), "w"));
        EXPECT_EQ(
            PEM_write_bio_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
            1);
        return path;
    }
    std::string rsa(const std::string& name = "rsa.pem", std::size_t bits = 2048) const {
        return make(name, p11::ossl::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)));
    }
    std::string ec(const std::string& name, const char* curve = "P-256") const {
        return make(name, p11::ossl::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)));
    }

    Json sealed(const std::vector<std::string>& names, std::string_view contents,
                oaep::Hash hash = oaep::Hash::sha256) {
        std::vector<Key> keys;
        for (const auto& name : names)
            keys.push_back(source_.publicKey(name));
        return envelope::seal(keys, hash, bytesOf(contents));
    }
    std::string opened(const Json& sealedOne, const std::vector<std::string>& names) {
        Keyring keys(source_, {names.begin(), names.end()});
        return text(annotation::open(sealedOne, keys));
    }

    testing_support::TemporaryFolder folder_{"keyprovider-test"};
    KeySource source_{""};
};

TEST(Base64, GoesThereAndBack) {
    Bytes bytes;
    for (int i = 0; i < 300; ++i) {
        const auto encoded = base64::encode(bytes);
        EXPECT_EQ(encoded.size() % 4, 0u);
        const auto decoded = base64::decode(encoded);
        ASSERT_TRUE(decoded);
        EXPECT_TRUE(std::equal(decoded->begin(), decoded->end(), bytes.begin(), bytes.end()));
        const auto again = base64::decodeUrl(base64::encodeUrl(bytes));
        ASSERT_TRUE(again);
        EXPECT_TRUE(std::equal(again->begin(), again->end(), bytes.begin(), bytes.end()));
        bytes.push_back(static_cast<unsigned char>(i * 37));
    }
    // RFC 4648, section 10.
    EXPECT_EQ(std::string_view(base64::encode(bytesOf("foobar"))), "Zm9vYmFy");
    EXPECT_EQ(std::string_view(base64::encode(bytesOf("fooba"))), "Zm9vYmE=");
    EXPECT_EQ(std::string_view(base64::encode(bytesOf("foob"))), "Zm9vYg==");
    EXPECT_EQ(std::string_view(base64::encodeUrl(bytesOf("\xfb\xff"))), "-_8");
}

TEST(Base64, RefusesWhatIsNotExact) {
    for (const auto* wrong : {"Zg", "Zg=", "Zg===", "Z", "====", "Zh==", "Zm9=", "Zm9v Zm9v",
                              "Zm9v\n", "Zm-_", "=Zm9", "Zm=v"})
        EXPECT_FALSE(base64::decode(wrong)) << wrong;
    for (const auto* wrong : {"Z", "Zh", "Zg==", "Zm+/", "Zm9vZ"})
        EXPECT_FALSE(base64::decodeUrl(wrong)) << wrong;
}

TEST(WithoutPin, HidesThePinWhereverItStands) {
    EXPECT_EQ(withoutPin("pkcs11:object=a?pin-value=1234"), "pkcs11:object=a");
    EXPECT_EQ(withoutPin("pkcs11:object=a?pin-value=1&module-name=b"),
              "pkcs11:object=a?module-name=b");
    EXPECT_EQ(withoutPin("pkcs11:object=a?module-name=b&pin-value=1"),
              "pkcs11:object=a?module-name=b");
    EXPECT_EQ(withoutPin("pkcs11:pin-value=12&34;object=a"), "pkcs11;object=a");
    EXPECT_EQ(withoutPin("pkcs11:object=a;pin-value=1?x-a=b"), "pkcs11:object=a?x-a=b");
    EXPECT_FALSE(contains(withoutPin("pin-value=1pin-value=2?pin-value=3"), "pin-value"));
    EXPECT_EQ(withoutPin("key.pem"), "key.pem");
}

TEST(WithoutPin, HidesWhatIsMeantForAPinHoweverItIsWritten) {
    for (const auto* name : {"PIN-VALUE", "Pin-Value", "pin_value", "pinvalue", "PINVALUE", "pin",
                             "PIN", "pin-val", "user-pin", "pin.value", "pin%2Dvalue"}) {
        const std::string given = std::string(name) + "=1234";
        EXPECT_EQ(withoutPin("pkcs11:object=a?" + given), "pkcs11:object=a") << name;
        EXPECT_EQ(withoutPin("pkcs11:object=a;" + given), "pkcs11:object=a") << name;
        EXPECT_EQ(withoutPin("pkcs11:object=a;" + given + ";id=b"), "pkcs11:object=a;id=b") << name;
        EXPECT_FALSE(contains(withoutPin("PKCS11:" + given), "1234")) << name;
        EXPECT_FALSE(
            contains(withoutPin("cannot open pkcs11:object=a?" + given + "&x-a=b"), "1234"))
            << name;
    }
    for (const auto* given : {"pkcs11:a=b?pin-value:1234", "pkcs11:a=b?pin-value%3D1234",
                              "pkcs11:a=b?pin-value%3d1234"})
        EXPECT_FALSE(contains(withoutPin(given), "1234")) << given;
    EXPECT_EQ(withoutPin("pkcs11:object=a?pin-source=/etc/pin"),
              "pkcs11:object=a?pin-source=/etc/pin");
    const auto* const sentence = "none in the URI (pin-value, pin-source): CKR_PIN_INCORRECT";
    EXPECT_EQ(withoutPin(sentence), sentence);
}

TEST(Message, HasNoPinAndNoControlCharacters) {
    EXPECT_EQ(message("pkcs11:object=a?PIN-VALUE=1234"), "pkcs11:object=a");
    EXPECT_EQ(message("a\nb\x1B[31m"), "a\\x0Ab\\x1B[31m");
}

TEST(TokenUri, IsParsedAndToldFromPaths) {
    const auto uri =
        parseUri("pkcs11:object=a?pin-value=1&module-name=soft%68sm2&module-path=/a%20b");
    EXPECT_EQ(uri.moduleName(), "softhsm2");
    EXPECT_EQ(uri.modulePath(), "/a b");
    EXPECT_EQ(refusal([] { parseUri("pkcs11:?pin-value=1234&module-name=%4"); }),
              "the URI cannot be used: attribute \"module-name\" has a bad percent-encoding: \"%\" "
              "needs two hexadecimal digits");
    EXPECT_TRUE(isKeyUri("pkcs11:object=a"));
    EXPECT_FALSE(isKeyUri("pkcs11:key.yaml"));
    EXPECT_FALSE(isKeyUri("/a=b"));
}

TEST(Protocol, TakesWhatOcicryptSends) {
    const auto request = protocol::parse(
        R"({"op":"keywrap","keywrapparams":{"ec":{"Parameters":{"hsm":["a2V5LnBlbQ==","RW5hYmxlZA=="],)"
        R"("pubkeys":["eA=="]},"DecryptConfig":{"Parameters":null}},"optsdata":"Zm9v"},)"
        R"("keyunwrapparams":{"dc":null,"annotation":null}})",
        "");
    EXPECT_EQ(request.operation, protocol::Request::Operation::wrap);
    ASSERT_EQ(request.keys.size(), 1u);
    EXPECT_EQ(std::string_view(request.keys[0]), "key.pem");
    EXPECT_EQ(text(request.data), "foo");
    for (const auto* config : {"null", "{}", R"({"Parameters":null})", R"({"Parameters":{}})",
                               R"({"Parameters":{"hsm":null}})"}) {
        const auto unwrap =
            protocol::parse(std::string(R"({"op":"keyunwrap","keyunwrapparams":{"dc":)") + config +
                                R"(,"annotation":"Zm9v"}})",
                            "hsm");
        EXPECT_EQ(unwrap.operation, protocol::Request::Operation::unwrap);
        EXPECT_TRUE(unwrap.keys.empty());
    }
}

TEST(Protocol, NamesWhatIsWrong) {
    const auto said = [](std::string_view request) {
        return refusal([&] { protocol::parse(request, ""); });
    };
    EXPECT_EQ(said(""), "the request is not JSON: it ends too early");
    EXPECT_EQ(said("[]"), "the request is not a JSON object");
    EXPECT_EQ(said("{} x"), "the request is not JSON: unexpected character at byte 4");
    EXPECT_EQ(said("{}"), "the request has no \"op\"");
    EXPECT_EQ(said(R"({"op":1})"), "the request: \"op\" is not a text");
    EXPECT_EQ(said(R"({"op":"keywrap"})"), "the request has no \"keywrapparams\"");
    EXPECT_EQ(said(R"({"op":"keywrap","keywrapparams":[]})"), "the request is not a JSON object");
    EXPECT_EQ(said(R"({"op":"keywrap","keywrapparams":{"ec":{}}})"),
              "the request has no \"optsdata\"");
    EXPECT_EQ(said(R"({"op":"keywrap","keywrapparams":{"optsdata":"?"}})"),
              "the request: \"optsdata\" is not base64");
    EXPECT_TRUE(contains(
        said(
            R"({"op":"keywrap","keywrapparams":{"ec":{"Parameters":{"a":[1]}},"optsdata":"eA=="}})"),
        "is not base64"));
    EXPECT_TRUE(contains(
        said(
            R"({"op":"keywrap","keywrapparams":{"ec":{"Parameters":{"a":[],"b":[]}},"optsdata":"eA=="}})"),
        "--name"));
    EXPECT_TRUE(contains(said(std::string(100000, '[')), "is not JSON"));
    // Nothing of the text is repeated: it may be secret.
    EXPECT_TRUE(contains(said(R"({"op":"secret-thing)"), "is not JSON"));
    EXPECT_FALSE(contains(said(R"({"op":"secret-thing)"), "secret-thing"));
}

TEST(Protocol, AnswersAsOcicryptReads) {
    EXPECT_EQ(std::string_view(protocol::wrapAnswer(bytesOf("foo"))),
              R"({"keyunwrapresults":{"optsdata":null},"keywrapresults":{"annotation":"Zm9v"}})");
    EXPECT_EQ(std::string_view(protocol::unwrapAnswer(bytesOf("foo"))),
              R"({"keyunwrapresults":{"optsdata":"Zm9v"},"keywrapresults":{"annotation":null}})");
}

TEST_F(KeyproviderTest, ContentsOfAnyLengthComeBack) {
    const std::vector keys{rsa(), ec("p256.pem"), ec("p384.pem", "P-384"), ec("p521.pem", "P-521")};
    for (const std::size_t size : {0u, 1u, 15u, 16u, 215u, 100000u}) {
        const std::string contents(size, 'c');
        const auto annotation = sealed(keys, contents);
        for (const auto& key : keys)
            EXPECT_EQ(opened(annotation, {key}), contents);
    }
    EXPECT_EQ(opened(sealed(keys, "x", oaep::Hash::sha1), {keys[0]}), "x");
}

TEST_F(KeyproviderTest, NoTwoAnnotationsShareAnything) {
    const auto key = ec("ec.pem");
    const auto first = sealed({key}, "contents");
    const auto second = sealed({key}, "contents");
    for (const auto* part : {"iv", "ciphertext", "tag"})
        EXPECT_NE(first[part], second[part]);
    EXPECT_NE(first["recipients"][0]["header"]["epk"], second["recipients"][0]["header"]["epk"]);
}

TEST_F(KeyproviderTest, AbsentAndWrongKeysDoNotStopTheOthers) {
    const auto right = ec("right.pem");
    const auto annotation = sealed({rsa(), right}, "contents");
    EXPECT_EQ(
        opened(annotation, {"/nonexistent", ec("wrong.pem"), write("broken.pem", "-----BEGIN x"),
                            write("k.yaml", "a: b"), right}),
        "contents");
    const auto said = refusal([&] { opened(annotation, {"/nonexistent", ec("wrong.pem")}); });
    EXPECT_TRUE(contains(said, "/nonexistent cannot be read: No such file")) << said;
    EXPECT_TRUE(contains(said, "wrong.pem belongs to none of its 2 recipients")) << said;
    EXPECT_EQ(refusal([&] { opened(annotation, {}); }), "no key to unwrap with was given");
}

TEST_F(KeyproviderTest, EveryChangedByteIsNoticed) {
    const auto key = ec("ec.pem");
    const auto annotation = sealed({key}, "contents");
    const auto whole = annotation.dump();
    int unnoticed = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto changed = whole;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        try {
            Keyring keys(source_, {SecretString(key)});
            EXPECT_EQ(text(annotation::openFirst(annotation::read(changed), keys)), "contents");
            ++unnoticed; // the hint, or its name
        } catch (const Error&) {
        }
        // Cut off there, it is nothing at all.
        EXPECT_THROW(annotation::read(std::string_view(whole).substr(0, i)), Error);
    }
    EXPECT_LE(unnoticed, 3);
}

TEST_F(KeyproviderTest, MalformedAnnotationsAreRefused) {
    const auto key = ec("ec.pem");
    const auto good = sealed({key}, "contents");
    const auto said = [&](auto change) {
        auto changed = good;
        change(changed);
        return refusal([&] { opened(changed, {key}); });
    };
    EXPECT_EQ(said([](Json& a) { a["version"] = 2u; }),
              "the annotation has version 2; versions 0 (ocicrypt's) and 1 are supported");
    EXPECT_EQ(said([](Json& a) { a["version"] = -1; }),
              "the annotation: \"version\" is not a whole number");
    EXPECT_EQ(said([](Json& a) { a.erase("version"); }), "the annotation has no \"version\"");
    EXPECT_TRUE(
        contains(said([](Json& a) { a["recipients"] = Json::array(); }), "has 0 recipients"));
    EXPECT_TRUE(contains(said([](Json& a) { a["recipients"] = Json(1000, a["recipients"][0]); }),
                         "has 1000 recipients"));
    EXPECT_TRUE(contains(said([](Json& a) { a["recipients"][0]["header"]["alg"] = "none"; }),
                         "recipient 1 of the annotation has an unknown algorithm"));
    EXPECT_TRUE(contains(said([](Json& a) { a["recipients"][0]["header"].erase("epk"); }),
                         "has no \"epk\""));
    EXPECT_TRUE(
        contains(said([](Json& a) { a["recipients"][0]["header"]["epk"]["crv"] = "P-384"; }),
                 "is not on the curve of the key, P-256"));
    EXPECT_TRUE(contains(said([](Json& a) { a["recipients"][0]["header"]["epk"]["x"] = "AAAA"; }),
                         "coordinates of 32 bytes"));
    EXPECT_TRUE(contains(said([](Json& a) { a["iv"] = "AAAA"; }), "has a wrong length"));
    EXPECT_TRUE(contains(said([](Json& a) { a["tag"] = ""; }), "has a wrong length"));
    EXPECT_TRUE(contains(said([](Json& a) {
                             a["protected"] =
                                 base64::encodeUrl(bytesOf(R"({"enc":"A256GCM","version":2})"));
                         }),
                         "another version"));
    EXPECT_TRUE(contains(said([](Json& a) {
                             a["protected"] =
                                 base64::encodeUrl(bytesOf(R"({"version":1,"enc":"A256GCM"})"));
                         }),
                         "authentication failed"));
}

TEST_F(KeyproviderTest, OcicryptsAnnotation) {
    const auto key = rsa("rsa.pem", 3072);
    for (const auto hash : {oaep::Hash::sha1, oaep::Hash::sha256}) {
        std::vector<Key> keys;
        keys.push_back(source_.publicKey(key));
        auto annotation = ocicrypt::seal(keys, hash, bytesOf("contents"));
        EXPECT_EQ(annotation["version"], 0);
        EXPECT_EQ(annotation["recipients"][0]["hash"], oaep::nameOf(hash));
        EXPECT_EQ(opened(annotation, {key}), "contents");
        annotation["recipients"][0].erase("hash");
        EXPECT_EQ(refusal([&] { opened(annotation, {key}); }).empty(), hash == oaep::Hash::sha1);
        annotation["recipients"][0]["hash"] = "sha512";
        EXPECT_TRUE(
            contains(refusal([&] { opened(annotation, {key}); }), "neither sha1 nor sha256"));
        annotation["recipients"][0]["blob"] = "!";
        EXPECT_TRUE(contains(refusal([&] { opened(annotation, {key}); }), "is not base64"));
    }
    std::vector<Key> small;
    small.push_back(source_.publicKey(rsa("small.pem")));
    EXPECT_TRUE(contains(refusal([&] { ocicrypt::seal(small, oaep::Hash::sha256, Bytes(191)); }),
                         "takes at most 190"));
    EXPECT_NO_THROW(ocicrypt::seal(small, oaep::Hash::sha256, Bytes(190)));
}

TEST_F(KeyproviderTest, KeysThatDoNotFitAreNamed) {
    const auto said = [&](const std::string& name) {
        return refusal([&] { sealed({name}, "x"); });
    };
    EXPECT_TRUE(contains(said(ec("k1.pem", "secp256k1")), "the curve is secp256k1"));
    EXPECT_TRUE(contains(
        said(make("ed.pem", p11::ossl::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")))),
        "ED25519"));
    EXPECT_TRUE(
        contains(said(write("big.pem", std::string(2 << 20, 'x'))), "is longer than 1048576"));
    EXPECT_TRUE(contains(said(folder_.path().string()), "is a folder"));
    EXPECT_TRUE(contains(said(write("empty.pem", "")), "is neither a key nor a certificate"));
    EXPECT_TRUE(contains(
        said(write("pem.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")),
        "neither a key nor a certificate"));
}

TEST(KeyFile, ReadsTheTutorialsFile) {
    const auto file = KeyFile::parse("pkcs11:\n  uri: pkcs11:object=a?pin-value=b&module-name=c\n"
                                     "module:\n  env:\n    SOFTHSM2_CONF: /x/y\n    N: 1\n",
                                     "k");
    EXPECT_EQ(std::string_view(file.uri), "pkcs11:object=a?pin-value=b&module-name=c");
    EXPECT_EQ(file.environment,
              (std::map<std::string, std::string>{{"SOFTHSM2_CONF", "/x/y"}, {"N", "1"}}));
    EXPECT_TRUE(KeyFile::parse("pkcs11: {uri: 'pkcs11:id=%01'}", "k").environment.empty());
}

TEST(KeyFile, RefusesOthers) {
    for (const auto* wrong :
         {"", "x", "[]", "pkcs11: x", "pkcs11: []", "pkcs11: {uri: [a]}", "pkcs11: {uri: file.pem}",
          "pkcs11: {uri: 'pkcs11:a=b'}\nmodule: {env: [x]}",
          "pkcs11: {uri: 'pkcs11:a=b'}\nmodule: {env: {x: [y]}}", "a: [", "*x", "\t- a: b\n -"})
        EXPECT_TRUE(contains(refusal([&] { KeyFile::parse(wrong, "k.yaml"); }), "k.yaml")) << wrong;
}

// No list of variables that are forbidden can be complete: HOME leads p11-kit to any library.
TEST(KeyFile, SetsPermittedVariablesAlone) {
    KeyFile file;
    for (const auto& policy : {KeyFilePolicy::internal(), KeyFilePolicy::parse("", "p")})
        for (const auto* name :
             {"LD_PRELOAD", "OPENSSL_CONF", "PKCS11_PROVIDER_MODULE", "OCICRYPT_CONFIG",
              "P11_KIT_STRICT", "PKCS11_MODULE_PATH", "PKCS11SPY", "HOME", "XDG_CONFIG_HOME",
              "OPENSC_CONF", "TPM2_PKCS11_TCTI", "SOFTHSM2_CONF2", "KEYPROVIDER_TEST", ""}) {
            file.environment = {{name, "x"}};
            EXPECT_TRUE(
                contains(refusal([&] { ModuleEnvironment().apply(file, policy, "k"); }), name));
            EXPECT_STRNE(std::getenv(name), "x") << name;
        }
    const auto policy = KeyFilePolicy::parse("allowed-module-environment: [KEYPROVIDER_TEST]", "p");
    file.environment = {{"KEYPROVIDER_TEST", "x"}};
    ModuleEnvironment().apply(file, policy, "k");
    EXPECT_STREQ(std::getenv("KEYPROVIDER_TEST"), "x");
    ::unsetenv("KEYPROVIDER_TEST");
    EXPECT_NE(refusal([] { KeyFilePolicy::parse("allowed-module-environment: HOME", "p"); }), "");
}

TEST_F(KeyproviderTest, PolicyDecidesOnModules) {
    const auto module = write("libsofthsm2.so", "");
    const auto folder = folder_.path().string();
    const auto policy = [&](const std::string& allowed) {
        return KeyFilePolicy::parse("module-directories: [" + folder +
                                        "]\nallowed-module-paths: [" + allowed + "]",
                                    "p.yaml");
    };
    const std::string byName = "pkcs11:object=a?module-name=SoftHSM2";
    EXPECT_EQ(policy(module).module(byName), module);
    EXPECT_EQ(policy(folder + "/").module(byName), module);
    EXPECT_EQ(policy(module).module("pkcs11:object=a?module-path=" + module), module);
    for (const auto& allowed : {std::string(), folder, std::string("/"), module + "x",
                                std::filesystem::path(folder).parent_path().string() + "/"}) {
        EXPECT_NE(refusal([&] { policy(allowed).module(byName); }), "") << allowed;
        EXPECT_NE(refusal([&] { policy(allowed).module("pkcs11:?module-path=" + module); }), "")
            << allowed;
    }
    EXPECT_NE(refusal([&] { policy(folder + "/").module("pkcs11:?module-name=softhsm"); }), "");
    EXPECT_NE(refusal([&] { policy(folder + "/").module("pkcs11:?module-name="); }), "");
    EXPECT_NE(refusal([&] { policy(folder + "/").module("pkcs11:object=a"); }), "");
    EXPECT_NE(refusal([&] { policy(folder + "/").module("pkcs11:?module-path=x.so"); }), "");
    EXPECT_NE(
        refusal([&] { policy(folder + "/").module("pkcs11:?module-path=" + folder + "/../x.so"); }),
        "");
    EXPECT_TRUE(contains(refusal([&] { KeyFilePolicy::none().module(byName); }),
                         "OCICRYPT_CONFIG is not set"));
    EXPECT_NE(refusal([&] { KeyFilePolicy::parse("module-directories: x", "p"); }), "");
    EXPECT_NE(refusal([&] { KeyFilePolicy::parse("- x", "p"); }), "");
    EXPECT_EQ(KeyFilePolicy::parse("pkcs11:\n  module-directories: [" + folder +
                                       "]\n  allowed-module-paths: [" + module + "]",
                                   "p")
                  .module(byName),
              module);
}

// They would load what environment or configuration name, under whatever name they are found.
TEST_F(KeyproviderTest, FoldersDoNotAllowModulesThatLoadOthers) {
    const auto folder = folder_.path().string();
    const auto inFolder = KeyFilePolicy::parse("allowed-module-paths: [" + folder + "/]", "p.yaml");
    for (const auto* name : {"pkcs11-spy.so", "p11-kit-proxy.so", "libp11-kit.so.0"}) {
        const auto module = write(name, "");
        const auto link = folder + "/link-" + name;
        std::filesystem::create_symlink(module, link);
        EXPECT_TRUE(contains(refusal([&] { inFolder.module("pkcs11:?module-path=" + module); }),
                             "is not allowed"));
        EXPECT_NE(refusal([&] { inFolder.module("pkcs11:?module-path=" + link); }), "") << name;
        const auto named = KeyFilePolicy::parse("allowed-module-paths: [" + module + "]", "p.yaml");
        EXPECT_EQ(named.module("pkcs11:?module-path=" + module), module);
    }
}

TEST_F(KeyproviderTest, PolicyGivesTheFileBehindALink) {
    const auto module = write("module.so", "");
    const auto link = folder_.path().string() + "/link.so";
    std::filesystem::create_symlink(module, link);
    EXPECT_EQ(KeyFilePolicy::parse("allowed-module-paths: [" + link + "]", "p.yaml")
                  .module("pkcs11:?module-path=" + link),
              module);
}

} // namespace
