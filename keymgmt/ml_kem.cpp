// SPDX-License-Identifier: Apache-2.0
// ML-KEM (FIPS 203; PKCS#11 3.2, section 6.68).
#include "keymgmt/ml_kem.h"

#include "keymgmt/parameter_list.h"
#include "keymgmt/parameter_set.h"
#include "ossl/error_mark.h"
#include "ossl/secret.h"
#include "pkcs11/derivation.h"

namespace p11::keymgmt {
namespace {

std::optional<KeyType> typeOfMlKem(const pkcs11::Attributes& attributes) {
    return typeOfParameterSet(attributes, mlKemFamily);
}

bool provesByDecapsulating(const FoundKey& key, EVP_PKEY* candidate) {
    const ossl::ErrorMark mark;
    const ossl::PkeyCtx software(EVP_PKEY_CTX_new_from_pkey(key.context.libctx(), candidate,
                                                            ossl::ProviderContext::propq()));
    pkcs11::Bytes ciphertext(static_cast<std::size_t>(rowOf(key.type).sizes.largest));
    ossl::SecretBytes expected(mlKemSecretSize);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = expected.size();
    if (!software || EVP_PKEY_encapsulate_init(software.get(), nullptr) != 1 ||
        EVP_PKEY_encapsulate(software.get(), ciphertext.data(), &size, expected.data(),
                             &secretSize) != 1)
        return false;
    ossl::SecretBytes secret(expected.size());
    pkcs11::decapsulateIn(key.session, key.handle, key.object, ciphertext, secret.all());
    return CRYPTO_memcmp(secret.data(), expected.data(), expected.size()) == 0;
}

} // namespace

constexpr KeyFamily mlKemFamily{
    .keyType = CKK_ML_KEM,
    .typeOf = typeOfMlKem,
    .publicAttributes = parameterSetPublicAttributes,
    .privateAttributes = parameterSetPrivateAttributes,
    .isInEveryVersion = false,
    .publicKeyOf = publicKeyOfParameterSet,
    .publicParameters = rawPublicParameters.data(),
    .pairParameters = seededPairParameters.data(),
    .encapsulating = Encapsulating::mlKem,
    .proves = provesByDecapsulating,
};

} // namespace p11::keymgmt
