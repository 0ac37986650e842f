// Key agreement with an EC key on a token, or with a pair in memory (EVP_KEYEXCH-ECDH(7)).
#pragma once

#include <memory>
#include <span>

#include "keymgmt/key.h"
#include "ossl/context.h"
#include "ossl/secret.h"

namespace exchange {

using Octets = std::span<const unsigned char>;
using Buffer = std::span<unsigned char>;

/// One EVP key derivation; used by one thread at a time. Holds no session. Copies are independent.
class Ecdh {
  public:
    explicit Ecdh(ossl::Context& provider) : provider_(provider) {}

    const ossl::Core& core() const { return provider_.core(); }

    /// A null `key` keeps the present one. Throws.
    void begin(const std::shared_ptr<keymgmt::Key>& key, const OSSL_PARAM* params);
    /// Asks nothing of the token, unless the peer is a key on one. Throws UsageError for keys of
    /// another curve.
    void setPeer(const keymgmt::Key& peer);

    /// The size of what derive() gives where there is room for it.
    std::size_t size() const;
    /// The shared secret, cut to the room there is, or what the KDF makes of it. Returns the size.
    std::size_t derive(Buffer out) const;

    void setParams(const OSSL_PARAM* params);
    void getParams(OSSL_PARAM* params) const;
    static const OSSL_PARAM* settable();
    static const OSSL_PARAM* gettable();

  private:
    void requireComplete() const;
    ossl::SecretBytes secret() const;
    void secretInSoftware(Buffer out) const;
    CK_MECHANISM_TYPE mechanism() const;
    bool multipliesByCofactor() const;
    std::size_t applyKdf(Octets secret, Buffer out) const;
    void setKdf(const OSSL_PARAM* params);
    void setCofactorMode(const OSSL_PARAM* params);

    ossl::Context& provider_;
    std::shared_ptr<keymgmt::Key> key_;
    std::shared_ptr<EVP_PKEY> peer_;
    pkcs11::Bytes point_; ///< the peer's, uncompressed
    int cofactorMode_ = -1;
    bool usesKdf_ = false;
    ossl::SharedMd kdfDigest_;
    std::size_t kdfSize_ = 0;
    pkcs11::Bytes kdfInfo_;
};

} // namespace exchange
