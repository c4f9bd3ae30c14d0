import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import harness
import sanitizers
from fake_dns import NameServer
from harness import read_response, simple_configuration


def test_reload_under_load_drops_nothing(start, echo):
    one, two = echo("one"), echo("two")
    gateway = start(simple_configuration(one))
    stop = threading.Event()
    failures, served = [], [0, 0]

    def load(index):
        with gateway.connect() as connection:
            while not stop.is_set():
                try:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    head, _ = read_response(connection)
                    assert "200 OK" in head
                    served[index] += 1
                except Exception as problem:  # noqa: BLE001 - every kind of failure is a dropped request
                    failures.append(problem)
                    return

    threads = [threading.Thread(target=load, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    try:
        for round_number in range(20):
            gateway.write(simple_configuration(two if round_number % 2 == 0 else one))
            assert any("serving revision" in line for line in gateway.reload())
    finally:
        harness.wait_for(lambda: failures or min(served) > 50, what="load")
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures


def test_an_invalid_file_leaves_the_old_configuration_serving(start, echo):
    gateway = start(simple_configuration(echo()))
    gateway.write("version: 1\nlisteners: 5\n")
    lines = gateway.reload()
    assert any("gateway.yaml:2:12: error: expected a list of listener" in line for line in lines)
    assert b"200 OK" in gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_sigterm_lets_the_exchange_in_hand_finish(start, backend):
    release = threading.Event()
    made = backend(harness.answer_when(release))
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as busy, gateway.connect() as idle:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        assert harness.read_to_end(idle) == b""
        release.set()
        head, body = read_response(busy)
        assert body == b"ok" and "connection: close" in head
        gateway.process.wait(20)


def test_a_connection_that_was_promised_to_go_on_takes_one_more_request_in_a_drain(start, backend):
    size = 20 << 20
    gateway = start(simple_configuration(
        backend(harness.answer(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))).port))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "connection: close" not in harness.read_head(connection)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        left = size
        while left > 0:
            left -= len(connection.recv(min(left, 1 << 20)))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head, body = read_response(connection)
        assert " 200 " in head and "connection: close" in head and len(body) == size


def test_a_tunnel_lives_through_the_drain_until_its_deadline(start, backend):
    def tunnel(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        while data := connection.recv(100):
            connection.sendall(data)

    made = backend(tunnel)
    gateway = start("drain_timeout: 1s\n" + simple_configuration(made.port, extra_route="    upgrades: [echo]"))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        assert " 101 " in harness.read_head(connection)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        connection.sendall(b"still here")
        assert connection.recv(100) == b"still here"
        assert connection.recv(100) == b""
        assert gateway.process.wait(20) == 0


def test_sigquit_stops_at_once_whatever_is_in_hand(start, backend):
    made = backend(lambda connection, b: (b.read_head(connection), connection.recv(1 << 20), connection.recv(1)))
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as waiting, gateway.connect() as uploading, gateway.connect() as idle:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        uploading.sendall(b"PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome")
        harness.wait_for(lambda: made.received.count(b"HTTP/1.1") == 2, what="both requests at the backend")
        gateway.process.send_signal(signal.SIGQUIT)
        for connection in (waiting, uploading, idle):
            assert harness.read_to_end(connection) in (b"", b"<reset>")
        assert gateway.process.wait(20) == 0


def ends_by_sigquit(process, within=3):
    began = time.monotonic()
    process.send_signal(signal.SIGQUIT)
    assert process.wait(20) == 0
    assert time.monotonic() - began < within


def test_sigquit_ends_a_process_that_drains(start, backend):
    made = backend(lambda connection, b: (b.read_head(connection), connection.recv(1)))
    gateway = start(simple_configuration(made.port, top="drain_timeout: 60s"))
    with gateway.connect() as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        for _ in range(2):
            gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        ends_by_sigquit(gateway.process)


def test_sigquit_ends_a_process_that_waits_for_names(tmp_path):
    names = NameServer({})
    names.silent = True
    path = tmp_path / "gateway.yaml"
    path.write_text(f'dns: {{servers: ["127.0.0.1:{names.port}"]}}\n' +
                    simple_configuration(1).replace('"127.0.0.1:1"', '"orders.test:80"').replace("{port}", str(harness.free_port())))
    starting = harness.Process("run", "-c", str(path))
    try:
        harness.wait_for(lambda: names.asked, what="the question")
        ends_by_sigquit(starting.process, 1.5)
        starting.reader.join(10)
        assert not any("listening" in line for line in starting.lines)
    finally:
        names.close()
        starting.process.kill()


def test_sigquit_ends_a_process_that_waits_for_its_predecessor(tmp_path, echo):
    """A predecessor that accepts the connection and passes nothing on blocks the control thread for ten seconds."""
    point, path = tmp_path / "upgrade.sock", tmp_path / "gateway.yaml"
    path.write_text(simple_configuration(echo()).replace("{port}", str(harness.free_port())))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as predecessor:
        predecessor.bind(str(point))
        predecessor.listen()
        starting = harness.Process("run", "-c", str(path), "--upgrade-socket", str(point))
        try:
            with predecessor.accept()[0]:
                ends_by_sigquit(starting.process)
        finally:
            starting.process.kill()


def test_sigquit_ends_a_process_whose_reload_is_stuck(start, echo, tmp_path):
    """A file of the configuration is a named pipe: reading it waits for a writer."""
    gateway = start(simple_configuration(echo()))
    gateway.path.unlink()
    os.mkfifo(gateway.path)
    gateway.process.send_signal(signal.SIGHUP)

    def opened():
        try:
            return os.open(gateway.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # no reader has opened the pipe yet
            return None
    writer = harness.wait_for(opened, what="the reload to read")
    try:
        ends_by_sigquit(gateway.process, 9)
    finally:
        os.close(writer)
    gateway.reader.join(10)
    assert any("did not end within five seconds after SIGQUIT" in line for line in gateway.lines)


def test_sigquit_ends_a_process_and_the_successor_that_it_starts(start, echo, tmp_path):
    names, target = NameServer({}), echo()
    gateway = start(simple_configuration(target))
    try:
        names.silent = True
        gateway.write(f'dns: {{servers: ["127.0.0.1:{names.port}"]}}\n' + simple_configuration(1).replace('"127.0.0.1:1"', '"orders.test:80"'))
        gateway.process.send_signal(signal.SIGUSR2)
        gateway.wait_for_line("is starting as the successor")
        successor = int(re.search(r"process (\d+) is starting", "\n".join(gateway.lines))[1])
        harness.wait_for(lambda: names.asked, what="the successor's question")
        ends_by_sigquit(gateway.process)

        def gone():
            try:
                os.kill(successor, 0)
                return pathlib.Path(f"/proc/{successor}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except (ProcessLookupError, FileNotFoundError):
                return True
        harness.wait_for(gone, timeout=1.5, what="the successor's end")
    finally:
        names.close()


@sanitizers.only_configuration
def test_check_names_the_place_and_fails(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nlisteners: []\nroutes: [{name: r, match: {pth: /}, upstream: x}]\n")
    out = subprocess.run([harness.BINARY, "check", str(path)], capture_output=True, text=True)
    assert out.returncode == 1
    assert f"{path}:3:28: error: unknown key `pth` in match - did you mean `path`?" in out.stderr
    assert f"{path}:3:47: error: there is no upstream `x`" in out.stderr
    told = json.loads(subprocess.run([harness.BINARY, "check", "--json", str(path)], capture_output=True).stdout)
    assert not told["good"]
    places = [(one["severity"], one["file"], one["line"], one["column"]) for one in told["diagnostics"]]
    assert ("error", str(path), 3, 28) in places and ("error", str(path), 3, 47) in places


@sanitizers.documents
def test_the_configuration_reference_is_up_to_date():
    generated = subprocess.run([harness.BINARY, "schema", "--format", "markdown"], capture_output=True, check=True, text=True)
    assert (harness.ROOT / "docs/configuration.md").read_text() == generated.stdout, (
        "run: build/release/portcullis schema --format markdown > docs/configuration.md")
