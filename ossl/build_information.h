// SPDX-License-Identifier: Apache-2.0
// What this was built from and with. The provider and the programs tell it.
#pragma once

namespace p11::ossl {

/// The commit: 12 digits, with "-dirty" if files had changed; "unknown" outside of git's
/// repositories and source packages. Static, like the next ones.
const char* sourceCommit();

/// The versions of OpenSSL and p11-kit whose headers were used: "OpenSSL 3.0.17, p11-kit 0.24.1".
const char* builtWith();

/// All of it in one line, for OSSL_PROV_PARAM_BUILDINFO (provider-base(7)).
const char* buildInformation();

} // namespace p11::ossl
