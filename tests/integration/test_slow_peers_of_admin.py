"""The admin listener serves while slow clients hold its connections."""

import contextlib

import pytest

import harness
import sanitizers
from harness import get, simple_configuration, wait_for
from peer_memory import Peak

pytestmark = sanitizers.control_thread

CONNECTIONS = 256  # max connections of the admin listener


@pytest.fixture
def admin(start, echo):
    """The port of a gateway's admin listener, and the gateway."""
    port = harness.free_port()
    gateway = start(simple_configuration(echo(), top=f'admin: {{address: "127.0.0.1:{port}"}}'))
    return port, gateway


def dribbling(stack, port, count, text=b"GET /healthz HTTP/1.1\r\nHost: a\r\n"):
    """Connections that have sent a part of a head."""
    made = []
    for _ in range(count):
        connection = stack.enter_context(harness.connect(port))
        connection.sendall(text)
        made.append(connection)
    return made


def test_health_is_told_while_all_connections_dribble(admin):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        dribbling(stack, port, CONNECTIONS + 20)
        for _ in range(20):
            assert get(port, "/healthz")[0] == 200


def test_health_is_told_while_all_connections_are_silent(admin):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        dribbling(stack, port, CONNECTIONS + 20, b"")
        assert get(port, "/healthz")[0] == 200


def test_the_connection_that_waits_longest_makes_room(admin):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        first, *others = dribbling(stack, port, CONNECTIONS)
        assert get(port, "/healthz")[0] == 200
        assert harness.read_to_end(first) in (b"", b"<reset>")
        others[-1].sendall(b"\r\n")
        assert "200 OK" in harness.read_response(others[-1])[0]


def test_those_that_follow_the_dashboard_are_not_thrown_out(admin):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(harness.connect(port))
        live.sendall(b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert "200 OK" in harness.read_head(live)
        dribbling(stack, port, CONNECTIONS + 20)
        assert get(port, "/healthz")[0] == 200
        live.setblocking(False)
        seen = bytearray()

        def told():
            with contextlib.suppress(BlockingIOError):
                piece = live.recv(1 << 16)
                assert piece, "the stream was ended"
                seen.extend(piece)
            return len(seen) > 0
        wait_for(told, what="what the gateway tells")


@pytest.mark.parametrize("text", [
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nslow", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"BAD\r\n\r\n"])
def test_clients_that_stop_at_any_place_make_room(admin, text):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        dribbling(stack, port, CONNECTIONS + 20, text)
        for _ in range(20):
            assert get(port, "/healthz")[0] == 200


def test_clients_that_read_no_answer_make_room(admin):
    port, _ = admin
    with contextlib.ExitStack() as stack:
        # More answers than the buffers of the sockets hold.
        dribbling(stack, port, CONNECTIONS + 20, b"GET /assets/dygraph.js HTTP/1.1\r\nHost: a\r\n\r\n" * 60)
        for _ in range(20):
            assert get(port, "/healthz")[0] == 200


def test_a_dribbled_head_has_a_deadline(admin):
    port, _ = admin
    with harness.connect(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        sent = 0

        def ended():
            nonlocal sent
            try:
                connection.sendall(b"X: y\r\n")
            except OSError:
                return True
            sent += 1
            return False
        # Sending a byte every few milliseconds does not prolong the timeout.
        wait_for(ended, timeout=30, what="the end")
        assert sent > 10


@pytest.mark.not_sanitized(reason="a sanitizer adds to what is taken")
def test_waiting_connections_take_little_memory(admin):
    port, gateway = admin
    with contextlib.ExitStack() as stack:
        peak = Peak(gateway.process)
        dribbling(stack, port, CONNECTIONS)
        assert get(port, "/healthz")[0] == 200
        assert peak.grown() < CONNECTIONS * 32
