"""concurrency_limit, through the built binary."""

import os
import select
import threading
import time

import pytest
from hyperframe import frame as frames

import harness
from harness import log_lines, read_response, wait_for
from identity import Answer, ask, configuration, hashed

KEYS = {name: f"key-of-{name}-0123456789" for name in ("many", "few")}
CONSUMERS = ", ".join(f"{{name: {name}, credentials: {{keys: '{hashed(key)}'}}}}" for name, key in KEYS.items())


class Holding:
    """A backend that holds every request until it is released; it records the order of the requests."""

    def __init__(self, backend):
        self.arrived, self.permits = [], threading.Semaphore(0)

        def handle(connection, made):
            while True:
                head = made.read_head(connection)
                self.arrived.append(head.split()[1])
                self.permits.acquire()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.port = backend(handle).port

    def let_go(self, count):
        self.permits.release(count)


@pytest.fixture
def holding(backend):
    return Holding(backend)


class Client:
    """A request in progress, on a connection of its own."""

    def __init__(self, gateway, target="/", fields=""):
        self.connection = gateway.connect()
        self.connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())

    def answer(self):
        with self.connection:
            return Answer(*read_response(self.connection))


def fill(gateway, holding, count, fields=""):
    clients = [Client(gateway, f"/held-{i}", fields) for i in range(count)]
    seen = count
    wait_for(lambda: len(holding.arrived) >= seen, what="the backend to be busy")
    return clients


def test_beyond_the_limit_is_refused_at_once_until_one_has_ended(start, holding, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(holding.port, "concurrency_limit: {limit: 2}", more=f"access_log: {{path: {log}}}", workers=2))
    clients = fill(gateway, holding, 2)
    for _ in range(3):
        answer = ask(gateway)
        assert answer.status == 503 and answer.detail == "overloaded" and answer.fields["retry-after"] == "1"
    holding.let_go(2)
    assert [one.answer().status for one in clients] == [200, 200]
    holding.let_go(1)
    wait_for(lambda: ask(gateway).status == 200, what="a place that is free again")
    wait_for(lambda: "concurrency_limit" in [line["ended"] for line in log_lines(log)], what="the log")


def test_a_place_is_free_again_however_an_exchange_ends(start, backend):
    state = {"end": "close"}

    def handle(connection, made):
        made.read_head(connection)
        if state["end"] == "reset":
            harness.reset(connection)
        elif state["end"] == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        elif state["end"] == "hang":
            time.sleep(0.3)
    gateway = start(configuration(backend(handle).port, "concurrency_limit: {limit: 1}", workers=1))
    for state["end"] in ("close", "reset", "cut", "hang"):
        for _ in range(3):
            with gateway.connect() as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if state["end"] != "hang":  # the client leaves first in this case
                    out = harness.read_to_end(connection)
                    assert b"overloaded" not in out, state
            if state["end"] == "hang":
                wait_for(lambda: b"overloaded" not in gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), what="the place")


@pytest.mark.parametrize("workers", [1, 2])
def test_who_finds_it_full_waits_in_the_queue(start, holding, workers):
    gateway = start(configuration(holding.port, "concurrency_limit: {limit: 2, queue: {size: 20, timeout: 60s}}", workers=workers)
                    .replace("}]}]", "}], timeouts: {response: 60s}}]"))
    held = fill(gateway, holding, 2)
    others = [Client(gateway, f"/waiting-{i}") for i in range(23)]
    refused = []

    def three_refused():
        ready, _, _ = select.select([one.connection for one in others if one not in refused], [], [], 0.1)
        refused.extend(one for one in others if one.connection in ready)
        return len(refused) >= 3
    wait_for(three_refused, what="the queue to be full")
    assert [one.answer().status for one in refused] == [503] * 3
    assert len(holding.arrived) == 2
    for _ in range(22):
        holding.let_go(1)
    assert [one.answer().status for one in (*held, *(one for one in others if one not in refused))] == [200] * 22


def test_a_wait_ends_at_its_deadline(start, holding, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(holding.port, "concurrency_limit: {limit: 1, queue: {size: 5, timeout: 200ms}}", more=f"access_log: {{path: {log}}}"))
    held = fill(gateway, holding, 1)
    began = time.monotonic()
    assert [ask(gateway).status for _ in range(2)] == [503, 503]
    assert 0.4 <= time.monotonic() - began < 5
    holding.let_go(1)
    assert held[0].answer().status == 200
    wait_for(lambda: len(log_lines(log)) == 3, what="the log")
    assert [line["ended"] for line in log_lines(log)][:2] == ["concurrency_queue_timeout"] * 2


