// SPDX-License-Identifier: Apache-2.0
#include "signature/composite.h"

#include <array>
#include <utility>

#include "ossl/newer_openssl.h"
#include "ossl/params.h"
#include "signature/ecdsa.h"
#include "signature/functions.h"
#include "signature/rsa.h"

namespace p11::signature {
namespace {

struct Hash {
    const char* digest;
    const char* rsa;   ///< names of the algorithm with RSA (PKCS#1 v1.5)
    const char* ecdsa; ///< null where the default provider has none
};

constexpr std::array hashes{
    Hash{"SHA1", "RSA-SHA1:RSA-SHA-1:sha1WithRSAEncryption:1.2.840.113549.1.1.5",
         "ECDSA-SHA1:ECDSA-SHA-1:ecdsa-with-SHA1:1.2.840.10045.4.1"},
    Hash{"SHA2-224", "RSA-SHA2-224:RSA-SHA224:sha224WithRSAEncryption:1.2.840.113549.1.1.14",
         "ECDSA-SHA2-224:ECDSA-SHA224:ecdsa-with-SHA224:1.2.840.10045.4.3.1"},
    Hash{"SHA2-256", "RSA-SHA2-256:RSA-SHA256:sha256WithRSAEncryption:1.2.840.113549.1.1.11",
         "ECDSA-SHA2-256:ECDSA-SHA256:ecdsa-with-SHA256:1.2.840.10045.4.3.2"},
    Hash{"SHA2-384", "RSA-SHA2-384:RSA-SHA384:sha384WithRSAEncryption:1.2.840.113549.1.1.12",
         "ECDSA-SHA2-384:ECDSA-SHA384:ecdsa-with-SHA384:1.2.840.10045.4.3.3"},
    Hash{"SHA2-512", "RSA-SHA2-512:RSA-SHA512:sha512WithRSAEncryption:1.2.840.113549.1.1.13",
         "ECDSA-SHA2-512:ECDSA-SHA512:ecdsa-with-SHA512:1.2.840.10045.4.3.4"},
    Hash{"SHA2-512/224",
         "RSA-SHA2-512/224:RSA-SHA512-224:sha512-224WithRSAEncryption:1.2.840.113549.1.1.15",
         nullptr},
    Hash{"SHA2-512/256",
         "RSA-SHA2-512/256:RSA-SHA512-256:sha512-256WithRSAEncryption:1.2.840.113549.1.1.16",
         nullptr},
    Hash{"SHA3-224", "RSA-SHA3-224:id-rsassa-pkcs1-v1_5-with-sha3-224:2.16.840.1.101.3.4.3.13",
         "ECDSA-SHA3-224:ecdsa_with_SHA3-224:id-ecdsa-with-sha3-224:2.16.840.1.101.3.4.3.9"},
    Hash{"SHA3-256", "RSA-SHA3-256:id-rsassa-pkcs1-v1_5-with-sha3-256:2.16.840.1.101.3.4.3.14",
         "ECDSA-SHA3-256:ecdsa_with_SHA3-256:id-ecdsa-with-sha3-256:2.16.840.1.101.3.4.3.10"},
    Hash{"SHA3-384", "RSA-SHA3-384:id-rsassa-pkcs1-v1_5-with-sha3-384:2.16.840.1.101.3.4.3.15",
         "ECDSA-SHA3-384:ecdsa_with_SHA3-384:id-ecdsa-with-sha3-384:2.16.840.1.101.3.4.3.11"},
    Hash{"SHA3-512", "RSA-SHA3-512:id-rsassa-pkcs1-v1_5-with-sha3-512:2.16.840.1.101.3.4.3.16",
         "ECDSA-SHA3-512:ecdsa_with_SHA3-512:id-ecdsa-with-sha3-512:2.16.840.1.101.3.4.3.12"},
    Hash{"RIPEMD160", "RSA-RIPEMD160:ripemd160WithRSA:1.3.36.3.3.1.2", nullptr},
    Hash{"SM3", "RSA-SM3:sm3WithRSAEncryption:1.2.156.10197.1.504", nullptr}};

/// The algorithm `Base` with a digest that nobody changes.
template <typename Base>
class Composite final : public Base {
  public:
    Composite(ossl::ProviderContext& provider, const Hash& hash) : Base(provider), hash_(hash) {}
    const char* algorithm() const override {
        return std::is_same_v<Base, RsaContext> ? hash_.rsa : hash_.ecdsa;
    }
    std::unique_ptr<SignatureContext> clone() const override {
        return std::unique_ptr<SignatureContext>(new Composite(*this));
    }
    static Composite& from(void* ctx) { return static_cast<Composite&>(Functions::of(ctx)); }

