# SPDX-License-Identifier: Apache-2.0
"""Verifies with pyca/cryptography, which parses X.509 by itself, what lines on standard input name:

    good|wrong FOLDER pkcs1|pss|other certificate|crl FILE ISSUER   is it signed by the certificate ISSUER?
    good|wrong FOLDER pkcs1|pss|other request FILE                  is it signed by its own key?
    good|wrong FOLDER pkcs1|pss|other raw SIGNATURE FILE KEY        is it the file's signature (with SHA-256)?

PSS has a salt as long as the digest. The first answer that is another than the line's ends it with status 1.
"""

import pathlib
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

SHA256 = hashes.SHA256()
PADDINGS = {
    "pkcs1": padding.PKCS1v15(),
    "pss": padding.PSS(padding.MGF1(SHA256), SHA256.digest_size),
    "other": padding.PKCS1v15(),  # of the other certificate's key
}


def check(key, signature, data, used, digest=SHA256):
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, used, digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(digest))
    else:
        key.verify(signature, data)


def check_signed(key, signed, data, used):
    """Newer versions of the library read the parameters of PSS, strictly; those are taken then."""
    if isinstance(used, padding.PSS):
        used = getattr(signed, "signature_algorithm_parameters", used)
        digest = SHA256
    else:
        digest = signed.signature_hash_algorithm
    check(key, signed.signature, data, used, digest)


def verify(used, kind, files):
    if kind == "request":
        request = x509.load_pem_x509_csr(files[0])
        check_signed(request.public_key(), request, request.tbs_certrequest_bytes, used)
    elif kind == "raw":
        check(serialization.load_pem_public_key(files[2]), files[0], files[1], used)
    else:
        key = x509.load_pem_x509_certificate(files[1]).public_key()
        if kind == "certificate":
            certificate = x509.load_pem_x509_certificate(files[0])
            check_signed(key, certificate, certificate.tbs_certificate_bytes, used)
        else:
            crl = x509.load_pem_x509_crl(files[0])
            check_signed(key, crl, crl.tbs_certlist_bytes, used)


def answer(*arguments):
    try:
        verify(*arguments)
    except InvalidSignature:
        return "wrong"
    return "good"


count = 0
for line in sys.stdin:
    expected, folder, used, kind, *names = line.split()
    files = [(pathlib.Path(folder) / name).read_bytes() for name in names]
    if answer(PADDINGS[used], kind, files) != expected:
        sys.exit("not " + line)
    count += 1
print(count)
