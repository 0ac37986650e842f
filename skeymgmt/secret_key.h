// SPDX-License-Identifier: Apache-2.0
// A secret key: an object on a token, or bytes in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ossl/provider_context.h"
#include "ossl/secret.h"
#include "pkcs11/bytes.h"
#include "pkcs11/object.h"

namespace p11::skeymgmt {

/// A session object with its session, which ends with it.
class SessionObject {
  public:
    SessionObject(pkcs11::Session session, CK_OBJECT_HANDLE handle)
        : session_(std::move(session)), handle_(handle) {}
    /// Destroys the object, if session and process are still those that made it.
    ~SessionObject();
    SessionObject(const SessionObject&) = delete;
    SessionObject& operator=(const SessionObject&) = delete;

  private:
    pkcs11::Session session_;
    CK_OBJECT_HANDLE handle_;
};

/// What an EVP_SKEY of this provider holds. Immutable. Several threads may use it.
class SecretKey {
  public:
    /// A key on a token; `home` is for session objects. `uri` is complete, but without a PIN.
    SecretKey(ossl::ProviderContext& provider, std::shared_ptr<pkcs11::TokenObject> object,
              std::string uri, std::unique_ptr<SessionObject> home = nullptr)
        : provider_(provider), object_(std::move(object)), uri_(std::move(uri)),
          home_(std::move(home)) {}
    /// A key in memory, for the ciphers of other providers.
    SecretKey(ossl::ProviderContext& provider, pkcs11::ByteView bytes);

    ossl::ProviderContext& provider() const { return provider_; }
    bool isOnToken() const { return object_ != nullptr; }
    pkcs11::TokenObject& object() const { return *object_; }
    /// Empty for keys on tokens.
    pkcs11::ByteView bytes() const { return bytes_ ? bytes_->view() : pkcs11::ByteView(); }
    /// CKA_KEY_TYPE of a key on a token.
    CK_KEY_TYPE type() const { return object_->attributes().number(CKA_KEY_TYPE).value_or(0); }
    /// In bytes; 0 if the token does not say.
    std::size_t size() const;
    /// Empty for keys in memory.
    const std::string& uri() const { return uri_; }

    /// The key's bytes, also of a key on a token if the token gives them. Throws pkcs11::Error.
    ossl::SecretBytes value() const;

  private:
    ossl::ProviderContext& provider_;
    std::shared_ptr<pkcs11::TokenObject> object_;
    std::string uri_;
    std::unique_ptr<SessionObject> home_;
    std::optional<ossl::SecretBytes> bytes_;
};

/// What skeymgmt's `void* keydata` points to.
struct SecretKeyData {
    std::shared_ptr<SecretKey> key;
};

inline const std::shared_ptr<SecretKey>& secretKeyOf(void* keydata) {
    return static_cast<SecretKeyData*>(keydata)->key;
}

} // namespace p11::skeymgmt
