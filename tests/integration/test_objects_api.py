"""Objects through the admin API: created, read, changed and deleted one by one, and where they come from."""

import pytest

from admin_requests import ask
from harness import free_port, get
from publishing import call, field_of, node

ROUTE = {"name": "hello", "match": {"path": "/hello"}, "policies": [{"respond": {"status": 200, "body": "hi"}}]}


def test_an_object_is_created_read_replaced_and_deleted(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    status, told, reply = call(admin, "PUT", "/v1/routes/hello", ROUTE)
    assert status == 201, reply
    assert told["_origin"] == {"from": "api", "revision": 2} and field_of(reply, "portcullis-revision") == "2"
    tag = field_of(reply, "etag")
    assert tag.startswith('"')
    del told["_origin"]
    assert told == ROUTE
    assert get(gateway.main_port, "/hello") == (200, "hi")

    status, told, reply = call(admin, "GET", "/v1/routes/hello")
    assert status == 200 and field_of(reply, "etag") == tag
    assert call(admin, "GET", "/v1/routes/hello", None, f"If-None-Match: {tag}")[0] == 304
    # What was read can be sent back, and changes nothing.
    status, told, reply = call(admin, "PUT", "/v1/routes/hello", told)
    assert status == 200 and field_of(reply, "portcullis-revision") == "2"

    changed = {**ROUTE, "policies": [{"respond": {"status": 200, "body": "ho"}}]}
    assert call(admin, "PUT", "/v1/routes/hello", changed, 'If-Match: "other"')[0] == 412
    assert call(admin, "PUT", "/v1/routes/hello", changed, "If-None-Match: *")[0] == 412
    status, _, reply = call(admin, "PUT", "/v1/routes/hello", changed, f"If-Match: {tag}")
    assert status == 200 and field_of(reply, "etag") != tag and field_of(reply, "portcullis-revision") == "3"
    assert get(gateway.main_port, "/hello") == (200, "ho")

    assert call(admin, "DELETE", "/v1/routes/hello")[0] == 204
    assert call(admin, "DELETE", "/v1/routes/hello")[0] == 404
    assert call(admin, "GET", "/v1/routes/hello")[0] == 404
    assert get(gateway.main_port, "/hello")[0] == 404


def test_what_was_published_is_served_after_a_restart(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/routes/hello", ROUTE)[0] == 201
    gateway.stop()
    again = free_port()
    gateway = node(start, tmp_path, again)
    assert get(gateway.main_port, "/hello") == (200, "hi")
    status, told, _ = call(again, "GET", "/v1/routes/hello")
    assert status == 200 and told["_origin"] == {"from": "api", "revision": 2}
    numbers = [one["number"] for one in call(again, "GET", "/v1/revisions")[1]["items"]]
    assert numbers == sorted(numbers, reverse=True) and numbers[-1] == 1


def test_a_mistake_changes_nothing_and_is_named_with_its_place(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    wrong = {**ROUTE, "match": {"path": "/hello", "methds": ["GET"]}}
    status, told, reply = call(admin, "PUT", "/v1/routes/hello", wrong)
    assert status == 422 and field_of(reply, "portcullis-revision") == "1"
    (found,) = told["diagnostics"]
    assert found["path"] == "/match/methds" and found["severity"] == "error" and found["suggestion"] == "methods"
    assert call(admin, "GET", "/v1/routes/hello")[0] == 404
    status, told, _ = call(admin, "PUT", "/v1/routes/other", ROUTE)
    assert status == 422 and told["diagnostics"][0]["path"] == "/name"
    status, told, _ = call(admin, "PUT", "/v1/routes/hello", {"match": {"path": "/x"}, "upstream": "none"})
    assert status == 422 and told["diagnostics"][0]["path"] == "/upstream"


def test_an_object_of_a_file_is_changed_in_its_file(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin, "routes:\n  - name: hello\n    match: {path: /hello}\n"
                   "    policies:\n      - respond: {status: 200, body: hi}\n")
    status, told, _ = call(admin, "GET", "/v1/routes/hello")
    assert status == 200 and told["_origin"] == {"from": "file", "file": str(gateway.path), "line": 6}
    status, told, _ = call(admin, "PUT", "/v1/routes/hello", {**ROUTE, "match": {"path": "/other"}})
    assert status == 409 and told["file"] == str(gateway.path) and told["line"] == 6
    assert told["diff"].startswith(f"--- {gateway.path}\n+++ {gateway.path}\n@@ -6,4 ")
    assert "-    match: {path: /hello}\n" in told["diff"] and "+      path: /other\n" in told["diff"]
    assert call(admin, "DELETE", "/v1/routes/hello")[0] == 409
    # The API has objects of its own beside those of the file.
    assert call(admin, "PUT", "/v1/routes/second", {"name": "second", "match": {"path": "/2"}, "policies": ROUTE["policies"]})[0] == 201
    assert get(gateway.main_port, "/2") == (200, "hi") and get(gateway.main_port, "/hello") == (200, "hi")
    # A name that is in both places is an error of the load, which names both.
    gateway.write(gateway.path.read_text() + "  - {name: second, match: {path: /3}, policies: [{respond: {status: 200}}]}\n")
    lines = "\n".join(gateway.reload())
    assert "routes/second: error" in lines and "a second route named `second`" in lines, lines


def test_an_object_that_others_refer_to_is_not_deleted(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/upstreams/orders", {"targets": [{"address": "127.0.0.1:9"}]})[0] == 201
    assert call(admin, "PUT", "/v1/routes/orders", {"match": {"path": "/o"}, "upstream": "orders"})[0] == 201
    status, told, _ = call(admin, "DELETE", "/v1/upstreams/orders")
    assert status == 409 and told["referred_by"] == [{"kind": "routes", "name": "orders"}]
    changes = [{"delete": {"kind": "upstreams", "name": "orders"}}, {"delete": {"kind": "routes", "name": "orders"}}]
    status, told, _ = call(admin, "POST", "/v1/changes", {"changes": changes, "message": "gone"})
    assert status == 200 and told == {"revision": 4, "summary": "-1 route, -1 upstream"}


def test_patches(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/routes/hello", ROUTE)[0] == 201
    merge = "Content-Type: application/merge-patch+json"
    patch = "Content-Type: application/json-patch+json"
    status, told, _ = call(admin, "PATCH", "/v1/routes/hello", {"labels": {"team": "orders"}}, merge)
    assert status == 200 and told["labels"] == {"team": "orders"} and told["match"] == {"path": "/hello"}
    status, told, _ = call(admin, "PATCH", "/v1/routes/hello", [{"op": "test", "path": "/match/path", "value": "/x"}], patch)
    assert status == 409
    status, told, _ = call(admin, "PATCH", "/v1/routes/hello", [{"op": "remove", "path": "/nothing"}], patch)
    assert status == 422
    status, told, _ = call(admin, "PATCH", "/v1/routes/hello", [{"op": "replace", "path": "/match/path", "value": "/new"}], patch)
    assert status == 200 and get(gateway.main_port, "/new") == (200, "hi")
    assert call(admin, "PATCH", "/v1/routes/hello", {"name": "other"}, merge)[0] == 422
    assert call(admin, "PATCH", "/v1/routes/none", {"labels": {}}, merge)[0] == 404
    assert call(admin, "PATCH", "/v1/routes/hello", {}, "Content-Type: text/plain")[0] == 415
    items = call(admin, "GET", "/v1/routes?label=team:orders")[1]["items"]
    assert [one["name"] for one in items] == ["hello"]
    assert call(admin, "GET", "/v1/routes?label=team:other")[1]["items"] == []


def test_secrets_are_never_shown_and_stay_when_they_are_sent_back(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    secret = "a-secret-of-a-signing-key-0123456789"
    consumer = {"name": "shop", "credentials": {"signing_keys": [
        {"id": "one", "secret": secret}, {"id": "two", "secret": secret + "-2"}]}}
    status, told, reply = call(admin, "PUT", "/v1/consumers/shop", consumer)
    assert status == 201 and secret not in reply, reply
    keys = told["credentials"]["signing_keys"]
    assert [one["secret"] for one in keys] == ["***", "***"]
    tag = field_of(reply, "etag")
    # In another order each key keeps its own secret: putting the order back gives the first tag.
    told["credentials"]["signing_keys"] = keys[::-1]
    status, swapped, reply = call(admin, "PUT", "/v1/consumers/shop", told)
    assert status == 200 and field_of(reply, "etag") != tag
    swapped["credentials"]["signing_keys"].reverse()
    status, _, reply = call(admin, "PUT", "/v1/consumers/shop", swapped)
    assert status == 200 and field_of(reply, "etag") == tag
    swapped["credentials"]["signing_keys"].append({"id": "three", "secret": "***"})
    status, told, _ = call(admin, "PUT", "/v1/consumers/shop", swapped)
    assert status == 422 and told["diagnostics"][0]["path"] == "/credentials/signing_keys/2/secret"
    for path in ("/v1/config", "/v1/config?format=yaml", "/v1/consumers", "/v1/revisions/2/diff/3", "/v1/config?revision=2"):
        assert secret not in ask(admin, "GET", path)[1], path
    assert secret.encode() not in (tmp_path / "portcullis.db").read_bytes() + (tmp_path / "portcullis.db-wal").read_bytes()
