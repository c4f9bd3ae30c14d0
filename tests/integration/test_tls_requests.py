"""Requests over TLS: bodies, the ends of connections, HSTS, and the redirect from plain HTTP."""

import contextlib
import os
import re
import ssl
import threading

import pytest

from harness import read_response, simple_configuration
from tls import EDGE, client, configuration, curl


def test_large_bodies_both_ways(start, backend, edge):
    body = os.urandom(1 << 20) * 8

    def handle(connection, made):
        head = made.read_head(connection)
        received = 0
        while received < len(body):
            received += len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    gateway = start(configuration(backend(handle).port, EDGE))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    with client(gateway, context=context) as connection:
        def send():
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        # Sequentially on one thread: the answer comes after the whole request.
        send()
        out = b""
        while not (b"\r\n\r\n" in out and len(out.split(b"\r\n\r\n", 1)[1]) == len(body)):
            piece = connection.recv(1 << 20)
            assert piece
            out += piece
    assert out.split(b"\r\n\r\n", 1)[1] == body


def test_requests_in_one_write_are_all_answered(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    with client(gateway) as connection:
        connection.sendall(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        out = b""
        while piece := connection.recv(65536):
            out += piece
    assert out.count(b"HTTP/1.1 200") == 2 and b'"/two"' in out


def test_the_end_of_a_connection_is_announced_and_a_truncation_is_not(start, backend, edge):
    cut = backend(lambda c, b: (b.read_head(c), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")))
    whole = backend()
    text = configuration(cut.port, EDGE)
    gateway = start(text)

    def end_of(request):
        context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
        with client(gateway, context=context) as connection:
            connection.sendall(request)
            while True:
                piece = connection.recv(65536)  # raises at an end without close_notify
                if not piece:
                    return "announced"
    with pytest.raises(OSError):
        end_of(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    gateway.write(configuration(whole.port, EDGE))
    gateway.reload()
    assert end_of(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == "announced"


def test_a_client_that_leaves_ends_the_exchange(start, backend, edge):
    asked, ended = threading.Event(), threading.Event()

    def handle(connection, made):
        made.read_head(connection)
        asked.set()
        connection.settimeout(20)
        if connection.recv(1) == b"":
            ended.set()
    gateway = start(configuration(backend(handle).port, EDGE))
    connection = client(gateway)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(20)
    connection.settimeout(0)
    with contextlib.suppress(OSError):  # the gateway's close_notify is not awaited
        connection.unwrap()
    connection.close()
    assert ended.wait(10)


def test_hsts(start, echo, edge):
    gateway = start(configuration(echo(), EDGE[:-1] + ", hsts: {max_age: 8760h, include_subdomains: true}}"))
    assert "strict-transport-security: max-age=31536000; includeSubDomains" in curl(gateway)[1]


def test_who_comes_in_the_clear_is_sent_to_tls(start, echo, edge):
    text = simple_configuration(echo(), extra_listener="    redirect_to_https: {port: 8443}")
    gateway = start(text)

    def location(target, *fields):
        with gateway.connect() as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\n{''.join(f'{one}' + chr(13) + chr(10) for one in fields)}\r\n".encode())
            head, _ = read_response(connection)
            return int(head.split()[1]), (re.findall(r"(?i)^location: (.*)\r$", head, re.MULTILINE) or [None])[0]
    assert location("/a%20b/../c?x=1&y", "Host: API.example.com:80") == (308, "https://api.example.com:8443/a%20b/../c?x=1&y")
    assert location("/", "Host: [::1]:80") == (308, "https://[::1]:8443/")
    assert location("http://other.example/p", "Host: other.example") == (308, "https://other.example:8443/p")
    assert location("/", "Host: a", "X-Forwarded-Proto: https")[0] == 308  # the client is not a trusted proxy
    gateway.write(text.replace("port: 8443}", "port: 443}\n    trusted_proxies: [127.0.0.1]"))
    gateway.reload()
    assert location("/", "Host: a") == (308, "https://a/")
    assert location("/", "Host: a", "X-Forwarded-Proto: https") == (200, None)
