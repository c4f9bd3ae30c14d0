"""Traces: the forwarded context, the spans that a collector gets, and a collector that is slow or down.

The collector is a server of the tests, because Debian has no package of one. It reads OTLP's JSON as specified."""

import json
import re
import socket
import threading
import types

import pytest

import sanitizers
import servers
from cache_origin import Answer, Origin, ask
from harness import free_port, metric, wait_for

pytestmark = sanitizers.one_worker

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class Collector(servers.Server):
    def __init__(self, status=200):
        self.status = status
        super().__init__(lambda request: (self.status, {}, b"{}"))

    @property
    def spans(self):
        out = []
        for request in list(self.requests):
            assert request.headers["content-type"] == "application/json" and request.path == "/v1/traces"
            for resource in json.loads(request.text)["resourceSpans"]:
                names = {one["key"]: one["value"]["stringValue"] for one in resource["resource"]["attributes"]}
                assert names["service.name"] == "edge"
                for scope in resource["scopeSpans"]:
                    out += scope["spans"]
        return out


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def origin():
    made = Origin()
    made.answers = {"/a": [Answer({})], "/bad": [Answer({}, 503)]}
    yield made
    made.close()


def configuration(origin, collector, settings="", admin=None, retries="", policies=""):
    admin = f'admin: {{address: "127.0.0.1:{admin}"}}\n' if admin else ""
    return f"""version: 1
workers: 2
{admin}tracing: {{endpoint: "{collector.url('/v1/traces')}", service: edge, headers: {{x-key: abc}}{settings}}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]{retries}}}]
routes:
  - {{name: all, match: {{path_prefix: /}}, upstream: main, policies: [{policies}]}}
"""


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def spans(collector, count):
    return wait_for(lambda: found if len(found := collector.spans) >= count else None, what="the spans")


