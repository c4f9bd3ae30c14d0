"""Clients that have ended their side with FIN: they count as having left, unless the listener says `half_close: true`."""

import socket
import threading

import pytest

import harness
from harness import simple_configuration, take_until, wait_for
from leaving import silent  # noqa: F401 - a fixture
from leaving import EVENT, GET, HALF_CLOSE, PATIENT, REQUESTS, STREAM


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
