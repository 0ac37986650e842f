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
    plain pkeyutl -verify -pubin -inkey "$(public_of "$label")" -in hash -sigfile sig >/dev/null
}

scenario_exit_orders() {
    export OPENSSL_MODULES=$PROVIDER_DIR
    head -c 32 /dev/zero >hash
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
    head -c 32 /dev/zero >hash
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
