"""`explain` of a running gateway and the real answer agree: for every policy of the schema, and for the gateway's own
decisions."""

import json
import ssl
import subprocess

import pytest

import harness
import hmac_signatures
import sanitizers
from explain_world import KEY, OTHER_KEY, Row, World, basic, bearer, key
from harness import free_port, log_lines, read_response, wait_for
from pki import Authority
from tokens import key_pair, token

pytestmark = sanitizers.only_command_line

# Policies that never refuse or answer a request.
PASS_ALL = {"compress", "mirror"}


@pytest.fixture
def world(tmp_path, start, backend, library, server, authority):
    return World(tmp_path, start, backend, library, server, authority)


def signed(world, nonce, **settings):
    lines = hmac_signatures.signed(world.gateway.port, target="/hmac_auth", nonce=nonce, fields={"host": f"localhost:{world.gateway.port}"},
                                  **settings)
    return [line for line in lines.split("\r\n") if line and not line.startswith("host:")]


def rows_of(world):
    """The requests for each policy, in order."""
    good, forged = token("RS256", key_pair("RS256"), "k1", sub="u1"), token("RS256", key_pair("RS256", "other"), "k1")
    once, text_form = signed(world, "n-1"), ["Content-Type: application/grpc-web-text"]
    shop, guest = [key(KEY)], [key(OTHER_KEY)]
    preflight = ["Origin: https://a.example", "Access-Control-Request-Method: GET"]
    stranger = world.authority.issue("stranger", file="stranger")
    owner = world.authority.issue("shop", file="shop")
    return {
        "acl": [Row("served", fields=shop), Row(403, fields=guest), Row(401)],
        "any_of": [Row("served", fields=shop), Row("served", fields=[basic("shop:secret")]), Row(401, fields=[basic("shop:wrong")]), Row(401)],
        "basic_auth": [Row("served", fields=[basic("shop:secret")]), Row(401, fields=[basic("shop:wrong")]), Row(401, fields=[basic("no")]), Row(401)],
        "cache": [Row("served", "/a"), Row(200, "/a"), Row("served", "/a", "POST"), Row("served", "/a"),
                  Row(504, "/b", fields=["Cache-Control: only-if-cached"]), Row("served", "/a", fields=["Cache-Control: no-store"])],
        "compress": [Row("served", fields=["Accept-Encoding: gzip"]), Row("served")],
        "cors": [Row(204, method="OPTIONS", fields=preflight), Row(401, fields=["Origin: https://a.example"]),
                 Row("served", fields=[*shop, "Origin: https://a.example"])],
        "fault": [Row("served"), Row(503, fields=["X-Fault: 1"])],
        "forward_auth": [Row("served", fields=[bearer("good")]), Row(403, fields=[bearer("bad")]), Row(403)],
        "grpc_web": [Row("served", "/library.Library/GetBook", "POST", ["Content-Type: application/grpc-web"], b"\0\0\0\0\0"),
                     Row(200, "/library.Library/GetBook", "POST", text_form, b"!!!!")],
        "headers": [Row("served"), Row(431, fields=[f"X-Of-Client-{n}: 1" for n in range(100)])],
        "hmac_auth": [Row("served", fields=once), Row(401, fields=once), Row("served", fields=signed(world, "n-2")), Row(401),
                      Row(401, fields=signed(world, "n-3", keyid="nobody"))],
        "ip_filter": [Row("served"), Row(403, client="127.0.0.3"), Row("served", client="127.0.0.2")],
        "jwt": [Row("served", fields=[bearer(good)]), Row(401, fields=[bearer(forged)]), Row(401, fields=[bearer("garbage")]), Row(401)],
        "key_auth": [Row("served", fields=shop), Row(401, fields=[key("nobody's")]), Row(401)],
        "mirror": [Row("served")],
        "mtls": [Row("served", listener="tls", certificate=owner), Row(401, listener="tls", certificate=stranger), Row(401, listener="tls")],
        "oauth2_introspection": [Row("served", fields=[bearer("good")]), Row(401, fields=[bearer("bad")]), Row(401)],
        "quota": [Row("served", fields=shop), Row(429, fields=shop), Row(401)],
        "rate_limit": [Row("served"), Row(429)],
        "redirect": [Row(302, fields=["X-Next: /there"]), Row(400), Row(400, fields=["X-Next: https://evil.example/"])],
        "request_limits": [Row("served", "?a=1"), Row(414, "?a=12345678901"), Row(413, method="POST", body=b"b" * 20)],
        "respond": [Row(418), Row(418, method="HEAD")],
        "usage_plan": [Row("served", fields=shop), Row(429, fields=shop), Row(403, fields=guest)],
        "grpc_transcoding": [Row("served", "/shelves/1/books/1"), Row(404, "/nothing"),
                             Row(400, "/shelves/1/books", "POST", ["Content-Type: application/json"], b"{")],
        "concurrency_limit": [Row("served")],  # and below, while another request is in progress
    }


