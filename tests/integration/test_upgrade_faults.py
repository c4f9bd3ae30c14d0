"""Upgrades under unfavourable conditions: many listeners, a late failure, two successors, another user."""

import os
import pathlib
import re
import shutil
import signal
import socket
import threading
import time

import pytest

import harness
from harness import read_response

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def many_listeners(folder, target, number=400):
    """The path of a configuration with that many listeners, and its admin port."""
    port, admin = harness.free_port(), harness.free_port()
    listeners = "\n".join(f'  - {{name: l{i}, address: "127.0.{i // 200 + 1}.{i % 200 + 1}:{port}"}}' for i in range(number))
    path = pathlib.Path(folder) / "many.yaml"
    path.write_text(f"""version: 1
workers: 1
admin: {{address: "127.0.0.1:{admin}"}}
listeners:
{listeners}
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:{target}"}}]}}]
routes: [{{name: all, match: {{}}, upstream: backend}}]
""")
    return path, admin, ("127.0.2.200", port)


def test_four_hundred_listeners_are_taken_over_at_the_socket(tmp_path, echo):
    path, _, last = many_listeners(tmp_path, echo())
    arguments = ("run", "-c", str(path), "--upgrade-socket", str(tmp_path / "u.sock"))
    with harness.running(*arguments) as old:
        old.wait_for_line("(l399)")
        with harness.running(*arguments) as new:
            new.wait_for_line("took over")
            assert old.process.wait(30) == 0
            with socket.create_connection(last, timeout=10) as connection:
                connection.sendall(REQUEST)
                assert " 200 " in read_response(connection)[0]


def test_a_successor_that_reads_nothing_holds_up_no_gateway_with_many_listeners(tmp_path, echo):
    path, admin, _ = many_listeners(tmp_path, echo())
    program = tmp_path / "portcullis"
    shutil.copy(harness.BINARY, program)
    old = harness.Process("run", "-c", str(path), binary=program)
    try:
        old.wait_for_line("(l399)")
        program.unlink()
        program.write_text("#!/bin/sh\nexec sleep 60\n")
        program.chmod(0o755)
        old.process.send_signal(signal.SIGUSR2)
        old.wait_for_line("is starting as the successor")
        assert harness.get(admin, "/readyz")[0] == 200
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(20) == 0
    finally:
        if old.process.poll() is None:
            old.process.kill()
            old.process.wait()
            for process in re.findall(r"process (\d+) is starting as", "\n".join(old.lines)):
                os.kill(int(process), signal.SIGKILL)


@pytest.fixture
def slow(backend):
    """A backend whose answers wait until `handler.release` is set."""
    made = backend(harness.Script(held=True))
    yield made
    made.handler.release.set()


def configuration(port, admin, target):
    return f"""version: 1
workers: 2
admin: {{address: "127.0.0.1:{admin}"}}
listeners: [{{name: public, address: "127.0.0.1:{port}"}}]
upstreams:
  - {{name: backend, targets: [{{address: "127.0.0.1:{target}"}}]}}
routes: [{{name: all, match: {{}}, upstream: backend}}]
"""


def test_after_an_upgrade_only_the_successor_answers_at_the_admin_address(tmp_path, slow):
    port, admin, path = harness.free_port(), harness.free_port(), tmp_path / "c.yaml"
    path.write_text(configuration(port, admin, slow.port))
    arguments = ("run", "-c", str(path), "--upgrade-socket", str(tmp_path / "u.sock"))
    with harness.running(*arguments) as old:
        old.wait_for_line("listening on")
        with harness.connect(port) as connection, harness.connect(admin) as kept:
            connection.sendall(REQUEST)
            harness.wait_for(lambda: slow.handler.requests, what="the request at the backend")
            kept.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert " 200 " in read_response(kept)[0]
            with harness.running(*arguments) as new:
                new.wait_for_line("listening on")
                old.wait_for_line("draining")
                assert [harness.get(admin, "/readyz")[0] for _ in range(60)] == [200] * 60
                # A connection from before the upgrade is told to go to the successor.
                kept.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
                assert "connection: close" in read_response(kept)[0]
                assert old.process.poll() is None
                slow.handler.release.set()
                assert " 200 " in read_response(connection)[0]
                assert old.process.wait(30) == 0


