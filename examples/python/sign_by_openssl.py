#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs a file by a key on a token:  sign_by_openssl.py URI FILE SIGNATURE

The package "cryptography" reads private keys as numbers, which never leave a token. So it takes neither URIs nor key
references. The command openssl signs, and "cryptography" verifies.
"""
import subprocess
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

uri, file, out = sys.argv[1:]
subprocess.run(["openssl", "dgst", "-sha256", "-sign", uri, "-out", out, file], check=True)

pem = subprocess.run(["openssl", "pkey", "-in", uri, "-pubout"], check=True, capture_output=True).stdout
public = load_pem_public_key(pem)
with open(file, "rb") as data, open(out, "rb") as signature:
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature.read(), data.read(), ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(signature.read(), data.read(), padding.PKCS1v15(), hashes.SHA256())
