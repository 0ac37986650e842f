#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gets a page, and shows a client certificate whose key is on a token:  tls_client.py URL CA CERTIFICATE KEY-REFERENCE"""
import ssl
import sys
import urllib.request

url, ca, certificate, key = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
sys.stdout.buffer.write(urllib.request.urlopen(url, context=context).read())
