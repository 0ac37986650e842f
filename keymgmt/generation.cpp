#include "keymgmt/generation.h"

namespace keymgmt {

Generation::Generation(ossl::Context& context, KeyType type, int selection)
    : context_(context), type_(type), pair_((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0),
      generator_(
          EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type), ossl::Context::propq())) {
    if (!begin())
        throw ossl::UsageError(ossl::Reason::unsupported,
                               std::string("no other provider makes keys of type ") + nameOf(type));
}

bool Generation::begin() {
    return generator_ && (pair_ ? EVP_PKEY_keygen_init(generator_.get())
                                : EVP_PKEY_paramgen_init(generator_.get())) == 1;
}

bool Generation::set(const OSSL_PARAM* params) {
    return params == nullptr || EVP_PKEY_CTX_set_params(generator_.get(), params) == 1;
}

const OSSL_PARAM* Generation::settable() const {
    return EVP_PKEY_CTX_settable_params(generator_.get());
}

bool Generation::useTemplate(const Key& key) {
    auto* source = key.shape();
    if (source == nullptr)
        return false;
    generator_.reset(EVP_PKEY_CTX_new_from_pkey(context_.libctx(), source, ossl::Context::propq()));
    return begin();
}

std::shared_ptr<Key> Generation::run() {
    EVP_PKEY* made = nullptr;
    if (EVP_PKEY_generate(generator_.get(), &made) != 1)
        throw ossl::UsageError(ossl::Reason::parameter, "the key could not be generated");
    auto key = std::make_shared<Key>(context_, type_);
    if (pair_)
        key->setSoftwarePair(ossl::Pkey(made));
    else
        key->setPublicKey(ossl::Pkey(made));
    return key;
}

} // namespace keymgmt
