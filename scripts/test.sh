#!/usr/bin/env bash
# Installs what is missing, builds, and tests. Usage:
#   scripts/test.sh                       the release: its unit tests, and the integration tests against the binary
#   scripts/test.sh all                   what the plain command leaves out: asan tsan fuzz lint grade quickstart
#   scripts/test.sh STAGE...              some of these: release asan tsan fuzz lint alone grade quickstart
#   scripts/test.sh only PATTERN          after an edit: the unit tests and the integration tests that are named so
#   scripts/test.sh stress [N] [PATTERN]  the integration tests, N times, with threads and system calls delayed at random
# Stages run side by side where the two cores allow it. The output of each is in build/logs/.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
source scripts/steps.sh
source scripts/stages.sh
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
# The tests are compiled once for all stages and workers, wherever Python is told to keep nothing beside its files.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX=$PWD/build/python
# A test that hangs fails after these seconds, and the stacks of its threads are printed.
export PYTEST_TIMEOUT=${PYTEST_TIMEOUT:-300}
jobs=${PORTCULLIS_TEST_JOBS:-3}

configure_and_build() { # PRESET TARGET...
  local preset=$1
  shift
  cmake --preset "$preset"
  nice -n 5 cmake --build --preset "$preset" --target "$@"
}

unit_tests() { # PRESET
  tests/tools/run_unit.py "$1" "build/$1/tests/unit/unit_tests" --gtest_brief=1
}

# Under a sanitizer uploads are shorter, because every byte costs more, and tests whose results would mean nothing are skipped.
integration_tests() { # PRESET
  local preset=$1
  export PORTCULLIS_RERUN_ALONE=$preset PORTCULLIS_BINARY=$PWD/build/$preset/portcullis PORTCULLIS_UPLOAD_MIB=10240
  if [[ $preset == asan || $preset == tsan ]]; then
    export PORTCULLIS_SANITIZER=$preset PORTCULLIS_UPLOAD_MIB=300
    # The demo backends are not tested here, and are half of all processes that the tests start.
    if [[ -x build/release/portcullis ]]; then export PORTCULLIS_DEMO_BINARY=$PWD/build/release/portcullis; fi
  fi
  /usr/bin/python3 -m pytest -q -p no:cacheprovider -n "$jobs" --dist loadfile tests/integration
}

# Builds in groups hide an include that is missing from a file. Before a release, because it takes a quarter of an hour.
compile_alone() {
  cmake --preset develop >/dev/null # writes compile_commands.json
  nice -n 5 /usr/bin/python3 scripts/check_alone.py
}

grade_tls() {
  PORTCULLIS_TESTSSL=1 PORTCULLIS_BINARY=$PWD/build/release/portcullis \
    /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/integration/test_testssl.py
}

# The lanes of one run: each runs its stages one after the other, and waits for builds of other lanes.
lane_install() {
  if wants release || wants grade; then stage install-tests scripts/bootstrap.sh test; fi
}
lane_builds() {
  local preset
  if wants release; then
    stage build-release configure_and_build release portcullis
    if ended_well install-tests; then stage build-tests configure_and_build release unit_tests test_support; fi
  fi
  for preset in asan tsan; do
    if wants "$preset" || { [[ $preset == asan ]] && wants fuzz; }; then
      stage "build-$preset" configure_and_build "$preset" portcullis unit_tests store_writer cluster_node
    fi
  done
  if wants fuzz; then
    stage build-fuzz configure_and_build asan fuzz_targets
    if ended_well build-fuzz; then stage fuzz nice -n 5 tests/fuzz/run.sh build/asan/tests/fuzz; fi
  fi
  if wants lint; then stage lint nice -n 5 scripts/lint.sh; fi
  if wants alone; then stage alone compile_alone; fi
}
tests_of_each_build() { # KIND: unit or integration
  local kind=$1 preset
  if wants release && ended_well build-tests; then stage "$kind-release" "${kind}_tests" release; fi
  for preset in asan tsan; do
    if wants "$preset" && ended_well "build-$preset"; then stage "$kind-$preset" "${kind}_tests" "$preset"; fi
  done
}
# Unit tests take one core, and much of what integration tests do is to wait.
lane_units() { tests_of_each_build unit; }
lane_tests() { tests_of_each_build integration; }
# Runs at the same time as the long stages at the end of the other lanes.
lane_checks() {
  if wants fuzz; then ended_well fuzz || true; fi
  # The quickstart and the grading build the release too, and only one build at a time may use a folder.
  if wants release; then ended_well build-tests || true; fi
  if wants quickstart; then stage quickstart scripts/quickstart.sh --check; fi
  if wants grade && ended_well install-tests; then
    stage build-grade configure_and_build release portcullis
    stage grade grade_tls
  fi
}

# The build and the tests for an edit: the develop build, which compiles each file by itself, and the tests named PATTERN.
only() {
  local pattern=$1 words
  # Unit test names are in CamelCase: the tests of `rate_limit` are named RateLimit.
  words=$(sed -E 's/(^|[_-])([a-z0-9])/\u\2/g' <<<"$pattern")
  scripts/bootstrap.sh build test
  step "building" configure_and_build develop portcullis unit_tests store_writer cluster_node
  step "unit tests" build/develop/tests/unit/unit_tests --gtest_brief=1 --gtest_filter="*$pattern*:*$words*"
  mapfile -t files < <(ls tests/integration/test_*"$pattern"*.py 2>/dev/null)
  if ((${#files[@]} == 0)); then
    echo "no file tests/integration/test_*$pattern*.py" >&2
    exit 64
  fi
  PORTCULLIS_BINARY=$PWD/build/develop/portcullis step "integration tests" \
    /usr/bin/python3 -m pytest -q -p no:cacheprovider -n "$jobs" "${files[@]}"
}

case ${1:-release} in
  stress) exec scripts/stress.sh "${@:2}" ;;
  only)
    only "${2:?scripts/test.sh only PATTERN}"
    exit
    ;;
  all) wanted=(asan tsan fuzz lint grade quickstart) ;;
  *) wanted=("${@:-release}") ;;
esac
for name in "${wanted[@]}"; do
  case $name in
    release | asan | tsan | fuzz | lint | alone | grade | quickstart) ;;
    *)
      sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
      exit 64
      ;;
  esac
done

expected=()
for name in "${wanted[@]}"; do
  case $name in
    release | asan | tsan) expected+=("unit-$name" "integration-$name") ;;
    *) expected+=("$name") ;;
  esac
done

# Two runs in one clone would build in the same folders, and use each other's files.
running=$(cat "$logs/test.process" 2>/dev/null || true)
if [[ -n $running && /proc/$running/cwd -ef . ]] && grep -qa 'test\.sh' "/proc/$running/cmdline"; then
  echo "test: process $running runs scripts/test.sh in this clone" >&2
  exit 3
fi
echo $$ >"$logs/test.process"

rm -f build/flaky.json
scripts/bootstrap.sh build
if ((EUID != 0)); then scripts/bootstrap.sh test; fi # which may ask for a password
if wants asan || wants tsan || wants fuzz || wants lint || wants alone; then scripts/bootstrap.sh test check; fi
run_lanes lane_install lane_builds lane_units lane_tests lane_checks
