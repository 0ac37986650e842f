#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs a file by a key on a token, without another process:  sign_by_ctypes.py URI FILE SIGNATURE

These are the calls of ../sign_file.c. The provider is active in openssl.cnf.
"""
import ctypes
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p

crypto = ctypes.CDLL("libcrypto.so.3")
STORE_INFO_PKEY = 4  # OSSL_STORE_INFO_PKEY


def function(name, result, *arguments):
    call = getattr(crypto, name)
    call.restype, call.argtypes = result, arguments
    return call


store_open = function("OSSL_STORE_open", c_void_p, c_char_p, c_void_p, c_void_p, c_void_p, c_void_p)
store_expect = function("OSSL_STORE_expect", c_int, c_void_p, c_int)
store_load = function("OSSL_STORE_load", c_void_p, c_void_p)
store_close = function("OSSL_STORE_close", c_int, c_void_p)
info_key = function("OSSL_STORE_INFO_get1_PKEY", c_void_p, c_void_p)
info_free = function("OSSL_STORE_INFO_free", None, c_void_p)
key_free = function("EVP_PKEY_free", None, c_void_p)
context_new = function("EVP_MD_CTX_new", c_void_p)
context_free = function("EVP_MD_CTX_free", None, c_void_p)
sign_init = function("EVP_DigestSignInit_ex", c_int, c_void_p, c_void_p, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)
sign = function("EVP_DigestSign", c_int, c_void_p, c_void_p, c_void_p, c_char_p, c_size_t)
get_error = function("ERR_get_error_all", ctypes.c_ulong, c_void_p, c_void_p, c_void_p, ctypes.POINTER(c_char_p), c_void_p)


def check(result):
    """Raises OpenSSL's reasons if a call failed."""
    if not result:
        reasons, data = [], c_char_p()
        while get_error(None, None, None, byref(data), None):
            reasons.append((data.value or b"").decode())
        raise OSError("; ".join(filter(None, reasons)) or "OpenSSL gives no reason")
    return result


def load_key(uri):
    store = check(store_open(uri.encode(), None, None, None, None))
    try:
        check(store_expect(store, STORE_INFO_PKEY))
        info = check(store_load(store))
        key = check(info_key(info))
        info_free(info)
        return key
    finally:
        store_close(store)


def signature(key, data):
    context = context_new()
    try:
        length = c_size_t()
        check(sign_init(context, None, b"SHA256", None, None, key, None))
        check(sign(context, None, byref(length), data, len(data)))
        buffer = ctypes.create_string_buffer(length.value)
        check(sign(context, buffer, byref(length), data, len(data)))
        return buffer.raw[: length.value]
    finally:
        context_free(context)


uri, file, out = sys.argv[1:]
private = load_key(uri)
try:
    with open(file, "rb") as data, open(out, "wb") as target:
        target.write(signature(private, data.read()))
finally:
    key_free(private)
