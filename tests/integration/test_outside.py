"""forward_auth and oauth2_introspection, through the built binary, against real servers."""

import base64
import gzip
import json
import threading
import time
import urllib.parse

import pytest

import harness
from harness import log_lines, wait_for
from identity import ask, configuration, send
from tokens import certificate

CONSUMERS = "{name: alice, groups: [staff], credentials: {jwt_subject: u1}}"


def judge(request):
    """Admits `Bearer good`, redirects requests without a token, refuses the others."""
    token = request.headers.get("authorization")
    if token == "Bearer good":
        return 200, {"X-User": "alice", "X-Role": "admin", "X-Other": "no"}, b""
    if token is None:
        return 302, {"Location": "https://login.example.com/", "Set-Cookie": "state=1", "X-Internal": "secret"}, b"to the login"
    return 403, {"Content-Type": "text/plain"}, b"not you"


def test_forward_auth_admits_and_hands_on_what_it_is_told(start, echo, server):
    auth = server(judge)
    gateway = start(configuration(echo(), f"forward_auth: {{url: '{auth.url('/check')}', forward: [x-user, x-role], consumer_field: x-user}}", CONSUMERS))
    answer = ask(gateway, "Authorization: Bearer good\r\nCookie: a=b\r\nX-User: forged\r\nX-Private: 1\r\n", "/orders?id=1", "PUT")
    assert answer.status == 200
    assert answer.seen["x-user"] == "alice" and answer.seen["x-role"] == "admin" and "x-other" not in answer.seen
    assert answer.seen["x-consumer-name"] == "alice" and answer.seen["x-consumer-groups"] == "staff"
    asked = auth.requests[0]
    assert (asked.command, asked.path) == ("GET", "/check")
    assert asked.headers["x-forwarded-method"] == "PUT" and asked.headers["x-forwarded-uri"] == "/orders?id=1"
    assert asked.headers["x-forwarded-for"] == "127.0.0.1" and asked.headers["cookie"] == "a=b" and "x-private" not in asked.headers


def test_forward_auth_passes_a_refusal_on(start, backend, server, tmp_path):
    log, made, auth = tmp_path / "log", backend(), server(judge)
    gateway = start(configuration(made.port, f"forward_auth: {{url: '{auth.url()}'}}", more=f"access_log: {{path: {log}}}"))
    answer = ask(gateway)
    assert answer.status == 302 and answer.fields["location"] == "https://login.example.com/" and answer.fields["set-cookie"] == "state=1"
    assert answer.body == b"to the login" and "x-internal" not in answer.fields
    answer = ask(gateway, "Authorization: Bearer bad\r\n")
    assert answer.status == 403 and answer.body == b"not you" and answer.fields["content-type"] == "text/plain"
    assert made.accepted == 0
    wait_for(lambda: len(log_lines(log)) == 2, what="the log")
    assert [line["ended"] for line in log_lines(log)] == ["auth_refused"] * 2


def test_forward_auth_remembers_admissions_by_the_declared_key_only(start, echo, server):
    auth = server(judge)
    gateway = start(configuration(echo(), f"""forward_auth: {{url: '{auth.url()}', forward: [x-user],
        cache: {{key: "{{request.header.authorization}}"}}}}"""))
    for _ in range(5):
        assert ask(gateway, "Authorization: Bearer good\r\n").seen["x-user"] == "alice"
    assert len(auth.requests) == 1
    for _ in range(3):
        assert ask(gateway, "Authorization: Bearer bad\r\n").status == 403
        assert ask(gateway).status == 302
    assert len(auth.requests) == 7


def test_a_compressed_refusal_keeps_its_coding(start, echo, server):
    body = gzip.compress(b"who are you?")
    auth = server(lambda request: (401, {"Content-Encoding": "gzip", "Content-Type": "text/plain"}, body))
    for answer in ("", ", answer: [location]"):
        got = ask(start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}'{answer}}}")))
        assert got.status == 401 and got.fields["content-encoding"] == "gzip" and gzip.decompress(got.body) == b"who are you?"


def test_a_refusal_may_be_large_up_to_a_limit(start, echo, server):
    body = b"x" * 700_000
    auth = server(lambda request: (401, {}, body))
    got = ask(start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}'}}")))
    assert got.status == 401 and got.body == body
    assert ask(start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}', answer_size: 64KiB}}"))).status == 503


def test_the_body_of_an_admission_may_be_of_any_size(start, echo, server):
    auth = server(lambda request: (200, {"X-User": "ann"}, b"x" * 3_000_000))
    got = ask(start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}', forward: [x-user]}}")))
    assert got.status == 200 and got.seen["x-user"] == "ann"


@pytest.mark.parametrize("form", ["{0}", "any_of: {{methods: [key_auth: {{}}, {0}]}}"])
def test_an_admission_can_set_listed_cookies_of_the_client(form, start, echo, server):
    auth = server(lambda request: (200, {"Set-Cookie": "session=new; HttpOnly"}, b""))
    other = server(lambda request: (200, {"Set-Cookie": "sessions=new"}, b""))
    port = echo()
    got = ask(start(configuration(port, form.format(f"forward_auth: {{url: '{auth.url()}', cookies: [id, session]}}"))))
    assert got.status == 200 and got.fields["set-cookie"] == "session=new; HttpOnly" and "set-cookie" not in got.seen
    for url, cookies in ((auth.url(), "[]"), (auth.url(), "[id]"), (other.url(), "[session]")):
        got = ask(start(configuration(port, form.format(f"forward_auth: {{url: '{url}', cookies: {cookies}}}"))))
        assert got.status == 200 and "set-cookie" not in got.fields


