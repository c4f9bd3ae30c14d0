"""The gateway as a process among others: addresses in use, limits of the system, descriptors."""

import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import BINARY, Gateway, free_port, read_response, running, simple_configuration

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def run_to_end(*arguments, timeout=20, **settings):
    """Runs the program until it ends by itself."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=timeout, **settings)


def served_by(gateway, count=20):
    """Opens new connections, each of which is answered."""
    for _ in range(count):
        with gateway.connect() as connection:
            connection.sendall(REQUEST)
            assert " 200 " in read_response(connection)[0]


def test_a_second_run_on_a_served_address_fails_and_says_who_serves_there(start, echo, tmp_path):
    gateway = start(simple_configuration(echo()))
    began = time.monotonic()
    second = run_to_end("run", "-c", str(gateway.path))
    assert second.returncode == 3
    assert time.monotonic() - began < 5
    place = f"127.0.0.1:{gateway.port}"
    assert f"cannot bind {place}: Address already in use: process {gateway.process.pid} (portcullis) listens on {place}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    served_by(gateway)


def test_an_address_that_another_covers_is_taken_too(start, echo, tmp_path):
    gateway = start(simple_configuration(echo()))
    other = tmp_path / "other.yaml"
    for wildcard in ("0.0.0.0", "[::]"):
        other.write_text(gateway.path.read_text().replace("127.0.0.1:" + str(gateway.port), f'"{wildcard}:{gateway.port}"'))
        second = run_to_end("run", "-c", str(other))
        assert second.returncode == 3
        assert f"process {gateway.process.pid} (portcullis) listens on 127.0.0.1:{gateway.port}" in second.stderr


def test_a_second_admin_listener_on_a_served_address_fails(start, echo, tmp_path):
    admin, target = free_port(), echo()
    top = f'admin: {{address: "127.0.0.1:{admin}"}}'
    gateway = start(simple_configuration(target, top=top))
    other = tmp_path / "other.yaml"
    other.write_text(simple_configuration(target, top=top).replace("{port}", str(free_port())))
    second = run_to_end("run", "-c", str(other))
    assert second.returncode == 3
    assert f"process {gateway.process.pid} (portcullis) listens on 127.0.0.1:{admin}" in second.stderr


def test_of_two_that_start_at_the_same_time_one_serves(tmp_path, echo):
    target = echo()
    for _ in range(5):
        path = tmp_path / "c.yaml"
        path.write_text(simple_configuration(target).replace("{port}", str(free_port())))
        both = [harness.Process("run", "-c", str(path)) for _ in range(2)]
        try:
            harness.wait_for(lambda: any(one.process.poll() is not None for one in both), what="the end of one of both")
            loser, winner = sorted(both, key=lambda one: one.process.poll() is None)
            assert loser.process.wait() == 3
            winner.wait_for_line("listening on")
        finally:
            for one in both:
                if one.process.poll() is None:
                    one.process.terminate()
        assert winner.process.wait(20) == 0


def test_a_reload_that_adds_a_served_address_is_refused_and_the_old_configuration_goes_on(start, echo):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        target = echo()
        gateway = start(simple_configuration(target))
        gateway.write(simple_configuration(target, extra_listener=f'  - {{name: more, address: "127.0.0.1:{taken}"}}'))
        lines = gateway.reload()
        assert any(re.search(rf"cannot bind 127.0.0.1:{taken}: Address already in use: process \d+ \(.*\) listens on 127.0.0.1:{taken}", line)
                   for line in lines), lines
        assert any("reload refused; revision 1 goes on serving" in line for line in lines)
        served_by(gateway)


def test_listeners_of_one_gateway_may_overlap_and_change_from_one_address_to_the_wildcard(start, echo):
    target = echo()
    gateway = start(simple_configuration(target))
    gateway.write(simple_configuration(target, extra_listener='  - {name: wide, address: "0.0.0.0:{port}"}'))
    assert any("serving revision 2" in line for line in gateway.reload())
    gateway.write(simple_configuration(target).replace("127.0.0.1:{port}", "0.0.0.0:{port}"))
    assert any("serving revision 3" in line for line in gateway.reload())
    served_by(gateway)


def test_a_live_unix_socket_is_refused_and_a_stale_one_replaced(tmp_path, echo):
    target, place = echo(), tmp_path / "gateway.sock"

    def write(name):
        path = tmp_path / name
        path.write_text(simple_configuration(target).replace("127.0.0.1:{port}", f"unix:{place}"))
        return str(path)

    first = harness.Process("run", "-c", write("one.yaml"))
    first.wait_for_line("listening on")
    second = run_to_end("run", "-c", write("two.yaml"))
    assert second.returncode == 3
    assert f"process {first.process.pid} (portcullis) listens on unix:{place}" in second.stderr
    first.process.kill()
    first.process.wait(20)
    assert place.is_socket()
    with running("run", "-c", write("two.yaml")) as third:
        third.wait_for_line("listening on")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(place))
            connection.sendall(REQUEST)
            assert " 200 " in read_response(connection)[0]


def test_doctor_tells_a_gateway_from_another_program_at_an_address(start, echo):
    admin = free_port()
    gateway = start(simple_configuration(echo()))
    told = run_to_end("doctor", "-c", str(gateway.path)).stdout
    assert re.search(rf"^warning +listener .*process {gateway.process.pid} \(portcullis\)", told, re.MULTILINE), told
    with socket.create_server(("127.0.0.1", admin)):
        gateway.path.write_text(f'admin: {{address: "127.0.0.1:{admin}"}}\n' + gateway.path.read_text())
        told = run_to_end("doctor", "-c", str(gateway.path)).stdout
        assert re.search(rf"^fault +admin .*process \d+ \(.*\) listens on 127.0.0.1:{admin}", told, re.MULTILINE), told


@pytest.mark.not_sanitized(reason="a sanitizer opens a pipe to look at memory, which such a limit stops")
def test_few_descriptors_end_with_one_clear_line(tmp_path, echo):
    path = tmp_path / "c.yaml"
    path.write_text(simple_configuration(echo()).replace("{port}", str(free_port())))
    for limit in (8, 16, 40, 50):
        out = run_to_end("run", "-c", str(path), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        assert out.returncode == 3, out.stderr
        assert re.fullmatch(r"\S+ error portcullis\[\d+\]: (the limit of \d+ file descriptors is too low: .*|.*Too many open files.*`ulimit -n`)\n", out.stderr), out.stderr


# Each command begins with an event loop: without descriptors for it, the command can do nothing. The demo backend also needs a
# descriptor for its signals, which are blocked: without it the backend could not be ended.
@pytest.mark.not_sanitized(reason="a sanitizer opens a pipe to look at memory, which such a limit stops")
@pytest.mark.parametrize("words, limits", [
    (["health", "--admin", "127.0.0.1:1"], [4]),
    (["top", "--admin", "127.0.0.1:1"], [4]),
    (["reload", "--admin", "127.0.0.1:1"], [4]),
    (["explain", "{path}", "GET", "/"], [4]),
    (["doctor", "{path}"], [4]),
    (["demo-backend", "--listen", "127.0.0.1:{port}"], [4, 5, 6]),
], ids=lambda words: words[0] if isinstance(words[0], str) else "")
def test_few_descriptors_end_every_command_with_one_clear_line(words, limits, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(simple_configuration(free_port()).replace("{port}", str(free_port())))
    words = [word.format(path=path, port=free_port()) for word in words]
    for limit in limits:
        def lowered(limit=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        out = run_to_end(*words, preexec_fn=lowered)
        assert out.returncode == 3, out
        assert re.fullmatch(r"portcullis: cannot .*: Too many open files(; see `ulimit -n`)?\n", out.stderr), out.stderr
        if words[0] != "demo-backend":
            out = run_to_end(*words, "--json", preexec_fn=lowered)
            assert out.returncode == 3 and "Too many open files" in json.loads(out.stdout)["error"]


@pytest.mark.not_sanitized(reason="a sanitizer starts threads of its own, which such a limit stops")
@pytest.mark.skipif(os.geteuid() != 0, reason="it needs root, to become another user or to make a namespace")
def test_few_threads_end_with_one_clear_line(public_folder, echo):
    """The limit counts the threads of a user; root has no such limit."""
    path = public_folder / "c.yaml"
    path.write_text(simple_configuration(echo(), workers=4, top=f"access_log: {{path: {public_folder}/log}}").replace("{port}", str(free_port())))
    user = 54321
    os.chown(public_folder, user, user)
    for limit in range(1, 8):
        out = subprocess.run(["prlimit", f"--nproc={limit}", "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", str(public_folder / "portcullis"), "run", "-c", str(path)],
                             capture_output=True, text=True, timeout=20)
        assert out.returncode == 3, out.stderr
        assert re.fullmatch(r"\S+ error portcullis\[\d+\]: cannot start the thread `[\w-]+`; the limits of threads are .*: Resource temporarily unavailable\n", out.stderr), out.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_descriptors_that_are_closed_are_opened_on_dev_null(closed, tmp_path, echo):
    path, port = tmp_path / "c.yaml", free_port()
    path.write_text(simple_configuration(echo(), top="access_log: {path: stdout}").replace("{port}", str(port)))
    process = subprocess.Popen(["sh", "-c", f'exec "$0" "$@" {closed}', BINARY, "run", "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        harness.wait_for(lambda: harness.answers(port), what="an answer")
        for descriptor in range(3):
            assert not os.readlink(f"/proc/{process.pid}/fd/{descriptor}").startswith(("socket", "anon_inode"))
        assert sum(os.readlink(f"/proc/{process.pid}/fd/{d}") == "/dev/null" for d in range(3)) >= closed.count("&-")
    finally:
        process.terminate()
        assert process.wait(20) == 0
    # The same for commands that do not serve.
    out = subprocess.run(["sh", "-c", f'exec "$0" version {closed}', BINARY], capture_output=True, text=True)
    assert out.returncode == 0


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_that_it_makes_are_not_for_others_whatever_the_umask(mask, tmp_path, echo):
    path, port = tmp_path / "c.yaml", free_port()
    path.write_text(f"""access_log: {{path: {tmp_path}/logs/access}}
