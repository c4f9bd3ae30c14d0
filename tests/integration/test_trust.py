"""A client cannot forge what the gateway states, nor bypass its routes and policies."""

import base64
import json
import re
import threading
import time

import jwt
import pytest

import harness
import sanitizers
import tokens
from harness import read_head, read_response, simple_configuration

pytestmark = sanitizers.one_worker

SECRET = "0123456789abcdef0123456789abcdef"
KEY_HASH = "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"  # of k1
WEBSOCKET = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def ask(gateway, fields="", target="/", host="a", method="GET", body=""):
    """(status, head, body) of one request."""
    with gateway.connect() as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}".encode("latin-1"))
        head, text = read_response(connection)
        return int(head.split()[1]), head, text


def seen(gateway, fields="", **request):
    """The request that a demo backend received: its fields by name, and its target as `target`."""
    status, _, text = ask(gateway, fields, **request)
    assert status == 200, text
    told = json.loads(text)
    return {**{name.lower(): value for name, value in told["headers"].items()}, "target": told["target"]}


def routes(port, *lines, top=""):
    listed = "\n".join(f"  - {line}" for line in lines)
    return f"""version: 1
workers: 1
listeners: [{{name: main, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: app, targets: [{{address: "127.0.0.1:{port}"}}]}}]
consumers: [{{name: guest}}, {{name: client-a, groups: [staff], credentials: {{keys: "{KEY_HASH}"}}}}]
{top}
routes:
{listed}
"""


def one_route(port, policies, **settings):
    return routes(port, f"{{name: all, match: {{path_prefix: /}}, policies: [{policies}], upstream: app}}", **settings)


def problems(tmp_path, configuration):
    path = tmp_path / "checked.yaml"
    path.write_text(configuration.replace("{port}", "9000"))
    return harness.check(path)


# Upgrades.

PROTECTED = ("{name: admin, match: {path_prefix: /admin}, policies: [key_auth: {}], upstream: app}",
             "{name: public, match: {path_prefix: /}, upstream: app}")


