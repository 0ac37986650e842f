// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>
#include <vector>

#include "kem/dhkem.h"
#include "kem/ml_kem.h"
#include "kem/rsasve.h"
#include "keymgmt/key_family.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/newer_openssl.h"
#include "ossl/params.h"

namespace p11::kem {
namespace {

constexpr keymgmt::ContextIds contextIds{OSSL_OP_KEM, OSSL_FUNC_KEM_NEWCTX, OSSL_FUNC_KEM_FREECTX,
                                         OSSL_FUNC_KEM_DUPCTX};

/// `Kem` is MlKem or KemContext.
template <typename Kem>
using Functions = ossl::ContextFunctions<Kem>;

using KeyPointer = std::shared_ptr<keymgmt::Key>;

KeyPointer keyOf(void* keydata) {
    return keydata != nullptr ? keymgmt::keyOf(keydata) : nullptr;
}

template <typename Kem, typename Body>
int attempt(void* ctx, Body&& body) {
    return Functions<Kem>::attempt(ctx, std::forward<Body>(body));
}

enum class Direction { encapsulate, decapsulate };

void begin(MlKem& kem, Direction direction, const KeyPointer& key, const KeyPointer&,
           const OSSL_PARAM*) {
    if (direction == Direction::encapsulate)
        kem.beginEncapsulation(key);
    else
        kem.beginDecapsulation(key);
}

void begin(KemContext& kem, Direction direction, const KeyPointer& key, const KeyPointer& sender,
           const OSSL_PARAM* params) {
    if (direction == Direction::encapsulate)
        kem.beginEncapsulation(key, sender, params);
    else
        kem.beginDecapsulation(key, sender, params);
}

// Before OpenSSL 3.2, its own provider has no KEM for EC, X25519 and X448 keys.
bool isOffered(const keymgmt::Key& key) {
    return static_cast<bool>(
        ossl::Implementation(key.software()->keymgmt().provider(), OSSL_OP_KEM,
                             keymgmt::operationNameOf(key.type(), OSSL_OP_KEM)));
}

/// A key as the other provider takes it: its own, or a copy of a public half.
class TheirKey {
  public:
    TheirKey(const keymgmt::SoftwareOperation& software, void* keydata) {
        if (keydata == nullptr)
            return;
        const auto& key = *keymgmt::keyOf(keydata);
        if (key.type() != software.key().type())
            throw ossl::UsageError(ossl::Reason::key, "the two keys are of different types");
        if (key.software() != nullptr && software.isOf(key)) {
            keydata_ = key.software()->keydata();
            return;
        }
        copy_.emplace(key.context(), key.type());
        if (!copy_->importFrom(key.requirePublicKey(), EVP_PKEY_PUBLIC_KEY))
            throw ossl::UsageError(ossl::Reason::key,
                                   "the provider of the key in memory does not take the other key");
        keydata_ = copy_->keydata();
    }
    void* keydata() const { return keydata_; }

