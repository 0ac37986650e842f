#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a tool for help2man, with its help as CLI11 wrote it up to 2.4:  tool-help.sh TOOL OPTION
# From 2.5 on headings are in capitals and not indented, and options in columns.
set -eu
"$@" | awk '
    { sub(/ +$/, "") }
    $1 ~ /^pkcs11-/ && $2 ~ /^\[/ { print "Usage: " $0; next }
    /^SUBCOMMANDS:$/ { inside = 1; print "Subcommands:"; next }
    /^(POSITIONALS|OPTIONS):$/ { newer = 1; print (inside ? "  " : "") substr($0, 1, 1) tolower(substr($0, 2)); next }
    newer && /^ +-/ { sub(/^ +/, inside ? "    " : "  "); sub(/, +--/, ",--") }
    inside && $0 == "" { next }
    inside && /^[a-z]/ { if (count++) print ""; print; described = 0; next }
    inside && newer && /^  / && described++ { print "  " $0; next }
    { if ($0 != "" || last != "") print; last = $0 }'
