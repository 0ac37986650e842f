#include "keymgmt/keymgmt.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/core_names.h>

#include "keymgmt/certificate.h"
#include "keymgmt/generation.h"
#include "keymgmt/new_pair.h"
#include "keymgmt/parameter_set.h"
#include "keymgmt/public_parts.h"
#include "keymgmt/reference.h"
#include "ossl/dispatch.h"
#include "ossl/params.h"

namespace keymgmt {
namespace {

constexpr int publicSelection = OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
// Largest values of the EC keys there are (P-521), for keys that do not tell their group.
constexpr int unknownEcBits = 521, unknownEcSecurityBits = 256, unknownEcMaxSize = 141;

template <KeyType Type>
void* newKey(void* provctx) {
    auto& context = ossl::Context::from(provctx);
    return ossl::guarded<void*>(context.core(), nullptr,
                                [&] { return new KeyData{std::make_shared<Key>(context, Type)}; });
}

template <KeyType Type>
void* loadKey(const void* data, size_t size) {
    auto* reference = KeyReference::from(data, size);
    if (reference == nullptr || !reference->key || reference->key->type() != Type)
        return nullptr;
    return ossl::guarded<void*>(reference->key->context().core(), nullptr,
                                [&] { return new KeyData{std::move(reference->key)}; });
}

void freeKey(void* keydata) {
    delete static_cast<KeyData*>(keydata);
}

bool hasPrivateHalf(const Key& key) {
    return key.isPrivate() || key.isSoftwarePair();
}

int hasParts(const void* keydata, int selection) {
    if (keydata == nullptr)
        return 0;
    const auto& key = *static_cast<const KeyData*>(keydata)->key;
    return ossl::guarded(key.context().core(), 0, [&] {
        if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !hasPrivateHalf(key))
            return 0;
        if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && key.publicKey() == nullptr)
            return 0;
        const bool needsGroup =
            key.type() == KeyType::ec && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0;
        return needsGroup && key.shape() == nullptr && key.publicKey() == nullptr ? 0 : 1;
    });
}

// Handles say nothing (two sessions, two tokens, a key in memory): public values decide.
int matchKeys(const void* data1, const void* data2, int selection) {
    const auto& a = *static_cast<const KeyData*>(data1)->key;
    const auto& b = *static_cast<const KeyData*>(data2)->key;
    return ossl::guarded(a.context().core(), 0, [&] {
        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0) {
            if (a.type() != KeyType::ec)
                return 1;
            return a.shape() != nullptr && b.shape() != nullptr &&
                           EVP_PKEY_parameters_eq(a.shape(), b.shape()) == 1
                       ? 1
                       : 0;
        }
        const bool privateAlone = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0;
        if (privateAlone && !(hasPrivateHalf(a) && hasPrivateHalf(b)))
            return 0;
        auto* left = a.publicKey();
        auto* right = b.publicKey();
        if (left != nullptr && right != nullptr)
            return EVP_PKEY_eq(left, right) == 1 ? 1 : 0;
        if (left == nullptr && right == nullptr)
            return a.isSameObject(b) ? 1 : 0;
        // A certificate from elsewhere may be the first to tell a token's key its public half.
        return (left == nullptr ? a.adoptPublicKey(right) : b.adoptPublicKey(left)) ? 1 : 0;
    });
}

// A private key is never exported, and a selection that asks for one gets nothing at all: a public
// part given instead would make another provider sign with it. No error either: EVP asks at every
// operation.
int exportKey(void* keydata, int selection, OSSL_CALLBACK* callback, void* arg) {
    const auto& key = *keyOf(keydata);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key.isPrivate())
        return 0;
    return ossl::guarded(key.context().core(), 0, [&] {
        // EVP_PKEY_parameters_eq asks for this, and a type without parameters has equal ones.
        if (selection == OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS && key.type() != KeyType::ec) {
            const OSSL_PARAM nothing = OSSL_PARAM_construct_end();
            return callback(&nothing, arg);
        }
        auto* source = publicPartsOf(key, selection);
        return source != nullptr ? EVP_PKEY_export(source, selection, callback, arg) : 0;
    });
}

