// SPDX-License-Identifier: Apache-2.0
#include "ossl/build_information.h"

#include <openssl/opensslv.h>

#include "commit.h"
#include "version.h"

#define BUILT_WITH "OpenSSL " OPENSSL_VERSION_STR ", p11-kit " P11KIT_VERSION

namespace p11::ossl {

const char* sourceCommit() {
    return PKCS11_COMMIT;
}

const char* builtWith() {
    return BUILT_WITH;
}

const char* buildInformation() {
    return PROJECT_VERSION ", commit " PKCS11_COMMIT ", built with " BUILT_WITH;
}

} // namespace p11::ossl
