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
        ! grep -q ready traced || break
        kill -0 $tracer 2>/dev/null || { echo "bpftrace cannot trace here: $(cat errors)"; exit 77; }
        sleep 0.1
    done
    ossl dgst -sha256 -sign "$(uri ec256)" -out sig data.bin
    for _ in $(seq 100); do
        ! grep -q C_Finalize traced || break
        sleep 0.1
    done
    kill -INT $tracer
    wait $tracer || true
    holds -x 'C_Sign CKR_OK' <traced || die "the call: $(cat traced errors)"
    holds -x 'sign CKM_ECDSA ok' <traced || die "the operation: $(cat traced errors)"
}
