"""Clients that leave before their response is complete: the work for their request ends at once."""

import contextlib
import re
import socket
import ssl
import subprocess
import threading

import pytest

import harness
from harness import log_lines, read_head, simple_configuration, take_until, wait_for
from hyperframe import frame as frames
from test_http2_upstream import h2_configuration
from test_tls import EDGE, configuration as tls_configuration

# A missed departure would be noticed only after this time.
PATIENT = "    timeouts: {response: 60s}\n"
HALF_CLOSE = "    half_close: true\n"
EVENT = b"5\r\nfirst\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + EVENT
GET = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
# The body arrives together with its head, after it, or not at all.
REQUESTS = {"GET": (GET,), "POST in one piece": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",),
            "POST in two pieces": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", b"abc"),
            "POST in chunks": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",)}


class Silent:
    """A handler that sends `begin`, is silent until the gateway leaves or `release` is set, and then sends `end`."""

    def __init__(self, begin=STREAM, end=b""):
        self.begin, self.end = begin, end
        self.asked = self.left = 0
        self.release, self.lock = threading.Event(), threading.Lock()

    def __call__(self, connection, backend):
        head = backend.read_head(connection).lower()
        if "content-length: 3" in head:
            take_until(connection, b"abc", "the body")
        elif "transfer-encoding" in head:
            take_until(connection, b"0\r\n\r\n", "the body")
        connection.sendall(self.begin)
        with self.lock:
            self.asked += 1
        connection.settimeout(0.02)
        while not self.release.is_set():
            try:
                if connection.recv(1) == b"":
                    with self.lock:
                        self.left += 1
                    return
            except TimeoutError:
                pass
        connection.sendall(self.end)

    def wait_asked(self, count=1):
        wait_for(lambda: self.asked >= count, what="the request at the target")

    def wait_left(self, count=1):
        wait_for(lambda: self.left >= count, timeout=10, what="the target to be left")


@pytest.fixture
def silent():
    """silent(...) -> Silent; requests that still wait are released when the test ends."""
    made = []

    def make(*arguments):
        made.append(Silent(*arguments))
        return made[-1]
    yield make
    for one in made:
        one.release.set()


GOODBYES = {"closes": lambda client: client.close(), "resets": harness.reset}


@pytest.mark.parametrize("goodbye", GOODBYES.values(), ids=GOODBYES)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("begin", [b"", STREAM], ids=["before the head", "within the body"])
def test_a_client_that_leaves_is_noticed_at_once(begin, request_, goodbye, start, backend, silent, tmp_path):
    script = silent(begin)
    made = backend(script)
    gateway = start(simple_configuration(made.port, extra_upstream=PATIENT, top=f"access_log: {{path: {tmp_path}/log}}"))
    client = gateway.connect()
    client.sendall(request_[0])
    for piece in request_[1:]:
        wait_for(lambda: made.received, what="the head at the target")
        client.sendall(piece)
    script.wait_asked()
    if begin:
        take_until(client, EVENT, "the first event")
    goodbye(client)
    script.wait_left()
    wait_for(lambda: log_lines(tmp_path / "log"), what="the log")
    assert [line["ended"] for line in log_lines(tmp_path / "log")] == ["client_closed"]


@pytest.mark.parametrize("begin", [b"", STREAM], ids=["before the head", "within the body"])
@pytest.mark.parametrize("polite", [True, False])
def test_a_client_of_tls_that_leaves_is_noticed_at_once(polite, begin, start, backend, silent, edge):
    script = silent(begin)
    gateway = start(tls_configuration(backend(script).port, EDGE, upstream=PATIENT.strip()))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    client = context.wrap_socket(gateway.connect(), server_hostname="localhost")
    client.sendall(GET)
    script.wait_asked()
    if begin:
        take_until(client, EVENT, "the first event")
    if polite:
        client.setblocking(False)
        with contextlib.suppress(ssl.SSLError):
            client.unwrap()  # sends close_notify, and does not wait for the peer's
        client.setblocking(True)
        script.wait_left()
    client.close()
    script.wait_left()


@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_a_stream_that_is_reset_ends_its_exchange_within_the_body(protocol, start, backend, backend2, silent, speak):
    script, resets = silent(), []

    def handle(peer, stream):
        peer.send(peer.head(stream, [(":status", "200")], end=False), peer.data(stream, b"first", end=False))
        peer.wait(lambda: peer.stream(stream).reset is not None)
        resets.append(peer.stream(stream).reset)
    if protocol == "http1":
        gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT))
    else:
        gateway = start(h2_configuration(backend2(handle).port, upstream=PATIENT))
    client = speak(gateway)
    stream = client.request("/events")
    client.wait(lambda: client.stream(stream).body)
    client.send(frames.RstStreamFrame(stream, 8))
    if protocol == "http1":
        script.wait_left()
    else:
        wait_for(lambda: resets == [8], what="the target's stream to be cancelled")


