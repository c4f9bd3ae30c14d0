"""`cmake --install`: where files are installed. A small program takes the place of the gateway."""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

import harness

pytestmark = [pytest.mark.not_sanitized(reason="the gateway takes no part"),
              pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")]

PROJECT = """cmake_minimum_required(VERSION 3.23)
project(portcullis VERSION 0.2.0 LANGUAGES CXX)
add_executable(portcullis portcullis.cpp)
include(cmake/Install.cmake)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The parts of the source tree that installing needs, in a folder whose name contains a space."""
    folder = tmp_path_factory.mktemp("a project")
    for name in ("cmake", "packaging", "docs", "examples"):
        shutil.copytree(harness.ROOT / name, folder / name)
    for name in ("CHANGELOG.md", "SECURITY.md"):
        shutil.copy(harness.ROOT / name, folder)
    (folder / "CMakeLists.txt").write_text(PROJECT)
    (folder / "portcullis.cpp").write_text('#include <cstdio>\nint main() { std::puts("a page"); }\n')
    return folder


def run(*command, **settings):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)
    assert done.returncode == 0 and "CMake Warning" not in done.stdout, done.stdout


@pytest.fixture(scope="module")
def built(project):
    """install(root, ...): installs a build that was configured for the usual prefix, /usr/local."""
    build = project / "build"
    run("cmake", "-G", "Ninja", "-S", project, "-B", build, "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", build)

    def install(root, *arguments):
        run("cmake", "--install", build, *arguments, env={**os.environ, "DESTDIR": str(root)})
        return root
    return install


def test_the_start_page_that_is_installed_leads_to_pages(built, tmp_path):
    page = next(path for path in built(tmp_path).rglob("README.md") if path.parent.parts[-2:] == ("portcullis", "docs"))
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert len(links) > 50
    assert [link for link in links if not (page.parent / link).exists()] == []


def places(root):
    """The paths of the configuration, logrotate's file and the unit, and the configuration's path in the unit."""
    found = {name: {str(path.parent.relative_to(root)) for path in root.rglob(name)} for name in ("portcullis.yaml", "portcullis.service")}
    found["logrotate"] = {str(path.parent.relative_to(root)) for path in root.rglob("portcullis") if path.parent.name == "logrotate.d"}
    unit = next(root.rglob("portcullis.service")).read_text()
    found["run"] = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    return found


@pytest.mark.parametrize("prefix", ["", "/usr", "/usr/local/"])
def test_the_systems_own_configuration_is_in_etc(built, tmp_path, prefix):
    found = places(built(tmp_path, *(["--prefix", prefix] if prefix else [])))
    assert (found["portcullis.yaml"], found["logrotate"]) == ({"etc/portcullis"}, {"etc/logrotate.d"})
    assert found["run"].endswith(" run -c /etc/portcullis/portcullis.yaml")


def test_below_another_prefix_nothing_is_written_elsewhere(built, tmp_path):
    found = places(built(tmp_path, "--prefix", "/opt/gateway"))
    assert [path.name for path in tmp_path.iterdir()] == ["opt"]
    assert (found["portcullis.yaml"], found["logrotate"]) == ({"opt/gateway/etc/portcullis"}, {"opt/gateway/etc/logrotate.d"})
    assert found["run"] == "ExecStart=/opt/gateway/bin/portcullis run -c /opt/gateway/etc/portcullis/portcullis.yaml"


@contextlib.contextmanager
def configured(project, option, afterwards):
    """Configures the project with `option` for the length of a block."""
    run("cmake", "-G", "Ninja", "-S", project, "-B", project / "build", option)
    try:
        yield
    finally:
        run("cmake", "-S", project, "-B", project / "build", afterwards)


def test_a_prefix_that_is_configured_later_counts_as_one_that_was_configured_first(project, built, tmp_path):
    with configured(project, "-DCMAKE_INSTALL_PREFIX=/opt/later", afterwards="-DCMAKE_INSTALL_PREFIX=/usr/local"):
        found = places(built(tmp_path))
    assert found["portcullis.yaml"] == {"opt/later/etc/portcullis"} and [path.name for path in tmp_path.iterdir()] == ["opt"]


def test_a_folder_of_configurations_that_was_chosen_counts(project, built, tmp_path):
    with configured(project, "-DCMAKE_INSTALL_SYSCONFDIR=/srv/etc", afterwards="-UCMAKE_INSTALL_SYSCONFDIR"):
        found = places(built(tmp_path))
    assert found["portcullis.yaml"] == {"srv/etc/portcullis"} and found["run"].endswith(" -c /srv/etc/portcullis/portcullis.yaml")


def test_a_configuration_that_is_there_is_kept(built, tmp_path):
    path = built(tmp_path) / "etc/portcullis/portcullis.yaml"
    path.write_text("version: 1\n")
    built(tmp_path)
    assert path.read_text() == "version: 1\n"
