// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/key_proof.h"

#include "keymgmt/key_family.h"
#include "ossl/error_mark.h"
#include "pkcs11/recovery.h"

namespace p11::keymgmt {

KeyProof::KeyProof(const ossl::ProviderContext& context, KeyType type, pkcs11::TokenObject& object,
                   EVP_PKEY* partial, Refusals& refusals)
    : context_(context), type_(type), object_(object), partial_(partial), refusals_(refusals) {}

bool KeyProof::isSelfEvident() const {
    return familyOf(type_).isKnownByPartialKey && partial_ != nullptr;
}

bool KeyProof::isPossible(EVP_PKEY* candidate) const {
    const auto* algorithm = rowOf(type_).algorithmsOf; // certificates may have it
    const bool isOfType = EVP_PKEY_is_a(candidate, nameOf(type_)) == 1 ||
                          (algorithm != nullptr && EVP_PKEY_is_a(candidate, algorithm) == 1);
    if (!isOfType || partial_ == nullptr)
        return isOfType;
    const ossl::ErrorMark mark;
    return familyOf(type_).agrees(candidate, partial_);
}

bool KeyProof::isOwn(EVP_PKEY* candidate) const {
    if (!isPossible(candidate))
        return false;
    if (isSelfEvident())
        return true;
    return object_.run([&](pkcs11::Session& session, CK_OBJECT_HANDLE handle) {
        return proves(candidate, session, handle);
    });
}

KeyProof::Answer KeyProof::ask(EVP_PKEY* candidate, pkcs11::Session& session,
                               CK_OBJECT_HANDLE handle) const {
    if (isSelfEvident())
        return Answer::yes;
    if (cannotProve() || asksForPin())
        return Answer::unknown;
    try {
        return proves(candidate, session, handle) ? Answer::yes : Answer::no;
    } catch (const pkcs11::Error& error) {
        // A key that is seen without a login can't be asked without one: nothing is lost then.
        const bool isLost = !session.lacksFirstLogin(error.rv()) &&
                            pkcs11::remedyFor(error) != pkcs11::Remedy::none;
        if (isLost || error.failure() == pkcs11::Failure::auditLog)
            throw;
        return Answer::unknown;
    }
}

bool KeyProof::provesStill(EVP_PKEY* known, pkcs11::Session& session,
                           CK_OBJECT_HANDLE handle) const {
    if (cannotProve())
        return true;
    try {
        return proves(known, session, handle);
    } catch (const pkcs11::Error& error) {
        const auto saysCannotProve = familyOf(type_).saysCannotProve;
        if (saysCannotProve == nullptr || !saysCannotProve(refusals_, error))
            throw;
    }
    return true;
}

bool KeyProof::proves(EVP_PKEY* candidate, pkcs11::Session& session,
                      CK_OBJECT_HANDLE handle) const {
    return familyOf(type_).proves({context_, type_, object_, refusals_, session, handle},
                                  candidate);
}

bool KeyProof::verifies(EVP_PKEY* candidate, ByteView data, ByteView signature) const {
    const auto verify = familyOf(type_).verifies;
    return verify != nullptr && verify(context_, candidate, data, signature);
}

bool KeyProof::asksForPin() const {
    return object_.attributes().flag(CKA_ALWAYS_AUTHENTICATE, false);
}

bool KeyProof::cannotProve() const {
    const auto cannot = familyOf(type_).cannotProve;
    return cannot != nullptr && cannot(type_, object_.attributes());
}

} // namespace p11::keymgmt
