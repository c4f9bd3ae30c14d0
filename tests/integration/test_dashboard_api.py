"""The data of the dashboard: stories of refused requests, live tails, series, and operators' actions on targets."""

import collections
import contextlib
import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

import harness
from admin_requests import FULL, READ, ask, bearer, hashed, tokens
from harness import free_port, get, log_lines, wait_for

KEY = "client-key-0123456789-0123456789"


def configuration(admin, port, settings="", top="", other=None):
    second = f', {{address: "127.0.0.1:{other}"}}' if other else ""
    return f"""version: 1
workers: 2
admin: {{address: '127.0.0.1:{admin}'{settings}}}
{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: orders, targets: [{{address: "127.0.0.1:{port}"}}{second}]}}]
consumers: [{{name: shop, credentials: {{keys: [{{hash: "{hashed(KEY)}"}}]}}}}]
routes:
  - {{name: closed, match: {{path_prefix: /closed}}, policies: [{{key_auth: {{}}}}], upstream: orders}}
  - {{name: limited, match: {{path_prefix: /limited}}, policies: [{{key_auth: {{}}}}, {{rate_limit: {{limit: 1/h, key: caller}}}}], upstream: orders}}
  - {{name: denied, match: {{path_prefix: /denied}}, policies: [{{acl: {{rules: [{{deny: request.path under /denied}}]}}}}], upstream: orders}}
  - {{name: open, match: {{path_prefix: /open}}, upstream: orders}}
"""


def send(gateway, path, **fields):
    """Sends a request and returns the status of the answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}{path}", headers={name.replace("_", "-"): value for name, value in fields.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            response.read()
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def now(admin):
    return json.loads(get(admin, "/v1/now")[1])


class Events:
    """Follows server-sent events: next() gives (name, data)."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass

    def next(self):
        name, data = None, None
        while True:
            line = self.file.readline()
            assert line, "the end of the events"
            line = line.rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "" and name:
                return name, data

    def close(self):
        self.file.close()
        self.socket.close()


def follow(port, path):
    return contextlib.closing(Events(port, path))


def test_refused_requests_are_told(start, echo):
    admin = free_port()
    gateway = start(configuration(admin, echo("one")))
    assert send(gateway, "/closed/a") == 401
    assert send(gateway, "/closed/b", x_api_key="wrong") == 401
    assert [send(gateway, "/limited", x_api_key=KEY) for _ in range(2)] == [200, 429]
    assert send(gateway, "/denied") == 403
    assert send(gateway, "/nowhere") == 404
    # A worker notes a refusal after it has answered.
    wait_for(lambda: len(now(admin)["refused"]) >= 5, what="all refusals")
    told = {one["path"]: one for one in now(admin)["refused"]}
    assert set(told) == {"/closed/a", "/closed/b", "/limited", "/denied", "/nowhere"}
    facts = {path: (one["status"], one.get("policy"), one["ended"], one["route"], one.get("consumer")) for path, one in told.items()}
    assert facts["/closed/a"] == (401, "key_auth", "key_missing", "closed", None)
    assert facts["/closed/b"] == (401, "key_auth", "key_unknown", "closed", None)
    assert facts["/limited"] == (429, "rate_limit", "rate_limited", "limited", "shop")
    assert facts["/denied"] == (403, "acl", "acl_denied", "denied", None)
    assert facts["/nowhere"] == (404, None, "no_route", "", None)
    # The data contains no secrets.
    assert KEY not in json.dumps(told) and "wrong" not in json.dumps(told)


