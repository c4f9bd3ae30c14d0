"""A client cannot forge or remove the header fields and trailers that the gateway and its policies write."""

import re
import time

import jwt
import pytest

import harness
import sanitizers
from harness import read_head, read_response, simple_configuration
from trust import SECRET, ask, one_route, problems, routes, seen

pytestmark = sanitizers.one_worker


# Fields that policies set.

HEADERS = "headers: {request: {set: {x-tenant: acme}}}"
TENANT_BY_CLAIM = f"jwt: {{secret: {SECRET}, forward_claims: {{x-tenant: tenant}}}}"


def token(**claims):
    return jwt.encode({"exp": int(time.time()) + 600, **claims}, SECRET, algorithm="HS256")


@pytest.mark.parametrize("named", ["x-tenant", "X-Tenant, close", "a, b, x-tenant", "close\r\nConnection: x-tenant"])
@pytest.mark.parametrize("policy", [HEADERS, TENANT_BY_CLAIM])
def test_connection_removes_nothing_that_a_policy_has_set(policy, named, shared, echo):
    gateway = shared(one_route(echo(), policy))
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


def test_the_framing_is_not_in_the_hands_of_connection(shared, echo):
    gateway = shared(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n"))
    got = seen(gateway, "Connection: host, content-length, x-forwarded-for, te\r\nX-Forwarded-For: 192.0.2.1\r\n"
               "Content-Length: 2\r\nTE: trailers\r\n", method="POST", body="ok")
    assert got["host"] == "a" and got["content-length"] == "2" and got["te"] == "trailers"
    assert got["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"


@pytest.mark.parametrize("name", ["via", "max-forwards"])
def test_what_earlier_hops_have_told_is_not_in_the_hands_of_connection(name, start, backend):
    made = backend()
    ask(start(simple_configuration(made.port)), f"Connection: {name}\r\nVia: 1.1 first\r\nMax-Forwards: 7\r\n")
    assert b"\r\nVia: 1.1 first\r\n" in made.received and b"\r\nMax-Forwards: 7\r\n" in made.received


def test_a_long_connection_list_is_refused(shared, echo):
    gateway = shared(simple_configuration(echo()))
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
def test_a_field_that_a_policy_owns_is_taken_from_the_client(policy, name, shared, echo):
    gateway = shared(one_route(echo(), OWNED[policy]))
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


def test_a_token_may_be_replaced_by_a_claim(shared, echo):
    gateway = shared(one_route(echo(), f"jwt: {{secret: {SECRET}, forward_claims: {{authorization: sub}}, anonymous: guest}}"))
    assert seen(gateway, f"Authorization: Bearer {token(sub='u1')}\r\n")["authorization"] == "u1"
    assert "authorization" not in seen(gateway)


def test_a_field_may_still_be_set_from_itself(shared, echo):
    gateway = shared(one_route(echo(), 'headers: {request: {set: {x-a: "{request.header.x-a}-b"}}}'))
    assert seen(gateway, "X-A: a\r\n")["x-a"] == "a-b"


def test_the_fields_that_forward_auth_is_told_to_send_and_answer_replace_the_default(start, echo, server):
    service = server(lambda request: (403, {"X-Why": "no", "Set-Cookie": "a=b", "Location": "/x"}, b"refused"))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/", send: [x-key], answer: [x-why]}}'))
    status, head, text = ask(gateway, "X-Key: k\r\nCookie: secret=1\r\nAuthorization: Bearer s3cret\r\n")
    assert (status, text) == (403, b"refused") and "x-why: no" in head.lower()
    assert not {"set-cookie", "location"} & {line.split(":")[0].lower() for line in head.splitlines()}
    told = service.requests[0].headers
    assert told["x-key"] == "k" and told["cookie"] is None and told["authorization"] is None


# Fields that identify the client.

@pytest.mark.parametrize("field", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"])
def test_policies_do_not_read_what_strangers_say_of_earlier_hops(field, shared, echo):
    gateway = shared(one_route(echo(), f'headers: {{request: {{set: {{x-told: "[{{request.header.{field.lower()}}}]"}}}}}}'))
    assert seen(gateway, f"{field}: 192.0.2.1\r\n")["x-told"] == "[]"


def test_routes_do_not_either(shared, echo):
    gateway = shared(routes(echo(), "{name: safe, match: {path_prefix: /, headers: {x-forwarded-proto: https}}, policies: [respond: {status: 418}]}",
                           "{name: all, match: {path_prefix: /}, upstream: app}"))
    assert ask(gateway, "X-Forwarded-Proto: https\r\n")[0] == 200


@pytest.mark.parametrize("name", ["Content_Length", "Transfer_Encoding", "content_length"])
def test_framing_is_not_imitated(name, shared, echo):
    assert name.lower() not in seen(shared(simple_configuration(echo())), f"{name}: 5\r\n")


FORGED = {"X_Forwarded_For": "7.7.7.7", "X_Forwarded_Host": "evil", "x-forwarded_proto": "https", "X_Request_Id": "evil",
          "X-Mirrored": "true", "X_Consumer_Name": "root", "Client_Cert": ":eA==:"}
BY_CUSTOM = {"X-Real-IP": "192.0.2.66", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Server": "evil",
             "X-Original-URL": "/admin", "X-Rewrite-URL": "/admin", "True-Client-IP": "192.0.2.66", "X_Real_IP": "192.0.2.66"}


def lines(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def test_a_trusted_proxy_is_trusted_whatever_it_writes(shared, echo):
    gateway = shared(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n    forwarded: none\n"))
    got = seen(gateway, "X-Real-IP: 192.0.2.66\r\nX-Mirrored: true\r\nX-Forwarded-For: 192.0.2.66\r\n")
    assert got["x-real-ip"] == "192.0.2.66" and got["x-mirrored"] == "true" and "x-forwarded-for" not in got


@pytest.mark.parametrize("trusted", [False, True])
def test_what_the_gateway_writes_is_not_imitated(trusted, shared, echo):
    listener = "    trusted_proxies: [127.0.0.1]\n" if trusted else ""
    got = seen(shared(simple_configuration(echo(), extra_listener=listener)), lines(FORGED))
    assert ({name.lower() for name in FORGED} & set(got)) == ({"x-mirrored"} if trusted else set())


def test_strangers_do_not_say_who_they_are_by_custom(shared, echo):
    got = seen(shared(simple_configuration(echo())), lines(BY_CUSTOM))
    assert not {name.lower() for name in BY_CUSTOM} & set(got)


def test_trusted_proxies_do(shared, echo):
    got = seen(shared(simple_configuration(echo(), extra_listener="    trusted_proxies: [127.0.0.1]\n")), lines(BY_CUSTOM))
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
def test_a_field_that_decides_cannot_be_said_in_another_spelling(policies, shared, echo):
    gateway = shared(one_route(echo(), policies))
    got = seen(gateway, "X_Tenant: b\r\nx_tenant: b\r\nX_Other: c\r\n")
    assert not {"x_tenant", "x-tenant"} & set(got) and got["x_other"] == "c"
    assert seen(gateway, "X-TENANT: a\r\n")["x-tenant"] == "a"


def test_a_field_by_which_routes_or_branches_are_chosen_cannot_be_said_in_another_spelling(shared, echo):
    gateway = shared(routes(echo(), "{name: inner, match: {path_prefix: /, headers: {x-tenant: b}}, policies: [key_auth: {}], upstream: app}",
                           "{name: rest, match: {path_prefix: /}, split: [{upstream: app, name: beta, when: request.header.x-beta exists}, {upstream: app}]}"))
    assert ask(gateway, "X-Tenant: b\r\n")[0] == 401
    assert not {"x_tenant", "x_beta"} & set(seen(gateway, "X_Tenant: b\r\nX_Beta: 1\r\n"))


def test_what_an_authentication_service_decides_by_cannot_be_said_in_another_spelling(start, echo, server):
    service = server(lambda _: (200, {}, b""))
    gateway = start(one_route(echo(), f"forward_auth: {{url: 'http://127.0.0.1:{service.port}/', send: [x-tenant]}}"))
    assert "x_tenant" not in seen(gateway, "X_Tenant: b\r\n")


@pytest.mark.parametrize("vary", ["X-Consumer-Name", "X-Forwarded-For", "Accept, x-forwarded-host"])
def test_what_varies_by_a_field_that_the_gateway_writes_is_not_kept(vary, start, backend):
    def handle(connection, made):
        while True:
            name = re.search(r"(?i)\r\nx-consumer-name: ([^\r]*)", made.read_head(connection))[1]
            connection.sendall(f"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nVary: {vary}\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())
    gateway = start(one_route(backend(handle).port, "key_auth: {anonymous: guest}, cache: {}"))
    assert [ask(gateway, fields)[2] for fields in ("X-API-Key: k1\r\n", "", "X-API-Key: k1\r\n")] == [b"client-a", b"guest", b"client-a"]


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
