"""Routes that divide their requests: by weight, condition, cookie and key; branches that are rolled back."""

import collections
import hashlib
import http.client
import json
import re
import subprocess

import pytest

import sanitizers
from harness import BINARY, answer, check, free_port, get, log_lines, metric, wait_for


def about(count):
    """That number, or one more: the last answer may have arrived before its worker had counted it."""
    return (count, count + 1)


BAD = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"


def configuration(stable, canary, split, route="", top="", admin=None, policies="[]"):
    """`stable`, `canary`: ports. `split`: lines of the list."""
    lines = "".join(f"      - {line}\n" for line in split)
    told = f'admin: {{address: "127.0.0.1:{admin}"}}\n' if admin else ""
    return f"""version: 1
workers: 2
{told}{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - {{name: stable, outlier_ejection: {{failures_in_row: 0}}, targets: [{{address: "127.0.0.1:{stable}"}}]}}
  - {{name: canary, outlier_ejection: {{failures_in_row: 0}}, targets: [{{address: "127.0.0.1:{canary}"}}]}}
routes:
  - name: all
    match: {{path_prefix: /}}
    policies: {policies}
    split:
{lines}{route}
"""


def ask(gateway, **fields):
    """(status, name of the backend or body, fields of the response)"""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", "/", headers={name.replace("_", "-"): value for name, value in fields.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    try:
        return response.status, json.loads(body)["backend"], response.headers
    except (ValueError, KeyError):
        return response.status, body.decode(), response.headers