@pytest.mark.not_sanitized(reason="a library is preloaded, which a sanitizer's own does not allow")
def test_a_successor_that_fails_after_it_has_accepted_requests_answers_them_first(tmp_path, slow):
    port, admin, path = harness.free_port(), harness.free_port(), tmp_path / "c.yaml"
    path.write_text(configuration(port, admin, slow.port))
    point, held = tmp_path / "u.sock", tmp_path / "held"
    library = pathlib.Path(harness.BINARY).parent / "tests/support/libheld_rename.so"
    environment = ("env", f"HELD_RENAME={held}", f"LD_PRELOAD={harness.preloadable(library)}")
    with harness.running("run", "-c", str(path), "--upgrade-socket", str(point), prefix=environment) as old:
        old.wait_for_line("listening on")
        # The successor serves, waits for the end of its rename(), and finds that it cannot use the path.
        held.touch()
        try:
            point.unlink()
            point.mkdir()
            old.process.send_signal(signal.SIGUSR2)
            old.wait_for_line("is starting as the successor")
            assert harness.get(admin, "/readyz")[0] == 200  # the sockets have been passed on
            harness.suspend(old.process)
            # The kernel tells one of both processes of each connection: with so many, it tells the successor of some.
            connections = [harness.connect(port) for _ in range(24)]
            for connection in connections:
                connection.sendall(REQUEST)
            harness.wait_for(lambda: slow.handler.requests, what="a request that the successor has accepted")
            held.unlink()
            harness.wait_for(lambda: any("cannot listen at" in line for line in old.lines), what="the successor's failure")
        finally:
            held.unlink(missing_ok=True)
            slow.handler.release.set()
            old.process.send_signal(signal.SIGCONT)
        for connection in connections:
            with connection:
                assert " 200 " in read_response(connection)[0]
        old.wait_for_line("upgrade failed", "ended with exit code 3")
        assert harness.get(admin, "/readyz")[0] == 200
        point.rmdir()


def test_a_successor_that_cannot_make_its_upgrade_socket_ends_before_it_serves(tmp_path, echo):
    port, admin, path = harness.free_port(), harness.free_port(), tmp_path / "c.yaml"
    path.write_text(configuration(port, admin, echo()))
    with harness.running("run", "-c", str(path), "--upgrade-socket", str(tmp_path / "u.sock")) as old:
        old.wait_for_line("listening on")
        (tmp_path / "u.sock.new").mkdir()
        old.process.send_signal(signal.SIGUSR2)
        old.wait_for_line("cannot listen at")
        old.wait_for_line("upgrade failed", "ended with exit code 3")
        with harness.connect(port) as connection:
            connection.sendall(REQUEST)
            assert " 200 " in read_response(connection)[0]


