"""The scripts that build, test and package: what they do when something fails. Slow programs are replaced by stubs."""

import importlib.util
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest

import harness

pytestmark = pytest.mark.not_sanitized(reason="the gateway takes no part")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, or give files to one")


class Clone:
    """The scripts in a folder whose name contains a space, and a folder of stubs, which is first in PATH."""

    def __init__(self, folder):
        self.folder, self.stubs, self.processes = folder / "a clone", folder / "stubs", []
        for part in ("scripts", "packaging", "examples", ".ci"):
            shutil.copytree(harness.ROOT / part, self.folder / part)
        shutil.copy(harness.ROOT / "CMakeLists.txt", self.folder)
        self.stubs.mkdir()

    def stub(self, name, text="exit 0"):
        """Creates a program in PATH, or a file of the clone when the name contains a slash."""
        path = self.folder / name if "/" in name else self.stubs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def start(self, *command, **variables):
        """Starts a command in a session of its own, as on a terminal."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PORTCULLIS_", "PYTEST_"))}
        environment["PATH"] = f"{self.stubs}:{environment['PATH']}"
        process = subprocess.Popen(command, cwd=self.folder, env=environment | variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=harness.take_signals)
        self.processes.append(process)
        return process

    def run(self, *command, **variables):
        """(exit code, output)."""
        process = self.start(*command, **variables)
        said = process.communicate(timeout=200)[0]
        return process.returncode, said

    def end(self):
        for process in self.processes:
            for left in left_of(process):
                os.kill(left, signal.SIGKILL)
            process.kill()
            process.communicate()


def left_of(process):
    """The processes of the command's session that are still running: {number: command}."""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            if int(session) == process.pid and state != "Z" and int(folder.name) != process.pid:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def nothing_is_left_of(process):
    harness.wait_for(lambda: not left_of(process), what=lambda: f"the end of {left_of(process)}")


@pytest.fixture
def clone():
    with tempfile.TemporaryDirectory(prefix="portcullis-") as folder:
        os.chmod(folder, 0o755)  # other users read the folder
        made = Clone(pathlib.Path(folder))
        yield made
        made.end()


@pytest.mark.parametrize("command, said", [
    (["scripts/test.sh", "nonsense"], "scripts/test.sh stress [N] [PATTERN]"),
    (["scripts/bootstrap.sh"], "scripts/bootstrap.sh PURPOSE..."),
    (["scripts/stress.sh", "nonsense"], "stress: the number of runs must be a positive number"),
    (["scripts/package.sh", "nonsense"], "package: unknown argument `nonsense`"),
], ids=lambda one: one[0] if isinstance(one, list) else "")
def test_a_script_works_in_its_own_clone_whatever_CDPATH_names(clone, command, said):
    other = clone.folder.parent / "other"
    (other / "scripts").mkdir(parents=True)
    code, told = clone.run(*command, CDPATH=str(other))
    assert code in (1, 64) and said in told and str(other) not in told, told


# --- how runs end -----------------------------------------------------------------------------------------------------


def test_a_shell_that_is_ended_begins_no_further_command(clone):
    code, said = clone.run("bash", "-euc", """source scripts/steps.sh
        bash -c 'sleep 1000 & first=$!; sleep 1001 & wait $first; sleep 1002; :' &
        process=$!
        until [[ $(wc -w </proc/$process/task/$process/children) == 2 ]]; do :; done
        end_tree $process
        wait $process || echo "ended with $?" """)
    assert (code, said) == (0, f"ended with {128 + signal.SIGTERM}\n")
    nothing_is_left_of(clone.processes[-1])


