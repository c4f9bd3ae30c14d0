"""Three gateways on a real etcd: what one publishes, all serve."""

import threading

from cluster_gateways import wait_for_all
from harness import check, wait_for
from publishing import answering, put


def test_a_change_on_one_node_is_served_by_all_and_read_on_all(cluster):
    one, two, three = nodes = cluster(3)
    assert [node.revision() for node in nodes] == [0, 0, 0]
    assert one.call("PUT", "/v1/routes/all", answering("first"))[0] == 201
    for node in nodes:
        node.wait_serving(200, "first")
    assert two.call("PUT", "/v1/routes/all", answering("second"))[0] == 200
    for node in nodes:
        node.wait_serving(200, "second")
        node.wait_revision(2)
        items = node.call("GET", "/v1/revisions")[1]["items"]
        assert [(item["number"], item["summary"]) for item in items] == [(2, "~1 route"), (1, "+1 route")]
        assert node.call("GET", "/v1/routes/all")[1]["_origin"] == {"from": "api", "revision": 2}
    hashes = [node.call("GET", "/v1/revisions/2")[1]["hash"] for node in nodes]
    assert len(set(hashes)) == 1
    assert three.call("POST", "/v1/revisions/1/restore")[1]["revision"] == 3
    for node in nodes:
        node.wait_serving(200, "first")


def test_objects_of_files_stay_on_their_node(cluster):
    one, two = nodes = cluster(2, objects=[
        "routes: [{name: own, match: {path: /own}, policies: [{respond: {status: 200, body: one}}]}]\n", ""])
    assert one.serves("/own") == (200, "one") and two.serves("/own")[0] == 404
    assert one.call("PUT", "/v1/routes/x", answering("x", name="x"))[0] == 201
    wait_for_all(nodes, 1)
    assert one.serves("/own") == (200, "one") and two.serves("/own") == (200, "x")
    config = one.call("GET", "/v1/config?revision=1")[1]
    assert [route["name"] for route in config["routes"]] == ["x"]
    listed = one.nodes()
    assert listed["n1"]["files_hash"] != listed["n2"]["files_hash"]
    # A reload of the file makes no revision of the cluster.
    one.write(one.configuration().replace("body: one", "body: changed"))
    one.reload()
    assert one.serves("/own") == (200, "changed") and one.revision() == two.revision() == 1


def test_two_nodes_that_publish_at_the_same_time_lose_nothing(cluster):
    nodes = cluster(3)
    outcomes = []

    def publish(node):
        for i in range(8):
            name = f"{node.name}-{i}"
            route = answering(name, name=name)
            route["match"] = {"path": f"/{name}"}
            outcomes.append(node.call("PUT", f"/v1/routes/{name}", route))

    threads = [threading.Thread(target=publish, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in outcomes] == [201] * 24, [told for status, told in outcomes if status != 201]
    wait_for_all(nodes, 24)
    for node in nodes:
        for name in (f"{other.name}-{i}" for other in nodes for i in range(8)):
            assert node.serves(f"/{name}") == (200, name)


def test_a_change_that_was_made_from_an_older_revision_is_refused(cluster):
    one, two = nodes = cluster(2)
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    two.call("PUT", "/v1/routes/all", answering("second"))
    wait_for_all(nodes, 2)
    status, told = one.call("POST", "/v1/changes", {"base": 1, "changes": [put(answering("third"))]})
    assert status == 409 and told["objects"] == [{"kind": "routes", "name": "all"}]


def test_tags_are_on_all_nodes(cluster):
    one, two = nodes = cluster(2)
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    assert two.call("POST", "/v1/revisions/1/tag", {"name": "good"})[0] == 200
    for node in nodes:
        wait_for(lambda its=node: its.call("GET", "/v1/revisions/1")[1]["tags"] == ["good"], what="the tag")
    assert one.call("DELETE", "/v1/tags/good")[0] == 204
    assert one.call("DELETE", "/v1/tags/other")[0] == 404
    for node in nodes:
        wait_for(lambda its=node: its.call("GET", "/v1/revisions/1")[1]["tags"] == [], what="no tag")


def test_a_node_that_cannot_serve_a_revision_keeps_the_one_before_and_says_so(cluster):
    one, two = nodes = cluster(2, references=[["HOME"], []])
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    route = answering("${HOME}")
    assert one.call("PUT", "/v1/routes/all", route)[0] == 200
    one.wait_revision(2)
    wait_for(lambda: "revision 2 cannot be served" in str(two.listed()["last_error"]), what="the error of the node")
    assert two.revision() == 1 and two.serves() == (200, "first")
    wait_for(lambda: "revision 2 cannot be served" in str(one.nodes().get("n2", {}).get("last_error")), what="what the other node sees")
    status, told = two.call("PUT", "/v1/routes/b", answering("b", name="b"))
    assert status == 503 and "revision 2 cannot be served" in told["detail"]
    # It starts with the revision that it has served last.
    two.stop()
    two.begin()
    assert two.serves() == (200, "first") and two.revision() == 1
    # The next revision, which it can serve, is taken.
    assert one.call("PUT", "/v1/routes/all", answering("third"))[0] == 200
    wait_for_all(nodes, 3)
    two.wait_serving(200, "third")
    assert two.listed()["last_error"] is None


def test_the_settings_are_checked(tmp_path):
    path = tmp_path / "gateway.yaml"

    def outcome(store):
        path.write_text(f"version: 1\nadmin: {{address: '127.0.0.1:1'}}\nstore: {store}\nlisteners: [{{name: m, address: '127.0.0.1:2'}}]\n")
        return check(path)

    assert "`store.etcd` needs `store.key_file`" in outcome("{etcd: {}}")
    assert "ends with `/`" in outcome("{etcd: {prefix: /gateways}, key_file: k}")
    assert "belong together" in outcome("{etcd: {username: u}, key_file: k}")
