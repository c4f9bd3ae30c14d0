"""`errors`: the gateway's own error responses in the form that its rules give them."""

import html
import json

import grpc
import pytest

import harness
from admin_requests import ask as ask_text
from command_line import portcullis
from harness import ScriptedBackend, connect, free_port, log_lines, metric, read_to_end
from http2 import h2_configuration
from objects_api import MERGE, YAML
from publishing import call, field_of, node

PROBLEM = "application/problem+json"
PAGE = "<h1>{error.title}</h1><p title=\"{request.header.x-name}\">{request.id}</p>"

# Routes that are refused in different ways; PORT and AWAY are ports, LOG is a file, and RULES is the value of `errors`.
FILE = """\
version: 1
access_log: {path: LOG}
listeners: [{name: main, address: '127.0.0.1:PORT', limits: {head_size: 2KiB, body_size: 10}, timeouts: {head: 300ms}}]
upstreams:
  - {name: away, targets: [{address: '127.0.0.1:AWAY'}]}
routes:
  - {name: away, match: {path_prefix: /away}, upstream: away}
  - {name: keys, match: {path: /keys}, policies: [{key_auth: {}}, {respond: {}}]}
  - name: cors
    match: {path: /cors}
    policies: [{cors: {origins: ['https://a.test']}}, {rate_limit: {limit: 1/h, key: all}}, {respond: {}}]
  - {name: own, match: {path: /own}, policies: [{respond: {status: 404, body: own}}]}
  - {name: posts, match: {path: /posts, methods: [POST]}, upstream: away}
errors: RULES
"""


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            assert name.lower() not in self.fields, f"{name} comes twice"
            self.fields[name.lower()] = value

    @property
    def kind(self):
        return self.fields.get("content-type")

    @property
    def json(self):
        return json.loads(self.body)


def send(port, text):
    """The answer to these bytes."""
    with connect(port) as connection:
        connection.sendall(text)
        return Answer(read_to_end(connection))


def request(port, path="/none", *fields, method="GET", body=b""):
    lines = b"".join((field if isinstance(field, bytes) else field.encode()) + b"\r\n" for field in fields)
    length = f"Content-Length: {len(body)}\r\n".encode() if body else b""
    return send(port, f"{method} {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n".encode() + length + lines + b"\r\n" + body)


@pytest.fixture
def shaped(start, tmp_path):
    """Starts a gateway with these rules."""
    def run(*rules, text=FILE):
        port = free_port()
        text = text.replace("PORT", str(port)).replace("AWAY", str(free_port())).replace("LOG", f"{tmp_path}/access.log")
        text = text.replace("RULES", json.dumps(rules))
        gateway = start(text)
        gateway.main_port = port
        return gateway
    return run


def body(text, kind="text/plain", **further):
    return {"body": text, "content_type": kind, **further}


def test_the_first_rule_that_matches_makes_the_response(shaped):
    port = shaped(
        {"status": 404, "when": "request.header.accept = text/html", "respond": body("<b>{error.title}</b>", "text/html; charset=utf-8")},
        {"status": [405, "413-414"], "respond": body("size or method: {error.status}\nsecond line\n")},
        {"reason": "key_missing", "respond": body("who are you? {error.reason} {error.detail}")},
        {"status": "5xx", "reason": ["connect_refused", "overloaded"], "respond": body('{{"code": {error.status}, "id": "{request.id}"}', "application/json")},
        {"when": "request.path under /none/as-it-is"},
        {"status": 404, "respond": body("other {request.path} {route.name}.")},
    ).main_port
    got = request(port, "/none", "Accept: text/html,*/*;q=0.8")
    assert (got.status, got.kind, got.body) == (404, "text/html; charset=utf-8", b"<b>Not Found</b>")
    got = request(port, "/none")
    assert (got.status, got.kind, got.body) == (404, "text/plain", b"other /none .")
    got = request(port, "/none/as-it-is")
    assert (got.status, got.kind, got.json["detail"]) == (404, PROBLEM, "no_route")
    got = request(port, "/posts")
    assert (got.status, got.fields["allow"], got.body) == (405, "POST", b"size or method: 405\nsecond line\n")
    got = request(port, "/away", method="POST", body=b"x" * 11)
    assert (got.status, got.body) == (413, b"size or method: 413\nsecond line\n")
    got = request(port, "/keys")
    assert (got.status, got.body) == (401, b"who are you? key_missing unauthorized")
    assert got.fields["www-authenticate"]
    got = request(port, "/away", "X-Request-Id: mine")
    assert (got.status, got.kind, got.json) == (502, "application/json", {"code": 502, "id": "mine"})
    assert got.fields["content-length"] == str(len(got.body)) and got.fields["x-request-id"] == "mine"
    # What a policy answers is no error of the gateway.
    got = request(port, "/own")
    assert (got.status, got.body) == (404, b"own")