def test_streams_that_were_cancelled_take_no_places(start, backend, silent, speak):
    script = silent()
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT, workers=1))
    client = speak(gateway)
    for count in range(1, 251):  # a connection permits 200 streams
        stream = client.request("/events")
        client.wait(lambda: client.stream(stream).body or client.stream(stream).reset is not None)
        assert client.stream(stream).reset is None, count
        client.send(frames.RstStreamFrame(stream, 8))
    script.wait_left(250)


def test_clients_that_have_left_are_no_burden_on_the_circuit_breaker(start, backend, silent):
    script = silent()
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT + "    circuit_breaker: {requests: 3}\n", workers=1))
    for count in range(1, 10):
        with gateway.connect() as client:
            client.sendall(GET)
            assert "200 OK" in read_head(client), count
            take_until(client, EVENT, "the first event")
        script.wait_left(count)


def test_a_client_that_leaves_a_stored_body_is_noticed_while_others_read_on(start, backend, silent, speak):
    script = silent(STREAM.replace(b"Content-Type: text/event-stream", b"Cache-Control: max-age=60"), b"4\r\nlast\r\n0\r\n\r\n")
    made = backend(script)
    gateway = start(simple_configuration(made.port, extra_upstream=PATIENT, extra_route="    policies: [cache: {}]\n", workers=1))
    client = speak(gateway)
    for _ in range(250):
        stream = client.request("/shared")
        client.wait(lambda: client.stream(stream).body or client.stream(stream).reset is not None)
        assert client.stream(stream).reset is None
        client.send(frames.RstStreamFrame(stream, 8))
    with gateway.connect() as other:
        other.sendall(b"GET /shared HTTP/1.1\r\nHost: example.com\r\n\r\n")
        take_until(other, EVENT, "what has come")
        script.release.set()
        assert take_until(other, b"\r\n0\r\n\r\n", "the rest") and made.accepted == 1


def test_a_race_ends_with_its_client(start, backend, silent):
    scripts = [silent(b""), silent(b"")]
    gateway = start(simple_configuration(*(backend(one).port for one in scripts), workers=1,
                                         extra_upstream=PATIENT + "    hedge: {delay: 20ms, budget: 100%}\n"))
    client = gateway.connect()
    client.sendall(GET)
    for one in scripts:
        one.wait_asked()
    client.close()
    for one in scripts:
        one.wait_left()


# The request is still on its way to a target.

@pytest.mark.parametrize("goodbye", GOODBYES.values(), ids=GOODBYES)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_client_that_leaves_while_a_service_is_asked_about_it(request_, goodbye, start, backend, silent, tmp_path):
    script, target = silent(b""), backend()
    policy = f"    policies: [forward_auth: {{url: 'http://127.0.0.1:{backend(script).port}/', timeout: 60s}}]\n"
    gateway = start(simple_configuration(target.port, extra_route=policy, top=f"access_log: {{path: {tmp_path}/log}}"))
    client = gateway.connect()
    client.sendall(b"".join(request_))
    script.wait_asked()
    goodbye(client)
    script.wait_left()
    wait_for(lambda: log_lines(tmp_path / "log"), what="the log")
    assert [line["ended"] for line in log_lines(tmp_path / "log")] == ["client_closed"]
    assert target.received == b""


