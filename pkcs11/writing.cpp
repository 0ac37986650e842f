// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/writing.h"

#include <cstring>

#include "pkcs11/token.h"

namespace p11::pkcs11 {

Template::~Template() {
    for (auto& [type, value] : values_)
        if (!value.empty()) // it takes no null
            explicit_bzero(value.data(), value.size());
}

Template& Template::raw(CK_ATTRIBUTE_TYPE type, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    values_.emplace_back(type, Bytes(bytes, bytes + size));
    return *this;
}

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL flag = value ? CK_TRUE : CK_FALSE;
    return raw(type, &flag, sizeof flag);
}

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    return raw(type, &value, sizeof value);
}

Template& Template::bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
    return raw(type, value.data(), value.size());
}

Template& Template::text(CK_ATTRIBUTE_TYPE type, std::string_view value) {
    return raw(type, value.data(), value.size());
}

Template& Template::numbers(CK_ATTRIBUTE_TYPE type, std::span<const CK_ULONG> values) {
    return raw(type, values.data(), values.size_bytes());
}

std::vector<CK_ATTRIBUTE> Template::list() {
    std::vector<CK_ATTRIBUTE> all;
    all.reserve(values_.size());
    for (auto& [type, value] : values_)
        all.push_back({type, value.data(), value.size()});
    return all;
}

namespace {

template <auto Member>
void requireOk(const Session& session, std::string_view subject, CK_RV rv) {
    if (rv != CKR_OK)
        throw callFailed(functionName<Member>, rv,
                         std::string(subject) + " on " + session.sessionPool().describe());
}

template <auto Member, typename... Args>
void requireOf(Session& session, std::string_view subject, Args... args) {
    requireOk<Member>(session, subject, session.call<Member>(args...));
}

} // namespace

KeyPair generateKeyPair(Session& session, CK_MECHANISM mechanism, Template& publicValues,
                        Template& privateValues, std::string_view subject) {
    auto publicList = publicValues.list();
    auto privateList = privateValues.list();
    KeyPair pair;
    requireOf<&List::C_GenerateKeyPair>(
        session, subject, &mechanism, publicList.data(), CK_ULONG{publicList.size()},
        privateList.data(), CK_ULONG{privateList.size()}, &pair.publicKey, &pair.privateKey);
    return pair;
}

CK_OBJECT_HANDLE createObject(Session& session, Template& values, std::string_view subject) {
    auto list = values.list();
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    requireOf<&List::C_CreateObject>(session, subject, list.data(), CK_ULONG{list.size()}, &object);
    return object;
}

void destroyObject(Session& session, CK_OBJECT_HANDLE object, std::string_view subject) {
    // Also noted if it fails, because the object may be gone then, too.
    const CK_RV rv = session.call<&List::C_DestroyObject>(object);
    session.sessionPool().token().noteDeletion();
    requireOk<&List::C_DestroyObject>(session, subject, rv);
}

bool NewObjects::undo() {
    bool gone = true;
    for (const CK_OBJECT_HANDLE object : objects_)
        gone = session_.call<&List::C_DestroyObject>(object) == CKR_OK && gone;
    objects_.clear();
    return gone;
}

} // namespace p11::pkcs11