LANES = """set -euo pipefail
source scripts/steps.sh
source scripts/stages.sh
wanted=(one) expected=(one)
lane() {
  stage one sleep 1000
  stage two sleep 1001
}
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stages_end_with_the_script_that_runs_them(clone, number):
    process = clone.start("bash", "-c", LANES + "run_lanes lane")
    harness.wait_for(lambda: "sleep 1000 " in left_of(process).values(), what="the stage")
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 128 + number
    nothing_is_left_of(process)


def test_stages_end_when_the_script_that_runs_them_fails(clone):
    """The failure of a full disk."""
    process = clone.start("bash", "-c", LANES + "show_ended() { [[ ! -e $stages/one.started ]]; }\nrun_lanes lane")
    process.communicate(timeout=20)
    assert process.returncode == 1
    nothing_is_left_of(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_continuous_integration_runs_ends_with_it(clone, number):
    clone.stub("scripts/test.sh", "sleep 1000")
    process = clone.start(".ci/run")
    harness.wait_for(lambda: "sleep 1000 " in left_of(process).values(), what="the tests")
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 128 + number
    nothing_is_left_of(process)


@pytest.mark.parametrize("codes, ran", [((0, 0), ["", "all"]), ((5, 0), [""]), ((0, 5), ["", "all"])])
def test_continuous_integration_runs_both_and_fails_with_either(clone, codes, ran):
    clone.stub("scripts/test.sh", f'echo "$*" >>ran; if [[ $* == all ]]; then exit {codes[1]}; fi; exit {codes[0]}')
    assert clone.run(".ci/run")[0] == max(codes)
    assert (clone.folder / "ran").read_text().split("\n")[:-1] == ran


def test_a_stress_run_that_is_interrupted_begins_no_further_run(clone):
    for name in ("scripts/bootstrap.sh", "cmake"):
        clone.stub(name)
    # Like pytest, which ends by itself.
    clone.stub("timeout", """exec python3 -c 'import pathlib, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(2))
pathlib.Path("started").touch()
signal.pause()'""")
    process = clone.start("scripts/stress.sh", "3")
    harness.wait_for((clone.folder / "started").exists, what="the first run")
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 128 + signal.SIGINT, said
    assert "run 1 of 3" in said and "run 2 of 3" not in said


# --- one build at a time, and what is tested --------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["quickstart", "grade"])
def test_a_folder_is_built_once_at_a_time(clone, stage):
    clone.stub("scripts/bootstrap.sh")
    clone.stub("cmake", """[[ $* =~ preset\\ ([a-z]+) ]]
        mkdir "busy-${BASH_REMATCH[1]}" 2>/dev/null || echo "$*" >>overlap
        sleep 0.3
        rmdir "busy-${BASH_REMATCH[1]}" 2>/dev/null || true""")
    clone.stub("scripts/quickstart.sh", "cmake --preset release && cmake --build --preset release --target portcullis")
    clone.stub("tests/tools/run_unit.py")
    code, said = clone.run("scripts/test.sh", "release", stage)
    assert code == 1 and "integration-release" in said, said  # without tests the exit code is 1
    assert (clone.folder / f"build/logs/stages/{stage}.ended").exists(), said
    assert not (clone.folder / "overlap").exists(), (clone.folder / "overlap").read_text()


def test_a_second_run_of_the_tests_in_a_clone_is_refused(clone):
    clone.stub("scripts/bootstrap.sh")
    clone.stub("cmake", "exec sleep 1000")
    clone.stub("scripts/lint.sh", "exec cmake")
    first = clone.start("scripts/test.sh", "lint")
    harness.wait_for(lambda: "sleep 1000 " in left_of(first).values(), what="the first run's stage")
    code, said = clone.run("scripts/test.sh", "release")
    assert (code, said) == (3, f"test: process {first.pid} runs scripts/test.sh in this clone\n")
    assert first.poll() is None and "sleep 1000 " in left_of(first).values()
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=20)
    nothing_is_left_of(first)
    clone.stub("scripts/lint.sh")
    code, said = clone.run("scripts/test.sh", "lint")
    assert code == 0 and "all stages passed: lint" in said, said


@pytest.mark.parametrize("pattern, words", [("jwt", "Jwt"), ("proxy_protocol", "ProxyProtocol"), ("command-line", "CommandLine")])
def test_the_unit_tests_of_a_name_with_several_words_are_run(clone, pattern, words):
    for name in ("scripts/bootstrap.sh", "cmake"):
        clone.stub(name)
    clone.stub("build/develop/tests/unit/unit_tests", 'printf "%s\\n" "$@"')
    code, said = clone.run("scripts/test.sh", "only", pattern)
    assert code == 64 and f"no file tests/integration/test_*{pattern}*.py" in said
    assert f"--gtest_filter=*{pattern}*:*{words}*\n" in (clone.folder / "build/logs/unit-tests.log").read_text()


# --- missing programs -------------------------------------------------------------------------------------------------


def link_tools(clone, *names):
    for name in names:
        (clone.stubs / name).symlink_to(shutil.which(name))


TOOLS = ["bash", "env", "dirname", "mkdir", "sed", "sort", "comm", "cat", "tr", "grep", "tail"]


