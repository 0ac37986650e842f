# SPDX-License-Identifier: Apache-2.0
# What tracers see of a running program: the static probes.
# shellcheck shell=bash

# probes_built: skips the scenario if the provider was built without sys/sdt.h
probes_built() {
    readelf -S "$PROVIDER" | holds '\.note\.stapsdt' && return
    echo '#include <sys/sdt.h>' | cc -E - >/dev/null 2>&1 || { echo "there is no sys/sdt.h"; exit 77; }
    die "the provider has no probes, though sys/sdt.h is here"
}

# Each probe is there once, with its arguments (8 bytes each) and its counter.
scenario_probes_are_in_the_file() {
    probes_built
    readelf -n "$PROVIDER" | awk '$1 == "Provider:" { p = $2 } $1 == "Name:" { n = $2 } /Semaphore:/ { s = $NF }
        $1 == "Arguments:" { gsub(/@[^ ]*/, "@"); sub(/^ *Arguments: */, ""); print p, n, $0, (s != "0x0000000000000000") }' | sort >there
    diff - there <<'END' || die "the probes"
pkcs11 call_entry 8@ 1
pkcs11 call_return 8@ 8@ 8@ 1
pkcs11 operation_end 8@ 8@ 8@ 8@ 1
pkcs11 operation_start 8@ 8@ 8@ 1
END
}

# gdb_built: skips the scenario without gdb. Without its symbols, gdb reads the provider in no time.
gdb_built() {
    command -v gdb >/dev/null || { echo "gdb is not installed"; exit 77; }
    probes_built
    mkdir bare
    strip --strip-debug -o bare/pkcs11.so "$PROVIDER"
    PROV[1]=$WORK/bare
}

# at_probes COMMAND...: runs it under gdb, which prints the arguments at each probe
at_probes() {
    cat >commands.gdb <<'END'
set pagination off
set auto-load no
tcatch load /pkcs11\.so$
run
break -probe-stap pkcs11:call_entry
commands
silent
printf "probe: call_entry %s\n", (char*)$_probe_arg0
continue
end
break -probe-stap pkcs11:call_return
commands
silent
printf "probe: call_return %s %lu %s\n", (char*)$_probe_arg0, $_probe_arg1, (char*)$_probe_arg2
continue
end
break -probe-stap pkcs11:operation_start
commands
silent
printf "probe: operation_start %s %s %s\n", (char*)$_probe_arg0, (char*)$_probe_arg1, (char*)$_probe_arg2
continue
end
break -probe-stap pkcs11:operation_end
commands
silent
printf "probe: operation_end %s %s %s %s\n", (char*)$_probe_arg0, (char*)$_probe_arg1, (char*)$_probe_arg2, (char*)$_probe_arg3
continue
end
continue
END
    DEBUGINFOD_URLS='' timeout "$PATIENCE" gdb -nx -batch -x commands.gdb --args "$@" >gdb.log 2>&1 </dev/null || { cat gdb.log >&2; die "gdb"; }
    sed -n 's/^probe: //p' gdb.log >probes
}

scenario_probes_have_arguments() {
    gdb_built
    local key end
    at_probes openssl dgst "${PROV[@]}" -sha256 -sign "$(uri ec256)" -out sig data.bin
    plain dgst -sha256 -verify "$(public_of ec256)" -signature sig data.bin | holds 'Verified OK' || die "the signature"
    key=$(sed -n 's/^operation_start sign CKM_ECDSA \(pkcs11:.*;object=ec256;type=private\)$/\1/p' probes)
    [ -n "$key" ] || die "no start: $(cat probes)"
    sed -n '/^operation_start/,/^operation_end/p' probes | diff - <(printf '%s\n' "operation_start sign CKM_ECDSA $key" \
        "call_entry C_SignInit" "call_return C_SignInit 0 CKR_OK" "call_entry C_Sign" "call_return C_Sign 0 CKR_OK" \
        "operation_end sign CKM_ECDSA $key ok") || die "the operation"
    for end in C_Initialize C_Login C_Finalize; do
        grep -qxF "call_return $end 0 CKR_OK" probes || die "no $end: $(cat probes)"
    done
    ! mentions_pin probes || die "a PIN"
    # An error has its name.
    at_probes openssl dgst "${PROV[@]}" -sha256 -sign "pkcs11:token=scenarios;object=ec256;type=private?pin-value=$WRONG_PIN" -out sig data.bin
    grep -qxF "call_return C_Login 160 CKR_PIN_INCORRECT" probes || die "no error: $(cat probes)"
}

