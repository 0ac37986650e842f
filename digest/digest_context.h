// SPDX-License-Identifier: Apache-2.0
// What an EVP_MD_CTX of this provider holds.
#pragma once

#include <memory>

#include "ossl/operation_state.h"
#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/bytes.h"
#include "pkcs11/digest.h"

namespace p11::digest {

/// A digest with its names in OpenSSL.
struct Algorithm {
    const char* names; ///< all of them, separated by colons; the first is for messages
    CK_MECHANISM_TYPE mechanism;
    std::size_t size;      ///< bytes, of the hash
    std::size_t blockSize; ///< bytes
};

/// Data up to this size is kept in the host, and is given to the token when the hash is asked for.
/// So such contexts hold no session, can be copied, and survive a loss. Of more data the token has
/// a stream (pkcs11::DigestStream), and is given parts of this size.
inline constexpr std::size_t mostKept = 65536;

/// A digest on a token. Used by one thread at a time, which may be another each time. Functions
/// throw UsageError and pkcs11::Error.
class DigestContext {
  public:
    DigestContext(ossl::ProviderContext& provider, const Algorithm& algorithm)
        : provider_(provider), algorithm_(algorithm) {}
    DigestContext(const DigestContext&) = delete;
    DigestContext& operator=(const DigestContext&) = delete;
    ~DigestContext() = default;

    const ossl::Core& core() const { return provider_.core(); }

    /// Drops all data. If a module is calling, whose own use of libcrypto this is, the digest is
    /// OpenSSL's own. Does not call the token once its mechanisms are known.
    void begin();
    void update(pkcs11::ByteView data);
    /// Returns the size of the hash, for which `out` must have room.
    std::size_t finish(pkcs11::MutableBytes out);
    /// A copy that goes on by itself.
    std::unique_ptr<DigestContext> clone();

  private:
    void forget();
    void beginInSoftware();
    void keep(pkcs11::ByteView data);
    void giveToToken();
    std::size_t hash(pkcs11::MutableBytes out);
    std::size_t hashKept(pkcs11::MutableBytes out) const;

    ossl::ProviderContext& provider_;
    const Algorithm& algorithm_;
    ossl::OperationState state_;
    ossl::MdCtx software_;                         ///< of a digest in software; else null
    pkcs11::Token* token_ = nullptr;               ///< of one on a token
    ossl::SecretBytes kept_;                       ///< what the token has not been given yet
    std::unique_ptr<pkcs11::DigestStream> stream_; ///< null as long as the token was given nothing
};

} // namespace p11::digest
