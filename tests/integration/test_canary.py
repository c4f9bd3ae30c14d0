"""A revision that serves a share of the requests before it is in force: how it begins and ends."""

import json
import threading

import pytest

import sanitizers
from admin_requests import ask, bearer, hashed
from harness import connect, free_port, read_chunk, read_head, wait_for
from publishing import answering, body_for, call, field_of, node, put

BY_USER = "{request.header.x-user}"
USERS = range(40)


def begin(admin, body="two", status=200, **rules):
    """Publishes a canary whose requests are answered with `body`."""
    return publish_canary(admin, {"share": "50%", "by": BY_USER, "for": "5m", **rules}, body, status)


def publish_canary(admin, rules, body="two", status=200):
    code, told, reply = call(admin, "POST", "/v1/publish", {"changes": [put(answering(body, status))], "canary": rules})
    assert code == 200, reply
    return told, reply


def serving(start, tmp_path, admin, **more):
    gateway = node(start, tmp_path, admin, **more)
    assert call(admin, "PUT", "/v1/routes/all", answering("one"))[0] == 201
    return gateway


def sides(gateway):
    """What each user is answered, in their order."""
    return [body_for(gateway.main_port, user) for user in USERS]


def has_ended(admin):
    return call(admin, "GET", "/v1/canary")[0] == 404


def stored_body(admin, path="/v1/routes/all"):
    route = call(admin, "GET", path)[1]
    return route["policies"][0]["respond"]["body"]