def test_a_replaced_status_is_sent_and_logged_with_the_real_reason(shaped):
    gateway = shaped(
        {"reason": "connect_refused", "respond": {"status": 503, "fields": {"Retry-After": "5", "x-why": "{error.status} {error.reason}"}}},
        {"status": 401, "respond": {"status": 302, "fields": {"location": "/login?to={request.path}", "x-empty": "{cookie.none}"}}},
        {"status": 404, "respond": {"status": 204, "body": "never sent"}})
    port = gateway.main_port
    got = request(port, "/away")
    assert (got.status, got.kind) == (503, PROBLEM)
    assert (got.json["status"], got.json["title"], got.json["detail"]) == (503, "Service Unavailable", "connect_failed")
    assert (got.fields["retry-after"], got.fields["x-why"]) == ("5", "503 connect_refused")
    got = request(port, "/keys")
    assert (got.status, got.fields["location"]) == (302, "/login?to=/keys") and "x-empty" not in got.fields
    got = request(port)
    assert (got.status, got.body, got.kind) == (204, b"", None) and "content-length" not in got.fields
    def logged():
        return [(one["status"], one["ended"]) for one in log_lines(gateway.path.parent / "access.log")]
    harness.wait_for(lambda: len(logged()) == 3, what="the lines of the log")
    assert set(logged()) == {(503, "connect_refused"), (302, "key_missing"), (204, "no_route")}  # each worker writes its own lines


def test_fields_that_an_error_needs_stay(shaped):
    port = shaped({"respond": body("no", fields={"x-page": "1"})}).main_port
    origin = "Origin: https://a.test"
    assert request(port, "/cors", origin).status == 200
    got = request(port, "/cors", origin)
    assert (got.status, got.body, got.fields["x-page"]) == (429, b"no", "1")
    assert got.fields["access-control-allow-origin"] == "https://a.test"
    assert int(got.fields["retry-after"]) > 0 and "ratelimit" in got.fields
    got = request(port, "/away", method="POST", body=b"x" * 11)
    assert (got.status, got.fields["connection"]) == (413, "close")


HOSTILE = [b'"}, "admin": {"a": "', b"</p><script>alert(1)</script>", b"a & b ' < > \\ \t x", b"\xff\xfe caf\xc3\xa9 \xc3"]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_cannot_break_out_of_the_body(shaped, value):
    port = shaped(
        {"when": "request.path = /json", "respond": body('{{"name": "{request.header.x-name}", "status": {error.status}}', "application/problem+json; charset=utf-8")},
        {"when": "request.path = /html", "respond": body(PAGE, "text/html")},
        {"when": "request.path = /xml", "respond": body("<e n='{request.header.x-name}'/>", "application/soap+xml")},
        {"respond": body("{request.header.x-name}", fields={"x-copy": "{request.header.x-name}"})}).main_port
    meant = value.decode("utf-8", errors="replace")
    got = request(port, "/json", b"X-Name: " + value)
    assert got.json == {"name": meant, "status": 404}
    got = request(port, "/html", b"X-Name: " + value, b"X-Request-Id: " + value).body.decode()
    begin, end = '<h1>Not Found</h1><p title="', "</p>"
    assert got.startswith(begin) and got.endswith(end)
    inner = got[len(begin):-len(end)]
    assert inner.count('"') == 1 and inner.count(">") == 1 and "<" not in inner and "'" not in inner
    title, _, text = inner.partition('">')
    assert html.unescape(title) == meant and html.unescape(text) == meant
    got = request(port, "/xml", b"X-Name: " + value).body.decode()
    assert html.unescape(got[len("<e n='"):-len("'/>")]) == meant and got.count("'") == 2 and got.count("<") == 1
    got = request(port, "/plain", b"X-Name: " + value)
    assert got.body == value and got.fields["x-copy"].encode("latin-1") == value
    assert got.fields["content-length"] == str(len(got.body))


