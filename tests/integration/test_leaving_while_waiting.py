"""Clients that leave while their request waits for a policy, a place in a queue, or a connection to a target."""

import contextlib
import socket

import pytest

import harness
from harness import log_lines, simple_configuration, wait_for
from hyperframe import frame as frames
from leaving import silent  # noqa: F401 - a fixture
from leaving import GET, GOODBYES, PATIENT, REQUESTS


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
