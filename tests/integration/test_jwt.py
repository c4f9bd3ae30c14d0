"""jwt, through the built binary: tokens by PyJWT, keys from files and real servers."""

import json
import threading
import time

import pytest

import harness
import sanitizers
from harness import log_lines, wait_for
from identity import ask, complaints, configuration, send
from tokens import certificate, jwk, jwks, key_pair, pem, token, whole_token

RSA = key_pair("RS256")


def bearer(text):
    return f"Authorization: Bearer {text}\r\n"


def key_file(tmp_path, *keys):
    path = tmp_path / "keys.json"
    path.write_text(jwks(*keys))
    return path


@pytest.fixture
def refusals(start, echo, tmp_path):
    """refusals(policies) -> reasons(fields): sends a request and yields (answer, the reason in the log)."""
    def make(policies, **settings):
        log = tmp_path / f"log-{time.monotonic_ns()}"
        gateway = start(configuration(echo(), policies, more=f"access_log: {{path: {log}}}", **settings))

        def reason(fields):
            lines = len(log_lines(log))
            answer = ask(gateway, fields)
            wait_for(lambda: len(log_lines(log)) > lines, what="the log")
            return answer, log_lines(log)[-1]["ended"]
        return reason
    return make


@pytest.mark.parametrize("algorithm", [
    "RS256", "PS256", "ES256", "EdDSA",
    *(pytest.param(other, marks=sanitizers.same_path) for other in ("RS384", "RS512", "PS384", "PS512", "ES384", "ES512"))])
