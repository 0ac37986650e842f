#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signs a file where nobody can answer questions, as in CI:  sign.sh FILE
# makes FILE.sig. These variables are needed:
#   PKCS11_URI   the key, without a PIN: pkcs11:token=...;object=...;type=private
#   PIN_FILE     the file that holds the PIN (mode 0400 or 0440)
#   PUBLIC_KEY   the public key in PEM, from the repository and not from the token
# The provider is active in openssl.cnf.
set -eu

file=${1:?sign.sh FILE}
key="${PKCS11_URI:?}?pin-source=file:${PIN_FILE:?}"
openssl dgst -sha256 -sign "$key" -out "$file.sig.new" "$file"
# Nothing is published that has not been verified, in software and by the expected key.
openssl dgst -sha256 -verify "${PUBLIC_KEY:?}" -signature "$file.sig.new" "$file"
mv "$file.sig.new" "$file.sig"
