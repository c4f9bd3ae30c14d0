#!/usr/bin/env bash
# Makes the Debian package dist/portcullis_VERSION_ARCH.deb, with a package of debug symbols beside it.
#
#   scripts/package.sh                     for this machine's Debian, built on it
#   scripts/package.sh bookworm|trixie     for that Debian, built in a root of its own (debootstrap; kept for the next time)
#   scripts/package.sh --check [SUITE...]  builds for each (default: both), checks with lintian, and tests the package in a
#                                          fresh root: install, start, upgrade under load, purge
set -euo pipefail
shopt -s inherit_errexit
CDPATH="" cd "$(dirname "$0")/.."
. packaging/roots.sh

die() {
  echo "package: $*" >&2
  exit 1
}

version=$(sed -n 's/^project(portcullis VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
work=$PWD/build/package
jobs=${JOBS:-$(nproc)}

# source_tree FOLDER VERSION: copies the files that are committed or not ignored, in the layout that Debian's tools expect.
source_tree() {
  local folder=$1
  mkdir -p "$folder"
  # The build folder is kept, and files keep their times, so that a build continues where the last one stopped.
  find "$folder" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$folder"
  cp -r packaging/debian "$folder/debian"
  local day
  day=$(sed -n "s/^## $version (\(.*\))$/\1/p" CHANGELOG.md)
  cat >"$folder/debian/changelog" <<END
portcullis ($2) stable; urgency=medium

  * Version $version; what has changed is in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(LC_ALL=C date -u -R -d "${day:-now}")
END
}


build_here() {
  scripts/bootstrap.sh build package
  source_tree "$work/here/source" "$version"
  rm -f "$work"/here/*.deb
  (cd "$work/here/source" && JOBS=$jobs dpkg-buildpackage -b --no-sign --no-pre-clean)
  mkdir -p dist
  mv "$work"/here/*.deb dist/
}

# build_in SUITE: moves the packages to dist/ and prints their names.
build_in() {
  local suite=$1 root
  scripts/bootstrap.sh package >&2
  ((EUID == 0)) || die "building for $suite needs root, for a root of its own (debootstrap, chroot)"
  root=$(build_root "$suite") || die "there is no root to build in"
  local deb_version
  deb_version=$version+deb$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' "$root/etc/os-release")
  source_tree "$root/build/source" "$deb_version"
  rm -f "$root"/build/*.deb
  echo "package: building $deb_version for $suite (log: $work/$suite.log)" >&2
  mkdir -p "$work" dist
  # Shares this machine's compiler cache: where both use the same version of GCC, objects are found in the cache.
  if ! PORTCULLIS_BIND="$(ccache -k cache_dir 2>/dev/null || echo "$HOME/.cache/ccache") /root/.cache/ccache" in_root "$root" bash -ec "
    cd /build/source
    apt-get update -qq
    apt-get build-dep -y -qq --no-install-recommends ./
    JOBS=$jobs nice dpkg-buildpackage -b --no-sign --no-pre-clean" >"$work/$suite.log" 2>&1; then
    tail -n 30 "$work/$suite.log" >&2
    die "the build in $root failed"
  fi
  mv "$root"/build/*.deb dist/
  echo "dist/portcullis_${deb_version}_$(dpkg --print-architecture).deb"
}

# check SUITE: tests the package with lintian, and as a user installs it.
check() {
  local suite=$1 package root
  package=$(build_in "$suite")
  root=$(build_root "$suite")
  cp "$package" "$root/build/"
  in_root "$root" lintian --fail-on error --tag-display-limit 0 "/build/$(basename "$package")"
  local run
  run=$(run_root "$suite" "$(dpkg-deb -f "$package" Depends)")
  PORTCULLIS_PACKAGE=$PWD/$package PORTCULLIS_BUILD_ROOT=$root PORTCULLIS_ROOT=$run \
    nice /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/packaging
}

case ${1:-} in
  '') build_here ;;
  --check)
    shift
    if (($# == 0)); then set -- bookworm trixie; fi
    for suite; do
      lock_root "$suite-build"
      check "$suite"
    done
    echo "all packages passed: $*"
    ;;
  bookworm | trixie)
    lock_root "$1-build"
    build_in "$1"
    ;;
  *) die "unknown argument \`$1\`; see the head of this file" ;;
esac
