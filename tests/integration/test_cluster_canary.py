"""A canary of a cluster: all nodes serve it, their requests are summed, and it ends for all of them."""

import threading

from cluster_cable import Cable
from cluster_canaries import BAD, canary_of, has_ended, publish_first
from cluster_gateways import wait_for_all
from harness import get, wait_for
from publishing import answering, body_for, put

BY_USER = "{request.header.x-user}"
USERS = range(24)


def begin(node, changes=None, wait="all", **rules):
    """Publishes revision 2 as a canary; with `wait`, all nodes serve it then, or have refused it."""
    rules = {"share": "50%", "by": BY_USER, "for": "5m", **rules}
    document = {"changes": changes or [put(answering("two"))], "canary": rules, **({"wait": wait} if wait else {})}
    status, told = node.call("POST", "/v1/publish", document)
    assert status == 200, told
    return told


def sides(node):
    return [body_for(node.main_port, user) for user in USERS]


def wait_for_end(nodes):
    for node in nodes:
        wait_for(lambda its=node: has_ended(its), what=lambda its=node: f"{its.name}: {canary_of(its)}")


def wait_for_canary(node, number=2):
    wait_for(lambda: node.listed()["canary"] == number, what=lambda: f"{node.name}: {node.listed()}")


def at_once(*calls):
    """The statuses of calls (node, path) that are made at the same time."""
    statuses = [None] * len(calls)

    def make(i, node, path):
        statuses[i] = node.call("POST", path)[0]
    threads = [threading.Thread(target=make, args=(i, *one)) for i, one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


def test_all_nodes_serve_a_share_and_a_promotion_at_another_node_is_for_all(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    told = begin(one)
    assert (told["revision"], told["canary"]["base"]) == (2, 1)
    assert {name: (its["serves"], its["revision"]) for name, its in told["nodes"].items()} == dict.fromkeys(("n1", "n2", "n3"), (True, 1))
    # The same users are served by the same revision at each node.
    first = sides(one)
    assert set(first) == {"one", "two"} and sides(two) == first and sides(three) == first
    served = 3 * first.count("two")
    for node in nodes:
        wait_for(lambda its=node: canary_of(its)["counts"]["canary"]["requests"] == served, what=lambda its=node: canary_of(its))
        assert canary_of(node)["counts"]["base"]["requests"] == 3 * first.count("one")
        assert node.listed()["canary"] == 2 and node.revision() == 1
        metrics = get(node.admin, "/metrics")[1]
        assert 'revision="2"' in metrics and 'revision="1"' in metrics
    # Nothing else is published meanwhile, at any node.
    for node in nodes:
        status, told = node.call("PUT", "/v1/routes/other", answering("other", name="other"))
        assert status == 409 and "revision 2 is a canary" in told["detail"], told
    assert two.call("POST", "/v1/reload")[0] == 409
    assert three.call("POST", "/v1/canary/promote")[0] == 200
    assert three.revision() == 2 and set(sides(three)) == {"two"}
    for node in nodes:
        node.wait_revision(2)
        assert set(sides(node)) == {"two"} and has_ended(node) and node.listed()["canary"] is None
        node.wait_for_line("canary promoted: serving revision 2", "promoted by local")
    assert [item["number"] for item in one.call("GET", "/v1/revisions")[1]["items"]] == [2, 1]
    assert two.call("PUT", "/v1/routes/all", answering("three"))[0] == 200
    wait_for_all(nodes, 3)
    assert one.call("GET", "/v1/revisions/3")[1]["parent"] == 2


def test_the_rule_is_decided_over_the_sums_and_withdraws_from_all(cluster):
    one, two, three = nodes = cluster(3)
    publish_first(nodes)
    begin(one, [put(answering("two")), put(BAD)], share="100%", withdraw_when={"errors_above": "20%", "min_requests": 24})
    for node in (one, two):
        assert [body_for(node.main_port, user) for user in range(8)] == ["two"] * 8
    for node in nodes:
        wait_for(lambda its=node: canary_of(its)["counts"]["canary"]["requests"] == 16, what=lambda its=node: canary_of(its))
    # Only the third node sees errors, and no node has enough requests by itself.
    for user in range(8):
        body_for(three.main_port, user, "/bad")
    wait_for_end(nodes)
    for node in nodes:
        assert set(sides(node)) == {"one"} and node.revision() == 1
        node.wait_for_line("canary withdrawn: revision 2", "8 of 24 requests failed, more than 20%")
    # The number stays, and the next revision is made from the one in force.
    assert two.call("PUT", "/v1/routes/other", {**answering("other", name="other"), "match": {"path": "/other"}})[0] == 201
    wait_for_all(nodes, 3)
    made = three.call("GET", "/v1/revisions/3")[1]
    assert made["parent"] == 1 and made["summary"] == "+1 route"
    assert {route["name"] for route in one.call("GET", "/v1/config?revision=2")[1]["routes"]} == {"all", "bad"}
    for node in nodes:
        assert node.serves() == (200, "one") and node.serves("/other") == (200, "other")


def test_of_two_who_end_a_canary_at_once_one_does(cluster):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    promote, withdraw = "/v1/canary/promote", "/v1/canary/withdraw"
    number = 1
    for first, second in ((promote, promote), (promote, withdraw), (withdraw, withdraw)):
        number += 1
        assert begin(one, [put(answering(f"text {number}"))])["revision"] == number
        statuses = at_once((one, first), (two, second))
        # Two who want the same, in the same words, may both be told that it is done.
        assert statuses in ([200, 409], [200, 404]) or (first == second and statuses == [200, 200])
        wait_for_end(nodes)
        wait_for(lambda: one.revision() == two.revision(), what=lambda: one.nodes())
        assert sides(one) == sides(two) and len(set(sides(one))) == 1
    assert one.call("POST", promote)[0] == 404


def test_nodes_that_restart_or_join_begin_the_canary_too(cluster):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    begin(one)
    first = sides(one)
    two.process.kill()
    two.process.wait()
    two.begin()
    [three] = cluster(1, first=3)
    for node in (two, three):
        wait_for_canary(node)
        assert sides(node) == first and canary_of(node)["since"] == canary_of(one)["since"]
    # The node that has begun it ends, and the others go on.
    one.stop()
    assert two.call("POST", "/v1/canary/promote")[0] == 200
    for node in (two, three):
        node.wait_serving(200, "two")
        node.wait_revision(2)
    one.begin()
    assert one.revision() == 2 and set(sides(one)) == {"two"} and has_ended(one)


def test_the_end_of_the_time_is_decided_once_for_all(cluster):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    begin(one, wait=None, promote=True, **{"for": "1s"})
    wait_for_end(nodes)
    for node in nodes:
        node.wait_serving(200, "two")
        node.wait_revision(2)
        node.wait_for_line("canary promoted: serving revision 2", "its time is over")


def test_while_etcd_is_away_the_canary_goes_on_as_it_is(cluster, members):
    one, two = nodes = cluster(2)
    publish_first(nodes)
    begin(one, promote=True, **{"for": "3s"})
    first = sides(one)
    [etcd] = members.members
    etcd.kill()
    for node in nodes:
        wait_for(lambda its=node: its.listed()["store_reachable"] is False, what=lambda its=node: its.listed())
        for path in ("promote", "withdraw"):
            assert node.call("POST", f"/v1/canary/{path}")[0] == 503
        assert sides(node) == first and node.listed()["canary"] == 2
        assert canary_of(node)["counts"]["canary"]["requests"] > 0
    # A node that starts now serves what was in force.
    two.stop()
    two.begin()
    assert two.revision() == 1 and set(sides(two)) == {"one"}
    etcd.start()
    for node in nodes:
        wait_for(lambda its=node: its.serves() == (200, "two") and has_ended(its), timeout=40, what=lambda its=node: its.listed())
        node.wait_revision(2)


def test_a_node_that_is_cut_off_serves_on_and_follows_later(cluster, members):
    cable = Cable(members.urls[0])
    one, two, three = nodes = cluster(3, urls=[members.urls, members.urls, [cable.url]])
    publish_first(nodes)
    begin(one)
    first = sides(three)
    cable.cut()
    wait_for(lambda: three.listed()["store_reachable"] is False, what=lambda: three.listed())
    assert two.call("POST", "/v1/canary/withdraw")[0] == 200
    wait_for_end((one, two))
    assert set(sides(one)) == {"one"} and sides(three) == first
    assert one.call("PUT", "/v1/routes/all", answering("three"))[0] == 200
    cable.mend()
    three.wait_serving(200, "three")
    three.wait_revision(3)
    assert has_ended(three)
    cable.close()


def test_a_node_that_cannot_serve_the_canary_says_so_and_serves_the_base(cluster):
    one, two = nodes = cluster(2, references=[["HOME"], []])
    publish_first(nodes)
    told = begin(one, [put(answering("${HOME}"))])
    assert told["nodes"]["n1"]["serves"] is True and told["nodes"]["n2"]["serves"] is False
    assert "revision 2 cannot be served" in told["nodes"]["n2"]["last_error"]
    assert "revision 2 cannot be served" in two.listed()["last_error"]
    assert set(sides(two)) == {"one"} and two.listed()["canary"] is None
    assert canary_of(two)["revision"] == 2 and two.call("PUT", "/v1/routes/all", answering("x"))[0] == 409
    assert two.call("POST", "/v1/canary/withdraw")[0] == 200
    wait_for_end(nodes)
    assert set(sides(one)) == {"one"}
    assert two.call("PUT", "/v1/routes/all", answering("three"))[0] == 200
    for node in nodes:
        node.wait_serving(200, "three")
        wait_for(lambda its=node: its.listed()["last_error"] is None, what=lambda its=node: its.listed())


def test_the_first_revision_can_be_a_canary(cluster, members):
    one, two = nodes = cluster(2)
    assert begin(one)["revision"] == 1
    assert set(sides(two)) >= {"two"} and two.revision() == 0
    assert two.call("POST", "/v1/canary/withdraw")[0] == 200
    wait_for_end(nodes)
    # A node that starts without etcd knows that the newest revision is not in force.
    two.stop()
    [etcd] = members.members
    etcd.kill()
    two.begin()
    assert two.revision() == 0 and two.serves()[0] == 404
    etcd.start()
    wait_for(lambda: two.call("PUT", "/v1/routes/all", answering("three"))[0] == 201, timeout=40, what=lambda: two.listed())
    wait_for_all(nodes, 2)
    assert one.serves() == (200, "three") and one.call("GET", "/v1/revisions/2")[1]["parent"] == 0
