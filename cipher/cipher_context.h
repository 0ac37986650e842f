// SPDX-License-Identifier: Apache-2.0
// What an EVP_CIPHER_CTX of this provider holds.
#pragma once

#include <memory>
#include <optional>

#include "cipher/operation.h"
#include "cipher/software.h"
#include "ossl/operation_state.h"

namespace p11::cipher {

/// Encrypts and decrypts with a key on a token. If the key is given as bytes, another provider does
/// it. Used by one thread at a time. Copies are independent. Functions throw UsageError and
/// pkcs11::Error.
class CipherContext {
  public:
    CipherContext(ossl::ProviderContext& provider, const Algorithm& algorithm)
        : provider_(provider), algorithm_(algorithm), ivSize_(algorithm.ivSize()),
          padding_(algorithm.pads) {}
    CipherContext(const CipherContext& other);
    CipherContext& operator=(const CipherContext&) = delete;
    ~CipherContext() = default;

    const ossl::Core& core() const { return provider_.core(); }

    /// Starts with a key given as bytes. A null `key` and a null `iv` keep the previous ones.
    void begin(bool encrypts, const unsigned char* key, const unsigned char* iv, std::size_t ivSize,
               const OSSL_PARAM* params);
    /// Starts with a key that EVP_SKEY holds. A null key keeps the previous one.
    void begin(bool encrypts, std::shared_ptr<skeymgmt::SecretKey> key, const unsigned char* iv,
               std::size_t ivSize, const OSSL_PARAM* params);

    /// `out` is null for additional authenticated data, and to ask for the size of a wrapped key.
    /// Returns the size of the output.
    std::size_t update(const unsigned char* in, std::size_t size, unsigned char* out,
                       std::size_t room);
    std::size_t finish(unsigned char* out, std::size_t room);
    /// EVP_Cipher(): no padding. A null `in` ends the operation.
    std::size_t whole(const unsigned char* in, std::size_t size, unsigned char* out,
                      std::size_t room);

    void setParams(const OSSL_PARAM* params);
    void getParams(OSSL_PARAM* params) const;

  private:
    Software& software();
    Operation& operation();
    std::size_t wrapped(ByteView in, unsigned char* out);
    void setSizes(const OSSL_PARAM* params);
    void setTag(const OSSL_PARAM* params);
    void beginOnToken(bool encrypts, const unsigned char* iv, std::size_t ivSize,
                      const OSSL_PARAM* params);

    ossl::ProviderContext& provider_;
    const Algorithm& algorithm_;
    std::unique_ptr<Software> software_;
    std::shared_ptr<skeymgmt::SecretKey> key_; ///< on a token; null if software_ works
    std::unique_ptr<Operation> operation_;     ///< null while an IV is missing
    ossl::OperationState state_;               ///< of operation_
    std::size_t ivSize_;
    pkcs11::Bytes iv_; ///< as given
    bool padding_;
};

} // namespace p11::cipher
