"""Backends that fail under load: with retries and one healthy target left, no idempotent request fails."""

import contextlib
import itertools
import signal
import socket
import struct
import threading
import time

import pytest

import harness
from harness import read_response, wait_for

CLIENTS = 6


class Load:
    """Clients that send one request after the other until they are stopped. Failures are recorded."""

    def __init__(self, port):
        self.port, self.done, self.failures, self.stopping = port, 0, [], False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        connection = None
        while not self.stopping:
            try:
                if connection is None:
                    connection = harness.connect(self.port)
                connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                head, body = read_response(connection)
                if not head.startswith("HTTP/1.1 200") or not body:
                    self.failures.append((head.split("\r\n")[0], body))
                if "connection: close" in head:
                    connection = None
                self.done += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
                connection = None

    def more(self, requests=150):
        """Waits until that many more requests have been answered."""
        goal = self.done + requests
        wait_for(lambda: self.done >= goal, timeout=60, what="answers under load")

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads)


@contextlib.contextmanager
def load(gateway):
    it = Load(gateway.port)
    try:
        it.more()
        yield it
        it.more()
    finally:
        it.stop()


def configuration(directory, *ports):
    return harness.simple_configuration(*ports, top=f"access_log: {{path: {directory}/log}}", extra_upstream="""
    timeouts: {connect: 300ms, response: 300ms}
    retries: {attempts: 4, on: [reset, timeout], budget: 100%, min_per_second: 1000, backoff: 5ms}
    health_check: {path: /healthz, interval: 50ms, timeout: 100ms, unhealthy_after: 2, healthy_after: 1}
    outlier_ejection: {ejection: 200ms, max_ejected: 70%}
""", extra_route="    idempotent: true")


class Backend(harness.DemoBackend):
    """A backend that can be killed, stopped and restarted at the same port."""

    expected = -signal.SIGKILL

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(20)

    def again(self):
        harness.Process.__init__(self, "demo-backend", "--listen", f"127.0.0.1:{self.port}", "--name", "again", binary=harness.DEMO_BINARY)
        self.wait_for_line("listening on")

    def pause(self):
        harness.suspend(self.process)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def backends():
    three = [Backend(name) for name in ("one", "two", "three")]
    yield three
    for one in three:
        if one.process.poll() is None:
            one.kill()


def log_of(tmp_path):
    """The complete lines of the log; the last line may still be incomplete."""
    return (tmp_path / "log").read_text().split("\n")[:-1]


def test_backends_killed_and_started_again_in_turn(start, backends, tmp_path):
    gateway = start(configuration(tmp_path, *(one.port for one in backends)))
    with load(gateway) as clients:
        for one in backends:
            one.kill()
            clients.more()
            one.again()
            clients.more()
    assert clients.failures == []
    assert all('"ended":"complete"' in line for line in log_of(tmp_path))


def test_backends_stopped_and_resumed_in_turn(start, backends, tmp_path):
    gateway = start(configuration(tmp_path, *(one.port for one in backends)))
    with load(gateway) as clients:
        for one in backends:
            one.pause()
            clients.more()
            one.resume()
            clients.more()
    assert clients.failures == []


class FaultyNetwork(harness.TcpServer):
    """A connection to a backend that delays all data by `delay`, and in which of ten connections `lost` drop all data from
    their third request on. (Without netem a kernel cannot drop packets.)"""

    def __init__(self, port, delay, lost):
        self.target, self.delay, self.lost, self.swallowed = port, delay, lost, 0
        self.numbers = itertools.count(1)
        super().__init__()

    def _serve(self, client):
        loses = next(self.numbers) % 10 < self.lost
        try:
            backend = harness.connect(self.target)
        except OSError:  # the backend has been stopped
            client.close()
            return
        threading.Thread(target=self._carry, args=(backend, client, None), daemon=True).start()
        self._carry(client, backend, 2 if loses else None)

    def _carry(self, one, other, requests):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                time.sleep(self.delay)
                if requests == 0:
                    self.swallowed += 1
                    continue
                requests = None if requests is None else requests - 1
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_network_that_delays_and_loses(start, backends, tmp_path):
    networks = [FaultyNetwork(one.port, 0.01, 5) for one in backends[:2]]
    gateway = start(configuration(tmp_path, networks[0].port, networks[1].port, backends[2].port))
    with load(gateway) as clients:
        for _ in range(4):
            clients.more()
    for one in networks:
        one.close()
    assert clients.failures == []
    assert sum(one.swallowed for one in networks) > 0