@pytest.mark.parametrize("missing", ["dpkg-query", "apt-get"])
def test_another_system_than_debian_is_named(clone, missing):
    link_tools(clone, *TOOLS)
    for name in {"dpkg-query", "apt-get"} - {missing}:
        clone.stub(name)
    code, said = clone.run("scripts/quickstart.sh", PATH=str(clone.stubs))
    assert code == 3 and f"bootstrap: there is no {missing} here" in said and "docs/installation.md" in said, said


@as_root
def test_a_user_without_sudo_is_told_what_root_has_to_install(clone):
    link_tools(clone, *TOOLS)
    for name in ("dpkg-query", "apt-get"):
        clone.stub(name)
    logs = clone.folder.parent / "logs"
    logs.mkdir()
    logs.chmod(0o777)
    code, said = clone.run(shutil.which("setpriv"), "--reuid=54321", "--regid=54321", "--clear-groups", "scripts/bootstrap.sh", "build",
                           PATH=str(clone.stubs), PORTCULLIS_LOGS=str(logs))
    assert code == 3 and "there is no sudo here" in said and "apt-get install --no-install-recommends" in said, said
    assert "libyaml-dev" in said and len(said.splitlines()) == 1, said


def in_a_network_of_its_own(clone, text, **variables):
    if subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives no network of its own here")
    return clone.start("unshare", "--map-root-user", "--net", "bash", "-c", f"ip link set lo up\n{text}", **variables)


@pytest.fixture
def quickstart(clone):
    """A clone whose gateway is built."""
    for name in ("scripts/bootstrap.sh", "cmake"):
        clone.stub(name)
    (clone.folder / "build/release").mkdir(parents=True)
    (clone.folder / "build/release/portcullis").symlink_to(pathlib.Path(harness.BINARY).resolve())
    return clone


@pytest.mark.parametrize("port", [8080, 9080, 9001])
def test_the_quickstart_names_an_address_that_another_program_has(quickstart, port):
    (quickstart.folder / "site").mkdir()
    process = in_a_network_of_its_own(quickstart, f"""
        python3 -m http.server {port} --bind 127.0.0.1 --directory site >/dev/null 2>&1 & server=$!
        until curl -so /dev/null http://127.0.0.1:{port}/; do :; done
        scripts/quickstart.sh --check; code=$?
        kill $server; exit $code""")
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 3 and f"quickstart: another program listens at 127.0.0.1:{port}." in said, said
    assert "listening on" not in said


def test_the_quickstart_checks_what_it_serves_and_leaves_nothing_behind(quickstart):
    process = in_a_network_of_its_own(quickstart, "exec scripts/quickstart.sh --check")
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 0 and "quickstart: all answers are as they should be" in said, said
    nothing_is_left_of(process)


def test_the_quickstart_waits_for_backends_that_are_slow_to_start(quickstart):
    """Until the backends listen, the gateway answers with 502."""
    quickstart.stub("build/release/portcullis", f'if [[ $1 == demo-backend ]]; then sleep 2; fi; exec "{pathlib.Path(harness.BINARY).resolve()}" "$@"')
    process = in_a_network_of_its_own(quickstart, "exec scripts/quickstart.sh --check")
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 0 and "quickstart: all answers are as they should be" in said, said


@pytest.mark.parametrize("whom", ["the terminal's processes", "the script"])
def test_the_quickstart_ends_with_all_that_it_has_started(quickstart, whom):
    process = in_a_network_of_its_own(quickstart, "exec scripts/quickstart.sh >said 2>&1")
    said = quickstart.folder / "said"
    harness.wait_for(lambda: said.exists() and "Ctrl-C stops everything" in said.read_text(), what="the gateway")
    if whom == "the script":
        process.send_signal(signal.SIGTERM)
    else:
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    nothing_is_left_of(process)


# --- roots, packages, the image ---------------------------------------------------------------------------------------


def test_no_root_is_made_from_a_mirror_that_this_machine_does_not_use(clone):
    clone.stub("apt-get")  # prints no packages
    clone.stub("debootstrap", 'echo "$@" >>asked; mkdir -p "${@: -2:1}"')
    code, said = clone.run("bash", "-euo", "pipefail", "-c", ". packaging/roots.sh; base_root bookworm || exit 7", XDG_CACHE_HOME=str(clone.folder / "cache"))
    assert code == 7 and "name no Debian mirror" in said, said
    assert not (clone.folder / "asked").exists()


