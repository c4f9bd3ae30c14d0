"""Revisions of a cluster on a real etcd: publishing, reading, sweeping."""

import random
import time

import harness
import sanitizers
from cluster_nodes import joined, unpacked

pytestmark = sanitizers.etcd_by_control_thread

TOLD_SECRET = "a-secret-of-the-cluster-0123456789"


def test_a_revision_is_published_and_read_by_another_node(cluster_node, members):
    one, two = (joined(cluster_node(name, members)) for name in ("one", "two"))
    first = one.ask("publish", 0, {"a": "1", "b": ["2", TOLD_SECRET]})
    assert (first["published"], first["summary"]) == (1, "+2 routes")
    two.wait_for(seen="current", number=1)
    second = two.ask("publish", 1, {"a": "3", "b": None, "c": "4"})
    assert (second["published"], second["summary"]) == (2, "+1 route, ~1 route, -1 route")
    assert one.ask("publish", 2, {"a": "3"})["unchanged"] == 2
    assert one.ask("publish", 1, {"a": "5"})["overtaken"] == 2
    read = one.ask("read", 2)
    assert read["objects"] == {"a": "3", "c": "4"} and read["author"] == "two" and read["hash"] == second["hash"]
    assert two.ask("read", 1)["objects"] == {"a": "1", "b": ["2", TOLD_SECRET]}
    assert one.ask("read", 3)["missing"] == "never"
    # Nothing is left of the publications but what the revisions have.
    assert members.keys("publishing/") == []


def test_secrets_are_nowhere_in_clear(cluster_node, members):
    one = joined(cluster_node("one", members))
    assert one.ask("check_keys").get("error") is None
    assert one.ask("publish", 0, {"a": ["1", TOLD_SECRET]})["published"] == 1
    assert one.ask("draft", "work", 0, TOLD_SECRET)["text"] == TOLD_SECRET
    values = members.values()
    assert len(values) > 5
    # A compressed text can hide one, so what etcd has is unpacked, too.
    for value in values:
        assert TOLD_SECRET.encode() not in unpacked(value)
    stranger = cluster_node("stranger", members, key_file="other-key")
    assert "is not the one of the cluster" in stranger.ask("check_keys")["error"]
    assert "error" in stranger.ask("read", 1)


def test_two_publishers_at_the_same_time_lose_nothing(cluster_node, members):
    nodes = [joined(cluster_node(name, members)) for name in ("one", "two")]
    for node in nodes:
        node.send("race", 100, node.name)
    sweeper = joined(cluster_node("sweeper", members))
    while not all(any(line.get("answer") == "race" for line in node.lines) for node in nodes):
        assert "error" not in sweeper.ask("sweep", 0)  # it must not take a part that a publication needs
    results = [node.wait_for(answer="race") for node in nodes]
    numbers = [result["numbers"] for result in results]
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 201))
    assert sum(result["overtaken"] for result in results) > 10
    # Each of them is whole, and has the newest objects of both.
    sweeper.ask("sweep", 0)
    for number in range(1, 201):
        objects = sweeper.ask("read", number)["objects"]
        for node, own in zip(nodes, numbers):
            published = sum(1 for one in own if one <= number)
            assert objects.get(node.name, ["0"])[0] == str(published)


