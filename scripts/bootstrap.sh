#!/usr/bin/env bash
# Installs every package that building, testing, benchmarking and demonstrating Portcullis needs.
# Safe to run again: it asks the package managers only for what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(
  g++ cmake ninja-build pkg-config ccache mold git ca-certificates
  libyaml-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev
  libc-ares-dev libre2-dev liburing-dev prometheus-cpp-dev libssl-dev zlib1g-dev
  libsodium-dev libcrypt-dev libhiredis-dev libsqlite3-dev libcurl4-openssl-dev libsimdjson-dev libhowardhinnant-date-dev tzdata
  libnghttp2-dev libprotobuf-dev libbrotli-dev libzstd-dev libdeflate-dev libxxhash-dev
)
test=(
  libgtest-dev libgmock-dev libbenchmark-dev clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14
  python3 python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema python3-cryptography python3-jwt curl procps prometheus
  redis-server openssl haproxy testssl.sh nghttp2-client nghttp2-server python3-hpack python3-hyperframe python3-grpcio protobuf-compiler etcd-server chromium fonts-liberation
)
bench=(nginx-light varnish strace)

# Debian starts packaged servers on installation; the benchmark runs its own copies.
missing=()
for package in "${build[@]}" "${test[@]}" "${bench[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
command -v npm >/dev/null || missing+=(nodejs npm) # from wherever it is
install_missing() {
  as_root=()
  if ((EUID != 0)); then
    as_root=(sudo)
  fi
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
if ((${#missing[@]} > 0)); then
  install_missing
fi

# What the dashboard is made of and tested with, as web/package-lock.json says.
if ! cmp -s web/package-lock.json web/node_modules/.installed; then
  npm ci --prefix web --no-audit --no-fund --loglevel=error
  cp web/package-lock.json web/node_modules/.installed
fi
