// SPDX-License-Identifier: Apache-2.0
#include "store/deletion.h"

#include <algorithm>
#include <array>
#include <vector>

#include "pkcs11/writing.h"
#include "tokens/object_uris.h"
#include "tokens/writing.h"

namespace p11::store {
namespace {

using pkcs11::Session;

// In the order of deletion: a public key that stays without its private key is harmless.
constexpr std::array classes{CK_OBJECT_CLASS{CKO_PRIVATE_KEY}, CK_OBJECT_CLASS{CKO_PUBLIC_KEY},
                             CK_OBJECT_CLASS{CKO_CERTIFICATE}, CK_OBJECT_CLASS{CKO_SECRET_KEY}};
constexpr std::array pairAttributes{CKA_ID, CKA_KEY_TYPE, CKA_MODULUS, CKA_EC_POINT};

struct Found {
    CK_OBJECT_CLASS type;
    CK_OBJECT_HANDLE handle;
};

std::vector<Found> find(Session& session, const uri::Uri& uri) {
    std::vector<Found> all;
    for (const CK_OBJECT_CLASS type : classes)
        if (uri.type().value_or(type) == type)
            for (const CK_OBJECT_HANDLE handle :
                 pkcs11::findCompared(session, {type, uri.object(), uri.id()}, pkcs11::isExactly))
                all.push_back({type, handle});
    return all;
}

// The values that both halves have must agree. Private EC keys often lack their point. Then the
// same id is enough. Without an id, the public values must be equal.
bool isPair(Session& session, const std::vector<Found>& found) {
    if (found.size() != 2 || found[0].type != CKO_PRIVATE_KEY || found[1].type != CKO_PUBLIC_KEY)
        return false;
    const auto one = pkcs11::readAttributes(session, found[0].handle, pairAttributes);
    const auto other = pkcs11::readAttributes(session, found[1].handle, pairAttributes);
    if (one.number(CKA_KEY_TYPE) != other.number(CKA_KEY_TYPE) ||
        one.bytes(CKA_ID) != other.bytes(CKA_ID))
        return false;
    bool isProven = !one.bytes(CKA_ID).empty();
    for (const CK_ATTRIBUTE_TYPE value : {CKA_MODULUS, CKA_EC_POINT})
        if (const auto* here = one.find(value); here != nullptr && !here->empty()) {
            if (*here != other.bytes(value))
                return false;
            isProven = true;
        }
    return isProven;
}

std::vector<std::string> urisOf(Session& session, const std::vector<Found>& found) {
    std::vector<CK_OBJECT_HANDLE> handles;
    handles.reserve(found.size());
    for (const auto& object : found)
        handles.push_back(object.handle);
    return tokens::urisOf(session, handles);
}

void requireName(const uri::Uri& uri) {
    if (!tokens::namesObject(uri))
        throw pkcs11::Error(pkcs11::Failure::ambiguous,
                            uri.withoutPin() + " names no object to delete (object=, id=)");
    if (std::find(classes.begin(), classes.end(), uri.type().value_or(CKO_PRIVATE_KEY)) ==
        classes.end())
        throw pkcs11::Error(pkcs11::Failure::unsupported,
                            "objects with the type in " + uri.withoutPin() +
                                " cannot be deleted, only keys and certificates");
}

} // namespace

void destroy(ossl::ProviderContext& context, const uri::Uri& uri, bool all,
             tokens::PassphraseCallback callback) {
    requireName(uri);
    context.settings(); // whether there is a log at all
    const pkcs11::trace::Step step([&uri] { return "delete " + uri.withoutPin(); });
    const bool found = tokens::write(context, uri, callback, [&](Session& session) {
        const auto objects = find(session, uri);
        if (objects.size() > 1 && !all && !isPair(session, objects))
            throw pkcs11::Error(
                pkcs11::Failure::ambiguous,
                "several objects fit " + uri.withoutPin() +
                    "; nothing was deleted: " + tokens::join(urisOf(session, objects)));
        for (const auto& object : objects)
            pkcs11::destroyObject(session, object.handle,
                                  std::string(pkcs11::nameOf(object.type)) + " of " +
                                      uri.withoutPin());
        return !objects.empty();
    });
    if (!found)
        throw pkcs11::Error(pkcs11::Failure::notFound,
                            "no object that fits " + uri.withoutPin() + " exists to delete");
}

} // namespace p11::store