def test_a_sampled_request_is_told_of(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 0%", policies="request_limits: {query_length: 100}"))
    ask(gateway.port, "/a?x=secret", fields={**PARENT, "tracestate": "a=b"})
    told = spans(collector, 3)
    assert collector.requests[0].headers["x-key"] == "abc" and "secret" not in collector.requests[0].text.decode()
    server = next(one for one in told if one["kind"] == 2)
    policy = next(one for one in told if one["kind"] == 1)
    client = next(one for one in told if one["kind"] == 3)
    assert {one["traceId"] for one in told} == {TRACE}
    assert server["parentSpanId"] == SPAN and policy["parentSpanId"] == client["parentSpanId"] == server["spanId"]
    assert all(re.fullmatch("[0-9a-f]{16}", one["spanId"]) for one in told) and len({one["spanId"] for one in told}) == 3
    assert all(int(server["startTimeUnixNano"]) <= int(one["startTimeUnixNano"]) <= int(one["endTimeUnixNano"]) <= int(server["endTimeUnixNano"]) for one in told)
    assert server["name"] == "GET" and attributes(server)["http.route"] == "all" and attributes(server)["http.response.status_code"] == "200"
    assert policy["name"] == "request_limits" and attributes(policy)["portcullis.outcome"] == "continued"
    assert attributes(client) == {"server.address": f"127.0.0.1:{origin.port}", "portcullis.upstream": "main",
                                  "http.response.status_code": "200", "portcullis.outcome": "answered"}
    # The upstream gets the span of the try, in the same trace.
    assert origin.asked("/a")[0].get("traceparent") == f"00-{TRACE}-{client['spanId']}-01"
    assert origin.asked("/a")[0].get("tracestate") == "a=b"


def test_a_request_that_fails_is_told_of_whatever_was_decided(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 0%", retries=", retries: {attempts: 1, status: [503], budget: 100%}"))
    ask(gateway.port, "/a")
    assert ask(gateway.port, "/bad", fields={"traceparent": f"00-{TRACE}-{SPAN}-00"}).status == 503
    told = spans(collector, 3)
    assert {one["traceId"] for one in told} == {TRACE} and len(told) == 3  # the gateway's span, and two tries
    assert all(one["status"] == {"code": 2} for one in told)
    assert [one.get("traceparent")[-2:] for one in origin.asked("/bad")] == ["00", "00"]


def test_a_try_that_fails_has_a_result_of_the_metrics_and_a_reason(start, collector):
    with socket.socket() as refused:
        refused.bind(("127.0.0.1", 0))  # nothing listens
        away = types.SimpleNamespace(port=refused.getsockname()[1])
        gateway = start(configuration(away, collector, ", sample: 0%"))
        assert ask(gateway.port, "/a").status == 502
        told = next(attributes(one) for one in spans(collector, 2) if one["kind"] == 3)
    assert (told["portcullis.outcome"], told["error.type"]) == ("connect_failed", "connect_refused")


def test_errors_may_be_left_out(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 0%, errors: false"))
    ask(gateway.port, "/bad")
    ask(gateway.port, "/a", fields=PARENT)
    assert {attributes(one).get("url.path") for one in spans(collector, 2) if one["kind"] == 2} == {"/a"}


def test_a_share_is_sampled(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 25%"))
    for _ in range(400):
        ask(gateway.port, "/a")
    gateway.stop()
    servers_ = [one for one in collector.spans if one["kind"] == 2]
    assert 60 < len(servers_) < 140 and len({one["traceId"] for one in servers_}) == len(servers_)
    sampled = {one["traceId"] for one in servers_}
    for request in origin.asked("/a"):
        _, trace, _, flags = request.get("traceparent").split("-")
        assert (flags == "01") == (trace in sampled)


def test_contexts_that_are_none_begin_a_new_trace(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 100%"))
    for text in (f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE.upper()}-{SPAN}-01",
                 f"00-{TRACE}-{SPAN}-01-x", f"00-{TRACE}-{SPAN}", "x"):
        ask(gateway.port, "/a", fields={"traceparent": text, "tracestate": "a=b"})
        last = origin.asked("/a")[-1]
        assert TRACE not in last.get("traceparent") and last.get("tracestate") is None
    ask(gateway.port, "/a", fields={"traceparent": f"01-{TRACE}-{SPAN}-01-more"})
    assert TRACE in origin.asked("/a")[-1].get("traceparent")


def test_the_fields_of_a_tracestate_are_one_list(start, origin, collector):
    gateway = start(configuration(origin, collector))
    ask(gateway.port, "/a", fields=[*PARENT.items(), ("tracestate", "a=1"), ("x-between", "1"), ("Tracestate", "b=2, c=3"), ("tracestate", "")])
    assert [value for name, value in origin.asked("/a")[0].fields if name.lower() == "tracestate"] == ["a=1,b=2, c=3"]


@pytest.mark.parametrize("fields", [[*PARENT.items(), *PARENT.items()], [("b3", f"{TRACE}-{SPAN}-1")] * 2,
                                    [("X-B3-TraceId", TRACE), ("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)]])
def test_two_parents_are_none(start, origin, collector, fields):
    gateway = start(configuration(origin, collector, ", sample: 0%, propagate: [w3c, b3, b3multi]"))
    ask(gateway.port, "/a", fields=[*fields, ("tracestate", "a=b")])
    seen = origin.asked("/a")[0]
    assert TRACE not in seen.get("traceparent") and seen.get("traceparent").endswith("-00") and seen.get("tracestate") is None


@pytest.mark.parametrize("fields, flag", [({"b3": "0"}, "0"), ({"b3": "1"}, "1"), ({"b3": "d"}, "1"), ({"X-B3-Sampled": "0"}, "0"),
                                          ({"X-B3-Sampled": "1"}, "1"), ({"X-B3-Sampled": "false"}, "0"), ({"X-B3-Flags": "1"}, "1")])
def test_a_b3_decision_without_a_trace_is_kept(start, origin, collector, fields, flag):
    sample = "100%" if flag == "0" else "0%"
    gateway = start(configuration(origin, collector, f", sample: {sample}, errors: false, propagate: [w3c, b3, b3multi]"))
    ask(gateway.port, "/a", fields=fields)
    seen = origin.asked("/a")[0]
    assert seen.get("b3").endswith(f"-{flag}") and seen.get("x-b3-sampled") == flag and seen.get("traceparent").endswith(f"-0{flag}")
    gateway.stop()
    assert {one["kind"] for one in collector.spans} == (set() if flag == "0" else {2, 3})


@pytest.mark.parametrize("text", ["x", "2", "00", "-"])
def test_what_is_no_b3_decision_decides_nothing(start, origin, collector, text):
    gateway = start(configuration(origin, collector, ", sample: 100%, propagate: [b3]"))
    ask(gateway.port, "/a", fields={"b3": text})
    assert origin.asked("/a")[0].get("b3").endswith("-1")


def test_a_parent_may_be_ignored(start, origin, collector):
    gateway = start(configuration(origin, collector, ", sample: 0%, honour_parent: false"))
    ask(gateway.port, "/a", fields=PARENT)
    assert TRACE not in origin.asked("/a")[0].get("traceparent")


@pytest.mark.parametrize("fields, flag", [({"b3": f"{TRACE}-{SPAN}-1"}, "1"), ({"b3": f"{TRACE}-{SPAN}-0-{SPAN}"}, "0"), ({"b3": f"{TRACE}-{SPAN}-d"}, "1"),
                                          ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "1"}, "1"),
                                          ({"X-B3-TraceId": TRACE[16:], "X-B3-SpanId": SPAN, "X-B3-Flags": "1"}, "1")])
def test_b3(start, origin, collector, fields, flag):
    gateway = start(configuration(origin, collector, ", sample: 0%, propagate: [w3c, b3, b3multi]"))
    ask(gateway.port, "/a", fields=fields)
    seen = origin.asked("/a")[0]
    trace, span, sampled = seen.get("b3").split("-")
    assert trace in (TRACE, "0" * 16 + TRACE[16:]) and span != SPAN and sampled == flag
    assert (seen.get("x-b3-traceid"), seen.get("x-b3-spanid"), seen.get("x-b3-sampled")) == (trace, span, flag)
    assert seen.get("traceparent") == f"00-{trace}-{span}-0{flag}" and seen.get("x-b3-flags") is None


def test_without_tracing_contexts_pass_as_they_are(start, origin, collector):
    text = re.sub(r"tracing: .*\n", "", configuration(origin, collector))
    gateway = start(text)
    ask(gateway.port, "/a", fields={**PARENT, "b3": "0"})
    assert origin.asked("/a")[0].get("traceparent") == PARENT["traceparent"] and origin.asked("/a")[0].get("b3") == "0"


def test_a_collector_that_is_away_costs_spans_and_never_a_request(start, origin, collector):
    admin = free_port()
    gateway = start(configuration(origin, collector, ", sample: 100%", admin=admin))
    collector.status = 500
    for _ in range(20):
        assert ask(gateway.port, "/a").status == 200
    wait_for(lambda: metric(admin, 'portcullis_trace_spans_total{outcome="dropped"}') >= 2, timeout=30, what="spans to be given up")
    assert metric(admin, 'portcullis_trace_spans_total{outcome="exported"}') == 0
    collector.status = 200
    ask(gateway.port, "/a")
    wait_for(lambda: metric(admin, 'portcullis_trace_spans_total{outcome="exported"}') >= 2, timeout=30, what="spans to be taken again")
    total = lambda: metric(admin, "portcullis_trace_spans_total")  # noqa: E731
    wait_for(lambda: total() == 42, timeout=30, what="every span to be accounted for")


def test_a_collector_that_hangs_bounds_the_memory(start, origin, collector):
    admin, hung = free_port(), threading.Event()
    gateway = start(configuration(origin, collector, ", sample: 100%", admin=admin))
    collector.respond = lambda request: hung.wait(2) and None or (200, {}, b"{}")
    connection_errors = 0
    for _ in range(3000):
        connection_errors += ask(gateway.port, "/a" + "?" + "x" * 10).status != 200
    assert connection_errors == 0
    hung.set()
