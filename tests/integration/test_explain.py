"""`explain`, and the messages of `check` about routes that can never match."""

import json
import subprocess

import pytest

import harness
import sanitizers
from identity import hashed

pytestmark = sanitizers.only_command_line

CONFIGURATION = """version: 1
listeners: [{name: public, address: "127.0.0.1:8080"}]
upstreams: [{name: orders, targets: [{address: "127.0.0.1:9001"}]}]
policies:
  - ip_filter: {deny: [192.0.2.1]}
routes:
  - {name: one-order, match: {hosts: [api.example.com], path: "/orders/{id}", methods: [GET]}, upstream: orders}
  - name: orders
    match: {path_prefix: /orders}
    policies:
      - request_limits: {body_size: 1KiB}
    upstream: orders
  - {name: wild, match: {hosts: ["*.example.org"]}, policies: [{respond: {}}]}
"""


@pytest.fixture
def explain(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIGURATION)

    def run(method, url, *flags):
        return subprocess.run([harness.BINARY, "explain", "-c", str(path), *flags, method, url],
                              capture_output=True, text=True)
    return run


def test_it_names_route_policies_and_why_others_lost(explain):
    out = explain("GET", "http://API.example.com:80/x/../orders/5?a=b", "--json")
    told = json.loads(out.stdout)
    assert out.returncode == 0 and told["route"] == "one-order" and told["path"] == "/orders/5"
    assert [(p["name"], p["place"].rsplit(":", 1)[1]) for p in told["policies"]] == [("ip_filter", "5")]
    assert told["targets"] == ["127.0.0.1:9001"]
    assert {o["route"]: o["verdict"] for o in told["others"]} == {"orders": "outranked", "wild": "other_host"}
    told = json.loads(explain("POST", "http://api.example.com/orders/5", "--json").stdout)
    assert told["route"] == "orders" and [p["name"] for p in told["policies"]] == ["ip_filter", "request_limits"]
    assert told["others"][0]["verdict"] == "other_method" and "POST is not GET" in told["others"][0]["reason"]
    text = explain("POST", "http://api.example.com/orders/5").stdout
    assert "  route: orders\n  policy: ip_filter (" in text and "  not one-order: method POST is not GET\n" in text
    assert [line.rsplit(": ", 1)[1] for line in text.splitlines() if line.startswith("  policy: ")] == ["continues", "continues"]


def test_it_says_what_the_gateway_would_answer_itself(explain):
    out = explain("GET", "/nothing")
    assert out.returncode == 11 and out.stdout.startswith("answer: 404 Not Found, no route matches it (no_route)\n")
    assert "`/nothing` is not below `/orders`" in out.stdout
    out = explain("GET", "/a%2fb")
    assert out.returncode == 10 and out.stdout.startswith("answer: 400 Bad Request, refused by the gateway (ambiguous_path)\n")
    out = explain("PUT", "http://a.example.org/x")
    assert out.returncode == 0 and out.stdout.startswith("answer: 200 OK, answered by respond (answered_by_policy)\n")


def test_it_names_the_route_that_comes_before_another(explain):
    others = json.loads(explain("GET", "http://api.example.com/orders/5", "--json").stdout)["others"]
    assert {"route": "orders", "verdict": "outranked", "reason": "matches too, but `one-order` is for a more exact host"} in others


def test_the_host_of_a_header_counts_more_than_that_of_the_url(explain):
    told = json.loads(explain("GET", "http://127.0.0.1:8080/orders/5", "-H", "Host: api.example.com", "--json").stdout)
    assert (told["host"], told["route"]) == ("api.example.com", "one-order")


@pytest.mark.parametrize("words, complaint", [
    (("GET", "/x", "-H", "no header"), "`no header` is not a header"), (("GET", "/x\r\nHost: b"), "control characters"),
    (("G T", "/x"), "is not a method"), (("GET", "/x", "--client", "nobody"), "`nobody` is not an IP address"),
    (("GET", "/x", "--listener", "none"), "there is no listener `none`; there are: public"),
    (("GET", "orders"), "`orders` is neither a URL, as http://host/path, nor a path, as /path"),
    (("GET", "ftp://api.example.com/x"), "`ftp://api.example.com/x`: a URL here begins with http:// or https://")])
def test_what_is_not_a_request_is_refused(explain, words, complaint):
    out = explain(words[0], words[1], *words[2:])
    assert out.returncode == 64 and complaint in out.stderr


@pytest.mark.parametrize("url", ["api.example.com/orders/5", "localhost:8080/orders/5?a=1", "127.0.0.1/orders/5"])
def test_a_url_without_a_scheme_is_one_of_http_as_with_curl(explain, url):
    told = json.loads(explain("GET", url, "--json").stdout)
    assert (told["host"], told["path"]) == (url.split("/")[0].split(":")[0], "/orders/5")
    assert f"the URL is http://{url}" in told["assumed"] and told["answer"].get("status") != 400


