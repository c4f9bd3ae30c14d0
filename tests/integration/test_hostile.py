"""Hostile heads: the right 4xx, the connection closed, nothing forwarded, the next connection served."""

import pytest

import harness
from harness import simple_configuration

GOOD = b"GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def fields(text):
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + text + b"\r\n0\r\n\r\n"


CASES = {
    "length and transfer-encoding": (400, fields(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
    "two lengths": (400, fields(b"Content-Length: 5\r\nContent-Length: 6\r\n")),
    "length list": (400, fields(b"Content-Length: 5, 5\r\n")),
    "signed length": (400, fields(b"Content-Length: +5\r\n")),
    "two transfer-encodings": (400, fields(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
    "chunked not last": (400, fields(b"Transfer-Encoding: chunked, gzip\r\n")),
    "unknown coding": (501, fields(b"Transfer-Encoding: gzip, chunked\r\n")),
    "disguised chunked": (400, fields(b"Transfer-Encoding: \x0bchunked\r\n")),
    "space before colon": (400, fields(b"Content-Length : 5\r\n")),
    "obs-fold": (400, fields(b"X: a\r\n b\r\n")),
    "bare lf": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "bare cr": (400, fields(b"X: a\rContent-Length: 5\r\n")),
    "nul": (400, fields(b"X: a\x00b\r\n")),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, fields(b"Host: b\r\n")),
    "host disagrees": (400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "two spaces": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tab in request line": (400, b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "control in target": (400, b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http/2 version": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "tls hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "connect": (400, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    "encoded slash": (400, b"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n"),
    "encoded nul": (400, b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "overlong": (400, b"GET /%c0%ae%c0%ae/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "climbing": (400, b"GET /a/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"),
    "long target": (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "large head": (431, fields(b"X: " + b"a" * 40000 + b"\r\n")),
    "many fields": (431, fields(b"X: a\r\n" * 150)),
    "large body": (413, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_head_is_refused(name, start, backend):
    made = backend()
    gateway = start(simple_configuration(made.port, extra_listener="    limits: {body_size: 1000000}"))
    status, request = CASES[name]
    reply = gateway.raw(request + GOOD)
    assert reply.startswith(f"HTTP/1.1 {status} ".encode()), reply
    assert reply.count(b"HTTP/1.1 ") == 1 and b"connection: close" in reply
    assert b"application/problem+json" in reply
    assert made.received == b""
    assert gateway.raw(GOOD).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("body", [b"5\r\nhelloX", b"g\r\n", b"5\nhello\r\n", b"-1\r\n", b"ffffffffffffffff\r\n", b"5 \r\nhello"])
def test_a_broken_chunk_ends_the_exchange(body, start, backend):
    def reads_all(connection, made):
        while connection.recv(1 << 16):
            pass

    gateway = start(simple_configuration(backend(reads_all).port))
    reply = gateway.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert reply.startswith(b"HTTP/1.1 400 "), reply


def test_a_slow_head_is_408(start, backend):
    gateway = start(simple_configuration(backend().port, extra_listener="    timeouts: {head: 100ms}"))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HT")
        assert harness.read_to_end(connection).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_quietly(start, backend):
    gateway = start(simple_configuration(backend().port, extra_listener="    timeouts: {idle: 500ms}"))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.read_response(connection)
        assert harness.read_to_end(connection) == b""


def test_a_head_byte_by_byte_is_served(start, backend):
    gateway = start(simple_configuration(backend().port))
    with gateway.connect() as connection:
        for i in range(len(GOOD)):
            connection.send(GOOD[i:i + 1])
        assert harness.read_to_end(connection).startswith(b"HTTP/1.1 200 OK")


def test_a_client_that_goes_away_in_the_middle_harms_nobody(start, backend):
    gateway = start(simple_configuration(backend().port))
    for cut in range(1, 60, 7):
        with gateway.connect() as connection:
            connection.sendall((b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nabc")[:cut])
    assert gateway.raw(GOOD).startswith(b"HTTP/1.1 200 OK")
