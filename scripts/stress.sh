#!/usr/bin/env bash
# Runs the integration tests N times while thread starts and system calls of the gateway and of the tests are delayed
# at random, and lists the tests that failed: those whose outcome depends on a moment.
# Usage: scripts/stress.sh [N] [PATTERN]    (N: 1 by default; PATTERN: as of pytest -k)
#   PORTCULLIS_STRESS_SEED=NUMBER repeats a run approximately; each run prints its own.
#   PORTCULLIS_STRESS_FACTOR=NUMBER makes delays so many times more frequent (1 by default).
#   PORTCULLIS_TEST_JOBS=NUMBER of tests side by side (3 by default).
# Output, one file for each run: build/stress/.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
runs=${1:-1}
pattern=${2:-}
if [[ ! $runs =~ ^[1-9][0-9]*$ ]]; then
  echo "stress: the number of runs must be a positive number, not \"$runs\"; usage: scripts/stress.sh [N] [PATTERN]" >&2
  exit 64
fi
scripts/bootstrap.sh build test
cmake --preset release >/dev/null
cmake --build --preset release --target portcullis test_support

out=build/stress
mkdir -p "$out"
# pytest handles Ctrl-C itself, and the following runs must not begin.
trap 'exit 130' INT
trap 'exit 143' TERM
# LD_PRELOAD treats a space as a separator. Tests also run programs as other users.
preload=$(mktemp -d)
trap 'rm -rf "$preload"' EXIT
chmod 755 "$preload"
ln -s "$PWD/build/release/tests/support/libstress.so" "$preload/libstress.so"
seed=${PORTCULLIS_STRESS_SEED:-$((RANDOM * 32768 + RANDOM))}
failed=0
: >"$out/failed"
for ((run = 1; run <= runs; ++run, ++seed)); do
  log=$out/seed-$seed.log
  echo "run $run of $runs: PORTCULLIS_STRESS_SEED=$seed, output in $log"
  LD_PRELOAD="$preload/libstress.so" PORTCULLIS_STRESS_SEED=$seed \
    PORTCULLIS_BINARY="$PWD/build/release/portcullis" timeout --foreground 3600 /usr/bin/python3 -m pytest -q -rfE -p no:cacheprovider \
    -n "${PORTCULLIS_TEST_JOBS:-3}" --dist loadfile ${pattern:+-k "$pattern"} tests/integration >"$log" 2>&1 || failed=$((failed + 1))
  sed -nE 's/^(FAILED|ERROR) ([^ ].*\.py::.*)/\2/p' "$log" | sed 's/ - .*//' | sort -u | tee -a "$out/failed" | sed 's/^/  failed: /'
  echo "  $(tail -n 1 "$log")"
done

echo "$((runs - failed)) of $runs runs passed under stress"
if ((failed > 0)); then
  echo "tests that failed, and in how many of the runs:"
  sort "$out/failed" | uniq -c | sort -rn
  exit 1
fi
