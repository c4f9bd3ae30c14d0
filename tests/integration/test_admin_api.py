"""The contract that all calls of the admin API share: paths, errors, roles, nodes, and the description of the API."""

import json
import os
import re
import subprocess

import pytest

import harness
import sanitizers
from admin_requests import ask, bearer, body_of, hashed
from harness import BINARY, free_port, log_lines, simple_configuration

ROLES = ("viewer", "operator", "publisher", "admin")
TOKENS = {role: f"{role}-token-0123456789-0123456789" for role in ROLES}
JSON = "Content-Type: application/json"
MOVED = ("/upstreams", "/splits", "/splits/resume", "/reload", "/cache/purge", "/api/now", "/api/live", "/api/tail", "/api/config",
         "/api/explain", "/api/history", "/api/series", "/api/session")


def configuration(admin, port=9, settings="", top=""):
    return simple_configuration(port, top=f"admin: {{address: '127.0.0.1:{admin}'{settings}}}\nnode: {{id: edge-1}}\n{top}")


def with_tokens():
    tokens = ", ".join(f'{{name: its-{role}, role: {role}, hash: "{hashed(token)}"}}' for role, token in TOKENS.items())
    return f", tokens: [{tokens}]"


def described(admin, *fields):
    return body_of(ask(admin, "GET", "/v1/openapi.json", *fields)[1])


def test_problems_say_what_is_wrong(start):
    admin = free_port()
    start(configuration(admin))
    for method, path, fields, body, status, detail in (
            ("GET", "/v1/nothing", (), b"", 404, "there is no such call"),
            ("PUT", "/v1/reload", (), b"", 405, "the path takes POST"),
            ("POST", "/v1/reload?nod=x", (), b"", 400, "the call has no query parameter `nod` - did you mean `node`?"),
            ("POST", "/v1/reload?node=edge-2", (), b"", 404, "there is no node `edge-2`"),
            ("POST", "/v1/reload", (), b"x", 400, "the call takes no body"),
            ("POST", "/v1/explain", ("Content-Type: text/csv",), b"x", 415, "the call does not take `text/csv`: send application/json"),
            ("POST", "/v1/explain", (JSON,), b"", 400, "the call needs a body: application/json"),
            ("POST", "/v1/explain", (JSON,), b"{", 400, "the body is not JSON in UTF-8"),
            ("POST", "/v1/explain", (JSON,), b'{"curl": "\xff"}', 400, "the body is not JSON in UTF-8"),
            ("POST", "/v1/explain", (JSON,), b"[" * 60_000, 400, "the body is nested deeper than 64 levels"),
            ("POST", "/v1/explain", (JSON,), b"x" * 70_000, 413, "the body is larger than 65536 bytes"),
            ("POST", "/v1/splits/a/resume", (JSON,), b'{"brnch": 1}', 422, "there is no `brnch` here - did you mean `branch`?"),
            ("POST", "/v1/splits/a/resume", (JSON,), b"[]", 422, "expected an object"),
            ("POST", "/v1/reload", ("Portcullis-Message: " + 1025 * "a",), b"", 400, "`Portcullis-Message` is longer than 1024 bytes")):
        got, reply = ask(admin, method, path, *fields, body=body)
        assert got == status, (method, path, reply)
        assert "content-type: application/problem+json" in reply and "portcullis-revision: 1\r\n" in reply, reply
        told = body_of(reply)
        assert told["status"] == status and told["detail"] == detail and told["title"] and isinstance(told["diagnostics"], list)
    assert "allow: POST\r\n" in ask(admin, "GET", "/v1/reload")[1]
    assert "accept: application/json\r\n" in ask(admin, "POST", "/v1/explain", "Content-Type: text/csv", body=b"x")[1]
    (found,) = body_of(ask(admin, "POST", "/v1/explain", JSON, body=b'{"method": 3, "url": "/"}')[1])["diagnostics"]
    assert found == {"severity": "error", "path": "/method", "message": "expected a text"}
    with harness.connect(admin) as connection:
        connection.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nPortcullis-Message: \xff\r\nConnection: close\r\n\r\n")
        assert b"is not UTF-8" in harness.read_to_end(connection)


