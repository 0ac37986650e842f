# SPDX-License-Identifier: Apache-2.0
# Texts of docs/troubleshooting.md that programs say about faults of the token's side. The scenarios of the programs have the others.
# shellcheck shell=bash

# python_says PATTERN: what a program sees that asks OpenSSL for all reasons, and redis_says what one sees that shows the first
python_says() { says "$1" /usr/bin/python3 "$SOURCE/examples/python/sign_by_ctypes.py" "$URI" data.bin sig; }
redis_says() { says "$1" redis-server redis.conf --dir "$WORK" --save ""; }

# A program shows the kind of error alone, where openssl also tells what the module answered.
scenario_programs_login_failed() {
    programs_files redis-server
    documented redis >redis.conf
    sed -i "s|^pkcs11-module-path.*|pkcs11-module-path = $TEST_MODULE|" openssl.cnf
    export PKCS11_TEST_TARGET PKCS11_TEST_FAULTS="C_Login:1+=CKR_DEVICE_ERROR"
    PKCS11_TEST_TARGET=$(cat "$TOKENS/module")
    redis_says "Failed to load private key: .*pkcs11::login failed\$"
    python_says "C_Login answered CKR_DEVICE_ERROR"
}

# Debian's softhsm2.conf is readable for the group softhsm alone, and its package makes it so.
scenario_programs_softhsm_configuration() {
    programs_files redis-server
    [ "$(id -u)" = 0 ] || { echo "it takes root to become somebody else"; exit 77; }
    documented redis >redis.conf
    chmod 640 softhsm2.conf
    chown nobody pin rsa.key.pem
    local somebody=(setpriv --reuid=nobody --regid=nogroup --clear-groups) group=(setpriv --reuid=nobody --regid=softhsm --clear-groups)
    says "Failed to load private key: .*pkcs11::not found" "${somebody[@]}" redis-server "$WORK/redis.conf" --dir "$WORK" --save ""
    says "tokens present: none.*softhsm2.conf cannot be read by user nobody" \
        "${somebody[@]}" /usr/bin/python3 "$SOURCE/examples/python/sign_by_ctypes.py" "$URI" data.bin sig
    # With the rights it is another matter.
    chmod 644 softhsm2.conf
    "${group[@]}" /usr/bin/python3 "$SOURCE/examples/python/sign_by_ctypes.py" "$URI" data.bin /dev/null || die "not with the rights either"
}

# OPENSSL_CONF replaces the system's file, which has the section that openssl req wants.
scenario_programs_configuration_without_req() {
    programs_files openssl
    sed '/^\.include/d' openssl.cnf >alone.cnf
    OPENSSL_CONF=$WORK/alone.cnf says "distinguished_name|No objects specified in config file" openssl req -new -key "$URI" -out request.pem
    clean openssl req -new -key "$URI" -subj /CN=x -out request.pem
    plain req -in request.pem -verify -noout 2>/dev/null
}
