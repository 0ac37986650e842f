#include "keymgmt/generation.h"

#include <array>
#include <deque>
#include <map>
#include <mutex>

#include <openssl/core_names.h>

#include "keymgmt/new_pair.h"
#include "ossl/params.h"
#include "pkcs11/process.h"

namespace keymgmt {
namespace {

/// A list of parameters that owns their names: the provider that has them may be unloaded.
class ParameterList {
  public:
    void add(const OSSL_PARAM& parameter) {
        names_.emplace_back(parameter.key);
        list_.push_back(parameter);
        list_.back().key = names_.back().c_str();
    }
    const OSSL_PARAM* end() {
        list_.push_back(OSSL_PARAM_construct_end());
        return list_.data();
    }
    bool ended() const { return !list_.empty() && list_.back().key == nullptr; }
    const OSSL_PARAM* data() const { return list_.data(); }

  private:
    std::deque<std::string> names_;
    std::vector<OSSL_PARAM> list_;
};

// Never destroyed, as EVP may use them until the end. Guarded by pkcs11::process::stateMutex().
auto& lists = *new std::map<const OSSL_PARAM*, ParameterList>;

// Lists have no end of life that anybody could see, so one for each of another provider's is kept.
const OSSL_PARAM* withOurs(const OSSL_PARAM* theirs) {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    auto& list = lists[theirs];
    if (list.ended())
        return list.data();
    for (const auto* next = theirs; next != nullptr && next->key != nullptr; ++next)
        list.add(*next);
    for (const auto& parameter : Placement::parameters())
        list.add(parameter);
    return list.end();
}

pkcs11::Bytes bigEndian(const OSSL_PARAM* param) {
    BIGNUM* value = nullptr;
    if (OSSL_PARAM_get_BN(param, &value) != 1)
        throw ossl::UsageError(ossl::Reason::parameter, "the public exponent is not a number");
    const ossl::Bignum owner(value);
    pkcs11::Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
    BN_bn2bin(value, bytes.data());
    return bytes;
}

} // namespace

Generation::Generation(ossl::Context& context, KeyType type, int selection)
    : context_(context), type_(type), pair_((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0),
      generator_(
          EVP_PKEY_CTX_new_from_name(context.libctx(), nameOf(type), ossl::Context::propq())) {
    if (!begin())
        throw ossl::UsageError(ossl::Reason::unsupported, std::string("no other provider makes ") +
                                                              (pair_ ? "keys" : "parameters") +
                                                              " of type " + nameOf(type));
}

bool Generation::begin() {
    return generator_ && (pair_ ? EVP_PKEY_keygen_init(generator_.get())
                                : EVP_PKEY_paramgen_init(generator_.get())) == 1;
}

void Generation::set(const OSSL_PARAM* params) {
    placement_.set(params);
    const ossl::Reasons reasons;
    if (params != nullptr && EVP_PKEY_CTX_set_params(generator_.get(), params) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               reasons.last("a parameter for the new key is refused"));
    note(params);
}

// The generator has found them good.
void Generation::note(const OSSL_PARAM* params) {
    if (params == nullptr)
        return;
    if (isRsa(type_)) {
        wanted_.bits = ossl::sizeOf(params, OSSL_PKEY_PARAM_RSA_BITS).value_or(wanted_.bits);
        wanted_.primes = ossl::sizeOf(params, OSSL_PKEY_PARAM_RSA_PRIMES).value_or(wanted_.primes);
        if (const auto* exponent = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E))
            wanted_.exponent = bigEndian(exponent);
        for (const char* name : {OSSL_PKEY_PARAM_RSA_DIGEST, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
                                 OSSL_PKEY_PARAM_RSA_PSS_SALTLEN})
            if (type_ == KeyType::rsaPss && OSSL_PARAM_locate_const(params, name) != nullptr)
                wanted_.restriction = name;
    } else if (type_ == KeyType::ec) {
        wanted_.group = ossl::textOf(params, OSSL_PKEY_PARAM_GROUP_NAME).value_or(wanted_.group);
    }
}

const OSSL_PARAM* Generation::settable() const {
    return withOurs(EVP_PKEY_CTX_settable_params(generator_.get()));
}

bool Generation::useTemplate(const Key& key) {
    auto* source = key.shape();
    if (source == nullptr)
        return false;
    generator_.reset(EVP_PKEY_CTX_new_from_pkey(context_.libctx(), source, ossl::Context::propq()));
    std::array<char, 128> group{};
    std::size_t size = 0;
    if (type_ == KeyType::ec &&
        EVP_PKEY_get_group_name(source, group.data(), group.size(), &size) == 1)
        wanted_.group.assign(group.data(), size);
    return begin();
}

std::shared_ptr<Key> Generation::run() {
    if (!placement_.given())
        return runInMemory();
    if (!pair_)
        throw ossl::UsageError(ossl::Reason::parameter,
                               "parameters are not made on tokens; key pairs are");
    return generatePair(context_, type_, placement_, wanted_);
}

std::shared_ptr<Key> Generation::runInMemory() {
    EVP_PKEY* made = nullptr;
    const ossl::Reasons reasons;
    if (EVP_PKEY_generate(generator_.get(), &made) != 1)
        throw ossl::UsageError(ossl::Reason::parameter,
                               reasons.last("the key could not be generated"));
    auto key = std::make_shared<Key>(context_, type_);
    if (pair_)
        key->setSoftwarePair(ossl::Pkey(made));
    else
        key->setPublicKey(ossl::Pkey(made));
    return key;
}

} // namespace keymgmt
