"""Drafts on the dashboard, in a real browser; tests/browser/drafts.mjs has the scenarios."""

import sanitizers
from admin_requests import hashed
from harness import free_port
from publishing import call, node
from test_dashboard import browse
from test_dashboard_publishing import objects_of_file, put

pytestmark = sanitizers.others_software

TOKENS = {name: f"{name}-token-0123456789-0123456789" for name in ("ann", "bob", "eve")}


def route(path):
    return {"match": {"path": path}, "upstream": "orders"}


def drafts(admin, *fields):
    return [one["name"] for one in call(admin, "GET", "/v1/drafts", None, *fields)[1]["items"]]


def test_two_users_of_one_draft_in_two_browsers(start, demo, tmp_path):
    admin = free_port()
    tokens = ", ".join(f'{{name: {name}, hash: "{hashed(token)}", role: publisher}}' for name, token in TOKENS.items())
    node(start, tmp_path, admin, objects_of_file(demo("one").port), settings=f", tokens: [{tokens}]")
    eve = [f"Authorization: Bearer {TOKENS['eve']}"]
    for name in ("kept", "other"):
        put(admin, "routes", name, route(f"/{name}"), fields=eve)

    def publish_elsewhere():
        for name in ("kept", "other"):
            put(admin, "routes", name, route("/theirs" if name == "kept" else "/theirs-too"), fields=eve)
    browse(f"http://127.0.0.1:{admin}/", ["two_users"], commands={"publish_elsewhere": publish_elsewhere}, ANN=TOKENS["ann"], BOB=TOKENS["bob"])
    paths = {one["name"]: one["match"].get("path") for one in call(admin, "GET", "/v1/routes", None, *eve)[1]["items"]}
    assert paths == {"kept": "/both", "other": "/theirs-too", "orders": None}
    assert drafts(admin, *eve) == []
    newest = call(admin, "GET", "/v1/revisions", None, *eve)[1]["items"][0]
    assert (newest["author"], newest["message"]) == ("ann", "agreed")


def test_drafts_by_keyboard_alone_and_without_findings_of_axe(start, echo, tmp_path):
    admin, of_files, port = free_port(), free_port(), echo("one")
    node(start, tmp_path, admin, objects_of_file(port))
    start(f"version: 1\nadmin: {{address: '127.0.0.1:{of_files}'}}\nlisteners: [{{name: main, address: '127.0.0.1:{{port}}'}}]\n{objects_of_file(port)}")
    for name in ("a", "kept", "z"):
        put(admin, "routes", name, route(f"/{name}"))

    def in_draft(draft, **paths):
        changes = [{"put": {"kind": "routes", "name": name.strip("_"), "value": route(path)}} for name, path in paths.items()]
        assert call(admin, "POST", f"/v1/drafts/{draft}/changes", {"changes": changes})[0] == 200

    def others_write():
        in_draft("typed", a="/a-draft", kept="/kept-draft", z="/z-draft")

    def others_write_more():
        in_draft("typed", a="/a-more", kept="/more", _0="/zero")

    def publish_a():
        put(admin, "routes", "a", route("/a-theirs"))

    def conflict_with_seen():
        put(admin, "routes", "z", route("/z-theirs"))
        in_draft("seen", kept="/meanwhile", z="/mine")
        put(admin, "routes", "kept", route("/kept-theirs"))
    browse(f"http://127.0.0.1:{admin}/", ["keyboard_drafts", "accessible_drafts", "files_only"], FILES_ONLY=f"http://127.0.0.1:{of_files}/",
           commands={one.__name__: one for one in (others_write, others_write_more, publish_a, conflict_with_seen)})
