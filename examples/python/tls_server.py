#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TLS server whose key is on a token:  tls_server.py PORT CERTIFICATE KEY-REFERENCE [PIN-FILE]

The module ssl takes files only, so the key is a key reference (pkcs11-uri2pem). The provider is active in openssl.cnf.
With PIN-FILE, the program's "password" is the PIN. Otherwise openssl.cnf names the PIN.
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\n")


class Server(ThreadingHTTPServer):
    def get_request(self):
        # The handshake is done by the thread of the connection.
        connection, address = self.socket.accept()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


def pin():
    return Path(sys.argv[4]).read_text().strip()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3], password=pin if len(sys.argv) > 4 else None)
Server(("127.0.0.1", int(sys.argv[1])), Hello).serve_forever()
