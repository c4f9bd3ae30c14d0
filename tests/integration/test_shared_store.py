"""Two gateways that use one store: each of them follows what the other one has published."""

import json
import subprocess

import harness
import pytest
from harness import free_port, get
from objects_api import MERGE, call, revision
from publishing import answering

UPSTREAM = {"targets": [{"address": "127.0.0.1:9"}]}


@pytest.fixture
def begin(tmp_path):
    """begin(objects of its file) -> (gateway, port of its admin listener): a gateway with files of its own and the common store."""
    made = []

    def start(file_objects=""):
        folder = tmp_path / f"node{len(made)}"
        folder.mkdir()
        admin, port = free_port(), free_port()
        gateway = harness.Gateway(folder, f"version: 1\nadmin: {{address: '127.0.0.1:{admin}'}}\n"
                                  f"store: {{sqlite: {tmp_path / 'portcullis.db'}}}\n"
                                  f"listeners: [{{name: main, address: '127.0.0.1:{port}'}}]\n{file_objects}")
        gateway.main_port = port
        made.append(gateway)
        return gateway, admin

    yield start
    for gateway in made:
        gateway.stop()


@pytest.fixture
def two(begin):
    """Two gateways, whose files differ in the address of the listener."""
    return begin(), begin()


def route(path, body):
    return {"match": {"path": path}, "policies": [{"respond": {"status": 200, "body": body}}]}


def names(admin):
    return [one["name"] for one in call(admin, "GET", "/v1/routes")[1]["items"]]


def test_a_change_follows_what_the_other_process_has_published(two):
    (one, at_one), (other, at_other) = two
    assert call(at_other, "PUT", "/v1/routes/a", route("/a", "of the other"))[0] == 201
    assert call(at_one, "PUT", "/v1/routes/b", route("/b", "of one"))[0] == 201
    assert call(at_other, "PUT", "/v1/routes/c", route("/c", "again"))[0] == 201
    assert names(at_one) == ["a", "b"] and names(at_other) == ["a", "b", "c"]
    assert get(one.main_port, "/a") == (200, "of the other") and get(other.main_port, "/b") == (200, "of one")
    assert revision(at_one) == 5
    changed = [item["summary"] for item in call(at_one, "GET", "/v1/revisions")[1]["items"][:3]]
    assert changed == ["+1 route"] * 3  # the listeners of the two are not a part of these changes


def test_an_object_that_the_other_process_has_changed_is_a_conflict_once(two):
    (_, at_one), (_, at_other) = two
    assert call(at_one, "PUT", "/v1/routes/a", route("/a", "first"))[0] == 201
    assert call(at_other, "PUT", "/v1/routes/a", route("/a", "second"))[0] == 409
    assert call(at_other, "PUT", "/v1/routes/a", route("/a", "third"))[0] == 200
    status, told, _ = call(at_one, "PUT", "/v1/routes/a", route("/a", "fourth"))
    assert status == 409 and told["objects"] == [{"kind": "routes", "name": "a"}], told
    assert call(at_one, "GET", "/v1/routes/a")[1]["policies"][0]["respond"]["body"] == "third"
    assert call(at_one, "PUT", "/v1/routes/a", route("/a", "fourth"))[0] == 200


def test_a_base_is_compared_with_the_revision_that_has_changed_the_object(two):
    (_, at_one), (_, at_other) = two
    call(at_other, "PUT", "/v1/routes/a", route("/a", "first"))
    base = revision(at_other)
    call(at_other, "PUT", "/v1/routes/b", route("/b", "later"))
    call(at_one, "PUT", "/v1/routes/c", route("/c", "of one"))
    merge = {"merge": {"kind": "routes", "name": "a", "value": {"labels": {"team": "x"}}}}
    late = {"merge": {"kind": "routes", "name": "b", "value": {"labels": {"team": "x"}}}}
    status, told, _ = call(at_one, "POST", "/v1/changes", {"base": base, "changes": [late]})
    assert status == 409 and told["objects"] == [{"kind": "routes", "name": "b"}]
    assert call(at_one, "POST", "/v1/changes", {"base": base, "changes": [merge]})[0] == 200


def test_objects_of_the_other_process_can_be_changed_and_deleted_at_once(two):
    (_, at_one), (_, at_other) = two
    call(at_other, "PUT", "/v1/routes/a", route("/a", "x"))
    assert call(at_one, "PATCH", "/v1/routes/a", {"labels": {"team": "x"}}, MERGE)[0] == 200
    call(at_other, "PUT", "/v1/upstreams/u", UPSTREAM)
    assert call(at_one, "DELETE", "/v1/upstreams/u")[0] == 204
    assert call(at_one, "DELETE", "/v1/upstreams/u")[0] == 404