def test_tokens_of_every_algorithm_are_taken(start, echo, tmp_path, algorithm):
    key_file(tmp_path, jwk(algorithm, "k1"))
    gateway = start(configuration(echo(), "jwt: {jwks: {file: keys.json}}"))
    good = token(algorithm, key_pair(algorithm), "k1", sub="alice")
    for _ in range(2):  # the first is verified, the second is remembered
        assert ask(gateway, bearer(good)).status == 200
    forged = token(algorithm, key_pair(algorithm, "other"), "k1", sub="alice")
    answer = ask(gateway, bearer(forged))
    assert answer.status == 401 and answer.fields["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.detail == "unauthorized"


@pytest.mark.parametrize("algorithm, size", [("HS256", 32), *(pytest.param(*other, marks=sanitizers.same_path) for other in (("HS384", 48), ("HS512", 64)))])
def test_shared_secrets_are_taken(start, echo, algorithm, size, monkeypatch):
    monkeypatch.setenv("JWT_SECRET", "s" * size)
    gateway = start(configuration(echo(), "jwt: {secret: '${JWT_SECRET}'}"))
    assert ask(gateway, bearer(token(algorithm, "s" * size))).status == 200
    assert ask(gateway, bearer(token(algorithm, "t" * size))).status == 401


def test_each_fault_is_named_in_the_log_and_not_to_the_client(refusals, tmp_path):
    key_file(tmp_path, jwk("RS256", "k1"))
    reason = refusals("jwt: {issuer: 'https://id/', audience: [orders], jwks: {file: keys.json}, type: at+jwt, leeway: 0s}")
    good = {"kid": "k1", "typ": "at+jwt", "iss": "https://id/", "aud": "orders"}

    def of(algorithm="RS256", key=RSA, **changes):
        return token(algorithm, key, **{**good, **changes})
    assert reason(bearer(of()))[0].status == 200
    now = int(time.time())
    for text, expected in [(of(exp=now - 1), "jwt_expired"), (of(exp=None), "jwt_no_expiry"), (of(nbf=now + 100), "jwt_not_yet_valid"),
                           (of(iss="https://evil/"), "jwt_issuer"), (of(aud="others"), "jwt_audience"), (of(typ="JWT"), "jwt_type"),
                           (of(kid="k2"), "jwt_unknown_key"), (of(key=key_pair("RS256", "other")), "jwt_signature"),
                           (of("HS256", pem("RS256").replace("-----", "")), "jwt_unknown_key"), (of()[:-6], "jwt_signature"),
                           ("garbage", "jwt_malformed"), ("a.b.c", "jwt_malformed"), ("x" * 17000, "jwt_too_long"),
                           (of("none", None), "jwt_algorithm")]:
        answer, ended = reason(bearer(text))
        assert (answer.status, ended) == (401, expected), text[:60]
        assert expected not in answer.head + answer.body.decode()
        assert answer.fields["www-authenticate"] == 'Bearer error="invalid_token"'
    answer, ended = reason("")
    assert (answer.status, ended, answer.fields["www-authenticate"]) == (401, "jwt_missing", "Bearer")
    assert reason("Authorization: Basic YTpi\r\n")[1] == "jwt_missing"


def test_scopes_and_claims_may_be_required(start, echo, tmp_path):
    key_file(tmp_path, jwk("ES256", "k1"))
    port = echo()
    gateway = start(configuration(port, "jwt: {jwks: {file: keys.json}, require: {scope: 'orders:read'}}"))
    key = key_pair("ES256")
    assert ask(gateway, bearer(token("ES256", key, scope="a orders:read b"))).status == 200
    assert ask(gateway, bearer(token("ES256", key, scp=["orders:read"]))).status == 200
    answer = ask(gateway, bearer(token("ES256", key, scope="orders:write")))
    assert answer.status == 403 and answer.detail == "forbidden"
    assert answer.fields["www-authenticate"] == 'Bearer error="insufficient_scope", scope="orders:read"'
    gateway = start(configuration(port, """jwt: {jwks: {file: keys.json},
        require: "claim.tenant in [acme, globex] and not claim.realm.roles = banned"}"""))
    for claims, status in [({"tenant": "acme"}, 200), ({"tenant": "x"}, 403), ({}, 403), ({"tenant": ["x", "globex"]}, 200),
                           ({"tenant": "acme", "realm": {"roles": ["a", "banned"]}}, 403)]:
        assert ask(gateway, bearer(token("ES256", key, **claims))).status == status, claims


def test_the_token_tells_the_consumer_and_claims_go_on(start, echo, tmp_path):
    key_file(tmp_path, jwk("ES256", "k1"))
    port, key = echo(), key_pair("ES256")
    consumers = "{name: alice, groups: [staff], credentials: {jwt_subject: [auth0|1, auth0|2]}}"
    gateway = start(configuration(port, """jwt: {jwks: {file: keys.json}, forward_claims: {x-user: sub, x-mail: email}, credential: hide},
        rate_limit: {limit: 2/h, key: "{claim.tenant}"}""", consumers))
    answer = ask(gateway, bearer(token("ES256", key, sub="auth0|2", tenant="a")) + "X-Mail: forged\r\n")
    assert answer.seen["x-consumer-name"] == "alice" and answer.seen["x-consumer-groups"] == "staff"
    assert answer.seen["x-user"] == "auth0|2" and "x-mail" not in answer.seen and "authorization" not in answer.seen
    answer = ask(gateway, bearer(token("ES256", key, sub="unknown", tenant="b", email="a@b\r\nx-evil: 1")))
    assert answer.status == 200 and "x-consumer-name" not in answer.seen and "x-mail" not in answer.seen
    assert [ask(gateway, bearer(token("ES256", key, tenant=t))).status for t in "aab"] == [200, 429, 200]
    gateway = start(configuration(port, "jwt: {jwks: {file: keys.json}, consumer: required}", consumers))
    assert ask(gateway, bearer(token("ES256", key, sub="unknown"))).status == 401
    assert ask(gateway, bearer(token("ES256", key, sub="auth0|1"))).status == 200


def test_a_remembered_token_is_not_taken_beyond_its_expiry(start, echo, tmp_path):
    key_file(tmp_path, jwk("ES256", "k1"))
    gateway = start(configuration(echo(), "jwt: {jwks: {file: keys.json}, leeway: 0s}"))
    short = token("ES256", key_pair("ES256"), exp=int(time.time()) + 2)
    assert ask(gateway, bearer(short)).status == 200
    wait_for(lambda: ask(gateway, bearer(short)).status == 401, what="the token to expire")


def test_keys_are_fetched_and_rotate_without_a_reload(start, echo, server):
    keys = [jwk("ES256", "k1")]
    issuer = server(lambda request: (200, {"content-type": "application/json"}, jwks(*keys).encode()))
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{url: '{issuer.url('/keys')}', cooldown: 0s}}}}", workers=2))
    old = token("ES256", key_pair("ES256"), "k1")
    assert ask(gateway, bearer(old)).status == 200  # waits for the first fetch
    keys[:] = [jwk("ES256", "k2", "second")]
    assert ask(gateway, bearer(token("ES256", key_pair("ES256", "second"), "k2"))).status == 200
    for _ in range(4):  # on both workers, although the token was remembered
        assert ask(gateway, bearer(old)).status == 401
    assert 2 <= len(issuer.requests) <= 7  # without a cooldown each unknown kid causes a fetch


