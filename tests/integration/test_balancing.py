"""Which of an upstream's targets answers: balancers, keys, sticky clients, priorities, zones and subsets."""

import collections
import http.client
import json
import re
import time

import pytest

import sanitizers
from harness import check

KEY = "0123456789abcdef0123456789abcdef"


def configuration(targets, upstream="", top="", routes="", workers=2):
    """`targets`: pairs of port and settings."""
    lines = "".join(f'      - {{address: "127.0.0.1:{port}"{", " if more else ""}{more}}}\n' for port, more in targets)
    return f"""version: 1
workers: {workers}
{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - name: backend
{upstream}
    targets:
{lines}
routes:
{routes}
  - name: all
    match: {{path_prefix: /}}
    upstream: backend
"""


def ask(gateway, path="/", **fields):
    """(name of the backend, fields that it received, fields of the response)"""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in fields.items()})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    told = json.loads(response.read())
    connection.close()
    return told["backend"], told["headers"], response.headers


def names(gateway, count=40, **fields):
    return collections.Counter(ask(gateway, **fields)[0] for _ in range(count))


@pytest.fixture
def three(demo):
    return {name: demo(name) for name in ("one", "two", "three")}


@pytest.mark.parametrize("balance", ["round_robin", "least_request", "random", "peak_ewma", "ring_hash", "maglev"])
def test_every_balancer_uses_every_target(start, three, balance):
    gateway = start(configuration([(one.port, "") for one in three.values()],
                                  f"    balance: {balance}\n    hash_key: '{{request.id}}'"))
    assert set(names(gateway, 60)) == set(three)


@pytest.mark.parametrize("balance", ["ring_hash", "maglev"])
@pytest.mark.parametrize("key, fields", [("request.header.x-user", lambda user: {"x_user": user}),
                                         ("cookie.session", lambda user: {"cookie": f"a=b; session={user}"})])
def test_a_key_goes_to_the_same_target_on_every_worker_and_node(start, three, balance, key, fields):
    text = configuration([(one.port, "") for one in three.values()], f"    balance: {balance}\n    hash_key: '{{{key}}}'", workers=4)
    gateway = start(text)
    users = [f"user-{i}" for i in range(30)]
    first = {user: ask(gateway, **fields(user))[0] for user in users}
    assert set(first.values()) == set(three)
    for user in users:
        assert set(names(gateway, 4, **fields(user))) == {first[user]}
    gateway.write(text.replace("workers: 4", "workers: 4\ndrain_timeout: 29s"))
    gateway.reload()
    assert {user: ask(gateway, **fields(user))[0] for user in users} == first
    # When a target is lost, its users move to other targets, and no other user moves.
    three["two"].stop()
    for user in users:
        now = ask(gateway, **fields(user))[0]
        assert now != "two" and (first[user] == "two" or now == first[user])
    assert set(names(gateway, 60)) == {"one", "three"}  # without a key the request goes to any target


def cookie_of(fields):
    return re.match(r"home=([0-9a-f]{56});", fields["set-cookie"])[1]


def test_a_sticky_client_stays_and_its_cookie_is_not_to_be_forged(start, three):
    text = configuration([(one.port, "") for one in three.values()], f"    sticky: {{cookie: home, key: {KEY}, ttl: 1h}}", workers=2)
    gateway = start(text)
    name, seen, fields = ask(gateway)
    assert fields["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600") and "cookie" not in seen
    value = cookie_of(fields)
    for _ in range(12):
        again, seen, fields = ask(gateway, cookie=f"x=1; home={value}; y=2")
        assert again == name and "set-cookie" not in fields
        assert seen["cookie"] == "x=1; y=2"  # the sticky cookie is not sent to the backend
    forged = ("0" if value[0] != "0" else "1") + value[1:]
    for bad in (forged, value[:-1] + ("0" if value[-1] != "0" else "1"), value[:-2], "x" * 56, ""):
        assert cookie_of(ask(gateway, cookie=f"home={bad}")[2])
    # A node with the same key accepts the cookie, a node with another key does not.
    gateway.write(text.replace("ttl: 1h", "ttl: 3h"))
    gateway.reload()
    assert "set-cookie" in ask(gateway, cookie=f"home={value}")[2]  # half of the cookie's lifetime has passed
    assert set(names(gateway, 10, cookie=f"home={value}")) == {name}
    gateway.write(text.replace(KEY, KEY[::-1]))
    gateway.reload()
    assert "set-cookie" in ask(gateway, cookie=f"home={value}")[2]
    # The cookie of a removed target is replaced.
    gateway.write(text)
    gateway.reload()
    three[name].stop()
    elsewhere, _, fields = ask(gateway, cookie=f"home={value}")
    assert elsewhere != name
    assert ask(gateway, cookie=f"home={cookie_of(fields)}")[0] == elsewhere


