// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/agreement.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "ossl/dispatch.h"
#include "ossl/ec_point.h"
#include "pkcs11/bytes.h"
#include "pkcs11/derivation.h"

namespace p11::keymgmt {
namespace {

using pkcs11::ByteView;
using pkcs11::MutableBytes;
using Derive = std::function<std::size_t(const CK_MECHANISM& mechanism, MutableBytes out)>;

// Under which a key remembers that its token takes points in DER.
constexpr Use rawPoint{Use::derive, CKM_ECDH1_DERIVE};

// What C_DeriveKey answers to a point in a form that it does not take; tokens do not agree on one
// value.
bool blamesPoint(const pkcs11::Error& error) {
    switch (error.rv()) {
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_ARGUMENTS_BAD:
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_DOMAIN_PARAMS_INVALID:
    case CKR_PUBLIC_KEY_INVALID:
    case CKR_FUNCTION_FAILED:
    case CKR_GENERAL_ERROR:
        return error.isOf(pkcs11::functionName<&pkcs11::List::C_DeriveKey>);
    default:
        return false;
    }
}

std::size_t deriveWith(const Derive& derive, CK_MECHANISM_TYPE type, ByteView point,
                       MutableBytes out) {
    CK_ECDH1_DERIVE_PARAMS params{};
    params.kdf = CKD_NULL;
    params.ulPublicDataLen = point.size();
    params.pPublicData = const_cast<unsigned char*>(point.data());
    try {
        return derive({type, &params, sizeof params}, out);
    } catch (const pkcs11::Error& error) {
        if (error.rv() != CKR_KEY_FUNCTION_NOT_PERMITTED)
            throw;
        throw pkcs11::notPermitted(error, "CKA_DERIVE");
    }
}

// A token that takes either form may unwrap such a raw point, by its first bytes alone.
bool looksWrapped(ByteView point) {
    constexpr unsigned char octetStringTag = 0x04, longLength = 0x81;
    return point.size() > 2 && point[0] == octetStringTag &&
           (point[1] == point.size() - 2 || point[1] == longLength);
}

// Nothing if the form of the point may have been the trouble.
std::optional<std::size_t> tryForm(const Derive& derive, CK_MECHANISM_TYPE type, ByteView point,
                                   MutableBytes out) {
    try {
        return deriveWith(derive, type, point, out);
    } catch (const pkcs11::Error& error) {
        if (!blamesPoint(error))
            throw;
        return std::nullopt;
    }
}

// PKCS#11 has had both forms of the point: raw, and in a DER OCTET STRING. The one that did well
// comes first, and the other is tried once. A point that can be read as either teaches nothing.
std::size_t deriveWithEither(const Derive& derive, Refusals& refusals, CK_MECHANISM_TYPE type,
                             ByteView point, MutableBytes out) {
    const auto wrapped = ossl::octetString(point);
    const bool wrappedFirst = refusals.contain(rawPoint);
    const ByteView first = wrappedFirst ? ByteView(wrapped) : point;
    const ByteView second = wrappedFirst ? point : ByteView(wrapped);
    try {
        return deriveWith(derive, type, first, out);
    } catch (const pkcs11::Error& error) {
        if (!blamesPoint(error))
            throw;
        const auto size = tryForm(derive, type, second, out);
        if (!size)
            throw;
        if (!wrappedFirst && !looksWrapped(point))
            refusals.add(rawPoint);
        return *size;
    }
}

// Some tokens leave leading zeros out. No bytes at all would be a secret that everybody knows.
void padFront(MutableBytes out, std::size_t size) {
    if (size == 0)
        throw pkcs11::Error(pkcs11::Failure::call, "the token returned an empty secret",
                            CKR_GENERAL_ERROR);
    std::rotate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size), out.end());
    std::fill_n(out.begin(), out.size() - size, static_cast<unsigned char>(0));
}

} // namespace

pkcs11::Bytes peerValue(KeyType type, EVP_PKEY* peer) {
    if (!isMontgomery(type))
        return ossl::uncompressedPoint(peer);
    std::size_t size = 0;
    EVP_PKEY_get_raw_public_key(peer, nullptr, &size);
    pkcs11::Bytes value(size);
    if (size == 0 || EVP_PKEY_get_raw_public_key(peer, value.data(), &size) != 1)
        throw ossl::UsageError(ossl::Reason::key, "the peer's public value cannot be read");
    return value;
}

std::size_t secretSize(KeyType type, std::size_t peerValueSize) {
    return isMontgomery(type) ? peerValueSize : ossl::coordinateSize(peerValueSize);
}

void agree(pkcs11::TokenObject& object, Refusals& refusals, CK_MECHANISM_TYPE mechanism,
           ByteView point, MutableBytes out) {
    const Derive derive = [&](const CK_MECHANISM& given, MutableBytes secret) {
        return pkcs11::derive(object, given, secret);
    };
    padFront(out, deriveWithEither(derive, refusals, mechanism, point, out));
}

void agreeIn(pkcs11::Session& session, CK_OBJECT_HANDLE handle, const pkcs11::TokenObject& object,
             Refusals& refusals, ByteView point, MutableBytes out) {
    const Derive derive = [&](const CK_MECHANISM& given, MutableBytes secret) {
        return pkcs11::deriveIn(session, handle, object, given, secret);
    };
    padFront(out, deriveWithEither(derive, refusals, CKM_ECDH1_DERIVE, point, out));
}

} // namespace p11::keymgmt
