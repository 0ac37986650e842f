// SPDX-License-Identifier: Apache-2.0
// What an EVP_CIPHER_CTX of this provider holds.
#pragma once

#include <memory>
#include <optional>

#include "cipher/operation.h"
#include "cipher/software.h"
#include "ossl/operation_state.h"

namespace cipher {

/// Encrypts and decrypts with a key on a token, or, given bytes for a key, has another provider do
/// it. Used by one thread at a time; copies are independent. Functions throw UsageError and
/// pkcs11::Error.
class Context {
  public:
    Context(ossl::Context& provider, const Algorithm& algorithm)
        : provider_(provider), algorithm_(algorithm), ivSize_(algorithm.ivSize()) {}
    Context(const Context& other);
    Context& operator=(const Context&) = delete;
    ~Context() = default;

    const ossl::Core& core() const { return provider_.core(); }

    /// Begins with bytes; with a null `key` and a null `iv` those of before are kept.
    void begin(bool encrypts, const unsigned char* key, const unsigned char* iv, std::size_t ivSize,
               const OSSL_PARAM* params);
    /// Begins with a key that EVP_SKEY holds; a null one is that of before.
    void begin(bool encrypts, std::shared_ptr<skeymgmt::SecretKey> key, const unsigned char* iv,
               std::size_t ivSize, const OSSL_PARAM* params);

    /// `out` is null for data that is authenticated only. Returns the output's size.
    std::size_t update(const unsigned char* in, std::size_t size, unsigned char* out,
                       std::size_t room);
    std::size_t finish(unsigned char* out, std::size_t room);
    /// EVP_Cipher(): without padding; the end where `in` is null.
    std::size_t whole(const unsigned char* in, std::size_t size, unsigned char* out,
                      std::size_t room);

    void setParams(const OSSL_PARAM* params);
    void getParams(OSSL_PARAM* params) const;

  private:
    Software& software();
    Operation& operation();
    void setSizes(const OSSL_PARAM* params);
    void setTag(const OSSL_PARAM* params);
    void beginOnToken(bool encrypts, const unsigned char* iv, std::size_t ivSize,
                      const OSSL_PARAM* params);

    ossl::Context& provider_;
    const Algorithm& algorithm_;
    std::unique_ptr<Software> software_;
    std::shared_ptr<skeymgmt::SecretKey> key_; ///< on a token; null where software_ works
    std::unique_ptr<Operation> operation_;     ///< null as long as an IV is missing
    ossl::OperationState state_;               ///< of operation_
    std::size_t ivSize_;
    pkcs11::Bytes iv_; ///< as given
    bool padding_ = true;
};

} // namespace cipher