bool holdsPrivatePart(const OSSL_PARAM* params) {
    constexpr const char* seed = "seed"; // OSSL_PKEY_PARAM_ML_DSA_SEED and ..._ML_KEM_SEED of 3.5
    constexpr std::array names{OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_PRIV_KEY,
                               OSSL_PKEY_PARAM_RSA_FACTOR1, seed};
    return std::any_of(names.begin(), names.end(), [params](const char* name) {
        return OSSL_PARAM_locate_const(params, name) != nullptr;
    });
}

// The private key alone is what EVP_PKEY_new_raw_private_key(3) gives, and no provider that exports
// a pair: it is an application's, which named no provider.
bool isRawPrivateKey(KeyType type, const OSSL_PARAM* params) {
    const bool isCurve = isMontgomery(type) || type == KeyType::ed25519 || type == KeyType::ed448;
    return isCurve && OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY) == nullptr &&
           OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != nullptr;
}

// EVP_PKEY_fromdata with pkcs11_uri: the pair is stored on that token.
int importToToken(std::shared_ptr<Key>& key, int selection, const OSSL_PARAM* params) {
    auto& context = key->context();
    const bool isPair =
        (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && holdsPrivatePart(params);
    if (!isPair)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "key pairs are stored on tokens, and nothing but key pairs");
    Placement placement;
    placement.set(params);
    const auto software =
        keyFromParams(context, key->type(), EVP_PKEY_KEYPAIR, const_cast<OSSL_PARAM*>(params));
    const ossl::PkeyCtx checker(
        software
            ? EVP_PKEY_CTX_new_from_pkey(context.libctx(), software.get(), ossl::Context::propq())
            : nullptr);
    if (!checker || EVP_PKEY_pairwise_check(checker.get()) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the parameters are not those of a key pair");
    key = storePair(context, key->type(), placement, software.get());
    return 1;
}

// Software private keys stay with the provider that has them (and are refused without an error, for
// EVP goes on there). Public keys are taken: peers of a key agreement and comparisons with
// certificates need it.
int importKey(void* keydata, int selection, const OSSL_PARAM* params) {
    auto& key = static_cast<KeyData*>(keydata)->key;
    if (params == nullptr)
        return 0;
    if (OSSL_PARAM_locate_const(params, Placement::uriParameter) != nullptr)
        return ossl::guarded(key->context().core(), 0,
                             [&] { return importToToken(key, selection, params); });
    const bool raw = isRawPrivateKey(key->type(), params);
    if (holdsPrivatePart(params) && !raw)
        return 0;
    return ossl::guarded(key->context().core(), 0, [&] {
        const ossl::ErrorMark mark;
        if (raw) {
            auto pair = keyFromParams(key->context(), key->type(), EVP_PKEY_KEYPAIR,
                                      const_cast<OSSL_PARAM*>(params));
            const bool good = pair != nullptr;
            if (good)
                key->setSoftwarePair(std::move(pair));
            return good ? 1 : 0;
        }
        // Either half may be selected where there is a public one: the hybrid groups of TLS do so.
        const bool publicPart = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
        auto made = keyFromParams(key->context(), key->type(),
                                  publicPart ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS,
                                  const_cast<OSSL_PARAM*>(params));
        if (!made)
            return 0;
        publicPart ? key->setPublicKey(std::move(made)) : key->setParameters(std::move(made));
        return 1;
    });
}

template <KeyType Type>
const OSSL_PARAM* importExportTypes(int selection) {
    static const std::array rsa{ossl::bignumParam(OSSL_PKEY_PARAM_RSA_N),
                                ossl::bignumParam(OSSL_PKEY_PARAM_RSA_E), ossl::endOfParams()};
    static const std::array ec{ossl::textParam(OSSL_PKEY_PARAM_GROUP_NAME),
                               ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                               ossl::textParam(OSSL_PKEY_PARAM_EC_ENCODING),
                               ossl::textParam(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
                               ossl::bignumParam(OSSL_PKEY_PARAM_EC_P),
                               ossl::bignumParam(OSSL_PKEY_PARAM_EC_A),
                               ossl::bignumParam(OSSL_PKEY_PARAM_EC_B),
                               ossl::octetsParam(OSSL_PKEY_PARAM_EC_GENERATOR),
                               ossl::bignumParam(OSSL_PKEY_PARAM_EC_ORDER),
                               ossl::bignumParam(OSSL_PKEY_PARAM_EC_COFACTOR),
                               ossl::octetsParam(OSSL_PKEY_PARAM_EC_SEED),
                               ossl::endOfParams()};
    static const std::array edwards{ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                                    ossl::endOfParams()};
    if ((selection & publicSelection) == 0)
        return nullptr;
    if constexpr (isRsa(Type))
        return rsa.data();
    else if constexpr (Type == KeyType::ec)
        return ec.data();
    else
        return edwards.data();
}

bool asksForPublicValue(const OSSL_PARAM* params) {
    constexpr std::array<std::string_view, 6> names{
        OSSL_PKEY_PARAM_PUB_KEY,  OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
        OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y,
        OSSL_PKEY_PARAM_RSA_N,    OSSL_PKEY_PARAM_RSA_E};
    for (; params != nullptr && params->key != nullptr; ++params)
        if (std::find(names.begin(), names.end(), params->key) != names.end())
            return true;
    return false;
}

struct Sizes {
    int bits, security, largest; ///< the largest signature or secret
};

// For keys that do not tell their public value: those of their type.
constexpr Sizes sizesOf(KeyType type) {
    switch (type) {
    case KeyType::ed25519:
        return {256, 128, 64};
    case KeyType::ed448:
        return {456, 224, 114};
    case KeyType::x25519:
        return {253, 128, 32};
    case KeyType::x448:
        return {448, 224, 56};
    default:
        break;
    }
    if (const auto* row = parameterSetOf(type))
        return {row->bits, row->securityBits, static_cast<int>(row->size)};
    return {unknownEcBits, unknownEcSecurityBits, unknownEcMaxSize};
}

void answerUnknownSizes(OSSL_PARAM* params, KeyType type) {
    const auto sizes = sizesOf(type);
    ossl::answerInt(params, OSSL_PKEY_PARAM_BITS, sizes.bits);
    ossl::answerInt(params, OSSL_PKEY_PARAM_SECURITY_BITS, sizes.security);
    ossl::answerInt(params, OSSL_PKEY_PARAM_MAX_SIZE, sizes.largest);
    if (type == KeyType::ed25519 || type == KeyType::ed448 || isMlDsa(type))
        ossl::answerText(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, "");
    else if (!isMontgomery(type) && !isMlKem(type))
        ossl::answerText(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256");
}

// A shape of an RSA key has an exponent that only makes it one: it is told to nobody.
int getShapeParams(EVP_PKEY* shape, OSSL_PARAM params[]) {
    std::vector<OSSL_PARAM> known;
    std::vector<OSSL_PARAM*> askers;
    for (auto* next = params; next != nullptr && next->key != nullptr; ++next)
        if (std::string_view(next->key) != OSSL_PKEY_PARAM_RSA_E) {
            known.push_back(*next);
            askers.push_back(next);
        }
    known.push_back(OSSL_PARAM_construct_end());
    const int answer = EVP_PKEY_get_params(shape, known.data());
    for (std::size_t i = 0; i < askers.size(); ++i)
        askers[i]->return_size = known[i].return_size;
    return answer;
}

// OpenSSL's own key of the same public value answers everything it knows (bits, group, qx, n ...),
// which spares asking the token unless the public value itself is wanted.
int getKeyParams(void* keydata, OSSL_PARAM params[]) {
    const auto& key = *keyOf(keydata);
    return ossl::guarded(key.context().core(), 0, [&] {
        if (auto* known = asksForPublicValue(params) ? key.publicKey() : nullptr)
            return EVP_PKEY_get_params(known, params);
        if (auto* shape = key.shape())
            return getShapeParams(shape, params);
        answerUnknownSizes(params, key.type());
        return 1;
    });
}

const OSSL_PARAM* gettableKeyParams(void*) {
    static const std::array list{ossl::intParam(OSSL_PKEY_PARAM_BITS),
                                 ossl::intParam(OSSL_PKEY_PARAM_SECURITY_BITS),
                                 ossl::intParam(OSSL_PKEY_PARAM_MAX_SIZE),
                                 ossl::textParam(OSSL_PKEY_PARAM_DEFAULT_DIGEST),
                                 ossl::textParam(OSSL_PKEY_PARAM_MANDATORY_DIGEST),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_RSA_N),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_RSA_E),
                                 ossl::textParam(OSSL_PKEY_PARAM_GROUP_NAME),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                                 ossl::octetsParam(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_PUB_X),
                                 ossl::bignumParam(OSSL_PKEY_PARAM_EC_PUB_Y),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_ENCODING),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT),
                                 ossl::textParam(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
                                 ossl::intParam(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS),
                                 ossl::endOfParams()};
    return list.data();
}

