// SPDX-License-Identifier: Apache-2.0
// What the substitute for a badly padded message is made of, secret bytes, and PINs in URIs do not
// stay in memory.
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "asym_cipher/rsa_decoding.h"
#include "ossl/secret.h"
#include "tests/support/memory_search.h"
#include "uri/uri.h"

namespace {

using test_module::placesOf;

// The values are Python's: hmac.digest(key, data, "sha256"), each byte plus one.
std::string fromHex(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
    return bytes;
}

// So far down in the stack that the search does not write over what was left there.
[[gnu::noinline]] p11::asym_cipher::Substitute makeFarDown(p11::asym_cipher::ByteView secret,
                                                           p11::asym_cipher::ByteView ciphertext) {
    std::array<volatile unsigned char, 65536> room;
    room[0] = 0;
    auto substitute = p11::asym_cipher::makeSubstitute(nullptr, secret, ciphertext, 245);
    room[1] = 0;
    return substitute;
}

TEST(Wiping, LeavesNothingOfWhatTheSubstituteIsMadeOf) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    const auto key = fromHex("1bd0a2810d61e9a86e423088872998997cd294eef04f8ed68f86eb838720a8d6");
    const auto lengths =
        fromHex("efdc4cd2b7aad7930596bbe03446d2e722582aaafddbea1c3e6c94a9c8fa0ca7");
    const auto lastLengths =
        fromHex("40ae6425738184f7c695085138faafbedfa389b29a7fcda51e992797f22e4e1a");
    const auto message =
        fromHex("5a57c89bb56f8e4bdee2680a697e592752bd323ec6cea080140a4c203ce655ef");
    {
        const p11::pkcs11::Bytes secret(32, 0x11);
        const p11::pkcs11::Bytes ciphertext(256, 0x22);
        const auto substitute = makeFarDown(secret, ciphertext);
        EXPECT_EQ(placesOf(message), 1) << "the substitute itself";
        EXPECT_EQ(placesOf(key), 0);
        EXPECT_EQ(placesOf(lengths), 0);
        EXPECT_EQ(placesOf(lastLengths), 0);
    }
    EXPECT_EQ(placesOf(message), 0);
}

TEST(Wiping, LeavesNothingOfSecretBytesThatGrewAndEnded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    // One more each. Behind the first bytes, over which free() writes.
    const std::string shifted = "pof.npsf.jo.uif.tfdsfu.cvggfs";
    constexpr std::size_t front = 64;
    {
        p11::ossl::SecretBytes bytes(front);
        for (const char letter : shifted)
            bytes.push_back(static_cast<unsigned char>(letter - 1));
        bytes.reserve(bytes.capacity() * 2);
        EXPECT_EQ(placesOf(shifted), 1) << "only where it is now";
    }
    EXPECT_EQ(placesOf(shifted), 0);
}

TEST(Wiping, LeavesNothingOfThePinsInAUri) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers' shadow memory is too large to be searched";
#endif
    // One more each, and so long that free() does not write over all of them.
    const std::string pin = "bmm.psejobsz.vtft.pg.b.uplfo.42";
    const std::string pinForUses = "upp.mpoh.up.cf.hvfttfe.gps.vtft.53";
    std::string both = pin + "&y.dpoufyu.qjo.wbmvf>" + pinForUses;
    for (char& letter : both)
        letter = letter == '&' ? letter : static_cast<char>(letter - 1);
    std::string text = "pkcs11:object=a?pin-value=" + both;
    OPENSSL_cleanse(both.data(), both.size());
    {
        const auto uri = p11::uri::Uri::parse(text);
        OPENSSL_cleanse(text.data(), text.size());
        EXPECT_EQ(uri.pinValue()->size(), pin.size());
        EXPECT_EQ(uri.contextPinValue()->size(), pinForUses.size());
        for (const auto& each : {pin, pinForUses})
            EXPECT_GE(placesOf(each.substr(16)), 1) << "or what follows looks in the wrong place";
    }
    for (const auto& each : {pin, pinForUses})
        EXPECT_EQ(placesOf(each.substr(16)), 0);
}

} // namespace
