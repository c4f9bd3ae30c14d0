# Sourced by the scripts that need a Debian of their own: makes and keeps roots by debootstrap, and runs commands in them.
#
# The packages come from where this machine's own apt takes them. Roots are kept in the user's cache folder:
#   SUITE        the smallest Debian, untouched
#   SUITE-build  with everything that building the package needs
#   SUITE-peers  with the servers that the benchmark compares with

roots=${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/roots

# Where this machine's apt takes Debian's packages from.
mirror() {
  local found
  found=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $3 !~ /-/ {print $2; exit}')
  if [[ -z $found ]]; then
    echo "roots: the apt sources of this machine name no Debian mirror, or their lists are missing: run 'apt-get update'" >&2
    return 1
  fi
  echo "$found"
}

# lock_root NAME: waits until no other run has the lock of that name; it is this shell's until this shell ends.
lock_root() {
  local lock
  mkdir -p "$roots"
  exec {lock}>"$roots/$1.lock"
  if ! flock -n "$lock"; then
    echo "roots: waiting for another run that uses $roots/$1" >&2
    flock "$lock"
  fi
}

# base_root SUITE: makes the root if it is not there, and prints its path.
base_root() {
  local suite=$1 root=$roots/$1 from
  if [[ ! -e $root/.complete ]]; then
    command -v debootstrap >/dev/null || { echo "roots: install the package debootstrap" >&2; return 1; }
    from=$(mirror) || return 1
    echo "roots: making a $suite root in $root (log: $root.log)" >&2
    mkdir -p "$roots"
    rm -rf "$root"
    # tzdata and the certificates are what a gateway reads besides its libraries.
    if ! debootstrap --variant=minbase --include=ca-certificates,tzdata "$suite" "$root" "$from" >"$root.log" 2>&1; then
      tail -n 5 "$root.log" >&2
      return 1
    fi
    # No service may start in a root, and packages are not kept twice.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    rm -f "$root"/var/cache/apt/archives/*.deb
    touch "$root/.complete"
  fi
  echo "$root"
}

# in_root ROOT COMMAND...: runs it there as root with /proc, /dev and the network's names of this machine. Its mounts are
# its own and end with it. PORTCULLIS_BIND="FROM TO" makes one more folder of this machine visible; TO has no space.
in_root() {
  local root=$1
  shift
  cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  ROOT=$root unshare --mount -- bash -c '
    set -e
    mount --make-rprivate /
    mount --bind /proc "$ROOT/proc"
    mount --rbind /dev "$ROOT/dev"
    if [[ -n ${PORTCULLIS_BIND:-} ]]; then
      from=${PORTCULLIS_BIND% *} to=${PORTCULLIS_BIND##* }
      mkdir -p "$from" "$ROOT$to"
      mount --bind "$from" "$ROOT$to"
    fi
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
      ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$ROOT" "$@"' in_root "$@"
}

# copy_of SUITE TO: a fresh root, which is not marked as complete. Leaves none where it cannot be copied whole.
copy_of() {
  local base
  base=$(base_root "$1") || return 1
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  if ! cp -a --reflink=auto "$base" "$2" || ! rm -f "$2/.complete"; then
    rm -rf "$2"
    return 1
  fi
}

# build_root SUITE: a root in which the package can be built.
build_root() {
  local suite=$1 root=$roots/$1-build
  if [[ ! -e $root/.complete ]]; then
    copy_of "$suite" "$root" || return 1
    echo "roots: installing a compiler in $root (log: $root.log)" >&2
    if ! in_root "$root" bash -c 'apt-get update -qq &&
        apt-get install -y -qq --no-install-recommends debhelper dpkg-dev fakeroot lintian ccache git' >"$root.log" 2>&1; then
      tail -n 5 "$root.log" >&2
      return 1
    fi
    touch "$root/.complete"
  fi
  echo "$root"
}

# run_root SUITE DEPENDS: a root with what a package of these dependencies needs, and logrotate, but not the package.
run_root() {
  local suite=$1 root=$roots/$1-run
  if [[ $(cat "$root/.complete" 2>/dev/null) != "$2" ]]; then
    copy_of "$suite" "$root" || return 1
    echo "roots: installing what the package depends on in $root (log: $root.log)" >&2
    if ! in_root "$root" bash -c 'apt-get update -qq && apt-get satisfy -y -qq --no-install-recommends "$1, logrotate"' satisfy "$2" >"$root.log" 2>&1; then
      tail -n 5 "$root.log" >&2
      return 1
    fi
    echo "$2" >"$root/.complete"
  fi
  echo "$root"
}

# peers_root SUITE: a root with the servers that the benchmark compares with, which are run through its own loader.
peers_root() {
  local suite=$1 root=$roots/$1-peers
  if [[ ! -e $root/.complete ]]; then
    copy_of "$suite" "$root" || return 1
    echo "roots: installing the peers in $root (log: $root.log)" >&2
    if ! in_root "$root" bash -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx haproxy' >"$root.log" 2>&1; then
      tail -n 5 "$root.log" >&2
      return 1
    fi
    touch "$root/.complete"
  fi
  echo "$root"
}
