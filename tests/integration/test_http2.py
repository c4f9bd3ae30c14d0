"""What clients get by HTTP/2: responses, WebSocket in a stream, and the choice of the protocol. The clients are real ones (curl, nghttp2's h2load)
and one of the tests. test_http2_conformance.py tests the cases of the RFCs."""

import ssl
import subprocess
import threading

import pytest

import harness
import http2
import sanitizers
from harness import read_head, read_response, simple_configuration
from http2 import curl
from hyperframe import frame as frames

pytestmark = sanitizers.one_worker


# Responses to clients.

@pytest.mark.parametrize("secure", [False, True])
def test_curl_speaks_http2(start, echo, edge, secure):
    tls = "    tls: {certificates: [{cert: edge.pem, key: edge.key}]}" if secure else ""
    gateway = start(simple_configuration(echo(), extra_listener=tls))
    kind, scheme = ("--http2", "https") if secure else ("--http2-prior-knowledge", "http")
    done = curl(kind, "-k", "-w", "%{http_version} %{http_code}", "-d", "hello", f"{scheme}://127.0.0.1:{gateway.port}/a?b=c")
    assert done.stdout.endswith(b"2 200"), done
    text = done.stdout.decode()
    assert '"target": "/a?b=c", "body_bytes": 5' in text


def test_a_listener_can_do_without(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    http2: {enabled: false}\n    tls: {certificates: [{cert: edge.pem, key: edge.key}]}"))
    done = curl("--http2", "-k", "-w", "%{http_version}", f"https://127.0.0.1:{gateway.port}/")
    assert done.stdout.endswith(b"1.1"), done


def test_many_requests_on_many_streams(start, echo):
    gateway = start(simple_configuration(echo()))
    done = subprocess.run(["h2load", "-n", "5000", "-c", "4", "-m", "100", f"http://127.0.0.1:{gateway.port}/x"],
                          capture_output=True, text=True, timeout=100)
    assert "5000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert "status codes: 5000 2xx" in done.stdout


def test_large_bodies_arrive_whole_in_both_directions(start, backend):
    size = 5_000_000
    body = bytes(range(256)) * (size // 256)

    def handle(connection, it):
        head = read_head(connection)
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        content = b""
        while len(content) < length:
            content += harness.receive(connection, 1 << 20, "a body")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    gateway = start(simple_configuration(backend(handle).port))
    path = gateway.path.parent / "body"
    path.write_bytes(body)
    done = curl("--http2-prior-knowledge", "--data-binary", f"@{path}", f"http://127.0.0.1:{gateway.port}/")
    assert done.stdout == body


def test_a_response_of_unknown_length_ends_with_its_trailers(start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\nContent-Type: no\r\n\r\n")).port,
        extra_listener="    trailers: {response: [x-sum]}\n"))
    got = speak(gateway).ask(more=[("te", "trailers")])
    assert (got.status, got.body, got.trailers) == (200, b"hello", {"x-sum": "42"})
    assert "transfer-encoding" not in got.fields


def test_what_the_backend_gets_is_plain_http1(start, backend, speak):
    it = backend()
    gateway = start(simple_configuration(it.port))
    client = speak(gateway)
    assert client.ask("/p?q=1", more=[("cookie", "a=1"), ("cookie", "b=2"), ("x-y", "z"), ("te", "trailers")]).status == 200
    head = it.received.decode()
    assert head.startswith("GET /p?q=1 HTTP/1.1\r\nhost: example.com\r\n")
    for line in ("cookie: a=1; b=2", "x-y: z", "te: trailers", "x-forwarded-host: example.com"):
        assert f"\r\n{line}\r\n" in head, line


def test_a_body_of_unknown_length_is_chunked_and_trailers_follow(start, backend, speak):
    seen = []

    def handle(connection, it):
        seen.append(read_head(connection))
        seen.append(harness.take_until(connection, b"x-end: 1\r\n\r\n", "a body"))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port, extra_listener="    trailers: {request: [x-end]}\n"))
    client = speak(gateway)
    stream = client.request(method="POST", end=False)
    client.send(client.data(stream, b"abc", end=False), client.head(stream, [("x-end", "1"), ("cookie", "no")]))
    got = client.wait_for_end(stream)
    assert got.status == 204
    assert "transfer-encoding: chunked" in seen[0].lower()
    assert b"3\r\nabc\r\n0\r\nx-end: 1\r\n\r\n" == seen[1]


