"""What is served and stored when the store cannot be written to for a while."""

import sqlite3

from harness import free_port, get
from objects_api import call, node, revision

ROUTE = {"name": "x", "match": {"path": "/x"}, "policies": [{"respond": {"status": 200, "body": "hi"}}]}
FILE_ROUTE = "routes: [{name: f, match: {path: /f}, policies: [{respond: {status: 200, body: f}}]}]\n"


class Writer:
    """Another process that writes to the store for a long time."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("BEGIN IMMEDIATE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.database.close()


def numbers(admin):
    return [one["number"] for one in call(admin, "GET", "/v1/revisions")[1]["items"]]


def test_a_change_that_cannot_be_stored_changes_nothing_and_the_next_one_is_made(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    with Writer(tmp_path / "portcullis.db"):
        status, _, reply = call(admin, "PUT", "/v1/routes/x", ROUTE)
        assert status == 503 and "retry-after:" in reply.lower() and "ortcullis-revision: 1\r\n" in reply, reply
    assert get(gateway.main_port, "/x")[0] == 404 and call(admin, "GET", "/v1/routes/x")[0] == 404
    assert call(admin, "PUT", "/v1/routes/x", ROUTE)[0] == 201
    assert get(gateway.main_port, "/x") == (200, "hi") and numbers(admin) == [2, 1]


def test_a_first_revision_that_could_not_be_stored_is_stored_before_the_next_one(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin).stop()
    again = free_port()
    with Writer(tmp_path / "portcullis.db"):
        gateway = node(start, tmp_path, again, FILE_ROUTE)
        assert get(gateway.main_port, "/f") == (200, "f")
    status, told, reply = call(again, "PUT", "/v1/routes/x", ROUTE)
    assert status == 201 and told["_origin"]["revision"] == 3, reply
    assert numbers(again) == [3, 2, 1] and revision(again) == 3
    kept = call(again, "GET", "/v1/config?revision=2")[1]
    assert [one["name"] for one in kept["routes"]] == ["f"]
