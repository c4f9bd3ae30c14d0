#!/usr/bin/env bash
# Builds the release and measures it beside nginx, HAProxy and the floor. --quick: under a minute.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
scripts/bootstrap.sh build test bench
cmake --preset release >/dev/null
cmake --build --preset release
exec /usr/bin/python3 bench/run.py "$@"