    /// Begins an operation on a hash.
    void beginHash(const std::shared_ptr<keymgmt::Key>& key, bool signing,
                   const OSSL_PARAM* params) {
        this->setDigest(hash_.digest);
        this->begin(key, signing, params);
    }
    /// Begins an operation on a message.
    void beginMessage(const std::shared_ptr<keymgmt::Key>& key, bool signing,
                      const OSSL_PARAM* params) {
        signature_.clear();
        this->beginDigest(key, signing, hash_.digest, params);
    }

    /// With the signature that was set as a parameter.
    int verifyMessage() { return this->finishVerify(signature_); }

    // Digest and padding are the algorithm's own.
    void setParams(const OSSL_PARAM* params) override {
        if (const auto given = ossl::octetsOf(params, OSSL_SIGNATURE_PARAM_SIGNATURE))
            signature_.assign(given->begin(), given->end());
        if constexpr (hasNonce)
            this->setNonceType(params);
    }
    const OSSL_PARAM* settable() const override {
        static const std::array list{ossl::octetsParam(OSSL_SIGNATURE_PARAM_SIGNATURE),
                                     hasNonce ? ossl::unsignedParam(OSSL_SIGNATURE_PARAM_NONCE_TYPE)
                                              : ossl::endOfParams(),
                                     ossl::endOfParams()};
        return list.data();
    }

  private:
    Composite(const Composite&) = default;

    static constexpr bool hasNonce = std::is_same_v<Base, EcdsaContext>;

    const Hash& hash_;
    pkcs11::Bytes signature_;
};

template <typename Base, std::size_t index>
void* newComposite(void* provctx, const char* query) {
    return newContext<Composite<Base>>(provctx, query, hashes[index]);
}

template <int Id, typename Base, bool Signing>
int hashInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return beginEither(Id, ctx, keydata, params, [&] {
        return attempt(ctx, [&](SignatureContext&) {
            Composite<Base>::from(ctx).beginHash(keyOf(keydata), Signing, params);
        });
    });
}

template <int Id, typename Base, bool Signing>
int messageInit(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return beginEither(Id, ctx, keydata, params, [&] {
        return attempt(ctx, [&](SignatureContext&) {
            Composite<Base>::from(ctx).beginMessage(keyOf(keydata), Signing, params);
        });
    });
}

template <typename Base>
int verifyMessageFinal(void* ctx) {
    if (const auto* software = softwareOf(ctx))
        return software->call<OSSL_FUNC_signature_verify_message_final_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_FINAL, 0);
    return check(ctx,
                 [&](SignatureContext&) { return Composite<Base>::from(ctx).verifyMessage(); });
}

template <typename Base>
const OSSL_PARAM* settableParams(void* ctx, void* provctx) {
    return settableOf(
        ctx, Composite<Base>(ossl::ProviderContext::from(provctx), hashes.front()).settable());
}

template <typename Base>
const OSSL_PARAM* gettableParams(void* ctx, void* provctx) {
    return gettableOf(ctx, Base(ossl::ProviderContext::from(provctx)).gettable());
}

// What EVP_KEYMGMT_is_a compares with the key's keymgmt. An RSA-PSS key is none of RSA's.
template <typename Base>
const char** keyTypes() {
    constexpr bool rsa = std::is_same_v<Base, RsaContext>;
    static std::array<const char*, 2> list{rsa ? "RSA" : "EC", nullptr};
    return list.data();
}

