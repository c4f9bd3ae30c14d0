"""Objects that are sent to harm, and objects at the edges of what is allowed."""

import os

import sanitizers
from harness import free_port, get
from objects_api import YAML, call, node, revision


def answering(name, body, path="/x"):
    return {"name": name, "match": {"path": path}, "policies": [{"respond": {"status": 200, "body": body}}]}


@sanitizers.same_path
def test_a_document_that_grows_by_its_aliases_is_refused(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    bomb = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
    for i in range(1, 12):
        bomb += f"x{i}: &x{i} [" + ", ".join([f"*x{i - 1}"] * 10) + "]\n"
    for method, path in (("POST", "/v1/plan"), ("PUT", "/v1/config"), ("PUT", "/v1/routes/x")):
        status, told, reply = call(admin, method, path, bomb, YAML)
        assert status == 400 and "aliases" in told["diagnostics"][0]["message"], reply


def test_references_reach_only_what_the_node_lists(start, tmp_path):
    admin = free_port()
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "text").write_text("fine\n")
    (folder / ":-").mkdir()
    (tmp_path / "hidden").write_text("hidden-content\n")
    (tmp_path / "open:-x").write_text("hidden-content\n")
    gateway = node(start, tmp_path, admin, store=f", references: [PATH, HOME, '{folder}/', '{tmp_path}/open']")
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "${file:" + str(folder / "text") + "}"))[0] == 201
    assert get(gateway.main_port, "/x") == (200, "fine")
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "${PATH}"))[0] == 200
    assert get(gateway.main_port, "/x")[1] == os.environ["PATH"]
    # What is written is told, and not what it stands for.
    assert call(admin, "GET", "/v1/routes/x")[1]["policies"][0]["respond"]["body"] == "${PATH}"
    for text in ("${file:" + str(tmp_path) + "/hidden}", "${file:" + str(folder) + "/../hidden}",
                 "${file:" + str(folder) + "/:-/../../hidden}", "${file:" + str(tmp_path) + "/open:-x}",
                 "${USER:-${file:/etc/passwd}}", "${PATH:-${USER}}", "${PATH:-${file:/etc/passwd}}",
                 "${file:HOME}", "${file:../HOME}", "${file:}", "${}", "$$${PATH}${USER}", "${USER:-x}",
                 "${file:" + str(folder) + "/./../hidden}", "${file:" + str(folder) + "/..}"):
        status, told, reply = call(admin, "PUT", "/v1/routes/x", answering("x", text))
        assert status == 422 and "store.references" in told["detail"], (text, reply)
        assert told["diagnostics"][0]["path"] == "/policies/0/respond/body", reply
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "$${USER}"))[0] == 200
    assert get(gateway.main_port, "/x") == (200, "${USER}")
    assert call(admin, "GET", "/v1/routes/x")[1]["policies"][0]["respond"]["body"] == "$${USER}"


def test_references_of_a_reload_that_was_refused_are_not_used(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin, store=", references: [PATH]")
    text = gateway.path.read_text()
    gateway.write(text.replace("[PATH]", "[PATH, HOME]") + "nonsense: 1\n")
    gateway.reload()
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "${HOME}"))[0] == 422
    gateway.write(text.replace("[PATH]", "[]") + "nonsense: 1\n")
    gateway.reload()
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "${PATH}"))[0] == 201


def test_an_object_is_stored_as_it_was_sent_so_that_sending_it_again_changes_nothing(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin, store=", references: [PATH]")
    route = {**answering("x", "${PATH} $${x} 1.10"), "x-note": {"a": [1.5, "007", None, True, -0.25, 1e21]}, "description": "007"}
    status, told, _ = call(admin, "PUT", "/v1/routes/x", route)
    assert status == 201
    told.pop("_origin")
    assert told == route
    number = revision(admin)
    assert call(admin, "PUT", "/v1/routes/x", route)[0] == 200 and revision(admin) == number


