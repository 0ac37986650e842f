// SPDX-License-Identifier: Apache-2.0
/* A TLS server whose key is on a token:  node tls_server.js PORT CERTIFICATE KEY-REFERENCE
 * The provider is active in openssl.cnf, where Node.js reads the section that "nodejs_conf" names. */
const fs = require('fs');
const https = require('https');

const [port, certificate, reference] = process.argv.slice(2);
const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(reference) };
https.createServer(options, (request, response) => response.end('hello\n')).listen(Number(port), '127.0.0.1');
