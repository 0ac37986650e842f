// SPDX-License-Identifier: Apache-2.0
// The dispatch functions of EVP_KEYMGMT (provider-keymgmt(7)).
#include <array>
#include <utility>

#include "keymgmt/copying.h"
#include "keymgmt/generation.h"
#include "keymgmt/key_family.h"
#include "keymgmt/key_parameters.h"
#include "keymgmt/parameter_list.h"
#include "keymgmt/public_parts.h"
#include "keymgmt/reference.h"
#include "keymgmt/storing.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"

namespace p11::keymgmt {
namespace {

template <KeyType Type>
void* newKey(void* provctx) {
    auto& context = ossl::ProviderContext::from(provctx);
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
        const bool needsGroup = familyOf(key.type()).hasGroup &&
                                (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0;
        return needsGroup && key.partialKey() == nullptr && key.publicKey() == nullptr ? 0 : 1;
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
            if (!familyOf(a.type()).hasGroup)
                return 1;
            return a.partialKey() != nullptr && b.partialKey() != nullptr &&
                           EVP_PKEY_parameters_eq(a.partialKey(), b.partialKey()) == 1
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
        return (left == nullptr ? a.isPublicHalf(right) : b.isPublicHalf(left)) ? 1 : 0;
    });
}

// OpenSSL 3.0 asks without the provider's context, so the other provider can't be asked in turn.
template <KeyType Type>
const OSSL_PARAM* importExportTypes(int selection) {
    if ((selection & OSSL_KEYMGMT_SELECT_ALL) == 0)
        return nullptr;
    const bool isPair = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    return isPair ? familyOf(Type).pairParameters : familyOf(Type).publicParameters;
}

// What the other provider lists for its keys; null if no other provider has such keys.
template <KeyType Type>
const OSSL_PARAM* othersList(void* provctx, int id) {
    using List = const OSSL_PARAM*(void*);
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded<const OSSL_PARAM*>(context.core(), nullptr, [&]() -> const OSSL_PARAM* {
        const auto functions = OtherKeymgmt(context, Type).functions();
        auto* list = functions.function<List>(id);
        return list != nullptr ? list(functions.provctx()) : nullptr;
    });
}

int getKeyParams(void* keydata, OSSL_PARAM params[]) {
    const auto& key = *keyOf(keydata);
    if (const auto* software = key.software())
        return software->getParams(params);
    return ossl::guarded(key.context().core(), 0, [&] { return getParameters(key, params); });
}

int setKeyParams(void* keydata, const OSSL_PARAM params[]) {
    const auto& key = keyOf(keydata);
    if (key->software() != nullptr && !hasCertificate(params))
        return key->software()->setParams(params);
    return ossl::guarded(key->context().core(), 0, [&] { return setParameters(*key, params); });
}

template <KeyType Type>
const OSSL_PARAM* gettableKeyParams(void* provctx) {
    const auto* theirs = othersList<Type>(provctx, OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS);
    return theirs != nullptr ? theirs : gettableOnToken();
}

template <KeyType Type>
const OSSL_PARAM* settableKeyParams(void* provctx) {
    const auto* theirs = othersList<Type>(provctx, OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS);
    return ossl::guarded<const OSSL_PARAM*>(ossl::ProviderContext::from(provctx).core(), nullptr,
                                            [&] { return withOurs(theirs, settableOnToken()); });
}

// A private key on a token is never exported, and a selection that asks for one gets nothing at
// all: a public part given instead would make another provider sign with it. No error either: EVP
// asks at every operation.
int exportKey(void* keydata, int selection, OSSL_CALLBACK* callback, void* arg) {
    const auto& key = *keyOf(keydata);
    // EVP_PKEY_parameters_eq asks for this, and a type without parameters has equal ones.
    if (selection == OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS && !familyOf(key.type()).hasGroup) {
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

// All other keys are in memory, and the other provider's. EVP_PKEY_fromdata and the export to an
// operation of this provider can't be told from each other here.
int importKey(void* keydata, int selection, const OSSL_PARAM* params) {
    auto& key = static_cast<KeyData*>(keydata)->key;
    if (params != nullptr &&
        OSSL_PARAM_locate_const(params, StorageParameters::uriParameter) != nullptr)
        return ossl::guarded(key->context().core(), 0, [&] {
            key = storeOnToken(*key, selection, params);
            return 1;
        });
    return ossl::passedOn(key->context().core(), 0, [&] {
        return key->software() != nullptr ? key->software()->import(selection, params) : 0;
    });
}

KeyData* dataOf(std::shared_ptr<Key> key) {
    return key ? new KeyData{std::move(key)} : nullptr;
}

void* duplicateKey(const void* keydata, int selection) {
    const auto& key = static_cast<const KeyData*>(keydata)->key;
    if (key->software() != nullptr)
        return ossl::passedOn<void*>(key->context().core(), nullptr,
                                     [&] { return dataOf(copyInMemory(*key, selection)); });
    return ossl::guarded<void*>(key->context().core(), nullptr,
                                [&] { return dataOf(copyFromToken(key, selection)); });
}

// The private value can't be checked from outside; that the public part is sound can.
int validateKey(const void* keydata, int selection, int checkType) {
    const auto& key = *static_cast<const KeyData*>(keydata)->key;
    if (const auto* software = key.software())
        return software->validate(selection, checkType);
    return ossl::guarded(key.context().core(), 0, [&] {
        auto* subject = key.publicKey() != nullptr ? key.publicKey() : key.partialKey();
        if (subject == nullptr)
            return 1;
        const ossl::PkeyCtx checker(EVP_PKEY_CTX_new_from_pkey(key.context().libctx(), subject,
                                                               ossl::ProviderContext::propq()));
        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 && key.publicKey() != nullptr)
            return EVP_PKEY_public_check(checker.get()) == 1 ? 1 : 0;
        if (familyOf(key.type()).hasGroup &&
            (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0)
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
    auto& context = ossl::ProviderContext::from(provctx);
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
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded<const OSSL_PARAM*>(context.core(), nullptr, [&] {
        if (ctx != nullptr)
            return generationOf(ctx).settable();
        return Generation(context, Type, OSSL_KEYMGMT_SELECT_KEYPAIR).settable();
    });
}

void* generate(void* ctx, OSSL_CALLBACK* progress, void* arg) {
    auto& generation = generationOf(ctx);
    if (generation.isForToken())
        return ossl::guarded<void*>(generation.core(), nullptr, [&] {
            return dataOf(generation.generateOnToken(progress, arg));
        });
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

template <std::size_t... Rows>
auto makeAlgorithms(std::index_sequence<Rows...>) {
    return std::array{ossl::algorithm(keyTypes[Rows].names, functions<keyTypes[Rows].type>(),
                                      "keys on tokens")...,
                      ossl::endOfAlgorithms()};
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const auto list = makeAlgorithms(std::make_index_sequence<keyTypes.size()>());
    return list.data();
}

} // namespace p11::keymgmt
