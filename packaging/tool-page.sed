# SPDX-License-Identifier: Apache-2.0
# help2man knows nothing of CLI11's subcommands: each becomes a heading of its own. For sed -E -z.
s/\n\.IP\nOptions:\n/\n/g
s/\nPositionals:\n/\n/g
s/\n\.SS "Positionals:"\n/\n.SH ARGUMENTS\n/
s/\n\.PP\nSubcommands:\n/\n.SH COMMANDS\n.PP\n/
s/\n\.PP\n([a-z0-9\\-]+)\n\.IP\n/\n.SS \1\n/g
s/\n\.SH COMMANDS\n\.PP\n([a-z0-9\\-]+)\n\.IP\n/\n.SH COMMANDS\n.SS \1\n/
# Both names of an option.
s/\\fR,(\\-\\-[a-z\\-]+)/\\fR, \\fB\1\\fR/g