def test_a_flood_of_unknown_keys_does_not_become_a_flood_of_fetches(start, echo, server):
    issuer = server(lambda request: (200, {}, jwks(jwk("ES256", "k1")).encode()))
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{url: '{issuer.url()}', cooldown: 1h}}}}", workers=2))
    assert ask(gateway, bearer(token("ES256", key_pair("ES256"), "k1"))).status == 200
    with gateway.connect() as connection:
        for i in range(200):
            assert send(connection, bearer(token("ES256", key_pair("ES256"), f"unknown-{i}"))).status == 401
    assert len(issuer.requests) == 2  # the first fetch, and the one that the flood caused


@pytest.mark.parametrize("place", ["url", "file"])
def test_a_new_key_under_a_known_name_is_fetched(start, echo, server, tmp_path, place):
    keys = [jwk("ES256", "one")]
    issuer = server(lambda request: (200, {}, jwks(*keys).encode()))
    key_file(tmp_path, *keys)
    where = f"url: '{issuer.url()}'" if place == "url" else "file: keys.json, refresh: 1h"
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{{where}, cooldown: 1h}}}}", workers=2))
    assert ask(gateway, bearer(token("ES256", key_pair("ES256"), "one"))).status == 200
    keys[:] = [jwk("ES256", "one", "second")]
    key_file(tmp_path, *keys)
    # At once, although the set was fetched a moment ago.
    assert ask(gateway, bearer(token("ES256", key_pair("ES256", "second"), "one"))).status == 200
    assert ask(gateway, bearer(token("ES256", key_pair("ES256"), "one"))).status == 401


def test_a_flood_of_wrong_signatures_does_not_become_a_flood_of_fetches(start, echo, server, tmp_path):
    log = tmp_path / "log"
    issuer = server(lambda request: (200, {}, jwks(jwk("ES256", "one")).encode()))
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{url: '{issuer.url()}', cooldown: 1h}}}}", workers=2, more=f"access_log: {{path: {log}}}"))
    with gateway.connect() as connection:
        for _ in range(100):
            assert send(connection, bearer(token("ES256", key_pair("ES256", "second"), "one"))).status == 401
    assert len(issuer.requests) == 2
    wait_for(lambda: len(harness.log_lines(log)) == 100, what="the log")
    assert {line["ended"] for line in harness.log_lines(log)} == {"jwt_signature"}


def test_two_tokens_that_differ_are_none(start, echo, tmp_path):
    key_file(tmp_path, jwk("ES256", "k1"))
    gateway = start(configuration(echo(), "jwt: {jwks: {file: keys.json}, consumer_claim: sub}", "{name: alice, credentials: {jwt_subject: alice}}"))
    one, other = (bearer(token("ES256", key_pair("ES256"), sub=sub)) for sub in ("alice", "bob"))
    assert [ask(gateway, fields).status for fields in (one, one + one, "Authorization: Basic YTpi\r\n" + one)] == [200] * 3
    assert [ask(gateway, fields).status for fields in (one + other, other + one)] == [401] * 2


LISTS = {"roles": ["user", "admin"], "tenant": None, "empty": [], "nulls": [None], "mixed": [1, True, None, "x", {"a": 1}, [2]], "one": ["a"],
         "names": ["Doe, Jane", "50%", "x"], "text": "a, b", "place": {"city": "Köln", "none": None, "list": ["p", "q"]}, "level": 4, "yes": True,
         "lines": ["a\r\nx-evil: 1", "b"]}


