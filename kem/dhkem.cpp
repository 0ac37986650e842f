// SPDX-License-Identifier: Apache-2.0
#include "kem/dhkem.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <openssl/core_names.h>

#include "exchange/ecdh.h"
#include "exchange/xdh.h"
#include "kem/hpke_kdf.h"
#include "keymgmt/agreement.h"
#include "keymgmt/public_key.h"
#include "ossl/job.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::kem {

using keymgmt::Key;
using keymgmt::KeyType;
using ossl::SecretBytes;

/// RFC 9180, section 7.1.
struct DhSuite {
    KeyType type;
    const char* group; ///< OpenSSL's name of an EC key's
    KdfOfKem kdf;
    std::size_t secretSize; ///< Nsecret
    std::size_t publicSize; ///< Npk and Nenc
};

namespace {

constexpr std::array suites{DhSuite{KeyType::ec, "prime256v1", {0x0010, "SHA2-256"}, 32, 65},
                            DhSuite{KeyType::ec, "secp384r1", {0x0011, "SHA2-384"}, 48, 97},
                            DhSuite{KeyType::ec, "secp521r1", {0x0012, "SHA2-512"}, 64, 133},
                            DhSuite{KeyType::x25519, "", {0x0020, "SHA2-256"}, 32, 32},
                            DhSuite{KeyType::x448, "", {0x0021, "SHA2-512"}, 64, 56}};

std::string groupOf(const Key& key) {
    if (key.type() != KeyType::ec)
        return {};
    auto* half = key.partialKey() != nullptr ? key.partialKey() : key.requirePublicKey();
    std::array<char, 64> name{};
    if (EVP_PKEY_get_group_name(half, name.data(), name.size(), nullptr) != 1)
        return "a curve without a name";
    return name.data();
}

const DhSuite& suiteOf(const Key& key) {
    const auto group = groupOf(key);
    const auto* found = std::ranges::find_if(suites, [&](const DhSuite& suite) {
        return suite.type == key.type() && suite.group == group;
    });
    if (found == suites.end())
        throw ossl::UsageError(ossl::Reason::unsupported,
                               "there is no DHKEM for keys on " + group + " (RFC 9180)");
    return *found;
}

ossl::Pkey pointOn(const ossl::ProviderContext& context, const DhSuite& suite, ByteView value) {
    constexpr unsigned char uncompressed = 0x04;
    const ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (value.front() != uncompressed || !builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, suite.group,
                                        0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, value.data(),
                                         value.size()) != 1)
        return nullptr;
    return keymgmt::keyFromBuilder(context, suite.type, EVP_PKEY_PUBLIC_KEY, builder.get());
}

/// DeserializePublicKey()
ossl::Pkey publicKeyFrom(const ossl::ProviderContext& context, const DhSuite& suite,
                         ByteView value) {
    auto key = suite.type == KeyType::ec ? pointOn(context, suite, value)
                                         : keymgmt::keyFromRaw(context, suite.type, value);
    if (!key)
        throw ossl::UsageError(ossl::Reason::data,
                               "the ciphertext is not a public value of the key's curve");
    return key;
}

/// SerializePublicKey()
pkcs11::Bytes publicValueOf(const Key& key) {
    return keymgmt::peerValue(key.type(), key.requirePublicKey());
}

SecretBytes agreeInHost(const ossl::ProviderContext& context, EVP_PKEY* own, EVP_PKEY* peer) {
    const ossl::PkeyCtx derivation(
        EVP_PKEY_CTX_new_from_pkey(context.libctx(), own, ossl::ProviderContext::propq()));
    std::size_t size = 0;
    if (!derivation || EVP_PKEY_derive_init(derivation.get()) != 1 ||
        EVP_PKEY_derive_set_peer(derivation.get(), peer) != 1 ||
        EVP_PKEY_derive(derivation.get(), nullptr, &size) != 1)
        throw ossl::UsageError(ossl::Reason::key, "there is no key agreement with the key");
    SecretBytes secret(size);
    if (EVP_PKEY_derive(derivation.get(), secret.data(), &size) != 1 || size != secret.size())
        throw ossl::UsageError(ossl::Reason::key, "the key agreement failed");
    return secret;
}

template <typename Exchange>
std::size_t agreeAs(ossl::ProviderContext& provider, const std::shared_ptr<Key>& own,
                    const Key& peer, MutableBytes out) {
    Exchange exchange(provider);
    exchange.begin(own, nullptr);
    exchange.setPeer(peer);
    return exchange.derive(out);
}

} // namespace

std::unique_ptr<KemContext> Dhkem::clone() const {
    return std::unique_ptr<KemContext>(new Dhkem(*this));
}

const char* Dhkem::operation() const {
    return OSSL_KEM_PARAM_OPERATION_DHKEM;
}

const DhSuite& Dhkem::suite() const {
    return suiteOf(*key());
}

void Dhkem::requireUsable() const {
    const auto& used = suite();
    if (sender() && &suiteOf(*sender()) != &used)
        throw ossl::UsageError(ossl::Reason::key,
                               "the sender's key and the recipient's are on different curves");
}

std::size_t Dhkem::secretSize() const {
    return suite().secretSize;
}

std::size_t Dhkem::ciphertextSize() const {
    return suite().publicSize;
}

