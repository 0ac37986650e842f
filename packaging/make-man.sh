#!/usr/bin/env bash
# Writes provider-pkcs11(7) from packaging/provider-pkcs11.md and docs/configuration.md:  make-man.sh VERSION >provider-pkcs11.7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Rows of tables become definitions, which fit into 80 columns; links become their text.
configuration() {
    sed -E '/^\|[-|]+\|$/d; /^\| (directive|variable) \|/d
        s/^\| (.*) \| (.*) \| (.*) \|$/\1 (\2)\n: \3\n/; s/^\| (.*) \| (.*) \|$/\1\n: \2\n/
        s/\[([^]]*)\]\(([^)]*)\)/\1/g; s/^# .*/# CONFIGURATION/' ../docs/configuration.md
}
{
    cat provider-pkcs11.md
    echo
    configuration
    printf '\n# SEE ALSO\n\n**openssl**(1), **provider**(7), **ossl_store**(7), **config**(5), **pkcs11.conf**(5), **pkcs11-keyprovider**(1), **pkcs11-objects**(1), **pkcs11-uri2pem**(1)\n'
} | lowdown -s -tman --out-no-smarty -m title=provider-pkcs11 -m section=7 -m "source=openssl-pkcs11 $1" -m volume="OpenSSL providers" | sed 's/\\fC/\\fB/g'
