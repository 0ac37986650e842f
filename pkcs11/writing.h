// SPDX-License-Identifier: Apache-2.0
// What changes a token: key pairs made on it, objects stored and destroyed. All of it needs a
// session of Connection::takeWritable().
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/attributes.h"
#include "pkcs11/connection.h"

namespace pkcs11 {

/// The values of an object to be. They are wiped with it: some are private keys.
class Template {
  public:
    Template() = default;
    Template(Template&&) noexcept = default;
    Template& operator=(Template&&) = delete;
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;
    ~Template();

    Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
    Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
    Template& bytes(CK_ATTRIBUTE_TYPE type, std::span<const unsigned char> value);
    Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value);
    /// An array of CK_ULONG (CKA_ALLOWED_MECHANISMS).
    Template& numbers(CK_ATTRIBUTE_TYPE type, std::span<const CK_ULONG> values);

    /// For the C_ function; valid as long as nothing is added.
    std::vector<CK_ATTRIBUTE> list();

  private:
    Template& raw(CK_ATTRIBUTE_TYPE type, const void* data, std::size_t size);

    std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>> values_;
};

/// Both halves of a key.
struct KeyPair {
    CK_OBJECT_HANDLE publicKey = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE privateKey = CK_INVALID_HANDLE;
};

/// C_GenerateKeyPair. `subject` is what it is done to, for messages, as in all functions here. They
/// throw Error.
KeyPair generateKeyPair(Session& session, CK_MECHANISM mechanism, Template& publicValues,
                        Template& privateValues, std::string_view subject);

/// C_CreateObject.
CK_OBJECT_HANDLE createObject(Session& session, Template& values, std::string_view subject);

/// C_DestroyObject.
void destroyObject(Session& session, CK_OBJECT_HANDLE object, std::string_view subject);

/// Objects that belong together: unless all of them came to be they are destroyed again.
class NewObjects {
  public:
    explicit NewObjects(Session& session) : session_(session) {}
    NewObjects(const NewObjects&) = delete;
    NewObjects& operator=(const NewObjects&) = delete;
    ~NewObjects() { undo(); }

    void add(CK_OBJECT_HANDLE object) { objects_.push_back(object); }
    void keep() { objects_.clear(); }
    /// False if some of them are still there.
    bool undo();

  private:
    Session& session_;
    std::vector<CK_OBJECT_HANDLE> objects_;
};

} // namespace pkcs11