def end_one_side(gateway, client, script):
    """Ends the client's side; the script may answer once the gateway has seen the end."""
    client.shutdown(socket.SHUT_WR)
    script.wait_asked()
    other = gateway.connect()  # its end shows that the events before it have been handled
    other.sendall(GET)
    script.wait_asked(2)
    harness.reset(other)
    script.wait_left()
    script.release.set()


def test_a_listener_that_serves_clients_which_have_ended_their_side_does_so_while_a_service_is_asked(start, backend, silent):
    script = silent(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    policy = f"    policies: [forward_auth: {{url: 'http://127.0.0.1:{backend(script).port}/', timeout: 60s}}]\n"
    gateway = start(simple_configuration(backend().port, extra_route=policy, extra_listener=HALF_CLOSE, workers=1))
    with gateway.connect() as client:
        client.sendall(GET)
        end_one_side(gateway, client, script)
        assert harness.read_to_end(client).endswith(b"ok")


def test_streams_that_were_cancelled_while_a_policy_waits_take_no_places(start, backend, speak):
    gateway = start(simple_configuration(backend().port, workers=1, extra_route="    policies: [fault: {when: 'request.path = /slow', delay: {duration: 60s}}]\n"))
    client = speak(gateway)
    for _ in range(250):  # a connection permits 200 streams
        stream = client.request("/slow")
        client.send(frames.RstStreamFrame(stream, 8))
    # When all requests are read at once, a place is free once its exchange has ended: a refused stream (7) may be opened again
    # (RFC 9113 section 8.7).
    answers = []
    wait_for(lambda: answers.append(client.ask("/fast")) or answers[-1].reset != 7, what="a place")
    assert answers[-1].reset is None and answers[-1].status == 200


def test_places_in_a_queue_are_free_when_their_clients_have_left(start, backend, silent, speak):
    script = silent(b"")
    policy = "    policies: [concurrency_limit: {limit: 1, queue: {size: 1, timeout: 60s}}]\n"
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT, extra_route=policy, workers=1))
    client = speak(gateway)
    client.request("/inside")
    script.wait_asked()

    def waiting():
        """The stream of the request that waits in the only place of the queue; the other of the two was refused."""
        streams = [client.request("/waiting") for _ in range(2)]
        for _ in range(2):  # by the second answer all refusals have arrived
            seen = len(client.pings)
            client.send(frames.PingFrame(0, b"12345678"))
            client.wait(lambda: len(client.pings) > seen)
        left = [stream for stream in streams if not client.stream(stream).heads]
        assert len(left) < 2
        return left[0] if left else None
    for _ in range(5):
        client.send(frames.RstStreamFrame(wait_for(waiting, what="a place in the queue"), 8))
    assert script.asked == 1


def test_places_of_clients_that_wait_for_a_connection_are_free_at_once(start, backend, silent):
    script, admin = silent(b""), harness.free_port()
    gateway = start(simple_configuration(backend(script).port, workers=1, top=f'admin: {{address: "127.0.0.1:{admin}"}}', extra_upstream=
                                         "    timeouts: {connect: 60s, response: 60s}\n    circuit_breaker: {connections: 1, pending: 5, requests: 9}\n"))

    def in_use(load):
        return harness.metric(admin, f'portcullis_breaker_in_use{{upstream="backend",load="{load}"}}')
    with gateway.connect() as first:
        first.sendall(GET)
        script.wait_asked()
        waiting = [gateway.connect() for _ in range(5)]
        for one in waiting:
            one.sendall(GET)
        wait_for(lambda: in_use("pending") == 5, what="five that wait")
        for one in waiting:
            one.close()
        wait_for(lambda: in_use("pending") == 0 and in_use("requests") == 1, timeout=10, what="free places")


@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_a_client_that_leaves_while_a_target_is_connected_to(start, protocol):
    admin = harness.free_port()
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # requests without a place wait for one
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        gateway = start(simple_configuration(full.getsockname()[1], workers=1, top=f'admin: {{address: "127.0.0.1:{admin}"}}', extra_upstream=
                                             f"    protocol: {protocol}\n    timeouts: {{connect: 60s}}\n    circuit_breaker: {{requests: 9}}\n"))
        clients = [gateway.connect() for _ in range(3)]
        for one in clients:
            one.sendall(GET)

        def busy():
            return harness.metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="requests"}')
        wait_for(lambda: busy() == 3, what="three that wait")
        for one in clients:
            one.close()
        wait_for(lambda: busy() == 0, timeout=10, what="free places")