def test_a_root_that_could_not_be_copied_whole_is_not_taken_for_complete(clone):
    """The failure of a full disk."""
    roots = clone.folder / "cache/portcullis/roots"
    (roots / "bookworm").mkdir(parents=True)
    (roots / "bookworm/.complete").touch()
    clone.stub("cp", 'mkdir -p "${@: -1}" && touch "${@: -1}/.complete"; exit 1')
    code, said = clone.run("bash", "-euo", "pipefail", "-c", ". packaging/roots.sh; build_root bookworm || exit 7", XDG_CACHE_HOME=str(clone.folder / "cache"))
    assert code == 7 and "installing a compiler" not in said, said
    assert not (roots / "bookworm-build/.complete").exists()


def test_a_root_has_one_user_at_a_time(clone):
    cache = str(clone.folder / "cache")
    first = clone.start("bash", "-euc", ". packaging/roots.sh; lock_root one; touch locked; exec sleep 1000", XDG_CACHE_HOME=cache)
    harness.wait_for((clone.folder / "locked").exists, what="the lock")
    second = clone.start("bash", "-euc", ". packaging/roots.sh; lock_root one; echo taken", XDG_CACHE_HOME=cache)
    assert "waiting for another run" in second.stdout.readline()
    first.kill()
    assert second.communicate(timeout=20)[0] == "taken\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_package_is_laid_out_in_a_folder_whose_name_has_a_space(clone):
    shutil.copytree(clone.folder / "packaging/debian", clone.folder / "debian")
    clone.stub("cmake", 'echo "$DESTDIR" >to')
    code, said = clone.run("make", "-f", "debian/rules", "override_dh_auto_install")
    assert code == 0, said
    assert (clone.folder / "to").read_text() == f"{clone.folder}/debian/portcullis\n"


@as_root
@pytest.mark.skipif(not os.path.exists("/etc/ssl/certs/ca-certificates.crt"), reason="ca-certificates is not installed")
def test_the_image_can_be_read_by_its_user_whatever_the_umask(clone):
    tree = clone.folder.parent / "package"
    for path, text in (("DEBIAN/control", "Package: portcullis\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: a\n"),
                       ("usr/share/doc/portcullis/copyright", "c"), ("etc/portcullis/portcullis.yaml", "version: 1\n")):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "usr/bin").mkdir(parents=True)
    shutil.copy("/bin/true", tree / "usr/bin/portcullis")
    # What is preloaded into a program counts as a library of it.
    code, said = clone.run("env", "-u", "LD_PRELOAD", "bash", "-euc", f"dpkg-deb -b '{tree}' p.deb; umask 077; packaging/image-files.sh p.deb '{clone.folder}/image'")
    assert code == 0, said
    image = clone.folder / "image"
    closed = [str(path.relative_to(image)) for path in [image, *image.rglob("*")] if not path.is_symlink() and not path.stat().st_mode & stat.S_IROTH]
    assert sorted(closed) == ["run/portcullis", "var/lib/portcullis"]


def test_the_linter_reads_the_flags_of_a_clone_whose_name_has_a_space(clone):
    spec = importlib.util.spec_from_file_location("tidy_of_a_clone", clone.folder / "scripts/tidy.py")
    tidy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tidy)
    folder = str(clone.folder)
    command = f'/usr/bin/g++ -DPORTCULLIS_VERSION=\\"0.2.0\\" "-I{folder}/src" -isystem /usr/include/json -O2 -std=c++20 "-ffile-prefix-map={folder}=." -c "{folder}/src/cli/main.cpp"'
    (clone.folder / "build/develop").mkdir(parents=True)
    (clone.folder / "build/develop/compile_commands.json").write_text(json.dumps([{"file": f"{folder}/src/cli/main.cpp", "command": command}]))
    assert tidy.compiler_flags() == ['-DPORTCULLIS_VERSION="0.2.0"', f"-I{folder}/src", "-std=c++20", "-isystem", "/usr/include/json",
                                     "-Wno-unknown-warning-option"]


def test_a_user_whose_cache_cannot_be_written_builds_without_it(tmp_path):
    for folder, cached in ((tmp_path / "cache", True), (pathlib.Path("/proc/nowhere"), False)):
        build = tmp_path / f"build-{cached}"
        subprocess.run(["cmake", "-S", harness.ROOT, "-B", build, "-G", "Ninja"], check=True, capture_output=True,
                       env=os.environ | {"CCACHE_DIR": str(folder)})
        commands = (build / "CMakeFiles/rules.ninja").read_text() + (build / "build.ninja").read_text()
        assert ("/ccache" in commands) == cached