def test_what_policies_count_is_told_by_the_names_of_metrics(start, echo):
    admin = free_port()
    text = configuration(admin, echo("one")) + "  - {name: kept, match: {path_prefix: /kept}, policies: [{cache: {}}], upstream: orders}\n"
    gateway = start(text)
    assert [send(gateway, "/limited", x_api_key=KEY) for _ in range(3)] == [200, 429, 429]
    assert [send(gateway, "/kept?max-age=60") for _ in range(2)] == [200, 200]

    def counted(name):
        metric = next((one for one in now(admin)["metrics"] if one["name"] == name), {"series": []})
        return {tuple(one["labels"].values()): one["value"] for one in metric["series"]}

    assert counted("portcullis_rate_limit_decisions_total") == {("limited", "allowed"): 1, ("limited", "refused"): 2}
    assert sum(counted("portcullis_cache_requests_total").values()) == 2
    told = now(admin)
    assert [(one["name"], one["total_refused"]) for one in told["limits"]] == [("limited", 2)]
    assert told["cache"]["limit"] == 64 << 20
    assert [(one["route"], one["hits"] + one["misses"]) for one in told["cache"]["routes"]] == [("kept", 2)]
    # Names that a reload brings again go on counting.
    gateway.reload()
    assert send(gateway, "/limited", x_api_key=KEY) == 429
    assert counted("portcullis_rate_limit_decisions_total") == {("limited", "allowed"): 1, ("limited", "refused"): 3}
    page = subprocess.run([harness.BINARY, "top", "--once", "--admin", f"http://127.0.0.1:{admin}"], capture_output=True, text=True, timeout=20).stdout
    assert "COUNTED BY POLICIES" in page and "limit limited, outcome refused" in page, page


def test_a_flood_of_one_refusal_does_not_hide_the_others(start, echo):
    admin = free_port()
    gateway = start(configuration(admin, echo("one")))
    assert send(gateway, "/denied") == 403
    with gateway.connect() as connection:
        for _ in range(20):
            connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
            for _ in range(20):
                harness.read_response(connection)
    counts = collections.Counter(one["status"] for one in now(admin)["refused"])
    assert counts[403] == 1 and 1 <= counts[404] <= 40


def test_a_live_tail_shows_what_fits(start, echo):
    admin = free_port()
    gateway = start(configuration(admin, echo("one")))
    with follow(admin, "/v1/tail?status=4xx&route=closed") as refused, follow(admin, "/v1/tail?consumer=shop&path=%2Flim") as shop, \
            follow(admin, "/v1/tail") as everything:
        assert [one.next()[0] for one in (refused, shop, everything)] == ["open"] * 3
        seen = {refused: [], shop: [], everything: []}
        sent = [("/open/1", {}), ("/closed/1", {}), ("/nowhere", {}), ("/limited", {"x_api_key": KEY}), ("/closed/2", {"x_api_key": KEY})]
        for path, fields in sent:
            send(gateway, path, **fields)
        wanted = {refused: ["/closed/1"], shop: ["/limited"], everything: [path for path, _ in sent]}
        for tail, paths in wanted.items():
            while len(seen[tail]) < len(paths):
                name, data = tail.next()
                assert name == "requests" and data["left_out"] == 0
                seen[tail] += data["requests"]
            assert sorted(one["path"] for one in seen[tail]) == sorted(paths)
        assert seen[refused][0]["policy"] == "key_auth" and seen[shop][0]["status"] == 200


def test_a_live_tail_says_what_it_leaves_out(start, echo):
    admin = free_port()
    gateway = start(configuration(admin, echo("one")))
    with follow(admin, "/v1/tail?status=404") as tail, gateway.connect() as connection:
        assert tail.next()[0] == "open"
        told = left_out = 0
        for _ in range(6):  # a worker keeps 200 stories between two events
            connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" * 250)
            for _ in range(250):
                harness.read_response(connection)
        while told + left_out < 1500:
            data = tail.next()[1]
            told += len(data["requests"])
            left_out += data["left_out"]
        assert told + left_out == 1500 and left_out > 0


@pytest.mark.parametrize("query, why", [("status=9xx", "`9xx` is not a status"), ("status=abc", "`abc` is not a status"), ("staus=4xx", "the call has no query parameter `staus` - did you mean `status`?")])
def test_filters_that_are_none_are_refused(start, query, why):
    admin = free_port()
    start(configuration(admin, 9))
    status, text = get(admin, f"/v1/tail?{query}")
    assert status == 400 and why in text


