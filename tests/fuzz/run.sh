#!/usr/bin/env bash
# Runs each fuzz target over its committed corpus and then for a bounded number of new inputs.
# Usage: tests/fuzz/run.sh BINARY_FOLDER [RUNS]
set -euo pipefail
folder=$1
runs=${2:-200000}
CDPATH="" cd "$(dirname "$0")/../.."

run_one() {
  local target=$1 limit=$runs scratch
  scratch=$(mktemp -d)
  if [[ $target == config ]]; then limit=$((runs / 10)); fi
  "$folder/fuzz_$target" -runs="$limit" -max_total_time=15 -max_len=4096 -timeout=10 -verbosity=0 -print_final_stats=0 \
    -artifact_prefix="$scratch/" "$scratch" "tests/fuzz/corpus/$target"
  rm -rf "$scratch"
  echo "fuzz_$target: at most $limit inputs or 15 s, nothing found"
}
export -f run_one
export folder runs
printf '%s\n' request response chunked path config jwt jwks structured_fields condition query proxy_protocol http2 discovery transcoding http_cache decompress curl_line disk_head |
  xargs -P "$(nproc)" -I{} bash -euc 'run_one {}'
