"""Drafts: changes that are prepared by several calls, and published as one."""

import contextlib
import sqlite3
import subprocess

import harness
import pytest
import sanitizers
from harness import free_port, get
from identity import hashed
from objects_api import MERGE, call, node, revision
from publishing import answering, body_for

SECRET = "hunter2-of-a-draft"


def route(path, body, **more):
    return {"match": {"path": path}, "policies": [{"respond": {"status": 200, "body": body}}], **more}


@pytest.fixture
def admin(start, tmp_path):
    port = free_port()
    node.gateway = node(start, tmp_path, port)
    return port


def draft_names(admin, *fields):
    return [one["name"] for one in call(admin, "GET", "/v1/drafts", None, *fields)[1]["items"]]


def test_a_draft_is_made_by_its_first_write_and_changes_nothing_in_force(admin):
    assert call(admin, "GET", "/v1/drafts/mine")[0] == 404 and call(admin, "GET", "/v1/drafts/mine/routes")[0] == 404
    call(admin, "PUT", "/v1/routes/live", route("/live", "live"))
    before = revision(admin)
    status, told, reply = call(admin, "PUT", "/v1/drafts/mine/routes/new", route("/new", "new"))
    assert status == 201 and told["_origin"] == {"from": "draft"}, told
    assert f"ortcullis-revision: {before}\r\n" in reply and revision(admin) == before
    names = [one["name"] for one in call(admin, "GET", "/v1/drafts/mine/routes")[1]["items"]]
    assert names == ["live", "new"]
    assert call(admin, "GET", "/v1/drafts/mine/routes/live")[1]["_origin"] == {"from": "api", "revision": before}
    assert call(admin, "GET", "/v1/routes/new")[0] == 404 and get(node.gateway.main_port, "/new")[0] == 404
    told = call(admin, "GET", "/v1/drafts")[1]["items"][0]
    assert (told["name"], told["author"], told["objects"]) == ("mine", "local", 1)
    told = call(admin, "GET", "/v1/drafts/mine")[1]
    assert [(one["kind"], one["name"], one["change"]) for one in told["diff"]["objects"]] == [
        ("routes", "new", "added")]


def test_a_published_draft_is_one_revision_and_is_gone(admin):
    call(admin, "PUT", "/v1/routes/old", route("/old", "old"))
    before = revision(admin)
    call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"))
    call(admin, "DELETE", "/v1/drafts/d/routes/old")
    status, told, _ = call(admin, "POST", "/v1/drafts/d/publish", {"message": "why"})
    assert status == 200 and told == {"revision": before + 1, "summary": "+1 route, -1 route"}, told
    about = call(admin, "GET", f"/v1/revisions/{before + 1}")[1]
    assert about["message"] == "why" and about["parent"] == before
    assert get(node.gateway.main_port, "/a") == (200, "a") and get(node.gateway.main_port, "/old")[0] == 404
    assert draft_names(admin) == [] and call(admin, "POST", "/v1/drafts/d/publish")[0] == 404


def test_objects_that_others_have_changed_meanwhile_are_a_conflict_until_they_are_written_again(admin):
    call(admin, "PUT", "/v1/routes/a", route("/a", "base"))
    call(admin, "PUT", "/v1/routes/b", route("/b", "base"))
    call(admin, "PATCH", "/v1/drafts/d/routes/a", {"labels": {"team": "x"}}, MERGE)
    call(admin, "DELETE", "/v1/drafts/d/routes/b")
    call(admin, "PUT", "/v1/routes/a", route("/a", "live"))
    call(admin, "PUT", "/v1/routes/other", route("/other", "does not matter"))
    status, told, _ = call(admin, "POST", "/v1/drafts/d/publish")
    assert status == 409 and len(told["objects"]) == 1, told
    conflict = told["objects"][0]
    assert (conflict["kind"], conflict["name"]) == ("routes", "a")
    bodies = {side: conflict[side]["policies"][0]["respond"]["body"] for side in ("base", "live", "draft")}
    assert bodies == {"base": "base", "live": "live", "draft": "base"}
    assert call(admin, "POST", "/v1/drafts/d/publish?dry_run=true")[0] == 409
    assert draft_names(admin) == ["d"]
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "both"))[0] == 200
    assert call(admin, "POST", "/v1/drafts/d/publish")[0] == 200
    assert get(node.gateway.main_port, "/a") == (200, "both") and get(node.gateway.main_port, "/b")[0] == 404


