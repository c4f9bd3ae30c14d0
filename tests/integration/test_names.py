"""Targets with host names: resolved, resolved again, and what happens while a name cannot be resolved."""

import contextlib
import time

import pytest

import harness
import sanitizers
from fake_dns import NameServer


@pytest.fixture
def names():
    server = NameServer({})
    yield server
    server.close()


def configuration(names, *targets):
    listed = ", ".join(f"{{address: \"{target}\"}}" for target in targets)
    return f"""version: 1
workers: 2
dns: {{servers: ["127.0.0.1:{names.port}"], min_ttl: 50ms}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: backend, targets: [{listed}]}}]
routes: [{{name: all, match: {{}}, upstream: backend}}]
"""


def ask(gateway):
    return gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def serve_at(address, port, name):
    """A backend at any loopback address."""
    process = harness.Process("demo-backend", "--listen", f"{address}:{port}", "--name", name, binary=harness.DEMO_BINARY)
    process.wait_for_line("listening on")
    return process


def test_a_name_is_looked_up_before_the_first_request_and_again_when_its_time_is_over(start, names):
    port = harness.free_port()
    with contextlib.ExitStack() as running:
        for address in ("127.0.0.2", "127.0.0.3"):
            running.callback(serve_at(address, port, address).stop)
        names.records["orders.test"] = ["127.0.0.2"]
        gateway = start(configuration(names, f"orders.test:{port}"))
        assert b'"backend": "127.0.0.2"' in ask(gateway)
        names.records["orders.test"] = ["127.0.0.3", "127.0.0.2"]
        for address in (b"127.0.0.3", b"127.0.0.2"):
            harness.wait_for(lambda: b'"backend": "%s"' % address in ask(gateway), what="the new address")
        names.records["orders.test"] = ["127.0.0.3"]
        harness.wait_for(lambda: all(b'"backend": "127.0.0.3"' in ask(gateway) for _ in range(4)),
                         what="the old address to be left")


def test_the_last_answer_stays_while_the_name_server_fails(start, names, echo):
    port = echo()
    names.records["orders.test"] = ["127.0.0.1"]
    gateway = start(configuration(names, f"orders.test:{port}"))
    assert b" 200 " in ask(gateway)
    names.records.clear()
    gateway.wait_for_line("cannot resolve orders.test")
    assert b" 200 " in ask(gateway)


def test_a_name_that_nobody_knows_is_a_503_until_somebody_does(start, names, echo):
    port = echo()
    gateway = start(configuration(names, f"orders.test:{port}"))
    reply = ask(gateway)
    assert reply.startswith(b"HTTP/1.1 503 ") and b'"detail":"no_target"' in reply
    names.records["orders.test"] = ["127.0.0.1"]
    harness.wait_for(lambda: b" 200 " in ask(gateway), what="the name to be known")


def test_a_reload_knows_its_new_names_before_it_serves(start, names, echo):
    port = echo()
    names.records["old.test"] = ["127.0.0.1"]
    names.records["new.test"] = ["127.0.0.1"]
    gateway = start(configuration(names, f"old.test:{port}"))
    for _ in range(5):
        for name in ("new.test", "old.test"):
            gateway.write(configuration(names, f"{name}:{port}"))
            assert any("serving revision" in line for line in gateway.reload())
            assert b" 200 " in ask(gateway)


A, AAAA = 1, 28


def seconds_of(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


@pytest.mark.parametrize("dropped, address", [(AAAA, "127.0.0.1"), (A, "::1")])
def test_a_family_whose_questions_are_dropped_delays_nothing(dropped, address, start, names, demo):
    port = harness.free_port()
    host = f"[{address}]" if ":" in address else address
    with contextlib.ExitStack() as running:
        running.callback(serve_at(host, port, "first").stop)
        names.records["orders.test"], names.dropped = [address], {dropped}
        made = []
        took = seconds_of(lambda: made.append(start(configuration(names, f"orders.test:{port}"))))
        assert b" 200 " in ask(made[0]) and took < 1.5  # much less than the seconds that a dropped query takes


def test_a_change_is_seen_while_a_family_is_not_answered(start, names):
    port = harness.free_port()
    with contextlib.ExitStack() as running:
        for address in ("127.0.0.2", "127.0.0.3"):
            running.callback(serve_at(address, port, address).stop)
        names.records["orders.test"], names.dropped = ["127.0.0.2"], {AAAA}
        gateway = start(configuration(names, f"orders.test:{port}"))
        assert b'"backend": "127.0.0.2"' in ask(gateway)
        names.records["orders.test"] = ["127.0.0.3"]
        harness.wait_for(lambda: b'"backend": "127.0.0.3"' in ask(gateway), timeout=2, what="the new address")


def test_both_families_are_used(start, names):
    port = harness.free_port()
    with contextlib.ExitStack() as running:
        for address in ("127.0.0.1", "[::1]"):
            running.callback(serve_at(address, port, address).stop)
        names.records["orders.test"] = ["127.0.0.1", "::1"]
        gateway = start(configuration(names, f"orders.test:{port}"))
        for address in (b"127.0.0.1", b"[::1]"):
            harness.wait_for(lambda: b'"backend": "%s"' % address in ask(gateway), what="both")
        names.records["orders.test"] = ["::1"]
        harness.wait_for(lambda: all(b'"backend": "[::1]"' in ask(gateway) for _ in range(4)), what="the other one to be left")


def test_a_silent_name_server_does_not_hold_up_the_start(start, names):
    names.silent = True
    assert seconds_of(lambda: start(configuration(names, "orders.test:1"))) < 2.5 * harness.PATIENCE


def test_localhost_comes_from_the_hosts_file(start, names, echo):
    assert b" 200 " in ask(start(configuration(names, f"localhost:{echo()}")))


@sanitizers.only_configuration
def test_check_refuses_what_is_neither_address_nor_name(tmp_path, names):
    path = tmp_path / "c.yaml"
    path.write_text(configuration(names, "1.2.3.400:80", "bad_name!:80", "no-port").replace("{port}", "80"))
    problems = harness.check(path)
    assert problems.count("is neither an address nor a host name with its port") == 2
    assert "the port is missing" in problems
