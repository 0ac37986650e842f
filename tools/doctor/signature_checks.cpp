// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/checks.h"
#include "tools/doctor/signing.h"
#include "tools/shared/error.h"

namespace p11::tools::doctor {

bool checkSignature(Report& report, OSSL_LIB_CTX* library, EVP_PKEY* key, bool onlyPss) {
    report.section("signature");
    const auto scheme = schemeOf(key, onlyPss);
    if (!scheme) {
        report.warn(std::string("a key of type ") + EVP_PKEY_get0_type_name(key) +
                        " makes no signatures",
                    "leave --sign out, or name a key that signs");
        return false;
    }
    const auto data = bytesOf("a message of pkcs11-doctor");
    const auto signature = sign(library, key, *scheme, data);
    const std::string shown = scheme->digest == nullptr ? ""
                                                        : std::string(" with ") + scheme->digest +
                                                              (scheme->isPss ? " and PSS" : "");
    if (signature.empty()) {
        report.fail(withReasons("the key does not sign" + shown),
                    "docs/troubleshooting.md, \"Keys\", has the reasons");
        return false;
    }
    if (!hasPublicHalf(key))
        report.warn("a signature" + shown + " was made, but there is no public half to verify it",
                    "see the section \"key\"");
    else if (verifies(key, *scheme, data, signature))
        report.ok("a signature" + shown + " of " + std::to_string(signature.size()) +
                  " bytes was made, and verified in software");
    else
        report.fail(withReasons("the signature" + shown + " cannot be verified in software"),
                    "the public half may be missing, or be another key's");
    return true;
}

} // namespace p11::tools::doctor
