"""Drafts of a cluster on a real etcd: two gateways share them."""

import contextlib
import random
import signal
import threading

import pytest

import sanitizers
from cluster_gateways import Node, make_key, wait_for_all
from cluster_nodes import PREFIX, joined, unpacked
from harness import wait_for
from publishing import call, field_of

MERGE = "Content-Type: application/merge-patch+json"
SECRET = "hunter2-of-a-draft-of-a-cluster"


def route(path, body, **more):
    return {"match": {"path": path}, "policies": [{"respond": {"status": 200, "body": body}}], **more}


def body_in_draft(node, path):
    status, told = node.call("GET", path)
    return told["policies"][0]["respond"]["body"] if status == 200 else status


def draft_names(node):
    return [one["name"] for one in node.call("GET", "/v1/drafts")[1]["items"]]


def at_once(*calls):
    """What the calls have returned, in the order of the calls."""
    results, start = [None] * len(calls), threading.Barrier(len(calls))

    def run(i):
        start.wait()
        results[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def text_that_does_not_compress(size, seed=1):
    """Of printable characters, with six bits in each."""
    characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    return "".join(random.Random(seed).choices(characters, k=size))


def test_a_draft_of_one_node_is_read_changed_planned_and_published_at_another(cluster):
    one, two = nodes = cluster(2)
    one.call("PUT", "/v1/routes/old", route("/old", "old"))
    wait_for_all(nodes, 1)
    assert one.call("PUT", "/v1/drafts/d/routes/a", route("/a", "a"))[0] == 201
    assert one.call("DELETE", "/v1/drafts/d/routes/old")[0] == 204
    [told] = two.call("GET", "/v1/drafts")[1]["items"]
    assert (told["name"], told["author"], told["objects"]) == ("d", "local", 2)
    assert body_in_draft(two, "/v1/drafts/d/routes/a") == "a"
    assert two.call("PATCH", "/v1/drafts/d/routes/a", {"labels": {"team": "x"}}, MERGE)[0] == 200
    assert two.call("PUT", "/v1/drafts/d/routes/b", route("/b", "b"))[0] == 201
    assert one.call("GET", "/v1/drafts/d/routes/a")[1]["labels"] == {"team": "x"}
    plan = one.call("POST", "/v1/drafts/d/plan")[1]
    assert [(item["name"], item["change"]) for item in plan["diff"]["objects"]] == [
        ("a", "added"), ("b", "added"), ("old", "removed")]
    assert [node.revision() for node in nodes] == [1, 1] and one.serves("/a")[0] == 404
    status, told = two.call("POST", "/v1/drafts/d/publish", {"message": "why"})
    assert status == 200 and told == {"revision": 2, "summary": "+2 routes, -1 route"}, told
    for node in nodes:
        node.wait_serving(200, "b", "/b")
        assert node.serves("/a") == (200, "a") and node.serves("/old")[0] == 404
        assert draft_names(node) == [] and node.call("POST", "/v1/drafts/d/publish")[0] == 404


def test_a_node_that_has_not_yet_heard_of_a_change_publishes_a_draft_that_was_made_after_it(cluster):
    one, two = cluster(2)
    for number in range(20):
        assert one.call("PUT", "/v1/routes/a", route("/a", f"live {number}"))[0] in (200, 201)
        assert one.call("PUT", "/v1/drafts/d/routes/a", route("/a", f"draft {number}"))[0] == 200
        status, told = two.call("POST", "/v1/drafts/d/publish")
        assert status == 200, told
        one.wait_revision(told["revision"])


def test_objects_that_were_changed_at_another_node_are_a_conflict(cluster):
    one, two = nodes = cluster(2)
    one.call("PUT", "/v1/routes/a", route("/a", "base"))
    wait_for_all(nodes, 1)
    assert two.call("PUT", "/v1/drafts/d/routes/a", route("/a", "draft"))[0] == 200
    one.call("PUT", "/v1/routes/a", route("/a", "live"))
    status, told = two.call("POST", "/v1/drafts/d/publish")
    assert status == 409 and [item["name"] for item in told["objects"]] == ["a"], told
    assert draft_names(one) == ["d"] and one.serves("/a") == (200, "live")


def test_of_two_writers_at_two_nodes_one_is_told(cluster):
    one, two = nodes = cluster(2)
    for number in range(5):
        tag = field_of(call(one.admin, "PUT", "/v1/drafts/d/routes/a", route("/a", f"base {number}"))[2], "etag")
        answers = at_once(*(lambda its=node: its.call(
            "PUT", "/v1/drafts/d/routes/a", route("/a", f"{its.name} {number}"), f"If-Match: {tag}") for node in nodes))
        assert sorted(status for status, _ in answers) == [200, 412], answers
        [winner] = [node.name for node, (status, _) in zip(nodes, answers) if status == 200]
        assert [body_in_draft(node, "/v1/drafts/d/routes/a") for node in nodes] == [f"{winner} {number}"] * 2


def test_writers_at_two_nodes_lose_nothing(cluster):
    nodes = cluster(2)

    def write_all(node):
        return [node.call("PUT", f"/v1/drafts/d/routes/{node.name}-{i}", route(f"/{node.name}-{i}", "x"))[0] for i in range(15)]

    written = at_once(*(lambda its=node: write_all(its) for node in nodes))
    # One that was overtaken several times in a row is told to try again.
    assert set(written[0] + written[1]) <= {201, 409}
    expected = {f"{node.name}-{i}" for node, statuses in zip(nodes, written) for i, status in enumerate(statuses) if status == 201}
    for node in nodes:
        assert {one["name"] for one in node.call("GET", "/v1/drafts/d/routes")[1]["items"]} == expected


def test_of_two_nodes_that_publish_a_draft_at_the_same_time_one_does(cluster):
    nodes = cluster(2)
    for number in range(1, 6):
        nodes[0].call("PUT", "/v1/drafts/d/routes/a", route("/a", f"draft {number}"))
        statuses = [status for status, _ in at_once(*(lambda its=node: its.call("POST", "/v1/drafts/d/publish") for node in nodes))]
        assert sorted(statuses)[0] == 200 and sorted(statuses)[1] in (404, 409), statuses
        wait_for_all(nodes, number)
        assert draft_names(nodes[0]) == []


def test_while_etcd_is_away_drafts_are_refused_for_the_time_being(cluster, members):
    one, two = cluster(2)
    one.call("PUT", "/v1/drafts/d/routes/a", route("/a", "a"))
    [etcd] = members.members
    etcd.kill()
    for method, path, value in (("GET", "/v1/drafts", None), ("GET", "/v1/drafts/d", None), ("DELETE", "/v1/drafts/d", None),
                                ("PUT", "/v1/drafts/d/routes/b", route("/b", "b")), ("POST", "/v1/drafts/d/publish", None)):
        status, told, reply = call(two.admin, method, path, value)
        assert status == 503 and "etcd does not answer" in told["detail"] and field_of(reply, "retry-after"), reply
    etcd.start()
    wait_for(lambda: two.call("GET", "/v1/drafts/d")[0] == 200, timeout=40, what="etcd")
    assert body_in_draft(two, "/v1/drafts/d/routes/a") == "a" and two.call("DELETE", "/v1/drafts/d")[0] == 204
    assert one.call("GET", "/v1/drafts/d")[0] == 404


def test_secrets_are_nowhere_in_clear_and_another_key_file_reads_no_draft(cluster, members, tmp_path):
    [one] = cluster(1)
    secret = route("/s", "s")
    secret["policies"].insert(0, {"headers": {"request": {"set": {"authorization": SECRET}}}})
    assert one.call("PUT", "/v1/drafts/d/routes/s", secret)[0] == 201
    assert SECRET not in str(one.call("GET", "/v1/drafts/d/config"))
    assert members.keys("drafts/") and members.keys("parts/")
    for value in members.values():
        assert SECRET.encode() not in unpacked(value) and b"authorization" not in unpacked(value)
    (tmp_path / "other").mkdir()
    stranger = Node(tmp_path, "stranger", one.urls, make_key(tmp_path / "other"))
    try:
        for method, path, value in (("GET", "/v1/drafts", None), ("GET", "/v1/drafts/d", None), ("DELETE", "/v1/drafts/d", None),
                                    ("PUT", "/v1/drafts/d/routes/b", route("/b", "b"))):
            status, told = stranger.call(method, path, value)
            assert status == 503 and "is not the one of the cluster" in told["detail"], told
    finally:
        stranger.stop()
    assert draft_names(one) == ["d"] and one.call("POST", "/v1/drafts/d/publish")[0] == 200


def test_a_damaged_draft_can_be_deleted(cluster, members):
    [one] = cluster(1)
    assert one.call("PUT", "/v1/drafts/d/routes/a", route("/a", "a"))[0] == 201
    for damage in (b"{}", members.ask("kv/range", key=f"{PREFIX}drafts/d".encode())["kvs"][0]["value"]):
        members.ask("kv/put", key=f"{PREFIX}drafts/d".encode(), value=damage)
        for key in members.keys("parts/"):
            members.ask("kv/deleterange", key=key.encode())
        status, told = one.call("GET", "/v1/drafts/d")
        assert (status, told["detail"]) == (409, "the draft `d` in etcd is damaged; it can be deleted"), told
    assert one.call("DELETE", "/v1/drafts/d")[0] == 204
    assert draft_names(one) == [] and members.keys("drafts/") == []


def test_drafts_are_bounded_in_number_for_all_nodes_together(cluster):
    one, two = nodes = cluster(2)
    for number in range(99):
        assert nodes[number % 2].call("PUT", f"/v1/drafts/d{number}/routes/a", route("/a", "a"))[0] == 201
    answers = at_once(*(lambda its=node: its.call("PUT", f"/v1/drafts/{its.name}/routes/a", route("/a", "a")) for node in nodes))
    assert sorted(status for status, _ in answers) == [201, 409], answers
    [refused] = [told for status, told in answers if status == 409]
    assert refused["detail"] == "there are 100 drafts already: publish or delete one of them first"
    assert len(draft_names(one)) == len(draft_names(two)) == 100
    assert two.call("PUT", "/v1/drafts/d0/routes/b", route("/b", "b"))[0] == 201


@pytest.mark.not_thread_sanitized(reason="the thread that sends the pieces is the one that sends all smaller drafts")
def test_a_draft_may_be_larger_than_what_etcd_takes_at_once(cluster, members):
    one, two = cluster(2)
    large = text_that_does_not_compress(3 << 20)
    assert one.call("PUT", "/v1/drafts/d/routes/a", route("/a", large))[0] == 201
    assert len(members.keys("parts/")) > 3 and members.keys("publishing/") == []
    assert max(len(value) for value in members.values()) < 1 << 20
    assert body_in_draft(two, "/v1/drafts/d/routes/a") == large
    # The pieces of a draft are removed with it.
    assert two.call("PUT", "/v1/drafts/d/routes/a", route("/a", "small"))[0] == 200
    assert len(members.keys("parts/")) == 1 and body_in_draft(one, "/v1/drafts/d/routes/a") == "small"
    assert one.call("DELETE", "/v1/drafts/d")[0] == 204
    assert members.keys("parts/") == members.keys("drafts/") == []


@sanitizers.killed_process
def test_a_writer_that_is_killed_leaves_the_draft_before_and_what_it_has_sent_is_swept(cluster, cluster_node, members):
    one, two = cluster(2)
    assert two.call("PUT", "/v1/drafts/d/routes/a", route("/a", "before"))[0] == 201
    after = text_that_does_not_compress(3 << 20)

    def write():
        with contextlib.suppress(IndexError, OSError):  # there is no answer
            one.call("PUT", "/v1/drafts/d/routes/a", route("/a", after))

    writing = threading.Thread(target=write)
    writing.start()
    wait_for(lambda: len(members.keys("parts/")) > 1, what="the first pieces")
    one.expected = -signal.SIGKILL
    one.process.kill()
    writing.join()
    body = body_in_draft(two, "/v1/drafts/d/routes/a")
    assert body in ("before", after)
    sweeper, sent = joined(cluster_node("sweeper", members)), len(members.keys("parts/"))
    if body == "before":
        # While the lease of the writer lasts, it could still complete the draft.
        assert members.keys("publishing/") and sweeper.ask("sweep", 0)["pieces"] == 0
        for key in members.keys("publishing/"):  # as at the end of the lease
            members.ask("kv/deleterange", key=key.encode())
        assert sweeper.ask("sweep", 0)["pieces"] == sent - 1
    assert sweeper.ask("sweep", 0)["pieces"] == 0
    assert body_in_draft(two, "/v1/drafts/d/routes/a") == body