@pytest.mark.parametrize("claim, joined, as_json", [
    ("roles", "user,admin", '["user","admin"]'), ("tenant", None, None), ("empty", None, "[]"), ("nulls", None, "[null]"),
    ("mixed", "1,true,x", '[1,true,null,"x",{"a":1},[2]]'), ("one", "a", '["a"]'), ("names", "Doe%2C Jane,50%25,x", '["Doe, Jane","50%","x"]'), ("text", "a, b", "a, b"),
    ("place", None, '{"city":"Köln","none":null,"list":["p","q"]}'), ("place.city", "Köln", "Köln"), ("place.none", None, None),
    ("place.list", "p,q", '["p","q"]'), ("level", "4", "4"), ("yes", "true", "true"), ("absent", None, None),
    ("lines", None, '["a\\r\\nx-evil: 1","b"]')])
def test_claims_that_are_lists_or_null(start, echo, tmp_path, claim, joined, as_json):
    key_file(tmp_path, jwk("ES256", "k1"))
    port = echo()
    for form, expected in (("joined", joined), ("json", as_json)):
        gateway = start(configuration(port, f"""jwt: {{jwks: {{file: keys.json}}, claim_lists: {form}, forward_claims: {{x-claim: {claim}}}}},
            headers: {{request: {{set: {{x-text: "{{claim.{claim}}}", x-json: "{{claim_json.{claim}}}"}}}}}}"""))
        seen = ask(gateway, bearer(whole_token("ES256", key_pair("ES256"), LISTS)) + "X-Claim: forged\r\n").seen
        assert seen.get("x-claim") == expected
        assert seen["x-text"] == (joined or "") and "x-evil" not in seen
        assert json.loads(seen["x-json"] or "null") == {**LISTS, "place.city": "Köln", "place.list": ["p", "q"]}.get(claim)


@pytest.mark.parametrize("sub", [["alice"], ["bob", "alice"], None, {"a": "alice"}])
def test_what_is_not_one_value_is_no_consumer(start, echo, tmp_path, sub):
    key_file(tmp_path, jwk("ES256", "k1"))
    gateway = start(configuration(echo(), "jwt: {jwks: {file: keys.json}, consumer_claim: who, consumer: required}",
                                  "{name: alice, credentials: {jwt_subject: alice}}"))
    assert ask(gateway, bearer(token("ES256", key_pair("ES256"), who="alice"))).status == 200
    assert ask(gateway, bearer(whole_token("ES256", key_pair("ES256"), {"who": sub}))).status == 401


def test_an_issuer_that_fails_leaves_the_last_keys_in_force(start, echo, server):
    state = {"answer": (200, {}, jwks(jwk("ES256", "k1")).encode())}
    issuer = server(lambda request: state["answer"])
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{url: '{issuer.url()}', refresh: 50ms, cooldown: 0s}}}}"))
    good = token("ES256", key_pair("ES256"), "k1")
    assert ask(gateway, bearer(good)).status == 200
    for bad in ((500, {}, b"oops"), (200, {}, b"<html>garbage"), (200, {}, b"{\"keys\":[]}"), (302, {"location": "/"}, b"")):
        state["answer"] = bad
        seen = len(issuer.requests)
        wait_for(lambda: len(issuer.requests) > seen + 1, what="another fetch")
        assert ask(gateway, bearer(good)).status == 200
    gateway.wait_for_line("keys of")


def test_keys_that_are_too_stale_are_believed_no_more(start, echo, server):
    state = {"answer": (200, {}, jwks(jwk("ES256", "k1")).encode())}
    issuer = server(lambda request: state["answer"])
    gateway = start(configuration(echo(), f"jwt: {{jwks: {{url: '{issuer.url()}', refresh: 20ms, stale: 200ms, timeout: 2s}}}}"))
    good = token("ES256", key_pair("ES256"), "k1")
    assert ask(gateway, bearer(good)).status == 200
    state["answer"] = (500, {}, b"")
    wait_for(lambda: ask(gateway, bearer(good)).status == 503, what="the keys to be given up")
    state["answer"] = (200, {}, jwks(jwk("ES256", "k1")).encode())
    wait_for(lambda: ask(gateway, bearer(good)).status == 200, what="the keys to come back")


