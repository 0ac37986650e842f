// SPDX-License-Identifier: Apache-2.0
// ML-KEM (FIPS 203; OpenSSL's EVP_KEM-ML-KEM(7)).
#pragma once

#include <memory>
#include <span>

#include "keymgmt/key.h"
#include "keymgmt/software_operation.h"
#include "ossl/operation_state.h"
#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"

namespace p11::kem {

using pkcs11::ByteView;

/// One EVP_PKEY_encapsulate or EVP_PKEY_decapsulate. Used by one thread at a time.
class MlKem {
  public:
    explicit MlKem(ossl::ProviderContext& provider) : provider_(provider) {}

    const ossl::Core& core() const { return provider_.core(); }
    /// With a key in memory, the whole operation is there.
    keymgmt::SoftwareSide& software() { return software_; }

    /// A null `key` keeps the present one. Both throw UsageError.
    void beginEncapsulation(const std::shared_ptr<keymgmt::Key>& key);
    void beginDecapsulation(const std::shared_ptr<keymgmt::Key>& key);

    /// Encapsulates with the public half, in the host. Null buffers query the sizes; otherwise
    /// `*size` and `*secretSize` are the sizes of the buffers. Throws.
    void encapsulate(unsigned char* out, std::size_t* size, unsigned char* secret,
                     std::size_t* secretSize) const;
    /// Decapsulates with the private key on the token. A null `secret` queries the size. Throws.
    void decapsulate(unsigned char* secret, std::size_t* secretSize, ByteView ciphertext) const;

  private:
    void setKey(const std::shared_ptr<keymgmt::Key>& key);
    void decapsulateWithKey(unsigned char* secret, std::size_t* secretSize,
                            ByteView ciphertext) const;
    static std::size_t decapsulateNow(const keymgmt::Key& key, ByteView ciphertext,
                                      pkcs11::MutableBytes secret);
    ossl::PkeyCtx publicContext() const;

    ossl::ProviderContext& provider_;
    keymgmt::SoftwareSide software_;
    ossl::OperationState state_;
    mutable std::shared_ptr<keymgmt::Key> key_; ///< a replica takes its place during its work
};

} // namespace p11::kem
