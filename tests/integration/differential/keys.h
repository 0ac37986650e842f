// SPDX-License-Identifier: Apache-2.0
// The keys that the differential test has on the token and in software.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/integration/fixture.h"

namespace testing_support::differential {

/// "rsa1024", "rsa1025" ..., "rsapss", "P-256" ..., "ED25519", "ED448", "X25519", "X448". Always
/// the same ones, so that an operation can be repeated. Null if there is no such key.
EVP_PKEY* softwareKey(const std::string& name);
/// Its public half, in software.
EVP_PKEY* softwarePublic(const std::string& name);

/// An EC pair in software with a private value that is less than the order.
p11::ossl::Pkey ecPair(const std::string& group, const Bytes& value);

/// Where an operation is done: with a token's keys, or in software alone.
class Side {
  public:
    virtual ~Side() = default;
    virtual OSSL_LIB_CTX* libctx() const = 0;
    virtual EVP_PKEY* key(const std::string& name) = 0;
    virtual bool onToken() const = 0;
};

class SoftwareSide : public Side {
  public:
    OSSL_LIB_CTX* libctx() const override { return defaultOnly(); }
    EVP_PKEY* key(const std::string& name) override { return softwareKey(name); }
    bool onToken() const override { return false; }
};

class TokenSide : public Side {
  public:
    explicit TokenSide(Order order) : instance_(order) {}
    OSSL_LIB_CTX* libctx() const override { return instance_.get(); }
    /// The first time in a process the key is brought to the token.
    EVP_PKEY* key(const std::string& name) override;
    bool onToken() const override { return true; }

  private:
    Instance instance_;
    std::map<std::string, p11::ossl::Pkey> keys_;
};

} // namespace testing_support::differential