@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "Upgrade"])
@pytest.mark.parametrize("protocol", ["h2c", "H2C", "HTTP/2.0", "tls/1.0", "unknown"])
def test_only_websocket_is_switched_to(protocol, connection, start, echo):
    gateway = start(routes(echo(), *PROTECTED))
    got = seen(gateway, f"Connection: {connection}\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
    assert not {"upgrade", "connection", "http2-settings"} & set(got)


def test_an_unasked_switch_is_refused(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")).port))
    assert ask(gateway, "Connection: Upgrade\r\nUpgrade: h2c\r\n")[0] == 502


def test_of_several_protocols_the_allowed_ones_are_asked_for(start, backend):
    made = backend(harness.answer(SWITCH))
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, websocket, IRC/6.9\r\n\r\n")
        assert " 101 " in read_head(client)
    assert re.findall(rb"(?i)upgrade: ([^\r]*)\r\n", made.received) == [b"websocket"]


def test_a_route_may_list_other_protocols(start, backend):
    made = backend(harness.answer(SWITCH.replace(b"websocket", b"IRC/6.9")))
    gateway = start(routes(made.port, "{name: all, match: {path_prefix: /}, upgrades: [irc/6.9], upstream: app}"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket, IRC/6.9\r\n\r\n")
        assert " 101 " in read_head(client)
    assert b"upgrade: IRC/6.9\r\n" in made.received


@pytest.mark.parametrize("listed", ["h2c", "HTTP/2.0", "h2c/1"])
def test_http_can_not_be_listed(listed, tmp_path):
    told = problems(tmp_path, routes(1, f"{{name: all, match: {{path_prefix: /}}, upgrades: [{listed}], upstream: app}}"))
    assert f"`{listed}`: routes cannot allow this protocol" in told


@pytest.mark.parametrize("fields", ["", "Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n"])
def test_a_switch_to_what_was_not_asked_for_is_502(fields, start, backend):
    gateway = start(simple_configuration(backend(harness.answer(
        f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{fields}\r\n".encode())).port))
    assert ask(gateway, WEBSOCKET)[0] == 502


@pytest.mark.parametrize("framing, body", [("Content-Length: 5\r\n", "hello"), ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")])
def test_the_tunnel_begins_behind_the_body(framing, body, start, backend):
    first, after = [], []

    def handle(connection, made):
        made.read_head(connection)
        taken = b""
        while len(taken) < len(body):
            taken += harness.receive(connection, len(body) - len(taken), "the body")
        first.append(taken)
        connection.sendall(SWITCH)
        after.append(connection.recv(100))
        connection.sendall(b"back")
    gateway = start(simple_configuration(backend(handle).port))
    with gateway.connect() as client:
        client.sendall(f"POST /ws HTTP/1.1\r\nHost: a\r\n{WEBSOCKET}{framing}\r\n{body}".encode())
        assert " 101 " in read_head(client)
        client.sendall(b"frames")
        assert harness.read_to_end(client) == b"back"
    assert (first, after) == ([body.encode()], [b"frames"])


def test_an_extended_connect_needs_its_route_s_leave(start, echo, speak):
    gateway = start(routes(echo(), "{name: all, match: {path_prefix: /}, upgrades: [], upstream: app}"))
    client = speak(gateway)
    stream = client.request(method="CONNECT", more=[(":protocol", "websocket")], end=False)
    assert client.wait_for_end(stream).status == 501


# Fields that policies set.

HEADERS = "headers: {request: {set: {x-tenant: acme}}}"
TENANT_BY_CLAIM = f"jwt: {{secret: {SECRET}, forward_claims: {{x-tenant: tenant}}}}"


def token(**claims):
    return jwt.encode({"exp": int(time.time()) + 600, **claims}, SECRET, algorithm="HS256")


@pytest.mark.parametrize("named", ["x-tenant", "X-Tenant, close", "a, b, x-tenant", "close\r\nConnection: x-tenant"])
@pytest.mark.parametrize("policy", [HEADERS, TENANT_BY_CLAIM])
def test_connection_removes_nothing_that_a_policy_has_set(policy, named, start, echo):
    gateway = start(one_route(echo(), policy))
    got = seen(gateway, f"Connection: {named}\r\nAuthorization: Bearer {token(tenant='acme')}\r\nB: 1\r\n")
    assert got["x-tenant"] == "acme" and ("b" in got) == (", b," not in named)


def test_nor_what_forward_auth_has_set(start, echo, server):
    service = server(lambda request: (200, {"X-User": "u1"}, b""))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/", forward: [x-user]}}'))
    assert seen(gateway, "Connection: x-user\r\n")["x-user"] == "u1"


def test_nor_what_is_set_on_a_response(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nConnection: x-frame-options, x-own\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok"))
    gateway = start(one_route(made.port, "headers: {response: {set: {x-frame-options: DENY}}}"))
    head = ask(gateway)[1].lower()
    assert "x-frame-options: deny\r\n" in head and "x-own" not in head


def test_the_framing_is_not_in_the_hands_of_connection(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n"))
    got = seen(gateway, "Connection: host, content-length, x-forwarded-for, te\r\nX-Forwarded-For: 192.0.2.1\r\n"
               "Content-Length: 2\r\nTE: trailers\r\n", method="POST", body="ok")
    assert got["host"] == "a" and got["content-length"] == "2" and got["te"] == "trailers"
    assert got["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"


@pytest.mark.parametrize("name", ["via", "max-forwards"])
def test_what_earlier_hops_have_told_is_not_in_the_hands_of_connection(name, start, backend):
    made = backend()
    ask(start(simple_configuration(made.port)), f"Connection: {name}\r\nVia: 1.1 first\r\nMax-Forwards: 7\r\n")
    assert b"\r\nVia: 1.1 first\r\n" in made.received and b"\r\nMax-Forwards: 7\r\n" in made.received


def test_a_long_connection_list_is_refused(start, echo):
    gateway = start(simple_configuration(echo()))
    assert ask(gateway, f"Connection: {', '.join(['a'] * 64)}\r\n")[0] == 200
    status, _, text = ask(gateway, f"Connection: {', '.join(['a'] * 65)}\r\n")
    assert status == 400 and b"too_many_connection_options" in text


OWNED = {
    "jwt with an anonymous consumer": f"jwt: {{secret: {SECRET}, forward_claims: {{x-user: sub}}, anonymous: guest}}",
    "any_of by another method": f"any_of: {{methods: [key_auth: {{}}, jwt: {{secret: {SECRET}, forward_claims: {{x-user: sub}}}}]}}",
    "introspection with an anonymous consumer": "oauth2_introspection: {url: 'http://127.0.0.1:1/', forward_claims: {x-user: sub}, anonymous: guest}",
    "forward_auth whose service is away": "forward_auth: {url: 'http://127.0.0.1:1/', forward: [x-user], on_error: allow}",
    "headers": "headers: {request: {remove: [x-user]}}",
}


@pytest.mark.parametrize("name", ["X-User", "x_user", "X-USER", "X_User"])
@pytest.mark.parametrize("policy", OWNED)
def test_a_field_that_a_policy_owns_is_taken_from_the_client(policy, name, start, echo):
    gateway = start(one_route(echo(), OWNED[policy]))
    got = seen(gateway, f"{name}: admin\r\nX-API-Key: k1\r\n")
    assert not {"x-user", "x_user"} & set(got)


def test_another_spelling_does_not_stand_beside_what_a_policy_sets(start, echo):
    gateway = start(one_route(echo(), f"jwt: {{secret: {SECRET}, forward_claims: {{x-user: sub}}}}, headers: {{request: {{set: {{x-tenant: acme}}}}}}"))
    got = seen(gateway, f"Authorization: Bearer {token(sub='u1')}\r\nX_User: admin\r\nX_Tenant: evil\r\n")
    assert got["x-user"] == "u1" and got["x-tenant"] == "acme" and not {"x_user", "x_tenant"} & set(got)


@pytest.mark.parametrize("name", ["authorization", "x-token"])
def test_a_credential_may_be_exchanged_for_another(name, start, echo, server):
    service = server(lambda request: (200, {name: "internal"} if request.headers[name] == "good" else {}, b""))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/", send: [{name}], forward: [{name}]}}'))
    assert seen(gateway, f"{name}: good\r\n")[name] == "internal"
    spelled = name.replace("-", "_")
    assert not {name, spelled} & set(seen(gateway, f"{name}: bad\r\n{spelled}: evil\r\n"))


def test_a_token_may_be_replaced_by_a_claim(start, echo):
    gateway = start(one_route(echo(), f"jwt: {{secret: {SECRET}, forward_claims: {{authorization: sub}}, anonymous: guest}}"))
    assert seen(gateway, f"Authorization: Bearer {token(sub='u1')}\r\n")["authorization"] == "u1"
    assert "authorization" not in seen(gateway)


def test_a_field_may_still_be_set_from_itself(start, echo):
    gateway = start(one_route(echo(), 'headers: {request: {set: {x-a: "{request.header.x-a}-b"}}}'))
    assert seen(gateway, "X-A: a\r\n")["x-a"] == "a-b"


# Fields that identify the client.

@pytest.mark.parametrize("field", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"])
def test_policies_do_not_read_what_strangers_say_of_earlier_hops(field, start, echo):
    gateway = start(one_route(echo(), f'headers: {{request: {{set: {{x-told: "[{{request.header.{field.lower()}}}]"}}}}}}'))
    assert seen(gateway, f"{field}: 192.0.2.1\r\n")["x-told"] == "[]"


def test_routes_do_not_either(start, echo):
    gateway = start(routes(echo(), "{name: safe, match: {path_prefix: /, headers: {x-forwarded-proto: https}}, policies: [respond: {status: 418}]}",
                           "{name: all, match: {path_prefix: /}, upstream: app}"))
    assert ask(gateway, "X-Forwarded-Proto: https\r\n")[0] == 200


@pytest.mark.parametrize("name", ["Content_Length", "Transfer_Encoding", "content_length"])
def test_framing_is_not_imitated(name, start, echo):
    assert name.lower() not in seen(start(simple_configuration(echo())), f"{name}: 5\r\n")


FORGED = {"X_Forwarded_For": "7.7.7.7", "X_Forwarded_Host": "evil", "x-forwarded_proto": "https", "X_Request_Id": "evil",
          "X-Mirrored": "true", "X_Consumer_Name": "root", "Client_Cert": ":eA==:"}
BY_CUSTOM = {"X-Real-IP": "192.0.2.66", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Server": "evil",
             "X-Original-URL": "/admin", "X-Rewrite-URL": "/admin", "True-Client-IP": "192.0.2.66", "X_Real_IP": "192.0.2.66"}


def lines(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def test_a_trusted_proxy_is_trusted_whatever_it_writes(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n    forwarded: none\n"))
    got = seen(gateway, "X-Real-IP: 192.0.2.66\r\nX-Mirrored: true\r\nX-Forwarded-For: 192.0.2.66\r\n")
    assert got["x-real-ip"] == "192.0.2.66" and got["x-mirrored"] == "true" and "x-forwarded-for" not in got


@pytest.mark.parametrize("trusted", [False, True])
def test_what_the_gateway_writes_is_not_imitated(trusted, start, echo):
    listener = "    trusted_proxies: [127.0.0.1]\n" if trusted else ""
    got = seen(start(simple_configuration(echo(), extra_listener=listener)), lines(FORGED))
    assert ({name.lower() for name in FORGED} & set(got)) == ({"x-mirrored"} if trusted else set())


def test_strangers_do_not_say_who_they_are_by_custom(start, echo):
    got = seen(start(simple_configuration(echo())), lines(BY_CUSTOM))
    assert not {name.lower() for name in BY_CUSTOM} & set(got)


def test_trusted_proxies_do(start, echo):
    got = seen(start(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n")), lines(BY_CUSTOM))
    assert {name.lower() for name in BY_CUSTOM} <= set(got)


def test_the_list_can_be_configured(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    drop_from_untrusted: [x-own-ip]\n"))
    got = seen(gateway, "X-Real-IP: 192.0.2.66\r\nX_Own_IP: 192.0.2.66\r\n")
    assert got["x-real-ip"] == "192.0.2.66" and "x_own_ip" not in got
    gateway.write(gateway.path.read_text().replace("[x-own-ip]", "[]"))
    gateway.reload()
    assert "x_own_ip" in seen(gateway, "X_Own_IP: 192.0.2.66\r\n")


def trailers_seen(start, backend, listener, sent):
    """The trailers of `sent` that a target receives."""
    got = []

    def handle(connection, made):
        read_head(connection)
        got.append(harness.take_until(connection, b"0\r\n", "a body"))
        got.append(harness.take_until(connection, b"\r\n\r\n", "trailers") if sent else b"")
        connection.sendall(harness.ANSWER)
    gateway = start(simple_configuration(backend(handle).port, extra_listener=listener))
    with gateway.connect() as client:
        client.sendall(("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + sent +
                        "Content-Digest: sha-256=:eA==:\r\n\r\n").encode())
        read_response(client)
    return got[1].decode()


@pytest.mark.parametrize("sent", ["X-Real-IP: 192.0.2.66\r\n", "X_Forwarded_For: 192.0.2.66\r\n", "x-user: admin\r\n", "Authorization: a\r\n"])
def test_trailers_pass_that_a_list_allows(sent, start, backend):
    assert trailers_seen(start, backend, "", sent).lower() == "content-digest: sha-256=:ea==:\r\n\r\n"


def test_further_trailers_may_be_listed(start, backend):
    told = trailers_seen(start, backend, "    trailers: {request: [x-sum]}\n", "X-Sum: 5\r\nX-Other: 1\r\n")
    assert told == "X-Sum: 5\r\n\r\n"


@pytest.mark.parametrize("name", ["content-length", "x-forwarded-for", "host", "authorization", "x-consumer-name", "cookie", "x_request_id"])
def test_what_must_not_be_a_trailer_can_not_be_listed(name, tmp_path):
    told = problems(tmp_path, simple_configuration(1, extra_listener=f"    trailers: {{request: [{name}]}}\n"))
    assert f"`{name}` must not be a trailer" in told


@pytest.mark.parametrize("policies", [
    "acl: {rules: [{deny: request.header.x-tenant = b}], default: allow}",
    "rate_limit: {limit: 100/s, key: '{request.header.x-tenant}'}",
    "concurrency_limit: {limit: 100, key: '{request.header.x-tenant}'}",
    "cache: {when: request.header.x-tenant = b}",
    "cache: {key: '{request.header.x-tenant}'}",
    "fault: {abort: {status: 503}, when: request.header.x-tenant = b}",
    "mirror: {upstream: app, when: request.header.x-tenant = b}",
    f"any_of: {{anonymous: guest, methods: [jwt: {{secret: {SECRET}, audience: '*', require: request.header.x-tenant = b}}]}}"])
def test_a_field_that_decides_cannot_be_said_in_another_spelling(policies, start, echo):
    gateway = start(one_route(echo(), policies))
    got = seen(gateway, "X_Tenant: b\r\nx_tenant: b\r\nX_Other: c\r\n")
    assert not {"x_tenant", "x-tenant"} & set(got) and got["x_other"] == "c"
    assert seen(gateway, "X-TENANT: a\r\n")["x-tenant"] == "a"


def test_a_field_by_which_routes_or_branches_are_chosen_cannot_be_said_in_another_spelling(start, echo):
    gateway = start(routes(echo(), "{name: inner, match: {path_prefix: /, headers: {x-tenant: b}}, policies: [key_auth: {}], upstream: app}",
                           "{name: rest, match: {path_prefix: /}, split: [{upstream: app, name: beta, when: request.header.x-beta exists}, {upstream: app}]}"))
    assert ask(gateway, "X-Tenant: b\r\n")[0] == 401
    assert not {"x_tenant", "x_beta"} & set(seen(gateway, "X_Tenant: b\r\nX_Beta: 1\r\n"))


def test_what_an_authentication_service_decides_by_cannot_be_said_in_another_spelling(start, echo, server):
    service = server(lambda _: (200, {}, b""))
    gateway = start(one_route(echo(), f"forward_auth: {{url: 'http://127.0.0.1:{service.port}/', send: [x-tenant]}}"))
    assert "x_tenant" not in seen(gateway, "X_Tenant: b\r\n")


# The messages of `check` about names that a policy may not write.

FRAMING = ["content-length", "transfer-encoding", "connection", "host", "te", "trailer", "upgrade", "keep-alive", "expect"]
WRITTEN = ["x-consumer-name", "x-consumer-groups", "x-forwarded-for", "x_forwarded_for", "x-forwarded-host", "x-forwarded-proto",
           "forwarded", "via", "x-request-id", "client-cert"]
PLACES = {
    "forward_claims": f"jwt: {{secret: {SECRET}, forward_claims: {{NAME: sub}}}}",
    "introspection": "oauth2_introspection: {url: 'http://127.0.0.1:1/', forward_claims: {NAME: sub}}",
    "forward": "forward_auth: {url: 'http://127.0.0.1:1/', forward: [NAME]}",
    "set": "headers: {request: {set: {NAME: x}}}",
    "add": "headers: {request: {add: {NAME: x}}}",
    "remove": "headers: {request: {remove: [NAME]}}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", FRAMING + WRITTEN)
def test_check_refuses_request_fields_that_are_the_gateways(place, name, tmp_path):
    assert f"`{name}` " in problems(tmp_path, one_route(1, PLACES[place].replace("NAME", name)))


@pytest.mark.parametrize("place", ["forward_auth: {url: 'http://127.0.0.1:1/', send: [NAME]}",
                                   "forward_auth: {url: 'http://127.0.0.1:1/', answer: [NAME]}",
                                   "headers: {response: {set: {NAME: x}}}"])
@pytest.mark.parametrize("name", FRAMING + ["x-request-id"])
def test_check_refuses_framing_elsewhere(place, name, tmp_path):
    assert f"`{name}` " in problems(tmp_path, one_route(1, place.replace("NAME", name)))


# One spelling for each path and host.

@pytest.mark.parametrize("target", ["//admin/x", "///admin/x", "/public/..;/admin/x", "/admin;x=1/y", "/;/admin/x", "/.;/admin",
                                    "/public/..%3B/admin/x", "/admin%3Bx", "/public/%E0%80%AF../admin", "/a//../admin/x", "/admin//x", "/./admin/x", "/%61dmin/x", "/x/../admin/x"])
def test_a_protected_prefix_has_no_other_form(target, start, echo):
    gateway = start(routes(echo(), *PROTECTED))
    assert ask(gateway, target=target)[0] in (400, 401)


@pytest.mark.parametrize("target, canonical", [("//a///b", "/a/b"), ("/a//", "/a/"), ("//", "/"), ("/a//b?c=//", "/a/b?c=//"),
                                               ("/a/.//b", "/a/b"), ("/a//../b", "/b")])
def test_the_backend_gets_merged_slashes(target, canonical, start, echo):
    assert seen(start(simple_configuration(echo())), target=target)["target"] == canonical


def test_slashes_and_parameters_pass_where_the_listener_says_so(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    merge_slashes: false\n    ambiguous_paths: pass_parameters\n"))
    assert seen(gateway, target="//a;v=1//b")["target"] == "//a;v=1//b"
    assert ask(gateway, target="/a%2Fb")[0] == 400
    assert ask(gateway, target="/a/..;/b")[0] == 400


@pytest.mark.parametrize("hidden", ["..;", ".;x", "..%3B", "..%2Fadmin", "x%2F..", "x%5C..%5Cy", "..%00", ".%2F", "%C0%AE%C0%AE", "%F0%80%80%AF"])
def test_a_dot_segment_that_only_some_servers_see_is_always_refused(hidden, start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    ambiguous_paths: pass\n"))
    assert ask(gateway, target=f"/public/{hidden}/x")[0] == 400
    assert ask(gateway, target="/public/a%2Fb..c%3B%00/x")[0] == 200


def test_assertions_know_what_a_listener_lets_pass(tmp_path):
    asserted = routes(1, *PROTECTED, top="assertions: [{every_route: {path_prefix: /admin}, requires: [key_auth]}]")
    assert "good" in problems(tmp_path, asserted) or problems(tmp_path, asserted) == ""
    for passing in ("merge_slashes: false", "ambiguous_paths: pass", "ambiguous_paths: pass_parameters"):
        told = problems(tmp_path, asserted.replace('address: "127.0.0.1:{port}"', 'address: "127.0.0.1:{port}", ' + passing))
        assert "route `public`" in told and "lacks `key_auth`" in told


@pytest.mark.parametrize("target", ["/fwd/a/../admin/x", "/fwd/%61dmin/x", "/fwd//admin/x", "/fwd/./admin/x"])
def test_forward_auth_judges_the_path_that_the_backend_gets(target, start, echo, server):
    service = server(lambda request: (403 if request.headers["x-forwarded-uri"].startswith("/fwd/admin") else 200, {}, b""))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/"}}'))
    assert ask(gateway, target=target + "?q=/../")[0] == 403
    headers = service.requests[-1].headers
    assert headers["x-forwarded-uri"] == "/fwd/admin/x?q=/../" and headers["x-forwarded-raw-uri"] == target + "?q=/../"


@pytest.mark.parametrize("host, status", [("api.test", 401), ("api.test.", 401), ("API.test.:80", 401), ("api.test:80", 401),
                                          ("api%2etest", 400), ("api..test", 400), (".api.test", 400), ("api.test..", 400)])
def test_a_host_has_one_form(host, status, start, echo):
    gateway = start(routes(echo(), "{name: api, match: {hosts: [api.test]}, policies: [key_auth: {}], upstream: app}",
                           "{name: all, match: {path_prefix: /}, upstream: app}"))
    assert ask(gateway, host=host)[0] == status


def test_the_backend_gets_the_host_that_was_matched(start, echo):
    got = seen(start(simple_configuration(echo())), host="api.test.:81")
    assert got["host"] == got["x-forwarded-host"] == "api.test:81"


def test_the_cache_keeps_ports_apart(start, backend):
    def handle(connection, made):
        while True:
            host = re.search(r"(?i)\r\nhost: ([^\r]*)", made.read_head(connection))[1]
            connection.sendall(f"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {len(host)}\r\n\r\n{host}".encode())
    gateway = start(one_route(backend(handle).port, "cache: {}"))
    answers = {host: ask(gateway, host=host)[2] for host in ("shop.example:1337", "shop.example", "shop.example:1338")}
    assert answers == {host: host.encode() for host in answers}
    for same in ("shop.example:80", "SHOP.example", "shop.example."):
        assert ask(gateway, host=same)[2] == b"shop.example"


@pytest.mark.parametrize("target, host, status", [
    ("HTTP://a/x", "a", 200), ("http://a:80/x", "a", 200), ("http://a/x", "a:80", 200), ("https://a:443/x", "a", 200),
    ("http://A./x", "a", 200), ("http://a:81/x", "a", 400), ("http://a:443/x", "a", 400), ("ftp://a/x", "a", 400)])
def test_the_absolute_form_names_the_same_resource(target, host, status, start, echo):
    assert ask(start(simple_configuration(echo())), target=target, host=host)[0] == status


@pytest.mark.parametrize("vary", ["X-Consumer-Name", "X-Forwarded-For", "Accept, x-forwarded-host"])
def test_what_varies_by_a_field_that_the_gateway_writes_is_not_kept(vary, start, backend):
    def handle(connection, made):
        while True:
            name = re.search(r"(?i)\r\nx-consumer-name: ([^\r]*)", made.read_head(connection))[1]
            connection.sendall(f"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nVary: {vary}\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())
    gateway = start(one_route(backend(handle).port, "key_auth: {anonymous: guest}, cache: {}"))
    assert [ask(gateway, fields)[2] for fields in ("X-API-Key: k1\r\n", "", "X-API-Key: k1\r\n")] == [b"client-a", b"guest", b"client-a"]


def test_without_a_host_there_is_no_https_to_redirect_to(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    redirect_to_https: {port: 443}\n"))
    assert b" 400 " in gateway.raw(b"GET / HTTP/1.0\r\n\r\n")
    assert b" 400 " in gateway.raw(b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("host", ["api.test:80", "a..b", "api%2etest", "[::1]:80", "api.test."])
def test_check_refuses_hosts_that_no_request_has(host, tmp_path):
    told = problems(tmp_path, routes(1, f"{{name: all, match: {{hosts: ['{host}']}}, upstream: app}}"))
    assert f"`{host}`" in told


@pytest.mark.parametrize("host", ["[::1]", "[0:0::1]", "[0:0:0:0:0:0:0:1]:80", "[::0001]"])
def test_an_address_is_one_host_however_it_is_written(host, start, echo):
    for written in ("[::1]", "[0:0::1]"):
        gateway = start(routes(echo(), f"{{name: own, match: {{hosts: ['{written}']}}, policies: [key_auth: {{}}], upstream: app}}", "{name: all, match: {path_prefix: /}, upstream: app}"))
        assert ask(gateway, host=host)[0] == 401
        assert ask(gateway, host="[::2]")[0] == 200


def test_what_is_no_address_is_no_host(start, echo):
    gateway = start(simple_configuration(echo()))
    for host in ("[1:2]", "[:::]", "[1.2.3.4]"):
        assert ask(gateway, host=host)[0] == 400


# TRACE, Max-Forwards, loops.

@pytest.mark.parametrize("method", ["TRACE", "TRACK"])
def test_trace_is_refused(method, start, echo):
    gateway = start(one_route(echo(), "headers: {request: {set: {x-internal-auth: s3cret}}}"))
    status, head, text = ask(gateway, method=method)
    assert status == 405 and "allow: GET" in head and b"s3cret" not in text


def test_a_route_may_list_trace(start, echo):
    gateway = start(routes(echo(), "{name: all, match: {path_prefix: /, methods: [GET, TRACE]}, upstream: app}"))
    assert seen(gateway, "Max-Forwards: 3\r\n", method="TRACE")["max-forwards"] == "2"
    assert ask(gateway, "Max-Forwards: 0\r\n", method="TRACE")[0] == 405


def test_options_counts_its_hops(start, echo):
    gateway = start(simple_configuration(echo()))
    assert seen(gateway, "Max-Forwards: 1\r\n", method="OPTIONS")["max-forwards"] == "0"
    status, head, _ = ask(gateway, "Max-Forwards: 0\r\n", method="OPTIONS")
    assert status == 204 and "allow: GET, " in head
    assert seen(gateway, "Max-Forwards: 0\r\n", method="GET")["max-forwards"] == "0"


def test_options_of_the_gateway_itself(start, echo, speak):
    gateway = start(simple_configuration(echo()))
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


def test_two_listeners_of_one_gateway_may_follow_each_other(start, echo):
    inner = harness.free_port()
    gateway = start(routes(echo(), f"{{name: outer, match: {{hosts: [outer]}}, rewrite: {{host: inner}}, upstream: inner}}",
                           "{name: inner, match: {hosts: [inner]}, upstream: app}")
                    .replace("listeners: [", f'listeners: [{{name: inner, address: "127.0.0.1:{inner}"}}, ')
                    .replace("upstreams: [", f'upstreams: [{{name: inner, targets: [{{address: "127.0.0.1:{inner}"}}]}}, '))
    assert ask(gateway, host="outer")[0] == 200


def test_a_long_list_of_upgrades_costs_nothing(start, backend):
    gate = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(gate)).port, workers=1))

    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{gateway.process.pid}/status").read())[1])
    before, connections = resident(), []
    for _ in range(6):
        connections.append(gateway.connect())
        connections[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: " + b",".join([b"websocket"] * 3100) + b"\r\n\r\n")
    gate.set()
    for connection in connections:
        assert " 200 " in read_response(connection)[0]
        connection.close()
    assert resident() < before + 20_000


# Addresses.

MAPPED = ["::ffff:192.0.2.9", "192.0.2.9", "::FFFF:192.0.2.9", "::ffff:c000:209"]


@pytest.mark.parametrize("form, field", [("x_forwarded", "X-Forwarded-For: {}"), ("forwarded", 'Forwarded: for="[{}]:99"')])
@pytest.mark.parametrize("address", MAPPED)
def test_an_address_has_one_form(address, form, field, start, echo, tmp_path):
    log = tmp_path / "access.log"
    text = one_route(echo(), "acl: {rules: [{allow: client.address = 192.0.2.9}]}", top=f"access_log: {{path: '{log}'}}")
    gateway = start(text.replace('{port}"', '{port}", trusted_proxies: [127.0.0.1], forwarded: ' + form))
    if ":" not in address and form == "forwarded":
        field = "Forwarded: for={}"
    assert ask(gateway, field.format(address) + "\r\n")[0] == 200
    harness.wait_for(lambda: harness.log_lines(log), what="the line")
    assert harness.log_lines(log)[0]["client"] == "192.0.2.9"


def test_mapped_addresses_do_not_share_a_limit(start, echo):
    text = one_route(echo(), "rate_limit: {limit: 3/min, key: client.address}")
    gateway = start(text.replace('{port}"', '{port}", trusted_proxies: [127.0.0.1]'))
    got = [ask(gateway, f"X-Forwarded-For: ::ffff:198.51.100.{n}\r\n")[0] for n in range(6)]
    assert got == [200] * 6


# Lists with defaults, keys, and the admission of clients.

def test_the_fields_that_forward_auth_is_told_to_send_and_answer_replace_the_default(start, echo, server):
    service = server(lambda request: (403, {"X-Why": "no", "Set-Cookie": "a=b", "Location": "/x"}, b"refused"))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/", send: [x-key], answer: [x-why]}}'))
    status, head, text = ask(gateway, "X-Key: k\r\nCookie: secret=1\r\nAuthorization: Bearer s3cret\r\n")
    assert (status, text) == (403, b"refused") and "x-why: no" in head.lower()
    assert not {"set-cookie", "location"} & {line.split(":")[0].lower() for line in head.splitlines()}
    told = service.requests[0].headers
    assert told["x-key"] == "k" and told["cookie"] is None and told["authorization"] is None


@pytest.mark.parametrize("on", ["timeout", "[timeout]", "[]"])
def test_a_reset_is_retried_only_where_the_list_says_so(on, start, backend):
    made = backend(lambda connection, b: (b.read_head(connection), harness.reset(connection)))
    gateway = start(simple_configuration(made.port, extra_upstream=f"    outlier_ejection: {{failures_in_row: 0}}\n    retries: {{attempts: 3, on: {on}}}\n"))
    assert ask(gateway)[0] == 502 and made.accepted == 1


def test_an_empty_list_of_addresses_admits_no_client(start, echo):
    assert ask(start(one_route(echo(), "ip_filter: {allow: []}")))[0] == 403


@pytest.mark.parametrize("exponent", [1, 2, 4])
@pytest.mark.parametrize("form", ["jwks", "pem"])
def test_a_key_with_an_unsound_exponent_is_refused_by_name(form, exponent, tmp_path):
    modulus = (1 << 2047) + 1
    if form == "jwks":
        members = {"kty": "RSA", "kid": "one", "alg": "RS256", "n": tokens.encode(modulus), "e": tokens.encode(exponent)}
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [members]}))
        told = problems(tmp_path, one_route(1, 'jwt: {audience: "*", jwks: {file: keys.json}}'))
        assert "one" in told
    else:
        key = "\n".join(["-----BEGIN PUBLIC KEY-----", public_key(modulus, exponent), "-----END PUBLIC KEY-----", ""])
        (tmp_path / "key.pem").write_text(key)
        told = problems(tmp_path, one_route(1, 'jwt: {audience: "*", public_key: "${file:key.pem}"}'))
    assert "the RSA exponent is even, or less than 3" in told


def public_key(modulus, exponent):
    """A SubjectPublicKeyInfo, in base64, with numbers that no library would generate."""
    def der(tag, content):
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    def integer(number):
        return der(2, b"\0" + number.to_bytes((number.bit_length() + 7) // 8, "big"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return base64.b64encode(der(0x30, algorithm + der(3, b"\0" + der(0x30, integer(modulus) + integer(exponent))))).decode()
