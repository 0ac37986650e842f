// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ossl/error_mark.h"
#include "tokens/object_uris.h"
#include "tools/doctor/checks.h"
#include "tools/doctor/signing.h"
#include "tools/shared/error.h"

namespace p11::tools::doctor {
namespace {

using inspection::SeenObject;

bool isBeside(const SeenObject& key, const SeenObject& other) {
    return key.id().empty() ? key.label() == other.label() : key.id() == other.id();
}

const SeenObject* besides(const std::vector<SeenObject>& objects, const SeenObject& key,
                          CK_OBJECT_CLASS type) {
    const auto found = std::find_if(objects.begin(), objects.end(), [&](const auto& object) {
        return object.type() == type && isBeside(key, object);
    });
    return found == objects.end() ? nullptr : &*found;
}

// Null if the loaded key is not among the objects that were seen.
const SeenObject* keyObject(const uri::Uri& uri, const std::vector<SeenObject>& objects) {
    const auto type = uri.type().value_or(CKO_PRIVATE_KEY);
    const pkcs11::ObjectQuery query{type, uri.object(), uri.id()};
    const auto found = std::find_if(objects.begin(), objects.end(), [&query](const auto& object) {
        return pkcs11::fits(query, object.attributes);
    });
    return found == objects.end() ? nullptr : &*found;
}

void tellFacts(Report& report, const SeenObject& object, EVP_PKEY* key) {
    const auto name = inspection::algorithmOf(object);
    const auto mechanisms = inspection::mechanismsOf(object);
    const auto usage = inspection::usageOf(object);
    report.add({State::ok,
                std::string(pkcs11::nameOf(*object.type())) + " \"" + object.label() + "\", id " +
                    inspection::hex(object.id()) + ": " + name +
                    " (OpenSSL: " + EVP_PKEY_get0_type_name(key) + ", " +
                    std::to_string(EVP_PKEY_get_bits(key)) + " bits)",
                "",
                {{"label", object.label()},
                 {"id", inspection::hex(object.id())},
                 {"algorithm", name},
                 {"usage", usage},
                 {"mechanisms", mechanisms}}});
    if (usage.empty())
        report.warn("the key may be used for nothing", "its CKA_SIGN, CKA_DECRYPT and CKA_DERIVE "
                                                       "are false: use another key");
    else
        report.ok("usage: " + usage +
                  "; allowed mechanisms: " + (mechanisms.empty() ? "no limit" : mechanisms) + "; " +
                  inspection::protectionOf(object));
}

void tellPublicHalf(Report& report, const std::vector<SeenObject>& objects,
                    const SeenObject& object, EVP_PKEY* key) {
    if (!hasPublicHalf(key))
        report.warn("the public half is not on the token, neither as a public key nor in a "
                    "certificate",
                    "store it: pkcs11-tool --write-object pub.der --type pubkey --id " +
                        inspection::hex(object.id()));
    else if (besides(objects, object, CKO_PUBLIC_KEY) != nullptr)
        report.ok("the public half comes from the public key beside it");
    else if (besides(objects, object, CKO_CERTIFICATE) != nullptr)
        report.ok("the public half comes from the certificate beside it");
    else
        report.ok("the public half comes from the private key's own attributes");
}

void tellCertificate(Report& report, const std::vector<SeenObject>& objects,
                     const SeenObject& object, EVP_PKEY* key) {
    const auto* beside = besides(objects, object, CKO_CERTIFICATE);
    const auto certificate = beside != nullptr ? inspection::certificateOf(*beside) : nullptr;
    if (!certificate)
        return report.ok("no certificate is beside the key");
    const auto what = "certificate " + inspection::subjectOf(certificate.get()) + ", until " +
                      inspection::expiryOf(certificate.get());
    const ossl::ErrorMark mark;
    if (hasPublicHalf(key) && EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key) != 1)
        report.fail(what + ", is of another key", "store the key's own: pkcs11-objects "
                                                  "import-certificate");
    else if (inspection::isExpired(certificate.get()))
        report.warn(what + ", has expired", "store a new one: pkcs11-objects import-certificate");
    else
        report.ok(what);
}

void tellMissing(Report& report, const LoadedKey& loaded, const uri::Uri& uri) {
    if (uri.type() == CKO_CERTIFICATE && loaded.reasons.empty())
        report.ok("the URI names a certificate");
    else
        report.fail(loaded.reasons.empty() ? "the URI names no key" : loaded.reasons,
                    "paste a URI that pkcs11-objects list --uri shows");
}

} // namespace

EVP_PKEY* checkKey(Report& report, const LoadedKey& loaded, const uri::Uri& uri,
                   const std::vector<SeenObject>& objects) {
    report.section("key");
    if (loaded.keys.empty()) {
        tellMissing(report, loaded, uri);
        return nullptr;
    }
    if (loaded.keys.size() > 1) {
        const bool isNamed = uri.object() || uri.id();
        const auto what = std::to_string(loaded.keys.size()) + " keys fit the URI";
        if (isNamed)
            report.fail(what + ": programs can use none of them", "add id= or object=");
        else
            report.ok(what, "add object= or id= to look at one");
        return nullptr;
    }
    auto* key = loaded.keys.front().get();
    if (const auto* object = keyObject(uri, objects)) {
        tellFacts(report, *object, key);
        tellPublicHalf(report, objects, *object, key);
        tellCertificate(report, objects, *object, key);
    } else
        report.ok(std::string(EVP_PKEY_get0_type_name(key)) + ", " +
                  std::to_string(EVP_PKEY_get_bits(key)) + " bits");
    return key;
}

} // namespace p11::tools::doctor
