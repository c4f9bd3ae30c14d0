#!/usr/bin/env bash
# Builds the release and compares it with nginx, HAProxy and the floor. --quick: takes less than a minute.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
scripts/bootstrap.sh build test bench
cmake --preset release >/dev/null
cmake --build --preset release
exec /usr/bin/python3 bench/run.py "$@"