  private:
    std::optional<keymgmt::SoftwareKey> copy_;
    void* keydata_ = nullptr;
};

template <int Id, typename... AuthKey>
int beginInSoftware(const keymgmt::SoftwareOperation& software, void* keydata,
                    const OSSL_PARAM* params, AuthKey... authKeydata) {
    using Init = int(void*, void*, decltype(authKeydata)..., const OSSL_PARAM*);
    const TheirKey key(software, keydata);
    if constexpr (sizeof...(authKeydata) == 0) {
        return software.begin<Init>(Id, key.keydata(), params);
    } else {
        const TheirKey other(software, authKeydata...);
        return software.begin<Init>(Id, key.keydata(), other.keydata(), params);
    }
}

// The private key decides whose operation it is: the recipient's, and in an authenticated
// encapsulation the sender's.
template <typename Kem, Direction direction, int Id, typename... AuthKey>
int initWith(void* ctx, void* keydata, const OSSL_PARAM* params, AuthKey... authKeydata) {
    auto& software = Functions<Kem>::of(ctx).software();
    void* sender = nullptr;
    ((sender = authKeydata), ...);
    void* own = direction == Direction::encapsulate && sender != nullptr ? sender : keydata;
    return ossl::passedOn(Functions<Kem>::of(ctx).core(), 0, [&] {
        const auto key = keyOf(own);
        if (key && key->software() != nullptr && !isOffered(*key))
            return keymgmt::SoftwareOperation::refuse();
        software.choose(own, contextIds);
        if (const keymgmt::SoftwareOperation* operation = software.get())
            return beginInSoftware<Id>(*operation, keydata, params, authKeydata...);
        return attempt<Kem>(
            ctx, [&](Kem& kem) { begin(kem, direction, keyOf(keydata), keyOf(sender), params); });
    });
}

template <typename Kem, Direction direction, int Id>
int init(void* ctx, void* keydata, const OSSL_PARAM params[]) {
    return initWith<Kem, direction, Id>(ctx, keydata, params);
}

template <Direction direction, int Id>
int authInit(void* ctx, void* keydata, void* authKeydata, const OSSL_PARAM params[]) {
    return initWith<KemContext, direction, Id>(ctx, keydata, params, authKeydata);
}

template <typename Kem>
int encapsulate(void* ctx, unsigned char* out, size_t* size, unsigned char* secret,
                size_t* secretSize) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Kem>(ctx))
        return software->call<OSSL_FUNC_kem_encapsulate_fn>(OSSL_FUNC_KEM_ENCAPSULATE, 0, out, size,
                                                            secret, secretSize);
    return attempt<Kem>(ctx, [&](Kem& kem) { kem.encapsulate(out, size, secret, secretSize); });
}

template <typename Kem>
int decapsulate(void* ctx, unsigned char* out, size_t* size, const unsigned char* in,
                size_t inSize) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Kem>(ctx))
        return software->call<OSSL_FUNC_kem_decapsulate_fn>(OSSL_FUNC_KEM_DECAPSULATE, 0, out, size,
                                                            in, inSize);
    return attempt<Kem>(ctx, [&](Kem& kem) { kem.decapsulate(out, size, ByteView(in, inSize)); });
}

// ML-KEM has no parameters but those of tests, which OpenSSL's own contexts have ("ikme"): keys on
// tokens have none.
template <typename Kem>
int setParams(void* ctx, const OSSL_PARAM params[]) {
    if (const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Kem>(ctx))
        return software->call<OSSL_FUNC_kem_set_ctx_params_fn>(OSSL_FUNC_KEM_SET_CTX_PARAMS, 0,
                                                               params);
    return attempt<Kem>(ctx, [&]([[maybe_unused]] Kem& kem) {
        if constexpr (std::is_same_v<Kem, KemContext>)
            kem.setParams(params);
    });
}

template <typename Made>
const OSSL_PARAM* settableOnToken(void* provctx) {
    if constexpr (std::is_same_v<Made, MlKem>) {
        static constexpr OSSL_PARAM none = ossl::endOfParams();
        return &none;
    } else {
        return Made(ossl::ProviderContext::from(provctx)).settable();
    }
}

template <typename Kem, typename Made>
const OSSL_PARAM* settableParams(void* ctx, void* provctx) {
    const keymgmt::SoftwareOperation* software = keymgmt::softwareOf<Kem>(ctx);
    return software != nullptr ? software->list(OSSL_FUNC_KEM_SETTABLE_CTX_PARAMS)
                               : settableOnToken<Made>(provctx);
}

