"""Zero as a timeout means no timeout: slow peers are waited for."""

import re
import subprocess
import threading

import pytest

import harness
import sanitizers
from harness import read_head, read_response, simple_configuration, wait_for

pytestmark = sanitizers.one_worker

SILENCE = 0.3  # of a client or a target, in seconds; the timeouts that other tests set are much shorter


def configuration(port, listener="", upstream="", **settings):
    return simple_configuration(port, extra_listener=f"    timeouts: {{{listener}}}\n" if listener else "",
                                extra_upstream=f"    timeouts: {{{upstream}}}\n" if upstream else "", workers=1, **settings)


def pause():
    """Waits without sending."""
    threading.Event().wait(SILENCE)


def test_a_target_may_take_its_time(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        pause()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        pause()
        connection.sendall(b"k")
    gateway = start(configuration(backend(handle).port, upstream="response: 0s, connect: 0s, total: 0s, idle: 0s"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head, body = read_response(client)
    assert " 200 " in head and body == b"ok"


def test_while_the_request_is_still_on_its_way_too(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        harness.take_until(connection, b"hello", "the body")
        pause()
        connection.sendall(harness.ANSWER)
    gateway = start(configuration(backend(handle).port, listener="body: 0s", upstream="response: 0s"))
    with gateway.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        pause()
        client.sendall(b"lo")
        assert " 200 " in read_response(client)[0]


def test_a_hedged_target_may_take_its_time(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        pause()
        connection.sendall(harness.ANSWER)
    ports = [backend(handle).port for _ in range(2)]
    gateway = start(simple_configuration(*ports, workers=1, extra_upstream="    timeouts: {response: 0s}\n    hedge: {delay: 10ms, budget: 100%}\n"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert " 200 " in read_response(client)[0]


def test_a_tunnel_may_be_silent(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.sendall(connection.recv(100))
    gateway = start(configuration(backend(handle).port, upstream="tunnel: 0s"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert " 101 " in read_head(client)
        pause()
        client.sendall(b"\x81\x80\0\0\0\0")
        assert client.recv(100) == b"\x81\x80\0\0\0\0"


def test_a_client_may_take_its_time(start, echo):
    gateway = start(configuration(echo(), listener="head: 0s, body: 0s, idle: 0s, send: 0s"))
    with gateway.connect() as client:
        pause()
        for _ in range(2):
            client.sendall(b"POST / HTTP/1.1\r\n")
            pause()
            client.sendall(b"Host: a\r\nContent-Length: 5\r\n\r\nhel")
            pause()
            client.sendall(b"lo")
            head, body = read_response(client)
            assert " 200 " in head and b'"body_bytes": 5' in body
            pause()  # before the next request


def test_so_may_one_of_http2(start, echo, speak):
    client = speak(start(configuration(echo(), listener="head: 0s, body: 0s, idle: 0s, send: 0s")))
    for _ in range(2):
        assert client.ask("/").status == 200
        pause()


def test_policies_wait_without_a_limit(start, echo, server, backend):
    def slow(request):
        pause()
        return (200, {}, b'{"active": true}')
    service = server(slow)
    held = threading.Event()
    port = backend(harness.answer_when(held)).port
    for policy in (f"forward_auth: {{url: '{service.url()}', timeout: 0s}}", f"oauth2_introspection: {{url: '{service.url()}', timeout: 0s}}",
                   "concurrency_limit: {limit: 1, queue: {size: 5, timeout: 0s}}"):
        gateway = start(simple_configuration(port if "queue" in policy else echo(), workers=1, extra_route=f"    policies: [{policy}]\n"))
        statuses = []

        def ask():
            with gateway.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n")
                statuses.append(int(read_response(client)[0].split()[1]))
        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        pause()
        held.set()
        for thread in threads:
            thread.join()
        assert statuses == [200, 200], policy


def test_a_drain_waits_for_what_is_in_hand(start, backend):
    held, begun = threading.Event(), threading.Event()
    gateway = start(configuration(backend(harness.answer_when(held, arrived=begun)).port, top="drain_timeout: 0s"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        begun.wait(20)
        gateway.process.terminate()
        gateway.wait_for_line("draining")
        pause()
        held.set()
        assert " 200 " in read_response(client)[0]
    wait_for(lambda: gateway.process.poll() is not None, what="the end")


@sanitizers.only_command_line
def test_the_reference_says_so():
    text = subprocess.run([harness.BINARY, "schema", "--format", "markdown"], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text, re.M)
    limits = {name for name, kind in rows if "0s: no limit" in kind}
    assert limits == {"head", "body", "send", "idle", "connect", "response", "tunnel", "total", "timeout", "wait", "drain_timeout"}
    # All other plain durations with these names have no minimum; only a health check's is at least 10ms.
    plain = [name for name, kind in rows if name in limits and kind.strip() == "duration"]
    assert plain in ([], ["timeout"])