def test_while_one_successor_starts_another_is_refused_and_says_why(tmp_path, echo):
    port, admin, path, point = harness.free_port(), harness.free_port(), tmp_path / "c.yaml", tmp_path / "u.sock"
    path.write_text(configuration(port, admin, echo()))
    arguments = ("run", "-c", str(path), "--upgrade-socket", str(point))
    with harness.running(*arguments) as old:
        old.wait_for_line("listening on")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first:
            first.settimeout(20)
            first.connect(str(point))
            while harness.receive(first, 512, "what is passed on") != b"end":
                pass
            second = harness.Process(*arguments)
            assert second.process.wait(20) == 3
            second.reader.join(10)
            assert any("refuses to be replaced: another process is taking over already" in line for line in second.lines)
            old.wait_for_line("was refused: another process is taking over already")
            old.process.send_signal(signal.SIGUSR2)
            old.wait_for_line("upgrade refused: a process that asked at the upgrade socket is taking over")
        old.wait_for_line("the successor ended before it served requests")
        assert not any("draining" in line for line in old.lines)
        with harness.running(*arguments) as third:
            third.wait_for_line("took over")
            assert old.process.wait(20) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_root_that_asks_a_process_of_another_user_is_refused_and_told_to_send_a_signal(public_folder, echo):
    port, admin, path = harness.free_port(), harness.free_port(), public_folder / "c.yaml"
    path.write_text(configuration(port, admin, echo()))
    os.chmod(public_folder, 0o777)
    arguments = ("run", "-c", str(path), "--user", "nobody", "--upgrade-socket", str(public_folder / "u.sock"))
    old = harness.Process(*arguments, binary=public_folder / "portcullis")
    try:
        old.wait_for_line("listening on")
        new = harness.Process(*arguments)
        assert new.process.wait(20) == 3
        new.reader.join(10)
        advice = f"send SIGUSR2 to process {old.process.pid} instead"
        assert any("refuses to be replaced: it runs as the user `nobody`" in line and advice in line for line in new.lines), new.lines
        old.wait_for_line(f"process {new.process.pid} of the user `root`", "was refused", advice)
        # The advice in the message works.
        old.process.send_signal(signal.SIGUSR2)
        old.wait_for_line("the successor serves requests now")
        assert old.process.wait(20) == 0
        assert harness.get(admin, "/readyz")[0] == 200
    finally:
        for process in re.findall(r"process (\d+) is starting as", "\n".join(old.lines)):
            os.kill(int(process), signal.SIGTERM)
        if old.process.poll() is None:
            old.stop()


def test_a_unix_listener_that_a_reload_adds_after_an_upgrade_has_the_permissions_of_the_first_start(tmp_path, echo):
    port, admin, path = harness.free_port(), harness.free_port(), tmp_path / "c.yaml"
    text = configuration(port, admin, echo())
    path.write_text(text)
    old = harness.Process("run", "-c", str(path), prefix=("sh", "-c", 'umask 0 && exec "$@"', "sh"))
    successors = []
    try:
        old.wait_for_line("listening on")
        for _ in range(2):  # and again along the chain
            first = len(old.lines)
            os.kill(successors[-1] if successors else old.process.pid, signal.SIGUSR2)
            old.wait_for_line("is starting as the successor", after=first)
            successors.append(int(re.findall(r"process (\d+) is starting as", "\n".join(old.lines))[-1]))
            old.wait_for_line("the successor serves requests now", after=first)
            added = tmp_path / f"{len(successors)}.sock"
            path.write_text(text.replace("}]\nupstreams", f'}}, {{name: local, address: "unix:{added}"}}]\nupstreams'))
            os.kill(successors[-1], signal.SIGHUP)
            harness.wait_for(added.exists, what="the added listener")
            harness.wait_for(lambda: added.stat().st_mode & 0o777 == 0o777, what="permissions for all")
    finally:
        for process in successors[-1:]:
            os.kill(process, signal.SIGTERM)
        if old.process.poll() is None:
            old.stop()


def test_a_reload_during_an_upgrade_leaves_the_file_of_a_unix_socket_to_the_successor(tmp_path, echo):
    port, admin, path, point, place = harness.free_port(), harness.free_port(), tmp_path / "c.yaml", tmp_path / "u.sock", tmp_path / "local.sock"
    text = configuration(port, admin, echo())
    path.write_text(text.replace("}]\nupstreams", f'}}, {{name: local, address: "unix:{place}"}}]\nupstreams'))
    with harness.running("run", "-c", str(path), "--upgrade-socket", str(point)) as old:
        old.wait_for_line("listening on")
        file = place.stat().st_ino
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as successor:
            successor.settimeout(20)
            successor.connect(str(point))
            while successor.recv(512) != b"end":
                pass
            seen = len(old.lines)
            path.write_text(text)
            old.process.send_signal(signal.SIGHUP)
            old.wait_for_line("serving revision", after=seen)
            assert place.stat().st_ino == file
        # The successor has ended without serving, and no process listens there any more.
        harness.wait_for(lambda: not place.exists(), what="the file to be removed")
