"""A second target is asked while the first one is silent, and the first answer is used."""

import http.client
import threading
import time

import pytest

from harness import Script, free_port, log_lines, metric, read_response, reset, simple_configuration, wait_for
from http2 import OK

SLOW = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"


def configuration(*ports, hedge="{delay: 50ms, budget: 100%}", upstream="", **settings):
    return simple_configuration(*ports, workers=1, **settings, extra_upstream=
                                f"    hedge: {hedge}\n    outlier_ejection: {{failures_in_row: 0}}\n{upstream}")


def logged(text, log):
    return text.replace("version: 1", f"version: 1\naccess_log: {{path: {log}}}", 1)


def ask(gateway, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, "/", body=body)
    response = connection.getresponse()
    answered = response.status, response.read().decode()
    connection.close()
    return answered


def fill_budget(gateway, fast, count=30):
    """Fills the budget: hedges are a share of the requests."""
    fast.release.set()
    for _ in range(count):
        ask(gateway)


@pytest.fixture
def pair(backend):
    slow, fast = Script(SLOW), Script()
    return slow, backend(slow), fast, backend(fast)


def test_the_second_answers_while_the_first_is_silent(start, pair, tmp_path):
    slow, slow_backend, fast, fast_backend = pair
    log = tmp_path / "access.log"
    gateway = start(logged(configuration(slow_backend.port, fast_backend.port), log))
    fill_budget(gateway, fast)
    slow.release.clear()
    before = slow.requests
    for _ in range(6):
        began = time.monotonic()
        assert ask(gateway) == (200, "ok")
        assert time.monotonic() - began < 5
    assert slow.requests > before
    def hedged():
        return [one for one in log_lines(log) if one.get("note") == "hedge_answered" and one["target"] == f"127.0.0.1:{fast_backend.port}"]
    assert all(line["tries"] == 2 and line["ended"] == "complete" for line in wait_for(hedged, what="the log"))
    slow.release.set()
    wait_for(lambda: ask(gateway)[1] == "slow", what="the first one, which is still there for those who come after")


def test_a_first_that_answers_in_time_is_left_alone(start, pair):
    slow, slow_backend, fast, fast_backend = pair
    gateway = start(configuration(slow_backend.port, fast_backend.port, hedge="{delay: 5s, budget: 100%}"))
    fill_budget(gateway, fast, 20)
    assert slow.requests + fast.requests == 20


def test_the_first_may_still_win(start, backend):
    first, second = Script(SLOW), Script(held=True)
    gateway = start(configuration(backend(first).port, backend(second).port))
    second.release.set()
    fill_budget(gateway, second)
    first.release.clear()
    second.release.clear()
    seen = first.requests + second.requests
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: first.requests + second.requests == seen + 2, what="both to be asked")
        first.release.set()
        assert read_response(client)[1] == b"slow"
        second.release.set()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_response(client)[1] in (b"slow", b"ok")


@pytest.mark.parametrize("failure", ["reset", "refuse"])
def test_a_hedge_that_fails_costs_the_request_nothing(start, backend, failure):
    first = Script(SLOW)
    bad = backend(lambda connection, made: (made.read_head(connection), reset(connection))).port if failure == "reset" else free_port()
    gateway = start(configuration(backend(first).port, bad, upstream="    retries: {attempts: 2, backoff: 1ms}"))
    fill_budget(gateway, first)
    first.release.clear()
    asked = first.requests
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: first.requests > asked, what="the first to be asked")
        time.sleep(0.2)  # the hedge fails meanwhile, without a signal to wait for
        first.release.set()
        assert read_response(client)[1] == b"slow"


