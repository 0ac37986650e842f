// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include "tools/doctor/checks.h"

namespace p11::tools::doctor {

void checkOpenssl(Report& report) {
    report.section("openssl");
    const std::string version = OpenSSL_version(OPENSSL_VERSION);
    Dl_info place{};
    const bool known =
        ::dladdr(::dlsym(RTLD_DEFAULT, "OpenSSL_version"), &place) != 0 && place.dli_fname;
    const std::string file = known ? place.dli_fname : "unknown";
    report.add({State::ok, version + ", " + file, "", {{"version", version}, {"libcrypto", file}}});
}

} // namespace p11::tools::doctor
