// SPDX-License-Identifier: Apache-2.0
// What the KEMs of RSA, EC, X25519 and X448 keys have in common (provider-kem(7)).
#pragma once

#include <memory>

#include "keymgmt/key.h"
#include "keymgmt/software_operation.h"
#include "ossl/operation_state.h"
#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/bytes.h"

namespace p11::kem {

using pkcs11::ByteView;
using pkcs11::MutableBytes;

/// One EVP_PKEY_encapsulate or EVP_PKEY_decapsulate with a key on a token. Used by one thread at a
/// time. Copies are independent. Functions throw UsageError, and pkcs11::Error for the token.
class KemContext {
  public:
    explicit KemContext(ossl::ProviderContext& provider) : provider_(provider) {}
    virtual ~KemContext() = default;
    KemContext& operator=(const KemContext&) = delete;
    virtual std::unique_ptr<KemContext> clone() const = 0;

    const ossl::Core& core() const { return provider_.core(); }
    /// With a key in memory, the whole operation is there.
    keymgmt::SoftwareSide& software() { return software_; }

    /// The recipient's key, and the sender's if it authenticates the message, else null. A null
    /// `key` keeps the present keys.
    void beginEncapsulation(const std::shared_ptr<keymgmt::Key>& key,
                            const std::shared_ptr<keymgmt::Key>& sender, const OSSL_PARAM* params);
    void beginDecapsulation(const std::shared_ptr<keymgmt::Key>& key,
                            const std::shared_ptr<keymgmt::Key>& sender, const OSSL_PARAM* params);

    /// Null buffers query the sizes; otherwise `*size` and `*secretSize` are the sizes of the
    /// buffers.
    void encapsulate(unsigned char* out, std::size_t* size, unsigned char* secret,
                     std::size_t* secretSize) const;
    /// A null `secret` queries the size; otherwise `*secretSize` is the size of the buffer.
    void decapsulate(unsigned char* secret, std::size_t* secretSize, ByteView ciphertext) const;

    virtual void setParams(const OSSL_PARAM* params);
    virtual const OSSL_PARAM* settable() const = 0;

  protected:
    KemContext(const KemContext&) = default;

    /// The only value of OSSL_KEM_PARAM_OPERATION.
    virtual const char* operation() const = 0;
    /// Throws if there is no such KEM with these keys.
    virtual void requireUsable() const = 0;
    virtual std::size_t secretSize() const = 0;
    virtual std::size_t ciphertextSize() const = 0;
    /// Fills `secret`. Both have the right sizes. In a job of OpenSSL, a worker does it.
    virtual void decapsulateNow(ByteView ciphertext, MutableBytes secret) const = 0;
    /// By default with the public half, in the host.
    virtual void encapsulateNow(unsigned char* out, std::size_t* size, unsigned char* secret,
                                std::size_t* secretSize) const;

    ossl::ProviderContext& provider() const { return provider_; }
    const std::shared_ptr<keymgmt::Key>& key() const { return key_; }
    /// Null if nobody authenticates the message.
    const std::shared_ptr<keymgmt::Key>& sender() const { return sender_; }
    /// The input key material of an ephemeral key (OSSL_KEM_PARAM_IKME); empty for a random key.
    ByteView keyMaterial() const { return keyMaterial_ ? keyMaterial_->view() : ByteView(); }

  private:
    void begin(const std::shared_ptr<keymgmt::Key>& key,
               const std::shared_ptr<keymgmt::Key>& sender, const OSSL_PARAM* params);

    ossl::ProviderContext& provider_;
    keymgmt::SoftwareSide software_;
    ossl::OperationState state_;
    std::shared_ptr<keymgmt::Key> key_, sender_;
    std::shared_ptr<const ossl::SecretBytes> keyMaterial_;
};

} // namespace p11::kem
