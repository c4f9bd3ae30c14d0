"""A canary of a cluster that its nodes serve one after the other."""

import sanitizers
from cluster_canaries import BAD, canary_of, has_ended, publish_first
from cluster_gateways import wait_for_all
from harness import wait_for
from publishing import answering, body_for, put

pytestmark = sanitizers.etcd_by_control_thread


def begin(node, changes=None, **rules):
    """Publishes revision 2 node by node; all nodes have it then, or have refused it."""
    document = {"changes": changes or [put(answering("two"))], "wait": "all", "canary": {"nodes": 1, "for": "5m", **rules}}
    status, told = node.call("POST", "/v1/publish", document)
    assert status == 200, told
    return told


def wait_for_turns(nodes, *names):
    """All nodes know of these turns, and those whose turn has come serve the canary."""
    for node in nodes:
        wait_for(lambda its=node: canary_of(its).get("turns") == list(names), what=lambda its=node: canary_of(its))
    for node in nodes:
        if node.name in names:
            node.wait_serving(200, "two")


def wait_for_end(nodes, *words):
    for node in nodes:
        wait_for(lambda its=node: has_ended(its), timeout=40, what=lambda its=node: canary_of(its))
        node.wait_for_line(*words)


def test_the_nodes_serve_it_one_after_the_other_and_then_it_is_promoted(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    told = begin(two, **{"for": "2s"})
    canary = told["canary"]
    assert (canary["nodes"], canary["promote"], canary["until"], canary["share"]) == (1, True, None, "100%")
    assert all(its["serves"] for its in told["nodes"].values())
    seen = []

    def look():
        serving = [node.name for node in nodes if body_for(node.main_port, "any") == "two"]
        if serving not in seen:
            seen.append(serving)
        return has_ended(two)
    wait_for(look, timeout=60, what=lambda: (seen, canary_of(two)))
    # Each node joined those before it, and none has gone back.
    order = ["n1", "n2", "n3"]
    assert ["n1"] in seen and all(serving == order[:len(serving)] for serving in seen), seen
    assert [len(serving) for serving in seen] == sorted(len(serving) for serving in seen), seen
    wait_for_all(nodes, 2)
    wait_for_end(nodes, "canary promoted: serving revision 2", "all nodes have served it")
    for node in nodes:
        assert node.serves() == (200, "two") and node.listed()["canary"] is None
        node.wait_for_line("revision 2 is a canary, and the turn of this node has come")


def test_errors_at_one_node_stop_it_before_the_others_serve(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    begin(three, [put(answering("two")), put(BAD)], withdraw_when={"errors_above": "20%", "min_requests": 8})
    wait_for_turns(nodes, "n1")
    # Requests of the other nodes are not the canary's, so they cannot hide the errors of the first one.
    for node in (two, three):
        assert {body_for(node.main_port, user) for user in range(20)} == {"one"}
    for _ in range(8):
        body_for(one.main_port, "any", "/bad")
    wait_for_end(nodes, "canary withdrawn: revision 2", "at the node `n1`", "requests failed, more than 20%")
    for node in nodes:
        assert node.serves() == (200, "one") and node.revision() == 1
    assert not any("turn of this node" in line for node in (two, three) for line in node.lines)


def test_a_node_that_cannot_serve_it_stops_it_before_any_node_serves(cluster):
    one, two = nodes = cluster(2, references=[["HOME"], []])
    publish_first(nodes)
    begin(one, [put(answering("${HOME}"))])
    wait_for_end([one], "canary withdrawn: revision 2", "the node `n2` cannot serve it")
    for node in nodes:
        assert node.serves() == (200, "one") and node.revision() == 1
    assert not any("turn of this node" in line for line in one.lines)


def test_the_loss_of_a_node_that_serves_it_stops_it(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    begin(two)
    wait_for_turns(nodes, "n1")
    one.process.kill()
    one.process.wait()
    wait_for_end((two, three), "canary withdrawn: revision 2", "the node `n1` is lost")
    assert two.serves() == (200, "one") and two.revision() == 1
    one.begin()
    assert one.serves() == (200, "one") and one.revision() == 1


def test_a_node_that_restarts_serves_it_again_and_a_promotion_is_for_all(cluster):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    begin(one)
    wait_for_turns(nodes, "n1")
    one.stop()
    one.begin()
    wait_for_turns(nodes, "n1")
    assert two.serves() == (200, "one")
    assert two.call("POST", "/v1/canary/promote")[0] == 200
    wait_for_all(nodes, 2)
    for node in nodes:
        node.wait_serving(200, "two")


def test_several_nodes_at_once_and_a_trial_that_is_taken_back(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    begin(one, nodes=2, promote=False, **{"for": "1s"})
    wait_for(lambda: len(canary_of(one).get("turns", [])) >= 2 or has_ended(one), what=lambda: canary_of(one))
    wait_for_end(nodes, "canary withdrawn: revision 2", "all nodes have served it")
    for node in nodes:
        node.wait_for_line("the turn of this node has come")
        assert node.serves() == (200, "one") and node.revision() == 1