audit_log: {{path: {tmp_path}/logs/audit}}
quotas: {{file: {tmp_path}/quotas}}
cache: {{disk: {{path: {tmp_path}/cache, size: 100MiB}}}}
""" + simple_configuration(echo()).replace("{port}", str(port)))
    process = subprocess.Popen([BINARY, "run", "-c", str(path), "--upgrade-socket", f"{tmp_path}/upgrade"],
                               stderr=subprocess.DEVNULL, preexec_fn=lambda: os.umask(mask))
    try:
        harness.wait_for(lambda: harness.answers(port), what="an answer")
        # The upgrade socket exists once the workers serve.
        expected = {"logs", "access", "audit", "quotas", "cache", "lock", "upgrade"}
        harness.wait_for(lambda: {one.name for one in tmp_path.rglob("*")} >= expected, what="all files")
        made = [one for one in tmp_path.rglob("*") if one.name != "c.yaml"]
        for one in made:
            allowed = 0o750 if one.is_dir() else 0o640
            assert one.stat().st_mode & 0o777 & ~allowed == 0, f"{one}: {one.stat().st_mode:o}"
    finally:
        process.terminate()
        assert process.wait(20) == 0


def core_limit(process):
    line = next(one for one in open(f"/proc/{process.pid}/limits") if one.startswith("Max core file size"))
    return line.split()[4]


def test_core_files_are_written_only_when_asked_for(start, echo, tmp_path):
    gateway = start(simple_configuration(echo()))
    assert core_limit(gateway.process) in ("0", "1")  # less than a core file needs
    with running("run", "-c", write_other(gateway, tmp_path), "--core-dumps") as other:
        other.wait_for_line("listening on")
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        assert core_limit(other.process) == ("unlimited" if hard == resource.RLIM_INFINITY else str(hard))


def write_other(gateway, tmp_path):
    """Writes the same configuration with another port."""
    other = tmp_path / "other.yaml"
    other.write_text(gateway.path.read_text().replace(str(gateway.port), str(free_port())))
    return str(other)


def children_of(process):
    return pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()


@pytest.mark.skipif(os.geteuid() != 0, reason="it needs root, to become another user or to make a namespace")
def test_as_process_1_it_reaps_children_and_ends_by_its_signals(tmp_path, echo):
    path, port = tmp_path / "c.yaml", free_port()
    path.write_text(simple_configuration(echo()).replace("{port}", str(port)))
    outer = harness.Process("run", "-c", str(path), prefix=("unshare", "--pid", "--fork", "--kill-child"))
    try:
        inner = int(harness.wait_for(lambda: children_of(outer.process.pid), what="process 1")[0])
        harness.wait_for(lambda: harness.answers(port), what="an answer")
        # An orphan, because its parent ends at once.
        subprocess.run(["nsenter", "-t", str(inner), "-p", "sh", "-c", "sleep 0.2 & sleep 0.3 & :"], check=True)
        harness.wait_for(lambda: children_of(inner) == [], what="the end of the orphans, which process 1 has taken")
        os.kill(inner, signal.SIGHUP)
        outer.wait_for_line("serving revision 1")
        os.kill(inner, signal.SIGUSR2)
        outer.wait_for_line("upgrade refused: as process 1")
        assert harness.answers(port)
        os.kill(inner, signal.SIGTERM)
        assert outer.process.wait(20) == 0
    finally:
        if outer.process.poll() is None:
            outer.process.kill()
            outer.process.wait()
