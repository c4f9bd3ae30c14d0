#!/usr/bin/env bash
# Formatter, linter, and the direction of includes. Usage: scripts/lint.sh [--fix]  (--fix: formats in place)
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files '*.cpp' '*.h')
if [[ ${1:-} == --fix ]]; then
  clang-format-14 -i "${files[@]}"
  exit 0
fi
clang-format-14 --dry-run -Werror "${files[@]}"
/usr/bin/python3 scripts/check_includes.py
cmake --preset develop >/dev/null # writes compile_commands.json
log=$(mktemp)
trap 'rm -f "$log"' EXIT
git ls-files 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/develop --quiet >"$log" 2>/dev/null || {
  cat "$log"
  exit 1
}
echo "lint: format, includes and clang-tidy are clean"
