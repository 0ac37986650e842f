#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a short session at a terminal with a new SoftHSM token, and writes it as SVG:  record-session.py BUILD-FOLDER >docs/session.svg

The build folder has pkcs11.so and the programs. The commands and their output are real; a command that fails ends the script.
"""
import html
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

KEY = "pkcs11:token=demo;object=release-key"
PREPARATION = """
echo "directories.tokendir = $PWD" >softhsm2.conf
softhsm2-util --init-token --free --label demo --pin 1234 --so-pin 5678
pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label demo --login --pin 1234 --keypairgen --key-type rsa:2048 --label release-key --id 01
echo "a release" >release.tar
(umask 077; echo 1234 >pin)
cat >openssl.cnf <<END
openssl_conf = init
[init]
providers = list
[list]
default = active
pkcs11 = pkcs11_section
[active]
activate = 1
[pkcs11_section]
module = $BUILD/pkcs11.so
activate = 1
pkcs11-module-token-pin = file:$PWD/pin
END
"""
SESSION = (
    "pkcs11-objects list --login 'pkcs11:token=demo;type=private'",
    f"openssl dgst -sha256 -sign '{KEY}' -out release.sig release.tar",
    f"openssl pkey -in '{KEY}' -pubout -out public.pem",
    "openssl dgst -sha256 -verify public.pem -signature release.sig release.tar",
    f"pkcs11-doctor --login --sign '{KEY}' | sed -n '/^key/,$p'",
)
WIDTH, ADVANCE, HEIGHT, MARGIN = 100, 8.4, 19, 16


def prepared(build, folder):
    """The environment of the session. Everything else of the user's environment that could show is left out."""
    modules = [*Path("/usr").glob("lib/softhsm/libsofthsm2.so"), *Path("/usr").glob("lib/*/softhsm/libsofthsm2.so")]
    module = os.environ.get("PKCS11_PROVIDER_MODULE") or str(modules[0])
    environment = {"PATH": f"{build}:{os.environ['PATH']}", "BUILD": str(build), "PKCS11_PROVIDER_MODULE": module,
                   "SOFTHSM2_CONF": f"{folder}/softhsm2.conf", "COLUMNS": str(WIDTH), "LC_ALL": "C.UTF-8", "OPENSSL_MODULES": str(build)}
    subprocess.run(["bash", "-euc", PREPARATION], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {**environment, "OPENSSL_CONF": f"{folder}/openssl.cnf"}


def output_of(command, folder, environment):
    done = subprocess.run(["bash", "-o", "pipefail", "-euc", command], cwd=folder, env=environment, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"status {done.returncode}: {command}\n{done.stdout}")
    if folder in done.stdout or environment["BUILD"] in done.stdout:
        sys.exit(f"a folder of this machine shows: {command}\n{done.stdout}")
    return done.stdout.splitlines()


def lines(folder, environment):
    """Pairs of a class and a text."""
    for command in SESSION:
        yield "command", f"$ {command}"
        for line in output_of(command, folder, environment):
            for part in re.findall(f".{{1,{WIDTH}}}", line) or [""]:
                yield "output", part
    yield "command", "$ "


def svg(session):
    width, height = WIDTH * ADVANCE + 2 * MARGIN, len(session) * HEIGHT + 2 * MARGIN
    yield '<!-- Made by scripts/record-session.py. -->'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img" aria-label="A session at a terminal">'
    yield '<style>text{font:14px monospace;white-space:pre}.command{fill:#7ee787}.output{fill:#e6edf3}</style>'
    yield '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>'
    for number, (kind, text) in enumerate(session, 1):
        yield f'<text class="{kind}" x="{MARGIN}" y="{number * HEIGHT + MARGIN - 5}" xml:space="preserve">{html.escape(text, quote=False)}</text>'
    yield '</svg>'


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        session = list(lines(folder, prepared(build, folder)))
    print("\n".join(svg(session)))


main()
