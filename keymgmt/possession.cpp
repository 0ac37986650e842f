// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/possession.h"

#include <algorithm>

#include <openssl/rand.h>

#include "keymgmt/agreement.h"
#include "ossl/dispatch.h"
#include "ossl/secret.h"
#include "pkcs11/operation.h"

namespace p11::keymgmt {
namespace {

constexpr auto longestSignature =
    static_cast<std::size_t>(std::max_element(keyTypes.begin(), keyTypes.end(),
                                              [](const KeyTypeRow& a, const KeyTypeRow& b) {
                                                  return a.sizes.largest < b.sizes.largest;
                                              })
                                 ->sizes.largest);

} // namespace

pkcs11::Bytes signWith(const FoundKey& key, const CK_MECHANISM& mechanism, ByteView data) {
    pkcs11::Bytes signature(longestSignature);
    signature.resize(
        pkcs11::signIn(key.session, key.handle, key.object, mechanism, data, signature));
    key.refusals.noteTaken({Use::sign, mechanism.mechanism});
    return signature;
}

std::array<unsigned char, 32> makeChallenge(const ossl::ProviderContext& context) {
    std::array<unsigned char, 32> challenge{};
    if (RAND_bytes_ex(context.libctx(), challenge.data(), challenge.size(), 0) != 1)
        throw ossl::UsageError(ossl::Reason::internal, "no random numbers");
    return challenge;
}

bool mayNotSign(const Refusals& refusals, const pkcs11::Error& error, CK_MECHANISM_TYPE mechanism) {
    return error.rv() == CKR_KEY_FUNCTION_NOT_PERMITTED ||
           refusals.areToldBy(error, {Use::sign, mechanism});
}

bool verifiesHash(const ossl::ProviderContext& context, EVP_PKEY* candidate, ByteView hash,
                  ByteView signature) {
    const ossl::PkeyCtx verifier(
        EVP_PKEY_CTX_new_from_pkey(context.libctx(), candidate, ossl::ProviderContext::propq()));
    return verifier && EVP_PKEY_verify_init(verifier.get()) == 1 &&
           EVP_PKEY_verify(verifier.get(), signature.data(), signature.size(), hash.data(),
                           hash.size()) == 1;
}

bool verifiesMessage(const ossl::ProviderContext& context, EVP_PKEY* candidate, ByteView message,
                     ByteView signature) {
    const ossl::MdCtx verifier(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit_ex(verifier.get(), nullptr, nullptr, context.libctx(),
                                   ossl::ProviderContext::propq(), candidate, nullptr) == 1 &&
           EVP_DigestVerify(verifier.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

bool agreesWith(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    auto* libctx = key.context.libctx();
    const ossl::PkeyCtx generator(
        EVP_PKEY_CTX_new_from_pkey(libctx, candidate, ossl::ProviderContext::propq()));
    EVP_PKEY* made = nullptr;
    if (!generator || EVP_PKEY_keygen_init(generator.get()) != 1 ||
        EVP_PKEY_generate(generator.get(), &made) != 1)
        return false;
    const ossl::Pkey pair(made);
    const auto point = peerValue(key.type, made);
    ossl::SecretBytes expected(secretSize(key.type, point.size()));
    std::size_t size = expected.size();
    const ossl::PkeyCtx software(
        EVP_PKEY_CTX_new_from_pkey(libctx, made, ossl::ProviderContext::propq()));
    if (!software || EVP_PKEY_derive_init(software.get()) != 1 ||
        EVP_PKEY_derive_set_peer(software.get(), candidate) != 1 ||
        EVP_PKEY_derive(software.get(), expected.data(), &size) != 1)
        return false;
    ossl::SecretBytes secret(expected.size());
    agreeIn(key.session, key.handle, key.object, key.refusals, point, secret.all());
    return CRYPTO_memcmp(secret.data(), expected.data(), expected.size()) == 0;
}

} // namespace p11::keymgmt