def test_no_path_is_kept_twice(start):
    admin = free_port()
    start(configuration(admin))
    for path in MOVED:
        assert ask(admin, "GET", path)[0] == 404 and ask(admin, "POST", path)[0] == 404, path
    for path in ("/v1/upstreams/a/targets/b/drain/", "/v1//reload", "/v1/reload/", "/v1/upstreams/%2e%2e/targets/b/drain"):
        assert ask(admin, "POST", path)[0] == 404, path


def test_names_are_split_before_they_are_decoded(start):
    admin = free_port()
    start(configuration(admin))
    status, reply = ask(admin, "POST", "/v1/upstreams/a%2Fb%25/targets/c%2Fd/drain")
    assert status == 404 and body_of(reply)["detail"] == "upstream `a/b%` has no target at `c/d`"


def test_each_role_includes_those_before_it(start):
    admin = free_port()
    start(configuration(admin, settings=with_tokens()))
    calls = [(call["x-role"], path) for path, methods in described(admin, bearer(TOKENS["viewer"]))["paths"].items()
             for method, call in methods.items() if method == "post" and "x-role" in call]
    assert {role for role, _ in calls} >= {"viewer", "operator"}
    for needed, template in calls:
        path = re.sub(r"\{\w+\}", "nothing", template)
        for role in ROLES:
            status, reply = ask(admin, "POST", path, bearer(TOKENS[role]))
            if ROLES.index(role) < ROLES.index(needed):
                assert status == 403, (path, role)
                assert body_of(reply)["detail"] == f"the role `{needed}` is needed, and the token `its-{role}` has the role `{role}`"
            else:
                assert status not in (401, 403), (path, role)
    told = body_of(ask(admin, "GET", "/v1/session", bearer(TOKENS["publisher"]))[1])
    assert told == {"name": "its-publisher", "role": "publisher", "labels": {}, "token": True, "writes": "files"}


def test_without_tokens_everyone_is_admin(start):
    admin = free_port()
    start(configuration(admin))
    assert body_of(ask(admin, "GET", "/v1/session")[1]) == {"name": "local", "role": "admin", "labels": {}, "token": False, "writes": "files"}


def test_without_the_right_no_body_is_read(start):
    admin = free_port()
    start(configuration(admin, settings=with_tokens()))
    with harness.connect(admin) as connection:
        connection.sendall(b"POST /v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n")
        head = harness.read_head(connection)
        assert head.startswith("HTTP/1.1 401 ") and "connection: close" in head and "portcullis-revision: 1" in head


def test_a_reload_tells_of_each_node(start, tmp_path):
    admin, audit = free_port(), tmp_path / "audit.log"
    text = configuration(admin, top=f"audit_log: {{path: {audit}}}")
    gateway = start(text)
    node = body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]
    assert (node["id"], node["revision"], node["last_error"], node["store_reachable"], node["state"]) == ("edge-1", 1, None, None, "ready")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", node["since"]) and node["version"]
    gateway.write(text.replace("path_prefix: /", "path_prefix: /a"))
    status, reply = ask(admin, "POST", "/v1/reload?node=edge-1")
    (its,) = body_of(reply)["nodes"].values()
    assert status == 200 and "portcullis-revision: 2\r\n" in reply
    assert its == {"outcome": "succeeded", "revision": 2, "report": "serving revision 2\n", "diagnostics": []}
    gateway.write(text + "    upstrem: backend\n")
    status, reply = ask(admin, "POST", "/v1/reload")
    told = body_of(reply)
    assert status == 409 and "portcullis-revision: 2\r\n" in reply and told["nodes"]["edge-1"]["outcome"] == "refused"
    found = next(one for one in told["diagnostics"] if "upstrem" in one["message"])
    assert found["severity"] == "error" and found["suggestion"] == "upstream" and found["file"] == str(gateway.path) and found["line"] > 3
    assert "upstrem" in body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]["last_error"]
    assert [(line["outcome"], line["revision"]) for line in log_lines(audit)] == [("succeeded", 2), ("refused", 2)]


