#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows how many small wrong changes to the source the tests find:  mutate.sh [OPTION...]
#   --list         prints the list, checks that it still fits the source, and does no more
#   --only ID...   tries only these; a pattern such as 'pins/*' stands for several
#   --jobs N       sets the number of parallel tests (one more than processors)
#   --no-build     builds nothing
# All changes of tests/mutations/*.txt are built into one copy of the provider and the programs, in build/mutants.
# PKCS11_MUTANT switches one of them on for the tests that the list names. These tests are those of build/release.
# Ends with status 1 if a test fails without a change, if a change survives for no reason that the list gives, or if the
# tests find fewer than 95 %.
# docs/testing.md describes the list.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 -B scripts/mutants/mutate.py "$@"