def test_a_whole_document_does_not_remove_what_its_author_has_not_seen(two):
    (_, at_one), (_, at_other) = two
    call(at_other, "PUT", "/v1/routes/unseen", route("/u", "x"))
    status, told, _ = call(at_one, "PUT", "/v1/config", {"routes": [{"name": "a", **route("/a", "a")}]})
    assert status == 409 and told["objects"] == [{"kind": "routes", "name": "unseen"}], told
    assert call(at_one, "PUT", "/v1/config", {"routes": [{"name": "a", **route("/a", "a")}]})[0] == 200
    assert names(at_one) == ["a"]


def test_a_reload_takes_over_what_the_other_process_has_published(two):
    (one, at_one), (_, at_other) = two
    call(at_other, "PUT", "/v1/routes/a", route("/a", "of the other"))
    newest = revision(at_other)
    assert call(at_one, "POST", "/v1/reload")[0] == 200
    assert get(one.main_port, "/a") == (200, "of the other")
    assert call(at_one, "GET", "/v1/nodes")[1]["items"][0]["revision"] == newest == revision(at_one)


def test_what_does_not_fit_the_files_of_a_node_is_refused_there_until_its_files_fit(begin):
    of_file = {"name": "all", **route("/own", "of the file")}
    one, admin = begin(f"routes: [{json.dumps(of_file)}]\n")
    _, at_other = begin()
    assert call(at_other, "PUT", "/v1/routes/all", answering("of the other"))[0] == 201
    status, told, _ = call(admin, "PUT", "/v1/routes/b", route("/b", "x"))
    assert status == 503 and "cannot be served here" in told["detail"], told
    assert get(one.main_port, "/own") == (200, "of the file")
    one.path.write_text(one.path.read_text().split("routes:")[0])
    assert call(admin, "POST", "/v1/reload")[0] == 200
    assert get(one.main_port, "/own") == (200, "of the other")
    assert call(admin, "PUT", "/v1/routes/b", route("/b", "x"))[0] == 201


def test_a_canary_of_the_other_process_is_not_disturbed(two):
    (_, at_one), (_, at_other) = two
    change = {"changes": [{"put": {"kind": "routes", "name": "a", "value": route("/a", "x")}}],
              "canary": {"share": "5%", "for": "10m"}}
    assert call(at_other, "POST", "/v1/publish", change)[0] == 200
    status, told, _ = call(at_one, "PUT", "/v1/routes/b", route("/b", "x"))
    assert status == 409 and "canary of another process" in told["detail"], told
    assert call(at_other, "POST", "/v1/canary/promote")[0] == 200
    assert call(at_one, "PUT", "/v1/routes/b", route("/b", "x"))[0] == 201
    assert names(at_one) == ["a", "b"]


def test_a_restored_store_is_taken_over_and_told_of(begin, tmp_path):
    gateway, admin = begin()
    store, backup = str(tmp_path / "portcullis.db"), str(tmp_path / "backup.db")
    run = [harness.BINARY, "store"]
    call(admin, "PUT", "/v1/routes/a", route("/a", "before"))
    subprocess.run([*run, "backup", backup, "--store", store], check=True, timeout=60)
    call(admin, "PUT", "/v1/routes/a", route("/a", "after"))
    call(admin, "PUT", "/v1/routes/b", route("/b", "after"))
    subprocess.run([*run, "restore", backup, "--store", store, "--force"], check=True, timeout=60)
    status, told, _ = call(admin, "PUT", "/v1/routes/c", route("/c", "new"))
    assert status == 201 and told["_origin"]["revision"] == 3, told
    assert get(gateway.main_port, "/a") == (200, "before") and names(admin) == ["a", "c"]
    gateway.wait_for_line("the store has been restored: revision 4 is not in it any more, and revision 2 of the store")


def test_a_store_restored_to_another_revision_of_the_same_number_is_noticed(begin, tmp_path):
    gateway, admin = begin()
    store, backup = str(tmp_path / "portcullis.db"), str(tmp_path / "backup.db")
    run = [harness.BINARY, "store"]
    subprocess.run([*run, "backup", backup, "--store", store], check=True, timeout=60)
    call(admin, "PUT", "/v1/routes/a", route("/a", "lost"))
    subprocess.run([*run, "restore", backup, "--store", store, "--force"], check=True, timeout=60)
    call(admin, "PUT", "/v1/routes/b", route("/b", "kept"))
    assert names(admin) == ["b"] and get(gateway.main_port, "/a")[0] == 404
    again, _ = begin()
    assert get(again.main_port, "/b") == (200, "kept")
