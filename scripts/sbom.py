#!/usr/bin/env python3
"""Writes the list of components of the packages and the image, in SPDX 2.3 (JSON).

Usage: scripts/sbom.py VERSION FOLDER

For each dist/portcullis_*.deb of FOLDER: the package, every library that its binary is linked with (with Debian's version and
the license in its copyright file), and the libraries compiled into the binary. The libraries are looked up in the roots of
packaging/roots.sh, in which the packages have been built."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROOTS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "portcullis/roots"
SUITES = {"deb12": "bookworm", "deb13": "trixie"}
# Debian's packages of the libraries that are compiled into the binary: header-only libraries, and those of the dashboard.
COMPILED_IN = ["nlohmann-json3-dev", "libcli11-dev", "libjs-dygraphs"]
# The SPDX names of the licenses in Debian's copyright files.
SPDX = {"apache-2.0": "Apache-2.0", "expat": "MIT", "mit": "MIT", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "isc": "ISC", "zlib": "Zlib",
        "curl": "curl", "public-domain": "LicenseRef-public-domain", "openssl": "OpenSSL", "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later",
        "lgpl-2+": "LGPL-2.0-or-later", "lgpl-3+": "LGPL-3.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
        "gpl-3+": "GPL-3.0-or-later", "bsl-1.0": "BSL-1.0", "boost-1.0": "BSL-1.0", "mpl-2.0": "MPL-2.0", "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0",
        "bsd3": "BSD-3-Clause", "bsd-3-google": "BSD-3-Clause", "bsd-3-clause~google": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause", "openldap-2.8": "OLDAP-2.8"}
# The licenses of libraries whose source packages have copyright files in prose.
KNOWN = {"glibc": "LGPL-2.1-or-later", "gcc-12": "GPL-3.0-or-later WITH GCC-exception-3.1", "gcc-14": "GPL-3.0-or-later WITH GCC-exception-3.1", "c-ares": "MIT",
         "krb5": "MIT", "libxcrypt": "LGPL-2.1-or-later", "gnutls28": "LGPL-2.1-or-later", "rtmpdump": "LGPL-2.1-or-later", "libtasn1-6": "LGPL-2.1-or-later",
         "dygraphs": "MIT", "fmtlib": "MIT"}


def in_root(root, *command):
    return subprocess.run(["bash", "-c", '. packaging/roots.sh; in_root "$@"', "sbom", root, *command], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout


def linked(root, binary):
    """The packages whose libraries `binary` is linked with or loads (libcurl), directly or indirectly, as {name: version}."""
    (root / "tmp/portcullis").write_bytes(binary.read_bytes())
    (root / "tmp/portcullis").chmod(0o755)
    script = """loaded=$(/sbin/ldconfig -p | grep -o '/[^ ]*/libcurl\\.so\\.4$' | head -n 1)
        { echo "$loaded"; ldd /tmp/portcullis "$loaded" | grep -o '[^:]*$' | grep -o '/[^ ]*'; } | sort -u | while read -r library; do
        real=$(realpath "$library"); dpkg -S "$real" 2>/dev/null || dpkg -S "${real#/usr}"; done | cut -d: -f1 | sort -u |
        while read -r name; do dpkg-query -W -f='${Package} ${Version} ${source:Package}\\n' "$name"; done"""
    return [line.split() for line in in_root(root, "bash", "-c", script).splitlines()]


def license_of(root, name):
    """(SPDX name of the license or NOASSERTION, name in the copyright file)."""
    path = root / f"usr/share/doc/{name}/copyright"
    if not path.exists():
        return "NOASSERTION", ""
    text = path.read_text(errors="replace")
    first = re.search(r"^Files:\s*\*\s*$.*?^License:\s*(.+?)\s*$", text, re.MULTILINE | re.DOTALL)
    if not first:
        names = sorted(set(re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])", text)))
        return "NOASSERTION", "refers to " + ", ".join(names) if names else ""
    said = first[1]
    words = [word.strip() for word in re.split(r"\s+(and|or)\s+", said)]
    known = [word.upper() if word in ("and", "or") else SPDX.get(word.lower()) for word in words]
    return (" ".join(known) if all(known) else "NOASSERTION"), said


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def identifier(*words):
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.]", "-", word) for word in words)


def describe(document, deb, version):
    suite = next(suite for mark, suite in SUITES.items() if f"+{mark}_" in deb.name)
    run, build = ROOTS / f"{suite}-run", ROOTS / f"{suite}-build"
    own = identifier("Package", deb.stem)
    document["packages"].append({
        "SPDXID": own, "name": "portcullis", "versionInfo": deb.name.split("_")[1], "packageFileName": deb.name, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "The Portcullis developers",
        "supplier": "Organization: The Portcullis developers", "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(deb)}]})
    document["relationships"].append({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": own})

    def add(root, name, its_version, source, relation):
        declared, said = license_of(root, name)
        ref = identifier("Package", suite, name)
        document["packages"].append({
            "SPDXID": ref, "name": name, "versionInfo": its_version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": declared if declared != "NOASSERTION" else KNOWN.get(source, "NOASSERTION"), "licenseDeclared": declared, "copyrightText": "NOASSERTION", "supplier": "Organization: Debian",
            **({"licenseComments": f"Debian's copyright file: {said}"} if said and declared == "NOASSERTION" else {}),
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{source}@{its_version.replace(':', '%3A')}?distro={suite}"}]})
        document["relationships"].append({"spdxElementId": own, "relationshipType": relation, "relatedSpdxElement": ref})

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
        for name, its_version, source in linked(run, pathlib.Path(folder) / "usr/bin/portcullis"):
            add(run, name, its_version, source, "DYNAMIC_LINK")
    for name in COMPILED_IN:
        found = in_root(build, "dpkg-query", "-W", "-f=${Version} ${source:Package}", name).split()
        add(build, name, *found, "STATIC_LINK")


def main():
    version, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    debs = sorted(path for path in folder.glob(f"portcullis_{version}+deb*.deb"))
    if not debs:
        sys.exit(f"sbom: {folder} has no package of version {version}: run scripts/package.sh bookworm")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"portcullis-{version}",
        "documentNamespace": f"urn:portcullis:{version}:{commit}",
        "creationInfo": {"created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: scripts/sbom.py"]},
        "packages": [], "relationships": [],
        "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-public-domain", "name": "Public domain",
                                        "extractedText": "The authors have put the work into the public domain."}]}
    for deb in debs:
        describe(document, deb, version)
    out = folder / f"portcullis-{version}.spdx.json"
    out.write_text(json.dumps(document, indent=1) + "\n")
    unknown = sum(1 for package in document["packages"] if package["licenseConcluded"] == "NOASSERTION")
    print(f"{out}: {len(document['packages'])} packages, {unknown} of them with a license that is not known")


if __name__ == "__main__":
    main()