def test_live_tails_are_bounded_and_end_with_their_readers(start, echo):
    admin = free_port()
    start(configuration(admin, echo("one")))
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            assert stack.enter_context(follow(admin, "/v1/tail")).next()[0] == "open"
        assert get(admin, "/v1/tail")[0] == 503
    # Clients that have disconnected free their places.
    wait_for(lambda: ask(admin, "HEAD", "/v1/tail")[0] == 200, what="a place for a live tail")


def test_series_remember_routes_targets_and_consumers(start, echo):
    admin = free_port()
    port = echo("one")
    gateway = start(configuration(admin, port))
    for _ in range(20):
        assert send(gateway, "/closed", x_api_key=KEY) == 200
    series = lambda query: json.loads(get(admin, f"/v1/series?{query}")[1])  # noqa: E731
    for query in ("route=closed", "consumer=shop", f"upstream=orders&target=127.0.0.1:{port}"):
        points = wait_for(lambda query=query: series(query), what=query)
        assert all(len(point) == 8 for point in points) and max(point[1] for point in points) > 1
    assert any(point[4] > 0 for point in series("route=closed"))  # the median
    assert series("route=open") == [] and series("consumer=nobody") == []
    assert get(admin, "/v1/series")[0] == 400
    consumers = {one["name"]: one for one in now(admin)["consumers"]}
    assert consumers["shop"]["total"] == 20 and consumers["shop"]["total_failures"] == 0


def test_the_gateways_own_time_is_told_beside_its_targets(start, server):
    admin = free_port()

    def slow(_):
        time.sleep(0.2)
        return 200, {}, b"done"
    gateway = start(configuration(admin, server(slow).port))
    with follow(admin, "/v1/live") as live:
        assert live.next()[0] == "history"
        assert live.next()[0] == "live"

        def measured():
            send(gateway, "/open")
            route = next((one for one in live.next()[1]["routes"] if one["name"] == "open"), None)
            return route if route and route["waited"] > 0 else None
        route = wait_for(measured, what="the measured times")
    assert 150 < route["waited"] < 1500 and 0 <= route["own"] < route["waited"] / 2
    # The data in the request's own story.
    story = next(one for one in now(admin)["slow"] if one["path"] == "/open" and one.get("response_head_us"))
    assert 150_000 < story["targets_us"] <= story["response_head_us"] <= story["total_us"]


def drain(admin, verb, port, *fields, upstream="orders"):
    address = urllib.parse.quote(f"127.0.0.1:{port}", safe="")
    return ask(admin, "POST", f"/v1/upstreams/{upstream}/targets/{address}/{verb}", *fields)


def served_by(gateway, count=30):
    return collections.Counter(json.loads(get(gateway.port, "/open")[1])["backend"] for _ in range(count))


def states(admin):
    told = json.loads(get(admin, "/v1/health/upstreams")[1])["upstreams"]
    return {one["address"]: one for upstream in told for one in upstream["targets"]}


def test_a_drained_target_gets_nothing_until_it_is_brought_back(start, echo, tmp_path):
    admin, audit = free_port(), tmp_path / "audit.log"
    one, two = echo("one"), echo("two")
    text = configuration(admin, one, other=two, top=f"audit_log: {{path: {audit}}}")
    gateway = start(text)
    assert set(served_by(gateway)) == {"one", "two"}
    status, reply = drain(admin, "drain", one)
    assert status == 200 and '"drained":true' in reply
    assert served_by(gateway) == {"two": 30}
    state = states(admin)[f"127.0.0.1:{one}"]
    assert state["drained"] is True and state["available"] is False and state["up"] is True
    assert harness.metric(admin, f'portcullis_target_drained{{upstream="orders",address="127.0.0.1:{one}"}}') == 1
    gateway.write(text + "  - {name: more, match: {path_prefix: /more}, upstream: orders}\n")
    gateway.reload()
    assert served_by(gateway) == {"two": 30}
    # When all targets are drained, none is asked; an unavailable target would still be asked.
    assert drain(admin, "drain", two)[0] == 200
    assert send(gateway, "/open") == 503
    assert now(admin)["failed"][0]["ended"] == "no_target"
    for port in (one, two):
        assert drain(admin, "undrain", port)[0] == 200
    assert set(served_by(gateway)) == {"one", "two"}
    actions = [(line["action"], line["target"], line["outcome"]) for line in log_lines(audit) if line["action"] != "reload"]
    assert actions == [("drain_target", f"127.0.0.1:{one}", "succeeded"), ("drain_target", f"127.0.0.1:{two}", "succeeded"),
                       ("undrain_target", f"127.0.0.1:{one}", "succeeded"), ("undrain_target", f"127.0.0.1:{two}", "succeeded")]