def test_an_issuer_that_hangs_or_is_absent_holds_requests_no_longer_than_told(start, echo, server):
    issuer, port = server(lambda request: None), echo()
    good = bearer(token("ES256", key_pair("ES256"), "k1"))
    for url in (issuer.url(), f"http://127.0.0.1:{harness.free_port()}/"):
        gateway = start(configuration(port, f"jwt: {{jwks: {{url: '{url}', timeout: 300ms}}}}"))
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(ask(gateway, good))) for _ in range(10)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began < 5
        assert {one.status for one in answers} == {503} and answers[0].detail == "unavailable"


def test_discovery_over_tls_finds_the_keys(start, echo, server, tmp_path):
    files = certificate(tmp_path)

    def respond(request):
        if request.path == "/.well-known/openid-configuration":
            return 200, {}, json.dumps({"issuer": issuer.url(""), "jwks_uri": issuer.url("/jwks")}).encode()
        return 200, {}, jwks(jwk("RS256", "k1")).encode()
    issuer = server(respond, files)
    port = echo()
    good = bearer(token("RS256", RSA, "k1", iss=issuer.url("")))
    gateway = start(configuration(port, f"jwt: {{issuer: '{issuer.url('')}', jwks: {{discover: true, ca: cert.pem}}}}"))
    assert ask(gateway, good).status == 200
    assert ask(gateway, bearer(token("RS256", RSA, "k1", iss="https://other/"))).status == 401
    # Without the authority its certificate is not trusted.
    gateway = start(configuration(port, f"jwt: {{issuer: '{issuer.url('')}', jwks: {{discover: true, timeout: 1s}}}}"))
    assert ask(gateway, good).status == 503


def test_a_discovery_document_of_another_issuer_is_not_believed(start, echo, server):
    issuer = server(lambda request: (200, {}, json.dumps({"issuer": "https://evil", "jwks_uri": issuer.url("/jwks")}).encode()))
    gateway = start(configuration(echo(), f"jwt: {{issuer: '{issuer.url('')}', jwks: {{discover: true, timeout: 2s}}}}"))
    assert ask(gateway, bearer(token("RS256", RSA, "k1", iss=issuer.url("")))).status == 503
    gateway.wait_for_line("another issuer")


def test_a_key_file_is_looked_at_again(start, echo, tmp_path):
    path = key_file(tmp_path, jwk("ES256", "k1"))
    gateway = start(configuration(echo(), "jwt: {jwks: {file: keys.json, refresh: 50ms}}"))
    old, new = token("ES256", key_pair("ES256"), "k1"), token("ES256", key_pair("ES256", "second"), "k2")
    assert [ask(gateway, bearer(t)).status for t in (old, new)] == [200, 401]
    path.write_text(jwks(jwk("ES256", "k2", "second")))
    wait_for(lambda: ask(gateway, bearer(new)).status == 200, what="the new key")
    assert ask(gateway, bearer(old)).status == 401


@sanitizers.only_configuration
@pytest.mark.parametrize("settings, message", [
    ("{}", "`jwt` needs keys"),
    ("{secret: 'short'}", "at least 32 bytes, but the secret has 5"),
    ("{secret: '0123456789abcdef0123456789abcdef', jwks: {url: 'https://a/'}}", "`jwt` needs exactly one source of keys"),
    ("{jwks: {file: absent.json}}", "cannot read the key file"),
    ("{jwks: {inline: '{}'}}", "this is not a JSON Web Key Set"),
    ("{jwks: {discover: true}}", "`discover` needs one `issuer`"),
    ("{jwks: {url: 'ftp://a/'}}", "is not a URL"),
    ("{jwks: {url: 'http://id.example.com/keys'}}", "the key set is fetched without TLS"),
    ("{jwks: {url: 'https://a/'}, algorithms: [none]}", "`none` is not allowed"),
    ("{jwks: {url: 'https://a/'}, algorithms: [RS265]}", "did you mean `RS256`?"),
    ("{jwks: {url: 'https://a/'}, require: 'scop = a'}", "did you mean `scope`?"),
    ("{jwks: {url: 'https://a/'}, require: 'scope = a and'}", "expected a variable such as"),
    ("{jwks: {url: 'https://a/'}, require: '(scope = a'}", "missing `)`"),
    ("{public_key: 'nonsense'}", "not a public key in PEM"),
])
def test_mistakes_are_named(tmp_path, settings, message):
    said = complaints(tmp_path, f"jwt: {settings}")
    assert message in said
