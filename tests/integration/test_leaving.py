"""Clients that leave before their response is complete: the work for their request ends at once."""

import contextlib
import re
import ssl
import subprocess

import pytest

from harness import log_lines, read_head, simple_configuration, take_until, wait_for
from http2 import h2_configuration
from hyperframe import frame as frames
from leaving import silent  # noqa: F401 - a fixture
from leaving import EVENT, GET, GOODBYES, PATIENT, REQUESTS, STREAM
from tls import EDGE, configuration as tls_configuration


# The response is awaited, or on its way.

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