# A client that has ended its side with FIN.

@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("begin", [b"", STREAM], ids=["before the head", "within the body"])
def test_a_client_that_ends_its_side_counts_as_having_left(begin, request_, start, backend, silent):
    script = silent(begin)
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT))
    with gateway.connect() as client:
        client.sendall(b"".join(request_))
        script.wait_asked()
        if begin:
            take_until(client, EVENT, "the first event")
        client.shutdown(socket.SHUT_WR)
        script.wait_left()


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("begin", [b"", STREAM], ids=["before the head", "within the body"])
def test_a_listener_can_serve_clients_that_have_ended_their_side(begin, request_, start, backend, silent):
    script = silent(begin, b"4\r\nlast\r\n0\r\n\r\n" if begin else STREAM + b"4\r\nlast\r\n0\r\n\r\n")
    made = backend(script)
    gateway = start(simple_configuration(made.port, extra_upstream=PATIENT, extra_listener=HALF_CLOSE, workers=1))
    with gateway.connect() as client:
        client.sendall(b"".join(request_))
        end_one_side(gateway, client, script)
        assert harness.read_to_end(client).endswith(b"last\r\n0\r\n\r\n")


def test_such_a_listener_notices_a_reset(start, backend, silent):
    script = silent()
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT, extra_listener=HALF_CLOSE))
    client = gateway.connect()
    client.sendall(GET)
    take_until(client, EVENT, "the first event")
    harness.reset(client)
    script.wait_left()


def test_an_end_within_a_request_counts_as_leaving_everywhere(start, backend, silent):
    script = silent(b"")
    gateway = start(simple_configuration(backend(script).port, extra_upstream=PATIENT, extra_listener=HALF_CLOSE))
    with gateway.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc")
        client.shutdown(socket.SHUT_WR)
        assert harness.read_to_end(client) == b""


def test_an_end_behind_further_requests_is_for_the_last_of_them(start, backend):
    release = threading.Event()

    def slow(connection, made):
        while True:
            made.read_head(connection)
            release.wait(20)
            connection.sendall(harness.ANSWER)
    made = backend(slow)
    gateway = start(simple_configuration(made.port, workers=1))
    with gateway.connect() as client:
        client.sendall(GET * 3)
        client.shutdown(socket.SHUT_WR)
        wait_for(lambda: made.received, what="the first request")
        release.set()
        assert harness.read_to_end(client).count(b"200 OK") >= 2


# Clients that have disappeared without closing.

def connections_at(port):
    """The connections of `port` on either side, as shown by `ss`."""
    return subprocess.run(["ss", "-tnoiH", f"( sport = :{port} or dport = :{port} )"], capture_output=True, text=True, check=True).stdout


def keepalive_timers(port):
    """The lines with a keepalive timer."""
    return [line for line in connections_at(port).splitlines() if line.startswith("ESTAB") and "timer:(keepalive," in line]


@pytest.mark.parametrize("keys, seconds", [("", 60), ("tcp_keepalive: {idle: 7200s}", 7200), ("tcp_keepalive: {idle: 0s}", None)])
def test_silent_connections_are_asked_for_by_the_system(keys, seconds, start, backend, silent):
    script = silent()
    made = backend(script)
    gateway = start(simple_configuration(made.port, extra_upstream=PATIENT + f"    {keys}\n", extra_listener=f"    {keys}\n"))
    with gateway.connect() as client:
        client.sendall(GET)
        take_until(client, EVENT, "the first event")
        for port in (gateway.port, made.port):
            # Unacknowledged data has another timer instead.
            wait_for(lambda: len(keepalive_timers(port)) == (0 if seconds is None else 1), what=lambda: f"one timer in\n{connections_at(port)}")
            timers = keepalive_timers(port)
            if seconds == 60:
                assert re.search(r"keepalive,(5\d|60)(\.\d+)?sec|keepalive,1min", timers[0]), timers
            elif seconds:
                assert re.search(r"keepalive,(119min|120min|1h|2h)", timers[0]), timers