def test_conflicts_are_told_before_the_draft_is_published_and_settled_by_writing_or_by_resetting(admin):
    for name in "abc":
        call(admin, "PUT", f"/v1/routes/{name}", route(f"/{name}", "base"))
        call(admin, "PUT", f"/v1/drafts/d/routes/{name}", route(f"/{name}", "draft"))
    assert call(admin, "DELETE", "/v1/drafts/d/routes/c")[0] == 204
    assert call(admin, "GET", "/v1/drafts/d")[1]["conflicts"] == []
    for name in "abc":
        call(admin, "PUT", f"/v1/routes/{name}", route(f"/{name}", "live"))
    told = call(admin, "GET", "/v1/drafts/d")[1]["conflicts"]
    assert [(one["name"], one["live"]["policies"][0]["respond"]["body"]) for one in told] == [(name, "live") for name in "abc"]
    assert told[2]["draft"] is None
    item = call(admin, "GET", "/v1/drafts")[1]["items"][0]
    assert item["changes"] == [{"kind": "routes", "name": name, "change": "removed" if name == "c" else "changed"} for name in "abc"]
    assert item["conflicts"] == [{"kind": "routes", "name": name} for name in "abc"]
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", told[0]["draft"])[0] == 200
    changes = [{"reset": {"kind": "routes", "name": "b"}}, {"reset": {"kind": "routes", "name": "c"}}, {"delete": {"kind": "routes", "name": "c"}}]
    assert call(admin, "POST", "/v1/drafts/d/changes", {"changes": changes})[1]["objects"] == 2
    assert call(admin, "GET", "/v1/drafts/d")[1]["conflicts"] == []
    assert call(admin, "POST", "/v1/drafts/d/publish")[0] == 200
    port = node.gateway.main_port
    assert (get(port, "/a")[1], get(port, "/b")[1], get(port, "/c")[0]) == ("draft", "live", 404)


def test_a_reset_takes_an_object_out_of_the_draft_also_one_with_secrets(admin):
    secret = route("/s", "s")
    secret["policies"].insert(0, {"headers": {"request": {"set": {"authorization": SECRET}}}})
    call(admin, "PUT", "/v1/routes/s", secret)
    call(admin, "DELETE", "/v1/drafts/d/routes/s")
    call(admin, "PUT", "/v1/drafts/d/routes/new", route("/new", "new"))
    resets = [{"reset": {"kind": "routes", "name": name}} for name in ("s", "new", "not-in-the-draft")]
    assert call(admin, "POST", "/v1/drafts/d/changes?dry_run=true", {"changes": resets})[1]["diff"]["objects"] == []
    assert call(admin, "POST", "/v1/drafts/d/changes", {"changes": resets})[1]["objects"] == 0
    assert call(admin, "GET", "/v1/drafts/d/routes/s")[0] == 200 and call(admin, "GET", "/v1/drafts/d/routes/new")[0] == 404
    status, told, _ = call(admin, "POST", "/v1/changes", {"changes": resets})
    assert status == 422 and told["detail"] == "expected one of `put`, `merge` and `delete`", told


