// SPDX-License-Identifier: Apache-2.0
// RSA decryption with a key on a token, and encryption with its public half
// (EVP_ASYM_CIPHER-RSA(7)).
#pragma once

#include <memory>

#include "asym_cipher/rsa_decoding.h"
#include "keymgmt/key.h"
#include "keymgmt/software_operation.h"
#include "ossl/operation_state.h"
#include "pkcs11/bytes.h"
#include "pkcs11/operation.h"

namespace p11::asym_cipher {

enum class CipherPadding { pkcs1, oaep, none, tls };

/// One EVP encryption or decryption context; used by one thread at a time. Holds no session. Copies
/// are independent.
class RsaCipher {
  public:
    explicit RsaCipher(ossl::ProviderContext& provider) : provider_(provider) {}

    const ossl::Core& core() const { return provider_.core(); }
    /// With a key in memory, the whole operation is there.
    keymgmt::SoftwareSide& software() { return software_; }
    /// begin() and the steps after it go through this state.
    ossl::OperationState& state() { return state_; }

    /// A null `key` keeps the present one. Throws.
    void begin(const std::shared_ptr<keymgmt::Key>& key, bool decrypting, const OSSL_PARAM* params);

    /// The size of the buffer that decrypt() and encrypt() need.
    std::size_t maxSize() const;
    /// Throws. Everything that depends on the plaintext gives one and the same message.
    std::size_t decrypt(ByteView ciphertext, MutableBytes out);
    /// The same, in a worker if the caller is a job of OpenSSL.
    std::size_t decryptForJob(ByteView ciphertext, MutableBytes out);
    std::size_t encrypt(ByteView plaintext, MutableBytes out);

    void setParams(const OSSL_PARAM* params);
    void getParams(OSSL_PARAM* params) const;
    static const OSSL_PARAM* settable();
    static const OSSL_PARAM* gettable();

  private:
    std::size_t decryptPkcs1(ByteView ciphertext, MutableBytes out);
    std::size_t decryptTls(ByteView ciphertext, MutableBytes out);
    std::size_t decryptOaep(ByteView ciphertext, MutableBytes out);
    std::optional<std::size_t> decryptOaepOnToken(ByteView ciphertext, MutableBytes out);
    std::size_t decryptNone(ByteView ciphertext, MutableBytes out);
    ossl::PkeyCtx softwareContext() const;
    bool configure(EVP_PKEY_CTX* context);
    SecretBytes rawDecrypt(ByteView ciphertext);
    std::optional<SecretBytes> rawDecryptIfTaken(ByteView ciphertext);
    Unpadded unpad(ByteView ciphertext);
    ByteView rejectionSecret();
    void requireDevice(const pkcs11::DecryptAnswer& answer) const;
    bool takesRaw() const;
    EVP_MD* oaepDigest();
    EVP_MD* mgf1() { return mgf1_ ? mgf1_.get() : oaepDigest(); }
    ossl::SharedMd fetch(const std::string& name) const;
    void setPadding(const OSSL_PARAM* params);
    void setLabel(const OSSL_PARAM* params);

    ossl::ProviderContext& provider_;
    keymgmt::SoftwareSide software_;
    ossl::OperationState state_;
    std::shared_ptr<keymgmt::Key> key_;
    CipherPadding padding_ = CipherPadding::pkcs1;
    ossl::SharedMd digest_; ///< null means SHA-1, OAEP's default
    ossl::SharedMd mgf1_;
    pkcs11::Bytes label_;
    unsigned clientVersion_ = 0;
    unsigned negotiatedVersion_ = 0;
    bool rejectsImplicitly_ = true;
};

} // namespace p11::asym_cipher
