"""Health checks and ejection: which targets get requests, what operators see, and that workers agree."""

import collections
import json
import re
import threading
import time

import pytest

import sanitizers
from harness import check, free_port, get, metric, simple_configuration, wait_for

QUICK = "interval: 30ms, unhealthy_interval: 20ms, timeout: 300ms, healthy_after: 2, unhealthy_after: 2"


def configuration(ports, upstream="", workers=2, admin=None):
    return simple_configuration(*ports, extra_upstream=upstream, top=f"admin: {{address: '127.0.0.1:{admin}'}}" if admin else "",
                                workers=workers)


class Patient:
    """A backend with a settable health: `status` and `body` answer checks, other requests get its name."""

    def __init__(self, server, name, certificate=None):
        self.name, self.status, self.body, self.work, self.checks = name, 200, "fine", 200, []
        self.server = server(self.respond, certificate=certificate)
        self.port = self.server.port

    def respond(self, request):
        if request.headers.get("user-agent") == "portcullis-health-check":
            self.checks.append((request.command, request.path, request.headers["host"]))
            if self.status is None:
                return None
            return self.status, {}, self.body.encode()
        return self.work, {}, self.name.encode()


@pytest.fixture
def patients(server):
    return lambda count, **settings: [Patient(server, f"p{i}", **settings) for i in range(count)]


def names(gateway, count=30):
    return collections.Counter(get(gateway.port, "/")[1] for _ in range(count))


def states(admin):
    told = json.loads(get(admin, "/v1/health/upstreams")[1])["upstreams"]
    return {one["address"]: one for upstream in told for one in upstream["targets"]}


def wait_until(admin, port, **wanted):
    return wait_for(lambda: (state := states(admin).get(f"127.0.0.1:{port}")) and all(state[key] == value for key, value in wanted.items())
                    and state, what=f"{port} to be {wanted}")


def test_a_target_that_is_not_well_gets_nothing_until_it_is(start, patients):
    admin = free_port()
    first, second = patients(2)
    gateway = start(configuration([first.port, second.port], f"    health_check: {{path: '/healthz?deep=1', {QUICK}}}", workers=4, admin=admin))
    assert set(names(gateway)) == {"p0", "p1"}
    wait_for(lambda: len(first.checks) > 2, what="checks")
    assert set(first.checks) == {("GET", "/healthz?deep=1", f"127.0.0.1:{first.port}")}
    first.status = 503
    state = wait_until(admin, first.port, up=False)
    assert state["why"] == "it answered 503" and state["available"] is False and state["checks"]["failed"] >= 2
    assert names(gateway) == {"p1": 30}  # on every worker
    assert metric(admin, f'portcullis_target_up{{upstream="backend",address="127.0.0.1:{first.port}"}}') == 0
    assert metric(admin, f'portcullis_target_available{{upstream="backend",address="127.0.0.1:{second.port}"}}') == 1
    gateway.wait_for_line(f"upstream `backend`: target 127.0.0.1:{first.port} is down: it answered 503")
    # A reload keeps the health.
    gateway.reload()
    assert names(gateway) == {"p1": 30}
    first.status = 204
    wait_until(admin, first.port, up=True)
    assert set(names(gateway)) == {"p0", "p1"}
    # Without checks every target counts as up.
    first.status = 500
    wait_until(admin, first.port, up=False)
    gateway.write(configuration([first.port, second.port], workers=4, admin=admin))
    gateway.reload()
    wait_until(admin, first.port, up=True)
    assert set(names(gateway)) == {"p0", "p1"}


@pytest.mark.parametrize("settings, break_it, why", [
    ("path: /, status: [200, 3xx]", lambda p: setattr(p, "status", 204), "it answered 204"),
    ("path: /, body: '^fi.e$'", lambda p: setattr(p, "body", "not fine"), "the body of its answer does not match `body`"),
    ("path: /", lambda p: setattr(p, "status", None), "no answer in time"),
    ("path: /", lambda p: p.server.close(), "Connection refused"),
    ("", lambda p: p.server.close(), "Connection refused")])
def test_what_counts_as_not_well(start, patients, settings, break_it, why):
    admin = free_port()
    first, second = patients(2)
    gateway = start(configuration([first.port, second.port], f"    health_check: {{{settings}{', ' if settings else ''}{QUICK}}}", admin=admin))
    wait_for(lambda: states(admin)[f"127.0.0.1:{first.port}"]["checks"]["passed"] > 1, what="good checks")
    break_it(first)
    assert wait_until(admin, first.port, up=False)["why"] == why
    assert names(gateway) == {"p1": 30}


