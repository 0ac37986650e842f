<?php
// SPDX-License-Identifier: Apache-2.0
/* Signs a file by a key on a token:  php sign.php KEY-REFERENCE FILE SIGNATURE [PIN-FILE]
 * The provider is active in openssl.cnf. With PIN-FILE, the program's "passphrase" is the PIN. */
[, $reference, $file, $out] = $argv;
$pin = isset($argv[4]) ? trim(file_get_contents($argv[4])) : null;

$key = openssl_pkey_get_private("file://$reference", $pin);
if (!$key || !openssl_sign(file_get_contents($file), $signature, $key, OPENSSL_ALGO_SHA256)) {
    while ($reason = openssl_error_string()) {
        fwrite(STDERR, "$reason\n");
    }
    exit(1);
}
file_put_contents($out, $signature);
