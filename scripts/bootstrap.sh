#!/usr/bin/env bash
# Installs the Debian packages that a purpose needs, if they are missing. Usage: scripts/bootstrap.sh PURPOSE...
#   build    what compiles the gateway (the quickstart installs this alone)
#   test     what the unit and integration tests use, and npm's libraries for the tests in a browser and of the admin API
#   check    clang and its tools: the sanitizers, fuzzing, formatter and linter
#   bench    the servers that the benchmark compares with
#   peers    the same servers of Debian 13, in a folder of the user's cache; only root can make it
#   package  what makes and checks packages and images
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
source scripts/steps.sh

build=(
  g++ cmake ninja-build pkg-config ccache mold curl
  libyaml-dev nlohmann-json3-dev libcli11-dev
  libc-ares-dev libre2-dev liburing-dev prometheus-cpp-dev libssl-dev zlib1g-dev
  libsodium-dev libcrypt-dev libhiredis-dev libsqlite3-dev libcurl4-openssl-dev libsimdjson-dev libhowardhinnant-date-dev tzdata
  libnghttp2-dev libprotobuf-dev libbrotli-dev libzstd-dev libdeflate-dev libisal-dev libxxhash-dev libjs-dygraphs
)
test=(
  libgtest-dev libgmock-dev libbenchmark-dev git
  python3 python3-pytest python3-pytest-xdist python3-pytest-timeout python3-yaml python3-jsonschema python3-cryptography python3-jwt procps iproute2 strace prometheus zsh fish groff-base man-db
  redis-server openssl haproxy testssl.sh nghttp2-client nghttp2-server python3-hpack python3-hyperframe python3-grpcio protobuf-compiler etcd-server chromium fonts-liberation
)
check=(clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14)
bench=(nginx-light varnish strace etcd-server)
peers=(debootstrap)
package=(debhelper dpkg-dev fakeroot lintian debootstrap buildah python3-pytest man-db iproute2 systemd)

usage() {
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 64
}
(($# > 0)) || usage
wanted=()
for purpose in "$@"; do
  case $purpose in
    build | test | check | bench | peers | package)
      declare -n list=$purpose
      wanted+=("${list[@]}")
      ;;
    *) usage ;;
  esac
done

for tool in dpkg-query apt-get; do
  if ! command -v "$tool" >/dev/null; then
    echo "bootstrap: there is no $tool here, and this script knows the packages of Debian alone: elsewhere, install what CMakeLists.txt asks for, then build as in docs/installation.md" >&2
    exit 3
  fi
done
installed=$(dpkg-query -W -f='${Package} ${Status}\n' 2>/dev/null | sed -n 's/ install ok installed$//p' | sort -u)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(printf '%s\n' "$installed"))
if [[ " $* " == *" test "* ]] && ! command -v npm >/dev/null; then # which may have come otherwise than by a package
  missing+=(nodejs npm)
fi

# Debian starts packaged servers on installation; the tests and the benchmark run their own copies.
install_missing() {
  local as_root=() policy=/usr/sbin/policy-rc.d
  if ((EUID != 0)); then
    as_root=(sudo)
  fi
  # A policy file left by a killed run of this script is reused.
  if [[ ! -e $policy ]] || grep -qs "by scripts/bootstrap.sh" "$policy"; then
    printf '#!/bin/sh\n# written by scripts/bootstrap.sh while it installs\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o APT::Status-Fd=1 \
    -o DPkg::Lock::Timeout=300 "$@"
}
if ((${#missing[@]} > 0)); then
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "bootstrap: packages are missing, only root can install them, and there is no sudo here; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 3
    fi
    sudo -v # asks for the password now, not beside the line of progress
  fi
  step "installing ${#missing[@]} packages" install_missing "${missing[@]}"
fi

# The libraries of the tests in a browser and of the description of the admin API, as in web/package-lock.json.
if [[ " $* " == *" test "* ]] && ! cmp -s web/package-lock.json web/node_modules/.installed; then
  npm_libraries() {
    npm ci --prefix web --no-audit --no-fund --loglevel=error
    cp web/package-lock.json web/node_modules/.installed
  }
  step "installing the libraries of npm" npm_libraries
fi

if [[ " $* " == *" peers "* ]]; then
  source packaging/roots.sh
  peers_root trixie >/dev/null
fi