def test_checks_by_tls_with_a_name_of_their_own(start, patients, authority, edge):
    admin = free_port()
    [only] = patients(1, certificate=edge.pair)
    gateway = start(configuration([only.port], "    tls: {ca: authority.pem, server_name: localhost}\n"
                                  f"    health_check: {{path: /h, method: HEAD, host: well.example, {QUICK}}}", admin=admin))
    wait_for(lambda: states(admin)[f"127.0.0.1:{only.port}"]["checks"]["passed"] > 1, what="good checks")
    assert set(only.checks) == {("HEAD", "/h", "well.example")}
    assert states(admin)[f"127.0.0.1:{only.port}"]["checks"]["failed"] == 0
    gateway.write(configuration([only.port], f"    tls: {{}}\n    health_check: {{path: /h, {QUICK}}}", admin=admin))
    gateway.reload()
    assert "TLS: " in wait_until(admin, only.port, up=False)["why"]


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                                    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, b"HTTP/1.1 100 Continue\r\n\r\n" * 5000], ids=range(5))
def test_a_strange_answer_is_not_well_and_harms_nobody(start, backend, answer):
    admin = free_port()
    strange = backend(lambda c, b: (b.read_head(c), c.sendall(answer)))
    start(configuration([strange.port], f"    health_check: {{path: /, body: x, {QUICK}}}", admin=admin))
    wait_until(admin, strange.port, up=False)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("answer, why", [
    (b"", "it closed the connection"), (b"HTTP/1.1 200", "it closed the connection"), (b"garbage\r\n\r\n", "its answer is not HTTP"),
    (HEAD + b"four", "it ended its answer early"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n", "its answer is not HTTP")], ids=range(5))
def test_why_an_answer_is_none_is_told(start, backend, answer, why):
    admin = free_port()
    strange = backend(lambda c, b: (b.read_head(c), c.sendall(answer)))
    start(configuration([strange.port], f"    health_check: {{path: /, {QUICK}}}", admin=admin))
    assert wait_until(admin, strange.port, up=False)["why"] == why


@pytest.mark.parametrize("beginning, drop", [
    (HEAD, b"x"), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x"), (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")], ids=["body", "chunk", "head", "hints"])
def test_an_answer_that_trickles_is_none(start, backend, beginning, drop):
    admin = free_port()

    def trickle(connection, its_backend):
        its_backend.read_head(connection)
        connection.sendall(beginning)
        for _ in range(4 if beginning == HEAD else 100):
            time.sleep(0.2)  # less than the limit of a check
            connection.sendall(drop)
    only = backend(trickle)
    start(configuration([only.port], f"    health_check: {{path: /, {QUICK}}}", admin=admin))
    assert wait_until(admin, only.port, up=False)["why"] == "no answer in time"


@pytest.mark.parametrize("answer", [
    HEAD + b"right" + b"beyond", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"right",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nri\r\n3\r\nght\r\n0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nright",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nright" + b"x" * 100_000], ids=range(5))
def test_answers_are_read_as_far_as_they_are_needed(start, backend, answer):
    admin, heads = free_port(), []

    def respond(connection, its_backend):
        heads.append(its_backend.read_head(connection))
        connection.sendall(answer)
    only = backend(respond)
    start(configuration([only.port], f"    health_check: {{path: /, body: '^right', {QUICK}}}", admin=admin))
    wait_for(lambda: states(admin)[f"127.0.0.1:{only.port}"]["checks"]["passed"] > 1, what="good checks")
    assert states(admin)[f"127.0.0.1:{only.port}"]["checks"]["failed"] == 0
    assert "connection: close" in heads[0].lower()


def test_a_port_of_its_own(start, patients):
    admin = free_port()
    service, doctor = patients(2)
    doctor.status = 500
    start(configuration([service.port], f"    health_check: {{path: /, port: {doctor.port}, {QUICK}}}", admin=admin))
    wait_until(admin, service.port, up=False)
    assert not service.checks


def test_failures_in_a_row_leave_a_target_out_for_all_workers_and_longer_each_time(start, patients):
    admin = free_port()
    first, second = patients(2)
    gateway = start(configuration([first.port, second.port], "    outlier_ejection: {failures_in_row: 5, status: 5xx, ejection: 2s, max_ejection: 3s}",
                                  workers=4, admin=admin))
    first.work = 500
    wait_for(lambda: get(gateway.port, "/") and states(admin)[f"127.0.0.1:{first.port}"]["ejected"], what="the ejection")
    assert names(gateway) == {"p1": 30}
    began = time.monotonic()
    wait_until(admin, first.port, ejected=False)
    assert time.monotonic() - began < 10
    wait_for(lambda: get(gateway.port, "/") and states(admin)[f"127.0.0.1:{first.port}"]["ejections"] == 2, what="the second ejection")
    first.work = 200
    wait_until(admin, first.port, ejected=False)
    assert set(names(gateway)) == {"p0", "p1"}
    assert metric(admin, "portcullis_target_ejections_total") == 2


def test_no_more_than_a_share_is_left_out(start, patients):
    admin = free_port()
    four = patients(4)
    gateway = start(configuration([one.port for one in four], "    outlier_ejection: {failures_in_row: 2, status: 500, ejection: 1m, max_ejected: 50%}", admin=admin))
    for one in four:
        one.work = 500
    for _ in range(100):
        get(gateway.port, "/")
    assert sum(state["ejected"] for state in states(admin).values()) == 2


def test_a_share_of_errors_or_slowness_leaves_a_target_out(start, patients):
    admin = free_port()
    three = patients(3)
    counts = collections.Counter()

    def sometimes(request):
        counts["bad"] += 1
        return (500 if counts["bad"] % 2 else 200), {}, b"p0"
    three[0].server.respond = sometimes
    text = configuration([one.port for one in three],
                         "    outlier_ejection: {failures_in_row: 0, status: 500, error_share: 40%, min_requests: 4, interval: 500ms, ejection: 1m}", admin=admin)
    gateway = start(text)
    wait_for(lambda: get(gateway.port, "/") and states(admin)[f"127.0.0.1:{three[0].port}"]["ejected"], what="the ejection")
    gateway.wait_for_line("is ejected for 60 s: ", "requests failed")
    assert set(names(gateway)) == {"p1", "p2"}

    def slowly(request):
        time.sleep(0.05)
        return 200, {}, b"p1"
    three[1].server.respond = slowly
    gateway.write(text.replace("error_share: 40%", "slowness: 5").replace("max_ejected: 50%", "").replace("ejection: 1m", "ejection: 1m, max_ejected: 90%"))
    gateway.reload()
    wait_for(lambda: get(gateway.port, "/") and states(admin)[f"127.0.0.1:{three[1].port}"]["ejected"], what="the ejection")
    gateway.wait_for_line("is ejected for 60 s: it takes ")


def test_in_panic_all_are_asked(start, patients):
    admin = free_port()
    three = patients(3)
    upstream = f"    panic_threshold: 60%\n    health_check: {{path: /, {QUICK}}}"
    gateway = start(configuration([one.port for one in three], upstream, admin=admin))
    three[0].status = 500
    wait_until(admin, three[0].port, up=False)
    assert set(names(gateway)) == {"p1", "p2"}
    three[1].status = 500
    wait_until(admin, three[1].port, up=False)
    assert set(names(gateway)) == {"p0", "p1", "p2"}


def test_when_none_is_well_requests_still_try(start, patients):
    admin = free_port()
    [only] = patients(1)
    only.status = 500
    gateway = start(configuration([only.port], f"    health_check: {{path: /, {QUICK}}}", admin=admin))
    wait_until(admin, only.port, up=False)
    assert names(gateway, 5) == {"p0": 5}


def test_no_request_fails_while_targets_come_and_go(start, patients):
    admin = free_port()
    three = patients(3)
    gateway = start(configuration([one.port for one in three], f"    health_check: {{path: /, {QUICK}}}", admin=admin))
    done, failed, asked = threading.Event(), [], [0]

    def ask():
        while not done.is_set():
            status, _ = get(gateway.port, "/")
            asked[0] += 1
            if status != 200:
                failed.append(status)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for one in askers:
        one.start()
    try:
        for _ in range(2):
            for one in three:
                one.status = 503
                wait_until(admin, one.port, up=False)
                one.status = 200
                wait_until(admin, one.port, up=True)
    finally:
        done.set()
        for one in askers:
            one.join()
    assert asked[0] > 50 and not failed


@sanitizers.only_configuration
@pytest.mark.parametrize("settings, told", [
    ("health_check: {path: healthz}", "not a path"), ("health_check: {path: /, body: '('}", "cannot parse the regular expression `(`"),
    ("health_check: {path: /, status: 2x}", "write 200, 200-299 or 2xx"), ("health_check: {pth: /}", "did you mean `path`?"),
    ("health_check: {path: /, status: 299-200}", "is not a status"), ("outlier_ejection: {error_share: 120%}", "not a share such as 20%"),
    ("outlier_ejection: {error_share: 20}", "not a share such as 20%"), ("panic_threshold: -1%", "not a share such as 20%"),
    ("health_check: {path: /, interval: 0ms}", "interval")])
def test_mistakes_are_named(tmp_path, settings, told):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration([1], f"    {settings}").replace("{port}", "1"))
    out = check(path)
    assert told in out and re.search(r":\d+:\d+: error: ", out), out
