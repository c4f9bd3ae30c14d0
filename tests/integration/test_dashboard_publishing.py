"""Objects are changed and published with the dashboard, in a real browser; tests/browser/publishing.mjs has the scenarios."""

import pytest

import sanitizers
from admin_requests import ask, hashed
from harness import free_port, get
from publishing import body_for, call, node
from test_dashboard import browse

pytestmark = sanitizers.others_software

PUBLISH_TOKEN = "publisher-token-0123456789-01234"
READ_TOKEN = "viewer-token-0123456789-01234567"


def objects_of_file(port):
    return f"""upstreams: [{{name: orders, targets: [{{address: "127.0.0.1:{port}"}}]}}]
routes:
  - name: orders
    match: {{path_prefix: /orders}}
    upstream: orders
assertions:
  - every_route: {{path_prefix: /admin}}
    requires: [key_auth]
"""


def put(admin, kind, name, value, message="", fields=()):
    status, told, _ = call(admin, "PUT", f"/v1/{kind}/{name}", value, *fields, f"Portcullis-Message: {message}")
    assert status in (200, 201), told
    return told


@pytest.fixture
def admin(start, demo, tmp_path):
    """The admin port of a gateway with objects of a file, and others of the API."""
    admin, port = free_port(), demo("one").port
    gateway = node(start, tmp_path, admin, objects_of_file(port))
    put(admin, "routes", "kept", {"match": {"path": "/kept"}, "upstream": "orders"})
    put(admin, "upstreams", "orders-api", {"targets": [{"address": f"127.0.0.1:{port}"}]})
    put(admin, "routes", "refers", {"match": {"path": "/refers"}, "upstream": "orders-api"})
    put(admin, "upstreams", "secretive", {"discover": {"consul": {"service": "shop", "url": "http://127.0.0.1:9", "token": "token-of-consul"}}})
    for path in ("/orders/1", "/orders/2", "/orders/3", "/kept"):
        assert get(gateway.main_port, path)[0] == 200
    yield admin, gateway.main_port


def shows(page, *scenarios, **commands):
    browse(f"http://127.0.0.1:{page}/", list(scenarios), commands=commands)


def test_by_keyboard_alone(admin):
    admin, port = admin

    def typed_route_serves():
        assert get(port, "/typed")[0] in (502, 503)  # the target is a closed port

    def typed_route_is_gone():
        assert get(port, "/typed")[0] == 404
    shows(admin, "keyboard", typed_route_serves=typed_route_serves, typed_route_is_gone=typed_route_is_gone)


def test_forms_and_their_yaml(admin):
    admin, _ = admin

    def secret_is_kept():
        told = call(admin, "GET", "/v1/upstreams/secretive")[1]
        assert told["discover"]["consul"] == {"service": "other", "url": "http://127.0.0.1:9", "token": "***"}
    shows(admin, "form_and_yaml", "file_object", "api_object", secret_is_kept=secret_is_kept)


def test_plans_and_conflicts(admin):
    admin, _ = admin

    def publish_elsewhere():
        put(admin, "routes", "kept", {"match": {"path": "/theirs"}, "upstream": "orders"})
    shows(admin, "plan", "conflict", publish_elsewhere=publish_elsewhere)
    assert call(admin, "GET", "/v1/routes/kept")[1]["match"] == {"path": "/mine"}


def test_canaries(admin):
    admin, port = admin

    def requests_of_many_users():
        for user in range(40):
            body_for(port, user, "/trial")

    def trial_serves():
        assert get(port, "/trial")[0] == 202
    shows(admin, "canary", requests_of_many_users=requests_of_many_users, trial_serves=trial_serves)


def test_history_and_nodes(admin):
    admin, _ = admin

    def publish_more():
        put(admin, "upstreams", "more", {"targets": [{"address": "127.0.0.1:9"}]}, message="told by an event")
    shows(admin, "revisions", "nodes", publish_more=publish_more)


def test_accessibility(admin):
    shows(admin[0], "accessible_publishing")


def test_viewers_read_only(start, demo, tmp_path):
    admin = free_port()
    tokens = (f', tokens: [{{name: ann, hash: "{hashed(PUBLISH_TOKEN)}", role: publisher}}, '
              f'{{name: vera, hash: "{hashed(READ_TOKEN)}"}}]')
    node(start, tmp_path, admin, objects_of_file(demo("one").port), settings=tokens)
    put(admin, "routes", "kept", {"match": {"path": "/kept"}, "upstream": "orders"}, fields=[f"Authorization: Bearer {PUBLISH_TOKEN}"])
    browse(f"http://127.0.0.1:{admin}/", ["reads_only"], READ_TOKEN=READ_TOKEN)


def test_kinds_have_schemas(admin):
    admin, _ = admin
    kinds = {one["kind"]: one for one in call(admin, "GET", "/v1/schema")[1]["items"]}
    assert kinds["routes"] == {"kind": "routes", "noun": "route", "single": False} and kinds["policies"]["single"]
    for kind in kinds:
        assert call(admin, "GET", f"/v1/schema/{kind}")[1]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"name", "match", "policies"} <= set(call(admin, "GET", "/v1/schema/routes")[1]["properties"])
    assert call(admin, "GET", "/v1/schema/policies")[1]["type"] == ["array", "null"]
    status, told, _ = call(admin, "GET", "/v1/schema/workers")
    assert (status, told["detail"]) == (404, "`workers` is not a kind of objects")


def test_documents_are_converted(admin):
    admin, _ = admin

    def converted(text, content_type, accept):
        status, reply = ask(admin, "POST", "/v1/convert", f"Content-Type: {content_type}", f"Accept: {accept}", body=text.encode())
        return status, reply.partition("\r\n\r\n")[2]
    as_yaml, as_json = "name: a\nmatch:\n  path: /\n", '{"match":{"path":"/"},"name":"a"}\n'
    assert converted(as_json, "application/json", "application/yaml") == (200, as_yaml)
    assert converted(as_yaml, "application/yaml", "application/json") == (200, as_json)
    status, text = converted("a: [1", "application/yaml", "application/json")
    assert status == 400 and '"line":1' in text and "is not closed" in text
    assert converted("a", "text/plain", "application/json")[0] == 415
