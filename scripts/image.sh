#!/usr/bin/env bash
# Makes the container image from the Debian package and a Debian root, without a registry:
#   dist/portcullis-VERSION-ARCH.oci.tar      OCI layout: skopeo, podman, containerd, Kubernetes
#   dist/portcullis-VERSION-ARCH.docker.tar   the same with its health check, which OCI has no place for: docker load, podman load
#
#   scripts/image.sh            builds it, with the package if that is not there
#   scripts/image.sh --check    builds it, and tests it: read-only, as its user, without a shell
#
# With a registry at hand, packaging/Containerfile makes the same.
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."
. packaging/roots.sh

die() {
  echo "image: $*" >&2
  exit 1
}

((EUID == 0)) || die "this needs root (debootstrap, chroot)"
scripts/bootstrap.sh package
# The following steps need neither overlay mounts nor another user namespace.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

limit=$((80 * 1000 * 1000))
suite=bookworm
version=$(sed -n 's/^project(portcullis VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
arch=$(dpkg --print-architecture)
package=$(ls dist/portcullis_"$version"+deb12_"$arch".deb 2>/dev/null || scripts/package.sh "$suite")
work=$PWD/build/image
rm -rf "$work"
mkdir -p "$work" dist

root=$(run_root "$suite" "$(dpkg-deb -f "$package" Depends)")
PORTCULLIS_BIND="$work /mnt" in_root "$root" true # makes the folder
cp "$package" "$work/portcullis.deb"
cp packaging/image-files.sh "$work/"
PORTCULLIS_BIND="$work /mnt" in_root "$root" /mnt/image-files.sh /mnt/portcullis.deb /mnt/files
size=$(du -s --apparent-size -B1 "$work/files" | cut -f1)
echo "image: $((size / 1000000)) MB in $(find "$work/files" -type f | wc -l) files"
((size <= limit)) || die "more than $((limit / 1000000)) MB"

container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
tar -C "$work/files" -cf "$work/files.tar" . # which keeps whose they are
buildah add --quiet "$container" "$work/files.tar" / >/dev/null
# Must equal the health check in packaging/Containerfile.
health='CMD /usr/bin/portcullis health -c /etc/portcullis/portcullis.yaml'
settings=(--user 65532:65532 --workingdir /var/lib/portcullis --port 8080 --stop-signal SIGTERM --arch "$arch"
  --entrypoint '["/usr/bin/portcullis"]' --cmd 'run -c /etc/portcullis/portcullis.yaml'
  --label org.opencontainers.image.title=portcullis --label "org.opencontainers.image.version=$version"
  --label org.opencontainers.image.licenses=Apache-2.0)
buildah config "${settings[@]}" "$container"
name=dist/portcullis-$version-$arch
rm -f "$name.oci.tar" "$name.docker.tar"
buildah commit --quiet --format oci "$container" "oci-archive:$name.oci.tar:portcullis:$version" >/dev/null
buildah --log-level error config --healthcheck "$health" --healthcheck-interval 10s --healthcheck-timeout 3s --healthcheck-start-period 5s \
  --healthcheck-retries 3 "$container"
buildah --log-level error commit --quiet --format docker "$container" "docker-archive:$name.docker.tar:portcullis:$version" >/dev/null
ls -l --block-size=1 "$name".*.tar | awk '{print "image: " $NF ", " int($5 / 1000000) " MB"}'

if [[ ${1:-} == --check ]]; then
  PORTCULLIS_IMAGE=$PWD/$name.oci.tar PORTCULLIS_DOCKER_IMAGE=$PWD/$name.docker.tar /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/packaging/test_image.py
fi
