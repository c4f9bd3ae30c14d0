"""Policy sets: requests through routes that use them, and their life in files and in the admin API."""

import json

from admin_requests import ask
from command_line import portcullis
from harness import free_port, get
from objects_api import MERGE
from publishing import answering, call, field_of, node

PUBLIC = {"name": "public", "policies": [{"headers": {"response": {"set": {"x-set": "1"}}}}]}
LIMITED = {"name": "limited", "policies": [{"rate_limit": {"limit": "1/min", "key": "all"}}]}


def using(*names, name="hello", path="/hello"):
    """A route that uses sets, and then answers."""
    return {"name": name, "match": {"path": path}, "policies": [*({"use": one} for one in names), {"respond": {"body": name}}]}


def fields(port, path):
    """(status, the fields of the response)"""
    status, reply = ask(port, "GET", path)
    return status, reply.partition("\r\n\r\n")[0].lower()


def test_a_set_is_created_used_changed_and_deleted(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    status, told, reply = call(admin, "PUT", "/v1/policy-sets/public", PUBLIC)
    assert status == 201 and told == {**PUBLIC, "_origin": {"from": "api", "revision": 2}}
    assert call(admin, "GET", "/v1/policy_sets/public", None, f"If-None-Match: {field_of(reply, 'etag')}")[0] == 304
    assert call(admin, "PUT", "/v1/policy-sets/public", told)[2].lower().count("portcullis-revision: 2\r\n") == 1
    assert [one["name"] for one in call(admin, "GET", "/v1/policy-sets")[1]["items"]] == ["public"]
    assert call(admin, "PUT", "/v1/routes/hello", using("public"))[0] == 201
    status, head = fields(gateway.main_port, "/hello")
    assert status == 200 and "x-set: 1" in head

    # A change of the set alone acts in the routes that use it.
    change = {"policies": [{"headers": {"response": {"set": {"x-set": "2"}}}}], "labels": {"team": "edge"}}
    status, told, _ = call(admin, "PATCH", "/v1/policy-sets/public", change, MERGE)
    assert status == 200 and told["labels"] == {"team": "edge"}
    assert "x-set: 2" in fields(gateway.main_port, "/hello")[1]
    assert len(call(admin, "GET", "/v1/policy-sets?label=team:edge")[1]["items"]) == 1

    status, told, reply = call(admin, "DELETE", "/v1/policy-sets/public")
    assert status == 409 and told["referred_by"] == [{"kind": "routes", "name": "hello"}], reply
    assert call(admin, "PUT", "/v1/policies", [{"use": "public"}])[0] == 201
    assert call(admin, "PUT", "/v1/routes/hello", using())[0] == 200
    assert "x-set: 2" in fields(gateway.main_port, "/hello")[1]
    assert "x-set: 2" in fields(gateway.main_port, "/none")[1]
    status, told, _ = call(admin, "DELETE", "/v1/policy-sets/public")
    assert status == 409 and [one["kind"] for one in told["referred_by"]] == ["policies"]
    assert call(admin, "PUT", "/v1/policies", [])[0] == 200
    assert call(admin, "DELETE", "/v1/policy-sets/public")[0] == 204
    assert "x-set" not in fields(gateway.main_port, "/hello")[1]


def test_mistakes_are_named_with_their_place(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/policy-sets/public", PUBLIC)[0] == 201
    status, told, _ = call(admin, "PUT", "/v1/routes/hello", using("publik"))
    assert status == 422
    (found,) = told["diagnostics"]
    assert found["path"] == "/policies/0/use" and found["suggestion"] == "public", found
    assert call(admin, "PUT", "/v1/routes/hello", using("public"))[0] == 201
    # A mistake in a set is told at its own place, once, whatever uses it.
    wrong = {"policies": [{"respond": {"status": 99}}]}
    status, told, _ = call(admin, "PUT", "/v1/policy-sets/public", wrong)
    assert status == 422 and [one["path"] for one in told["diagnostics"]] == ["/policies/0/respond/status"]
    nested = {"policies": [{"use": "public"}]}
    status, told, _ = call(admin, "PUT", "/v1/policy-sets/outer", nested)
    assert status == 422 and [one["path"] for one in told["diagnostics"]] == ["/policies/0/use"]


def test_a_change_of_several_objects_is_planned_and_made_at_once(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    changes = {"changes": [{"put": {"kind": "routes", "name": "hello", "value": using("public")}},
                           {"put": {"kind": "policy-sets", "name": "public", "value": PUBLIC}}]}
    status, told, _ = call(admin, "POST", "/v1/plan", changes)
    assert status == 200 and told["diagnostics"] == []
    assert {(one["kind"], one["name"], one["change"]) for one in told["diff"]["objects"]} \
        == {("routes", "hello", "added"), ("policy-sets", "public", "added")}
    assert call(admin, "POST", "/v1/changes", changes)[:2] == (200, {"revision": 2, "summary": "+1 policy set, +1 route"})
    assert "x-set: 1" in fields(gateway.main_port, "/hello")[1]
    # Drafts, revisions, and the whole document have the kind, too.
    assert call(admin, "PUT", "/v1/drafts/d/policy-sets/other", {"policies": []})[0] == 201
    assert call(admin, "POST", "/v1/drafts/d/publish", {})[0] == 200
    status, told, _ = call(admin, "GET", "/v1/config")
    assert status == 200 and [one["name"] for one in told["policy_sets"]] == ["other", "public"]
    assert told["routes"][0]["policies"][0] == {"use": "public"}
    told = call(admin, "GET", "/v1/revisions/2/diff/3")[1]
    assert [(one["kind"], one["name"]) for one in told["objects"]] == [("policy-sets", "other")]
    assert call(admin, "PUT", "/v1/config", {"routes": [answering("bare")]})[0] == 200
    assert call(admin, "GET", "/v1/policy-sets")[1]["items"] == []


def test_each_route_counts_for_itself(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/policy-sets/limited", LIMITED)[0] == 201
    for name in ("a", "b"):
        assert call(admin, "PUT", f"/v1/routes/{name}", using("limited", name=name, path=f"/{name}"))[0] == 201
    assert [get(gateway.main_port, path)[0] for path in ("/a", "/b", "/a", "/b")] == [200, 200, 429, 429]
    # As counters of routes do, these survive a change of the set.
    both = {"policies": [*PUBLIC["policies"], *LIMITED["policies"]]}
    assert call(admin, "PUT", "/v1/policy-sets/limited", both)[0] == 200
    status, head = fields(gateway.main_port, "/a")
    assert status == 429 and "x-set: 1" in head


FILE = """\
version: 1
listeners: [{name: main, address: '127.0.0.1:PORT'}]
ADMIN
policy_sets:
  - name: public
    policies:
      - headers: {response: {set: {x-set: "1"}}}
routes:
  - name: hello
    match: {path: /hello}
    policies: [{use: public}, {respond: {body: hi}}]
  - {name: bare, match: {path: /bare}, policies: [{respond: {}}]}
"""


def test_a_set_in_a_file_is_changed_by_a_reload(start):
    port, admin = free_port(), free_port()
    text = FILE.replace("PORT", str(port)).replace("ADMIN", f"admin: {{address: '127.0.0.1:{admin}'}}")
    gateway = start(text)
    assert "x-set: 1" in fields(port, "/hello")[1] and "x-set" not in fields(port, "/bare")[1]
    told = json.loads(get(admin, "/v1/overview")[1])
    assert told["routes"][0]["policies"][0] == {"name": "headers", "place": f"{gateway.path}:7", "policy_set": "public"}
    assert call(admin, "GET", "/v1/policy-sets/public")[1]["_origin"] == {"from": "file", "file": str(gateway.path), "line": 5}
    # The text of the route does not change, so it is not read again.
    gateway.write(text.replace('x-set: "1"', 'x-set: "2"'))
    gateway.reload()
    assert "x-set: 2" in fields(port, "/hello")[1]
    assert "x-set" not in fields(port, "/bare")[1]


def test_explain_and_the_command_line_know_sets(tmp_path, start):
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE.replace("PORT", "8080").replace("ADMIN\n", "\n"))
    out = portcullis("explain", "-c", str(path), "GET", "/hello")
    assert f"  policy: headers (policy set public, {path}:7): continues\n" in out.stdout
    told = json.loads(portcullis("explain", "-c", str(path), "GET", "/hello", "--json").stdout)
    assert [one.get("policy_set") for one in told["policies"]] == ["public", None]
    out = portcullis("get", "policy-sets", "-c", str(path))
    assert out.returncode == 0 and "name: public" in out.stdout
    path.write_text(path.read_text().replace("use: public", "use: pubic"))
    out = portcullis("check", str(path))
    assert out.returncode == 1
    assert out.stdout + out.stderr == f"{path}:11:22: error: there is no policy set `pubic` - did you mean `public`?\n"

    admin = free_port()
    node(start, tmp_path, admin)
    server = ["--server", f"http://127.0.0.1:{admin}"]
    out = portcullis("put", "policy-sets", "-f", "-", *server, input="name: public\npolicies: [{compress: {}}]\n")
    assert out.stdout == "policy-sets/public: created, revision 2\n", out
    assert "compress: {}" in portcullis("get", "policy-sets", "public", *server).stdout
    assert portcullis("delete", "policy-sets", "public", *server).stdout == "policy-sets/public: deleted, revision 3\n"