def test_a_remembered_admission_sets_no_cookies(start, echo, server):
    auth = server(lambda request: (200, {"Set-Cookie": "session=new"}, b""))
    gateway = start(configuration(echo(), f"""forward_auth: {{url: '{auth.url()}', cookies: [session],
        cache: {{key: "{{request.header.authorization}}"}}}}"""))
    told = ["set-cookie" in ask(gateway, "Authorization: Bearer good\r\n").fields for _ in range(3)]
    assert told == [True, False, False]


@pytest.mark.parametrize("policy", ["forward_auth", "oauth2_introspection"])
@pytest.mark.parametrize("fault", ["absent", "error", "hangs", "garbage"])
def test_a_service_that_fails_is_treated_as_declared(start, echo, server, policy, fault):
    answers = {"error": (500, {}, b""), "hangs": None, "garbage": (200, {}, b"<html>")}
    auth = server(lambda request: answers.get(fault))
    url = f"http://127.0.0.1:{harness.free_port()}/" if fault == "absent" else auth.url()
    port = echo()
    for on_error, status in (("deny", 503), ("allow", 200)):
        if fault == "garbage" and policy == "forward_auth":
            continue  # only its status matters
        gateway = start(configuration(port, f"{policy}: {{url: '{url}', timeout: 200ms, on_error: {on_error}}}"))
        answers_ = []
        threads = [threading.Thread(target=lambda: answers_.append(ask(gateway, "Authorization: Bearer x\r\n").status)) for _ in range(10)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers_ == [status] * 10 and time.monotonic() - began < 5


def introspect(answers):
    def respond(request):
        if request.headers.get("authorization") != "Basic " + base64.b64encode(b"gate%26way:s%3Acret").decode():
            return 401, {}, b"{}"
        token = urllib.parse.parse_qs(request.text.decode())["token"][0]
        return 200, {"content-type": "application/json"}, json.dumps(answers.get(token, {"active": False})).encode()
    return respond


def test_introspection_tells_who_calls(start, echo, server, tmp_path):
    answers = {"to+ken/1=": {"active": True, "sub": "u1", "scope": "a b", "exp": int(time.time()) + 100}, "other": {"active": True, "scope": "b"},
               "old": {"active": True, "exp": int(time.time()) - 1}, "odd": {"active": "true"}}
    auth, log = server(introspect(answers), certificate(tmp_path)), tmp_path / "log"
    gateway = start(configuration(echo(), f"""oauth2_introspection: {{url: '{auth.url('/introspect')}', ca: cert.pem, client_id: "gate&way", client_secret: "s:cret",
        require: {{scope: a}}, forward_claims: {{x-user: sub}}}}""", CONSUMERS, more=f"access_log: {{path: {log}}}"))
    for _ in range(3):
        answer = ask(gateway, "Authorization: Bearer to+ken/1=\r\n")
        assert answer.status == 200 and answer.seen["x-consumer-name"] == "alice" and answer.seen["x-user"] == "u1"
    assert len(auth.requests) == 1
    statuses = [ask(gateway, f"Authorization: Bearer {token}\r\n").status for token in ("other", "old", "odd", "unknown", "x" * 17000)]
    assert statuses == [403, 401, 503, 401, 401]
    assert ask(gateway).fields["www-authenticate"] == "Bearer"
    wait_for(lambda: len(log_lines(log)) == 9, what="the log")
    assert [line["ended"] for line in log_lines(log)][3:] == ["token_requirement", "token_inactive", "token_unavailable", "token_inactive",
                                                              "token_malformed", "token_missing"]


def test_an_answer_is_forgotten_after_its_time(start, echo, server):
    answers = {"t": {"active": True}}
    auth = server(introspect(answers))
    gateway = start(configuration(echo(), f"oauth2_introspection: {{url: '{auth.url()}', client_id: 'gate&way', client_secret: 's:cret', cache: 1s}}"))
    assert ask(gateway, "Authorization: Bearer t\r\n").status == 200
    answers["t"] = {"active": False}
    wait_for(lambda: ask(gateway, "Authorization: Bearer t\r\n").status == 401, what="the revocation to be seen")


def test_any_of_goes_on_after_a_method_that_had_to_ask(start, echo, server):
    auth = server(introspect({"t": {"active": True, "sub": "u1"}}))
    gateway = start(configuration(echo(), f"""any_of: {{methods: [
        oauth2_introspection: {{url: '{auth.url()}', client_id: 'gate&way', client_secret: 's:cret'}},
        jwt: {{secret: 0123456789abcdef0123456789abcdef}}]}}""", CONSUMERS))
    import jwt
    token = jwt.encode({"exp": int(time.time()) + 100}, "0123456789abcdef0123456789abcdef", "HS256")
    assert ask(gateway, f"Authorization: Bearer {token}\r\n").status == 200
    assert ask(gateway, "Authorization: Bearer t\r\n").seen["x-consumer-name"] == "alice"
    answer = ask(gateway, "Authorization: Bearer neither\r\n")
    assert answer.status == 401 and "invalid_token" in answer.fields["www-authenticate"]


def test_clients_that_leave_while_the_service_thinks_do_no_harm(start, echo, server):
    auth = server(lambda request: None)
    gateway = start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}', timeout: 300ms}}"))
    for _ in range(20):
        with gateway.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    with gateway.connect() as connection:
        assert send(connection).status == 503


def test_stopping_while_the_service_thinks_ends_at_once(start, echo, server):
    auth = server(lambda request: None)
    gateway = start(configuration(echo(), f"forward_auth: {{url: '{auth.url()}', timeout: 60s}}", more="drain_timeout: 100ms"))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: auth.requests, what="the question")
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 5