def test_consumers_are_let_in_by_turns(start, holding):
    gateway = start(configuration(holding.port, "key_auth: {}, concurrency_limit: {limit: 1, queue: {size: 100, timeout: 20s}}", CONSUMERS))

    def key(name):
        return f"X-API-Key: {KEYS[name]}\r\n"
    clients = fill(gateway, holding, 1, key("many"))
    clients += [Client(gateway, f"/many-{i}", key("many")) for i in range(10)]
    with gateway.connect() as probe:  # on the same worker, so the requests are in the queue once this one is answered
        probe.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(probe)[0].startswith("HTTP/1.1 401")
    clients += [Client(gateway, f"/few-{i}", key("few")) for i in range(2)]
    with gateway.connect() as probe:
        probe.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(probe)[0].startswith("HTTP/1.1 401")
    for served in range(1, 13):
        holding.let_go(1)
        wait_for(lambda: len(holding.arrived) > served, what="the next one")
    holding.let_go(1)
    assert [one.answer().status for one in clients] == [200] * 13
    assert holding.arrived.index("/few-1") <= 5, holding.arrived


def test_consumers_and_templates_have_gates_of_their_own(start, holding):
    gateway = start(configuration(holding.port, "key_auth: {anonymous: few}, concurrency_limit: {limit: 1, key: caller}, "
                                                "concurrency_limit: {limit: 1, key: '{request.header.x-tenant}'}", CONSUMERS))
    many = f"X-API-Key: {KEYS['many']}\r\n"
    held = fill(gateway, holding, 1, many + "X-Tenant: a\r\n")
    assert ask(gateway, many + "X-Tenant: b\r\n").status == 503
    assert ask(gateway, "X-Tenant: a\r\n").status == 503
    other = Client(gateway, "/other", "X-Tenant: b\r\n")
    wait_for(lambda: "/other" in holding.arrived, what="the other consumer's request")
    holding.let_go(2)
    assert [one.answer().status for one in (*held, other)] == [200, 200]


def test_a_reload_keeps_those_who_are_inside(start, holding):
    text = configuration(holding.port, "concurrency_limit: {limit: 1}")
    gateway = start(text)
    held = fill(gateway, holding, 1)
    gateway.write(text + "# changed\n")
    gateway.reload()
    assert ask(gateway).status == 503
    gateway.write(text.replace("limit: 1}", "limit: 2}"))
    gateway.reload()
    more = Client(gateway, "/more")
    wait_for(lambda: "/more" in holding.arrived, what="the second place")
    holding.let_go(2)
    assert [one.answer().status for one in (*held, more)] == [200, 200]


def test_clients_that_leave_the_queue_do_no_harm(start, holding):
    gateway = start(configuration(holding.port, "concurrency_limit: {limit: 1, queue: {size: 50, timeout: 20s}}", workers=2))
    held = fill(gateway, holding, 1)
    for i in range(10):
        Client(gateway, f"/gone-{i}").connection.close()
    last = Client(gateway, "/last")
    holding.let_go(12)
    assert held[0].answer().status == 200 and last.answer().status == 200


def cost_of_waiting(gateway, speak, flow):
    """The CPU time in seconds while 9,900 requests begin to wait; `flow` maps a number to the field that identifies the
    caller."""
    def used():
        with open(f"/proc/{gateway.process.pid}/stat") as stat:
            return sum(int(ticks) for ticks in stat.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    clients = [speak(gateway) for _ in range(100)]
    before = used()
    for i, client in enumerate(clients):
        streams = [(client.new_stream(), flow(99 * i + n)) for n in range(99)]
        client.send(*(client.head(number, client.fields(more=[("x-flow", name)])) for number, name in streams), frames.PingFrame(0, b"12345678"))
    for client in clients:
        client.wait(lambda: client.pings)
    return used() - before


@pytest.mark.not_sanitized(reason="it compares times")
def test_many_flows_that_wait_cost_no_more_than_one(start, holding, speak):
    policy = 'concurrency_limit: {limit: 1, queue: {size: 20000, timeout: 60s, fair_by: "{request.header.x-flow}"}}'
    gateways = [start(configuration(holding.port, policy).replace("}]}]", "}], timeouts: {response: 60s}}]")) for _ in range(2)]
    one, many = (cost_of_waiting(gateway, speak, flow) for gateway, flow in zip(gateways, (lambda _: "one", str)))
    assert many < 3 * one + 0.1
    holding.let_go(2)


def test_a_backend_that_slows_down_is_asked_less(start, backend):
    """Ten requests are served at once in 20 ms; others wait for their turn there. Without a limit, 60 clients would wait 120 ms
    each."""
    slots = threading.Semaphore(10)

    def handle(connection, made):
        while True:
            made.read_head(connection)
            with slots:
                time.sleep(0.02)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    gateway = start(configuration(backend(handle).port, "concurrency_limit: {limit: 100, adaptive: {min: 5}}", workers=1))
    statuses, stop = [], threading.Event()

    def client():
        with gateway.connect() as connection:
            while not stop.is_set():
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                statuses.append(Answer(*read_response(connection)).status)
                if statuses[-1] == 503:
                    stop.wait(0.1)
    threads = [threading.Thread(target=client) for _ in range(60)]
    for thread in threads:
        thread.start()
    wait_for(lambda: statuses.count(200) > 1500, what="the limit to have found its height", timeout=30)
    shed = statuses.count(503)
    wait_for(lambda: statuses.count(503) > shed + 100, what="load to be shed", timeout=30)
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses.count(200) > 100 and set(statuses) == {200, 503}