def test_a_line_end_in_a_value_makes_no_field(shaped):
    port = shaped({"respond": body("[{query.q}]", fields={"x-q": "{query.q}"})}).main_port
    got = request(port, "/none?q=a%0d%0aset-cookie:%20x=1")
    assert got.body == b"[]" and "set-cookie" not in got.fields and "x-q" not in got.fields


def test_values_have_a_bounded_size(shaped):
    port = shaped({"respond": body("[{request.header.x-long}]" * 200)}, text=FILE.replace("2KiB", "60KiB")).main_port
    got = request(port, "/none", "X-Long: " + "y" * 40_000)
    assert got.body.count(b"y") == 40_000 and got.body.count(b"[") == 200
    assert got.body.endswith(b"[]" * 199)


def test_head_gets_the_length_alone(shaped):
    port = shaped({"respond": body("four", "text/plain")}).main_port
    got = request(port, method="HEAD")
    assert (got.status, got.body, got.fields["content-length"]) == (404, b"", "4")
    # Also where the head could not be read to its end.
    got = send(port, b"HEAD / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n")
    assert (got.status, got.body, got.fields["content-length"]) == (400, b"", "4")


def test_requests_that_cannot_be_read(shaped):
    gateway = shaped({"when": "not request.path exists", "respond": body("[{request.method}{request.host}{request.path}{request.header.host}{client.address}] {error.status} {error.reason} {request.id}")})
    port = gateway.main_port
    got = send(port, b"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n")
    assert got.status == 400 and got.body.startswith(b"[] 400 ") and got.body.endswith(got.fields["x-request-id"].encode())
    got = send(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 4000 + b"\r\n\r\n")
    assert got.status == 431 and got.body.startswith(b"[] 431 "), got.body
    got = send(port, b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert got.status == 408 and b"] 408 head_timeout " in got.body, got.body
    assert request(port).kind == PROBLEM


def test_http2(start, speak):
    text = FILE.replace("PORT", "{port}").replace("AWAY", str(free_port())).replace("LOG", "stdout").replace("RULES", json.dumps([{"respond": body("{error.status} {request.path}", fields={"x-page": "1"})}]))
    gateway = start(text)
    client = speak(gateway)
    got = client.ask("/none")
    assert (got.status, bytes(got.body), got.fields["x-page"], got.fields["content-type"]) == (404, b"404 /none", "1", "text/plain")
    got = client.ask("/none", method="HEAD")
    assert (got.status, bytes(got.body), got.fields["content-length"]) == (404, b"", "9")
    got = client.ask("/away")
    assert (got.status, bytes(got.body)) == (502, b"502 /away")
    got = client.ask("/none", more=[("x-long", "y" * 4000)])
    assert (got.status, bytes(got.body)) == (431, b"431 ")


def test_grpc_clients_get_grpc(start, speak):
    port = free_port()
    rules = json.dumps([{"respond": body("a page", "text/plain", status=200, fields={"x-page": "1"})}])
    gateway = start(h2_configuration(port, top=f"errors: {rules}\n"))
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/test.Echo/Unary")(b"x", timeout=10)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNAVAILABLE, "connect_failed")
    got = speak(gateway).ask("/", method="POST", more=[("content-type", "application/grpc")])
    assert got.fields["grpc-status"] == "14" and "x-page" not in got.fields and not got.body
    got = speak(gateway).ask("/", method="POST")
    assert (got.status, bytes(got.body)) == (200, b"a page")


def test_responses_of_targets_pass(start, backend):
    target = backend(harness.answer(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nX-From: target\r\n\r\nown"))
    gateway = start(harness.simple_configuration(target.port, top='errors: [{respond: {body: no, status: 500}}]\n'))
    got = request(gateway.port, "/")
    assert (got.status, got.body, got.fields["x-from"]) == (503, b"own", "target") and isinstance(target, ScriptedBackend)


def test_a_replaced_status_hides_no_failure(start):
    """A branch is withdrawn by what has happened, not by what the client was told."""
    port, admin = free_port(), free_port()
    start(f"""version: 1
admin: {{address: '127.0.0.1:{admin}'}}
listeners: [{{name: main, address: '127.0.0.1:{port}'}}]
upstreams: [{{name: bad, targets: [{{address: '127.0.0.1:{free_port()}'}}]}}, {{name: worse, targets: [{{address: '127.0.0.1:{free_port()}'}}]}}]
routes:
  - name: all
    match: {{path_prefix: /}}
    split: [{{upstream: bad, weight: 1}}, {{upstream: worse, when: request.header.x-new exists, rollback: {{error_share: 50%, min_requests: 5, interval: 1h}}}}]
errors: [{{status: 502, respond: {{status: 200, body: fine}}}}]
""")
    for _ in range(6):
        got = request(port, "/", "X-New: 1")
        assert (got.status, got.body) == (200, b"fine")
    # Five failures end the interval; the sixth request goes to the other branch.
    (split,) = json.loads(harness.get(admin, "/v1/health/splits")[1])["splits"]
    assert {one["name"]: one["rolled_back"] for one in split["branches"]} == {"bad": False, "worse": True}
    for name in ('portcullis_requests_total{route="all",status="2xx"}', 'portcullis_revision_requests_total{revision="1",status="5xx"}'):
        harness.wait_for(lambda: metric(admin, name) == 6, what=name)


def test_a_reload_changes_the_rules(shaped):
    gateway = shaped({"respond": body("one")})
    assert request(gateway.main_port).body == b"one"
    text = gateway.path.read_text()
    gateway.write(text.replace('"one"', '"two"'))
    gateway.reload()
    assert request(gateway.main_port).body == b"two"
    gateway.write(text.partition("errors:")[0])
    gateway.reload()
    assert request(gateway.main_port).kind == PROBLEM


def test_the_api_reads_and_changes_the_rules(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    status, told, reply = call(admin, "GET", "/v1/errors")
    assert (status, told) == (200, [])
    one, two = {"status": 404, "respond": body("one")}, {"respond": body("two {error.status}")}
    status, told, reply = call(admin, "PUT", "/v1/errors", [one])
    assert status == 201 and told == [one], reply
    tag = field_of(reply, "etag")
    assert request(gateway.main_port).body == b"one"
    assert call(admin, "GET", "/v1/errors", None, f"If-None-Match: {tag}")[0] == 304
    assert call(admin, "PUT", "/v1/errors", [one])[2].lower().count("portcullis-revision: 2\r\n") == 1
    patch = [{"op": "add", "path": "/1", "value": two}, {"op": "replace", "path": "/0/status", "value": 405}]
    status, told, _ = call(admin, "PATCH", "/v1/errors", patch, "Content-Type: application/json-patch+json", f"If-Match: {tag}")
    assert status == 200 and told == [{**one, "status": 405}, two]
    assert request(gateway.main_port).body == b"two 404"
    assert call(admin, "PUT", "/v1/errors", [], f"If-Match: {tag}")[0] == 412
    assert call(admin, "DELETE", "/v1/errors")[0] == 405
    status, text = ask_text(admin, "GET", "/v1/errors", f"Accept: {YAML.partition(': ')[2]}")
    assert status == 200 and "status: 405" in text

    # The whole document, revisions, and a draft have the rules, too.
    assert call(admin, "GET", "/v1/config")[1]["errors"] == [{**one, "status": 405}, two]
    (told,) = call(admin, "GET", "/v1/revisions/2/diff/3")[1]["objects"]
    assert (told["kind"], told["change"]) == ("errors", "changed")
    assert call(admin, "PUT", "/v1/drafts/d/errors", [two])[0] in (200, 201)
    assert request(gateway.main_port).body == b"two 404"
    assert call(admin, "POST", "/v1/drafts/d/publish", {})[0] == 200
    assert call(admin, "GET", "/v1/errors")[1] == [two]
    # The rules survive a restart.
    gateway.stop()
    gateway = node(start, tmp_path, admin, port=gateway.main_port)
    assert request(gateway.main_port).body == b"two 404"
    assert call(admin, "POST", "/v1/revisions/2/restore")[0] == 200
    assert request(gateway.main_port).body == b"one"


def test_a_plan_shows_the_change_and_what_it_does(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin, file_objects="routes: [{name: a, match: {path: /a}, policies: [{respond: {}}]}]\n")
    for path in ("/a", "/none", "/none"):
        request(gateway.main_port, path)
    rule = {"status": 404, "respond": {"status": 410}}
    status, told, _ = call(admin, "POST", "/v1/plan", {"changes": [{"put": {"kind": "errors", "value": [rule]}}]})
    assert status == 200 and told["diagnostics"] == []
    assert [(one["kind"], one["change"]) for one in told["diff"]["objects"]] == [("errors", "added")]
    rehearsal = told["rehearsal"]
    assert (rehearsal["replayed"], rehearsal["unchanged"]) == (3, 1)
    (group,) = rehearsal["groups"]
    assert (group["before"]["status"], group["after"]["status"], group["count"]) == (404, 410, 2)
    assert group["after"]["outcome"] == "refused" and group["after"]["reason"] == "no_route"
    # A field that was not recorded is not guessed.
    rule["when"] = "request.header.x-never exists"
    told = call(admin, "POST", "/v1/plan", {"changes": [{"put": {"kind": "errors", "value": [rule]}}]})[1]
    (group,) = told["rehearsal"]["groups"]
    assert group["after"]["outcome"] == "unknown" and "x-never" in json.dumps(group["after"])
    assert request(gateway.main_port).status == 404
    # A rule without a status changes no outcome.
    del rule["respond"]["status"]
    told = call(admin, "POST", "/v1/plan", {"changes": [{"put": {"kind": "errors", "value": [rule]}}]})[1]
    assert told["rehearsal"]["groups"] == []


def test_a_file_that_has_rules_owns_them(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin, file_objects="errors:\n  - {status: 404, respond: {body: file}}\n")
    assert request(gateway.main_port).body == b"file"
    for method, value, fields in (("PUT", [], ()), ("PATCH", [], (MERGE,))):
        status, told, _ = call(admin, method, "/v1/errors", value, *fields)
        assert (status, told["file"], told["line"]) == (409, str(gateway.path), 6)
        assert "-  - {status: 404, respond: {body: file}}" in told["diff"], told
    assert request(gateway.main_port).body == b"file"
    # And the API's rules make a load fail that brings them in a file.
    gateway.write(gateway.path.read_text().partition("errors:")[0])
    gateway.reload()
    assert call(admin, "PUT", "/v1/errors", [{"respond": body("api")}])[0] == 201
    assert request(gateway.main_port).body == b"api"


MISTAKES = [
    ("{status: 600}", "status: write 200"),
    ("{status: []}", "empty"),
    ("{statuses: 404}", "unknown key `statuses`", "`status`"),
    ("{reason: no_rout}", "there is no reason `no_rout`", "did you mean `no_route`?"),
    ("{reason: [no_route, connect_refusd]}", "there is no reason `connect_refusd`", "did you mean `connect_refused`?"),
    ("{when: request.hedder.a exists}", "there is no variable `request.hedder.a`", "did you mean"),
    ("{when: request.path}", "in the condition"),
    ("{respond: {status: 99}}", "not a whole number from 200 to 599"),
    ("{respond: {body: '{error.titel}'}}", "there is no variable `error.titel`", "did you mean `error.title`?"),
    ("{respond: {body: '{response.status}'}}", "`response.status` cannot be read here"),
    ("{respond: {content_type: application/json, body: '{\"error\": 1}'}}", "write `{{` for a brace"),
    ("{respond: {content_type: application/json, body: '{{\"id\": {request.id}}'}}", "the body is not JSON"),
    ("{respond: {content_type: text/css, body: 'a {request.id}'}}", "how their values are escaped in `text/css`"),
    ("{respond: {content_type: html, body: a}}", "`html` is not a media type"),
    ("{respond: {body: '" + "x" * 65537 + "'}}", "at most 64KiB"),
    ("{respond: {fields: {content-length: '1'}}}", "cannot be changed here"),
    ("{respond: {fields: {content-type: text/html}}}", "write `content_type`"),
    ("{respond: {fields: {x: \"a\\r\\nb\"}}}", "control characters"),
    ("{respond: {json: {}}}", "unknown key `json`"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one[1])
def test_mistakes_are_named_with_their_place(tmp_path, mistake):
    rule, *texts = mistake
    path = tmp_path / "c.yaml"
    path.write_text(f"version: 1\nlisteners: [{{name: a, address: '127.0.0.1:8080'}}]\nerrors:\n  - {rule}\n")
    out = portcullis("check", str(path))
    assert out.returncode == 1
    said = out.stdout + out.stderr
    assert f"{path}:4:" in said and all(text in said for text in texts), said


def test_mistakes_sent_to_the_api_have_a_pointer(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    for value, pointer, suggestion in (({"reason": "no_rout"}, "/0/reason", "no_route"),
                                       ({"respond": {"body": "{error.titel}"}}, "/0/respond/body", "error.title")):
        status, told, _ = call(admin, "PUT", "/v1/errors", [value])
        (found,) = told["diagnostics"]
        assert (status, found["path"], found.get("suggestion")) == (422, pointer, suggestion), found
    assert call(admin, "GET", "/v1/errors")[1] == []


@pytest.mark.parametrize("where, key", [("", "error_page: {}"), ("", "local_reply_config: {}"), ("", "handle_errors: []"),
                                        ("routes: [{name: a, match: {path: /}, ", "error_page: 404}]"),
                                        ("policies: [", "errors: {}]")])
def test_other_products_keys_lead_here(tmp_path, where, key):
    path = tmp_path / "c.yaml"
    path.write_text(f"version: 1\nlisteners: [{{name: a, address: '127.0.0.1:8080'}}]\n{where}{key}\n")
    out = portcullis("check", str(path))
    assert "here it is `errors` at the top level" in out.stdout + out.stderr, out


def test_explain_names_the_rule(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(FILE.replace("PORT", "8080").replace("AWAY", "8081").replace("LOG", "stdout").replace("RULES", "[]").replace(
        "errors: []", "errors:\n  - {status: 404, respond: {status: 302, fields: {location: /}, body: moved}}"))
    line = path.read_text().split("\n").index("errors:") + 2
    out = portcullis("explain", "-c", str(path), "GET", "/none")
    assert out.stdout.startswith(f"answer: 302 Found, no route matches it (no_route)\n  by a rule of errors: {path}:{line}\n"), out
    assert "  location: /\n" in out.stdout and "  moved\n" in out.stdout
    told = json.loads(portcullis("explain", "-c", str(path), "GET", "/keys", "--json").stdout)
    assert told["answer"]["status"] == 401 and "error_rule" not in told["answer"]


def test_commands(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    server = ["--server", f"http://127.0.0.1:{admin}"]
    rules = tmp_path / "errors.yaml"
    rules.write_text("- status: 404\n  respond:\n    body: |\n      none at {request.path}\n")
    out = portcullis("put", "errors", "-f", str(rules), *server)
    assert out.stdout == "errors: created, revision 2\n", out
    assert request(gateway.main_port).body == b"none at /none\n"
    assert "none at {request.path}" in portcullis("get", "errors", *server).stdout
    whole = portcullis("export", *server).stdout
    assert "errors:\n" in whole
    document = tmp_path / "all.yaml"
    document.write_text(whole.replace("none at", "nothing at"))
    out = portcullis("plan", "-f", str(document), *server)
    assert "errors" in out.stdout and "nothing at" in out.stdout, out
    assert portcullis("apply", "-f", str(document), *server).returncode == 0
    assert request(gateway.main_port).body == b"nothing at /none\n"
    assert portcullis("apply", "-f", str(document), *server).stdout == "nothing to do: revision 3 is in force\n"
    offline = tmp_path / "offline.yaml"
    offline.write_text("version: 1\nlisteners: [{name: a, address: '127.0.0.1:8080'}]\nerrors: [{status: 404, respond: {body: none}}]\n")
    assert "body: none" in portcullis("get", "errors", "-c", str(offline)).stdout
