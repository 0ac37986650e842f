# SPDX-License-Identifier: Apache-2.0
# bash completion for the tools of openssl-pkcs11: their --help says which options and commands there are.
# shellcheck shell=bash
_openssl_pkcs11_tool() {
    # shellcheck disable=SC2034 # _init_completion sets them all
    local cur prev words cword
    _init_completion || return
    local tool=$1 commands command=() word
    commands=$("$tool" --help 2>/dev/null | sed -n '/^subcommands:/I,$s/^  \([a-z0-9-]*\) .*/\1/p')
    for word in "${words[@]:1:cword-1}"; do
        [[ " ${commands//$'\n'/ } " != *" $word "* ]] || command=("$word")
    done
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$tool" "${command[@]}" --help 2>/dev/null | grep -oE -- '--[a-z0-9-]+')" -- "$cur")
    else
        # Where a command has to come, a file can be an option's value alone.
        [[ -n $commands && ${#command[@]} -eq 0 && $prev != -* ]] || _filedir
        [[ ${#command[@]} -gt 0 ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$commands" -- "$cur")
    fi
}
complete -F _openssl_pkcs11_tool pkcs11-doctor pkcs11-keyprovider pkcs11-objects pkcs11-uri2pem
