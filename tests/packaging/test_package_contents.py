"""The content of the package, and the paths of `cmake --install`."""

import gzip
import pathlib
import re
import subprocess

import debian
import harness
import pytest


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("path", [
    "etc/portcullis/portcullis.yaml", "etc/logrotate.d/portcullis", "usr/bin/portcullis", "usr/lib/sysusers.d/portcullis.conf",
    "usr/lib/tmpfiles.d/portcullis.conf", "usr/share/bash-completion/completions/portcullis", "usr/share/doc/portcullis/copyright",
    "usr/share/doc/portcullis/docs/configuration.md", "usr/share/doc/portcullis/docs/policies/rate_limit.md",
    "usr/share/doc/portcullis/examples/quickstart.yaml",
    "usr/share/fish/vendor_completions.d/portcullis.fish", "usr/share/man/man1/portcullis.1.gz", "usr/share/man/man5/portcullis.yaml.5.gz",
    "usr/share/zsh/vendor-completions/_portcullis"])
def test_it_has(contents, path):
    assert [found for found in contents.glob(path) if found.stat().st_size > 0]


def test_the_links_of_the_documentation_lead_to_installed_files(contents):
    folder = contents / "usr/share/doc/portcullis"
    pages = sorted(folder.rglob("*.md"))
    assert folder / "docs/README.md" in pages
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()) if "://" not in link]
    assert len(links) > 300
    assert not [f"{page.relative_to(folder)}: {link}" for page, link in links if not (page.parent / link).exists()]


def test_its_version_is_that_of_the_source(package, contents):
    source = harness.ROOT.joinpath("CMakeLists.txt").read_text().split("project(portcullis VERSION ")[1].split()[0]
    assert field(package, "Version").startswith(source)
    assert f"portcullis_{field(package, 'Version')}_" in package.name


def test_it_depends_on_the_libraries_that_the_binary_is_linked_with_or_loads(package):
    depends = field(package, "Depends")
    for library in ("libssl3", "libc6", "libnghttp2-14", "libcurl4", "libyaml-0-2", "libre2-"):
        assert library in depends
    assert "-dev" not in depends


def test_only_what_an_administrator_edits_is_a_configuration_file(package, tmp_path):
    subprocess.run(["dpkg-deb", "-e", package, tmp_path], check=True)
    assert (tmp_path / "conffiles").read_text().split() == ["/etc/logrotate.d/portcullis", "/etc/portcullis/portcullis.yaml"]


def test_the_manual_pages_are_formatted_without_a_warning(contents):
    for page in ("man1/portcullis.1.gz", "man5/portcullis.yaml.5.gz"):
        text = gzip.decompress((contents / "usr/share/man" / page).read_bytes())
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-"], input=text, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")


def test_installed_below_another_prefix_the_unit_names_what_is_there():
    root = debian.Root(debian.asked_for("PORTCULLIS_BUILD_ROOT"))
    try:
        root.run("rm", "-rf", "/tmp/installed")
        root.run("env", "DESTDIR=/tmp/installed", "cmake", "--install", "/build/source/build/release", "--prefix", "/opt/portcullis")
        installed = root / "/tmp/installed"
        unit = next(pathlib.Path(installed).rglob("portcullis.service")).read_text()
        assert "ExecStart=/opt/portcullis/bin/portcullis run -c /etc/portcullis/portcullis.yaml" in unit
        assert (installed / "opt/portcullis/bin/portcullis").exists()
        # An existing configuration is kept.
        (installed / "etc/portcullis/portcullis.yaml").write_text("version: 1\n")
        root.run("env", "DESTDIR=/tmp/installed", "cmake", "--install", "/build/source/build/release", "--prefix", "/opt/portcullis")
        assert (installed / "etc/portcullis/portcullis.yaml").read_text() == "version: 1\n"
        root.run("rm", "-rf", "/tmp/installed")
    finally:
        root.close()
