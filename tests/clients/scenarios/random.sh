# SPDX-License-Identifier: Apache-2.0
# Random numbers from the token (pkcs11-random-token), in the library context that SoftHSM itself uses.
# shellcheck shell=bash

# random_from TOKEN_URI [KEY] [ORDER]: KEY (random or seed) of openssl.cnf's random section is the token's
random_from() {
    local names=$'random = PKCS11-RAND\nproperties = provider=pkcs11'
    [ "${2:-random}" = random ] || names=$'seed = PKCS11-RAND\nseed_properties = provider=pkcs11'
    configuration "pkcs11-random-token = $1
[random_section]
$names" "${3:-default}" "random = random_section"
}

counted_module() {
    export PKCS11_TEST_TARGET=$PKCS11_PROVIDER_MODULE PKCS11_TEST_COUNTS=$WORK/counts PKCS11_PROVIDER_MODULE=$TEST_MODULE
}
random_calls() { sed -n 's/^C_GenerateRandom[^0-9]*//p' counts; }

# takes_numbers COMMAND...: 32 bytes, which differ from one run to the next, and were asked of the token
takes_numbers() {
    rm -f counts
    clean "$@" -hex 32 >first
    [ "$(random_calls)" = 1 ] || die "$(random_calls) calls of C_GenerateRandom: $*"
    clean "$@" -hex 32 >second
    grep -qE '^[0-9a-f]{64}$' first || die "no 32 bytes: $*"
    differ first second || die "the same twice: $*"
}

scenario_random_token() {
    local order
    counted_module
    for order in default pkcs11; do
        random_from pkcs11:token=scenarios random $order
        takes_numbers openssl rand
    done
    random_from pkcs11:token=scenarios
    takes_numbers openssl rand -provider pkcs11 -provider default
    # 3000 bytes, in parts
    rm -f counts
    clean openssl rand -out numbers 3000
    [ "$(stat -c %s numbers) $(random_calls)" = "3000 3" ] || die "3000 bytes: $(random_calls) calls"
    # No login, with or without a PIN at hand.
    lacks '^C_Login' <counts || die "logged in for random numbers"
}

# As pkcs11-provider's users have it, who have no directive for the token: the only one with a generator.
scenario_random_token_of_a_module_that_is_loaded_early() {
    local token
    for token in empty retry; do softhsm2-util --delete-token --token "$token" >/dev/null; done
    counted_module
    configuration "pkcs11-module-load-behavior = early
[random_section]
random = PKCS11-RAND" default "random = random_section"
    takes_numbers openssl rand
    PKCS11_TEST_TOKEN_FLAGS=-0x1 fails "no random number generator" openssl rand -hex 16
}

# Programs that need random numbers and keys on the token; SoftHSM asks OpenSSL's default context, and so the provider, back.
scenario_random_token_programs() {
    local count
    counted_module
    random_from pkcs11:token=scenarios
    clean openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign "$(uri rsa)" -out sig data.bin
    plain dgst -sha256 -sigopt rsa_padding_mode:pss -verify "$(public_of rsa)" -signature sig data.bin >/dev/null
    rm -f counts
    clean openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
    plain pkey -in key.pem -check -noout >/dev/null
    count=$(random_calls)
    [ "${count:-0}" -gt 0 ] || die "a key was made without the token"
    # shellcheck disable=SC2034 # start_server reads it
    SERVER_PROV=()
    start_server -cert "$(certificate_of ec256)" -key "$(uri ec256)"
    handshake "$(certificate_of ec256)"
    stop_server
}

# No numbers at all is the answer where the token gives none.
scenario_random_token_errors() {
    local fault
    counted_module
    random_from pkcs11:token=scenarios
    for fault in C_GenerateRandom:1+=CKR_RANDOM_NO_RNG C_GenerateRandom:1+=CKR_DEVICE_ERROR C_OpenSession:1+=CKR_DEVICE_ERROR C_Initialize:1+=CKR_GENERAL_ERROR; do
        PKCS11_TEST_FAULTS=$fault fails "${fault%%:*}" openssl rand -hex 16
        [ ! -s stdout.txt ] || die "numbers in spite of $fault"
    done
    # What passes is repeated.
    PKCS11_TEST_FAULTS=C_GenerateRandom:1=CKR_SESSION_HANDLE_INVALID clean openssl rand -hex 16 >numbers
    PKCS11_TEST_TOKEN_FLAGS=-0x1 fails "no random number generator" openssl rand -hex 16
    random_from pkcs11:token=nosuch
    fails "no token fits pkcs11:token=nosuch" openssl rand -hex 16
    random_from pkcs11:
    fails "several tokens fit pkcs11-random-token" openssl rand -hex 16
    random_from 'pkcs11:token=a;token=b'
    fails "token" openssl rand -hex 16
    random_from yes
    fails "pkcs11-random-token" openssl rand -hex 16
    configuration "pkcs11_random_token = pkcs11:token=scenarios
[random_section]
random = PKCS11-RAND" default "random = random_section"
    fails "did you mean pkcs11-random-token" openssl rand -hex 16
    configuration "
[random_section]
random = PKCS11-RAND" default "random = random_section"
    fails "PKCS11-RAND needs pkcs11-random-token" openssl rand -hex 16
}

# OpenSSL 3.0 asks for a seed with a lock held that SoftHSM wants as well, 3.5 without; in another process it never does.
scenario_random_token_seed() {
    counted_module
    random_from pkcs11:token=scenarios seed
    case $(plain version) in
    "OpenSSL 3.0"*)
        fails "C_GenerateRandom" openssl rand -hex 16
        [ ! -s stdout.txt ] || die "numbers without a seed"
        ;;
    *)
        clean openssl rand -hex 32 >first
        [ "$(random_calls)" -gt 0 ] || die "no seed from the token"
        ;;
    esac
    PKCS11_PROVIDER_MODULE=$PKCS11_TEST_TARGET
    token_server
    counted_module
    random_from pkcs11:token=scenarios seed
    rm -f counts
    clean openssl rand -hex 32 >first
    [ "$(random_calls)" -gt 0 ] || die "no seed from the token"
    clean openssl rand -hex 32 >second
    grep -qE '^[0-9a-f]{64}$' first || die "no 32 bytes from a seeded generator"
    differ first second || die "the same twice from a seeded generator"
    kill_token_server
}

scenario_debian13_random_token() {
    debian13
    tokens13
    printf 'openssl_conf = init\n[init]\nproviders = providers\nrandom = random_section\n[providers]\ndefault = default_section\npkcs11 = pkcs11_section\n[default_section]\nactivate = 1\n[pkcs11_section]\nactivate = 1\npkcs11-random-token = pkcs11:token=scenarios\n[random_section]\nrandom = PKCS11-RAND\nproperties = provider=pkcs11\n' >"$HOME13/my.cnf"
    # shellcheck disable=SC2034 # in13 reads it
    ENV13=(OPENSSL_CONF=/srv/my.cnf "PKCS11_PROVIDER_DEBUG=file:/srv/log,level:2")
    works13 'openssl rand -hex 32 >first; openssl rand -hex 32 >second; differ first second; grep -qE "^[0-9a-f]{64}$" first; grep -q "C_GenerateRandom.*CKR_OK" log'
    works13 'openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign "pkcs11:token=scenarios;object=rsa;type=private?pin-value=1234" -out sig first; OPENSSL_CONF=/dev/null openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify rsa.pub.pem -signature sig first'
}
