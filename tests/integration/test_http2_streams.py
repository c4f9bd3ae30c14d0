"""Streams and connections of HTTP/2 clients: flow control, how they end, and what arrives after their end."""

import threading
import time

import pytest

import harness
import http2
import sanitizers
from harness import simple_configuration, wait_for
from http2 import BASE
from hyperframe import frame as frames

pytestmark = sanitizers.one_worker


# Flow control: a slow side holds back a fast one.

def test_a_slow_backend_holds_back_the_client(start, backend, speak):
    release = threading.Event()

    def handle(connection, it):
        it.read_head(connection)
        release.wait(20)
        size = 0
        while size < (40 << 20):
            size += len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    size = 40 << 20
    stream = client.request(method="PUT", more=[("content-length", str(size))], end=False)
    client.wait(lambda: client.settled)
    client.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # no more data is accepted: the kernel's buffers and the window are full
        client.send_body(stream, bytes(size))
    assert client.body_sent < size // 2
    release.set()
    client.socket.settimeout(20)
    client.send_body(stream, bytes(size - client.body_sent))
    assert client.wait_for_end(stream).status == 200


def test_a_slow_client_holds_back_the_backend(start, backend, speak):
    written = []

    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            connection.sendall(bytes(1 << 20))
            written.append(1)
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway, auto_window=False)
    stream = client.request()
    client.wait(lambda: len(client.stream(stream).body) == 65535)  # the initial window of every connection
    before = len(written)
    time.sleep(0.5)  # the absence of an event can only be observed by waiting
    assert len(written) < 30 and len(written) - before < 20
    client.auto_window = True
    client.send(frames.WindowUpdateFrame(0, 1 << 20), frames.WindowUpdateFrame(stream, 1 << 20))
    assert len(client.wait_for_end(stream).body) == 64 << 20


def test_windows_of_one_byte(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway, settings={4: 1})
    got = client.ask("/tiny")
    assert got.status == 200 and b'"target": "/tiny"' in got.body


# The end of streams and connections.

def test_a_client_that_resets_a_stream_ends_its_exchange(start, backend, speak, tmp_path):
    gone = threading.Event()

    def handle(connection, it):
        it.read_head(connection)
        assert connection.recv(1) == b""
        gone.set()
    made = backend(handle)
    gateway = start(simple_configuration(made.port, top=f"access_log: {{path: {tmp_path}/log}}"))
    client = speak(gateway)
    stream = client.request()
    wait_for(lambda: made.received, what="the request at the backend")
    client.send(frames.RstStreamFrame(stream, 8))
    assert gone.wait(10)
    wait_for(lambda: '"ended":"client_closed"' in (tmp_path / "log").read_text(), what="the log")


def test_a_backend_that_breaks_off_resets_the_stream(start, backend, speak):
    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    got = client.ask()
    assert (got.status, got.ended, got.reset) == (200, False, 2)
    assert client.ask().status == 200  # the connection continues


def test_an_early_answer_stops_the_upload(start, echo, speak):
    gateway = start(simple_configuration(echo(), extra_listener="    limits: {body_size: 1KiB}"))
    client = speak(gateway)
    stream = client.request(method="POST", more=[("content-length", "5000")], end=False)
    got = client.wait_for_end(stream)
    assert got.status == 413
    client.wait(lambda: got.reset is not None)
    assert got.reset == 0


def test_draining_says_goodbye_and_finishes_what_has_begun(start, backend, speak):
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, workers=1))
    client = speak(gateway)
    stream = client.request()
    client.wait(lambda: client.acknowledged)
    gateway.process.terminate()
    client.wait(lambda: client.goaway)
    assert client.goaway.last_stream_id == 2**31 - 1
    late = client.request()  # sent before the client received the GOAWAY
    client.goaway = None
    client.wait(lambda: client.goaway)
    assert client.goaway.last_stream_id == late
    release.set()
    assert client.wait_for_end(stream).status == 200 and client.wait_for_end(late).status in (200, 502)
    client.read_to_end()
    gateway.stop()


