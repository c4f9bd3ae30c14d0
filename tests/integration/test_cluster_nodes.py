"""The list of nodes, and nodes that come, go and are lost, with gateways on a real etcd."""

import json

import harness
import sanitizers
from cluster_gateways import wait_for_all
from harness import wait_for
from publishing import answering, call, node

pytestmark = sanitizers.etcd_by_control_thread


def follow_events(node):
    """A connection that follows the events of a node."""
    connection = harness.connect(node.admin)
    connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    harness.read_head(connection)
    assert b"retry: " in harness.read_chunk(connection)
    return connection


def next_event(connection, kind):
    text = ""
    while True:
        for event in text.split("\n\n")[:-1]:
            if event.startswith(f"event: {kind}\n"):
                return json.loads(event.partition("data: ")[2])
        text += harness.read_chunk(connection).decode()


def test_each_node_lists_all_with_what_they_serve(cluster):
    nodes = cluster(3)
    nodes[0].call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    for each in nodes:
        wait_for(lambda its=each: [(one["id"], one["revision"], one["state"]) for one in its.nodes().values()] ==
                 [("n1", 1, "ready"), ("n2", 1, "ready"), ("n3", 1, "ready")], what=lambda its=each: its.nodes())
    listed = nodes[1].nodes()
    assert len({one["files_hash"] for one in listed.values()}) == 3  # each has another address
    assert all(one["store_reachable"] is True and one["last_error"] is None and one["since"] and one["version"] for one in listed.values())


def test_a_node_that_is_stopped_leaves_and_one_that_is_killed_is_lost(cluster):
    one, two, three = cluster(3)
    wait_for(lambda: len(one.nodes()) == 3, what="three nodes")
    with follow_events(one) as events:
        two.stop()
        wait_for(lambda: set(one.nodes()) == {"n1", "n3"}, what=lambda: one.nodes())
        three.process.kill()
        three.expected = -9
        told = next_event(events, "node_lost")
        assert told["node"] == "n3"  # and not n2, which has left
    assert one.nodes()["n3"]["state"] == "lost" and one.nodes()["n3"]["store_reachable"] is False
    # It comes back by its name.
    three.begin()
    three.expected = 0
    wait_for(lambda: one.nodes().get("n3", {}).get("state") == "ready", what=lambda: one.nodes())


def test_a_node_keeps_the_name_that_it_has_made(start, tmp_path):
    admin = harness.free_port()
    gateway = node(start, tmp_path, admin)
    name = call(admin, "GET", "/v1/nodes")[1]["items"][0]["id"]
    gateway.stop()
    again = harness.free_port()
    node(start, tmp_path, again)
    assert call(again, "GET", "/v1/nodes")[1]["items"][0]["id"] == name
