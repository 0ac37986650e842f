// SPDX-License-Identifier: Apache-2.0
// The common part of the signature algorithms: keys, digests, streaming. The dispatch functions
// know only this class.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "keymgmt/key.h"
#include "keymgmt/software_operation.h"
#include "ossl/operation_state.h"
#include "ossl/provider_context.h"
#include "pkcs11/bytes.h"
#include "pkcs11/key_use.h"
#include "signature/message.h"

namespace p11::signature {

using pkcs11::ByteView;
using pkcs11::MutableBytes;

/// The state of one EVP signature operation. Used by one thread at a time. It holds no session and
/// no operation of the token: those exist only inside sign(). So contexts can be copied, freed and
/// restarted at no cost.
class SignatureContext {
  public:
    explicit SignatureContext(ossl::ProviderContext& provider) : provider_(provider) {}
    virtual ~SignatureContext() = default;
    SignatureContext& operator=(const SignatureContext&) = delete;

    const ossl::Core& core() const { return provider_.core(); }
    /// With a key in memory, the whole operation is there.
    keymgmt::SoftwareSide& software() { return software_; }
    /// The application's property query, for software operations.
    void setQuery(const char* query) { query_ = query != nullptr ? query : ""; }
    const char* query() const { return query_.empty() ? nullptr : query_.c_str(); }
    /// The algorithm's names if the key's type does not determine it; otherwise null.
    virtual const char* algorithm() const { return nullptr; }
    virtual std::unique_ptr<SignatureContext> clone() const = 0;

    /// Starts an operation on a given hash or data. A null `key` keeps the present one. Throws.
    void begin(const std::shared_ptr<keymgmt::Key>& key, bool signing, const OSSL_PARAM* params);
    /// Starts the recovery of a signature's data.
    void beginRecovery(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM* params);
    /// Starts an operation that hashes. A null `digest` means the key's default.
    void beginDigest(const std::shared_ptr<keymgmt::Key>& key, bool signing, const char* digest,
                     const OSSL_PARAM* params);

    /// The longest signature of the present key. Does not call the token.
    virtual std::size_t maxSize() const = 0;

    /// Signs a hash or a whole message, depending on how the operation was started. This function,
    /// update() and the final functions throw UsageError if `out` has no room for maxSize() bytes,
    /// or if OperationState does not allow the step.
    std::size_t signAtOnce(ByteView tbs, MutableBytes out);
    /// 1 if the signature is good. Otherwise OpenSSL's answer: 0, or -1 if it does not have the
    /// format of a signature.
    int verifyAtOnce(ByteView signature, ByteView tbs);
    /// `out` must have room for the result.
    std::size_t recoverAtOnce(ByteView signature, MutableBytes out);

    void update(ByteView data);
    std::size_t finishSign(MutableBytes out);
    int finishVerify(ByteView signature);
    /// The size that finishSign() needs. Throws as finishSign() does.
    std::size_t sizeAtFinish() const;

    virtual void setParams(const OSSL_PARAM* params);
    virtual void getParams(OSSL_PARAM* params) const;
    virtual const OSSL_PARAM* settable() const = 0;
    virtual const OSSL_PARAM* gettable() const = 0;

  protected:
    SignatureContext(const SignatureContext&) = default;

    /// Signs the data of the operation: the hash, or the whole message if the algorithm hashes by
    /// itself. `out` has room for maxSize() bytes.
    virtual std::size_t sign(ByteView tbs, MutableBytes out) = 0;
    virtual int verify(ByteView signature, ByteView tbs) = 0;
    virtual std::size_t recover(ByteView signature, MutableBytes out);

    /// Called when an operation has its key.
    virtual void keyChanged() {}
    /// Called before that if the key was given, and is not that of the last operation.
    virtual void keyGiven() {}
    /// True if the operation signs, and does not verify.
    bool signs() const { return signing_; }
    /// True if the operation recovers data.
    bool recovers() const { return recovers_; }
    /// The combined mechanism that signs the whole message if the token cannot sign a hash. Nothing
    /// if it can.
    virtual std::optional<CK_MECHANISM_TYPE> combinedMechanism() const { return std::nullopt; }
    /// Gives an EVP_PKEY_CTX of another provider the parameters of this context. Throws UsageError.
    virtual void configure(EVP_PKEY_CTX* context) const;
    /// Signs with the key on the token. Returns the size. Throws pkcs11::Error.
    std::size_t callToken(const CK_MECHANISM& mechanism, ByteView data, MutableBytes out) const;
    /// The same, and notes that the key takes the mechanism.
    std::size_t signAndNote(const CK_MECHANISM& mechanism, ByteView data, MutableBytes out) const;
    /// The same. The signature must fill `out`, because such a key gives
    /// that size. Throws pkcs11::Error.
    std::size_t signOnToken(const CK_MECHANISM& mechanism, ByteView data, MutableBytes out) const;
    /// The digest's hash of `message`.
    pkcs11::Bytes hashOf(ByteView message) const;
    /// Verifies with the public half.
    int verifyInSoftware(ByteView signature, ByteView tbs) const;
    virtual std::size_t signMessage(CK_MECHANISM_TYPE mechanism, ByteView message,
                                    MutableBytes out);
    /// DER AlgorithmIdentifier of the signature (X.509); empty if it has none.
    virtual pkcs11::Bytes algorithmId() const { return {}; }

    ossl::ProviderContext& provider() const { return provider_; }
    const keymgmt::Key& key() const { return *key_; }
    EVP_MD* digest() const { return digest_.get(); }
    void setDigest(const std::string& name);
    /// Throws UsageError for a digest that OpenSSL's own providers refuse in a signature with such
    /// a key.
    void requireTaken(const EVP_MD* digest) const;
    /// Throws UsageError if a digest is set and `tbs` does not have its size.
    void requireDigestSize(ByteView tbs) const;

  private:
    void setKey(const std::shared_ptr<keymgmt::Key>& key, bool signing);
    void startMessage();
    bool signsWholeMessage();
    std::size_t signWithToken(ByteView tbs, MutableBytes out);
    std::size_t signWholeMessage(MutableBytes out);
    pkcs11::SignedHash hashIn(ByteView tbs) const;
    template <typename Work>
    std::size_t withToken(ByteView data, MutableBytes out, Work work);
    template <typename Work>
    std::size_t withReplica(const std::shared_ptr<keymgmt::Key>& replica, ByteView data,
                            MutableBytes out, Work work);
    bool needsWholeMessage(const std::shared_ptr<keymgmt::Key>& replica);
    MutableBytes roomIn(MutableBytes out) const;

    ossl::ProviderContext& provider_;
    keymgmt::SoftwareSide software_;
    std::string query_;
    std::shared_ptr<keymgmt::Key> key_;
    ossl::SharedMd digest_;
    ossl::OperationState state_;
    Message message_;
    pkcs11::SignedHash signedHash_; ///< what sign() or signMessage() signs, while it runs
    bool hashes_ = false;           ///< the operation takes a message and hashes it
    bool signing_ = false;
    bool recovers_ = false;
};

/// Throws pkcs11::Error if the token's signature does not have the `expected` size for its key.
void requireSize(std::size_t size, std::size_t expected);

/// An EVP_PKEY_CTX of OpenSSL's own providers for the public half of `key`, for operations without
/// a private key. Throws.
ossl::PkeyCtx publicContext(const keymgmt::Key& key);

} // namespace p11::signature
