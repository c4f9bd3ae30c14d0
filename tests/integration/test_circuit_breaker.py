"""The circuit breaker: requests wait for connections, and further requests and retries are refused."""

import concurrent.futures
import http.client
import json
import threading
import time

import pytest
from hyperframe import frame as frames

import sanitizers
from failing_backend import failing
from harness import ANSWER as FAST, check, free_port, metric, read_response, simple_configuration, wait_for
from http2 import OK


class Counting:
    """A handler that answers when told to, and counts its requests, in total and concurrent ones."""

    def __init__(self, pause=0.0, held=False, until=0):
        """`until`: the handler answers nothing before that many requests have been in progress at once."""
        self.lock, self.pause, self.until, self.release = threading.Lock(), pause, until, threading.Event()
        self.busy = self.most_busy = self.requests = 0
        if not held and not until:
            self.release.set()

    def __call__(self, connection, backend):
        while True:
            backend.read_head(connection)
            with self.lock:
                self.requests += 1
                self.busy += 1
                self.most_busy = max(self.most_busy, self.busy)
                if self.until and self.busy >= self.until:
                    self.release.set()
            self.release.wait(20)
            time.sleep(self.pause)
            with self.lock:
                self.busy -= 1
            connection.sendall(FAST)


def ask(gateway, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, json.loads(body)["detail"] if response.status >= 400 else body.decode()


def many(gateway, count, at_once):
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: ask(gateway), range(count)))


def begin(gateway, count):
    """Sends `count` requests on connections of their own, whose answers are read later."""
    clients = [gateway.connect() for _ in range(count)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return clients


def configuration(*ports, breaker, admin=None, upstream="", **settings):
    top = f'admin: {{address: "127.0.0.1:{admin}"}}' if admin else ""
    return simple_configuration(*ports, top=top, **settings, extra_upstream=
                                f"    circuit_breaker: {breaker}\n    outlier_ejection: {{failures_in_row: 0}}\n{upstream}")


@pytest.mark.parametrize("workers", [1, 4])
def test_connections_stay_below_their_limit_and_requests_wait_for_one(start, backend, workers):
    handler, admin = Counting(pause=0.005, until=3), free_port()
    it = backend(handler)
    gateway = start(configuration(it.port, breaker="{connections: 3}", workers=workers, admin=admin,
                                  upstream="    timeouts: {connect: 15s}"))
    assert many(gateway, 400, 40) == [(200, "ok")] * 400
    assert handler.most_busy == 3
    assert metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="connections"}') <= 3
    assert metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="connections"}') == 0
    assert metric(admin, 'portcullis_breaker_limit{upstream="backend",load="connections"}') == 3


def test_a_limit_holds_for_all_targets_together(start, backend):
    handler = Counting(pause=0.002)
    targets = [backend(handler) for _ in range(4)]
    gateway = start(configuration(*[one.port for one in targets], breaker="{connections: 2}", workers=2,
                                  upstream="    timeouts: {connect: 15s}"))
    assert many(gateway, 200, 20) == [(200, "ok")] * 200
    assert handler.most_busy == 2
    assert all(one.accepted > 0 for one in targets)


def test_who_waits_too_long_is_turned_away(start, backend, tmp_path):
    handler, admin = Counting(held=True), free_port()
    it = backend(handler)
    gateway = start(configuration(it.port, breaker="{connections: 1}", admin=admin, upstream="    timeouts: {connect: 200ms}"))
    first, = begin(gateway, 1)
    wait_for(lambda: handler.requests == 1, what="the first request")
    assert ask(gateway) == (503, "breaker_connections")
    assert metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="connections"}') == 1
    handler.release.set()
    assert read_response(first)[1] == b"ok"
    assert ask(gateway) == (200, "ok")
    first.close()


def test_no_more_wait_than_may(start, backend):
    handler, admin = Counting(held=True), free_port()
    it = backend(handler)
    gateway = start(configuration(it.port, breaker="{connections: 1, pending: 2}", admin=admin, upstream="    timeouts: {connect: 15s}"))
    clients = begin(gateway, 3)
    wait_for(lambda: metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="pending"}') == 2, what="two that wait")
    assert ask(gateway) == (503, "breaker_pending")
    handler.release.set()
    for client in clients:
        assert read_response(client)[1] == b"ok"
        client.close()
    assert handler.most_busy == 1
    assert metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="pending"}') == 0
    assert metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="pending"}') == 1


def test_a_client_that_leaves_gives_its_place_up(start, backend):
    handler, admin = Counting(held=True), free_port()
    it = backend(handler)
    gateway = start(configuration(it.port, breaker="{connections: 1, pending: 5, requests: 6}", admin=admin, upstream="    timeouts: {connect: 15s}"))
    clients = begin(gateway, 6)
    wait_for(lambda: metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="pending"}') == 5, what="five that wait")
    for client in clients:
        client.close()
    handler.release.set()
    wait_for(lambda: metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="requests"}') == 0, what="an end")
    assert metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="pending"}') == 0
    assert ask(gateway) == (200, "ok")


