"""Nodes of a cluster, and an etcd that fails, hangs, forgets or refuses."""

import base64
import json
import subprocess
import types

import pytest

import harness
import sanitizers
from cluster_cable import Cable
from cluster_nodes import PREFIX, EtcdMembers, joined

pytestmark = sanitizers.etcd_by_control_thread


def test_nodes_see_each_other_and_what_changes(cluster_node, members):
    one, two = joined(cluster_node("one", members)), joined(cluster_node("two", members))
    assert set(harness.wait_for(lambda: len(one.ask("nodes")["nodes"]) == 2 and one.ask("nodes")["nodes"])) == {"one", "two"}
    two.ask("serve", 7)
    harness.wait_for(lambda: one.ask("nodes")["nodes"]["two"]["revision"] == 7)
    changed = one.ask("canary", "5%", 0)["changed"]
    assert two.wait_for(seen="canary")["text"] == "5%"
    assert two.ask("canary", "6%", 0)["conflict"]
    assert two.ask("canary", "", changed)["changed"] == 0
    one.wait_for(seen="canary", text="")
    one.ask("draft", "work", 0, "secret")
    two.wait_for(seen="draft", name="work")
    one.ask("publish", 0, {"a": "1"})
    one.ask("tag", "good", 1)
    two.wait_for(seen="tag", name="good")
    one.ask("audit", "first")
    assert two.ask("audit", "second")["lines"] == ["second", "first"]
    assert two.ask("status")["has_leader"]


def test_an_event_reaches_all_nodes_within_a_second(cluster_node, members):
    one, two = joined(cluster_node("one", members)), joined(cluster_node("two", members))
    one.ask("event", "purge", "tag:orders")
    for node in (one, two):
        node.wait_for(timeout=1, seen="event", kind="purge", text="tag:orders")
    assert len(members.keys("events/")) == 1
    # etcd itself removes it after a minute.
    assert int(members.ask("lease/timetolive", ID=members.below("events/")[0]["lease"])["grantedTTL"]) == 60


def test_a_node_that_dies_is_lost_and_one_that_leaves_is_gone(cluster_node, members):
    one, two, three = (joined(cluster_node(name, members)) for name in ("one", "two", "three"))
    harness.wait_for(lambda: len(one.ask("nodes")["nodes"]) == 3)
    three.ask("leave")
    harness.wait_for(lambda: "three" not in one.ask("nodes")["nodes"])
    two.kill()
    harness.wait_for(lambda: not one.ask("nodes")["nodes"]["two"]["alive"], timeout=30)
    # It is remembered for an hour.
    lease = next(item["lease"] for item in members.below("members/two"))
    assert 3_500 < int(members.ask("lease/timetolive", ID=lease)["TTL"]) <= 3_600
    # It comes back under the same name.
    joined(cluster_node("two", members))
    harness.wait_for(lambda: one.ask("nodes")["nodes"]["two"]["alive"])


@pytest.fixture
def secured(tmp_path, authority):
    """secured(**options) -> an etcd that speaks TLS, and the files of a client."""
    running = []

    def start(**options):
        issued = authority.issue("etcd", "127.0.0.1", file="etcd")
        running.append(EtcdMembers(tmp_path, 1, certificate=issued.pair, authority=str(authority.file), **options))
        return running[-1].start(), (str(authority.file), *issued.pair)
    yield start
    for made in running:
        made.close()


def test_users(cluster_node, secured):
    members, (ca, _, _) = secured()
    members.ask("auth/user/add", name="root", password="top-secret")
    members.ask("auth/user/grant", user="root", role="root")
    members.ask("auth/role/add", name="gateways")
    members.ask("auth/role/grant", name="gateways", perm={
        "permType": "READWRITE", "key": "L3BvcnRjdWxsaXMv", "range_end": "L3BvcnRjdWxsaXMw"})
    for user in ("gateway", "without_role"):
        members.ask("auth/user/add", name=user, password="secret")
    members.ask("auth/user/grant", user="gateway", role="gateways")
    members.ask("auth/enable")
    one = joined(cluster_node("one", members, "gateway", "secret", ca))
    assert one.ask("publish", 0, {"a": "1"})["published"] == 1
    # A restarted member no longer knows its tokens.
    seen = len(one.lines)
    members.members[0].kill()
    one.wait_for(after=seen, seen="reachable", reachable=False)
    members.members[0].start()
    one.wait_for(after=seen, seen="reachable", reachable=True)
    assert one.ask("publish", 1, {"a": "2"})["published"] == 2
    one.wait_for(seen="current", number=2)
    unprivileged = cluster_node("unprivileged", members, "without_role", "secret", ca)
    assert f"give the role of the user `without_role` readwrite on the keys below `{PREFIX}`" in unprivileged.ask("read", 1)["error"]
    wrong = cluster_node("wrong", members, "gateway", "wrong", ca)
    assert "check `username` and `password`" in wrong.ask("read", 1)["error"]


def test_client_certificates(cluster_node, secured):
    members, (ca, cert, key) = secured(clients="certified")
    one = joined(cluster_node("one", members, "", "", ca, cert, key))
    assert one.ask("publish", 0, {"a": "1"})["published"] == 1
    assert "error" in cluster_node("two", members, "", "", ca).ask("read", 1)
    assert "error" in cluster_node("three", members).ask("read", 1)


