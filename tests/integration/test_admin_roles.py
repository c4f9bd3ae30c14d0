"""Each call of the admin API needs a role: a token without it gets 403, which names the role, and nothing changes."""

import re

import pytest

import sanitizers
from admin_requests import ask, bearer, body_of, hashed
from store_gateway import route, store_gateway
from test_admin_api import ROLES, TOKENS, with_tokens

pytestmark = sanitizers.control_thread

PUBLISHER_OF_ORDERS = "orders-token-0123456789-0123456789"


@pytest.fixture
def gateway(tmp_path):
    with store_gateway(tmp_path) as made:
        tokens = with_tokens()[:-1] + f', {{name: orders, role: publisher, labels: {{team: orders}}, hash: "{hashed(PUBLISHER_OF_ORDERS)}"}}]'
        made.file.write_text(made.file.read_text().replace(f"'127.0.0.1:{made.admin}'", f"'127.0.0.1:{made.admin}'{tokens}"))
        yield made.start()
        made.stop()


def calls_of(gateway):
    """(role, method, path) of each call that needs a role; the paths name nothing that is there."""
    status, reply = ask(gateway.admin, "GET", "/v1/openapi.json", bearer(TOKENS["viewer"]))
    assert status == 200
    return [(call["x-role"], method.upper(), re.sub(r"\{\w+\}", "nothing", template))
            for template, methods in body_of(reply)["paths"].items() for method, call in methods.items() if "x-role" in call]


def test_a_token_without_the_role_is_told_which_one_is_needed(gateway):
    calls = calls_of(gateway)
    assert {method for _, method, _ in calls} >= {"GET", "PUT", "PATCH", "DELETE", "POST"} and len(calls) > 60
    for needed, method, path in calls:
        for role in ROLES[:ROLES.index(needed)]:
            status, reply = ask(gateway.admin, method, path, bearer(TOKENS[role]))
            assert status == 403, (method, path, role, reply)
            assert body_of(reply)["detail"] == f"the role `{needed}` is needed, and the token `its-{role}` has the role `{role}`"
        for field in ([], ["Authorization: Bearer nonsense-0123456789-0123456789"]):
            assert ask(gateway.admin, method, path, *field)[0] == 401, (method, path)
    status, reply = ask(gateway.admin, "GET", "/v1/revisions", bearer(TOKENS["viewer"]))
    assert [one["number"] for one in body_of(reply)["items"]] == [1]


def test_a_token_with_the_role_is_not_refused(gateway):
    # Streams have no end, and a reload would answer after it.
    for needed, method, path in calls_of(gateway):
        if method == "GET" and path.rsplit("/", 1)[1] in ("events", "live", "tail"):
            continue
        status, reply = ask(gateway.admin, method, path, bearer(TOKENS[needed]))
        assert status not in (401, 403), (method, path, reply)


def test_a_publisher_with_labels_changes_only_objects_that_have_them(gateway):
    def put(name, labels, *fields, token=PUBLISHER_OF_ORDERS):
        return gateway.call("PUT", f"/v1/routes/{name}", {**route(name, name, f"/{name}"), "labels": labels}, bearer(token), *fields)
    assert put("mine", {"team": "orders", "tier": "1"})[0] == 201
    assert put("theirs", {"team": "search"}, token=TOKENS["publisher"])[0] == 201
    revision = 3
    for attempt in (lambda: put("theirs", {"team": "orders"}), lambda: put("mine", {"team": "search"}), lambda: put("new", {}),
                    lambda: gateway.call("DELETE", "/v1/routes/theirs", None, bearer(PUBLISHER_OF_ORDERS)),
                    lambda: gateway.call("PUT", "/v1/config", {"routes": []}, bearer(PUBLISHER_OF_ORDERS)),
                    lambda: gateway.call("POST", "/v1/revisions/2/restore", None, bearer(PUBLISHER_OF_ORDERS))):
        status, problem, reply = attempt()
        assert status == 403 and "the role `publisher` without labels is needed" in problem["detail"], reply
        assert f"\r\nportcullis-revision: {revision}\r\n" in reply
    assert put("mine", {"team": "orders", "tier": "2"})[0] == 200
