#!/usr/bin/env bash
# A short fault campaign. test/torture/campaign says what it does.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
[[ ${RIG_DIR-} ]] || exec test/run test/torture.t
exec test/torture/campaign "${TORTURE_RUNS:-25}" "${TORTURE_SEED:-$RANDOM$RANDOM}"
