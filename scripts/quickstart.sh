#!/usr/bin/env bash
# Installs, builds, and runs the gateway in front of two demo backends until Ctrl-C.
# With --check: makes the requests itself, verifies the answers and exits.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
source scripts/steps.sh

# Another program's answers at these ports would be mistaken for the gateway's.
for port in 8080 9080 9001 9002; do
  if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "quickstart: another program listens at 127.0.0.1:$port. Is an installed Portcullis serving (systemctl stop portcullis), or another quickstart?" >&2
    exit 3
  fi
done

scripts/bootstrap.sh build
step "configuring" cmake --preset release
step "building" cmake --build --preset release --target portcullis
binary=build/release/portcullis

started=()
stop() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
}
trap stop EXIT

start() {
  "$@" &
  started+=($!)
}
start "$binary" demo-backend --listen 127.0.0.1:9001 --name one
start "$binary" demo-backend --listen 127.0.0.1:9002 --name two
start "$binary" run -c examples/quickstart.yaml

base=http://127.0.0.1:8080
# Until the backends listen, the gateway answers with 502, and curl tries again. Without -o, because that would truncate the
# file.
step "starting" curl -sS --retry 50 --retry-connrefused --retry-delay 0 --retry-max-time 20 "$base/api/ready"
trap 'exit 0' INT TERM
for process in "${started[@]}"; do
  if ! kill -0 "$process" 2>/dev/null; then
    echo "quickstart: a process could not start: see above" >&2
    exit 3
  fi
done

if [[ ${1:-} == --check ]]; then
  expect() {
    local wanted=$1
    shift
    local answer
    answer=$(curl -sSi -m 10 "$@")
    if [[ $answer != *"$wanted"* ]]; then
      printf 'quickstart: expected %s in the answer to curl %s, got:\n%s\n' "$wanted" "$*" "$answer" >&2
      exit 1
    fi
  }
  expect '"target": "/v1/orders/42"' "$base/v1/orders/42"
  expect '"target": "/hello?name=you"' "$base/api/hello?name=you"
  expect '"body_bytes": 5' --data hello "$base/api/upload"
  expect '405 Method Not Allowed' -X DELETE "$base/v1/orders/42"
  expect '404 Not Found' "$base/nothing-here"
  expect '<title>Portcullis</title>' http://127.0.0.1:9080/
  echo "quickstart: all answers are as they should be"
  exit 0
fi

cat <<TEXT

Portcullis is running. Try, in another terminal:
  curl -i $base/v1/orders/42
  curl -i '$base/api/hello?name=you'
  curl -i -X DELETE $base/v1/orders/42
  $binary top -c examples/quickstart.yaml
The dashboard is at http://127.0.0.1:9080/
The configuration is examples/quickstart.yaml. Ctrl-C stops everything.
TEXT
wait