@pytest.mark.parametrize("workers", [1, 3])
def test_an_idle_connection_of_another_worker_is_not_in_the_way(start, backend, workers):
    handler = Counting()
    it = backend(handler)
    gateway = start(configuration(it.port, breaker="{connections: 1}", workers=workers, upstream="    timeouts: {connect: 10s}"))
    began = time.monotonic()
    for _ in range(30):
        assert ask(gateway) == (200, "ok")  # each on a new connection, which the kernel gives to any worker
    assert time.monotonic() - began < 10 and handler.most_busy == 1


def test_requests_beyond_the_limit_are_turned_away(start, backend, tmp_path):
    handler, admin = Counting(held=True), free_port()
    it = backend(handler)
    log = tmp_path / "access.log"
    gateway = start(configuration(it.port, breaker="{requests: 3}", admin=admin).replace(
        "version: 1", f"version: 1\naccess_log: {{path: {log}}}", 1))
    clients = begin(gateway, 3)
    wait_for(lambda: handler.requests == 3, what="three requests")
    assert ask(gateway) == (503, "breaker_requests")
    assert metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="requests"}') == 3
    # A reload keeps the counts.
    gateway.write(gateway.path.read_text().replace("requests: 3", "requests: 2"))
    gateway.reload()
    assert ask(gateway) == (503, "breaker_requests")
    handler.release.set()
    for client in clients:
        assert read_response(client)[1] == b"ok"
        client.close()
    wait_for(lambda: ask(gateway) == (200, "ok"), what="room")
    assert metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="requests"}') >= 2
    wait_for(lambda: '"ended":"breaker_requests"' in log.read_text(), what="the log")


def test_retries_beyond_the_limit_are_not_made(start, backend, tmp_path):
    release = threading.Event()
    bad = backend(failing(503))
    slow = backend(lambda connection, made: (made.read_head(connection), release.wait(20), connection.sendall(FAST)))
    admin, log = free_port(), tmp_path / "access.log"
    gateway = start(configuration(bad.port, slow.port, breaker="{retries: 1}", admin=admin, workers=1,
                                  upstream="    retries: {attempts: 3, status: [503], backoff: 1ms, budget: 100%, min_per_second: 1000}").replace(
        "version: 1", f"version: 1\naccess_log: {{path: {log}}}", 1))
    clients = begin(gateway, 4)  # two for each target; a failed request is retried at the slow target and waits there
    wait_for(lambda: metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="retries"}') == 1, what="a refusal")
    assert metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="retries"}') == 1
    release.set()
    answers = [int(read_response(client)[0].split()[1]) for client in clients]
    for client in clients:
        client.close()
    assert sorted(answers) == [200, 200, 200, 503]
    wait_for(lambda: '"note":"breaker_retries"' in log.read_text(), what="the log")


def test_streams_of_an_http2_connection_are_waited_for(start, backend2):
    def slowly(peer, stream):
        time.sleep(0.005)
        peer.send(peer.head(stream, OK))
    admin = free_port()
    it = backend2(slowly, settings={frames.SettingsFrame.MAX_CONCURRENT_STREAMS: 5})
    gateway = start(configuration(it.port, breaker="{connections: 2}", workers=2, admin=admin,
                                  upstream="    protocol: http2\n    timeouts: {connect: 15s}"))
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(ask, gateway) for _ in range(200)]
        most = 0
        while not all(one.done() for one in answers):
            most = max(most, metric(admin, 'portcullis_breaker_in_use{upstream="backend",load="connections"}'))
    assert [one.result()[0] for one in answers] == [200] * 200
    assert 1 <= most <= 2


def test_a_busy_worker_gives_way_to_others_with_http2(start, backend2):
    def slowly(peer, stream):
        time.sleep(0.001)
        peer.send(peer.head(stream, OK))
    it = backend2(slowly)
    gateway = start(configuration(it.port, breaker="{connections: 1}", workers=2,
                                  upstream="    protocol: http2\n    timeouts: {connect: 15s}"))
    answered, refused = [0] * 16, []  # connections that are spread over all workers

    def ask_often(which):
        with gateway.connect() as client:
            while min(answered) < 5 and not refused:  # the worker that has the connection always has work
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head = read_response(client)[0]
                if " 200 " not in head:
                    refused.append(head)
                answered[which] += 1
    clients = [threading.Thread(target=ask_often, args=(which,)) for which in range(len(answered))]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert not refused


@sanitizers.only_configuration
def test_pending_without_connections_is_a_mistake(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(1, breaker="{pending: 1}").replace("{port}", "8080"))
    assert "`pending` of `circuit_breaker` needs `connections`" in check(path)