constexpr const char* certificateParameter = "pkcs11_certificate";

// The public value of a key on a token can't be set; what else applications set (point formats and
// the like) is for encoders, and is ignored.
int setKeyParams(void* keydata, const OSSL_PARAM params[]) {
    const auto& key = keyOf(keydata);
    return ossl::guarded(key->context().core(), 0, [&] {
        if (const auto certificate = ossl::octetsOf(params, certificateParameter)) {
            Placement placement;
            placement.set(params);
            storeCertificate(*key, *certificate, placement.allowDuplicate);
        }
        const auto encoded = ossl::octetsOf(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
        if (!encoded)
            return 1;
        // A copy of the parameters of an X25519 or X448 key is empty, for they have none.
        if (isMontgomery(key->type()) && !key->isOnToken()) {
            auto value = keyFromRaw(key->context(), key->type(), *encoded);
            const bool good = value != nullptr;
            if (good)
                key->setPublicKey(std::move(value));
            return good ? 1 : 0;
        }
        auto* target = key->isOnToken() ? nullptr : key->shape();
        if (target == nullptr ||
            EVP_PKEY_set1_encoded_public_key(target, encoded->data(), encoded->size()) != 1)
            return 0;
        if (key->publicKey() == nullptr)
            key->setPublicKey(ossl::share(target));
        return 1;
    });
}

const OSSL_PARAM* settableKeyParams(void*) {
    static const std::array list{ossl::octetsParam(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY),
                                 ossl::octetsParam(certificateParameter), ossl::endOfParams()};
    return list.data();
}

ossl::Pkey parametersOf(const Key& key) {
    ossl::Pkey copy(EVP_PKEY_new());
    auto* source = key.shape();
    if (!copy || source == nullptr || EVP_PKEY_copy_parameters(copy.get(), source) != 1)
        return nullptr;
    return copy;
}

// What OpenSSL's own providers make no copy of: an RSA key without numbers, a point without its
// curve.
bool isTooLittle(KeyType type, int selection) {
    const bool wantsKey = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    if (type == KeyType::ec)
        return wantsKey && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) == 0;
    return isRsa(type) && !wantsKey;
}

