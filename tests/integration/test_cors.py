"""cors: preflights, `*` with credentials, origins, and the gateway's own answers."""

import pytest

import harness
import sanitizers
from harness import read_response

pytestmark = sanitizers.one_worker

ORIGIN = "Origin: https://a.example\r\n"
CORS = 'cors: {origins: ["https://a.example"], methods: [GET, POST]}'


def configuration(port, *routes, top="", listener="", consumers=""):
    lines = "\n".join(f"  - {route}" for route in routes)
    return f"""version: 1
workers: 1
listeners: [{{name: main, address: "127.0.0.1:{{port}}"{listener}}}]
upstreams: [{{name: app, targets: [{{address: "127.0.0.1:{port}"}}]}}]
policies: [{top}]
consumers: [{consumers}]
routes:
{lines}
"""


def ask(gateway, method="GET", target="/", fields=ORIGIN):
    """(status, fields by name)."""
    with gateway.connect() as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
        line, *rest = read_response(connection)[0].split("\r\n")
        told = {}
        for name, value in (one.split(": ", 1) for one in rest if one):
            told[name.lower()] = f"{told[name.lower()]}, {value}" if name.lower() in told else value
        return int(line.split()[1]), told


def preflight(gateway, target="/", method="POST", fields=""):
    return ask(gateway, "OPTIONS", target, f"{ORIGIN}Access-Control-Request-Method: {method}\r\n{fields}")