def test_the_plan_of_a_draft_names_the_objects_at_fault_and_points_into_what_was_sent(admin):
    call(admin, "PUT", "/v1/drafts/d/routes/a", {"match": {"path": "/a"}, "upstream": "later"})
    told = call(admin, "POST", "/v1/drafts/d/plan")[1]["diagnostics"]
    assert [(one["path"], one["object"]) for one in told] == [("", {"kind": "routes", "name": "a"})], told
    change = {"put": {"kind": "routes", "name": "b", "value": {"match": {"path": "/b"}, "upstream": "later"}}}
    status, told, _ = call(admin, "POST", "/v1/drafts/d/changes?dry_run=true", {"changes": [change]})
    assert status == 200 and [(one["path"], one.get("object")) for one in told["diagnostics"]] == [
        ("", {"kind": "routes", "name": "a"}), ("/changes/0/put/value/upstream", None)], told
    change["put"]["name"] = ""
    status, told, _ = call(admin, "POST", "/v1/drafts/d/changes?dry_run=true", {"changes": [change]})
    assert status == 200 and told["diagnostics"][0]["path"] == "/changes/0/put/value/name" and told["diff"] == {"objects": []}


def test_an_object_that_is_written_back_is_not_in_the_draft_any_more(admin):
    call(admin, "PUT", "/v1/routes/a", route("/a", "a"))
    call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "b"))
    call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"))
    assert call(admin, "GET", "/v1/drafts/d")[1]["diff"]["objects"] == []


def test_several_objects_and_whole_documents(admin):
    call(admin, "PUT", "/v1/routes/a", route("/a", "a"))
    changes = [{"put": {"kind": "routes", "name": "b", "value": route("/b", "b")}},
               {"delete": {"kind": "routes", "name": "a"}}]
    assert call(admin, "POST", "/v1/drafts/d/changes", {"changes": changes})[1]["objects"] == 2
    document = call(admin, "GET", "/v1/drafts/d/config")[1]
    assert [one["name"] for one in document["routes"]] == ["b"] and "listeners" in document
    whole = {"routes": [{"name": "c", **route("/c", "c")}]}
    assert call(admin, "PUT", "/v1/drafts/d/config?prune=false", whole)[1]["objects"] == 3
    assert call(admin, "PUT", "/v1/drafts/d/config", whole)[1]["objects"] == 2  # without b, which was not in force
    status, plan, _ = call(admin, "POST", "/v1/drafts/d/plan")
    assert status == 200 and [(one["name"], one["change"]) for one in plan["diff"]["objects"]] == [
        ("a", "removed"), ("c", "added")]
    assert [one["name"] for one in call(admin, "GET", "/v1/config")[1]["routes"]] == ["a"]


def test_a_draft_may_have_errors_until_it_is_published(admin):
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", {"match": {"path": "/a"}, "upstream": "later"})[0] == 201
    assert "later" in call(admin, "POST", "/v1/drafts/d/plan")[1]["diagnostics"][0]["message"]
    status, told, _ = call(admin, "POST", "/v1/drafts/d/publish")
    assert status == 422 and "later" in told["detail"] and draft_names(admin) == ["d"]
    call(admin, "PUT", "/v1/drafts/d/upstreams/later", {"targets": [{"address": "127.0.0.1:9"}]})
    assert call(admin, "POST", "/v1/drafts/d/publish")[0] == 200


def test_preconditions_and_refusals_are_those_of_the_draft(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin, 'routes: [{name: f, match: {path: /f}, policies: [{respond: {status: 200}}]}]\n')
    first = call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "1"))[2]
    tag = [line.split(": ", 1)[1] for line in first.split("\r\n") if line.lower().startswith("etag:")][0]
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "2"), "If-None-Match: *")[0] == 412
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "2"), f"If-Match: {tag}")[0] == 200
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "3"), f"If-Match: {tag}")[0] == 412
    assert call(admin, "PATCH", "/v1/drafts/d/routes/none", {}, MERGE)[0] == 404
    status, told, _ = call(admin, "PUT", "/v1/drafts/d/routes/f", route("/f", "x"))
    assert status == 409 and told["file"].endswith("gateway.yaml") and "diff" in told
    assert call(admin, "PUT", "/v1/drafts/a%20b/routes/a", route("/a", "1"))[0] == 422