ossl::Pkey publicHalfOf(const Key& key) {
    OSSL_PARAM* values = nullptr;
    if (EVP_PKEY_todata(key.requirePublicKey(), EVP_PKEY_PUBLIC_KEY, &values) != 1)
        return nullptr;
    const ossl::Params owner(values);
    return keyFromParams(key.context(), key.type(), EVP_PKEY_PUBLIC_KEY, values);
}

std::shared_ptr<Key> copyOf(const Key& key, int selection) {
    auto copy = std::make_shared<Key>(key.context(), key.type());
    const bool withPrivate = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    if (withPrivate && key.isSoftwarePair())
        copy->setSoftwarePair(ossl::Pkey(EVP_PKEY_dup(key.shape())));
    else if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && key.publicKey() != nullptr)
        copy->setPublicKey(publicHalfOf(key));
    else if (key.type() == KeyType::ec && key.shape() != nullptr &&
             (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0)
        copy->setParameters(parametersOf(key));
    else
        return copy;
    return copy->shape() != nullptr ? copy : nullptr;
}

// Keys on a token are immutable, and their private half has no part that could be left out: a
// duplicate that is to have it shares the key. All else is a copy of its own, for its new owner may
// set a public value next.
void* duplicateKey(const void* keydata, int selection) {
    const auto& key = static_cast<const KeyData*>(keydata)->key;
    return ossl::guarded<void*>(key->context().core(), nullptr, [&]() -> void* {
        if (isTooLittle(key->type(), selection))
            return nullptr;
        const bool isPrivate =
            (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->isPrivate();
        auto copy = isPrivate ? key : copyOf(*key, selection);
        return copy ? new KeyData{std::move(copy)} : nullptr;
    });
}

// The private value can't be checked from outside; that the public part is sound can.
int validateKey(const void* keydata, int selection, int) {
    const auto& key = *static_cast<const KeyData*>(keydata)->key;
    return ossl::guarded(key.context().core(), 0, [&] {
        auto* subject = key.publicKey() != nullptr ? key.publicKey() : key.shape();
        if (subject == nullptr)
            return 1;
        const ossl::PkeyCtx checker(
            EVP_PKEY_CTX_new_from_pkey(key.context().libctx(), subject, ossl::Context::propq()));
        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 && key.publicKey() != nullptr)
            return EVP_PKEY_public_check(checker.get()) == 1 ? 1 : 0;
        if (key.type() == KeyType::ec && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0)
            return EVP_PKEY_param_check(checker.get()) == 1 ? 1 : 0;
        return 1;
    });
}