def test_a_reload_keeps_connections(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    assert client.ask().status == 200
    for _ in range(3):
        gateway.reload()
        assert client.ask().status == 200
    assert client.goaway is None


def test_idle_connections_end_and_pings_do_not_keep_them(start, echo, speak):
    gateway = start(simple_configuration(echo(), extra_listener="    timeouts: {idle: 1s}"))
    client = speak(gateway)
    assert client.ask().status == 200
    client.send(frames.PingFrame(0, b"12345678"))
    client.read_to_end()
    assert client.pings == [b"12345678"] and client.goaway.error_code == 0


@pytest.mark.parametrize("what", [b"", http2.PREFACE[:10], http2.PREFACE + b"\0\0\5\1\5\0\0\0\1\x82"])
def test_beginnings_that_do_not_go_on(start, echo, what):
    gateway = start(simple_configuration(echo(), extra_listener="    timeouts: {head: 200ms}"))
    with gateway.connect() as connection:
        connection.sendall(what)
        harness.read_to_end(connection)


# Streams that have ended (RFC 9113 sections 5.1 and 6.1).

def test_data_on_a_closed_stream_is_its_error(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    for stream in (1, 3):
        client.send(client.head(stream, BASE))
        assert client.wait_for_end(stream).status == 200
    for stream in (1, 3):
        client.send(client.data(stream, b"x"))
        client.wait(lambda: client.stream(stream).reset == 5)  # STREAM_CLOSED
    client.send(client.head(5, BASE))
    assert client.wait_for_end(5).status == 200 and client.goaway is None


def test_a_head_on_a_stream_that_the_client_has_reset_ends_the_connection(start, backend, speak):
    held = threading.Event()
    client = speak(start(simple_configuration(backend(harness.answer_when(held)).port)))
    client.send(client.head(1, BASE), frames.RstStreamFrame(1, 8), client.head(1, BASE))
    client.wait(lambda: client.goaway)
    held.set()
    assert client.goaway.error_code == 5


def test_what_was_on_its_way_to_a_stream_that_the_gateway_has_reset_is_no_error(start, echo, speak):
    client = speak(start(simple_configuration(echo(), extra_listener="    limits: {body_size: 10}\n")))
    head = [*BASE[1:], (":method", "POST")]
    head.sort(key=lambda one: not one[0].startswith(":"))
    for stream in range(1, 201, 2):
        client.send(client.head(stream, [*head, ("content-length", "100")], end=False))
        got = client.wait_for_end(stream)
        assert got.status == 413
        client.wait(lambda: client.stream(stream).reset is not None)
        client.send(*[client.data(stream, b"x" * 10, end=i == 9) for i in range(10)])
    client.send(client.head(301, BASE))
    assert client.wait_for_end(301).status == 200 and client.goaway is None
    assert {client.stream(n).reset for n in range(1, 201, 2)} == {0}  # each is answered once, and the client is told to stop


def test_nor_is_the_body_of_a_stream_that_is_refused(start, backend, speak):
    held = threading.Event()
    client = speak(start(simple_configuration(backend(harness.answer_when(held)).port, extra_listener="    http2: {streams: 2}\n")))
    post = [(":method", "POST"), *BASE[1:]]
    streams = range(1, 81, 2)
    client.send(*[one for stream in streams for one in (client.head(stream, post, end=False), client.data(stream, b"x"))])
    client.wait(lambda: all(client.stream(stream).reset == 7 for stream in streams[2:]))
    client.send(*[client.data(stream, b"x") for stream in streams[2:]])
    held.set()
    client.wait(lambda: client.stream(1).ended)
    assert client.goaway is None and {client.stream(stream).reset for stream in streams[2:]} == {7}


def test_nor_is_what_comes_after_the_announced_end(start, echo, speak):
    gateway = start(simple_configuration(echo(), top="drain_timeout: 5s"))
    client = speak(gateway)
    client.send(client.head(1, BASE))
    client.wait_for_end(1)
    gateway.process.terminate()
    client.wait(lambda: client.goaway)
    client.send(client.head(3, BASE, end=False), client.data(3, b"x"))
    try:
        client.wait(lambda: client.stream(3).ended)
    except http2.Closed:
        pass
    assert client.goaway.error_code == 0
