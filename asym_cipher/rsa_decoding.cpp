// SPDX-License-Identifier: Apache-2.0
// RSA_padding_check_* are the only public functions of OpenSSL that unpad in constant time without
// a private key; deprecated since 3.0, and present in every 3.x.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "asym_cipher/rsa_decoding.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "ossl/dispatch.h"
#include "pkcs11/bytes.h"

namespace p11::asym_cipher {
namespace {

using pkcs11::constant_time::isEqual;
using pkcs11::constant_time::isLess;
using pkcs11::constant_time::isNegative;
using pkcs11::constant_time::isZero;
using pkcs11::constant_time::Mask;
using pkcs11::constant_time::select;

constexpr std::size_t hashSize = 32;
constexpr std::size_t premasterSize = 48;
constexpr std::size_t pkcs1Overhead = 11;
// Candidates for the substitute's length: enough that one of them fits with a probability next
// to 1.
constexpr std::size_t lengthCandidates = 128;

[[noreturn]] void internalFailure(const char* what) {
    throw ossl::UsageError(ossl::Reason::internal, what);
}

// The digest has properties of its own, and has to come together with them.
SecretBytes hmac(OSSL_LIB_CTX* libctx, ByteView key, ByteView data) {
    SecretBytes result(hashSize);
    std::size_t size = 0;
    // The C interface takes pointers to what it only reads.
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA2-256"), 0),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_PROPERTIES,
                                         const_cast<char*>(ossl::ProviderContext::propq()), 0),
        OSSL_PARAM_construct_end()};
    if (EVP_Q_mac(libctx, "HMAC", ossl::ProviderContext::propq(), nullptr, params.data(),
                  key.data(), key.size(), data.data(), data.size(), result.data(), result.size(),
                  &size) == nullptr)
        internalFailure("HMAC failed");
    return result;
}

// Fills `out` with HMAC(key, label || counter).
void expand(OSSL_LIB_CTX* libctx, ByteView key, std::string_view label, MutableBytes out) {
    pkcs11::Bytes input(label.begin(), label.end());
    input.resize(label.size() + 2);
    for (std::size_t done = 0, block = 0; done < out.size(); done += hashSize, ++block) {
        input[label.size()] = static_cast<unsigned char>(block >> 8);
        input[label.size() + 1] = static_cast<unsigned char>(block);
        const auto hash = hmac(libctx, key, input);
        std::copy_n(hash.view().begin(), std::min(hashSize, out.size() - done),
                    out.begin() + static_cast<std::ptrdiff_t>(done));
    }
}

std::size_t chooseSize(ByteView candidates, std::uint32_t longest) {
    std::uint32_t range = longest; // all ones down from the highest bit of longest
    for (unsigned shift = 1; shift < 16; shift *= 2)
        range |= range >> shift;
    std::uint64_t chosen = 0;
    for (std::size_t i = 0; i + 1 < candidates.size(); i += 2) {
        const std::uint32_t candidate =
            ((std::uint32_t{candidates[i]} << 8) | candidates[i + 1]) & range;
        chosen = select(isLess(candidate, longest + 1), candidate, chosen);
    }
    return chosen;
}

} // namespace

Substitute makeSubstitute(OSSL_LIB_CTX* libctx, ByteView secret, ByteView ciphertext,
                          std::size_t longest) {
    const auto key = hmac(libctx, secret, ciphertext);
    SecretBytes candidates(lengthCandidates * 2);
    expand(libctx, key.view(), "length", candidates.all());
    Substitute result{SecretBytes(longest),
                      chooseSize(candidates.view(), static_cast<std::uint32_t>(longest))};
    expand(libctx, key.view(), "message", result.message.all());
    return result;
}

// By 1, 2, 4 ... bytes, each step of which is done and then kept or not.
void alignRight(MutableBytes block, std::size_t size) {
    const Mask fits = isLess(size, block.size() + 1);
    const std::size_t distance = block.size() - size;
    for (std::size_t step = 1; step <= block.size(); step *= 2) {
        const Mask moves = ~isZero(distance & step);
        for (std::size_t i = block.size(); i-- > 0;)
            block[i] = static_cast<unsigned char>(
                select(moves, i >= step ? block[i - step] : 0, block[i]));
    }
    for (auto& byte : block)
        byte = static_cast<unsigned char>(byte & fits);
}

// OpenSSL's function is constant in time, and clears its own error in constant time; the mark
// takes what is left.
Unpadded removePkcs1(ByteView block) {
    Unpadded result{SecretBytes(block.size() - pkcs1Overhead), 0, 0};
    const ossl::ErrorMark mark;
    const auto blockSize = static_cast<int>(block.size());
    const std::int32_t size = RSA_padding_check_PKCS1_type_2(
        result.message.data(), static_cast<int>(result.message.size()), block.data(), blockSize,
        blockSize);
    result.size = static_cast<std::uint32_t>(size);
    result.good = ~isNegative(size);
    return result;
}

std::size_t messageOrSubstitute(const Unpadded& unpadded, const Substitute& substitute,
                                MutableBytes out) {
    const auto message = unpadded.message.view();
    const auto other = substitute.message.view();
    for (std::size_t i = 0; i < other.size(); ++i)
        out[i] = static_cast<unsigned char>(select(unpadded.good, message[i], other[i]));
    return select(unpadded.good, unpadded.size, substitute.size);
}

void premasterOrRandom(OSSL_LIB_CTX* libctx, const Unpadded& unpadded, unsigned clientVersion,
                       unsigned negotiatedVersion, MutableBytes out) {
    SecretBytes random(premasterSize);
    if (RAND_priv_bytes_ex(libctx, random.data(), random.size(), 0) != 1)
        internalFailure("no random numbers");
    const auto message = unpadded.message.view();
    const auto other = random.view();
    const std::uint64_t version = (std::uint64_t{message[0]} << 8) | message[1];
    Mask versionGood = isEqual(version, clientVersion);
    if (negotiatedVersion != 0)
        versionGood |= isEqual(version, negotiatedVersion);
    const Mask good = unpadded.good & versionGood & isEqual(unpadded.size, premasterSize);
    for (std::size_t i = 0; i < premasterSize; ++i)
        out[i] = static_cast<unsigned char>(select(good, message[i], other[i]));
}

Decoded oaepDecode(ByteView block, ByteView label, const EVP_MD* digest, const EVP_MD* mgf1,
                   MutableBytes out) {
    const ossl::ErrorMark mark;
    const auto blockSize = static_cast<int>(block.size());
    const std::int32_t size = RSA_padding_check_PKCS1_OAEP_mgf1(
        out.data(), static_cast<int>(out.size()), block.data(), blockSize, blockSize, label.data(),
        static_cast<int>(label.size()), digest, mgf1);
    return {static_cast<std::uint32_t>(size), ~isNegative(size)};
}

pkcs11::Bytes challengeFor(ByteView modulus, const EVP_MD* digest) {
    constexpr std::string_view purpose = "pkcs11 provider: implicit rejection";
    pkcs11::Bytes seed(purpose.begin(), purpose.end());
    seed.insert(seed.end(), modulus.begin(), modulus.end());
    pkcs11::Bytes block(
        modulus.size()); // the first byte stays 0, and so the number below the modulus
    if (PKCS1_MGF1(block.data() + 1, static_cast<long>(block.size() - 1), seed.data(),
                   static_cast<long>(seed.size()), digest) != 0)
        internalFailure("MGF1 failed");
    return block;
}

} // namespace p11::asym_cipher