def hash_of(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def names(gateway, count, **fields):
    return collections.Counter(ask(gateway, **fields)[1] for _ in range(count))


def resume(port, branch=None, **fields):
    """Brings a branch of the route `all` back, or all of its branches."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = json.dumps({"branch": branch}) if branch else None
    connection.request("POST", "/v1/splits/all/resume", body, {"Content-Type": "application/json", **fields} if body else fields)
    response = connection.getresponse()
    answered = response.status, response.read().decode()
    connection.close()
    return answered


@pytest.fixture
def two(demo):
    return demo("stable"), demo("canary")


def test_weights_are_shares_of_the_requests(start, two):
    admin = free_port()
    gateway = start(configuration(two[0].port, two[1].port,
                                  ["{upstream: stable, weight: 80}", "{upstream: canary, weight: 20}"], admin=admin))
    seen = names(gateway, 400)
    assert seen["stable"] + seen["canary"] == 400
    assert 45 <= seen["canary"] <= 120  # four standard deviations
    assert metric(admin, 'portcullis_branch_requests_total{route="all",branch="canary",status="2xx"}') == seen["canary"]
    told = json.loads(get(admin, "/v1/health/splits")[1])["splits"]
    assert told == [{"route": "all", "branches": [
        {"name": "stable", "upstream": "stable", "weight": 80, "rolled_back": False, "rollbacks": 0},
        {"name": "canary", "upstream": "canary", "weight": 20, "rolled_back": False, "rollbacks": 0}]}]


def test_a_branch_without_weight_gets_nothing_by_chance(start, two):
    gateway = start(configuration(two[0].port, two[1].port, ["{upstream: stable}", "{upstream: canary, weight: 0}"]))
    assert names(gateway, 60) == {"stable": 60}


@pytest.mark.parametrize("when, fields, others", [
    ("request.header.x-canary exists", {"x_canary": "1"}, [{}, {"x_other": "1"}]),
    ("request.header.x-stage = canary", {"x_stage": "canary"}, [{"x_stage": "stable"}, {}]),
    ("cookie.stage in [canary, beta]", {"cookie": "a=b; stage=beta"}, [{"cookie": "stage=no"}, {"cookie": "stage"}, {}]),
    ("cookie.stage exists and not request.header.x-out exists", {"cookie": "stage=1"}, [{"cookie": "stage=1", "x_out": "1"}]),
])
def test_a_condition_leads_to_its_branch(start, two, when, fields, others):
    gateway = start(configuration(two[0].port, two[1].port, ["{upstream: stable}", f'{{upstream: canary, when: "{when}"}}']))
    assert names(gateway, 10, **fields) == {"canary": 10}
    for other in others:
        assert names(gateway, 10, **other) == {"stable": 10}


def test_a_condition_may_ask_who_calls(start, two):
    gateway = start(configuration(
        two[0].port, two[1].port, ["{upstream: stable}", "{upstream: canary, when: consumer.groups = beta}"],
        policies="[{key_auth: {header: x-key}}]",
        top=f"consumers:\n  - {{name: anna, groups: [beta], credentials: {{keys: ['{hash_of('anna')}']}}}}\n"
            f"  - {{name: ben, credentials: {{keys: ['{hash_of('ben')}']}}}}"))
    assert names(gateway, 10, x_key="anna") == {"canary": 10}
    assert names(gateway, 10, x_key="ben") == {"stable": 10}


def test_a_condition_and_a_weight_together(start, two):
    gateway = start(configuration(two[0].port, two[1].port,
                                  ["{upstream: stable}", "{upstream: canary, weight: 1, when: request.header.x-canary exists}"]))
    assert names(gateway, 10, x_canary="1") == {"canary": 10}
    assert set(names(gateway, 60)) == {"stable", "canary"}


def place_of(fields):
    return re.match(r"release=([0-9a-f]{8});", fields["set-cookie"])[1]


def test_a_cookie_keeps_a_client_where_it_is_and_few_move_when_weights_do(start, two):
    sticky = "    split_sticky: {cookie: release, ttl: 1h}"
    text = configuration(two[0].port, two[1].port, ["{upstream: stable, weight: 70}", "{upstream: canary, weight: 30}"], sticky)
    gateway = start(text)
    clients = {}
    for _ in range(60):
        status, name, fields = ask(gateway)
        assert status == 200 and fields["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600")
        clients[place_of(fields)] = name
    assert set(clients.values()) == {"stable", "canary"}
    for place, name in clients.items():
        for _ in range(3):
            status, again, fields = ask(gateway, cookie=f"a=b; release={place}")
            assert again == name and fields["set-cookie"] is None
    for bad in ("", "x" * 8, "0" * 9, "-1234567"):
        assert place_of(ask(gateway, cookie=f"release={bad}")[2])
    # The canary's share grows: its clients stay.
    gateway.write(text.replace("weight: 70", "weight: 40").replace("weight: 30", "weight: 60"))
    gateway.reload()
    now = {place: ask(gateway, cookie=f"release={place}")[1] for place in clients}
    assert all(now[place] == "canary" for place, name in clients.items() if name == "canary")
    assert any(now[place] != name for place, name in clients.items())


def test_a_key_keeps_a_client_without_a_cookie(start, two):
    gateway = start(configuration(two[0].port, two[1].port, ["{upstream: stable}", "{upstream: canary}"],
                                  "    split_sticky: {key: '{request.header.x-user}'}"))
    first = {}
    for user in range(30):
        status, first[user], fields = ask(gateway, x_user=f"user-{user}")
        assert fields["set-cookie"] is None
    assert set(first.values()) == {"stable", "canary"}
    for user in range(30):
        assert names(gateway, 3, x_user=f"user-{user}") == {first[user]: 3}


def test_branches_may_be_subsets_of_one_upstream(start, two, tmp_path):
    gateway = start(f"""version: 1
workers: 1
access_log: {{path: {tmp_path}/access.log}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - name: app
    targets:
      - {{address: "127.0.0.1:{two[0].port}", metadata: {{version: v1}}}}
      - {{address: "127.0.0.1:{two[1].port}", metadata: {{version: v2}}}}
routes:
  - name: all
    match: {{path_prefix: /}}
    split:
      - {{name: old, upstream: app, subset: {{version: v1}}}}
      - {{name: new, upstream: app, subset: {{version: v2}}, when: request.header.x-new exists}}
""")
    assert names(gateway, 10) == {"stable": 10}
    assert names(gateway, 10, x_new="1") == {"canary": 10}

    def logged():
        return collections.Counter((line["upstream"], line["branch"]) for line in log_lines(tmp_path / "access.log"))
    wait_for(lambda: logged() == {("app", "old"): 10, ("app", "new"): 10}, what="the log's lines")


def test_a_failing_branch_is_rolled_back_by_itself(start, demo, backend):
    stable, canary = demo("stable"), backend(answer(BAD))
    admin = free_port()
    split = ["{upstream: stable, weight: 50}",
             "{upstream: canary, weight: 50, when: request.header.x-canary exists, "
             "rollback: {error_share: 50%, min_requests: 10}}"]
    text = configuration(stable.port, canary.port, split, admin=admin)
    gateway = start(text)
    seen = names(gateway, 200)
    assert seen["no"] in about(10)  # no more than needed to detect the failures
    gateway.wait_for_line("branch `canary` of route `all` is rolled back: 10 of 10 requests have failed")
    assert names(gateway, 20, x_canary="1") == {"stable": 20}  # not even requests that ask for the branch
    assert metric(admin, 'portcullis_branch_rolled_back{route="all",branch="canary"}') == 1
    assert json.loads(get(admin, "/v1/health/splits")[1])["splits"][0]["branches"][1]["rolled_back"]
    # A reload that does not concern the branch changes nothing.
    gateway.write(text.replace("version: 1", "version: 1\ndrain_timeout: 29s", 1))
    gateway.reload()
    assert names(gateway, 20) == {"stable": 20}
    # Resumed by an operator, the branch gets requests again, and fails again.
    status, said = resume(admin, branch="canary")
    assert status == 200 and list(json.loads(said)["nodes"].values()) == [{"resumed": ["canary"]}]
    assert metric(admin, 'portcullis_branch_rolled_back{route="all",branch="canary"}') == 0
    assert names(gateway, 100)["no"] in about(10)
    assert metric(admin, 'portcullis_branch_rollbacks_total{route="all",branch="canary"}') == 2
    # Changed rules: the branch is judged anew.
    gateway.write(text.replace("min_requests: 10", "min_requests: 12"))
    gateway.reload()
    assert names(gateway, 100)["no"] in about(12)


# The first chunk is so large that its beginning is forwarded before the bad one arrives.
BAD_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + bytes(0x100000) + b"\r\nno size\r\n"


@pytest.mark.parametrize("broken", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", BAD_CHUNK], ids=["short", "bad chunk"])
def test_a_branch_that_cannot_be_reached_or_breaks_off_is_rolled_back(start, demo, backend, broken):
    stable = demo("stable")
    cut = backend(lambda connection, made: (made.read_head(connection), connection.sendall(broken)))
    rule = "rollback: {error_share: 20%, min_requests: 5}"
    gateway = start(configuration(stable.port, free_port(), ["{upstream: stable}", f"{{upstream: canary, {rule}}}"]))
    assert sum(ask(gateway)[0] == 502 for _ in range(60)) in about(5)
    gateway.write(configuration(stable.port, cut.port, ["{upstream: stable}", f"{{name: cut, upstream: canary, {rule}}}"]))
    gateway.reload()
    failed = 0
    for _ in range(60):
        try:
            ask(gateway)
        except (http.client.IncompleteRead, ConnectionError):
            failed += 1
    assert failed in about(5)


def test_a_held_branch_comes_back(start, demo, backend):
    stable, canary = demo("stable"), backend(answer(BAD))
    admin = free_port()
    gateway = start(configuration(stable.port, canary.port, [
        "{upstream: stable}", "{upstream: canary, rollback: {error_share: 100%, min_requests: 3, hold: 2s}}"], admin=admin))
    assert names(gateway, 40)["no"] in about(3)
    wait_for(lambda: metric(admin, 'portcullis_branch_rolled_back{route="all",branch="canary"}') == 0, what="its return")
    assert names(gateway, 40)["no"] in about(3)


def test_a_sound_branch_stays(start, two):
    gateway = start(configuration(two[0].port, two[1].port, [
        "{upstream: stable}", "{upstream: canary, rollback: {error_share: 1%, min_requests: 1}}"]))
    assert names(gateway, 100)["canary"] > 20


def test_only_post_from_no_browser_resumes(start, two):
    admin = free_port()
    start(configuration(two[0].port, two[1].port, ["{upstream: stable}", "{upstream: canary}"], admin=admin))
    assert get(admin, "/v1/splits/all/resume")[0] == 405
    assert resume(admin, branch="canary", Origin="http://evil.test")[0] == 403
    status, said = resume(admin)
    assert status == 404 and "route `all` has no branch that can be rolled back" in said
    status, said = resume(admin, branch="stable")
    assert status == 404 and "has no branch `stable` that can be rolled back" in said


@sanitizers.only_configuration
@pytest.mark.parametrize("split, route, said", [
    (["{upstream: stabel}", "{upstream: canary}"], "", ":13:20: error: there is no upstream `stabel` - did you mean `stable`?"),
    (["{upstream: stable}", "{upstream: stable}"], "", ":14:9: error: there are two branches named `stable`: give one of them another `name`"),
    (["{upstream: stable, rollback: {error_share: 5%}}"], "", "must have a `weight` above 0 and no `rollback`"),
    (["{upstream: stable}", "{upstream: canary, when: heder.x exists}"], "", "there is no variable `heder.x`"),
    (["{upstream: stable}"], "    upstream: canary", "has a `split`: write `upstream` and `subset` in the branches of the split, not in the route"),
    (["{upstream: stable}"], "    split_sticky: {cookie: a, key: caller}", "`split_sticky` needs exactly one of `cookie` and `key`"),
    (["{upstream: stable}"], "    split_sticky: {key: nobody}", "there is no variable `nobody`; a key is `caller`, `all`, a variable such as"),
    (["{upstream: stable}"], "    split_sticky: {key: consumer}", "`consumer` is called `caller` now"),
    (["{upstream: stable, subset: {v: v2}}"], "", "no target of `stable` has the metadata of the `subset` of `stable`"),
    (["{upstream: stable, wieght: 5}"], "", "did you mean `weight`?"),
])
def test_mistakes_are_named(tmp_path, split, route, said):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(1, 2, split, route).replace("{port}", "8080"))
    assert said in check(path)


def explain(tmp_path, text, *arguments):
    path = tmp_path / "gateway.yaml"
    path.write_text(text.replace("{port}", "8080"))
    return subprocess.run([BINARY, "explain", "-c", str(path), *arguments], capture_output=True, text=True).stdout


@sanitizers.only_command_line
def test_explain_says_who_would_answer(tmp_path):
    text = configuration(1, 2, ["{upstream: stable, weight: 95}", "{upstream: canary, weight: 5, when: request.header.x-canary exists}"],
                         "    split_sticky: {cookie: release}")
    told = explain(tmp_path, text, "GET", "/")
    assert "branch: stable, 95% to stable" in told and "upstream: one of these, by weight" in told
    told = explain(tmp_path, text, "GET", "/", "-H", "X-Canary: 1")
    assert "branch: canary, 5% to canary: chosen, its `when` holds" in told and "target: 127.0.0.1:2" in told
    told = json.loads(explain(tmp_path, text, "GET", "/", "-H", "Cookie: release=ffffffff", "--json"))
    assert told["upstream"] == "canary" and told["targets"] == ["127.0.0.1:2"]
    assert [one["chosen"] for one in told["branches"]] == [False, True]


def test_the_branch_is_a_variable_of_the_response(start, backend):
    target = backend(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).port
    split = ["{upstream: stable}", '{name: beta, upstream: canary, when: "request.header.x-beta exists"}']
    policies = '[{headers: {response: {set: {x-branch: "{route.branch}"}}}}]'
    gateway = start(configuration(target, target, split, policies=policies))
    assert ask(gateway)[2]["x-branch"] == "stable"
    assert ask(gateway, x_beta="1")[2]["x-branch"] == "beta"
