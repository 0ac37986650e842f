// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/core_names.h>

#include "keymgmt/certificate.h"
#include "keymgmt/generation.h"
#include "keymgmt/new_pair.h"
#include "keymgmt/parameter_list.h"
#include "keymgmt/parameter_set.h"
#include "keymgmt/public_parts.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
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

int hasParts(const void* keydata, int selection) {
    if (keydata == nullptr)
        return 0;
    const auto& key = *static_cast<const KeyData*>(keydata)->key;
    if (const auto* software = key.software())
        return software->has(selection);
    return ossl::guarded(key.context().core(), 0, [&] {
        if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key.isPrivate())
            return 0;
        if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && key.publicKey() == nullptr)
            return 0;
        const bool needsGroup =
            key.type() == KeyType::ec && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0;
        return needsGroup && key.shape() == nullptr && key.publicKey() == nullptr ? 0 : 1;
    });
}

bool hasPrivate(const Key& key) {
    return key.software() != nullptr ? key.software()->has(OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 1
                                     : key.isPrivate();
}

// Handles say nothing (two sessions, two tokens, a key in memory): public values decide.
int matchKeys(const void* data1, const void* data2, int selection) {
    const auto& a = *static_cast<const KeyData*>(data1)->key;
    const auto& b = *static_cast<const KeyData*>(data2)->key;
    if (a.software() != nullptr && b.software() != nullptr &&
        a.software()->isOfSameProvider(*b.software()))
        return a.software()->match(*b.software(), selection);
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
        if (privateAlone && !(hasPrivate(a) && hasPrivate(b)))
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

// A private key on a token is never exported, and a selection that asks for one gets nothing at
// all: a public part given instead would make another provider sign with it. No error either: EVP
// asks at every operation.
int exportKey(void* keydata, int selection, OSSL_CALLBACK* callback, void* arg) {
    const auto& key = *keyOf(keydata);
    // EVP_PKEY_parameters_eq asks for this, and a type without parameters has equal ones.
    if (selection == OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS && key.type() != KeyType::ec) {
        const OSSL_PARAM nothing = OSSL_PARAM_construct_end();
        return callback(&nothing, arg);
    }
    if (const auto* software = key.software())
        return software->exportTo(selection, callback, arg);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key.isPrivate())
        return 0;
    return ossl::guarded(key.context().core(), 0, [&] {
        auto* source = exportablePartsOf(key, selection);
        return source != nullptr ? EVP_PKEY_export(source, selection, callback, arg) : 0;
    });
}

constexpr const char* seedParameter = "seed"; // OSSL_PKEY_PARAM_ML_DSA_SEED, ..._ML_KEM_SEED: 3.5

bool holdsPrivatePart(const OSSL_PARAM* params) {
    constexpr std::array names{OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_PRIV_KEY,
                               OSSL_PKEY_PARAM_RSA_FACTOR1, seedParameter};
    return std::any_of(names.begin(), names.end(), [params](const char* name) {
        return OSSL_PARAM_locate_const(params, name) != nullptr;
    });
}

constexpr std::array rsaPrivateParameters{OSSL_PKEY_PARAM_RSA_D,
                                          OSSL_PKEY_PARAM_RSA_FACTOR1,
                                          OSSL_PKEY_PARAM_RSA_FACTOR2,
                                          OSSL_PKEY_PARAM_RSA_FACTOR3,
                                          OSSL_PKEY_PARAM_RSA_FACTOR4,
                                          OSSL_PKEY_PARAM_RSA_FACTOR5,
                                          OSSL_PKEY_PARAM_RSA_FACTOR6,
                                          OSSL_PKEY_PARAM_RSA_FACTOR7,
                                          OSSL_PKEY_PARAM_RSA_FACTOR8,
                                          OSSL_PKEY_PARAM_RSA_FACTOR9,
                                          OSSL_PKEY_PARAM_RSA_FACTOR10,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT2,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT3,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT4,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT5,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT6,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT7,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT8,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT9,
                                          OSSL_PKEY_PARAM_RSA_EXPONENT10,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT2,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT3,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT4,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT5,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT6,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT7,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT8,
                                          OSSL_PKEY_PARAM_RSA_COEFFICIENT9};

constexpr std::array ecParameters{ossl::textParam(OSSL_PKEY_PARAM_GROUP_NAME),
                                  ossl::textParam(OSSL_PKEY_PARAM_EC_ENCODING),
                                  ossl::textParam(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT),
                                  ossl::textParam(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
                                  ossl::bignumParam(OSSL_PKEY_PARAM_EC_P),
                                  ossl::bignumParam(OSSL_PKEY_PARAM_EC_A),
                                  ossl::bignumParam(OSSL_PKEY_PARAM_EC_B),
                                  ossl::octetsParam(OSSL_PKEY_PARAM_EC_GENERATOR),
                                  ossl::bignumParam(OSSL_PKEY_PARAM_EC_ORDER),
                                  ossl::bignumParam(OSSL_PKEY_PARAM_EC_COFACTOR),
                                  ossl::octetsParam(OSSL_PKEY_PARAM_EC_SEED),
                                  ossl::intParam(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH),
                                  ossl::intParam(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC)};

// EVP_PKEY_fromdata with pkcs11_uri: the pair is stored on that token.
int importToToken(std::shared_ptr<Key>& key, int selection, const OSSL_PARAM* params) {
    auto& context = key->context();
    const bool isPair =
        (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && holdsPrivatePart(params);
    if (!isPair)
        throw ossl::UsageError(ossl::Reason::parameter, "only key pairs can be stored on tokens");
    Placement placement;
    placement.set(params);
    const auto software =
        keyFromParams(context, key->type(), EVP_PKEY_KEYPAIR, const_cast<OSSL_PARAM*>(params));
    const ossl::PkeyCtx checker(
        software
            ? EVP_PKEY_CTX_new_from_pkey(context.libctx(), software.get(), ossl::Context::propq())
            : nullptr);
    if (!checker || EVP_PKEY_pairwise_check(checker.get()) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the parameters do not form a key pair");
    key = storePair(context, key->type(), placement, software.get());
    return 1;
}

// All other keys are in memory, and the other provider's. EVP_PKEY_fromdata and the export to an
// operation of this provider can't be told from each other here.
int importKey(void* keydata, int selection, const OSSL_PARAM* params) {
    auto& key = static_cast<KeyData*>(keydata)->key;
    if (params != nullptr && OSSL_PARAM_locate_const(params, Placement::uriParameter) != nullptr)
        return ossl::guarded(key->context().core(), 0,
                             [&] { return importToToken(key, selection, params); });
    return ossl::passedOn(key->context().core(), 0, [&] {
        return key->software() != nullptr ? key->import(selection, params) : 0;
    });
}

// What EVP_PKEY_fromdata_settable(3) and EVP_PKEY_export(3) know of. OpenSSL 3.0 asks without the
// provider's context, so the other provider can't be asked in turn.
template <KeyType Type>
std::vector<OSSL_PARAM> keyParameters(bool withPrivate) {
    const auto octets = ossl::octetsParam;
    std::vector<OSSL_PARAM> list;
    if constexpr (isRsa(Type)) {
        list = {ossl::bignumParam(OSSL_PKEY_PARAM_RSA_N), ossl::bignumParam(OSSL_PKEY_PARAM_RSA_E)};
        if (withPrivate)
            for (const char* name : rsaPrivateParameters)
                list.push_back(ossl::bignumParam(name));
        return list;
    }
    list = {octets(OSSL_PKEY_PARAM_PUB_KEY)};
    if (withPrivate && Type == KeyType::ec)
        list.push_back(ossl::bignumParam(OSSL_PKEY_PARAM_PRIV_KEY));
    else if (withPrivate)
        list.push_back(octets(OSSL_PKEY_PARAM_PRIV_KEY));
    if (withPrivate && parameterSetOf(Type) != nullptr)
        list.push_back(octets(seedParameter));
    if constexpr (Type == KeyType::ec)
        list.insert(list.end(), ecParameters.begin(), ecParameters.end());
    return list;
}

// Made while the library is loaded, with the tables, and never destroyed.
template <KeyType Type>
struct KeyParameters {
    static const OSSL_PARAM* list(bool withPrivate) {
        const auto make = [](bool all) {
            auto made = keyParameters<Type>(all);
            made.push_back(ossl::endOfParams());
            return new std::vector<OSSL_PARAM>(std::move(made));
        };
        static const std::array lists{make(false), make(true)};
        return lists[withPrivate ? 1 : 0]->data();
    }
};

template <KeyType Type>
const OSSL_PARAM* importExportTypes(int selection) {
    if ((selection & OSSL_KEYMGMT_SELECT_ALL) == 0)
        return nullptr;
    return KeyParameters<Type>::list((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0);
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
    if (const auto* software = key.software())
        return software->getParams(params);
    return ossl::guarded(key.context().core(), 0, [&] {
        if (auto* known = asksForPublicValue(params) ? key.publicKey() : nullptr)
            return EVP_PKEY_get_params(known, params);
        if (auto* shape = key.shape())
            return getShapeParams(shape, params);
        answerUnknownSizes(params, key.type());
        return 1;
    });
}

// What the other provider lists for its keys; null if no other provider has such keys.
template <KeyType Type>
const OSSL_PARAM* othersList(void* provctx, int id) {
    using List = const OSSL_PARAM*(void*);
    auto& context = ossl::Context::from(provctx);
    return ossl::guarded<const OSSL_PARAM*>(context.core(), nullptr, [&]() -> const OSSL_PARAM* {
        const auto functions = OtherKeymgmt(context, Type).functions();
        auto* list = functions.function<List>(id);
        return list != nullptr ? list(functions.provctx()) : nullptr;
    });
}

const OSSL_PARAM* gettableOnToken() {
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

template <KeyType Type>
const OSSL_PARAM* gettableKeyParams(void* provctx) {
    const auto* theirs = othersList<Type>(provctx, OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS);
    return theirs != nullptr ? theirs : gettableOnToken();
}

constexpr const char* certificateParameter = "pkcs11_certificate";

// The public value of a key on a token can't be set; what else applications set (point formats and
// the like) is for encoders, and is ignored.
int setKeyParams(void* keydata, const OSSL_PARAM params[]) {
    const auto& key = keyOf(keydata);
    const bool hasCertificate = OSSL_PARAM_locate_const(params, certificateParameter) != nullptr;
    if (key->software() != nullptr && !hasCertificate)
        return key->setSoftwareParams(params);
    return ossl::guarded(key->context().core(), 0, [&] {
        if (const auto certificate = ossl::octetsOf(params, certificateParameter)) {
            Placement placement;
            placement.set(params);
            storeCertificate(*key, *certificate, placement.allowDuplicate);
        }
        return ossl::octetsOf(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) ? 0 : 1;
    });
}

template <KeyType Type>
const OSSL_PARAM* settableKeyParams(void* provctx) {
    static constexpr std::array certificate{ossl::octetsParam(certificateParameter)};
    const auto* theirs = othersList<Type>(provctx, OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS);
    return ossl::guarded<const OSSL_PARAM*>(ossl::Context::from(provctx).core(), nullptr,
                                            [&] { return withOurs(theirs, certificate); });
}

// What OpenSSL's own providers make no copy of: an RSA key without numbers, a point without its
// curve.
bool isTooLittle(KeyType type, int selection) {
    const bool wantsKey = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    if (type == KeyType::ec)
        return wantsKey && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) == 0;
    return isRsa(type) && !wantsKey;
}

// In memory: what is selected of the public half of a key on a token.
std::shared_ptr<Key> copyOf(const Key& key, int selection) {
    auto copy = std::make_shared<Key>(key.context(), key.type());
    const bool wantsPublic = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    const bool wantsGroup = (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0;
    if (wantsPublic && key.publicKey() != nullptr)
        return copy->importFrom(key.publicKey(), EVP_PKEY_PUBLIC_KEY) ? copy : nullptr;
    if (key.type() == KeyType::ec && wantsGroup && key.shape() != nullptr)
        return copy->importFrom(key.shape(), EVP_PKEY_KEY_PARAMETERS) ? copy : nullptr;
    return copy;
}

std::shared_ptr<Key> copyInMemory(const Key& key, int selection) {
    auto copy = key.software()->duplicate(selection);
    return copy ? std::make_shared<Key>(key.context(), key.type(), std::move(copy)) : nullptr;
}

KeyData* dataOf(std::shared_ptr<Key> key) {
    return key ? new KeyData{std::move(key)} : nullptr;
}

// Keys on a token are immutable, and their private half has no part that could be left out: a
// duplicate that is to have it shares the key. All else is a copy of its own, for its new owner may
// set a public value next.
void* duplicateKey(const void* keydata, int selection) {
    const auto& key = static_cast<const KeyData*>(keydata)->key;
    if (key->software() != nullptr)
        return ossl::passedOn<void*>(key->context().core(), nullptr,
                                     [&] { return dataOf(copyInMemory(*key, selection)); });
    return ossl::guarded<void*>(key->context().core(), nullptr, [&]() -> void* {
        if (isTooLittle(key->type(), selection))
            return nullptr;
        const bool isPrivate =
            (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->isPrivate();
        return dataOf(isPrivate ? key : copyOf(*key, selection));
    });
}

// The private value can't be checked from outside; that the public part is sound can.
int validateKey(const void* keydata, int selection, int checkType) {
    const auto& key = *static_cast<const KeyData*>(keydata)->key;
    if (const auto* software = key.software())
        return software->validate(selection, checkType);
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
    return operationNameOf(Type, operation);
}

template <KeyType Type>
void* beginGeneration(void* provctx, int selection, const OSSL_PARAM params[]) {
    auto& context = ossl::Context::from(provctx);
    return ossl::passedOn<void*>(context.core(), nullptr, [&]() -> void* {
        auto generation = std::make_unique<Generation>(context, Type, selection);
        return generation->init(params) ? generation.release() : nullptr;
    });
}

Generation& generationOf(void* ctx) {
    return *static_cast<Generation*>(ctx);
}

int setTemplate(void* ctx, void* keydata) {
    return ossl::passedOn(generationOf(ctx).core(), 0,
                          [&] { return generationOf(ctx).setTemplate(*keyOf(keydata)); });
}

int setGenerationParams(void* ctx, const OSSL_PARAM params[]) {
    return ossl::passedOn(generationOf(ctx).core(), 0,
                          [&] { return generationOf(ctx).setParams(params); });
}

template <KeyType Type>
const OSSL_PARAM* settableGenerationParams(void* ctx, void* provctx) {
    auto& context = ossl::Context::from(provctx);
    return ossl::guarded<const OSSL_PARAM*>(context.core(), nullptr, [&] {
        if (ctx != nullptr)
            return generationOf(ctx).settable();
        return Generation(context, Type, OSSL_KEYMGMT_SELECT_KEYPAIR).settable();
    });
}

void* generate(void* ctx, OSSL_CALLBACK* progress, void* arg) {
    auto& generation = generationOf(ctx);
    if (generation.isForToken())
        return ossl::guarded<void*>(generation.core(), nullptr,
                                    [&] { return dataOf(generation.generateOnToken()); });
    return ossl::passedOn<void*>(generation.core(), nullptr, [&] {
        return dataOf(generation.generateInMemory(progress, arg));
    });
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
                                                          gettableKeyParams<Type>),
        ossl::entry<OSSL_FUNC_keymgmt_set_params_fn>(OSSL_FUNC_KEYMGMT_SET_PARAMS, setKeyParams),
        ossl::entry<OSSL_FUNC_keymgmt_settable_params_fn>(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS,
                                                          settableKeyParams<Type>),
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
