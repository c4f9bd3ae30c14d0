"""`explain` of a running gateway and the real answer agree: for every policy of the schema, and for the gateway's own
decisions."""

import base64
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

import harness
import sanitizers
import test_hmac_auth
from harness import free_port, log_lines, read_response, wait_for
from identity import hashed
from pki import Authority
from tokens import jwk, jwks, key_pair, token

pytestmark = sanitizers.only_command_line

KEY, OTHER_KEY = "key-of-shop-0123456789", "key-of-guest-0123456789"
HMAC_KEY = "shop-1"
# Fields that differ between two answers, or belong to the connection.
USUAL = {"date", "x-request-id", "connection", "content-length", "ratelimit", "via"}
# Policies that never refuse or answer a request.
PASS_ALL = {"compress", "mirror"}


class Row:
    """A request and its expected result: `served` by the target, or the status of the gateway's own answer."""

    def __init__(self, expected, target="", method="GET", fields=(), body=b"", client="127.0.0.1", listener="public", certificate=None):
        self.expected, self.target, self.method, self.fields = expected, target, method, list(fields)
        self.body, self.client, self.listener, self.certificate = body, client, listener, certificate

    def __repr__(self):
        return f"{self.method} {self.target} {self.fields} -> {self.expected}"


def key(value):
    return f"X-API-Key: {value}"


def bearer(value):
    return f"Authorization: Bearer {value}"


def basic(text):
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


