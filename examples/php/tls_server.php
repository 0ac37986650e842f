<?php
// SPDX-License-Identifier: Apache-2.0
/* A TLS server whose key is on a token:  php tls_server.php PORT CERTIFICATE KEY-REFERENCE
 * A client uses the same two options, "local_cert" and "local_pk". */
[, $port, $certificate, $reference] = $argv;

$context = stream_context_create(['ssl' => ['local_cert' => $certificate, 'local_pk' => $reference]]);
$flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
$server = stream_socket_server("tls://127.0.0.1:$port", $number, $text, $flags, $context) or exit(1);
while (true) {
    // A client that goes away is no reason to end.
    if ($client = @stream_socket_accept($server, -1)) {
        fwrite($client, "HTTP/1.0 200 OK\r\n\r\nhello\n");
        fclose($client);
    }
}
