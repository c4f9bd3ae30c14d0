"""Random objects, made by the schema of the configuration, through all calls that change objects: each answer is one that the API describes, what
is served is what the newest revision says, and a new start serves the same.

PORTCULLIS_FUZZ_OBJECTS is the number of requests."""

import json
import os
import random
import re
import subprocess

import harness
from admin_requests import body_of
from harness import free_port
from store_gateway import store_gateway
from test_admin_api_fuzz import NAMES, NOT_THE_CALL, VALUES, send

REQUESTS = int(os.environ.get("PORTCULLIS_FUZZ_OBJECTS", "600"))
SEED = 20261202
KINDS = ["upstreams", "routes", "consumers", "plans", "policy_sets", "listeners", "policies", "assertions", "errors"]
SINGLE = {"policies", "assertions", "errors"}
# Objects that are good by themselves; most of what is sent is one of them with changes.
GOOD = {
    "upstreams": {"targets": [{"address": "127.0.0.1:9"}]},
    "routes": {"match": {"path": "/x"}, "policies": [{"respond": {"status": 200, "body": "x"}}]},
    "consumers": {"credentials": {"signing_keys": [{"id": "a", "secret": "0123456789abcdef0123456789abcdef"}]}},
    "plans": {},
    "policy_sets": {"policies": [{"headers": {"response": {"set": {"x-a": "b"}}}}]},
}
BYTES = [b"", b"\xff", b"{", b"[" * 5000, b'{"a":' * 5000, b"\0", b'{"a": 1e400}', b'"' + b"x" * 70_000 + b'"', b'{"a":1,"a":2}']
HOST = re.compile(r"[a-z0-9*.-]*\b(example\.(com|org|net)|internal|svc|local|consul)\b")


class Objects:
    """Makes values by a schema."""

    def __init__(self, schema, seed):
        self.schema, self.random, self.port = schema, random.Random(seed), free_port()

    def scalar(self, schema):
        kinds = schema.get("type", "string")
        kind = self.random.choice(kinds if isinstance(kinds, list) else [kinds])
        if kind in ("integer", "number"):
            return self.random.choice([0, 1, -1, 2 ** 63, 10 ** 30, 1.5, schema.get("minimum", 7), schema.get("maximum", 7)])
        if kind == "boolean":
            return self.random.random() < 0.5
        return None if kind == "null" else self.random.choice([*NAMES, *schema.get("enum", []), "10s", "5%", "1MiB", "$$", "${HOME}", "***"])

    def value(self, schema, depth=0):
        dice = self.random.random()
        if dice < 0.03 or depth > 8:
            return self.random.choice(VALUES)
        if "examples" in schema and dice < 0.6:
            # No name is looked up at another machine, and no port is open to others.
            example = json.dumps(self.random.choice(schema["examples"])).replace("0.0.0.0:8080", f"127.0.0.1:{self.port}")
            return json.loads(HOST.sub("127.0.0.1", example))
        if "anyOf" in schema:
            return self.value(self.random.choice(schema["anyOf"]), depth + 1)
        if "properties" in schema:
            names = [name for name in schema["properties"] if self.random.random() < 0.15] + list(schema.get("required", []))
            if self.random.random() < 0.03:
                names.append(self.random.choice(["", "x-a", "~/", "_origin", "name"]))
            return {name: self.value(schema["properties"].get(name, {}), depth + 1) for name in names}
        if "items" in schema:
            return [self.value(schema["items"], depth + 1) for _ in range(self.random.randrange(3))]
        if isinstance(schema.get("additionalProperties"), dict):
            return {self.random.choice(NAMES): self.value(schema["additionalProperties"], depth + 1) for _ in range(self.random.randrange(3))}
        return self.scalar(schema)

    def of_kind(self, kind):
        schema = self.schema["properties"][kind]
        if kind in SINGLE:
            return [self.value(schema["items"]) for _ in range(self.random.randrange(2))]
        if kind not in GOOD or self.random.random() < 0.2:
            return self.value(schema["items"])
        out = json.loads(json.dumps(GOOD[kind]))
        for member in self.random.sample(sorted(set(schema["items"]["properties"]) - {"name"}), self.random.randrange(3)):
            out[member] = self.value(schema["items"]["properties"][member], 1)
        return out


