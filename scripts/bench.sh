#!/usr/bin/env bash
# Builds the release and compares it with nginx, HAProxy and the floors.
#   --table              prints the table of docs/performance.md on standard output, and all else on standard error
#   --quick              short runs
#   --scenario NAME      one scenario
#   --against BUILD_DIR  measures an older build of Portcullis in the same rounds
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
{
  scripts/bootstrap.sh build test bench
  cmake --preset release >/dev/null
  cmake --build --preset release
} >&2
exec /usr/bin/python3 bench/run.py "$@"
