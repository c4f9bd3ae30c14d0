"""TRACE and TRACK, Max-Forwards, OPTIONS, and loops of requests through the gateway."""

import pytest

import harness
import sanitizers
from harness import simple_configuration
from trust import ask, one_route, routes, seen

pytestmark = sanitizers.one_worker


@pytest.mark.parametrize("method", ["TRACE", "TRACK"])
def test_trace_is_refused(method, shared, echo):
    gateway = shared(one_route(echo(), "headers: {request: {set: {x-internal-auth: s3cret}}}"))
    status, head, text = ask(gateway, method=method)
    assert status == 405 and "allow: GET" in head and b"s3cret" not in text


def test_a_route_may_list_trace(shared, echo):
    gateway = shared(routes(echo(), "{name: all, match: {path_prefix: /, methods: [GET, TRACE]}, upstream: app}"))
    assert seen(gateway, "Max-Forwards: 3\r\n", method="TRACE")["max-forwards"] == "2"
    assert ask(gateway, "Max-Forwards: 0\r\n", method="TRACE")[0] == 405


def test_options_counts_its_hops(shared, echo):
    gateway = shared(simple_configuration(echo()))
    assert seen(gateway, "Max-Forwards: 1\r\n", method="OPTIONS")["max-forwards"] == "0"
    status, head, _ = ask(gateway, "Max-Forwards: 0\r\n", method="OPTIONS")
    assert status == 204 and "allow: GET, " in head
    assert seen(gateway, "Max-Forwards: 0\r\n", method="GET")["max-forwards"] == "0"


def test_options_of_the_gateway_itself(shared, echo, speak):
    gateway = shared(simple_configuration(echo()))
    status, head, _ = ask(gateway, target="*", method="OPTIONS")
    assert status == 204 and "allow: GET, " in head
    assert speak(gateway).ask("*", method="OPTIONS").status == 204


@pytest.mark.parametrize("via", ["portcullis", '""'])
def test_a_loop_ends_at_its_second_round(via, start):
    port = harness.free_port()
    gateway = start(simple_configuration(port, extra_listener=f"    via: {via}\n").replace("{port}", str(port)))
    gateway.port = port
    status, _, text = ask(gateway)
    assert status == 508 and b"loop_detected" in text


def test_two_listeners_of_one_gateway_may_follow_each_other(shared, echo):
    inner = harness.free_port()
    gateway = shared(routes(echo(), f"{{name: outer, match: {{hosts: [outer]}}, rewrite: {{host: inner}}, upstream: inner}}",
                           "{name: inner, match: {hosts: [inner]}, upstream: app}")
                    .replace("listeners: [", f'listeners: [{{name: inner, address: "127.0.0.1:{inner}"}}, ')
                    .replace("upstreams: [", f'upstreams: [{{name: inner, targets: [{{address: "127.0.0.1:{inner}"}}]}}, '))
    assert ask(gateway, host="outer")[0] == 200
