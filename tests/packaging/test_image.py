"""The container image: unpacked, and run as an engine would, with a read-only root and its own user."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile

import debian
import harness
import pytest


class Image:
    """An OCI archive."""

    def __init__(self, archive, folder):
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "layout")
        self.layout = folder / "layout"
        index = json.loads((self.layout / "index.json").read_text())
        self.manifest = self.blob(index["manifests"][0]["digest"])
        self.settings = self.blob(self.manifest["config"]["digest"])["config"]
        self.root = folder / "root"
        self.root.mkdir()
        for layer in self.manifest["layers"]:
            subprocess.run(["tar", "-x", "--numeric-owner", "-p", "-f", self._path(layer["digest"]), "-C", self.root], check=True)

    def _path(self, digest):
        return self.layout / "blobs" / digest.replace(":", "/")

    def blob(self, digest):
        return json.loads(self._path(digest).read_text())

    def command(self):
        return self.settings["Entrypoint"] + self.settings["Cmd"]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    archive = debian.asked_for("PORTCULLIS_IMAGE")
    folder = tmp_path_factory.mktemp("image")
    yield Image(archive, folder)
    shutil.rmtree(folder)


class Container:
    """The image's command as the image's user, in the image's root, which is read-only except for the two folders that an
    engine mounts, with a network of its own. The test's environment and descriptors are not inherited."""

    _HOLD = """mount --make-rprivate / && mount --bind "$0" "$0" && cd "$0" &&
        mount --bind /proc proc && mount --bind /dev dev && mount -t tmpfs -o mode=0750,uid=65532,gid=65532 none var/lib/portcullis &&
        mount -t tmpfs -o mode=0750,uid=65532,gid=65532 none run/portcullis && mount -o remount,bind,ro "$0" "$0" && cd / && ip link set lo up &&
        echo && exec sleep infinity"""

    def __init__(self, image):
        self.image = image
        for folder in ("proc", "dev"):
            (image.root / folder).mkdir(exist_ok=True)  # as an engine makes them
        self.root = debian.Root(image.root, hold=self._HOLD)
        self.process = self.start(image.command())

    def start(self, command):
        return subprocess.Popen([*self.root.entering("--net", user=self.image.settings["User"]), *command], env={}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *command):
        process = self.start(command)
        said = process.communicate(timeout=20)[0]
        return process.returncode, said

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.root.close()


@pytest.fixture
def container(image):
    made = Container(image)
    harness.wait_for(lambda: "200" in made.root.curl("-o", "/dev/null", "-w", "%{http_code}", "http://localhost:8080/") or made.process.poll() is not None,
                     what="an answer")
    assert made.process.poll() is None, made.process.stdout.read()
    yield made
    made.close()


def test_it_is_at_most_80_mb(image):
    size = sum(path.stat().st_size for path in image.root.rglob("*") if path.is_file() and not path.is_symlink())
    assert size <= 80_000_000


def test_it_has_no_shell_and_no_program_but_the_gateway(image):
    programs = [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink() and os.access(path, os.X_OK) and ".so" not in path.name]
    assert [str(path.relative_to(image.root)) for path in programs] == ["usr/bin/portcullis"]


def test_its_files_belong_to_root_but_for_the_gateways_own_folders(image):
    others = {str(path.relative_to(image.root)) for path in image.root.rglob("*") if path.lstat().st_uid != 0}
    assert others == {"var/lib/portcullis", "run/portcullis"}
    assert not [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o6022]


def test_it_answers_as_its_user_with_a_read_only_root(image, container):
    assert image.settings["User"] == "65532:65532"
    status = open(f"/proc/{container.process.pid}/status").read()
    assert "Uid:\t65532\t65532" in status and "CapEff:\t0000000000000000" in status
    code, said = container.run("/usr/bin/portcullis", "check", "/etc/portcullis/portcullis.yaml")
    assert code == 0, said
    assert "/etc/portcullis/portcullis.yaml" in container.root.curl("http://localhost:8080/")
    mounts = [line.split() for line in open(f"/proc/{container.process.pid}/mountinfo")]
    writable = {mount[4] for mount in mounts if "rw" in mount[5].split(",")}
    assert "/" not in writable and {"/var/lib/portcullis", "/run/portcullis"} <= writable


def test_it_has_libcurl_and_what_libcurl_needs(container):
    # No server listens there: the library is found, and says that it cannot connect.
    code, said = container.run("/usr/bin/portcullis", "get", "routes", "--server", "127.0.0.1:1")
    assert code != 0 and "libcurl" not in said and "127.0.0.1:1" in said


def test_its_health_check_is_the_gateways_own_word(image, container):
    command = docker_health_check()
    assert container.run(*command)[0] == 0
    container.process.send_signal(signal.SIGTERM)
    container.process.wait(40)
    assert container.run(*command)[0] != 0


def docker_health_check():
    with tarfile.open(debian.asked_for("PORTCULLIS_DOCKER_IMAGE")) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        settings = json.load(tar.extractfile(manifest[0]["Config"]))["config"]
    assert settings["Healthcheck"]["Test"][0] == "CMD"
    return settings["Healthcheck"]["Test"][1:]


def test_the_engines_stop_signal_ends_it_well(image, container):
    container.process.send_signal(getattr(signal, image.settings.get("StopSignal", "SIGTERM")))
    assert container.process.wait(40) == 0


def test_names_certificates_and_time_zones_are_there(image):
    assert (image.root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000
    assert (image.root / "usr/share/zoneinfo/Europe/Berlin").exists()
    assert "files dns" in (image.root / "etc/nsswitch.conf").read_text()


def test_the_containerfile_says_the_same_of_the_image(image):
    text = (harness.ROOT / "packaging/Containerfile").read_text()
    last = text[text.index("FROM scratch"):]
    said = dict(line.split(" ", 1) for line in last.splitlines() if " " in line and not line.startswith(("COPY", "FROM")))
    assert said["USER"] == image.settings["User"]
    assert json.loads(said["ENTRYPOINT"]) == image.settings["Entrypoint"]
    assert json.loads(said["CMD"]) == image.settings["Cmd"]
    assert said["WORKDIR"] == image.settings["WorkingDir"]
    assert f"{said['EXPOSE']}/tcp" in image.settings["ExposedPorts"] or said["EXPOSE"] in image.settings["ExposedPorts"]
    assert json.loads(said["HEALTHCHECK"].split("CMD ")[1]) == docker_health_check()
