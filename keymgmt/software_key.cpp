// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/software_key.h"

#include <string>

#include "keymgmt/public_key.h"
#include "ossl/error_mark.h"

namespace p11::keymgmt {
namespace {

struct Import {
    SoftwareKey& key;
    int selection;
};

int importInto(const OSSL_PARAM* params, void* arg) {
    const auto& import = *static_cast<Import*>(arg);
    return import.key.import(import.selection, params);
}

struct Making {
    const ossl::ProviderContext& context;
    KeyType type;
    int selection;
    ossl::Pkey made;
};

int makeFrom(const OSSL_PARAM* params, void* arg) {
    auto& making = *static_cast<Making*>(arg);
    making.made = keyFromParams(making.context, making.type, making.selection,
                                const_cast<OSSL_PARAM*>(params)); // a C interface that only reads
    return making.made != nullptr ? 1 : 0;
}

} // namespace

OtherKeymgmt::OtherKeymgmt(const ossl::ProviderContext& context, KeyType type)
    : context_(context), type_(type),
      owner_(EVP_KEYMGMT_fetch(context.libctx(), nameOf(type), context.softwareQuery())) {
    if (owner_)
        functions_ = ossl::Implementation(provider(), OSSL_OP_KEYMGMT, nameOf(type));
    if (!functions_)
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("no other provider has keys of type ") + nameOf(type));
}

OtherKeymgmt::OtherKeymgmt(const OtherKeymgmt& other)
    : context_(other.context_), type_(other.type_), owner_(other.owner_.get()),
      functions_(other.functions_) {
    EVP_KEYMGMT_up_ref(owner_.get());
}

const OSSL_PROVIDER* OtherKeymgmt::provider() const {
    return EVP_KEYMGMT_get0_provider(owner_.get());
}

SoftwareKey::SoftwareKey(const ossl::ProviderContext& context, KeyType type)
    : keymgmt_(context, type) {
    const auto& functions = keymgmt_.functions();
    auto* make = functions.function<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW);
    keydata_ = make != nullptr ? make(functions.provctx()) : nullptr;
    if (keydata_ == nullptr)
        throw ossl::UsageError(ossl::Reason::internal, "the other provider made no key");
}

SoftwareKey::SoftwareKey(const OtherKeymgmt& keymgmt, void* keydata)
    : keymgmt_(keymgmt), keydata_(keydata) {}

SoftwareKey::~SoftwareKey() {
    keymgmt_.functions().function<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE)(keydata_);
}

int SoftwareKey::has(int selection) const {
    return keymgmt_.functions().function<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS)(
        keydata_, selection);
}

bool SoftwareKey::isOfSameProvider(const SoftwareKey& other) const {
    return keymgmt_.provider() == other.keymgmt_.provider();
}

int SoftwareKey::match(const SoftwareKey& other, int selection) const {
    auto* match =
        keymgmt_.functions().function<OSSL_FUNC_keymgmt_match_fn>(OSSL_FUNC_KEYMGMT_MATCH);
    return match != nullptr ? match(keydata_, other.keydata_, selection) : 0;
}

int SoftwareKey::validate(int selection, int checkType) const {
    auto* validate =
        keymgmt_.functions().function<OSSL_FUNC_keymgmt_validate_fn>(OSSL_FUNC_KEYMGMT_VALIDATE);
    return validate != nullptr ? validate(keydata_, selection, checkType) : 1;
}

int SoftwareKey::import(int selection, const OSSL_PARAM* params) {
    publicCopy_.replace(nullptr);
    auto* import =
        keymgmt_.functions().function<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT);
    return import != nullptr ? import(keydata_, selection, params) : 0;
}

int SoftwareKey::exportTo(int selection, OSSL_CALLBACK* callback, void* arg) const {
    auto* exporter =
        keymgmt_.functions().function<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT);
    return exporter != nullptr ? exporter(keydata_, selection, callback, arg) : 0;
}

int SoftwareKey::getParams(OSSL_PARAM* params) const {
    auto* get = keymgmt_.functions().function<OSSL_FUNC_keymgmt_get_params_fn>(
        OSSL_FUNC_KEYMGMT_GET_PARAMS);
    return get != nullptr ? get(keydata_, params) : 1;
}

int SoftwareKey::setParams(const OSSL_PARAM* params) {
    publicCopy_.replace(nullptr);
    auto* set = keymgmt_.functions().function<OSSL_FUNC_keymgmt_set_params_fn>(
        OSSL_FUNC_KEYMGMT_SET_PARAMS);
    return set != nullptr ? set(keydata_, params) : 1;
}

std::unique_ptr<SoftwareKey> SoftwareKey::duplicate(int selection) const {
    auto* dup = keymgmt_.functions().function<OSSL_FUNC_keymgmt_dup_fn>(OSSL_FUNC_KEYMGMT_DUP);
    void* copy = dup != nullptr ? dup(keydata_, selection) : nullptr;
    return copy != nullptr ? std::make_unique<SoftwareKey>(keymgmt_, copy) : nullptr;
}

bool SoftwareKey::importFrom(EVP_PKEY* key, int selection) {
    Import import{*this, selection};
    return EVP_PKEY_export(key, selection, importInto, &import) == 1;
}

ossl::Pkey SoftwareKey::copy(int selection) const {
    Making making{keymgmt_.context(), keymgmt_.type(), selection, nullptr};
    return exportTo(selection, makeFrom, &making) == 1 ? std::move(making.made) : nullptr;
}

ossl::Pkey SoftwareKey::toPkey() const {
    if (has(OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 1)
        return copy(EVP_PKEY_KEYPAIR);
    return copy(has(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1 ? EVP_PKEY_PUBLIC_KEY
                                                         : EVP_PKEY_KEY_PARAMETERS);
}

EVP_PKEY* SoftwareKey::publicCopy() const {
    if (auto* key = publicCopy_.get())
        return key;
    const ossl::ErrorMark mark;
    auto made = copy(has(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1 ? EVP_PKEY_PUBLIC_KEY
                                                              : EVP_PKEY_KEY_PARAMETERS);
    return made ? publicCopy_.publish(std::move(made)) : nullptr;
}

} // namespace p11::keymgmt