def test_a_dry_run_writes_nothing(admin):
    status, plan, _ = call(admin, "PUT", "/v1/drafts/d/routes/a?dry_run=true", route("/a", "a"))
    assert status == 200 and plan["diff"]["objects"][0]["name"] == "a" and draft_names(admin) == []
    call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"))
    before = revision(admin)
    assert call(admin, "POST", "/v1/drafts/d/publish?dry_run=true")[1]["diff"]["objects"][0]["change"] == "added"
    assert draft_names(admin) == ["d"] and revision(admin) == before


def test_a_draft_survives_a_restart_and_a_new_key_and_its_secrets_are_not_in_clear(start, tmp_path):
    admin, again = free_port(), free_port()
    secret = route("/s", "s")
    secret["policies"].insert(0, {"headers": {"request": {"set": {"authorization": SECRET}}}})
    gateway = node(start, tmp_path, admin)
    status, told, reply = call(admin, "PUT", "/v1/drafts/d/routes/s", secret)
    assert status == 201 and SECRET not in str(told), reply
    assert SECRET not in reply and SECRET not in call(admin, "GET", "/v1/drafts/d")[2]
    assert SECRET not in call(admin, "GET", "/v1/drafts/d/config")[2]
    gateway.stop()
    store = tmp_path / "portcullis.db"
    for path in tmp_path.glob("portcullis.db*"):
        assert SECRET.encode() not in path.read_bytes(), path
    subprocess.run([harness.BINARY, "store", "rekey", "--store", str(store)], check=True, timeout=60)
    node(start, tmp_path, again)
    shown = call(again, "GET", "/v1/drafts/d/routes/s")[1]
    assert shown["policies"][0]["headers"]["request"]["set"]["authorization"] == "***"
    shown["labels"] = {"team": "x"}
    assert call(again, "PUT", "/v1/drafts/d/routes/s", shown)[0] == 200


def test_a_draft_is_published_within_a_bound_or_as_a_canary(admin):
    call(admin, "PUT", "/v1/routes/all", answering("base"))
    for _ in range(10):
        get(node.gateway.main_port, "/")
    call(admin, "PUT", "/v1/drafts/d/routes/all", answering("draft", 201))
    status, told, _ = call(admin, "POST", "/v1/publish", {"draft": "d", "max_changed": "10%"})
    assert status == 409 and told["rehearsal"]["replayed"] == 10 and draft_names(admin) == ["d"], told
    canary = {"share": "50%", "for": "10m", "by": "{request.header.x-user}"}
    status, told, _ = call(admin, "POST", "/v1/publish", {"draft": "d", "message": "try it", "canary": canary})
    assert status == 200 and told["canary"]["revision"] == told["revision"] and draft_names(admin) == []
    bodies = {body_for(node.gateway.main_port, f"u{i}") for i in range(40)}
    assert bodies == {"base", "draft"}
    assert call(admin, "GET", f"/v1/revisions/{told['revision']}")[1]["message"] == "try it"
    assert call(admin, "POST", "/v1/publish", {"draft": "d"})[0] == 404
    assert call(admin, "POST", "/v1/publish", {"draft": "d", "changes": []})[0] == 422