class Requests:
    """Makes requests of calls that change objects."""

    def __init__(self, objects):
        self.objects, self.random = objects, objects.random

    def name(self):
        return self.random.choice(["a", "b", "c", *self.random.sample(NAMES, 2)])

    def change(self):
        kind, verb = self.random.choice(KINDS), self.random.choice(["put", "put", "merge", "delete"])
        told = {"kind": kind} if kind in SINGLE else {"kind": kind, "name": self.name()}
        return {verb: told if verb == "delete" else {**told, "value": self.objects.of_kind(kind)}}

    def changes(self):
        out = {"changes": [self.change() for _ in range(self.random.randrange(1, 4))]}
        if self.random.random() < 0.2:
            out["base"] = self.random.choice([0, 1, 5, 10 ** 9, -1, "x"])
        return out

    def document(self):
        out = {}
        for kind in self.random.sample(KINDS, 2):
            its = self.objects.of_kind(kind)
            named = {"name": self.name(), **its} if isinstance(its, dict) else its
            out[kind] = its if kind in SINGLE else [named]
        return out

    def next(self):
        """(template of the path, method, bytes of the request)"""
        def encoded(text):
            return "".join(c if c.isalnum() and c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in text)
        call = self.random.choice(["put"] * 6 + ["patch"] * 2 + ["delete", "changes", "changes", "plan", "publish", "config", "restore"])
        kind, name = self.random.choice(KINDS), self.name()
        word = kind.replace("_", "-")
        template, path, method, media_type, value = f"/v1/{word}", f"/v1/{word}", call, "application/json", None
        if kind not in SINGLE:
            template, path = f"{template}/{{name}}", f"{path}/{encoded(name)}"
        if call == "put":
            value = self.objects.of_kind(kind)
        elif call == "patch":
            media_type = self.random.choice(["application/merge-patch+json", "application/json-patch+json"])
            value = self.objects.of_kind(kind)
            if media_type.endswith("json-patch+json"):
                value = [{"op": self.random.choice(["add", "replace", "remove", "test", "move", "copy", "x"]),
                          "path": self.random.choice(["", "/", "/labels", "/match/path", "/policies/0", "/policies/-", "/~2", "/name"]),
                          "from": "/match", "value": self.random.choice(VALUES)}]
        elif call == "delete" and kind not in SINGLE:
            pass
        elif call in ("changes", "plan", "publish", "delete"):
            method, template = "post", f"/v1/{'changes' if call == 'delete' else call}"
            path, value = template, self.changes()
        elif call == "config":
            method, template, value = "put", "/v1/config", self.document()
            path = "/v1/config" + self.random.choice(["", "?prune=false"])
        elif call == "restore":
            method, template, path = "post", "/v1/revisions/{number}/restore", f"/v1/revisions/{self.random.randrange(6)}/restore"
        body = b"" if value is None else json.dumps(value, ensure_ascii=self.random.random() < 0.5).encode()
        if body and self.random.random() < 0.05:
            body = self.random.choice([*BYTES, body[:len(body) // 2]])
        lines = [f"{method.upper()} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}"]
        if body:
            lines.append(f"Content-Type: {media_type}")
        for field in ("If-Match", "If-None-Match"):
            if self.random.random() < 0.05:
                lines.append(f"{field}: {self.random.choice(['*', chr(34) * 2, 'x'])}")
        return template, method, "\r\n".join([*lines, "", ""]).encode() + body


def test_random_objects_change_what_the_answers_say_and_nothing_else(tmp_path):
    schema = json.loads(subprocess.run([harness.BINARY, "schema"], capture_output=True, check=True).stdout)
    requests = Requests(Objects(schema, SEED))
    settings = f"dns: {{servers: ['127.0.0.1:{free_port()}']}}\n"
    with store_gateway(tmp_path, settings=settings) as gateway:
        gateway.start()
        described = json.loads(harness.get(gateway.admin, "/v1/openapi.json")[1])["paths"]
        revision, seen = 1, set()
        for _ in range(REQUESTS):
            template, method, request = requests.next()
            reply = send(gateway.admin, request)
            assert reply, (request, gateway.running.lines[-20:])
            status = int(reply.split()[1])
            seen.add((template, status))
            assert str(status) in described[template][method]["responses"] or status in NOT_THE_CALL, (request, reply)
            assert status < 500, (request, reply)
            if status >= 400:
                told = body_of(reply.decode())
                assert told["status"] == status and told["detail"], (request, reply)
            now = int(re.search(rb"\r\nportcullis-revision: (\d+)\r\n", reply)[1])
            # A change is one revision, and an answer that is no success has made none.
            assert now - revision in ((0, 1) if status < 300 else (0,)), (request, reply)
            revision = now
        assert {status for _, status in seen} >= {200, 201, 204, 400, 404, 409, 412, 422}, seen
        assert revision > REQUESTS / 20
        before = gateway.call("GET", "/v1/config")[1]
        assert gateway.revisions() == list(range(revision, 0, -1)) and harness.get(gateway.admin, "/readyz") == (200, "ready\n")
        gateway.stop()
        # What was accepted can be loaded again.
        gateway.start()
        assert gateway.call("GET", "/v1/config")[1] == before and gateway.revisions()[0] == revision
        gateway.stop()
