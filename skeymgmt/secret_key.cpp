// SPDX-License-Identifier: Apache-2.0
#include "skeymgmt/secret_key.h"

#include <algorithm>

#include "pkcs11/key_use.h"

namespace p11::skeymgmt {
namespace {

constexpr std::size_t longestUnknown = 1024; // bytes, if the token does not say

std::size_t readValue(pkcs11::TokenObject& key, pkcs11::MutableBytes out) {
    return key.run([&](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
        CK_ATTRIBUTE value{CKA_VALUE, out.data(), out.size()};
        const CK_RV rv = session.call<&pkcs11::List::C_GetAttributeValue>(handle, &value, 1UL);
        if (rv != CKR_OK && rv != CKR_ATTRIBUTE_SENSITIVE)
            session.discard(rv);
        if (rv != CKR_OK || value.ulValueLen > out.size())
            throw pkcs11::callFailed(pkcs11::functionName<&pkcs11::List::C_GetAttributeValue>,
                                     rv != CKR_OK ? rv : CKR_GENERAL_ERROR,
                                     "the value of the " + key.describe());
        return std::size_t{value.ulValueLen};
    });
}

} // namespace

SessionObject::~SessionObject() {
    const auto& pool = session_.sessionPool();
    if (pool.isFromParentProcess() || !pool.valid())
        session_.discard(CKR_SESSION_HANDLE_INVALID);
    else if (session_.call<&pkcs11::List::C_DestroyObject>(handle_) != CKR_OK)
        session_.discard(); // the object ends with the session
}

SecretKey::SecretKey(ossl::ProviderContext& provider, pkcs11::ByteView bytes)
    : provider_(provider), bytes_(std::in_place, bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_->data());
}

std::size_t SecretKey::size() const {
    return isOnToken() ? object_->attributes().number(CKA_VALUE_LEN).value_or(0) : bytes_->size();
}

ossl::SecretBytes SecretKey::value() const {
    ossl::SecretBytes out(size() != 0 ? size() : longestUnknown);
    std::size_t size = bytes().size();
    if (isOnToken())
        size = pkcs11::useKey(*object_, {"export"}, out.all(),
                              [&] { return readValue(*object_, out.all()); });
    else
        std::copy_n(bytes().begin(), size, out.data());
    ossl::SecretBytes result(size);
    std::copy_n(out.data(), size, result.data());
    return result;
}

} // namespace p11::skeymgmt
