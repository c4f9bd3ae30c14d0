#!/usr/bin/env bash
# Makes a release in dist/: checks the tree, builds the packages for Debian 12 and 13 and the container image, and writes
# checksums and the list of components (SPDX 2.3).
#
#   scripts/release.sh            everything, with the packages' and the image's tests
#   scripts/release.sh --check    only the tree: is it ready to be released?
set -euo pipefail
CDPATH="" cd "$(dirname "$0")/.."

problems=()
version=$(sed -n 's/^project(portcullis VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || problems+=("CMakeLists.txt has no version of three numbers")
changes=$(git status --porcelain) || problems+=("git does not say what is committed here")
[[ -z $changes ]] || problems+=("the tree has changes that are not committed: $(head -n 3 <<<"$changes" | tr '\n' ';')")

newest=$(sed -n 's/^## //p' CHANGELOG.md | head -n 1)
[[ $newest =~ ^$version\ \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$ ]] ||
  problems+=("CHANGELOG.md begins with \`## $newest\`; the version in CMakeLists.txt wants \`## $version (YYYY-MM-DD)\`")
day=${newest#*(}
day=${day%)}
if [[ $newest =~ \( ]] && ! date -d "$day" >/dev/null 2>&1; then problems+=("CHANGELOG.md: \`$day\` is no date"); fi
grep -q "^### To $version$" docs/upgrading.md || problems+=("docs/upgrading.md has no \`### To $version\`")
grep -q "^| ${version%.*}.x | yes |$" SECURITY.md || problems+=("SECURITY.md does not name ${version%.*}.x as supported")
for page in docs/installation.md docs/upgrading.md; do
  while read -r named; do
    [[ $named == "$version" ]] || problems+=("$page names a package of version $named")
  done < <(grep -o 'portcullis[_-][0-9]\+\.[0-9]\+\.[0-9]\+' "$page" | sed 's/portcullis[_-]//' | sort -u)
done
if [[ -n $(git tag -l "v$version") && $(git rev-list -n 1 "v$version") != $(git rev-parse HEAD) ]]; then
  problems+=("the tag v$version is on another commit")
fi
if ((${#problems[@]} > 0)); then
  printf 'release: %s\n' "${problems[@]}" >&2
  exit 1
fi
echo "release: the tree is ready for $version"
if [[ ${1:-} == --check ]]; then exit 0; fi

rm -rf dist
scripts/package.sh --check bookworm trixie
scripts/image.sh --check
scripts/sbom.py "$version" dist
(cd dist && sha256sum -- * >SHA256SUMS)
echo "release: dist/ has"
ls -l --block-size=K dist | awk 'NR > 1 {print "  " $NF " " $5}'
echo "release: then tag it: git tag -s v$version"
