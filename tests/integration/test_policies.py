"""Each policy through the built binary, in front of a real backend."""

import json

import harness
import sanitizers
from harness import read_response

pytestmark = sanitizers.one_worker

HEAD = """version: 1
workers: 1
listeners: [{name: public, address: "127.0.0.1:{port}"}]
"""


def configuration(port, route_policies, top="", match="path_prefix: /", upstream=True):
    text = HEAD + f'upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:{port}"}}]}}]\n'
    text += f"policies: [{top}]\n" if top else ""
    text += f"routes:\n  - name: all\n    match: {{{match}}}\n    policies: [{route_policies}]\n"
    return text + ("    upstream: backend\n" if upstream else "")


def ask(gateway, fields="", target="/", method="GET"):
    with gateway.connect() as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: api.example.com\r\n{fields}\r\n".encode())
        return read_response(connection)


def test_headers_changes_both_sides_with_variables(start, echo):
    gateway = start(configuration(echo(), """headers: {
        request: {set: {x-client: "{client.address}", x-was: "{request.method} {request.host}{request.path}?{request.query}"},
                  add: {accept: "text/{request.header.x-kind}"}, remove: [x-secret]},
        response: {set: {server: "edge {{", x-route: "{route.name} {response.status}"}, remove: [content-type]}}"""))
    head, body = ask(gateway, "X-Secret: 1\r\nX-Kind: plain\r\nX-Client: forged\r\nAccept: a/b\r\n", "/p?q=1")
    seen = json.loads(body)["headers"]
    assert seen["x-client"] == "127.0.0.1"
    assert seen["x-was"] == "GET api.example.com/p?q=1"
    assert seen["accept"] == "text/plain"  # the second of two lines; the demo backend shows one
    assert "x-secret" not in seen
    assert "server: edge {\r\n" in head and "x-route: all 200\r\n" in head
    assert "content-type" not in head.lower()


def test_policies_of_the_top_level_come_first_and_see_the_response_last(shared, echo):
    gateway = shared(configuration(
        echo(), "headers: {request: {set: {x-order: '{request.header.x-order}b'}}, response: {set: {x-out: b}}}",
        top="headers: {request: {set: {x-order: a}}, response: {set: {x-out: a}}}"))
    head, body = ask(gateway)
    assert json.loads(body)["headers"]["x-order"] == "ab"
    assert "x-out: a\r\n" in head


def test_redirect_expands_and_keeps_the_query(shared, echo):
    gateway = shared(configuration(echo(), 'redirect: {to: "https://{request.host}{request.path}", status: 301}',
                                  upstream=False))
    head, body = ask(gateway, target="/old/../new?a=b")
    assert head.startswith("HTTP/1.1 301 Moved Permanently\r\n")
    assert "location: https://api.example.com/new?a=b\r\n" in head
    assert body == b""


def test_respond_answers_without_a_backend_and_keeps_the_connection(shared, echo):
    gateway = shared(configuration(echo(), "respond: {status: 503, content_type: text/html, body: '<p>later'}",
                                  upstream=False))
    with gateway.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head, body = read_response(connection)
            assert head.startswith("HTTP/1.1 503 ") and body == b"<p>later"
            assert "content-type: text/html\r\n" in head and "x-request-id: " in head
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert harness.read_to_end(connection).endswith(b"\r\n\r\n")


def test_a_policy_that_answers_still_has_the_response_side_of_those_before_it(shared, echo):
    gateway = shared(configuration(echo(), "headers: {response: {set: {x-seen: 'yes'}}}, respond: {status: 204},"
                                          "headers: {response: {set: {x-after: 'yes'}}}"))
    head, _ = ask(gateway)
    assert head.startswith("HTTP/1.1 204 ") and "x-seen: yes\r\n" in head
    assert "x-after" not in head and "content-length" not in head


def test_request_limits_refuses_what_is_too_large(start, echo, backend):
    made = backend()
    gateway = start(configuration(made.port, "request_limits: {body_size: 4, query_length: 5, field_count: 3}"))
    assert ask(gateway, target="/?123456")[0].startswith("HTTP/1.1 414 ")
    assert ask(gateway, "A: 1\r\nB: 2\r\nC: 3\r\n")[0].startswith("HTTP/1.1 431 ")
    head, body = ask(gateway, "Content-Length: 5\r\n", method="POST")
    assert head.startswith("HTTP/1.1 413 ") and json.loads(body)["detail"] == "body_too_large"
    assert made.accepted == 0
    out = gateway.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 413 ")
    assert ask(gateway, target="/?12345")[0].startswith("HTTP/1.1 200 ")


def test_ip_filter_admits_and_refuses_by_address(shared, echo):
    port = echo()
    for policy, status in (("{allow: [10.0.0.0/8, 127.0.0.0/8]}", 200), ("{allow: [10.0.0.0/8, '2001:db8::/32']}", 403),
                           ("{deny: [127.0.0.1]}", 403), ("{deny: ['::/0']}", 403), ("{deny: [192.0.2.1]}", 200),
                           ("{allow: [127.0.0.1], deny: [127.0.0.0/31]}", 403)):
        gateway = shared(configuration(port, f"ip_filter: {policy}"))
        head, body = ask(gateway)
        assert head.startswith(f"HTTP/1.1 {status} "), policy
        if status == 403:
            assert json.loads(body)["detail"] == "address_refused"


def test_cors_answers_preflights_on_a_route_without_options(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok"))
    gateway = start(configuration(made.port, """cors: {origins: ["https://app.example.com", "https://*.trusted.org"],
        methods: [PUT], headers: [x-token], expose: [x-total], credentials: true, max_age: 5m}""",
                                  match="path_prefix: /, methods: [PUT]"))
    preflight = "Origin: {}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-token\r\n"
    for origin, admitted in (("https://app.example.com", True), ("https://a.b.trusted.org", True),
                             ("https://evil.example.com", False), ("https://trusted.org.evil.com", False),
                             ("http://a.trusted.org", False), ("https://eviltrusted.org", False)):
        head, _ = ask(gateway, preflight.format(origin), method="OPTIONS")
        assert head.startswith("HTTP/1.1 204 "), origin
        assert ("access-control-allow-methods: PUT\r\n" in head) == admitted, origin
        assert (f"access-control-allow-origin: {origin}\r\n" in head) == admitted
        assert "vary: Origin\r\n" in head
    assert made.accepted == 0
    # An OPTIONS request that is not a preflight still has no route.
    assert ask(gateway, method="OPTIONS")[0].startswith("HTTP/1.1 405 ")
    head, _ = ask(gateway, "Origin: https://app.example.com\r\nContent-Length: 0\r\n", method="PUT")
    assert head.lower().count("access-control-allow-origin") == 1
    assert "access-control-allow-origin: https://app.example.com\r\n" in head
    assert "access-control-allow-credentials: true\r\n" in head and "access-control-expose-headers: x-total\r\n" in head
    head, _ = ask(gateway, "Origin: https://evil.example.com\r\nContent-Length: 0\r\n", method="PUT")
    assert "access-control-allow-origin" not in head.lower()


def test_a_reload_replaces_the_policies(start, echo):
    port = echo()
    gateway = start(configuration(port, "respond: {body: one}"))
    assert ask(gateway)[1] == b"one"
    gateway.write(configuration(port, "respond: {body: two}"))
    assert any("serving revision" in line for line in gateway.reload())
    assert ask(gateway)[1] == b"two"