def test_a_publisher_that_is_killed_leaves_a_whole_revision_or_none(cluster_node, members):
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    reader = joined(cluster_node("reader", members))
    for i in range(12):
        node = joined(cluster_node(f"node{i}", members))
        node.send("race", 1000, f"object{i}")
        node.wait_for(raced=reader.ask("catch_up", 0, 0)["number"] + 1) if i == 0 else node.wait_for(value="1")
        time.sleep(moments.random() / 50)
        node.kill()
    numbers = [int(key.rpartition("/")[2]) for key in members.keys("revisions/")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), f"seed {seed}"
    newest = max(numbers)
    assert reader.ask("publish", newest, {"last": "1"})["published"] == newest + 1
    for number in (1, newest // 2, newest, newest + 1):
        assert reader.ask("read", number)["number"] == number
    # When the leases of the dead are over, no part is left that no revision has.
    harness.wait_for(lambda: members.keys("publishing/") == [], timeout=30, what="the end of the leases")
    assert "error" not in reader.ask("sweep", 0)
    before = len(members.keys("parts/"))
    assert before == newest + 1 and reader.ask("sweep", 0)["pieces"] == 0


def test_expired_revisions_are_removed_with_their_parts(cluster_node, members):
    node = joined(cluster_node("one", members))
    for number in range(15):
        assert node.ask("publish", number, {"a": str(number)})["published"] == number + 1
    assert node.ask("tag", "good", 2)["tagged"]
    assert node.ask("sweep", 89)["revisions"] == 0  # ten are kept, and those that are not 90 days old
    swept = node.ask("sweep", 91)
    assert (swept["revisions"], swept["pieces"]) == (4, 4)
    assert node.ask("read", 1)["missing"] == "expired" and node.ask("read", 2)["objects"] == {"a": "1"}
    assert not node.ask("tag", "late", 3)["tagged"]
    assert node.ask("untag", "good")["removed"] and not node.ask("untag", "good")["removed"]
    assert node.ask("sweep", 91)["revisions"] == 1


def test_a_change_of_one_of_many_objects_costs_about_one_object(cluster_node, members):
    one, two = joined(cluster_node("one", members)), joined(cluster_node("two", members))
    assert one.ask("publish_many", 0, 10_000, 50)["published"] == 1
    two.wait_for(seen="current", number=1)
    assert two.ask("read", 1)["count"] == 10_000
    before = len(members.keys("parts/"))
    for number in range(1, 51):
        assert one.ask("publish", number, {f"route-{number}": "changed"})["published"] == number + 1
    assert len(members.keys("parts/")) == before + 50
    caught_up = two.ask("catch_up", 1, 51)
    assert (caught_up["number"], caught_up["changed"]) == (51, 50)
    assert caught_up["bytes"] < 50 * 10_000


def test_values_as_large_as_etcd_takes_and_larger(cluster_node, members):
    node = joined(cluster_node("one", members))
    for number, size in enumerate((500_000, 2_000_000, 8_000_000)):
        value = random.Random(number).randbytes(size // 2).hex()
        assert node.ask("publish", number, {"large": value})["published"] == number + 1
    assert node.ask("read", 3)["objects"]["large"] == value
    assert all(len(one) < 1 << 20 for one in members.values())
    assert "etcd takes requests of at most" in node.ask("event", "purge", "x" * 1_600_000)["error"]
    text = random.Random(1).randbytes(1_500_000).hex()
    assert node.ask("draft", "work", 0, text)["text"] == text
    assert all(len(one) < 1 << 20 for one in members.values())


def test_a_draft_is_written_by_those_who_have_seen_the_present_one(cluster_node, members):
    one, two = (joined(cluster_node(name, members)) for name in ("one", "two"))
    first = one.ask("draft", "work", 0, "first")
    assert (first["outcome"], first["text"]) == ("done", "first")
    refused = two.ask("draft", "work", 0, "second")
    assert (refused["outcome"], refused["text"], refused["changed"]) == ("conflict", "first", first["changed"])
    second = two.ask("draft", "work", first["changed"], "second")
    assert (second["outcome"], second["text"]) == ("done", "second")
    assert one.ask("draft", "work", first["changed"], "")["outcome"] == "conflict"
    assert one.ask("draft", "other", second["changed"], "x")["outcome"] == "conflict"
    assert [two.ask("draft", name, 0, "x")["outcome"] for name in ("b", "c", "d")] == ["done", "done", "too many"]
    assert one.ask("sweep", 0)["pieces"] == 0 and len(members.keys("parts/")) == 3
    assert one.ask("draft", "work", second["changed"], "")["outcome"] == "done"
    assert len(members.keys("parts/")) == 2
