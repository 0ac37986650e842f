// SPDX-License-Identifier: Apache-2.0
// The same cipher of another provider, for keys that are given as bytes. EVP takes the first cipher
// with a name. If that is this provider's, programs, libssl and the token's own module must not
// notice.
#pragma once

#include "cipher/operation.h"
#include "ossl/handles.h"

namespace p11::cipher {

/// An EVP_CIPHER_CTX of another provider's cipher. Functions throw UsageError.
class Software {
  public:
    Software(const ossl::ProviderContext& provider, const char* name);
    Software(const Software& other);
    Software& operator=(const Software&) = delete;
    ~Software() = default;

    /// Null pointers keep the previous values.
    void init(bool encrypts, const unsigned char* key, const unsigned char* iv, std::size_t ivSize,
              const OSSL_PARAM* params);
    std::size_t update(const unsigned char* in, std::size_t size, unsigned char* out);
    std::size_t finish(unsigned char* out);
    /// EVP_Cipher(): no padding.
    std::size_t whole(const unsigned char* in, std::size_t size, unsigned char* out);
    void set(const OSSL_PARAM* params);
    void get(OSSL_PARAM* params) const;

  private:
    using Cipher = ossl::Owner<EVP_CIPHER, EVP_CIPHER_free>;
    using Context = ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
    Cipher cipher_; ///< null in copies, whose context holds it
    Context context_;
};

} // namespace p11::cipher
