import json
import signal
import subprocess
import threading

import harness
import sanitizers
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
            assert any("serving configuration" in line for line in gateway.reload())
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