SecretBytes Dhkem::agreeOnToken(const std::shared_ptr<Key>& own, const Key& peer) const {
    const auto publicSize = suite().publicSize;
    SecretBytes secret(keymgmt::secretSize(own->type(), publicSize));
    if (keymgmt::isMontgomery(own->type()))
        agreeAs<exchange::Xdh>(provider(), own, peer, secret.all());
    else
        agreeAs<exchange::Ecdh>(provider(), own, peer, secret.all());
    return secret;
}

/// kem_context
pkcs11::Bytes Dhkem::contextOf(ByteView encapsulated) const {
    pkcs11::Bytes context(encapsulated.begin(), encapsulated.end());
    const auto append = [&context](const pkcs11::Bytes& value) {
        context.insert(context.end(), value.begin(), value.end());
    };
    append(publicValueOf(*key()));
    if (sender())
        append(publicValueOf(*sender()));
    return context;
}

// What is on a job's stack owns nothing while the job is paused: a worker does all of it.
void Dhkem::decapsulateNow(ByteView ciphertext, MutableBytes secret) const {
    ossl::runWithToken(provider(), key()->privateObject().token(), *this, ciphertext, secret,
                       [](const Dhkem& kem, ByteView data, MutableBytes out) {
                           return kem.agreeOnSecret(data, out);
                       });
}

// Decap() and AuthDecap()
std::size_t Dhkem::agreeOnSecret(ByteView ciphertext, MutableBytes secret) const {
    const auto value = publicKeyFrom(provider(), suite(), ciphertext);
    Key ephemeral(provider(), key()->type());
    if (!ephemeral.software()->importFrom(value.get(), EVP_PKEY_PUBLIC_KEY))
        throw ossl::UsageError(ossl::Reason::internal, "no provider accepts the public key");
    const auto context = contextOf(ciphertext); // it may be that the public half is unknown
    auto shared = agreeOnToken(key(), ephemeral);
    if (sender()) {
        const auto second = agreeOnToken(key(), *sender());
        shared.insert(shared.end(), second.begin(), second.end());
    }
    extractAndExpand(provider(), suite().kdf, shared.view(), context, secret);
    return secret.size();
}

ossl::Pkey Dhkem::ephemeralPair() const {
    const ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_pkey(
        provider().libctx(), key()->requirePublicKey(), ossl::ProviderContext::propq()));
    bool good = maker && EVP_PKEY_keygen_init(maker.get()) == 1;
    if (good && !keyMaterial().empty()) {
        // The C interface takes pointers to what it only reads.
        const std::array params{
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DHKEM_IKM,
                                              const_cast<unsigned char*>(keyMaterial().data()),
                                              keyMaterial().size()),
            OSSL_PARAM_construct_end()};
        const auto* known = EVP_PKEY_CTX_settable_params(maker.get());
        good = OSSL_PARAM_locate_const(known, OSSL_PKEY_PARAM_DHKEM_IKM) != nullptr &&
               EVP_PKEY_CTX_set_params(maker.get(), params.data()) == 1;
    }
    EVP_PKEY* pair = nullptr;
    if (!good || EVP_PKEY_generate(maker.get(), &pair) != 1)
        throw ossl::UsageError(ossl::Reason::data, "no ephemeral key can be made");
    return ossl::Pkey(pair);
}

// AuthEncap(): the sender's key is on the token, which no other provider can use.
Encapsulated Dhkem::encapsulateWithSender() const {
    const auto pair = ephemeralPair();
    Encapsulated result{keymgmt::peerValue(key()->type(), pair.get()),
                        SecretBytes(suite().secretSize)};
    const auto context = contextOf(result.ciphertext);
    auto shared = agreeInHost(provider(), pair.get(), key()->requirePublicKey());
    const auto second = agreeOnToken(sender(), *key());
    shared.insert(shared.end(), second.begin(), second.end());
    extractAndExpand(provider(), suite().kdf, shared.view(), context, result.secret.all());
    return result;
}

Encapsulated Dhkem::encapsulateForJob() const {
    if (!ossl::insideJob())
        return encapsulateWithSender();
    return ossl::runForJob<Encapsulated>(
        provider(), pkcs11::laneOf(sender()->privateObject().token()),
        [copy = std::make_shared<Dhkem>(*this)] { return copy->encapsulateWithSender(); });
}

void Dhkem::encapsulateNow(unsigned char* out, std::size_t* size, unsigned char* secret,
                           std::size_t* secretSize) const {
    if (!sender()) {
        KemContext::encapsulateNow(out, size, secret, secretSize);
        return;
    }
    if (size == nullptr || secretSize == nullptr)
        throw ossl::UsageError(ossl::Reason::parameter, "both sizes are needed");
    if (out != nullptr) {
        if (*size < suite().publicSize || *secretSize < suite().secretSize)
            throw ossl::UsageError(ossl::Reason::data,
                                   "the buffers are too small for ciphertext and secret");
        const auto made = encapsulateForJob();
        std::ranges::copy(made.ciphertext, out);
        std::ranges::copy(made.secret, secret);
    }
    *size = suite().publicSize;
    *secretSize = suite().secretSize;
}

const OSSL_PARAM* Dhkem::settable() const {
    static const std::array list{ossl::textParam(OSSL_KEM_PARAM_OPERATION),
                                 ossl::octetsParam(OSSL_KEM_PARAM_IKME), ossl::endOfParams()};
    return list.data();
}

} // namespace p11::kem
