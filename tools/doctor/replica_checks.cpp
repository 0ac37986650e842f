// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "pkcs11/text.h"
#include "tokens/token_search.h"
#include "tools/doctor/checks.h"
#include "uri/attributes.h"

namespace p11::tools::doctor {
namespace {

// The URI of one of them. It may have a PIN, so the caller wipes it.
std::string uriFor(const std::string& text, const CK_TOKEN_INFO& token) {
    uri::ObjectAddress address;
    address.token = &token;
    const auto attributes = uri::format(address).substr(uri::scheme.size());
    const auto whole = uri::Uri::parse(text);
    const auto path = whole.without({}).substr(uri::scheme.size());
    return std::string(uri::scheme) + attributes + (attributes.empty() ? "" : ";") + path;
}

} // namespace

void checkReplicas(Report& report, OSSL_LIB_CTX* library, const std::string& text, EVP_PKEY* key,
                   const std::vector<CK_TOKEN_INFO>& tokens) {
    report.section("replicas");
    for (const auto& token : tokens) {
        const auto name = "token \"" + pkcs11::trimmed(token.label) + "\" (serial " +
                          pkcs11::trimmed(token.serialNumber) + ")";
        auto one = uriFor(text, token);
        const auto loaded = loadKey(library, one, tokens::parseUri(one));
        OPENSSL_cleanse(one.data(), one.size());
        if (loaded.keys.size() != 1)
            report.warn(name + " takes no part: " + loaded.reasons,
                        "the others do its work; see docs/high-availability.md");
        else if (EVP_PKEY_eq(loaded.keys.front().get(), key) != 1)
            report.warn(name + " has another key, which takes no part",
                        "copy the right key there, or leave it out with pkcs11-replica-tokens");
        else
            report.ok(name + " has the same key");
    }
}

} // namespace p11::tools::doctor
