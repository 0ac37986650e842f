# SPDX-License-Identifier: Apache-2.0
# How programs end, and modules that use libcrypto while the provider is active in it.
# shellcheck shell=bash

# ends LABEL ORDER [WORD]: the program signs, says WORD or nothing, and keeps its status.
ends() {
    local label=$1 order=$2 word=${3:-} status=0
    rm -f sig
    timeout "$PATIENCE" "${RUNNER[@]}" "$ENDING_PROGRAM" "$(uri "$label")" "$WORK/sig" "$order" >stdout.txt 2>stderr.txt </dev/null ||
        status=$?
    [ "$status" = 42 ] || { cat stderr.txt >&2; die "status $status instead of 42: $order, $label"; }
    [ ! -s stderr.txt ] || { cat stderr.txt >&2; die "says something at its end: $order, $label"; }
    [ "$(cat stdout.txt)" = "$word" ] || die "says \"$(cat stdout.txt)\" and not \"$word\": $order, $label"
    plain pkeyutl -verify -pubin -inkey "$(public_of "$label")" -in hash.bin -sigfile sig >/dev/null
}

scenario_exit_orders() {
    export OPENSSL_MODULES=$PROVIDER_DIR
    head -c 32 /dev/zero >hash.bin
    local label order
    for label in $(first_under_valgrind ec256 rsa); do
        for order in return_alive exit_alive exit_freed cleanup_alive cleanup_freed cleanup_in_handler cleanup_in_late_handler \
            immediately quickly freeing_handler_before_provider freeing_handler_after_provider own_context_alive own_context_freed; do
            ends "$label" "$order"
        done
        # A handler that runs after the module's end gets an error, and no more.
        ends "$label" handler_before_provider refused
        ends "$label" handler_before_module refused
        ends "$label" handler_after_provider signed
    done
}

scenario_exit_orders_with_threads() {
    export OPENSSL_MODULES=$PROVIDER_DIR
    head -c 32 /dev/zero >hash.bin
    local label order
    for label in ec256 rsa; do
        for order in exit_while_signing return_while_signing immediately_while_signing thread_exits_while_signing \
            thread_exits_while_main_signs unload_while_signing free_context_while_signing; do
            for _ in 1 2 3 4 5; do
                ends "$label" "$order"
            done
        done
    done
}

# Programs that load the module by themselves, without the provider: the module finds it active in its libcrypto.
tool() { timeout "$PATIENCE" "${RUNNER[@]}" pkcs11-tool --module "$PKCS11_PROVIDER_MODULE" --token-label scenarios --login --pin "$PIN" "$@" </dev/null; }

# Keys that the module takes in while the provider is active sign as their files say; and they are taken out again.
import_and_sign() { # FOLDER
    local label id=50
    for label in rsa ec256; do
        timeout "$PATIENCE" "${RUNNER[@]}" softhsm2-util --import "$TOKENS/$label.pem" --token scenarios --label "new-$label" \
            --id $id --pin "$PIN" >"$1/import-$label" 2>&1 </dev/null || die "softhsm2-util --import: $(cat "$1/import-$label")"
        # SoftHSM lists new objects in any order.
        tool --list-objects 2>&1 | sort >"$1/imported-$label" || die "pkcs11-tool --list-objects: $label"
        grep -q "new-$label" "$1/imported-$label" || die "not imported: $label"
        # SoftHSM hashes for RSA alone.
        if [ $label = rsa ]; then
            tool --sign --id $id --mechanism SHA256-RSA-PKCS -i data.bin -o sig >log 2>&1
        else
            tool --sign --id $id --mechanism ECDSA --signature-format openssl -i hash.bin -o sig >log 2>&1
        fi || die "pkcs11-tool --sign: $(cat log)"
        plain dgst -sha256 -verify "$(public_of $label)" -signature sig data.bin >/dev/null
        for type in privkey pubkey; do
            tool --delete-object --type $type --id $id >log 2>&1 || die "pkcs11-tool --delete-object: $(cat log)"
        done
        id=$((id + 1))
    done
}

# report FOLDER: what the programs say, and make, in the present configuration; all of it is the same each time.
report() {
    mkdir "$1"
    tool --list-objects >"$1/objects" 2>&1 || die "pkcs11-tool --list-objects: $(cat "$1/objects")"
    tool --list-mechanisms >"$1/mechanisms" 2>&1 || die "pkcs11-tool --list-mechanisms"
    tool --sign --mechanism SHA256-RSA-PKCS --id 01 -i data.bin -o "$1/signature" >"$1/signing" 2>&1 ||
        die "pkcs11-tool --sign: $(cat "$1/signing")"
    timeout "$PATIENCE" "${RUNNER[@]}" softhsm2-util --show-slots >"$1/slots" 2>&1 || die "softhsm2-util: $(cat "$1/slots")"
    import_and_sign "$1"
    # GnuTLS's tool hangs at its end in the C library's locale lock when the sanitizer's runtime is preloaded.
    [ -n "${SCENARIO_PRELOAD:-}" ] || [ -n "${P11TOOL_CRASHES:-}" ] || list_all "$1" || die "p11tool: $(cat "$1/p11tool")"
}
list_all() { # FOLDER
    timeout "$PATIENCE" "${RUNNER[@]}" p11tool --provider "$PKCS11_PROVIDER_MODULE" --login --set-pin "$PIN" --list-all \
        pkcs11:token=scenarios >"$1/p11tool" 2>&1
}

same_as_without() { # NAME PROVIDER'S-BODY FIRST DEFAULT-SECTION
    configuration "${@:2}"
    clean openssl list -providers >providers.txt
    grep -q pkcs11 providers.txt || die "$1: the provider is not active"
    report "$1"
    diff -r without "$1" >differences || { cat differences >&2; die "$1: other than without the provider"; }
}

scenario_module_is_used_by_others() {
    local preferred='alg_section = algs
[algs]
default_properties = ?provider=pkcs11'
    plain dgst -sha256 -binary -out hash.bin data.bin
    # That of Debian 13 crashes at the token's X448 keys, whoever is there.
    mkdir alone
    [ -n "${SCENARIO_PRELOAD:-}" ] || list_all alone || P11TOOL_CRASHES=yes
    report without
    same_as_without default-first "" default
    same_as_without provider-first "" pkcs11
    same_as_without preferred "" default "$preferred"
    same_as_without preferred-first "" pkcs11 "$preferred"
    same_as_without early "pkcs11-module-load-behavior = early" pkcs11
}
