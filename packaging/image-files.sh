#!/bin/bash
# image-files.sh PACKAGE FOLDER: lays out in FOLDER the files of the container image. Runs on a Debian that has what the
# package depends on: the image is what that one has of it, and no more: the binary, the libraries that it is linked with
# and libcurl, which it loads when it needs it, certificates of authorities, time zones, one user.
set -euo pipefail
umask 022 # another user than root reads all of it
package=$1 to=$2

mkdir -p "$to"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
dpkg-deb -x "$package" "$unpacked"
install -D "$unpacked/usr/bin/portcullis" "$to/usr/bin/portcullis"
install -Dm 0644 "$unpacked/usr/share/doc/portcullis/copyright" "$to/usr/share/doc/portcullis/copyright"

# Where programs look for libraries, whichever of /lib and /usr/lib a program was linked with.
ln -sfn usr/lib "$to/lib"
mkdir -p "$to/usr/lib"
if [[ -L /lib64 ]]; then
  mkdir -p "$to/usr/lib64"
  ln -sfn usr/lib64 "$to/lib64"
fi
loaded=$(/sbin/ldconfig -p | grep -o '/[^ ]*/libcurl\.so\.4$' | head -n 1)
{
  echo "$loaded"
  ldd "$to/usr/bin/portcullis" "$loaded" | grep -o '[^:]*$' | grep -o '/[^ ]*'
} | sort -u | while read -r library; do
  real=$(realpath "$library")
  # By the name that programs ask for, in the folder in which it is.
  install -Dm 0755 "$real" "$to$(realpath "$(dirname "$library")")/$(basename "$library")"
  owner=$(dpkg -S "$real" 2>/dev/null || dpkg -S "${real#/usr}")
  owner=${owner%%:*}
  install -Dm 0644 "/usr/share/doc/$owner/copyright" "$to/usr/share/doc/$owner/copyright"
done

install -Dm 0644 /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$to/usr/share"
cp -a /usr/share/zoneinfo "$to/usr/share/"
rm -rf "$to"/usr/share/zoneinfo/{right,posix}
install -Dm 0644 /usr/lib/os-release "$to/usr/lib/os-release"
ln -sfn ../usr/lib/os-release "$to/etc/os-release"

echo 'root:x:0:0::/:/nonexistent
portcullis:x:65532:65532::/var/lib/portcullis:/nonexistent' >"$to/etc/passwd"
echo 'root:x:0:
portcullis:x:65532:' >"$to/etc/group"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
# In a container the log goes to standard output, which the engine keeps.
mkdir -p "$to/etc/portcullis"
sed -e 's#{path: /var/log/portcullis/access.log}#{path: stdout}#' -e '/^# A line of JSON/s/logrotate.*/the container engine keeps them./' \
  -e 's#`systemctl reload portcullis`#`kill -HUP` its process#; /systemctl reload/d' \
  "$unpacked/etc/portcullis/portcullis.yaml" >"$to/etc/portcullis/portcullis.yaml"
install -d -m 1777 "$to/tmp"
install -d -o 65532 -g 65532 -m 0750 "$to/var/lib/portcullis" "$to/run/portcullis"