template <typename Base>
std::vector<OSSL_DISPATCH> functionsOf(OSSL_FUNC_signature_newctx_fn* make) {
    using namespace p11::ossl;
    return {
        entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX, make),
        entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX, Functions::destroy),
        entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX, Functions::duplicate),
        entry<OSSL_FUNC_signature_query_key_types_fn>(OSSL_FUNC_SIGNATURE_QUERY_KEY_TYPES,
                                                      keyTypes<Base>),
        entry<OSSL_FUNC_signature_sign_init_fn>(
            OSSL_FUNC_SIGNATURE_SIGN_INIT, hashInit<OSSL_FUNC_SIGNATURE_SIGN_INIT, Base, true>),
        entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN,
                                           sign<OSSL_FUNC_SIGNATURE_SIGN>),
        entry<OSSL_FUNC_signature_sign_message_init_fn>(
            OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT,
            messageInit<OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT, Base, true>),
        entry<OSSL_FUNC_signature_sign_message_update_fn>(
            OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_UPDATE,
            messageUpdate<OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_UPDATE>),
        entry<OSSL_FUNC_signature_sign_message_final_fn>(
            OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_FINAL,
            messageSignFinal<OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_FINAL>),
        entry<OSSL_FUNC_signature_verify_init_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_INIT,
            hashInit<OSSL_FUNC_SIGNATURE_VERIFY_INIT, Base, false>),
        entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY,
                                             verify<OSSL_FUNC_SIGNATURE_VERIFY>),
        entry<OSSL_FUNC_signature_verify_message_init_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT,
            messageInit<OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT, Base, false>),
        entry<OSSL_FUNC_signature_verify_message_update_fn>(
            OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_UPDATE,
            messageUpdate<OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_UPDATE>),
        entry<OSSL_FUNC_signature_verify_message_final_fn>(OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_FINAL,
                                                           verifyMessageFinal<Base>),
        entry<OSSL_FUNC_signature_get_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS,
                                                     getContextParams),
        entry<OSSL_FUNC_signature_gettable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS,
                                                          gettableParams<Base>),
        entry<OSSL_FUNC_signature_set_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS,
                                                     setContextParams),
        entry<OSSL_FUNC_signature_settable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS,
                                                          settableParams<Base>),
    };
}

// Never destroyed: they may be asked for at the end of the process.
template <typename Base, std::size_t index>
const OSSL_DISPATCH* functions() {
    static const auto* table = [] {
        auto list = functionsOf<Base>(newComposite<Base, index>);
        if (std::is_same_v<Base, RsaContext>) {
            list.push_back(ossl::entry<OSSL_FUNC_signature_verify_recover_init_fn>(
                OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT,
                hashInit<OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, Base, false>));
            list.push_back(ossl::entry<OSSL_FUNC_signature_verify_recover_fn>(
                OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, recover));
        }
        list.push_back(ossl::endOfTable());
        return new std::vector<OSSL_DISPATCH>(std::move(list));
    }();
    return table->data();
}

template <std::size_t index>
void append(std::vector<OSSL_ALGORITHM>& list) {
    list.push_back(ossl::algorithm(hashes[index].rsa, functions<RsaContext, index>(),
                                   "RSA signatures on tokens, with a digest"));
    if constexpr (hashes[index].ecdsa != nullptr)
        list.push_back(ossl::algorithm(hashes[index].ecdsa, functions<EcdsaContext, index>(),
                                       "ECDSA signatures on tokens, with a digest"));
}

} // namespace

std::vector<OSSL_ALGORITHM> compositeAlgorithms() {
    std::vector<OSSL_ALGORITHM> list;
    [&]<std::size_t... index>(std::index_sequence<index...>) {
        (append<index>(list), ...);
    }
    (std::make_index_sequence<hashes.size()>());
    return list;
}

} // namespace p11::signature
