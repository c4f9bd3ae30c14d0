#!/usr/bin/env bash
# Formatter, linter, the direction of includes, the names of settings, and the words of texts. Usage: scripts/lint.sh [--fix]
# --fix: formats in place
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
list=$(git ls-files '*.cpp' '*.h')
mapfile -t files <<<"$list"
if [[ -z $list ]]; then
  echo "lint: git lists no source files here" >&2
  exit 3
fi
if [[ ${1:-} == --fix ]]; then
  clang-format-14 -i "${files[@]}"
  exit 0
fi
clang-format-14 --dry-run -Werror "${files[@]}"
/usr/bin/python3 scripts/check_includes.py
/usr/bin/python3 scripts/check_settings.py
/usr/bin/python3 scripts/check_words.py
if git grep -n '\.dump(' -- src ':!src/base/json_text.h'; then
  echo "lint: dump() throws for text that is not UTF-8: use json_text() (base/json_text.h)" >&2
  exit 1
fi
cmake --preset develop >/dev/null # writes compile_commands.json
/usr/bin/python3 scripts/tidy.py
echo "lint: format, includes, settings, words and clang-tidy are clean"