def test_a_sticky_cookie_without_ttl_ends_with_the_browser(start, three):
    gateway = start(configuration([(one.port, "") for one in three.values()], f"    sticky: {{cookie: home, key: {KEY}}}"))
    name, _, fields = ask(gateway)
    assert "Max-Age" not in fields["set-cookie"]
    assert set(names(gateway, 10, cookie=f"home={cookie_of(fields)}")) == {name}


def test_the_next_priority_serves_when_the_first_is_gone(start, three):
    gateway = start(configuration([(three["one"].port, ""), (three["two"].port, "priority: 1"), (three["three"].port, "priority: 2")]))
    assert names(gateway) == {"one": 40}
    three["one"].stop()
    assert names(gateway) == {"two": 40}
    three["two"].stop()
    assert names(gateway) == {"three": 40}


def test_targets_of_the_own_zone_come_first(start, three):
    targets = [(three["one"].port, "zone: east"), (three["two"].port, "zone: west"), (three["three"].port, "")]
    gateway = start(configuration(targets, top="zone: west"))
    assert names(gateway) == {"two": 40}
    three["two"].stop()
    assert set(names(gateway)) == {"one", "three"}


def test_a_route_chooses_a_subset(start, three):
    targets = [(three["one"].port, "metadata: {version: v1}"), (three["two"].port, "metadata: {version: v2, tier: gold}"),
               (three["three"].port, "metadata: {version: v2}")]
    routes = """  - {name: v2, match: {path_prefix: /v2}, upstream: backend, subset: {version: v2}}
  - {name: gold, match: {path_prefix: /gold}, upstream: backend, subset: {tier: gold, version: v2}}
"""
    gateway = start(configuration(targets, routes=routes))
    for path, wanted in (("/", {"one", "two", "three"}), ("/v2", {"two", "three"}), ("/gold", {"two"})):
        assert {ask(gateway, path)[0] for _ in range(20)} == wanted


def test_a_slow_target_gets_little_under_peak_ewma(start, demo, backend):
    def slowly(connection, made):
        while True:
            made.read_head(connection)
            time.sleep(1)  # far longer than the other targets need on a busy machine, which also counts in their latency
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{"backend": "slow", "headers": {}}\r\n'[:-2] + b" ")
    slow = backend(slowly)
    targets = [(demo("one").port, ""), (demo("two").port, ""), (demo("three").port, ""), (slow.port, "")]
    gateway = start(configuration(targets, "    balance: peak_ewma", workers=1))
    got = names(gateway, 400)
    assert got["slow"] <= 4 and len(got) >= 3  # requests are sequential, so the fastest target gets most


@sanitizers.only_configuration
@pytest.mark.parametrize("upstream, target, route, told", [
    ("    hash_key: client.adress\n    balance: maglev", "", "", "did you mean `client.address`?"),
    ("    hash_key: '{request.headr.x}'\n    balance: maglev", "", "", "did you mean `request.header."),
    ("    balance: magleef", "", "", "did you mean `maglev`?"),
    ("    sticky: {cookie: 'a b', key: " + KEY + "}", "", "", "not a cookie's name"),
    ("    sticky: {cookie: a, key: short}", "", "", "32 characters"),
    ("", "priority: 101", "", "from 0 to 100"),
    ("", "metadata: {version: v1}", "  - {name: v2, match: {path: /v2}, upstream: backend, subset: {version: v2}}\n", "no target of `backend`")])
def test_mistakes_are_named(tmp_path, upstream, target, route, told):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration([(1, target)], upstream, routes=route).replace("{port}", "1"))
    out = check(path)
    assert told in out and re.search(r":\d+:\d+: error: ", out), out
