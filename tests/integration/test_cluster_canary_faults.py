"""What goes wrong while a cluster has a canary: nodes that are behind, cut off or crash, calls at the same time, and rights."""

import base64
import json
import threading

import sanitizers
from admin_requests import bearer, hashed
from cluster_cable import Cable
from cluster_canaries import BAD, canary_of, has_ended, publish_first
from cluster_gateways import Node, make_key
from cluster_nodes import PREFIX
from harness import wait_for
from publishing import answering, body_for, call, put

pytestmark = sanitizers.etcd_by_control_thread

OTHER = {"name": "other", "match": {"path": "/other"}, "policies": [{"respond": {"status": 200, "body": "x"}}]}


def stored(members):
    """What the key `canary` of the cluster says."""
    values = members.ask("kv/range", key=(PREFIX + "canary").encode())["kvs"]
    return json.loads(base64.b64decode(values[0]["value"]))


def publish(node, change, wait="all", **rules):
    document = {"changes": [put(change)], "canary": {"for": "5m", **rules}, **({"wait": wait} if wait else {})}
    status, told = node.call("POST", "/v1/publish", document)
    assert status == 200, told
    return told


def wait_for_turns(nodes, *names):
    for node in nodes:
        wait_for(lambda its=node: canary_of(its).get("turns") == list(names), what=lambda its=node: canary_of(its))


def wait_for_state(members, state):
    wait_for(lambda: stored(members)["state"] == state, timeout=40, what=lambda: stored(members))


def test_a_node_that_is_behind_stops_a_canary_node_by_node(cluster, members):
    one, two = nodes = cluster(2, references=[["HOME"], []])
    publish_first(nodes)
    assert one.call("PUT", "/v1/routes/home", {**answering("${HOME}", name="home"), "match": {"path": "/home"}})[0] == 201
    wait_for(lambda: one.nodes()["n2"]["last_error"], what="the node that is behind")
    publish(one, OTHER, nodes=1)
    wait_for_state(members, "withdrawn")
    assert "the node `n2` cannot serve the revision before it" in stored(members)["reason"] and stored(members)["turns"] == []
    wait_for(lambda: has_ended(one), what=lambda: canary_of(one))
    # It does not stand in the way of what mends the node.
    assert two.call("DELETE", "/v1/routes/home")[0] == 204
    wait_for(lambda: two.listed()["last_error"] is None, what=lambda: two.listed())
    assert two.serves() == (200, "one")


def test_a_copy_that_is_not_complete_puts_no_withdrawn_revision_in_force(cluster, members):
    cable = Cable(members.urls[0])
    one, two = nodes = cluster(2, urls=[members.urls, [cable.url]])
    publish_first(nodes)
    publish(one, answering("two"), share="1%")
    assert one.call("POST", "/v1/canary/withdraw")[0] == 200
    two.wait_for_line("canary withdrawn")
    two.stop()
    assert one.call("PUT", "/v1/routes/other", OTHER)[0] == 201
    # etcd answers all but what the revision consists of.
    cable.awaited = base64.b64encode((PREFIX + "parts/").encode())
    two.begin()
    assert two.serves() == (200, "one")
    cable.awaited = None
    cable.released.set()
    two.wait_revision(3)
    assert two.serves() == (200, "one") and two.serves("/other") == (200, "x")
    cable.close()


class NodeWithTokens(Node):
    """A node with two publishers: `adm` may change everything, `team` only objects with its label."""

    def configuration(self):
        tokens = (f'tokens: [{{name: adm, hash: "{hashed("adm")}", role: admin}}, '
                  f'{{name: team, hash: "{hashed("team")}", role: publisher, labels: {{team: orders}}}}]')
        return super().configuration().replace(f"'127.0.0.1:{self.admin}'}}", f"'127.0.0.1:{self.admin}', {tokens}}}", 1)

    def call(self, method, path, value=None, *fields, token="adm"):
        return call(self.admin, method, path, value, *fields, bearer(token))[:2]


def test_a_node_that_cannot_read_the_canary_refuses_its_promotion_by_a_token_with_labels(members, tmp_path):
    cable = Cable(members.urls[0])
    key_file = make_key(tmp_path)
    one, two = nodes = [NodeWithTokens(tmp_path, "n1", members.urls, key_file), NodeWithTokens(tmp_path, "n2", [cable.url], key_file)]
    try:
        publish_first(nodes)
        cable.cut()
        wait_for(lambda: two.listed()["store_reachable"] is False, what=lambda: two.listed())
        publish(one, answering("two"), wait=None, share="1%")
        start = (PREFIX + "parts/").encode()
        members.ask("kv/deleterange", key=start, range_end=start[:-1] + bytes([start[-1] + 1]))
        cable.mend()
        wait_for(lambda: two.listed()["store_reachable"] is True, what=lambda: two.listed())
        wait_for(lambda: not has_ended(two), what=lambda: two.listed())
        assert one.call("POST", "/v1/canary/promote", token="team")[0] == 403
        assert two.call("POST", "/v1/canary/promote", token="team")[0] == 503
        assert stored(members)["state"] == "serves"
        assert two.call("POST", "/v1/canary/withdraw")[0] == 200
        wait_for_state(members, "withdrawn")
    finally:
        for node in nodes:
            node.stop()
        cable.close()


def test_a_withdrawal_that_meets_a_step_withdraws(cluster, members):
    cable = Cable(members.urls[0])
    one, two = nodes = cluster(2, urls=[members.urls, [cable.url]])
    publish_first(nodes)
    publish(one, OTHER, nodes=1)
    wait_for_turns([two], "n1")
    # The second node reads the key before the next step is made, and writes it after that.
    cable.awaited = b'"key":"' + base64.b64encode((PREFIX + "canary").encode())
    answers = []
    asking = threading.Thread(target=lambda: answers.append(two.call("POST", "/v1/canary/withdraw")))
    asking.start()
    assert cable.met.wait(20)
    members.ask("kv/put", key=(PREFIX + "canary").encode(), value=json.dumps({**stored(members), "turns": ["n1", "n2"]}).encode())
    cable.awaited = None
    cable.released.set()
    asking.join()
    assert answers[0][0] == 200 and (stored(members)["state"], stored(members)["ended_by"]) == ("withdrawn", "local"), answers
    cable.close()


def test_errors_while_etcd_is_away_count_when_it_answers_again(cluster, members):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    publish(one, BAD, nodes=2, withdraw_when={"errors_above": "10%", "min_requests": 5}, **{"for": "4s"})
    wait_for_turns(nodes, "n1", "n2")
    [etcd] = members.members
    etcd.kill()
    for node in nodes:
        wait_for(lambda its=node: its.listed()["store_reachable"] is False, what=lambda its=node: its.listed())
    wait_for(lambda: body_for(two.main_port, "any", "/bad") == "" and canary_of(two)["counts"]["canary"]["errors"] >= 20, timeout=40,
             what=lambda: canary_of(two))
    etcd.start()
    members.wait_answering()
    wait_for_state(members, "withdrawn")
    assert "requests failed, more than 10%" in stored(members)["reason"]


def test_a_crash_after_its_turn_stops_it_even_when_the_node_is_back_at_once(cluster, members):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    publish(two, answering("two"), nodes=1)
    wait_for_turns(nodes, "n1")
    one.wait_serving(200, "two")
    one.process.kill()
    one.process.wait()
    one.begin()
    wait_for_state(members, "withdrawn")
    assert stored(members)["reason"] == "the node `n1` has ended without a word, and was started again"
    for node in nodes:
        node.wait_serving(200, "one")
