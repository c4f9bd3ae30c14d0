"""Requests that are retried: which ones, how often, after which pause, and within which budget."""

import collections
import http.client
import re
import time

import pytest

import sanitizers
from failing_backend import failing
from harness import check, log_lines, read_response, read_to_end, simple_configuration, wait_for

pytestmark = sanitizers.one_worker


def configuration(ports, retries="{attempts: 2}", upstream="", route="", top="", workers=1):
    rules = f"    retries: {retries}\n" if retries else ""
    return simple_configuration(*ports, extra_upstream="    outlier_ejection: {failures_in_row: 0}\n" + rules + upstream,
                                extra_route=route, top=top, workers=workers)


def ask(gateway, method="GET", body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, "/", body=body, headers={name.replace("_", "-"): value for name, value in fields.items()})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def reset(connection, made):
    made.read_head(connection)


def requests_of(backend):
    return backend.received.count(b"HTTP/1.1\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_an_idempotent_request_without_an_answer_goes_to_another_target(start, backend, method):
    bad, good = backend(reset), backend()
    gateway = start(configuration([bad.port, good.port]))
    for _ in range(6):
        assert ask(gateway, method)[0] == 200
    assert bad.accepted >= 1


def test_another_method_is_sent_once_unless_its_route_says_so(start, backend):
    bad, good = backend(reset), backend()
    gateway = start(configuration([bad.port, good.port]))
    assert sorted(ask(gateway, "POST")[0] for _ in range(4)) == [200, 200, 502, 502]
    gateway.write(configuration([bad.port, good.port], route="    idempotent: true"))
    gateway.reload()
    assert [ask(gateway, "POST")[0] for _ in range(4)] == [200] * 4


def test_without_retries_an_unanswered_request_fails(start, backend):
    bad, good = backend(reset), backend()
    gateway = start(configuration([bad.port, good.port], retries=""))
    assert sorted(ask(gateway)[0] for _ in range(4)) == [200, 200, 502, 502]


def test_statuses_and_attempts(start, backend):
    bad = [backend(failing(503)) for _ in range(3)]
    gateway = start(configuration([one.port for one in bad], "{attempts: 2, status: 503, backoff: 1ms}"))
    assert ask(gateway) == (503, b"no")  # the client gets the last answer
    assert sum(requests_of(one) for one in bad) == 3
    assert {requests_of(one) for one in bad} == {1}  # each target once
    gateway.write(configuration([one.port for one in bad], "{attempts: 2, status: [502, 504], backoff: 1ms}"))
    gateway.reload()
    assert ask(gateway) == (503, b"no")
    assert sum(requests_of(one) for one in bad) == 4


def test_a_connection_that_carried_a_bad_answer_is_of_no_harm(start, backend):
    once = failing(503, once=True)
    only = backend(once)
    gateway = start(configuration([only.port], "{attempts: 1, status: 5xx, backoff: 1ms}"))
    for _ in range(5):
        assert ask(gateway) == (200, b"ok")
    assert len(once.seen) == 6


def test_a_small_body_is_sent_again_and_a_large_one_is_not(start, backend):
    bad, good = backend(failing(503)), backend(failing(503, once=True))
    text = configuration([bad.port, good.port], "{attempts: 3, status: 503, backoff: 1ms, body_size: 1KiB}")
    gateway = start(text)
    small = b"0123456789" * 100
    assert ask(gateway, "PUT", small) == (200, b"ok")
    assert bad.received.count(small) + good.received.count(small) == 3
    statuses = collections.Counter(ask(gateway, "PUT", b"x" * 2000)[0] for _ in range(4))
    assert statuses == {503: 2, 200: 2}  # once each
    assert ask(gateway, "PUT", small, expect="100-continue") == (200, b"ok")


def test_a_timeout_is_followed_by_another_try_where_that_is_wanted(start, backend):
    silent, good = backend(lambda c, b: (b.read_head(c), time.sleep(3))), backend()
    text = configuration([silent.port, good.port], "{attempts: 1, on: [reset, timeout]}", "    timeouts: {response: 600ms}")
    gateway = start(text)
    assert [ask(gateway)[0] for _ in range(4)] == [200] * 4
    gateway.write(text.replace("on: [reset, timeout]", "on: reset"))
    gateway.reload()
    assert sorted(ask(gateway)[0] for _ in range(2)) == [200, 504]


def test_all_tries_together_have_a_time(start, backend, tmp_path):
    silent = [backend(lambda c, b: (b.read_head(c), time.sleep(5))) for _ in range(3)]
    gateway = start(configuration([one.port for one in silent], "{attempts: 10, on: timeout}", "    timeouts: {response: 400ms, total: 1s}",
                                  top=f"access_log: {{path: {tmp_path}/log}}"))
    began = time.monotonic()
    assert ask(gateway)[0] == 504
    assert 0.9 < time.monotonic() - began < 4
    line = wait_for(lambda: log_lines(tmp_path / "log"), what="a log line")[0]
    assert line["ended"] == "total_timeout" and 2 <= line["tries"] <= 3


def test_retry_after_is_obeyed_or_handed_on(start, backend):
    once = failing(503, b"Retry-After: 1\r\n", once=True)
    only = backend(once)
    gateway = start(configuration([only.port], "{attempts: 1, status: 503, backoff: 1ms}"))
    began = time.monotonic()
    assert ask(gateway)[0] == 200
    assert time.monotonic() - began >= 1
    long = backend(failing(503, b"Retry-After: 60\r\n"))
    gateway.write(configuration([long.port], "{attempts: 1, status: 503, backoff: 1ms}"))
    gateway.reload()
    assert ask(gateway)[0] == 503
    assert requests_of(long) == 1


def test_retries_stay_within_their_budget(start, backend, tmp_path):
    bad = backend(failing(503))
    gateway = start(configuration([bad.port], "{attempts: 3, status: 503, backoff: 1ms, budget: 20%, min_per_second: 0}",
                                  top=f"access_log: {{path: {tmp_path}/log}}"))
    for _ in range(200):
        assert ask(gateway)[0] == 503
    assert 225 <= requests_of(bad) <= 240  # a fifth more
    assert "retry_budget_spent" in wait_for(lambda: (tmp_path / "log").read_text(), what="the log")


def test_a_response_that_has_begun_is_not_begun_again(start, backend):
    cut = backend(lambda c, b: (b.read_head(c), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")))
    good = backend()
    gateway = start(configuration([cut.port, good.port]))
    got = []
    for _ in range(2):
        with gateway.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try:
                got.append(read_to_end(connection).split(b"\r\n\r\n")[1])
            except OSError:
                got.append(b"reset")
    assert sorted(got) in ([b"half", b"ok"], [b"half<reset>", b"ok"])


def test_a_client_that_leaves_ends_the_tries(start, backend):
    bad = backend(failing(503))
    gateway = start(configuration([bad.port], "{attempts: 50, status: 503, backoff: 50ms, max_backoff: 50ms, min_per_second: 1000}"))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(connection)[0].startswith("HTTP/1.1 503")
    assert requests_of(bad) == 51


@sanitizers.only_configuration
@pytest.mark.parametrize("retries, told", [("{}", "`attempts`"), ("{attempts: 1, on: resets}", "did you mean `reset`?"),
                                           ("{attempts: 1, budget: 20}", "not a share"), ("{attempts: 1, status: 99}", "is not a status")])
def test_mistakes_are_named(tmp_path, retries, told):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration([1], retries).replace("{port}", "1"))
    out = check(path)
    assert told in out and re.search(r":\d+:\d+: error: ", out), out
