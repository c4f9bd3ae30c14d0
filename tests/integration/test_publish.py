"""Plans, which say what a change would do to recorded requests, and changes that are published within a bound."""

from harness import free_port, get
from publishing import answering, body_for, call, field_of, node, put

HELLO = {"name": "hello", "match": {"path": "/hello"}, "policies": [{"respond": {"status": 404, "body": "gone"}}]}
SECRET_BELOW_ADMIN = [{"every_route": {"path_prefix": "/admin"}, "requires": ["key_auth"]}]


def serving(start, tmp_path, admin, settings="", **more):
    """A gateway that answers all requests by one route, and has recorded four requests for /hello and one for /other."""
    gateway = node(start, tmp_path, admin, file_objects=settings, **more)
    assert call(admin, "PUT", "/v1/routes/all", answering("one"))[0] == 201
    for path in ("/hello",) * 4 + ("/other",):
        assert get(gateway.main_port, path) == (200, "one")
    return gateway


def test_a_plan_says_which_requests_another_route_would_take(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    status, plan, reply = call(admin, "POST", "/v1/plan", {"changes": [put(HELLO)]})
    assert status == 200, reply
    assert plan["diagnostics"] == [] and plan["assertions"] == []
    assert [(one["name"], one["change"]) for one in plan["diff"]["objects"]] == [("hello", "added")]
    rehearsal = plan["rehearsal"]
    assert (rehearsal["replayed"], rehearsal["unchanged"]) == (5, 1)
    [group] = rehearsal["groups"]
    assert group["count"] == 4 and group["before"]["route"] == "all" and group["after"]["route"] == "hello"
    assert group["before"]["status"] == 200 and group["after"]["status"] == 404
    assert any("/hello" in example for example in group["examples"])
    assert rehearsal["unused_routes"] == []
    # Nothing has changed, and a dry run answers the same.
    assert call(admin, "POST", "/v1/changes?dry_run=true", {"changes": [put(HELLO)]})[1] == plan
    assert call(admin, "PUT", "/v1/routes/hello?dry_run=true", HELLO)[1]["rehearsal"] == rehearsal
    assert field_of(reply, "portcullis-revision") == "2" and get(gateway.main_port, "/hello") == (200, "one")


def test_a_plan_judges_each_assertion(start, tmp_path):
    admin = free_port()
    serving(start, tmp_path, admin)
    assertions = SECRET_BELOW_ADMIN + [{"every_route": {}, "requires_any": ["respond"]}]
    status, plan, _ = call(admin, "POST", "/v1/plan",
                           {"changes": [{"put": {"kind": "assertions", "value": assertions}}]})
    assert status == 200
    failed, met = plan["assertions"]
    assert failed["text"] == "every route below `/admin` has `key_auth`" and failed["outcome"] == "failed"
    assert "route `all`" in failed["message"] and "lacks `key_auth`" in failed["message"]
    assert met == {"text": "every route has any of `respond`", "outcome": "met"}
    # A change with errors is not rehearsed.
    assert plan["rehearsal"] is None and plan["diagnostics"][0]["path"] == "/changes/0/put/value/0"


def test_nothing_is_published_that_changes_more_than_its_author_expects(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin)
    for bound in (3, "79%"):
        status, problem, reply = call(admin, "POST", "/v1/publish", {"changes": [put(HELLO)], "max_changed": bound})
        assert status == 409, reply
        assert problem["rehearsal"]["replayed"] == 5 and problem["rehearsal"]["groups"][0]["count"] == 4
        assert field_of(reply, "portcullis-revision") == "2"
    assert call(admin, "GET", "/v1/routes/hello")[0] == 404
    status, told, reply = call(admin, "POST", "/v1/publish",
                               {"changes": [put(HELLO)], "max_changed": "80%", "wait": "all", "message": "moved"})
    assert status == 200 and told == {"revision": 3, "summary": "+1 route"}, reply
    assert get(gateway.main_port, "/hello") == (404, "gone")
    assert call(admin, "GET", "/v1/revisions/3")[1]["message"] == "moved"


def test_without_the_recorder_nothing_is_rehearsed(start, tmp_path):
    admin = free_port()
    gateway = serving(start, tmp_path, admin, settings="recorder: {enabled: false}\n")
    assert call(admin, "POST", "/v1/plan", {"changes": [put(HELLO)]})[1]["rehearsal"] is None
    status, problem, _ = call(admin, "POST", "/v1/publish", {"changes": [put(HELLO)], "max_changed": 5})
    assert status == 409 and "`recorder` is off" in problem["detail"]
    assert body_for(gateway.main_port, 0, "/hello") == "one"


def test_mistakes_in_conditions_are_named_with_their_place(start, tmp_path):
    admin = free_port()
    serving(start, tmp_path, admin)
    for condition, path in (({"max_changed": "many"}, "/max_changed"), ({"wait": "some"}, "/wait"),
                            ({"canary": {"share": "5%"}}, "/canary"),
                            ({"canary": {"share": "5 of 100", "for": "5m"}}, "/canary/share"),
                            ({"canary": {"share": "5%", "for": "5m", "by": "user"}}, "/canary/by"),
                            ({"canary": {"share": "5%", "for": "5m", "withdraw_when": {"errors_above": 5}}},
                             "/canary/withdraw_when/errors_above"),
                            ({"sooner": True}, "/sooner")):
        status, problem, reply = call(admin, "POST", "/v1/publish", {"changes": [put(HELLO)], **condition})
        assert status == 422 and problem["diagnostics"][0]["path"] == path, reply
    assert field_of(reply, "portcullis-revision") == "2"