def test_two_of_three_at_once(start, backends, tmp_path):
    gateway = start(configuration(tmp_path, *(one.port for one in backends)))
    with load(gateway) as clients:
        backends[0].kill()
        backends[1].pause()
        clients.more(400)
        backends[0].again()
        backends[1].resume()
    assert clients.failures == []


def test_a_rolling_restart_and_a_hundred_reloads(start, backends, tmp_path):
    text = configuration(tmp_path, *(one.port for one in backends))
    gateway = start(text)
    with load(gateway) as clients:
        for number in range(100):
            gateway.write(text + f"  - {{name: more-{number}, match: {{path: /more/{number}}}, upstream: backend}}\n")
            assert any("serving revision" in line for line in gateway.reload())
            if number % 30 == 10:
                one = backends[number // 30 % 3]
                one.kill()
                clients.more(60)
                one.again()
    assert clients.failures == []


# What a misbehaving backend does to each request.

def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def silence(connection):
    connection.settimeout(5)
    connection.recv(1)  # until the gateway closes the connection


BAD = {
    "closes": lambda connection: None,
    "resets": reset,
    "answers garbage": lambda connection: connection.sendall(b"\0\1\2 this is no HTTP\r\n\r\n"),
    "answers half a head": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "answers byte by byte": drip,
    "never answers": silence,
}


class Moody:
    """A backend that works unless `bad` names another behaviour, from which health checks can be exempt."""

    def __init__(self, fails_checks=True):
        self.bad, self.fails_checks = None, fails_checks
        self.backend = harness.ScriptedBackend(self._handle)
        self.port = self.backend.port

    def _handle(self, connection, backend):
        while True:
            head = harness.read_head(connection)
            if self.bad and (self.fails_checks or "/healthz" not in head):
                return self.bad(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")


@pytest.mark.parametrize("name", BAD)
def test_backends_that_answer_badly(start, echo, tmp_path, name):
    moody = [Moody(), Moody()]
    gateway = start(configuration(tmp_path, echo(), *(one.port for one in moody)))
    with load(gateway) as clients:
        for one in moody:
            one.bad = BAD[name]
        clients.more(300)
        for one in moody:
            one.bad = None
        clients.more()
    assert clients.failures == []
    # No request has taken longer than the timeouts of its tries, however slowly bytes arrived.
    assert max(int(line.split('"total_us":')[1].split(",")[0].rstrip("}")) for line in log_of(tmp_path)) < 2_500_000
    for one in moody:
        one.backend.close()


def test_responses_that_had_begun_are_the_only_ones_that_fail(start, demo, tmp_path):
    def half(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        reset(connection)
    moody = Moody(fails_checks=False)  # so that it gets requests for longer than until the first health check
    gateway = start(configuration(tmp_path, demo().port, moody.port))
    with load(gateway) as clients:
        moody.bad = half
        wait_for(lambda: clients.failures, what="one that breaks off")
        clients.more(200)
        moody.bad = None
    def ended():
        return [line.split('"ended":"')[1].split('"')[0] for line in log_of(tmp_path)]
    broken = len(clients.failures)
    wait_for(lambda: ended().count("upstream_closed") == broken, what="the log to name each")
    assert set(ended()) == {"complete", "upstream_closed"}
    moody.backend.close()