template <KeyType Type>
const char* operationName(int operation) {
    if constexpr (Type == KeyType::ec)
        return operation == OSSL_OP_SIGNATURE ? "ECDSA"
               : operation == OSSL_OP_KEYEXCH ? "ECDH"
                                              : "EC";
    else
        return isRsa(Type) ? "RSA" : nameOf(Type);
}

template <KeyType Type>
void* beginGeneration(void* provctx, int selection, const OSSL_PARAM params[]) {
    auto& context = ossl::Context::from(provctx);
    return ossl::guarded<void*>(context.core(), nullptr, [&]() -> void* {
        auto generation = std::make_unique<Generation>(context, Type, selection);
        generation->set(params);
        return generation.release();
    });
}

Generation& generationOf(void* ctx) {
    return *static_cast<Generation*>(ctx);
}

int setTemplate(void* ctx, void* keydata) {
    return ossl::guarded(generationOf(ctx).core(), 0,
                         [&] { return generationOf(ctx).useTemplate(*keyOf(keydata)) ? 1 : 0; });
}

int setGenerationParams(void* ctx, const OSSL_PARAM params[]) {
    return ossl::guarded(generationOf(ctx).core(), 0, [&] {
        generationOf(ctx).set(params);
        return 1;
    });
}

template <KeyType Type>
const OSSL_PARAM* settableGenerationParams(void*, void* provctx) {
    auto& context = ossl::Context::from(provctx);
    return ossl::guarded<const OSSL_PARAM*>(context.core(), nullptr, [&] {
        return Generation(context, Type, OSSL_KEYMGMT_SELECT_KEYPAIR).settable();
    });
}

void* generate(void* ctx, OSSL_CALLBACK*, void*) {
    return ossl::guarded<void*>(generationOf(ctx).core(), nullptr,
                                [&] { return new KeyData{generationOf(ctx).run()}; });
}

void endGeneration(void* ctx) {
    delete &generationOf(ctx);
}