/// `Made` is what newctx makes, `Kem` its base, or the same.
template <typename Kem, typename Made, typename... More>
auto tableOf(More... more) {
    return std::array{
        ossl::entry<OSSL_FUNC_kem_newctx_fn>(
            OSSL_FUNC_KEM_NEWCTX,
            [](void* provctx) { return Functions<Kem>::template create<Made>(provctx); }),
        ossl::entry<OSSL_FUNC_kem_freectx_fn>(OSSL_FUNC_KEM_FREECTX, Functions<Kem>::destroy),
        ossl::entry<OSSL_FUNC_kem_dupctx_fn>(OSSL_FUNC_KEM_DUPCTX, Functions<Kem>::duplicate),
        ossl::entry<OSSL_FUNC_kem_encapsulate_init_fn>(
            OSSL_FUNC_KEM_ENCAPSULATE_INIT,
            init<Kem, Direction::encapsulate, OSSL_FUNC_KEM_ENCAPSULATE_INIT>),
        ossl::entry<OSSL_FUNC_kem_encapsulate_fn>(OSSL_FUNC_KEM_ENCAPSULATE, encapsulate<Kem>),
        ossl::entry<OSSL_FUNC_kem_decapsulate_init_fn>(
            OSSL_FUNC_KEM_DECAPSULATE_INIT,
            init<Kem, Direction::decapsulate, OSSL_FUNC_KEM_DECAPSULATE_INIT>),
        ossl::entry<OSSL_FUNC_kem_decapsulate_fn>(OSSL_FUNC_KEM_DECAPSULATE, decapsulate<Kem>),
        ossl::entry<OSSL_FUNC_kem_set_ctx_params_fn>(OSSL_FUNC_KEM_SET_CTX_PARAMS, setParams<Kem>),
        ossl::entry<OSSL_FUNC_kem_settable_ctx_params_fn>(OSSL_FUNC_KEM_SETTABLE_CTX_PARAMS,
                                                          settableParams<Kem, Made>),
        more...,
        ossl::endOfTable()};
}

const OSSL_DISPATCH* dhkemFunctions() {
    static const auto table = tableOf<KemContext, Dhkem>(
        ossl::entry<OSSL_FUNC_kem_auth_encapsulate_init_fn>(
            OSSL_FUNC_KEM_AUTH_ENCAPSULATE_INIT,
            authInit<Direction::encapsulate, OSSL_FUNC_KEM_AUTH_ENCAPSULATE_INIT>),
        ossl::entry<OSSL_FUNC_kem_auth_decapsulate_init_fn>(
            OSSL_FUNC_KEM_AUTH_DECAPSULATE_INIT,
            authInit<Direction::decapsulate, OSSL_FUNC_KEM_AUTH_DECAPSULATE_INIT>));
    return table.data();
}

const OSSL_DISPATCH* rsasveFunctions() {
    static const auto table = tableOf<KemContext, Rsasve>();
    return table.data();
}

const OSSL_DISPATCH* mlKemFunctions() {
    static const auto table = tableOf<MlKem, MlKem>();
    return table.data();
}

// Null for keys that have no KEM.
const OSSL_DISPATCH* functionsOf(keymgmt::Encapsulating encapsulating) {
    switch (encapsulating) {
    case keymgmt::Encapsulating::rsasve:
        return rsasveFunctions();
    case keymgmt::Encapsulating::dhkem:
        return dhkemFunctions();
    case keymgmt::Encapsulating::mlKem:
        return mlKemFunctions();
    case keymgmt::Encapsulating::none:
        break;
    }
    return nullptr;
}

} // namespace

// The list is never destroyed: it may be asked for at the end of the process.
const OSSL_ALGORITHM* algorithms() {
    static const auto* list = [] {
        auto* all = new std::vector<OSSL_ALGORITHM>;
        for (const auto& row : keymgmt::keyTypes) {
            const auto* names = keymgmt::algorithmNamesOf(row, OSSL_OP_KEM);
            const auto* functions = functionsOf(row.family->encapsulating);
            if (names != nullptr && functions != nullptr)
                all->push_back(ossl::algorithm(names, functions, "key encapsulation on tokens"));
        }
        all->push_back(ossl::endOfAlgorithms());
        return all;
    }();
    return list->data();
}

} // namespace p11::kem
