#!/usr/bin/env bash
# A short run of every fuzzer. test/fuzz/run says what they are.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
command -v clang >/dev/null || { echo "1..0 # SKIP NO CLANG: test/setup test installs it"; exit 0; }
exec test/fuzz/run "${FUZZ_SECONDS:-3}"