def test_viewers_read_drafts_and_publishers_write_what_their_labels_allow(start, tmp_path):
    admin = free_port()
    tokens = {"viewer": "viewer", "publisher": "publisher", "team": "publisher, labels: {team: orders}"}
    told = ", ".join(f"{{name: {name}, hash: '{hashed(name)}', role: {role}}}" for name, role in tokens.items())
    node(start, tmp_path, admin, settings=f", tokens: [{told}]")
    by = {name: f"Authorization: Bearer {name}" for name in tokens}
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"), by["viewer"])[0] == 403
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"), by["team"])[0] == 403
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"), by["publisher"])[0] == 201
    assert draft_names(admin, by["viewer"]) == ["d"]
    assert call(admin, "GET", "/v1/drafts/d/routes/a", None, by["viewer"])[0] == 200
    assert call(admin, "POST", "/v1/drafts/d/plan", None, by["viewer"])[0] == 200
    assert call(admin, "POST", "/v1/drafts/d/publish", None, by["viewer"])[0] == 403
    assert call(admin, "POST", "/v1/drafts/d/publish", None, by["team"])[0] == 403
    assert call(admin, "DELETE", "/v1/drafts/d", None, by["team"])[0] == 403
    of_team = route("/t", "t", labels={"team": "orders"})
    assert call(admin, "PUT", "/v1/drafts/t/routes/t", of_team, by["team"])[0] == 201
    told = call(admin, "GET", "/v1/drafts/t", None, by["viewer"])[1]
    assert (told["author"], told["changed_by"]) == ("team", "team") and told["changed"] >= told["time"]
    assert call(admin, "PUT", "/v1/drafts/t/routes/t", dict(of_team, description="x"), by["publisher"])[0] == 200
    told = call(admin, "GET", "/v1/drafts", None, by["viewer"])[1]["items"][1]
    assert (told["name"], told["author"], told["changed_by"]) == ("t", "team", "publisher")
    reset = {"changes": [{"reset": {"kind": "routes", "name": "a"}}]}
    assert call(admin, "POST", "/v1/drafts/d/changes", reset, by["team"])[0] == 403
    assert call(admin, "POST", "/v1/drafts/t/publish", None, by["team"])[0] == 200
    assert call(admin, "DELETE", "/v1/drafts/d", None, by["publisher"])[0] == 204
    assert call(admin, "DELETE", "/v1/drafts/d", None, by["publisher"])[0] == 404


def test_drafts_are_bounded_in_number(admin):
    for number in range(100):
        assert call(admin, "PUT", f"/v1/drafts/d{number}/routes/a", route("/a", "a"))[0] == 201
    status, told, _ = call(admin, "PUT", "/v1/drafts/more/routes/a", route("/a", "a"))
    assert status == 409 and told["detail"] == "there are 100 drafts already: publish or delete one of them first"
    assert call(admin, "PUT", "/v1/drafts/d0/routes/b", route("/b", "b"))[0] == 201


def test_a_draft_that_cannot_be_read_can_be_deleted(admin, tmp_path):
    for name in ("good", "bad"):
        assert call(admin, "PUT", f"/v1/drafts/{name}/routes/a", route("/a", "a"))[0] == 201
    with contextlib.closing(sqlite3.connect(tmp_path / "portcullis.db")) as database, database:
        database.execute("UPDATE drafts SET box = zeroblob(100) WHERE name = 'bad'")
    status, told, _ = call(admin, "GET", "/v1/drafts/bad")
    assert status == 409 and told["detail"].startswith("the draft `bad`: ") and told["detail"].endswith("; it can be deleted"), told
    assert call(admin, "PUT", "/v1/drafts/bad/routes/a", route("/a", "a"))[0] == 409
    assert draft_names(admin) == ["bad", "good"]
    assert call(admin, "DELETE", "/v1/drafts/bad")[0] == 204
    assert draft_names(admin) == ["good"]


@sanitizers.same_path
def test_drafts_are_bounded_in_size(admin):
    assert call(admin, "PUT", "/v1/drafts/d0/routes/a", route("/a", "a"))[0] == 201
    status, told, _ = call(admin, "PUT", "/v1/drafts/d0/routes/b", route("/b", "b" * (17 << 20)))
    assert status == 413 and "would be larger than 16 MiB" in told["detail"]


def test_without_a_store_drafts_end_with_the_process(start):
    admin, port = free_port(), free_port()
    start(f"version: 1\nadmin: {{address: '127.0.0.1:{admin}', writes: both}}\n"
          f"listeners: [{{name: main, address: '127.0.0.1:{port}'}}]\n")
    assert call(admin, "PUT", "/v1/drafts/d/routes/a", route("/a", "a"))[0] == 201
    assert call(admin, "POST", "/v1/drafts/d/publish")[0] == 200 and get(port, "/a") == (200, "a")