def test_a_first_that_fails_waits_for_the_hedge(start, backend):
    dies, asked, second = threading.Event(), [], Script()

    def dying(connection, made):
        while True:
            made.read_head(connection)
            asked.append(1)
            if dies.is_set():
                wait_for(lambda: second.requests > before, what="the other one to be asked")
                return reset(connection)
            connection.sendall(SLOW)
    gateway = start(configuration(backend(dying).port, backend(second).port))
    fill_budget(gateway, second)
    dies.set()
    for _ in range(2):  # each of them is the first target once
        second.release.clear()
        before, seen = second.requests, len(asked)
        with gateway.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: second.requests > before and len(asked) > seen, what="both to be asked")
            second.release.set()
            assert read_response(client)[1] == b"ok"


def test_only_what_may_be_sent_twice_is_hedged(start, pair):
    slow, slow_backend, fast, fast_backend = pair
    gateway = start(configuration(slow_backend.port, fast_backend.port))
    fill_budget(gateway, fast)
    slow.release.clear()
    fast.release.clear()

    def asked():
        return (slow_backend.received + fast_backend.received).count(b"POST / ")
    with gateway.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        wait_for(lambda: asked() == 1, what="the first")
        time.sleep(0.3)  # six times the delay, in which nothing must happen
        assert asked() == 1
        slow.release.set()
        fast.release.set()
        read_response(client)


def test_a_body_that_is_kept_goes_to_both(start, pair):
    slow, slow_backend, fast, fast_backend = pair
    gateway = start(configuration(slow_backend.port, fast_backend.port))
    fill_budget(gateway, fast)
    slow.release.clear()
    for _ in range(4):
        assert ask(gateway, "PUT", b"x" * 10_000) == (200, "ok")
    assert b"x" * 10_000 in slow.bodies and fast.bodies.count(b"x" * 10_000) == 4


def test_hedges_stay_within_their_budget(start, pair, tmp_path):
    slow, slow_backend, fast, fast_backend = pair
    log = tmp_path / "access.log"
    gateway = start(logged(configuration(slow_backend.port, fast_backend.port, hedge="{delay: 10ms, budget: 10%}",
                                         upstream="    timeouts: {response: 250ms}"), log))
    slow.text = fast.text
    slow.release.clear()
    answers = [ask(gateway)[0] for _ in range(40)]  # every second request begins at the slow target
    assert answers.count(200) in range(20, 26) and answers.count(504) in range(14, 21)
    wait_for(lambda: '"note":"hedge_budget_spent"' in log.read_text(), what="the log")


def test_hedges_count_among_the_retries_of_a_circuit_breaker(start, pair):
    slow, slow_backend, fast, fast_backend = pair
    admin = free_port()
    gateway = start(configuration(slow_backend.port, fast_backend.port, upstream="    circuit_breaker: {retries: 1}",
                                  top=f'admin: {{address: "127.0.0.1:{admin}"}}'))
    fill_budget(gateway, fast)
    slow.release.clear()
    fast.release.clear()
    clients = [gateway.connect() for _ in range(3)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: metric(admin, 'portcullis_breaker_refused_total{upstream="backend",load="retries"}') == 2, what="two refusals")
    slow.release.set()
    fast.release.set()
    for client in clients:
        assert read_response(client)[1] in (b"ok", b"slow")
        client.close()


def test_a_hedge_over_http2(start, backend2, backend):
    release = threading.Event()

    def maybe(peer, stream):
        if release.is_set():
            peer.send(peer.head(stream, OK, end=False), peer.data(stream, b"h2"))
    slow, fast = backend2(maybe), backend2(lambda peer, stream: peer.send(peer.head(stream, OK, end=False), peer.data(stream, b"ok")))
    gateway = start(configuration(slow.port, fast.port, upstream="    protocol: http2"))
    release.set()
    for _ in range(30):
        ask(gateway)
    release.clear()
    for _ in range(6):
        assert ask(gateway) == (200, "ok")
    # The stream whose answer was not used is reset, and its connection continues.
    wait_for(lambda: any(one.reset is not None for one in slow.peers[0].streams.values()), what="a reset")
    release.set()
    assert {ask(gateway)[1] for _ in range(6)} == {"ok", "h2"}