template <KeyType Type>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_keymgmt_gen_init_fn>(OSSL_FUNC_KEYMGMT_GEN_INIT,
                                                   beginGeneration<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_gen_set_template_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE,
                                                           setTemplate),
        ossl::entry<OSSL_FUNC_keymgmt_gen_set_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS,
                                                         setGenerationParams),
        ossl::entry<OSSL_FUNC_keymgmt_gen_settable_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS,
                                                              settableGenerationParams<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_gen_fn>(OSSL_FUNC_KEYMGMT_GEN, generate),
        ossl::entry<OSSL_FUNC_keymgmt_gen_cleanup_fn>(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, endGeneration),
        ossl::entry<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW, newKey<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_load_fn>(OSSL_FUNC_KEYMGMT_LOAD, loadKey<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE, freeKey),
        ossl::entry<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS, hasParts),
        ossl::entry<OSSL_FUNC_keymgmt_match_fn>(OSSL_FUNC_KEYMGMT_MATCH, matchKeys),
        ossl::entry<OSSL_FUNC_keymgmt_dup_fn>(OSSL_FUNC_KEYMGMT_DUP, duplicateKey),
        ossl::entry<OSSL_FUNC_keymgmt_validate_fn>(OSSL_FUNC_KEYMGMT_VALIDATE, validateKey),
        ossl::entry<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT, exportKey),
        ossl::entry<OSSL_FUNC_keymgmt_export_types_fn>(OSSL_FUNC_KEYMGMT_EXPORT_TYPES,
                                                       importExportTypes<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT, importKey),
        ossl::entry<OSSL_FUNC_keymgmt_import_types_fn>(OSSL_FUNC_KEYMGMT_IMPORT_TYPES,
                                                       importExportTypes<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_get_params_fn>(OSSL_FUNC_KEYMGMT_GET_PARAMS, getKeyParams),
        ossl::entry<OSSL_FUNC_keymgmt_gettable_params_fn>(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS,
                                                          gettableKeyParams),
        ossl::entry<OSSL_FUNC_keymgmt_set_params_fn>(OSSL_FUNC_KEYMGMT_SET_PARAMS, setKeyParams),
        ossl::entry<OSSL_FUNC_keymgmt_settable_params_fn>(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS,
                                                          settableKeyParams),
        ossl::entry<OSSL_FUNC_keymgmt_query_operation_name_fn>(
            OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operationName<Type>),
        ossl::endOfTable()};
    return table.data();
}

// Names and aliases are those of the default provider: EVP compares them across providers.
template <std::size_t... Rows>
auto makeAlgorithms(std::index_sequence<Rows...>) {
    return std::array{
        ossl::algorithm("RSA:rsaEncryption:1.2.840.113549.1.1.1", functions<KeyType::rsa>(),
                        "RSA keys on tokens"),
        ossl::algorithm("RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", functions<KeyType::rsaPss>(),
                        "RSA-PSS keys on tokens"),
        ossl::algorithm("EC:id-ecPublicKey:1.2.840.10045.2.1", functions<KeyType::ec>(),
                        "EC keys on tokens"),
        ossl::algorithm("ED25519:1.3.101.112", functions<KeyType::ed25519>(),
                        "Ed25519 keys on tokens"),
        ossl::algorithm("ED448:1.3.101.113", functions<KeyType::ed448>(), "Ed448 keys on tokens"),
        ossl::algorithm("X25519:1.3.101.110", functions<KeyType::x25519>(),
                        "X25519 keys on tokens"),
        ossl::algorithm("X448:1.3.101.111", functions<KeyType::x448>(), "X448 keys on tokens"),
        ossl::algorithm(parameterSets[Rows].names, functions<parameterSets[Rows].type>(),
                        "ML-DSA and ML-KEM keys on tokens")...,
        ossl::endOfAlgorithms()};
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const auto list = makeAlgorithms(parameterSetRows);
    return list.data();
}

} // namespace keymgmt
