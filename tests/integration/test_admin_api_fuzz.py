"""Random requests to every call that the admin API describes: each answer is one that the description has, and the gateway goes on."""

import json
import random
import urllib.parse

import harness
from admin_requests import body_of
from harness import free_port, simple_configuration

ROUNDS_OF_A_CALL = 40  # in the mean
SEED = 20261130
# The answers to a path that, with a random name in it, is no path of this call.
NOT_THE_CALL = {404, 405}
NAMES = ["all", "backend", "a/b", "%", "..", ".", "", "ä", "\0", "a" * 300, "127.0.0.1:9", "canary", "{route}", "?x", "#", "\\", "a b"]
VALUES = [None, True, 0, -1, 1e308, "", "x", "ä", "\0", [], {}, ["x"], {"a": {"b": [1]}}, "x" * 5000]


class Fuzzer:
    def __init__(self, document, seed):
        self.random = random.Random(seed)
        self.document = document
        self.calls = [(path, method, call) for path, methods in document["paths"].items() for method, call in methods.items()
                      if "text/event-stream" not in call["responses"].get("200", {}).get("content", {})]

    def encoded(self, text):
        if self.random.random() < 0.2:
            return text.encode(errors="replace").decode("latin-1").translate({i: f"%{i:02x}" for i in (*range(33), 35, 63, 127, *range(128, 256))})
        return urllib.parse.quote(text, safe="" if self.random.random() < 0.7 else "/")

    def value(self, schema, depth=0):
        """A value that mostly fits the schema."""
        if self.random.random() < 0.15 or depth > 5:
            return self.random.choice(VALUES)
        if "examples" in schema and self.random.random() < 0.4:
            return schema["examples"][0]
        if "properties" in schema:
            out = {name: self.value(its, depth + 1) for name, its in schema["properties"].items() if self.random.random() < 0.5}
            if self.random.random() < 0.1:
                out[self.random.choice(["", "x", "~/", "ä"])] = self.random.choice(VALUES)
            return out
        if schema.get("type") == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.random.randrange(4))]
        if schema.get("type") in ("integer", "number"):
            return self.random.choice([0, 1, -1, 2 ** 63, 1.5])
        if schema.get("type") == "boolean":
            return self.random.random() < 0.5
        return self.random.choice([*NAMES, *schema.get("enum", []), "GET", "http://127.0.0.1/", "curl http://127.0.0.1/", "curl '"])

    def body(self, call):
        described = call.get("requestBody")
        dice = self.random.random()
        if described is None:
            return b"" if dice < 0.9 else b"{}", None
        kind, its = self.random.choice(list(described["content"].items()))
        text = json.dumps(self.value(its["schema"]), ensure_ascii=dice < 0.5).encode()
        if dice > 0.96:
            text = b"x" * 70_000
        elif dice > 0.8:
            text = self.random.choice([b"", b"\xff", b"[" * 5000, b'{"a":' * 5000, text[:len(text) // 2], text + b"x", b"\0"])
        return text, self.random.choice([kind, kind, kind, kind + "; charset=utf-8", "text/csv", None, "\x7f", ""])

    def request(self):
        """(path template, method, call, bytes of the request)"""
        template, method, call = self.random.choice(self.calls)
        if template == "/login" and self.random.random() < 0.9:  # the answer to a wrong token takes half a second
            return self.request()
        path = template
        for parameter in call["parameters"]:
            if parameter.get("in") == "path":
                path = path.replace("{" + parameter["name"] + "}", self.encoded(self.random.choice(NAMES)))
        query = [f"{parameter['name']}={self.encoded(self.random.choice(NAMES))}" for parameter in call["parameters"]
                 if parameter.get("in") == "query" and self.random.random() < 0.3]
        if self.random.random() < 0.05:
            query.append(self.random.choice(["x=y", "&&", "=", "%", "node=%ff"]))
        body, kind = self.body(call)
        lines = [f"{method.upper()} {path}{'?' + '&'.join(query) if query else ''} HTTP/1.1", "Host: localhost", "Connection: close"]
        if kind is not None:
            lines.append(f"Content-Type: {kind}")
        if self.random.random() < 0.2:
            lines.append("Portcullis-Message: " + self.random.choice(["why", "ä" * 10, "a" * 1025, "", "\xff"]))
        chunked = self.random.random() < 0.1
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        if chunked:
            body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        return template, method, call, "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def send(admin, request):
    with harness.connect(admin) as connection:
        connection.sendall(request)
        return harness.read_to_end(connection)


def test_every_answer_is_one_that_is_described(start, echo):
    admin = free_port()
    gateway = start(simple_configuration(echo(), top=f"admin: {{address: '127.0.0.1:{admin}'}}\ncache: {{memory: 1MiB}}\n"))
    fuzzer = Fuzzer(json.loads(harness.get(admin, "/v1/openapi.json")[1]), SEED)
    seen = set()
    for _ in range(ROUNDS_OF_A_CALL * len(fuzzer.calls)):
        template, method, call, request = fuzzer.request()
        reply = send(admin, request)
        status = int(reply.split()[1])
        seen.add((template, method, status))
        assert str(status) in call["responses"] or status in NOT_THE_CALL, (request, reply)
        assert status < 500, (request, reply)
        if status == 400 and reply.endswith(b"\r\n\r\n"):
            continue  # the head of the request is not HTTP
        if status >= 400:
            assert b"content-type: application/problem+json" in reply, (request, reply)
            told = body_of(reply.decode())
            assert told["status"] == status and told["detail"], (request, reply)
        if template.startswith("/v1/") and status not in NOT_THE_CALL and status != 400:
            assert b"\r\nportcullis-revision: " in reply, (request, reply)
    # The requests were of use: every call was reached, and most bodies were understood.
    assert {(template, method) for template, method, status in seen if status < 300} >= {
        ("/v1/reload", "post"), ("/v1/explain", "post"), ("/v1/cache/purge", "post"), ("/v1/nodes", "get")}
    assert {status for _, _, status in seen} >= {200, 400, 404, 413, 415, 422}
    assert harness.get(gateway.port, "/")[0] == 200 and harness.get(admin, "/readyz") == (200, "ready\n")
