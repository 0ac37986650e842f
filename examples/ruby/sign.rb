# SPDX-License-Identifier: Apache-2.0
# Signs a file by a key on a token:  ruby sign.rb URI FILE SIGNATURE
# Ruby's own openssl library crashes with RSA and EC keys on a token (ruby/openssl issue 872). So the command openssl signs.
uri, file, out = ARGV
system('openssl', 'dgst', '-sha256', '-sign', uri, '-out', out, file, exception: true)
