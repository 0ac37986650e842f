// SPDX-License-Identifier: Apache-2.0
// Padding in the host, against blocks that OpenSSL's own encoder made and against every kind of
// damage.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "asym_cipher/rsa_decoding.h"

namespace {

using p11::asym_cipher::ByteView;
using p11::pkcs11::Bytes;

constexpr std::size_t blockSize = 256;

Bytes randomBytes(std::size_t size) {
    Bytes bytes(size);
    EXPECT_EQ(RAND_bytes(bytes.data(), static_cast<int>(size)), 1);
    return bytes;
}

Bytes pkcs1Block(const Bytes& message) {
    Bytes block(blockSize);
    EXPECT_EQ(RSA_padding_add_PKCS1_type_2(block.data(), blockSize, message.data(),
                                           static_cast<int>(message.size())),
              1);
    return block;
}

p11::asym_cipher::Substitute substituteFor(const Bytes& ciphertext, const Bytes& secret) {
    return p11::asym_cipher::makeSubstitute(nullptr, secret, ciphertext, blockSize - 11);
}

Bytes decodePkcs1(const Bytes& block, const p11::asym_cipher::Substitute& substitute) {
    Bytes out(blockSize);
    out.resize(p11::asym_cipher::messageOrSubstitute(p11::asym_cipher::removePkcs1(block),
                                                     substitute, out));
    return out;
}

void tlsDecode(const Bytes& block, unsigned clientVersion, unsigned negotiatedVersion, Bytes& out) {
    p11::asym_cipher::premasterOrRandom(nullptr, p11::asym_cipher::removePkcs1(block),
                                        clientVersion, negotiatedVersion, out);
}

Bytes messageOf(const p11::asym_cipher::Substitute& substitute) {
    return {substitute.message.view().begin(),
            substitute.message.view().begin() + static_cast<std::ptrdiff_t>(substitute.size)};
}

TEST(AlignRight, PutsZerosBeforeEverySize) {
    for (const std::size_t room : {1UL, 63UL, 255UL, 256UL, 257UL, 512UL})
        for (std::size_t size = 0; size <= room; ++size) {
            const auto data = randomBytes(room);
            auto block = data;
            p11::asym_cipher::alignRight(block, size);
            Bytes expected(room - size);
            expected.insert(expected.end(), data.begin(),
                            data.begin() + static_cast<std::ptrdiff_t>(size));
            ASSERT_EQ(block, expected) << size << " of " << room;
        }
}

TEST(AlignRight, MakesNothingOfASizeThatIsTooLong) {
    auto block = randomBytes(blockSize);
    p11::asym_cipher::alignRight(block, blockSize + 1);
    EXPECT_EQ(block, Bytes(blockSize));
}

TEST(Pkcs1Decode, GivesMessagesOfEveryLength) {
    const auto substitute = substituteFor(randomBytes(blockSize), randomBytes(32));
    for (std::size_t size = 0; size <= blockSize - 11; ++size) {
        const auto message = randomBytes(size);
        EXPECT_EQ(decodePkcs1(pkcs1Block(message), substitute), message) << size;
    }
}

TEST(Pkcs1Decode, AnswersEveryDamageWithTheSubstituteAndNoError) {
    const auto substitute = substituteFor(randomBytes(blockSize), randomBytes(32));
    const auto good = pkcs1Block(randomBytes(48));
    std::vector<Bytes> damaged(5, good);
    damaged[0][0] = 1;                                            // does not begin with 0
    damaged[1][1] = 1;                                            // wrong block type
    damaged[2][5] = 0;                                            // padding shorter than 8 bytes
    std::replace(damaged[3].begin() + 2, damaged[3].end(), 0, 1); // no end of the padding
    damaged[4].assign(blockSize, 0);
    ERR_clear_error();
    for (const auto& block : damaged)
        EXPECT_EQ(decodePkcs1(block, substitute), messageOf(substitute));
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(Substitute, IsFixedByTheSecretAndTheCiphertext) {
    const auto secret = randomBytes(32);
    const auto ciphertext = randomBytes(blockSize);
    const auto first = messageOf(substituteFor(ciphertext, secret));
    EXPECT_EQ(first, messageOf(substituteFor(ciphertext, secret)));
    auto otherCiphertext = ciphertext;
    otherCiphertext.back() ^= 1;
    EXPECT_NE(first, messageOf(substituteFor(otherCiphertext, secret)));
    EXPECT_NE(first, messageOf(substituteFor(ciphertext, randomBytes(32))));
}

TEST(Substitute, HasLengthsAllOverTheRange) {
    const auto secret = randomBytes(32);
    std::set<std::size_t> sizes;
    for (int i = 0; i < 500; ++i)
        sizes.insert(substituteFor(randomBytes(blockSize), secret).size);
    EXPECT_GT(sizes.size(), 150U);
    EXPECT_LE(*sizes.rbegin(), blockSize - 11);
}

TEST(TlsDecode, GivesThePremasterSecret) {
    auto premaster = randomBytes(48);
    premaster[0] = 3;
    premaster[1] = 3;
    Bytes out(48);
    tlsDecode(pkcs1Block(premaster), 0x0303, 0, out);
    EXPECT_EQ(out, premaster);
    tlsDecode(pkcs1Block(premaster), 0x0301, 0x0303, out);
    EXPECT_EQ(out, premaster) << "the negotiated version is accepted, too";
}

TEST(TlsDecode, GivesRandomBytesForWrongVersionLengthOrPadding) {
    auto premaster = randomBytes(48);
    premaster[0] = 3;
    premaster[1] = 3;
    auto shortOne = premaster;
    shortOne.resize(47);
    auto badPadding = pkcs1Block(premaster);
    badPadding[1] = 0;
    for (const auto& [block, version] :
         {std::pair{pkcs1Block(premaster), 0x0302U}, std::pair{pkcs1Block(shortOne), 0x0303U},
          std::pair{badPadding, 0x0303U}}) {
        Bytes first(48);
        Bytes second(48);
        tlsDecode(block, version, 0, first);
        tlsDecode(block, version, 0, second);
        EXPECT_NE(first, premaster);
        EXPECT_NE(first, second);
        EXPECT_NE(first, Bytes(48));
    }
}

TEST(OaepDecode, TakesDigestsLabelsAndMgf1Digests) {
    const Bytes label{1, 2, 3};
    const auto message = randomBytes(32);
    for (const auto* digest : {EVP_sha1(), EVP_sha256(), EVP_sha512()}) {
        Bytes block(blockSize);
        ASSERT_EQ(RSA_padding_add_PKCS1_OAEP_mgf1(block.data(), blockSize, message.data(), 32,
                                                  label.data(), 3, digest, EVP_sha1()),
                  1);
        Bytes out(blockSize);
        const auto decoded = p11::asym_cipher::oaepDecode(block, label, digest, EVP_sha1(), out);
        ASSERT_NE(decoded.good, 0U);
        out.resize(decoded.size);
        EXPECT_EQ(out, message);
        Bytes ignored(blockSize);
        EXPECT_EQ(p11::asym_cipher::oaepDecode(block, {}, digest, EVP_sha1(), ignored).good, 0U)
            << "another label";
        EXPECT_EQ(p11::asym_cipher::oaepDecode(block, label, digest, EVP_sha384(), ignored).good,
                  0U)
            << "another MGF1 digest";
    }
}

TEST(OaepDecode, RefusesEveryFlippedByteWithoutAnError) {
    const auto message = randomBytes(32);
    Bytes block(blockSize);
    ASSERT_EQ(RSA_padding_add_PKCS1_OAEP_mgf1(block.data(), blockSize, message.data(), 32, nullptr,
                                              0, EVP_sha256(), EVP_sha256()),
              1);
    ERR_clear_error();
    for (std::size_t i = 0; i < blockSize; ++i) {
        auto damaged = block;
        damaged[i] ^= 0x40;
        Bytes out(blockSize);
        EXPECT_EQ(p11::asym_cipher::oaepDecode(damaged, {}, EVP_sha256(), EVP_sha256(), out).good,
                  0U)
            << i;
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(Challenge, IsFixedAndSmallerThanTheModulus) {
    auto modulus = randomBytes(blockSize);
    modulus[0] |= 0x80;
    const auto first = p11::asym_cipher::challengeFor(modulus, EVP_sha256());
    EXPECT_EQ(first, p11::asym_cipher::challengeFor(modulus, EVP_sha256()));
    EXPECT_EQ(first.size(), blockSize);
    EXPECT_EQ(first[0], 0);
    EXPECT_NE(first, p11::asym_cipher::challengeFor(randomBytes(blockSize), EVP_sha256()));
}

} // namespace