def test_a_node_without_a_name_makes_one(start):
    admin = free_port()
    gateway = start(configuration(admin).replace("node: {id: edge-1}\n", ""))
    made = body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]["id"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+-[0-9a-f]{4}", made)
    gateway.write(configuration(admin))
    assert any("the id of the node is not changed by a reload" in line for line in gateway.reload())
    assert body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]["id"] == made


def test_the_store_keeps_the_name_that_a_node_has_made(start, tmp_path):
    admin = free_port()
    text = configuration(admin).replace("node: {id: edge-1}\n", f"store: {{sqlite: {tmp_path / 'portcullis.db'}}}\n")
    first = start(text)
    made = body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]["id"]
    first.stop()
    start(text)
    assert body_of(ask(admin, "GET", "/v1/nodes")[1])["items"][0]["id"] == made


def read_event(connection, kind):
    """The data of the next event of this kind."""
    text = ""
    while True:
        found = re.search(rf"event: {kind}\ndata: (.*)\n\n", text)
        if found:
            return json.loads(found[1])
        piece = harness.read_chunk(connection)
        assert piece, text
        text += piece.decode()


def test_events_tell_what_happens(start, server):
    def fail(_):
        raise ConnectionError("closed without an answer")
    admin, port = free_port(), server(fail).port
    gateway = start(configuration(admin, port))
    with harness.connect(admin) as connection:
        connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "content-type: text/event-stream" in harness.read_head(connection)
        assert b"retry: " in harness.read_chunk(connection)
        gateway.write(configuration(admin, port).replace("name: all", "name: other"))
        assert ask(admin, "POST", "/v1/reload")[0] == 200
        told = read_event(connection, "revision_published")
        assert told["revision"] == 2 and told["author"] == "local" and told["time"].endswith("Z")

        def ejected():
            harness.get(gateway.port, "/")
            return harness.metric(admin, "portcullis_target_ejections_total")
        harness.wait_for(ejected, what="the ejection")
        told = read_event(connection, "target_ejected")
        assert told["upstream"] == "backend" and told["address"] == f"127.0.0.1:{port}" and "failed" in told["why"] and told["for_ms"] > 0


def test_a_login_is_in_the_audit_log(start, tmp_path):
    admin, audit = free_port(), tmp_path / "audit.log"
    start(configuration(admin, settings=with_tokens(), top=f"audit_log: {{path: {audit}}}"))
    assert ask(admin, "POST", "/login", body=b"wrong")[0] == 401
    assert ask(admin, "POST", "/login", body=TOKENS["operator"].encode())[0] == 204
    (line,) = log_lines(audit)
    assert (line["action"], line["by"], line["role"]) == ("login", "its-operator", "operator") and line["address"].startswith("127.0.0.1:")


@sanitizers.others_software
def test_a_linter_accepts_the_description(start, tmp_path):
    admin = free_port()
    start(configuration(admin))
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(described(admin)))
    # All rules of the recommended set are errors here.
    (tmp_path / "redocly.yaml").write_text("extends: [recommended-strict]\n")
    linter = harness.ROOT / "web/node_modules/.bin/redocly"
    if not linter.exists():
        pytest.fail("the linter is missing: run scripts/bootstrap.sh test")
    out = subprocess.run([linter, "lint", "--config", tmp_path / "redocly.yaml", path], capture_output=True, text=True, timeout=120,
                         env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "REDOCLY_TELEMETRY": "off", "CI": "true",
                              "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
    assert out.returncode == 0 and "Your API description is valid" in out.stdout + out.stderr, out.stdout + out.stderr


@sanitizers.documents
def test_the_description_is_the_same_without_a_gateway(start):
    admin = free_port()
    start(configuration(admin))
    told = subprocess.run([BINARY, "schema", "--api"], capture_output=True, check=True).stdout
    assert json.loads(told) == described(admin)