def test_an_etcd_that_is_away_at_the_start(cluster_node, tmp_path):
    members = EtcdMembers(tmp_path)
    try:
        node = cluster_node("one", members)
        assert "etcd does not answer" in node.wait_for(seen="reachable", reachable=False)["why"]
        assert "etcd does not answer" in node.ask("publish", 0, {"a": "1"})["error"]
        members.start()
        joined(node)
        assert node.wait_for(seen="anew")["why"] == "start"
        assert node.ask("publish", 0, {"a": "1"})["published"] == 1
    finally:
        members.close()


def test_a_compacted_watch_reads_all_again(cluster_node, members):
    one, two = joined(cluster_node("one", members)), joined(cluster_node("two", members))
    harness.suspend(two.process)
    assert one.ask("publish", 0, {"a": "1"})["published"] == 1
    # More than the sockets between them hold, so that the rest is still to be sent when it is compacted.
    for number in range(12):
        members.ask("kv/put", key=f"{PREFIX}other/{number}".encode(), value=bytes(1_000_000))
    members.compact()
    members.members[0].kill()
    members.members[0].start()
    two.process.send_signal(18)
    assert two.wait_for(seen="anew", why="compacted", timeout=30)["current"] == 1
    one.wait_for(seen="anew", why="start")
    assert one.ask("publish", 1, {"a": "2"})["published"] == 2
    two.wait_for(seen="current", number=2)


def test_an_etcd_that_hangs_for_two_seconds_loses_nothing(cluster_node, members):
    node = joined(cluster_node("one", members))
    assert node.ask("publish", 0, {"a": "1"})["published"] == 1
    members.members[0].pause()
    node.send("publish", 1, {"a": "2"})
    with pytest.raises(subprocess.TimeoutExpired):
        node.process.wait(2)
    members.members[0].resume()
    assert node.wait_for(answer="publish", published=2)
    node.wait_for(seen="current", number=2)
    assert not any(line.get("held") is False for line in node.lines)


def test_a_publication_goes_on_when_the_leader_is_killed(cluster_node, three_members):
    nodes = [joined(cluster_node(name, three_members)) for name in ("one", "two")]
    for node in nodes:
        node.send("race", 60, node.name)
        node.wait_for(value="5")
    three_members.leader().kill()
    numbers = [node.wait_for(answer="race", timeout=40)["numbers"] for node in nodes]
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 121))
    for node in nodes:
        node.wait_for(seen="current", number=120)


@pytest.mark.parametrize("paused", [[0], [1, 2]], ids=["its-own-member", "all-other-members"])
def test_a_node_notices_that_it_is_cut_off(cluster_node, three_members, paused):
    node = joined(cluster_node("one", three_members))  # its stream is with the first member
    seen = len(node.lines)
    for index in paused:
        three_members.members[index].pause()
    node.wait_for(after=seen, seen="reachable", reachable=False, timeout=10)
    if len(paused) > 1:
        for index in paused:
            three_members.members[index].resume()
    node.wait_for(after=seen, seen="reachable", reachable=True)
    assert node.ask("publish", 0, {"a": "1"})["published"] == 1
    node.wait_for(seen="current", number=1)


def test_an_event_whose_answer_is_lost_is_told_once(cluster_node, members):
    cable = Cable(members.urls[0])
    one = joined(cluster_node("one", types.SimpleNamespace(urls=[cable.url, members.urls[0]])))
    two = joined(cluster_node("two", members))
    cable.hold(base64.b64encode(f"{PREFIX}events".encode()))
    one.ask("event", "purge", "first")
    assert cable.met.is_set()
    cable.release()
    one.ask("event", "purge", "second")
    two.wait_for(seen="event", text="second")
    assert [line["text"] for line in two.lines if line.get("seen") == "event"] == ["first", "second"]
    cable.close()


def test_an_event_that_no_node_has_sent_is_ignored(cluster_node, members):
    one = joined(cluster_node("one", members))
    for name in ("a", "b"):
        members.ask("kv/put", key=f"{PREFIX}events/{name}".encode(),
                    value=json.dumps({"kind": "purge", "text": "forged", "node": "two", "digest": "00" * 32}).encode())
    one.ask("event", "purge", "real")
    one.wait_for(seen="event", text="real")
    # What a node has sent is ignored at another key.
    [item] = [item for item in members.below("events/") if b"real" in base64.b64decode(item["value"])]
    members.ask("kv/put", key=f"{PREFIX}events/again".encode(), value=base64.b64decode(item["value"]))
    one.ask("event", "purge", "last")
    one.wait_for(seen="event", text="last")
    assert [line["text"] for line in one.lines if line.get("seen") == "event"] == ["real", "last"]


def test_a_node_notices_that_etcd_was_restored(cluster_node, members):
    node = joined(cluster_node("one", members))
    assert node.ask("publish", 0, {"a": "1"})["published"] == 1
    members.save()
    harness.wait_for(lambda: node.ask("publish", 1, {"a": "2"}).get("published") == 2, what="the second revision")
    for number in range(2, 12):
        assert node.ask("publish", number, {"a": f"value {number}"})["published"] == number + 1
    node.wait_for(seen="current", number=12)
    members.restore()
    assert node.wait_for(seen="anew", why="compacted", timeout=30)["current"] == 1
    harness.wait_for(lambda: node.ask("publish", 1, {"b": "1"}).get("published") == 2, what="another second revision")
    seen = len(node.lines)
    assert node.ask("publish", 2, {"b": "2"})["published"] == 3
    node.wait_for(after=seen, seen="current", number=3)