def test_a_canary_serves_its_share_until_it_is_promoted(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    with connect(admin) as events:
        events.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_head(events)
        read_chunk(events)
        told, reply = begin(admin)
        assert (told["revision"], told["summary"]) == (3, "~1 route") and field_of(reply, "portcullis-revision") == "2"
        canary = told["canary"]
        assert (canary["revision"], canary["base"], canary["share"], canary["by"]) == (3, 2, "50%", BY_USER)
        assert canary["promote"] is False and canary["withdraw_when"] == {"errors_above": "5%", "min_requests": 50}
        assert canary["counts"]["canary"] == {"requests": 0, "errors": 0, "mean_ms": None}
        first = sides(gateway)
        assert set(first) == {"one", "two"}
        assert sides(gateway) == first, "a user changed sides"
        counts = call(admin, "GET", "/v1/canary")[1]["counts"]
        assert counts["canary"]["requests"] == 2 * first.count("two") and counts["canary"]["errors"] == 0
        assert all(0 < side["mean_ms"] < 10_000 for side in counts.values())
        # Until then the API shows what is in force.
        assert stored_body(admin) == "one"

        status, told, reply = call(admin, "POST", "/v1/canary/promote", None, "Portcullis-Message: it is good")
        assert status == 200 and told["revision"] == 3 and field_of(reply, "portcullis-revision") == "3", reply
        assert set(sides(gateway)) == {"two"} and stored_body(admin) == "two" and has_ended(admin)
        seen = b""
        while b"event: canary_promoted" not in seen or b'"reason"' not in seen:
            seen += read_chunk(events)
        assert b"event: canary_started" in seen and b"revision_published" not in seen
    numbers = [one["number"] for one in call(admin, "GET", "/v1/revisions")[1]["items"]]
    assert numbers == [3, 2, 1], "a promotion gives no number"


def test_a_canary_is_promoted_at_the_end_of_its_time(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    begin(admin, promote=True, **{"for": "300ms"})
    wait_for(lambda: has_ended(admin), what="the end of the canary")
    assert set(sides(gateway)) == {"two"} and stored_body(admin) == "two"
    status, told, reply = call(admin, "PUT", "/v1/routes/all", answering("three"))
    assert status == 200 and field_of(reply, "portcullis-revision") == "4"
    assert call(admin, "GET", "/v1/revisions/4")[1]["parent"] == 3


def test_one_node_alone_serves_a_canary_node_by_node_with_all_requests(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    told, _ = publish_canary(admin, {"nodes": 1, "for": "2s"})
    assert (told["canary"]["nodes"], told["canary"]["turns"], told["canary"]["promote"]) == (1, [], True)
    assert set(sides(gateway)) == {"two"}
    wait_for(lambda: has_ended(admin), what="the end of the canary")
    gateway.wait_for_line("canary promoted: serving revision 3", "its time is over")
    assert set(sides(gateway)) == {"two"}


@pytest.mark.parametrize("rules, message", [
    ({"for": "5m"}, "a canary has `share`, the share of requests that it serves, or `nodes`, how many more nodes serve it in each step"),
    ({"for": "5m", "share": "5%", "nodes": 1}, "a canary has either `share` or `nodes`, not both"),
    ({"for": "5m", "nodes": 1, "by": "client"}, "`by` goes with `share`: with `nodes`, a node serves the canary with all of its requests"),
])
def test_requests_are_divided_by_share_or_by_nodes(start, tmp_path, rules, message):
    admin = free_port()
    serving(start, tmp_path, admin)
    status, told, _ = call(admin, "POST", "/v1/publish", {"changes": [put(answering("two"))], "canary": rules})
    assert (status, told["diagnostics"][0]["path"], told["detail"]) == (422, "/canary", message)


def test_a_canary_is_withdrawn_when_its_requests_fail(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    begin(admin, "broken", 503, withdraw_when={"errors_above": "10%", "min_requests": 5})

    def ended():
        sides(gateway)
        return has_ended(admin)
    wait_for(ended, what="the end of the canary")
    assert set(sides(gateway)) == {"one"}
    gateway.wait_for_line("canary withdrawn: revision 3", "requests failed, more than 10%")
    assert call(admin, "POST", "/v1/canary/withdraw")[0] == 404
    assert call(admin, "POST", "/v1/canary/promote")[0] == 404


def test_a_change_after_a_withdrawal_is_one_of_what_is_in_force(start, tmp_path):
    admin, port = free_port(), free_port()
    gateway = serving(start, tmp_path, admin, port=port)
    extra = {**answering("extra", name="extra"), "match": {"path": "/extra"}}
    rules = {"share": "50%", "by": BY_USER, "for": "5m"}
    changes = [put(answering("two")), put(extra)]
    assert call(admin, "POST", "/v1/publish", {"changes": changes, "canary": rules})[0] == 200
    status, told, _ = call(admin, "POST", "/v1/canary/withdraw")
    assert status == 200 and told["revision"] == 3
    assert set(sides(gateway)) == {"one"}
    other = {**answering("other", name="other"), "match": {"path": "/other"}}
    status, _, reply = call(admin, "PUT", "/v1/routes/other", other)
    assert status == 201 and field_of(reply, "portcullis-revision") == "4"
    made = call(admin, "GET", "/v1/revisions/4")[1]
    assert made["parent"] == 2 and made["summary"] == "+1 route"

    def check():
        routes = {one["name"]: one["policies"][0]["respond"]["body"] for one in call(admin, "GET", "/v1/config")[1]["routes"]}
        assert routes == {"all": "one", "other": "other"}
        assert set(sides(gateway)) == {"one"} and body_for(port, 0, "/other") == "other"
        assert body_for(port, 0, "/extra") == "one"
    check()
    gateway.stop()
    gateway = node(start, tmp_path, admin, port=port)
    check()
    # The withdrawn revision stays as it was, and the same change can be published again.
    withdrawn = call(admin, "GET", "/v1/config?revision=3")[1]["routes"]
    assert {one["name"] for one in withdrawn} == {"all", "extra"}
    status, told, reply = call(admin, "POST", "/v1/changes", {"changes": changes})
    assert status == 200 and told == {"revision": 5, "summary": "+1 route, ~1 route"}, reply
    assert set(sides(gateway)) == {"two"} and body_for(port, 0, "/extra") == "extra"


def kill(gateway):
    gateway.process.kill()
    gateway.process.wait()
    gateway.expected = -9


@pytest.mark.parametrize("promote, served", ((True, "two"), (False, "one")))
def test_a_canary_whose_time_is_over_after_a_crash_ends(start, tmp_path, promote, served):
    admin, port = free_port(), free_port()
    gateway = serving(start, tmp_path, admin, port=port)
    begin(admin, promote=promote, **{"for": "1s"})
    kill(gateway)
    gateway = node(start, tmp_path, admin, port=port)
    gateway.wait_for_line("canary promoted: serving revision 3" if promote else "canary withdrawn: revision 3", "its time is over")
    assert has_ended(admin) and set(sides(gateway)) == {served}
    assert field_of(call(admin, "GET", "/v1/routes/all")[2], "portcullis-revision") == ("3" if promote else "2")
    # The store knows the end.
    gateway.stop()
    gateway = node(start, tmp_path, admin, port=port)
    assert has_ended(admin) and set(sides(gateway)) == {served} and stored_body(admin) == served
    assert not any("is a canary" in line for line in gateway.lines)


def test_a_canary_goes_on_after_a_crash(start, tmp_path):
    admin, port = free_port(), free_port()
    gateway = serving(start, tmp_path, admin, port=port)
    since = begin(admin)[0]["canary"]["since"]
    before = sides(gateway)
    kill(gateway)
    gateway = node(start, tmp_path, admin, port=port)
    wait_for(lambda: not has_ended(admin), what="the canary")
    canary = call(admin, "GET", "/v1/canary")[1]
    assert (canary["revision"], canary["base"], canary["since"]) == (3, 2, since)
    assert sides(gateway) == before
    assert call(admin, "POST", "/v1/canary/promote")[0] == 200
    assert set(sides(gateway)) == {"two"} and stored_body(admin) == "two"
    kill(gateway)
    gateway = node(start, tmp_path, admin, port=port)
    assert has_ended(admin) and set(sides(gateway)) == {"two"} and stored_body(admin) == "two"


def test_a_canary_is_withdrawn_when_the_files_have_changed_before_a_restart(start, tmp_path):
    admin, port = free_port(), free_port()
    gateway = serving(start, tmp_path, admin, port=port)
    begin(admin)
    kill(gateway)
    more = "upstreams: [{name: unused, targets: [{address: '127.0.0.1:1'}]}]\n"
    gateway = node(start, tmp_path, admin, file_objects=more, port=port)
    gateway.wait_for_line("canary withdrawn: revision 3")
    assert has_ended(admin) and set(sides(gateway)) == {"one"}
    assert call(admin, "GET", "/v1/revisions/4")[1]["parent"] == 2
    assert stored_body(admin) == "one"


def test_nothing_else_is_published_while_there_is_a_canary(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    begin(admin)
    other = {**answering("other", name="other"), "match": {"path": "/other"}}
    for method, path, body in (("PUT", "/v1/routes/other", other), ("POST", "/v1/changes", {"changes": [put(other)]}),
                               ("POST", "/v1/publish", {"changes": [put(other)], "canary": {"share": "5%", "for": "5m"}}),
                               ("POST", "/v1/revisions/1/restore", None), ("POST", "/v1/reload", None)):
        status, problem, reply = call(admin, method, path, body)
        assert status == 409, reply
    gateway.path.write_text(gateway.path.read_text() + "upstreams: [{name: unused, targets: [{address: '127.0.0.1:1'}]}]\n")
    assert call(admin, "POST", "/v1/reload")[0] == 409
    assert call(admin, "POST", "/v1/canary/withdraw")[0] == 200
    assert call(admin, "POST", "/v1/reload")[0] == 200 and call(admin, "PUT", "/v1/routes/other", other)[0] == 201


def test_an_operator_may_withdraw_and_a_publisher_may_promote(start, tmp_path):
    admin = free_port()
    words = {role: f"{role}-token-0123456789-0123456789" for role in ("viewer", "operator", "publisher")}
    listed = ", ".join(f'{{name: {role}, hash: "{hashed(word)}", role: {role}}}' for role, word in words.items())
    audit = tmp_path / "audit.log"
    node(start, tmp_path, admin, settings=f", tokens: [{listed}]", file_objects=f"audit_log: {{path: '{audit}'}}\n")

    def made(role, method, path, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        return ask(admin, method, path, bearer(words[role]), "Content-Type: application/json", body=body)[0]
    change = {"changes": [put(answering("two"))], "canary": {"share": "5%", "for": "5m"}}
    assert made("operator", "POST", "/v1/publish", change) == 403
    assert made("publisher", "POST", "/v1/publish", change) == 200
    assert made("viewer", "GET", "/v1/canary") == 200
    assert made("viewer", "POST", "/v1/canary/withdraw") == 403
    assert made("operator", "POST", "/v1/canary/promote") == 403
    assert made("operator", "POST", "/v1/canary/withdraw") == 200
    assert made("publisher", "POST", "/v1/publish", change) == 200
    assert made("publisher", "POST", "/v1/canary/promote") == 200
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    told = [(one["action"], one.get("revision")) for one in lines if one["action"].startswith("canary_")]
    assert told == [("canary_started", 2), ("canary_withdrawn", 2), ("canary_started", 3), ("canary_promoted", 3)]


@sanitizers.same_path
def test_a_reload_that_is_checked_while_the_canary_is_promoted_takes_nothing_back(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    begin(admin)
    routes = "".join(f"  - {{name: r{i}, match: {{path: /r{i}}}, policies: [respond: {{body: file}}]}}\n" for i in range(5_000))
    gateway.path.write_text(f"{gateway.path.read_text()}routes:\n{routes}")
    told = []
    reloading = threading.Thread(target=lambda: told.append(call(admin, "POST", "/v1/reload")))
    reloading.start()
    status, _, reply = call(admin, "POST", "/v1/canary/promote")
    reloading.join()
    assert status == 200, reply
    assert set(sides(gateway)) == {"two"} and stored_body(admin) == "two"
    if told[0][0] == 200:
        assert body_for(gateway.main_port, "a", "/r7") == "file"
    else:
        assert told[0][0] == 409 and ("another revision has come into force" in told[0][2] or "canary" in told[0][2]), told