# Neither the answer nor the end of a decryption tells whether the padding was good.
scenario_probes_of_a_decryption() {
    gdb_built
    echo secret >message
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -in message -out good
    plain pkeyutl -encrypt -pubin -inkey "$(public_of rsa)" -pkeyopt rsa_padding_mode:oaep -in message -out bad
    counted_module
    export PKCS11_TEST_HIDE_MECHANISMS=0x3 # the token removes the padding
    local which
    for which in good bad; do
        at_probes openssl pkeyutl "${PROV[@]}" -decrypt -inkey "$(uri rsa)" -in $which -out out
        grep -xE 'call_return C_Decrypt .*|operation_end .*' probes >"told-$which"
    done
    cmp told-good told-bad || die "they differ: $(cat told-good told-bad)"
    holds -xE 'call_return C_Decrypt 18446744073709551615 ' <told-good || die "what is told: $(cat told-good)"
    holds -xE 'operation_end decrypt CKM_RSA_PKCS pkcs11:.* answered' <told-good || die "what is told: $(cat told-good)"
}

# bpftrace attaches to the file, before the program starts.
scenario_probes_for_bpftrace() {
    command -v bpftrace >/dev/null || { echo "bpftrace is not installed"; exit 77; }
    probes_built
    cat >trace.bt <<END
BEGIN { printf("ready\n"); }
usdt:$PROVIDER:pkcs11:call_return { printf("%s %s\n", str(arg0), str(arg2)); }
usdt:$PROVIDER:pkcs11:operation_end { printf("%s %s %s\n", str(arg0), str(arg1), str(arg3)); }
END
    bpftrace -B line trace.bt >traced 2>errors &
    local tracer=$!
    for _ in $(seq 300); do
        if grep -q ready traced; then break; fi
        kill -0 $tracer 2>/dev/null || { echo "bpftrace cannot trace here: $(cat errors)"; exit 77; }
        sleep 0.1
    done
    ossl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    for _ in $(seq 100); do
        if grep -q C_Finalize traced; then break; fi
        sleep 0.1
    done
    kill -INT $tracer
    wait $tracer || true
    holds -x 'C_Sign CKR_OK' <traced || die "the call: $(cat traced errors)"
    holds -x 'sign CKM_ECDSA ok' <traced || die "the operation: $(cat traced errors)"
}

# blocks_of LABEL: the blocks of that label in docs/observability.md, each ends with a line "---"
blocks_of() {
    awk -v label="$1" '/^```/ { if (inside) print "---"; inside = $0 == "```" label; next } inside' "$SOURCE/docs/observability.md"
}

