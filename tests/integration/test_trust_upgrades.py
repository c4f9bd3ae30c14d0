"""A client cannot bypass routes and policies by an upgrade to another protocol."""

import re
import threading

import pytest

import harness
import sanitizers
from harness import read_head, read_response, simple_configuration
from trust import PROTECTED, ask, problems, routes, seen

pytestmark = sanitizers.one_worker

WEBSOCKET = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "Upgrade"])
@pytest.mark.parametrize("protocol", ["h2c", "H2C", "HTTP/2.0", "tls/1.0", "unknown"])
def test_only_websocket_is_switched_to(protocol, connection, start, echo):
    gateway = start(routes(echo(), *PROTECTED))
    got = seen(gateway, f"Connection: {connection}\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
    assert not {"upgrade", "connection", "http2-settings"} & set(got)


def test_an_unasked_switch_is_refused(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")).port))
    assert ask(gateway, "Connection: Upgrade\r\nUpgrade: h2c\r\n")[0] == 502


def test_of_several_protocols_the_allowed_ones_are_asked_for(start, backend):
    made = backend(harness.answer(SWITCH))
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, websocket, IRC/6.9\r\n\r\n")
        assert " 101 " in read_head(client)
    assert re.findall(rb"(?i)upgrade: ([^\r]*)\r\n", made.received) == [b"websocket"]


def test_a_route_may_list_other_protocols(start, backend):
    made = backend(harness.answer(SWITCH.replace(b"websocket", b"IRC/6.9")))
    gateway = start(routes(made.port, "{name: all, match: {path_prefix: /}, upgrades: [irc/6.9], upstream: app}"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket, IRC/6.9\r\n\r\n")
        assert " 101 " in read_head(client)
    assert b"upgrade: IRC/6.9\r\n" in made.received


@pytest.mark.parametrize("listed", ["h2c", "HTTP/2.0", "h2c/1"])
def test_http_can_not_be_listed(listed, tmp_path):
    told = problems(tmp_path, routes(1, f"{{name: all, match: {{path_prefix: /}}, upgrades: [{listed}], upstream: app}}"))
    assert f"`{listed}`: routes cannot allow this protocol" in told


@pytest.mark.parametrize("fields", ["", "Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n"])
def test_a_switch_to_what_was_not_asked_for_is_502(fields, start, backend):
    gateway = start(simple_configuration(backend(harness.answer(
        f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{fields}\r\n".encode())).port))
    assert ask(gateway, WEBSOCKET)[0] == 502


@pytest.mark.parametrize("framing, body", [("Content-Length: 5\r\n", "hello"), ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")])
def test_the_tunnel_begins_behind_the_body(framing, body, start, backend):
    first, after = [], []

    def handle(connection, made):
        made.read_head(connection)
        taken = b""
        while len(taken) < len(body):
            taken += harness.receive(connection, len(body) - len(taken), "the body")
        first.append(taken)
        connection.sendall(SWITCH)
        after.append(connection.recv(100))
        connection.sendall(b"back")
    gateway = start(simple_configuration(backend(handle).port))
    with gateway.connect() as client:
        client.sendall(f"POST /ws HTTP/1.1\r\nHost: a\r\n{WEBSOCKET}{framing}\r\n{body}".encode())
        assert " 101 " in read_head(client)
        client.sendall(b"frames")
        assert harness.read_to_end(client) == b"back"
    assert (first, after) == ([body.encode()], [b"frames"])


def test_an_extended_connect_needs_its_route_s_leave(start, echo, speak):
    gateway = start(routes(echo(), "{name: all, match: {path_prefix: /}, upgrades: [], upstream: app}"))
    client = speak(gateway)
    stream = client.request(method="CONNECT", more=[(":protocol", "websocket")], end=False)
    assert client.wait_for_end(stream).status == 501


def test_a_long_list_of_upgrades_costs_nothing(start, backend):
    gate = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(gate)).port, workers=1))

    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{gateway.process.pid}/status").read())[1])
    before, connections = resident(), []
    for _ in range(6):
        connections.append(gateway.connect())
        connections[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: " + b",".join([b"websocket"] * 3100) + b"\r\n\r\n")
    gate.set()
    for connection in connections:
        assert " 200 " in read_response(connection)[0]
        connection.close()
    assert resident() < before + 20_000