def test_every_policy_of_the_schema_is_explained_as_it_decides(world):
    schema = json.loads(subprocess.run([harness.BINARY, "schema", "--json"], capture_output=True, text=True).stdout)
    kinds = schema["properties"]["routes"]["items"]["properties"]["policies"]["items"]["properties"]
    known = set(kinds) - {"use"}  # which names a policy set
    table = rows_of(world)
    assert known == set(table), "a policy has no row here"
    for policy, rows in table.items():
        found = set()
        for row in rows:
            row.target = ("/v1" if policy == "grpc_transcoding" else "/" + policy) + row.target
            found.add(world.agree(row))
        expected = {"admitted"} if policy in PASS_ALL else {"refused"} if policy == "respond" else {"admitted", "refused"}
        assert found == expected or policy == "concurrency_limit", policy


def test_a_request_that_would_be_too_many_is_explained_while_another_is_there(world):
    with world.connect(Row(0)) as first:
        first.sendall(b"GET /concurrency_limit/hold HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: any("/hold" in head for head in world.requests), what="the first request")
        assert world.agree(Row(503, "/concurrency_limit")) == "refused"
        world.released.set()
        assert " 200 " in read_response(first)[0]
    wait_for(lambda: world.explain(Row(0, "/concurrency_limit"))["answer"]["verdict"] == "served", what="room")


def test_what_the_gateway_decides_itself_is_explained(world):
    world.live(Row(0, "/get"))
    via = next(line for line in world.requests[-1].split("\r\n") if line.lower().startswith("via:"))
    for row in [
            Row("served", "/get"), Row(405, "/get", "POST"), Row(404, "/none"), Row(404, "/none", "DELETE"),
            # Policies of the top level also apply to requests without a route, so refused clients do not learn which routes
            # exist.
            Row(403, "/get", "POST", client="127.0.0.9"), Row(403, "/none", client="127.0.0.9"), Row(403, "/get", client="127.0.0.9"),
            Row(405, "/key_auth", "TRACE"), Row(405, "/get", "TRACE"), Row(204, "*", "OPTIONS"), Row(204, "/key_auth", "OPTIONS", ["Max-Forwards: 0"]),
            Row(401, "/key_auth", "OPTIONS", ["Max-Forwards: 1"]), Row("served", "/get", fields=["Max-Forwards: 0"]),
            Row(508, "/get", fields=[via]), Row("served", "/cache", fields=[via]),
            Row(400, "/get/%2f"), Row(400, "/get?x={1}") if strict(world) else Row("served", "/get?x={1}"), Row("served", "/none/../get"),
            Row(413, "/get", "GET", body=b"b" * 2000),
            Row(308, "/get?a=b", listener="redirecting"), Row(308, "/none", listener="redirecting"), Row(308, "*", "OPTIONS", listener="redirecting"),
            Row("served", "/get", listener="proxied", fields=["X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1"]),
            Row(308, "/get", listener="proxied", fields=["X-Forwarded-For: 192.0.2.1"]),
            Row(403, "/get", listener="proxied", fields=["X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.9, 127.0.0.1"]),
            Row("served", "/get", fields=["X-Forwarded-For: 127.0.0.9"]),
            Row("served", "/get", listener="tls")]:
        world.agree(row)


def strict(world):
    """Whether this build refuses characters in a query that are not permitted in URIs."""
    return world.live(Row(0, "/get?x={1}"))["status"] == 400


def test_a_head_that_is_broken_is_refused_as_it_would_be(world):
    for fields in (["Bad Name: 1"], ["X: a", "Content-Length: 1", "Content-Length: 2"], [f"X-{n}: 1" for n in range(120)], ["Host: b"]):
        row = Row(0, "/get", fields=fields)
        told = world.explain(row)
        with world.connect(row) as connection:
            connection.sendall(f"GET /get HTTP/1.1\r\nHost: a\r\n{''.join(one + chr(13) + chr(10) for one in fields)}\r\n".encode())
            assert told["answer"]["status"] == int(read_response(connection)[0].split()[1]) >= 400
        assert told["outcome"] == "not_routed" and told["answer"]["verdict"] == "refused"


def test_a_handshake_that_fails_is_told(world, tmp_path):
    (tmp_path / "others").mkdir()
    untrusted = Authority(tmp_path / "others").issue("shop")
    answer = world.explain(Row(0, "/mtls", listener="tls", certificate=untrusted))["answer"]
    assert (answer["verdict"], answer["reason"]) == ("refused", "handshake_failed") and "certificate" in answer["detail"]
    with pytest.raises((ssl.SSLError, OSError)), world.connect(Row(0, listener="tls", certificate=untrusted)) as connection:
        connection.sendall(b"GET /mtls HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_response(connection)  # with TLS 1.3 the refusal arrives after the client's part of the handshake


def metrics(world):
    """The counters of requests and decisions."""
    text = harness.get(world.admin, "/metrics")[1]
    return {line for line in text.splitlines() if line.startswith(("portcullis_request", "portcullis_policy", "portcullis_rate", "portcullis_cache",
                                                                  "portcullis_consumer", "portcullis_mirrored", "portcullis_target_tries"))}


def test_explaining_changes_and_counts_nothing(world):
    shop = [key(KEY)]
    world.live(Row("served", "/key_auth", fields=shop))
    asked = len(world.judge.requests)
    before = wait_for(lambda: (first := metrics(world)) and first == metrics(world) and first, what="counters at rest")
    lines = len(log_lines(world.log))
    for target in ("/rate_limit", "/quota", "/usage_plan", "/cache/new", "/concurrency_limit", "/mirror", "/forward_auth", "/none"):
        for _ in range(5):
            told = world.explain(Row(0, target, fields=[*shop, bearer("good")]))
            assert told["answer"]["verdict"] in ("served", "no_route"), told
    assert len(world.judge.requests) == asked + 5  # each request is judged again, because decisions are not cached
    assert metrics(world) == before
    assert len(log_lines(world.log)) == lines


def test_exit_codes_tell_the_verdict(world):
    def run(*words):
        return subprocess.run([harness.BINARY, "explain", "--admin", f"127.0.0.1:{world.admin}", *words], capture_output=True, text=True)
    base = f"http://localhost:{world.gateway.port}"
    served, refused, none = run("GET", base + "/get"), run("GET", base + "/key_auth"), run("GET", base + "/none")
    assert (served.returncode, refused.returncode, none.returncode) == (0, 10, 11)
    assert served.stdout.startswith("answer: served by upstream plain\n") and "  assumed: the client's address is 127.0.0.1\n" in served.stdout
    assert refused.stdout.startswith("answer: 401 Unauthorized, refused by key_auth (key_missing)\n")
    assert "upstream:" not in refused.stdout and "target:" not in refused.stdout
    assert none.stdout.startswith("answer: 404 Not Found, no route matches it (no_route)\n")
    by_configuration = subprocess.run([harness.BINARY, "explain", str(world.gateway.path), "--running", "GET", base + "/get"],
                                      capture_output=True, text=True)
    assert by_configuration.returncode == 0, by_configuration.stderr
    assert run("GET", base + "/get", "--listener", "nobody").returncode == 64
    nobody = subprocess.run([harness.BINARY, "explain", "--admin", f"127.0.0.1:{free_port()}", "GET", "/"], capture_output=True, text=True)
    assert nobody.returncode == 3


def test_without_a_gateway_what_others_decide_is_not_known(world):
    def run(*words):
        return subprocess.run([harness.BINARY, "explain", "-c", str(world.gateway.path), *words], capture_output=True, text=True)
    asked = len(world.issuer.requests), len(world.judge.requests), len(world.introspection.requests)
    for target, fields in (("/jwt", bearer(token("RS256", key_pair("RS256"), "k1"))), ("/forward_auth", bearer("good")),
                           ("/oauth2_introspection", bearer("good"))):
        out = run("GET", target, "-H", fields)
        assert out.returncode == 3, out.stdout + out.stderr
        assert out.stdout.startswith(f"answer: not known: {target[1:]} cannot decide here"), out.stdout
    assert asked == (len(world.issuer.requests), len(world.judge.requests), len(world.introspection.requests))
    assert run("GET", "/jwt").returncode == 10  # no service has to be asked
    shop = world.authority.issue("shop", file="shop")
    for words, code in (((), 10), (("--certificate", str(shop.cert_file)), 0)):
        assert run("GET", "https://localhost/mtls", *words).returncode == code
    told = run("GET", "/ip_filter", "--client", "127.0.0.3", "--listener", "public")
    assert told.returncode == 10 and "assumed" not in told.stdout


@pytest.mark.parametrize("cluster", ["exact", "batched"])
def test_counters_of_a_cluster_are_read_and_not_charged(start, echo, redis, cluster):
    server, admin = redis(), free_port()
    gateway = start(f"""version: 1
workers: 1
admin: {{address: "127.0.0.1:{admin}"}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
redis: {{address: "127.0.0.1:{server.port}", timeout: 10s}}
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:{echo()}"}}]}}]
policies: [rate_limit: {{limit: 2/day, key: all, cluster: {cluster}, batch: 1}}]
routes: [{{name: all, match: {{path_prefix: /}}, upstream: backend}}]
""")

    def verdict():
        out = subprocess.run([harness.BINARY, "explain", "--admin", f"127.0.0.1:{admin}", "GET", "/"], capture_output=True, text=True)
        return out.returncode
    for _ in range(2):
        assert [verdict() for _ in range(4)] == [0] * 4
        assert harness.get(gateway.port, "/")[0] == 200
    assert verdict() == 10 and harness.get(gateway.port, "/")[0] == 429