# run_blocks LABEL: runs each, with ten seconds as two and ten signatures in place of a hundred; the outputs are out-1, out-2, ...
run_blocks() {
    local line block='' number=0
    while IFS= read -r line; do
        [ "$line" = --- ] || { block+=$line$'\n'; continue; }
        number=$((number + 1))
        block=${block//interval:s:10/interval:s:2}
        block=${block//sleep 10/sleep 2}
        block=${block//--time 100/--time 10}
        bash -euc "$block" >"out-$number" 2>err || die "the block $number of $1: $(cat err) $block"
        block=
    done < <(blocks_of "$1")
    [ "$number" -gt 0 ] || die "no blocks $1"
}

# observed: an audit log and a debug log of two signatures, one that failed, and a wrong PIN. Sets the document's variables.
observed() {
    [ -x "$DOCTOR" ] || { echo "the doctor is not built"; exit 77; }
    export AUDIT=$WORK/audit.json LOG=$WORK/debug.json FILE=$WORK/data.bin KEY MODULE=pkcs11-test-module.so PROVIDER
    KEY=$(uri ec256)
    PATH=$(dirname "$DOCTOR"):$PATH
    [ "$(blocks_of sh-variables | sed -nE 's/^(export )?([A-Z]+)=.*/\2/p' | sort | xargs)" = "AUDIT FILE KEY LOG MODULE PROVIDER" ] || die "the document has other variables"
    counted_module
    configuration "pkcs11-audit-log = file:$AUDIT"
    export PKCS11_PROVIDER_DEBUG=file:$LOG,level:2,format:json
    local key
    for key in ec256 rsa; do clean openssl dgst -sha256 -sign "$(uri $key)" -out sig data.bin; done
    PKCS11_TEST_FAULTS='C_Sign:1=CKR_KEY_FUNCTION_NOT_PERMITTED' fails CKR_KEY_FUNCTION_NOT_PERMITTED openssl dgst -sha256 -sign "$KEY" -out sig data.bin
    fails CKR_PIN_INCORRECT openssl dgst -sha256 -sign "pkcs11:token=scenarios;object=ec256;type=private?pin-value=$WRONG_PIN" -out sig data.bin
    unset PKCS11_PROVIDER_DEBUG
}

# out_has NUMBER PATTERN...
out_has() {
    local pattern
    for pattern in "${@:2}"; do holds -E -- "$pattern" <"out-$1" || die "block $1 does not say $pattern: $(cat "out-$1")"; done
}

scenario_documents_observability() {
    [ -z "${SCENARIO_PRELOAD:-}" ] || { echo "the commands are run as they stand, without a sanitizer's runtime"; exit 77; }
    observed
    tail -n 1 audit.json | jq -c '.lost = 3' >lost
    cat lost >>audit.json
    # A process that has the module loaded while it waits for data.
    mkfifo later.fifo
    openssl dgst -sha256 -sign "$KEY" -out sig - <later.fifo &
    local signer=$!
    exec 9>later.fifo
    for _ in $(seq 100); do
        if grep -q "$MODULE" "/proc/$signer/maps"; then break; fi
        sleep 0.1
    done
    run_blocks sh
    out_has 1 "^ +3 $(id -un)"$'\tsign\tscenarios\tpkcs11:.*object=ec256' $'^ +1 .*\tsign\tscenarios\tpkcs11:.*object=rsa'
    out_has 2 $'Z\tsign\tCKM_ECDSA\tCKR_KEY_FUNCTION_NOT_PERMITTED$'
    out_has 3 '"user":\{"uid":[0-9]+,"name":".*"\},"uri":"pkcs11:.*object=rsa'
    out_has 4 '^\{"operation":"sign","count":4,"p50":[0-9.]+,"p99":[0-9.]+\}$'
    out_has 5 '^\{"function":"C_Sign","count":3,"p50":[0-9]+,"p99":[0-9]+\}$' '"function":"C_Login"'
    out_has 6 'p50.*p99'
    out_has 7 $'^ +2 sign\tCKM_ECDSA\tCKR_KEY_FUNCTION_NOT_PERMITTED$'
    out_has 8 $'^ +1 C_Sign\tCKR_KEY_FUNCTION_NOT_PERMITTED$' $'^ +1 C_Login\tCKR_PIN_INCORRECT$'
    out_has 9 $'Z\t[0-9]+\t3$'
    out_has 10 .
    out_has 11 '^\{"pid":[0-9]+,"opened":1,"closed":[0-9]+\}$'
    out_has 12 "^ *$signer .*openssl dgst"
    out_has 13 $'Z\t[0-9]+\tCKR_PIN_INCORRECT$'
    out_has 14 'PIN: '
    [ ! -e out-15 ] || die "a block is not judged"
    echo data >&9
    exec 9>&-
    wait "$signer"
}

# The blocks for bpftrace and perf, beside a program that signs with a slow token until they have ended.
scenario_probes_in_the_document() {
    command -v bpftrace >/dev/null || { echo "bpftrace is not installed"; exit 77; }
    command -v perf >/dev/null || { echo "perf is not installed"; exit 77; }
    probes_built
    bpftrace -e 'BEGIN { exit(); }' >/dev/null 2>&1 || { echo "bpftrace cannot trace here"; exit 77; }
    observed
    touch busy
    export PKCS11_TEST_DELAY_US=20000
    while [ -e busy ]; do
        PKCS11_TEST_FAULTS='C_Sign:1=CKR_KEY_FUNCTION_NOT_PERMITTED' openssl dgst -sha256 -sign "$KEY" -out sig data.bin || true
        openssl dgst -sha256 -sign "pkcs11:token=scenarios;object=ec256;type=private?pin-value=$WRONG_PIN" -out sig data.bin || true
    done >/dev/null 2>&1 &
    run_blocks bpftrace
    out_has 1 '@microseconds\[C_Sign\]'
    out_has 2 '@errors\[openssl, C_Sign, CKR_KEY_FUNCTION_NOT_PERMITTED\]'
    out_has 3 '@(inside|operation)\['
    out_has 4 '^[0-9]+ openssl [0-9]+ CKR_PIN_INCORRECT$'
    [ ! -e out-5 ] || die "a block is not judged"
    run_blocks perf
    holds -E '^ +[1-9][0-9,.]* +sdt_pkcs11:call_return' <err || die "perf: $(cat err)"
    rm busy
    wait
}