def test_an_ejected_target_says_why_and_can_be_resumed(start, server, echo):
    admin, fails = free_port(), [True]

    def respond(_):
        if fails:
            raise ConnectionError("closed without an answer")
        return 200, {}, json.dumps({"backend": "broken"}).encode()
    broken = server(respond).port
    well = echo("well")
    gateway = start(configuration(admin, broken, other=well))
    address = f"127.0.0.1:{broken}"

    def ejected():
        for _ in range(10):
            send(gateway, "/open")
        return states(admin)[address]["ejected"]
    wait_for(ejected, what="the ejection")
    state = states(admin)[address]
    assert state["why"] == "3 requests in a row failed" and 0 < state["ejected_ms"] <= 300_000
    target = next(one for one in now(admin)["upstreams"][0]["targets"] if one["address"] == address)
    assert (target["state"], target["why"]) == ("ejected", "3 requests in a row failed") and target["ejected_for"] > 0
    fails.clear()
    assert drain(admin, "resume", broken)[0] == 200
    assert states(admin)[address]["available"] is True
    assert set(served_by(gateway)) == {"broken", "well"}


def test_actions_take_the_right_and_a_target_that_is_there(start, echo):
    admin, port = free_port(), echo("one")
    gateway = start(configuration(admin, port, settings=f", {tokens()}"))
    for verb in ("drain", "undrain", "resume"):
        assert drain(admin, verb, port)[0] == 401
        status, reply = drain(admin, verb, port, bearer(READ))
        assert status == 403 and "the role `operator` is needed" in reply
        assert drain(admin, verb, port, bearer(FULL), "Origin: http://evil.example")[0] == 403
        status, reply = drain(admin, verb, 1, bearer(FULL))
        assert status == 404 and "upstream `orders` has no target at `127.0.0.1:1`" in reply
        assert drain(admin, verb, port, bearer(FULL), upstream="others")[0] == 404
    assert drain(admin, "explode", port, bearer(FULL))[0] == 404
    assert ask(admin, "GET", f"/v1/upstreams/orders/targets/127.0.0.1:{port}/drain", bearer(FULL))[0] == 405
    assert send(gateway, "/open") == 200
    for token, may in ((READ, False), (FULL, True)):
        told = json.loads(ask(admin, "GET", "/v1/session", bearer(token))[1].split("\r\n\r\n")[1])
        assert told == {"name": "ops" if may else "prometheus", "role": "admin" if may else "viewer", "labels": {}, "token": True, "writes": "files"}
    for path in ("/v1/session", "/v1/tail", "/v1/series?route=open"):
        assert ask(admin, "GET", path)[0] == 401


def test_the_dashboard_has_a_sentence_for_every_reason(start, echo):
    admin = free_port()
    start(configuration(admin, echo("one")))
    head, text = ask(admin, "GET", "/assets/reason_table.js")[1].split("\r\n\r\n")
    assert "content-type: text/javascript" in head.lower()
    assert text.startswith("export const REASONS = {")
    sentences = json.loads(text.removeprefix("export const REASONS = ").removesuffix(";\n"))
    told = json.loads(subprocess.run([harness.BINARY, "schema", "--reasons"], capture_output=True, check=True).stdout)["reasons"]
    assert sentences == {one["name"]: one["meaning"] for one in told}