def test_head_and_interim_responses(start, backend, speak):
    def handle(connection, it):
        head = it.read_head(connection)
        if head.startswith("HEAD"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    head = client.ask(method="HEAD")
    assert (head.status, head.fields["content-length"], head.body) == (200, "5", b"")
    got = client.ask()
    assert (got.interim, got.status, got.fields["content-length"]) == ([103], 200, "0")


def test_the_gateways_own_answers(start, echo, speak):
    gateway = start(simple_configuration(echo()).replace("path_prefix: /", "path_prefix: /only"))
    client = speak(gateway)
    got = client.ask("/other")
    assert got.status == 404 and b'"detail":"no_route"' in got.body and got.fields["content-type"] == "application/problem+json"
    grpc = client.ask("/other", method="POST", more=[("content-type", "application/grpc+proto")], body=b"")
    assert (grpc.status, grpc.fields["grpc-status"], grpc.fields["grpc-message"]) == (200, "12", "no_route")
    assert grpc.body == b""


def test_one_stream_does_not_hold_up_another(start, backend, speak):
    release = threading.Event()

    def handle(connection, it):
        if "GET /slow" in it.read_head(connection):
            release.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    slow, fast = client.request("/slow"), client.request("/fast")
    assert client.wait_for_end(fast).status == 200
    assert not client.stream(slow).heads
    release.set()
    assert client.wait_for_end(slow).status == 200


def test_events_leave_as_they_come(start, backend, speak):
    took = threading.Semaphore(0)

    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            connection.sendall(b"data: %d\n\n" % number)
            assert took.acquire(timeout=10)
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    got = client.stream(client.request("/events", more=[("accept", "text/event-stream")]))
    for number in range(3):
        client.wait(lambda: got.body.endswith(b"data: %d\n\n" % number))
        took.release()
    client.wait(lambda: got.ended)


# WebSocket in a stream (RFC 8441).

def test_websocket_over_http2(start, backend, speak):
    def handle(connection, it):
        head = it.read_head(connection)
        key = head.lower().split("sec-websocket-key: ")[1].split("\r\n")[0]
        assert "upgrade: websocket" in head.lower() and len(key) == 24
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: x\r\n\r\n")
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            connection.sendall(piece.upper())
    it = backend(handle)
    gateway = start(simple_configuration(it.port))
    client = speak(gateway)
    client.wait(lambda: client.settled)
    assert client.settings[8] == 1
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                                     (":authority", "example.com"), (":path", "/chat"), ("sec-websocket-version", "13")], end=False))
    client.wait(lambda: client.stream(stream).heads)
    got = client.stream(stream)
    assert got.status == 200 and "sec-websocket-accept" not in got.fields
    client.send(client.data(stream, b"hello", end=False))
    client.wait(lambda: got.body == b"HELLO")
    client.send(client.data(stream, b" again"))
    client.wait_for_end(stream)
    assert got.body == b"HELLO AGAIN" and b"GET /chat" in it.received


def test_other_protocols_are_not_spoken(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    got = client.wait_for_end(client.request(method="CONNECT", more=[], end=False) and client.request("/x", method="TRACE"))
    assert got.status in (200, 405, 501)
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "other"), (":scheme", "http"),
                                     (":authority", "example.com"), (":path", "/")], end=False))
    assert client.wait_for_end(stream).status == 501


# The protocol selected by ALPN (RFC 9113 sections 3.2 and 3.4).

def secured(gateway, *protocols):
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(gateway.connect(), server_hostname="localhost")


def test_after_h2_only_http2_is_spoken(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    tls: {certificates: [{cert: edge.pem, key: edge.key}]}\n"))
    for said in (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\r\n" * 20):
        with secured(gateway, "h2") as connection:
            connection.sendall(said)
            assert b"HTTP/1.1" not in harness.read_to_end(connection)


def test_after_http1_only_http1_is_spoken(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    tls: {certificates: [{cert: edge.pem, key: edge.key}]}\n"))
    with secured(gateway, "http/1.1") as connection:
        connection.sendall(http2.PREFACE + frames.SettingsFrame(0).serialize())
        assert read_response(connection)[0].startswith("HTTP/1.1 505 ")
