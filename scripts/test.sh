#!/usr/bin/env bash
# Everything that must hold: unit and integration tests in release and under both sanitizers, bounded fuzzing,
# format and lint. Installs what it needs. Usage: scripts/test.sh [release|asan|tsan|fuzz|lint ...]  (default: all)
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bootstrap.sh
export CCACHE_DIR="${CCACHE_DIR:-$PWD/build/ccache}"

stages=("$@")
if ((${#stages[@]} == 0)); then
  stages=(release asan tsan fuzz lint)
fi
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1

for stage in "${stages[@]}"; do
  echo "== $stage"
  if [[ $stage == lint ]]; then
    scripts/lint.sh
    continue
  fi
  preset=$stage
  if [[ $stage == fuzz ]]; then preset=asan; fi # whose build has the fuzz targets
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  if [[ $stage == fuzz ]]; then
    tests/fuzz/run.sh "build/asan/tests/fuzz"
    continue
  fi
  "build/$stage/tests/unit/unit_tests" --gtest_brief=1
  # The upload whose memory must stay flat: 10 GiB, and less where the sanitizers slow every byte. Grading the TLS
  # takes two minutes, once.
  upload=300
  if [[ $stage == release ]]; then
    upload=10240
    export PORTCULLIS_TESTSSL=1
  else
    unset PORTCULLIS_TESTSSL
  fi
  PORTCULLIS_UPLOAD_MIB=$upload PORTCULLIS_BINARY="$PWD/build/$stage/portcullis" /usr/bin/python3 -m pytest -q -p no:cacheprovider \
    -n "${PORTCULLIS_TEST_JOBS:-3}" --dist loadfile tests/integration
done
echo "all stages passed: ${stages[*]}"
