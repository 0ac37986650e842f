// SPDX-License-Identifier: Apache-2.0
#include "kem/ml_kem.h"

#include <algorithm>
#include <string>

#include "keymgmt/key_family.h"
#include "keymgmt/ml_kem.h"
#include "keymgmt/replicas.h"
#include "ossl/job.h"
#include "ossl/secret.h"
#include "pkcs11/derivation.h"

namespace p11::kem {

using keymgmt::mlKemSecretSize;

void MlKem::setKey(const std::shared_ptr<keymgmt::Key>& key) {
    if (key)
        key_ = key;
    if (!key_ || keymgmt::familyOf(key_->type()).encapsulating != keymgmt::Encapsulating::mlKem)
        throw ossl::UsageError(ossl::Reason::key, "no ML-KEM key is set");
}

void MlKem::beginEncapsulation(const std::shared_ptr<keymgmt::Key>& key) {
    state_.begin([&] {
        setKey(key);
        key_->requireUnambiguous();
    });
}

void MlKem::beginDecapsulation(const std::shared_ptr<keymgmt::Key>& key) {
    state_.begin([&] {
        setKey(key);
        key_->privateObject(); // throws for public keys and ambiguous ones
    });
}

ossl::PkeyCtx MlKem::publicContext() const {
    return ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(provider_.libctx(), key_->requirePublicKey(),
                                                    ossl::ProviderContext::propq()));
}

void MlKem::encapsulate(unsigned char* out, std::size_t* size, unsigned char* secret,
                        std::size_t* secretSize) const {
    state_.once([&] {
        const auto context = publicContext();
        if (!context || EVP_PKEY_encapsulate_init(context.get(), nullptr) != 1 ||
            EVP_PKEY_encapsulate(context.get(), out, size, secret, secretSize) != 1)
            throw ossl::UsageError(ossl::Reason::data, "encapsulation in software failed");
    });
}

void MlKem::decapsulate(unsigned char* secret, std::size_t* secretSize, ByteView ciphertext) const {
    state_.once([&] { decapsulateWithKey(secret, secretSize, ciphertext); });
}

// Returns the size of `secret`.
std::size_t MlKem::decapsulateNow(const keymgmt::Key& key, ByteView ciphertext,
                                  pkcs11::MutableBytes secret) {
    ossl::SecretBytes shared(mlKemSecretSize);
    if (pkcs11::decapsulate(key.privateObject(), ciphertext, shared.all()) != shared.size())
        throw ossl::UsageError(ossl::Reason::data,
                               "the token returned a secret that is not 32 bytes");
    std::ranges::copy(shared, secret.begin());
    return shared.size();
}

void MlKem::decapsulateWithKey(unsigned char* secret, std::size_t* secretSize,
                               ByteView ciphertext) const {
    if (secret == nullptr) {
        *secretSize = mlKemSecretSize;
        return;
    }
    if (*secretSize < mlKemSecretSize)
        throw ossl::UsageError(ossl::Reason::data, "the buffer is too small for the secret");
    const auto expected = static_cast<std::size_t>(keymgmt::rowOf(key_->type()).sizes.largest);
    if (ciphertext.size() != expected)
        throw ossl::UsageError(ossl::Reason::data,
                               "the ciphertext has " + std::to_string(ciphertext.size()) +
                                   " bytes, and one of " + keymgmt::nameOf(key_->type()) + " has " +
                                   std::to_string(expected));
    *secretSize = keymgmt::withReplica(key_, [&](const std::shared_ptr<keymgmt::Key>& replica) {
        return ossl::runWithToken(provider_, replica->privateObject().token(), *this, ciphertext,
                                  {secret, std::size_t{mlKemSecretSize}},
                                  [choice = keymgmt::ReplicaChoice(key_, replica)](
                                      const MlKem& kem, ByteView data, pkcs11::MutableBytes out) {
                                      const keymgmt::ReplicaInPlace place(kem.key_, choice);
                                      return decapsulateNow(*kem.key_, data, out);
                                  });
    });
}

} // namespace p11::kem