class World:
    """A gateway with a route for each policy, and all servers that its policies and routes ask."""

    def __init__(self, folder, start, backend, library, server, authority):
        self.keys = [jwk("RS256", "k1")]
        self.released = threading.Event()
        self.requests = []
        self.backend = backend(self.answer)
        self.library = library()
        self.issuer = server(lambda request: (200, {"Content-Type": "application/json"}, jwks(*self.keys).encode()))
        self.judge = server(self.decide)
        self.introspection = server(self.introspect)
        self.authority = authority
        authority.issue("localhost", "localhost", "127.0.0.1", file="edge")
        self.admin, self.tls, self.redirecting, self.proxied = (free_port() for _ in range(4))
        self.log, self.quotas = folder / "access.log", folder / "quotas.db"
        self.gateway = start(self.configuration())
        self.ports = {"public": self.gateway.port, "tls": self.tls, "redirecting": self.redirecting, "proxied": self.proxied}
        self.number = 0
        # Waits until fetched keys are available.
        wait_for(lambda: self.live(Row(0, "/jwt", fields=[bearer(token("RS256", key_pair("RS256"), "k1"))]))["status"] == 200, what="keys")

    def answer(self, connection, made):
        while True:
            head = made.read_head(connection)
            self.requests.append(head)
            length = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            for _ in range(int(length[0]) if length else 0):
                connection.recv(1)
            if "hold" in head.split()[1]:
                self.released.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=600\r\nX-Backend: yes\r\n\r\nok")

    @staticmethod
    def decide(request):
        return (200, {}, b"") if request.headers.get("authorization") == "Bearer good" else (403, {"Content-Type": "text/plain"}, b"not you")

    @staticmethod
    def introspect(request):
        return 200, {}, json.dumps({"active": b"good" in request.text, "sub": "u1"}).encode()

    def configuration(self):
        hash_of = subprocess.run([harness.BINARY, "hash-password"], input="secret", capture_output=True, text=True).stdout.strip()
        routes = {
            "acl": "key_auth: {}, acl: {rules: [{allow: consumer.groups = staff}]}",
            "any_of": "any_of: {methods: [key_auth: {}, basic_auth: {}]}",
            "basic_auth": "basic_auth: {}",
            "cache": "cache: {}",
            "compress": "compress: {}",
            "concurrency_limit": "concurrency_limit: {limit: 1}",
            "cors": "cors: {origins: ['https://a.example'], methods: [GET]}, key_auth: {}",
            "fault": "fault: {abort: {status: 503}, when: request.header.x-fault exists}",
            "forward_auth": f"forward_auth: {{url: '{self.judge.url()}'}}",
            "grpc_web": "grpc_web: {}",
            "headers": "headers: {request: {add: {" + ", ".join(f"x-{n}: a" for n in range(40)) + "}}}",
            "hmac_auth": "hmac_auth: {}",
            "ip_filter": "ip_filter: {deny: [127.0.0.3]}",
            "jwt": f"jwt: {{audience: '*', jwks: {{url: '{self.issuer.url()}', cooldown: 1h}}}}",
            "key_auth": "key_auth: {}",
            "mirror": "mirror: {upstream: plain}",
            "mtls": "mtls: {}",
            "oauth2_introspection": f"oauth2_introspection: {{url: '{self.introspection.url()}', consumer: optional}}",
            "quota": "key_auth: {}, quota: {limit: 1}",
            "rate_limit": "rate_limit: {limit: 1/day, key: all}",
            "redirect": "redirect: {to: '{request.header.x-next}', status: 302}",
            "request_limits": "request_limits: {query_length: 10, body_size: 10}",
            "respond": "respond: {status: 418, body: tea}",
            "usage_plan": "key_auth: {}, usage_plan: {}",
        }
        flows = {name: "[" + ", ".join(f"{{{one}}}" for one in split_policies(text)) + "]" for name, text in routes.items()}
        lines = "\n".join(
            f"  - {{name: {name}, match: {{path_prefix: /{name}}}, policies: {flow}, upstream: {'calls' if name == 'grpc_web' else 'plain'}}}"
            for name, flow in flows.items())
        return f"""version: 1
workers: 2
admin: {{address: "127.0.0.1:{self.admin}"}}
listeners:
  - {{name: public, address: "127.0.0.1:{{port}}", limits: {{body_size: 1KiB, field_count: 112}}}}
  - name: tls
    address: "127.0.0.1:{self.tls}"
    tls: {{certificates: [{{cert: edge.pem, key: edge.key}}], client_certificate: optional, client_ca: authority.pem}}
  - {{name: redirecting, address: "127.0.0.1:{self.redirecting}", redirect_to_https: {{port: 8443}}}}
  - {{name: proxied, address: "127.0.0.1:{self.proxied}", trusted_proxies: [127.0.0.1], redirect_to_https: {{port: 8443}}}}
access_log: {{path: {self.log}}}
quotas: {{file: {self.quotas}}}
upstreams:
  - {{name: plain, targets: [{{address: "127.0.0.1:{self.backend.port}"}}]}}
  - {{name: calls, protocol: http2, targets: [{{address: "127.0.0.1:{self.library.port}"}}]}}
plans: [{{name: small, policies: [rate_limit: {{limit: 1/day}}]}}]
consumers:
  - {{name: shop, groups: [staff], plan: small, credentials: {{keys: "{hashed(KEY)}", basic: {{username: shop, password_hash: "{hash_of}"}},
      signing_keys: [{{id: {HMAC_KEY}, secret: {test_hmac_auth.SECRET}}}], certificates: [{{subject: CN=shop}}], jwt_subject: u1}}}}
  - {{name: guest, credentials: {{keys: "{hashed(OTHER_KEY)}"}}}}
policies: [ip_filter: {{deny: [127.0.0.9]}}]
routes:
{lines}
  - {{name: grpc_transcoding, match: {{path_prefix: /v1}}, policies: [grpc_transcoding: {{descriptors: library.pb}}], upstream: calls}}
  - {{name: get, match: {{path_prefix: /get, methods: [GET]}}, upstream: plain}}
"""

    def url(self, row):
        scheme = "https" if row.listener == "tls" else "http"
        return row.target if row.target == "*" else f"{scheme}://localhost:{self.ports[row.listener]}{row.target}"

    def explain(self, row):
        """The answer of `explain` for the running gateway."""
        question = {"method": row.method, "url": self.url(row), "headers": [*row.fields, host(self, row)], "client": row.client, "listener": row.listener,
                    "body": row.body.decode("latin-1")}
        if row.certificate:
            question["certificate"] = row.certificate.cert_file.read_text()
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}/api/explain", json.dumps(question).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def connect(self, row):
        connection = socket.create_connection(("127.0.0.1", self.ports[row.listener]), timeout=20, source_address=(row.client, 0))
        if row.listener != "tls":
            return connection
        context = ssl.create_default_context(cafile=str(self.gateway.path.parent / "authority.pem"))
        if row.certificate:
            context.load_cert_chain(*row.certificate.pair)
        return context.wrap_socket(connection, server_hostname="localhost")

    def live(self, row):
        """The real answer to the client, with the reason and the target from the access log."""
        self.number += 1
        name = f"live-{self.number}"
        fields = [host(self, row), *row.fields, f"X-Request-Id: {name}", *([f"Content-Length: {len(row.body)}"] if row.body else [])]
        with self.connect(row) as connection:
            connection.sendall(f"{row.method} {row.target} HTTP/1.1\r\n".encode() + "".join(f"{one}\r\n" for one in fields).encode() + b"\r\n" + row.body)
            head, body = read_response(connection) if row.method != "HEAD" else (harness.read_head(connection), b"")
        lines = wait_for(lambda: [one for one in log_lines(self.log) if one["request_id"] == name], what="the log")
        return {"status": int(head.split()[1]), "reason": lines[0]["ended"], "forwarded": bool(lines[0].get("target")),
                "fields": names_of(head.split("\r\n")[1:]), "body": body}

    def agree(self, row):
        """Runs `explain` more than once and the real request, and compares the results."""
        told = [self.explain(row) for _ in range(3)][-1]
        answer, seen = told["answer"], self.live(row)
        about = f"{row}: explained as {json.dumps(told, indent=1)}, live {seen}"
        assert (answer["by"] == "upstream") == seen["forwarded"], about
        if seen["forwarded"]:
            assert answer["verdict"] == "served" and row.expected == "served", about
            return "admitted"
        assert (answer["status"], answer["reason"]) == (seen["status"], seen["reason"]), about
        assert row.expected == seen["status"], about
        assert names_of(answer["headers"]) == seen["fields"], about
        assert answer["verdict"] == ("no_route" if seen["reason"] == "no_route" else "refused" if refuses(told, seen) else "served"), about
        return "refused" if answer["verdict"] != "served" else "admitted"


def host(world, row):
    return f"Host: localhost:{world.ports[row.listener]}"


def split_policies(text):
    """Splits `a: {}, b: {}` at commas outside of brackets."""
    depth, out = 0, [""]
    for c in text:
        depth += (c in "{[") - (c in "}]")
        if c == "," and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [one.strip() for one in out]


def names_of(lines):
    return {name for line in lines if (name := line.split(":")[0].lower()) and name not in USUAL}


def refuses(told, seen):
    return seen["status"] >= 400 or any(one["outcome"] == "refuses" for one in told["policies"])


@pytest.fixture
def world(tmp_path, start, backend, library, server, authority):
    return World(tmp_path, start, backend, library, server, authority)


def signed(world, nonce, **settings):
    lines = test_hmac_auth.signed(world.gateway.port, target="/hmac_auth", nonce=nonce, fields={"host": f"localhost:{world.gateway.port}"},
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
    known = set(kinds)
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
