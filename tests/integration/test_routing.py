"""Routes by expression, header and query, and the changes to path and host on the way."""

import json
import subprocess

import pytest

import harness
import sanitizers
from harness import read_response

pytestmark = sanitizers.one_worker

CONFIGURATION = """version: 1
listeners: [{name: public, address: "127.0.0.1:{port}"}]
upstreams: [{name: backend, targets: [{address: "127.0.0.1:BACKEND"}]}]
routes:
  - name: order
    match: {path: "/v1/orders/{id}/lines/{line}", methods: [GET]}
    rewrite: {path: "/lines/{line}/of/{id}", host: "orders.internal:8080"}
    policies: [{headers: {request: {set: {x-order: "{path.id} {request.path}"}}}}]
    upstream: backend
  - {name: v2, match: {path_prefix: /api, headers: {x-version: 2}}, rewrite: {path: "/v2/{rest}"}, upstream: backend}
  - name: debug
    match: {path_prefix: /api, headers: {x-version: 2}, query: {debug: {present: true}}}
    rewrite: {path: "/debug/{rest}"}
    upstream: backend
  - {name: api, match: {path_prefix: /api}, rewrite: {strip_prefix: /api}, upstream: backend}
  - name: image
    match: {path_regex: "/(?P<name>[a-z]+)[.](png|jpg)"}
    rewrite: {path: "/images/{name}"}
    upstream: backend
  - {name: mobile, match: {headers: {user-agent: {regex: ".*Mobile.*"}}, methods: [GET]}, rewrite: {path: "/m/{rest}"}, upstream: backend}
  - {name: rest, match: {path_prefix: /}, upstream: backend}
"""


@pytest.fixture
def ask(start, echo):
    gateway = start(CONFIGURATION.replace("BACKEND", str(echo())))

    def send(target, fields=""):
        with gateway.connect() as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n".encode())
            return json.loads(read_response(connection)[1])
    return send


def test_parameters_move_into_the_new_path_and_the_host_is_replaced(ask):
    seen = ask("/v1/orders/a%20b/lines/7?full=1")
    assert seen["target"] == "/lines/7/of/a%20b?full=1"
    assert seen["headers"]["host"] == "orders.internal:8080"
    assert seen["headers"]["x-forwarded-host"] == "shop.example"
    assert seen["headers"]["x-order"] == "a%20b /v1/orders/a%20b/lines/7"


def test_conditions_choose_and_the_one_with_more_of_them_wins(ask):
    assert ask("/api/x")["target"] == "/x"
    assert ask("/api/x", "X-Version: 2\r\n")["target"] == "/v2/x"
    assert ask("/api/x?debug", "X-Version: 2\r\n")["target"] == "/debug/x?debug"
    assert ask("/api/x?debug", "X-Version: 3\r\n")["target"] == "/x?debug"


def test_expressions_come_after_prefixes_and_before_the_rest(ask):
    assert ask("/cat.png")["target"] == "/images/cat"
    assert ask("/Cat.png")["target"] == "/Cat.png"
    assert ask("/api/cat.png")["target"] == "/cat.png"
    assert ask("/Cat.png", "User-Agent: Some Mobile 1\r\n")["target"] == "/m/Cat.png"


@sanitizers.only_command_line
def test_explain_takes_headers_and_query(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIGURATION.replace("BACKEND", "1").replace("{port}", "8080"))

    def explain(url, *flags):
        out = subprocess.run([harness.BINARY, "explain", "-c", str(path), "--json", *flags, "GET", url],
                             capture_output=True, text=True)
        return json.loads(out.stdout)

    told = explain("/api/x?debug=1", "-H", "X-Version: 2")
    assert told["route"] == "debug" and told["target_path"] == "/debug/x"
    told = explain("/api/x", "-H", "X-Version: 3")
    assert told["route"] == "api"
    reasons = {other["route"]: (other["verdict"], other["reason"]) for other in told["others"]}
    assert reasons["v2"] == ("other_condition", "header `x-version` is not `2`")
    assert reasons["image"][0] == "other_path" and "does not match" in reasons["image"][1]
    assert reasons["mobile"] == ("other_condition", "header `user-agent` does not match `.*Mobile.*`")


@sanitizers.only_configuration
def test_check_names_a_parameter_that_the_match_lacks(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("""version: 1
listeners: []
upstreams: [{name: u, targets: [{address: "127.0.0.1:1"}]}]
routes:
  - {name: a, match: {path: "/x/{order}"}, rewrite: {path: "/y/{oder}"}, upstream: u}
  - {name: b, match: {path_regex: "/x/.*"}, upstream: u}
  - {name: c, match: {path_regex: "/x/.*"}, upstream: u}
""")
    out = subprocess.run([harness.BINARY, "check", str(path)], capture_output=True, text=True)
    assert out.returncode == 1
    assert out.stderr == (f"{path}:5:60: error: the route's match has no parameter `oder` - did you mean `order`?\n")
    path.write_text(path.read_text().replace("{oder}", "{order}"))
    out = subprocess.run([harness.BINARY, "check", str(path)], capture_output=True, text=True)
    assert "route `c` can never match: `b` (line 6) takes its requests" in out.stderr