@pytest.fixture
def origin(backend):
    """A backend with the same answer to every request, which stores the requests."""
    return backend(harness.answer(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nok"))


# Preflights.

APP = f"{{name: app, match: {{path_prefix: /app, methods: [GET, POST]}}, policies: [{CORS}], upstream: app}}"
SITE = "{name: site, match: {path_prefix: /}, upstream: app}"


@pytest.mark.parametrize("others", [(), (SITE,)])
def test_a_preflight_belongs_to_the_route_of_the_request_it_asks_for(start, origin, others):
    gateway = start(configuration(origin.port, APP, *others))
    status, told = preflight(gateway, "/app/x")
    assert status == 204 and told["access-control-allow-origin"] == "https://a.example" and told["access-control-allow-methods"] == "GET, POST"
    assert origin.received == b""


def test_what_no_route_with_cors_takes_goes_on(start, origin):
    gateway = start(configuration(origin.port, APP, SITE))
    for ask_it in (lambda: preflight(gateway, "/app/x", "PUT"), lambda: preflight(gateway, "/other"),
                   lambda: ask(gateway, "OPTIONS", "/app/x"), lambda: ask(gateway, "OPTIONS", "/app/x", "Access-Control-Request-Method: POST\r\n")):
        status, told = ask_it()
        assert status == 200 and "access-control-allow-origin" not in told
    assert origin.received.count(b"OPTIONS ") == 4


def test_no_other_route_consents(start, origin):
    own = "{name: app, match: {path_prefix: /app, methods: [PUT]}, upstream: app}"
    site = "{name: site, match: {path_prefix: /}, policies: [cors: {origins: ['*'], methods: ['*']}], upstream: app}"
    gateway = start(configuration(origin.port, own, site))
    status, told = preflight(gateway, "/app/x", "PUT")
    assert status == 405 and "access-control-allow-methods" not in told and "access-control-allow-origin" not in told
    assert preflight(gateway, "/app/x", "GET")[0] == 204  # the route `site` takes it
    # Unless the route answers preflights.
    gateway = start(configuration(origin.port, own, site.replace("path_prefix: /", "path_prefix: /, methods: [OPTIONS, GET]")))
    assert preflight(gateway, "/app/x", "PUT")[0] == 204


def test_star_stands_for_all_with_credentials(start, origin):
    policy = 'cors: {origins: ["https://a.example"], methods: ["*"], headers: ["*"], expose: ["*"], credentials: true}'
    gateway = start(configuration(origin.port, f"{{name: all, match: {{path_prefix: /}}, policies: [{policy}], upstream: app}}"))
    _, told = preflight(gateway, method="PUT", fields="Access-Control-Request-Headers: x-a, x-b\r\n")
    assert told["access-control-allow-methods"] == "PUT" and told["access-control-allow-headers"] == "x-a, x-b"
    _, told = ask(gateway)
    assert "x-one" in told["access-control-expose-headers"].lower().split(", ")


def test_star_is_star_without_credentials(start, origin):
    policy = 'cors: {origins: ["*"], methods: ["*"], headers: ["*"], expose: ["*"]}'
    gateway = start(configuration(origin.port, f"{{name: all, match: {{path_prefix: /}}, policies: [{policy}], upstream: app}}"))
    _, told = preflight(gateway, method="PUT", fields="Access-Control-Request-Headers: x-a\r\n")
    assert {told[f"access-control-allow-{name}"] for name in ("origin", "methods", "headers")} == {"*"}
    assert ask(gateway)[1]["access-control-expose-headers"] == "*"


# Origins.

def complaint(tmp_path, policy):
    path = tmp_path / "checked.yaml"
    path.write_text(configuration(1, f"{{name: all, match: {{path_prefix: /}}, policies: [{policy}], upstream: app}}").replace("{port}", "9000"))
    return harness.check(path)


@sanitizers.only_configuration
@pytest.mark.parametrize("origin, why", [
    ("http://localhost:*", "cannot stand for a port"), ("https://*", "below a domain"), ("https://*.*.x", "below a domain"), ("https://a.*.x", "below a domain"),
    ("https://a*.x", "below a domain"), ("https://a.example/", "only a scheme, a host and a port"), ("https://a.example/x", "only a scheme, a host and a port"),
    ("https://u@a.example", "only a scheme, a host and a port"),
    ("https://a.example?x", "only a scheme, a host and a port"), ("https://a.example:443", "leave out the port"), ("http://a.example:80", "leave out the port"),
    ("https://a.example:0", "1 to 65535"), ("https://a.example:", "1 to 65535"), ("https://a.example:08", "1 to 65535"), ("https://", "not a host"), ("https://a..example", "not a host"), ("https://a b.example", "not a host"),
    ("https://köln.example", "ASCII"), ("http://[::1", "not an address"), ("http://[0:0::1]", "as ::1"), ("http://[x]", "not an address"),
    ("https://*.[::1]", "not an address"), ("http://1.2.3.999", "not an address"), ("http://1.2.3", "not an address"), ("https://app.example.com:99999", "1 to 65535")])
def test_an_origin_that_no_browser_sends_is_an_error(tmp_path, origin, why):
    told = complaint(tmp_path, f'cors: {{origins: ["{origin}"]}}')
    assert "checked.yaml:8:" in told and f"`{origin}` is not an origin that a browser sends" in told and why in told


@sanitizers.only_configuration
@pytest.mark.parametrize("origin", ["a.example", "://a.example", "1://a.example", "null", ""])
def test_an_origin_has_a_scheme(tmp_path, origin):
    assert f"checked.yaml:8:70: error: `{origin}` is not an origin: write https://app.example.com" in complaint(tmp_path, f'cors: {{origins: ["{origin}"]}}')


@sanitizers.only_configuration
@pytest.mark.parametrize("origin", ["*", "https://a.example", "http://localhost:3000", "HTTPS://A.example", "https://*.a.example", "https://*.a.example:8443",
                                    "http://127.0.0.1:8080", "http://[::1]:3000", "http://[2001:db8::1]", "chrome-extension://abcdef", "https://a_b.xn--kln-sna.example"])
def test_others_are_good(tmp_path, origin):
    assert "error" not in complaint(tmp_path, f'cors: {{origins: ["{origin}"]}}')


@sanitizers.only_configuration
@pytest.mark.parametrize("settings, why", [("methods: [get]", "browsers write GET"), ("methods: [Post]", "browsers write POST"), ("methods: ['A B']", "is not a method"),
                                           ("headers: ['x a']", "is not a header"), ("expose: ['x:']", "is not a header"), ("methods: ['']", "is not a method")])
def test_names_that_admit_nothing_are_errors(tmp_path, settings, why):
    assert why in complaint(tmp_path, f'cors: {{origins: ["*"], {settings}}}')


# The gateway's own answers.

OWN = "{name: get, match: {path_prefix: /x, methods: [GET]}, policies: [%s], upstream: app}"


@pytest.mark.parametrize("place", ["top", "route"])
@pytest.mark.parametrize("method, target, fields, status", [
    ("POST", "/x", "", 405), ("GET", "/x", "Content-Length: 2000\r\n", 413), ("TRACE", "/x", "", 405),
    ("GET", "/none", "", 404), ("GET", "/x/%2f", "", 400)])
def test_refusals_can_be_read_by_scripts(start, origin, place, method, target, fields, status):
    top, own = (CORS, "") if place == "top" else ("", CORS)
    gateway = start(configuration(origin.port, OWN % own, top=top, listener=", limits: {body_size: 1KiB}"))
    got, told = ask(gateway, method, target, ORIGIN + fields)
    assert got == status
    marked = place == "top" or status not in (404, 400)  # no route answers these
    assert (told.get("access-control-allow-origin"), told.get("vary")) == (("https://a.example", "Origin") if marked else (None, None))


def test_so_can_those_of_policies_before_it(start, origin):
    gateway = start(configuration(origin.port, OWN % f"key_auth: {{}}, headers: {{response: {{set: {{x-after: 'yes'}}}}}}, {CORS}"))
    status, told = ask(gateway, target="/x")
    assert status == 401 and told["access-control-allow-origin"] == "https://a.example" and "x-after" not in told
    assert "access-control-allow-origin" not in ask(gateway, target="/x", fields="Origin: https://b.example\r\n")[1]


def test_so_can_a_target_that_is_away(start):
    gateway = start(configuration(harness.free_port(), OWN % CORS))
    status, told = ask(gateway, target="/x")
    assert status == 502 and told["access-control-allow-origin"] == "https://a.example" and told["vary"] == "Origin"


def test_vary_is_said_once(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nVary: Accept, origin\r\nContent-Length: 2\r\n\r\nok"))
    gateway = start(configuration(made.port, OWN % CORS))
    assert ask(gateway, target="/x")[1]["vary"] == "Accept, origin"


# Policies of the top level, for requests without a route.

@pytest.mark.parametrize("method, target", [("GET", "/x"), ("POST", "/x"), ("GET", "/none"), ("TRACE", "/x"), ("GET", "/x?" + "q" * 20)])
def test_whom_the_top_level_refuses_does_not_learn_which_routes_there_are(start, origin, method, target):
    gateway = start(configuration(origin.port, OWN % "", top=f"{CORS}, ip_filter: {{deny: [127.0.0.1]}}"))
    status, told = ask(gateway, method, target)
    assert status == 403 and told["access-control-allow-origin"] == "https://a.example"
    assert origin.accepted == 0


def test_it_sees_what_no_route_takes(start, origin, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(origin.port, OWN % "", top="rate_limit: {limit: 2/h}, headers: {request: {set: {x-a: '{route.name}{path.x}'}}, response: {set: {x-b: '1'}}}, cache: {}, compress: {}")
                    + f"access_log: {{path: {log}}}\n")
    answers = [ask(gateway, method, target) for method, target in (("GET", "/none"), ("POST", "/x"), ("GET", "/x"))]
    assert [status for status, _ in answers] == [404, 405, 429]
    assert answers[0][1]["x-b"] == answers[1][1]["x-b"] == "1" and answers[1][1]["allow"] == "GET"
    harness.wait_for(lambda: len(harness.log_lines(log)) == 3, what="the log")
    assert [line["ended"] for line in harness.log_lines(log)] == ["no_route", "method_not_allowed", "rate_limited"]


def test_it_may_answer_what_no_route_takes(start, origin):
    gateway = start(configuration(origin.port, OWN % "", top="key_auth: {}"))
    assert [ask(gateway, method, target)[0] for method, target in (("GET", "/none"), ("POST", "/x"), ("GET", "/x"))] == [401] * 3