def test_a_whole_document_that_was_read_can_be_sent_back(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin, "routes:\n  - {name: 7, match: {path: /7}, labels: {team: 5, 5: on}, policies: [{respond: {status: 200, body: 007}}]}\n"
         "consumers:\nplans: []\npolicies:\n")
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "\x7f\u0085\u2028\ufeff\U0001f600 # 'y' \\"))[0] == 201
    number = revision(admin)
    assert [one["name"] for one in call(admin, "GET", "/v1/routes?label=team:5")[1]["items"]] == ["7"]
    status, told, _ = call(admin, "GET", "/v1/config")
    assert status == 200
    assert call(admin, "PUT", "/v1/config", told)[1] == {"revision": number, "summary": ""}
    text = call_text(admin, "/v1/config?format=yaml")
    status, told, reply = call(admin, "PUT", "/v1/config", text, YAML)
    assert status == 200 and told == {"revision": number, "summary": ""}, reply
    status, told, reply = call(admin, "PUT", "/v1/config", "version: 1\nroutes:\npolicies:\n", YAML)
    assert status == 200 and told["summary"] == "-1 route", reply


def call_text(admin, path):
    from admin_requests import ask
    status, reply = ask(admin, "GET", path)
    assert status == 200
    return reply.split("\r\n\r\n", 1)[1]


def test_names_and_numbers_that_cannot_be(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    for name in ("a%00b", "a%0Ab", "%2E", "%2E%2E", "x" * 129, "%FF", "%20"):
        status, _, reply = call(admin, "PUT", f"/v1/routes/{name}", {"match": {"path": "/"}, "policies": [{"respond": {"status": 200}}]})
        assert status in (400, 404, 422), (name, reply)
    assert call(admin, "GET", "/v1/routes")[1]["items"] == []
    for number in ("1e400", "123456789012345678901234567890", "9007199254740993", "NaN"):
        status, _, reply = call(admin, "PUT", "/v1/routes/x", '{"match": {"path": "/"}, "x-n": %s}' % number)
        assert status in (400, 422), (number, reply)
    deep = '{"a":' * 150 + "1" + "}" * 150
    assert call(admin, "PUT", "/v1/routes/x", deep)[0] in (400, 422)
    assert call(admin, "PUT", "/v1/routes/x", '{"a":' * 5000 + "1" + "}" * 5000)[0] == 400


def test_a_change_from_a_base_sees_what_was_deleted_since(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/routes/x", answering("x", "one"))[0] == 201
    base = revision(admin)
    assert call(admin, "DELETE", "/v1/routes/x")[0] == 204
    put = {"put": {"kind": "routes", "name": "x", "value": answering("x", "two")}}
    status, told, reply = call(admin, "POST", "/v1/changes", {"base": base, "changes": [put]})
    assert status == 409 and told["objects"] == [{"kind": "routes", "name": "x"}], reply
    status, told, reply = call(admin, "POST", "/v1/changes", {"base": base + 1, "changes": [put]})
    assert status == 200, reply
    status, told, reply = call(admin, "POST", "/v1/changes", {"base": 1000, "changes": [{"delete": {"kind": "routes", "name": "x"}}]})
    assert status == 422 and told["diagnostics"][0]["path"] == "/base", reply


def test_a_weak_tag_of_if_none_match_is_compared_weakly(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    status, _, reply = call(admin, "PUT", "/v1/routes/x", answering("x", "one"))
    tag = next(line.split(": ")[1] for line in reply.split("\r\n") if line.lower().startswith("etag"))
    assert call(admin, "GET", "/v1/routes/x", None, f"If-None-Match: W/{tag}")[0] == 304
    assert call(admin, "DELETE", "/v1/routes/x", None, f"If-Match: W/{tag}")[0] == 412
    assert call(admin, "DELETE", "/v1/routes/x", None, f'If-Match: "a", {tag}')[0] == 204
