#!/usr/bin/env bash
# Runs a command of a clean clone on a bare Debian, which has no packages, no cache and no earlier build, and prints how long it
# took. The clone contains the committed files. Usage: scripts/bare.sh bookworm|trixie [COMMAND...]
# (default: scripts/quickstart.sh --check)
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
source packaging/roots.sh
suite=${1:?usage: scripts/bare.sh bookworm|trixie [COMMAND...]}
shift
if ((EUID != 0)); then
  echo "bare: this needs root (debootstrap, chroot)" >&2
  exit 3
fi
if (($# == 0)); then set -- scripts/quickstart.sh --check; fi

lock_root "$suite-bare"
root=$roots/$suite-bare
copy_of "$suite" "$root"
trap 'rm -rf "$root"' EXIT
git clone -q . "$root/portcullis"
# npm reaches its registry as it does on this machine: with the user's settings, and by the authorities that node trusts.
if [[ -e $HOME/.npmrc ]]; then cp "$HOME/.npmrc" "$root/root/"; fi
authorities=()
if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
  cp "$NODE_EXTRA_CA_CERTS" "$root/root/authorities.pem"
  authorities=(NODE_EXTRA_CA_CERTS=/root/authorities.pem)
fi
started=$SECONDS
status=0
in_root "$root" env "${authorities[@]}" bash -c 'cd /portcullis && exec "$@"' bare "$@" || status=$?
echo "bare $suite: $* took $((SECONDS - started)) s and ended with $status"
exit "$status"
