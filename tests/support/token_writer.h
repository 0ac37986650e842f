// SPDX-License-Identifier: Apache-2.0
// Writes objects to a token with raw C_ calls, for tests and benchmarks. softhsm2-util and
// pkcs11-tool cannot write these, or not fast enough.
#pragma once

#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace testing_support {

/// A logged-in session in which objects can be made. Throws std::runtime_error that names the
/// function. If the module is in use in this process already, it stays in use. Otherwise it ends
/// with the writer.
class TokenWriter {
  public:
    TokenWriter(const std::string& module, const std::string& token, std::string pin);
    ~TokenWriter();
    TokenWriter(const TokenWriter&) = delete;
    TokenWriter& operator=(const TokenWriter&) = delete;

    CK_SLOT_ID slot() const { return slot_; }
    void create(std::vector<CK_ATTRIBUTE> values);
    void generatePair(CK_MECHANISM_TYPE type, std::vector<CK_ATTRIBUTE> publicValues,
                      std::vector<CK_ATTRIBUTE> privateValues);
    /// All objects on the token with that label.
    void destroy(std::string label);
    std::size_t count(std::string label);
    /// Of the only public key with that label and, if it is not empty, that id.
    std::vector<unsigned char> publicValue(std::string label, std::string id,
                                           CK_ATTRIBUTE_TYPE type);
    /// Sets CKA_DERIVE of the private keys with that label.
    void letDerive(std::string label);
    /// A public or private key that stays on the token, with the values that its type has.
    void createKey(CK_OBJECT_CLASS keyClass, CK_KEY_TYPE type, std::string label, std::string id,
                   std::vector<CK_ATTRIBUTE> values);
    /// An X.509 certificate that stays on the token, with these values.
    void createCertificate(std::string label, std::vector<CK_ATTRIBUTE> values);
    /// An RSA public key on the token. Its numbers make no sense, and nobody uses them.
    void createPublicKey(std::string label, std::string id);

  private:
    std::vector<CK_OBJECT_HANDLE> find(std::vector<CK_ATTRIBUTE> filter);

    CK_FUNCTION_LIST* functions_ = nullptr;
    bool finalizes_ = false;
    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE session_ = 0;
};

} // namespace testing_support