def test_check_reports_unreachable_routes_and_who_shadows_them(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("""version: 1
listeners: [{name: l, address: "127.0.0.1:2"}]
upstreams: [{name: u, targets: [{address: "127.0.0.1:1"}]}]
routes:
  - {name: a, match: {path: "/x/{id}", methods: [GET]}, upstream: u}
  - {name: b, match: {path: "/x/{id}", methods: [POST]}, upstream: u}
  - {name: c, match: {path: "/x/{other}", methods: [GET, POST]}, upstream: u}
  - {name: d, match: {path: "/x/{id}"}, upstream: u}
  - {name: e, match: {path_prefix: /y/, hosts: [h.example.com]}, upstream: u}
  - {name: f, match: {path_prefix: /y}, upstream: u}
  - {name: g, match: {path_prefix: /y, hosts: [h.example.com]}, upstream: u}
""")
    out = subprocess.run([harness.BINARY, "check", str(path)], capture_output=True, text=True)
    assert out.returncode == 0
    warnings = out.stderr.splitlines()
    assert warnings == [
        f"{path}:7:5: warning: route `c` can never match: `b` (line 6) takes its requests [unreachable_route]",
        f"{path}:11:5: warning: route `g` can never match: `e` (line 9) takes its requests [unreachable_route]"]


IDENTIFIED = f"""version: 1
listeners: [{{name: public, address: "127.0.0.1:1"}}]
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:1"}}]}}]
quotas: {{file: quotas.db}}
consumers: [{{name: shop, groups: [partners], credentials: {{keys: "{hashed('key-of-shop-0123456789')}"}}}}]
policies: [ip_filter: {{deny: [192.0.2.0/24]}}]
routes:
  - name: orders
    match: {{path_prefix: /orders}}
    policies:
      - key_auth: {{}}
      - acl: {{rules: [{{deny: request.method = DELETE}}, {{allow: consumer.groups = partners}}]}}
      - rate_limit: {{limit: 5/min}}
      - quota: {{limit: 7}}
      - forward_auth: {{url: "http://127.0.0.1:1/"}}
    upstream: backend
"""


def explained(tmp_path, *arguments):
    path = tmp_path / "gateway.yaml"
    path.write_text(IDENTIFIED)
    out = subprocess.run([harness.BINARY, "explain", "-c", path, *arguments, "--json"], capture_output=True, text=True)
    return {policy["name"]: policy for policy in json.loads(out.stdout)["policies"]}


def test_explain_tells_the_consumer_and_what_would_be_charged_without_charging_it(tmp_path):
    for _ in range(10):  # more than the limit
        told = explained(tmp_path, "GET", "/orders/1", "-H", "X-API-Key: key-of-shop-0123456789")
        assert [told.pop("forward_auth")["outcome"], *{policy["outcome"] for policy in told.values()}] == ["not_known", "continues"]
    assert told["key_auth"]["notes"] == ["consumer `shop`"]
    assert told["acl"]["notes"] == ["rule 2 holds: allow"]
    assert told["rate_limit"]["notes"] == ["would charge 1 to the limit `default` (5 in 60 s) of consumer `shop`, and leave 4"]
    assert told["quota"]["notes"] == ["would charge 1 to the quota `quota` (7 a month, UTC) of consumer `shop`, which has used 0"]


@pytest.mark.parametrize("settings, charged", [
    ("limit: 5/min", "the limit `default` (5 in 60 s) of client `2001:db8::1`"),  # there is no consumer
    ("limit: 1/500ms, key: client.address", "the limit `default` (1 in 500 ms) of client `2001:db8::1`"),
    ("limit: 9/s, key: route.name", "the limit `default` (9 in 1 s) of route `orders`"),
    ("limit: 9/s, key: all", "the limit `default` (9 in 1 s) of all requests"),
    ("limit: 9/s, name: tenants, key: '{request.header.x-tenant}'", "the limit `tenants` (9 in 1 s) of {request.header.x-tenant} `acme`"),
])
def test_explain_tells_whose_limit_would_be_charged(tmp_path, settings, charged):
    path = tmp_path / "gateway.yaml"
    path.write_text(f"""version: 1
listeners: [{{name: public, address: "127.0.0.1:1"}}]
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:1"}}]}}]
routes:
  - {{name: orders, match: {{path_prefix: /}}, policies: [{{rate_limit: {{{settings}}}}}, {{concurrency_limit: {{limit: 3}}}}], upstream: backend}}
""")
    out = subprocess.run([harness.BINARY, "explain", path, "GET", "/", "-H", "X-Tenant: acme", "--client", "2001:db8::1"], capture_output=True, text=True)
    assert f"\n    would charge 1 to {charged}, and leave " in out.stdout, out
    assert "\n    would be one of 3 requests at once of route `orders`; 0 are in progress now\n" in out.stdout


def test_explain_tells_whom_a_running_gateway_would_ask(tmp_path):
    told = explained(tmp_path, "GET", "/orders/1", "-H", "X-API-Key: key-of-shop-0123456789")
    assert told["forward_auth"]["notes"] == ["would ask http://127.0.0.1:1/"]


def test_explain_tells_which_policy_refuses_and_why(tmp_path):
    told = explained(tmp_path, "DELETE", "/orders/1", "-H", "X-API-Key: key-of-shop-0123456789")
    assert (told["acl"]["outcome"], told["acl"]["status"], told["acl"]["reason"]) == ("refuses", 403, "acl_denied")
    assert told["acl"]["notes"] == ["rule 1 holds: deny"] and told["rate_limit"]["outcome"] == "not_reached"
    told = explained(tmp_path, "GET", "/orders/1")
    assert (told["key_auth"]["status"], told["key_auth"]["reason"]) == (401, "key_missing")
    told = explained(tmp_path, "GET", "/orders/1", "--client", "192.0.2.7")
    assert told["ip_filter"]["reason"] == "address_refused" and told["key_auth"]["outcome"] == "not_reached"
