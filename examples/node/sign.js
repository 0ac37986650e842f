// SPDX-License-Identifier: Apache-2.0
/* Signs a file by a key on a token:  node sign.js KEY-REFERENCE FILE SIGNATURE [PIN-FILE]
 * With PIN-FILE, the program's "passphrase" is the PIN. */
const crypto = require('crypto');
const fs = require('fs');

const [reference, file, out, pin] = process.argv.slice(2);
const passphrase = pin === undefined ? undefined : fs.readFileSync(pin, 'utf8').trim();
const key = crypto.createPrivateKey({ key: fs.readFileSync(reference), format: 'pem', passphrase });
fs.writeFileSync(out, crypto.sign('sha256', fs.readFileSync(file), key));
