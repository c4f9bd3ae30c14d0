"""A gateway with a route for each policy, and the comparison of what `explain` says with the real answer."""

import base64
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import harness
import hmac_signatures
from harness import free_port, log_lines, read_response, wait_for
from identity import hashed
from tokens import jwk, jwks, key_pair, token

KEY, OTHER_KEY = "key-of-shop-0123456789", "key-of-guest-0123456789"
HMAC_KEY = "shop-1"
# Fields that differ between two answers, or belong to the connection.
USUAL = {"date", "x-request-id", "connection", "content-length", "ratelimit", "via"}


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
      signing_keys: [{{id: {HMAC_KEY}, secret: {hmac_signatures.SECRET}}}], certificates: [{{subject: CN=shop}}], jwt_subject: u1}}}}
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
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}/v1/explain", json.dumps(question).encode(),
                                         {"Content-Type": "application/json"})
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
