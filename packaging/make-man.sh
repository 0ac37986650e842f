#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes provider-pkcs11(7) from packaging/provider-pkcs11.md and docs/configuration.md:  make-man.sh VERSION >provider-pkcs11.7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Rows of tables, without their headers, become definitions, which fit into 80 columns; links to files become their paths.
configuration() {
    sed -E '$!N; /\n\|[-|]+\|$/d; P; D' ../docs/configuration.md | sed -E 's/^\| (.*) \| (.*) \| (.*) \|$/\1 (\2)\n: \3\n/; s/^\| (.*) \| (.*) \|$/\1\n: \2\n/
        s/\[[^]]*\]\(\.\.\/([^)#]*)[^)]*\)/\1/g; s/\[[^]]*\]\(([a-z-]+\.md)[^)]*\)/docs\/\1/g; s/\[([^]]*)\]\(([^)]*)\)/\1/g; s/^# .*/# CONFIGURATION/'
}
{
    cat provider-pkcs11.md
    echo
    configuration
    printf '\n# FILES\n\nThe files that this page names, such as docs/howto.md, are installed in **share/doc/openssl-pkcs11**.\n'
    printf '\n# SEE ALSO\n\n**openssl**(1), **provider**(7), **ossl_store**(7), **config**(5), **pkcs11.conf**(5), **pkcs11-doctor**(1), **pkcs11-keyprovider**(1), **pkcs11-objects**(1), **pkcs11-uri2pem**(1)\n'
} | lowdown -s -tman --out-no-smarty --parse-no-intraemph -m title=provider-pkcs11 -m section=7 -m "source=openssl-pkcs11 $1" -m volume="OpenSSL providers" | sed 's/\\fC/\\fB/g'
