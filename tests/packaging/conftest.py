"""Fixtures for the tests of the package. scripts/package.sh --check names the package and the root to use."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import debian  # noqa: E402 - after the path to harness


@pytest.fixture(scope="session")
def package():
    """The .deb file."""
    return debian.asked_for("PORTCULLIS_PACKAGE")


@pytest.fixture(scope="session")
def contents(package, tmp_path_factory):
    """A folder with the files of the package."""
    folder = tmp_path_factory.mktemp("contents")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def next_package(package, tmp_path_factory):
    """The same package with a higher version, and with a changed configuration file."""
    folder = tmp_path_factory.mktemp("next") / "tree"
    subprocess.run(["dpkg-deb", "-R", package, folder], check=True)
    control = folder / "DEBIAN/control"
    text = control.read_text()
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(version, version + "+next"))
    with open(folder / "etc/portcullis/portcullis.yaml", "a") as configuration:
        configuration.write("# The next version's.\n")
    out = folder.parent / "portcullis-next.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", folder, out], check=True, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture
def fresh_root():
    """A Debian in which the package has never been installed."""
    source = debian.asked_for("PORTCULLIS_ROOT")
    path = tempfile.mkdtemp(prefix=f"{source.name}-", dir=source.parent)
    subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", path], check=True)
    root = debian.Root(path)
    yield root
    root.close()
    shutil.rmtree(path)
