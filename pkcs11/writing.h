// SPDX-License-Identifier: Apache-2.0
// Changes to a token: making key pairs, storing and destroying objects. All of it needs a session
// from SessionPool::takeWritable().
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/attributes.h"
#include "pkcs11/bytes.h"
#include "pkcs11/session_pool.h"

namespace p11::pkcs11 {

/// The values of a new object. They are wiped at the end, because some are private keys.
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
    Template& bytes(CK_ATTRIBUTE_TYPE type, ByteView value);
    Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value);
    /// An array of CK_ULONG (CKA_ALLOWED_MECHANISMS).
    Template& numbers(CK_ATTRIBUTE_TYPE type, std::span<const CK_ULONG> values);

    /// For the C_ function. Valid until something is added.
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

/// C_GenerateKeyPair. `subject` names the object in messages, as in all functions here. They throw
/// Error.
KeyPair generateKeyPair(Session& session, CK_MECHANISM mechanism, Template& publicValues,
                        Template& privateValues, std::string_view subject);

/// C_CreateObject.
CK_OBJECT_HANDLE createObject(Session& session, Template& values, std::string_view subject);

/// C_DestroyObject.
void destroyObject(Session& session, CK_OBJECT_HANDLE object, std::string_view subject);

/// Objects that belong together. They are destroyed again unless all of them were made.
class NewObjects {
  public:
    explicit NewObjects(Session& session) : session_(session) {}
    NewObjects(const NewObjects&) = delete;
    NewObjects& operator=(const NewObjects&) = delete;
    ~NewObjects() { undo(); }

    void add(CK_OBJECT_HANDLE object) { objects_.push_back(object); }
    void keep() { objects_.clear(); }
    /// False if some of them still exist.
    bool undo();

  private:
    Session& session_;
    std::vector<CK_OBJECT_HANDLE> objects_;
};

} // namespace p11::pkcs11
