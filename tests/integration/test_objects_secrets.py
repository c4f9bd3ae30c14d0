"""No answer of the admin API shows a secret, whatever is sent."""

from harness import free_port
from objects_api import MERGE, call, node

SECRET, OTHER, FRESH = (f"{word}-secret-0123456789-0123456789" for word in ("stored", "other", "fresh"))
KEYS = [{"id": "one", "secret": SECRET}, {"id": "two", "secret": OTHER}]
SHOP = {"name": "shop", "credentials": {"signing_keys": KEYS}}
IN_FILE = ("consumers:\n  - name: shop\n    credentials:\n      signing_keys:\n"
           f"        - {{id: one, secret: {SECRET}}}\n        - {{id: two, secret: '{OTHER}'}}\n")


def assert_hidden(reply):
    for secret in (SECRET, OTHER, FRESH):
        assert secret not in reply, reply


def sent_back(*keys):
    return {"name": "shop", "credentials": {"signing_keys": list(keys)}}


def hidden(name):
    return {"id": name, "secret": "***"}


def test_a_plan_of_a_change_with_a_mistake_hides_the_secrets_that_it_keeps(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/consumers/shop", SHOP)[0] == 201
    wrong = {"mistake": 1, **sent_back({"id": "new", "secret": FRESH}, hidden("one"), hidden("two"))}
    for status, told, reply in (
            call(admin, "PATCH", "/v1/consumers/shop?dry_run=true", {"mistake": 1}, MERGE),
            call(admin, "PUT", "/v1/consumers/shop?dry_run=true", wrong),
            call(admin, "POST", "/v1/plan", {"changes": [{"put": {"kind": "consumers", "name": "shop", "value": wrong}}]})):
        assert status == 200 and told["diagnostics"] and told["diff"]["objects"], reply
        assert_hidden(reply)


def test_the_diff_for_an_object_of_a_file_hides_secrets_at_other_places(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin, IN_FILE)
    moved = sent_back({"id": "new", "secret": FRESH}, hidden("one"), hidden("two"))
    for path in ("/v1/consumers/shop", "/v1/consumers/shop?dry_run=true"):
        status, told, reply = call(admin, "PUT", path, moved)
        assert status == 409 and "@@" in told["diff"], reply
        assert_hidden(reply)


def test_the_diff_for_a_file_hides_secrets_however_the_file_writes_them(start, tmp_path):
    admin = free_port()
    quoted = "\\u0073tored-secret-0123456789-0123456789"
    folded = OTHER.replace("-", " ")
    node(start, tmp_path, admin,
         f'consumers:\n  - name: shop\n    credentials:\n      signing_keys:\n        - {{id: one, secret: "{quoted}"}}\n'
         f"        - id: two\n          secret: >-\n            {folded[:12].strip()}\n            {folded[12:].strip()}\n")
    status, told, reply = call(admin, "DELETE", "/v1/consumers/shop")
    assert status == 409 and "@@" in told["diff"], reply
    assert "tored-secret" not in reply and folded[12:].strip() not in reply and folded[:12] not in reply


def test_a_message_about_a_secret_does_not_quote_it(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    route = {"match": {"path": "/"}, "policies": [
        {"headers": {"request": {"set": {"authorization": "Bearer " + SECRET + "{nothing}"}}}},
        {"respond": {"status": 200}}]}
    status, told, reply = call(admin, "PUT", "/v1/routes/all", route)
    assert status == 422 and told["diagnostics"], reply
    assert_hidden(reply)
    asked = {"match": {"path": "/"}, "policies": [
        {"oauth2_introspection": {"url": f"ftp://user:{SECRET}@host/", "client_id": "a", "client_secret": FRESH}},
        {"respond": {"status": 200}}]}
    status, told, reply = call(admin, "PUT", "/v1/routes/all", asked)
    assert status == 422 and told["diagnostics"], reply
    assert_hidden(reply)


def test_hidden_secrets_are_given_back_only_where_they_surely_belong(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    first, second = ({"headers": {"request": {"set": {"authorization": text}}}} for text in (SECRET, OTHER))
    route = {"name": "all", "match": {"path": "/"}, "policies": [first, second, {"respond": {"status": 200}}]}
    assert call(admin, "PUT", "/v1/routes/all", route)[0] == 201
    shown = call(admin, "GET", "/v1/routes/all")[1]
    shown.pop("_origin")
    assert call(admin, "PUT", "/v1/routes/all", shown)[2].find("ortcullis-revision: 2\r\n") > 0
    # One of two that look the same is gone: it cannot be told which of them.
    shown["policies"].pop(0)
    status, told, reply = call(admin, "PUT", "/v1/routes/all", shown)
    assert status == 422 and told["diagnostics"][0]["path"] == "/policies/0/headers/request/set/authorization", reply


def test_a_secret_cannot_be_moved_to_a_place_where_it_is_shown(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin)
    route = {"name": "all", "match": {"path": "/"}, "policies": [
        {"headers": {"request": {"set": {"authorization": SECRET}}}}, {"respond": {"status": 200, "body": "x"}}]}
    assert call(admin, "PUT", "/v1/routes/all", route)[0] == 201
    place, body = "/policies/0/headers/request/set/authorization", "/policies/1/respond/body"
    for operation in ("copy", "move"):
        status, _, reply = call(admin, "PATCH", "/v1/routes/all", [{"op": operation, "from": place, "path": body}],
                                "Content-Type: application/json-patch+json")
        assert status == 422, reply
        assert_hidden(reply)
    status, _, reply = call(admin, "PATCH", "/v1/routes/all", [{"op": "test", "path": place, "value": SECRET}],
                            "Content-Type: application/json-patch+json")
    assert status == 409
    status, _, reply = call(admin, "PATCH", "/v1/routes/all", {"policies": [
        {"headers": {"request": {"set": {"x-open": "***"}}}}]}, MERGE)
    assert status == 422, reply


def test_a_restored_revision_shows_no_secret_when_it_does_not_fit(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    assert call(admin, "PUT", "/v1/consumers/shop", SHOP)[0] == 201
    assert call(admin, "DELETE", "/v1/consumers/shop")[0] == 204
    gateway.write(gateway.path.read_text() + "consumers: [{name: shop}]\n")
    gateway.reload()
    for path in ("/v1/revisions/2/restore", "/v1/revisions/2/restore?dry_run=true"):
        status, told, reply = call(admin, "POST", path)
        assert status == 409 and "@@" in told["diff"], reply
        assert_hidden(reply)


def test_text_that_looks_like_a_hidden_secret_is_kept_where_it_is(start, tmp_path):
    admin = free_port()
    node(start, tmp_path, admin, "routes: [{name: stars, match: {path: /}, policies: [{respond: {status: 200, body: '***'}}]}]\n")
    status, told, _ = call(admin, "GET", "/v1/config")
    assert status == 200
    status, told, reply = call(admin, "PUT", "/v1/config", told)
    assert status == 200 and told == {"revision": 1, "summary": ""}, reply
