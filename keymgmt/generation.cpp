// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/generation.h"

#include <array>

#include <openssl/core_names.h>

#include "keymgmt/key_family.h"
#include "keymgmt/new_pair.h"
#include "keymgmt/parameter_list.h"
#include "ossl/dispatch.h"
#include "ossl/params.h"

namespace p11::keymgmt {
Generation::Generation(ossl::ProviderContext& context, KeyType type, int selection)
    : context_(context), type_(type), selection_(selection), keymgmt_(context, type) {}

Generation::~Generation() {
    auto* cleanup = function<OSSL_FUNC_keymgmt_gen_cleanup_fn>(OSSL_FUNC_KEYMGMT_GEN_CLEANUP);
    if (generator_ != nullptr && cleanup != nullptr)
        cleanup(generator_);
}

bool Generation::init(const OSSL_PARAM* params) {
    storage_.set(params);
    auto* begin = function<OSSL_FUNC_keymgmt_gen_init_fn>(OSSL_FUNC_KEYMGMT_GEN_INIT);
    generator_ =
        begin != nullptr ? begin(keymgmt_.functions().provctx(), selection_, params) : nullptr;
    if (generator_ != nullptr)
        note(params);
    return generator_ != nullptr;
}

int Generation::setParams(const OSSL_PARAM* params) {
    storage_.set(params);
    auto* set = function<OSSL_FUNC_keymgmt_gen_set_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS);
    const ossl::Reasons reasons;
    const int answer = set != nullptr ? set(generator_, params) : 0;
    if (answer == 1)
        note(params);
    else if (isForToken())
        throw ossl::UsageError(ossl::Reason::parameter,
                               reasons.last("a parameter for the new key is refused"));
    return answer;
}

// The generator has found them good.
void Generation::note(const OSSL_PARAM* params) {
    const auto* pairs = familyOf(type_).pairs;
    if (params != nullptr && pairs != nullptr && pairs->note != nullptr)
        pairs->note(type_, params, wanted_);
}

const OSSL_PARAM* Generation::settable() const {
    auto* list =
        function<OSSL_FUNC_keymgmt_gen_settable_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS);
    return withOurs(list != nullptr ? list(generator_, keymgmt_.functions().provctx()) : nullptr,
                    StorageParameters::parameters());
}

void Generation::noteGroup(const Key& key) {
    std::array<char, 128> group{};
    std::size_t size = 0;
    const ossl::ErrorMark mark;
    if (familyOf(type_).hasGroup && key.partialKey() != nullptr &&
        EVP_PKEY_get_group_name(key.partialKey(), group.data(), group.size(), &size) == 1)
        wanted_.group.assign(group.data(), size);
}

int Generation::setTemplate(const Key& key) {
    noteGroup(key);
    auto* set = function<OSSL_FUNC_keymgmt_gen_set_template_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE);
    if (set == nullptr)
        return 1; // EVP passes it over, too
    template_ = std::make_unique<SoftwareKey>(context_, type_);
    if (key.software() != nullptr && key.software()->isOfSameProvider(*template_))
        return set(generator_, key.software()->keydata());
    if (key.partialKey() == nullptr)
        return 0;
    return template_->importFrom(key.partialKey(), EVP_PKEY_KEY_PARAMETERS)
               ? set(generator_, template_->keydata())
               : 0;
}

std::shared_ptr<Key> Generation::generateOnToken(OSSL_CALLBACK* progress, void* arg) {
    if ((selection_ & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "tokens make key pairs, but not parameters");
    Progress told(context_, progress, arg);
    return generatePair(context_, type_, storage_, wanted_, told);
}

std::shared_ptr<Key> Generation::generateInMemory(OSSL_CALLBACK* progress, void* arg) {
    auto* generate = function<OSSL_FUNC_keymgmt_gen_fn>(OSSL_FUNC_KEYMGMT_GEN);
    void* made = generate != nullptr ? generate(generator_, progress, arg) : nullptr;
    if (made == nullptr)
        return nullptr;
    return std::make_shared<Key>(context_, type_, std::make_unique<SoftwareKey>(keymgmt_, made));
}

} // namespace p11::keymgmt
