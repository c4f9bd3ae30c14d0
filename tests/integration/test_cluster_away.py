"""Gateways of a cluster while etcd is away, cut off, compacted, or without its leader."""

import sanitizers
from cluster_cable import Cable
from cluster_gateways import Node, make_key, wait_for_all
from cluster_nodes import EtcdMembers
from harness import wait_for
from publishing import answering, call

pytestmark = sanitizers.etcd_by_control_thread


def publish(node, *texts):
    for text in texts:
        status, told = node.call("PUT", "/v1/routes/all", answering(text))
        assert status in (200, 201), told


def test_a_node_that_is_cut_off_serves_on_says_so_and_catches_up(cluster, members):
    cable = Cable(members.urls[0])
    one, two, three = nodes = cluster(3, urls=[members.urls, members.urls, [cable.url]])
    publish(one, "first")
    wait_for_all(nodes, 1)
    cable.cut()
    wait_for(lambda: three.listed()["store_reachable"] is False, what=lambda: three.listed())
    assert "may be old" in three.listed()["last_error"]
    publish(one, *(f"text {i}" for i in range(50)))
    two.wait_serving(200, "text 49")
    assert three.serves() == (200, "first") and three.revision() == 1
    status, told, reply = call(three.admin, "PUT", "/v1/routes/b", answering("b", name="b"))
    assert status == 503 and "retry-after:" in reply.lower(), told
    cable.mend()
    three.wait_serving(200, "text 49")
    three.wait_revision(51)
    assert three.listed()["store_reachable"] is True and three.listed()["last_error"] is None
    # It has each of the revisions that it has missed.
    assert [item["number"] for item in three.call("GET", "/v1/revisions")[1]["items"]] == list(range(51, 0, -1))
    assert three.call("GET", "/v1/config?revision=20")[1] == two.call("GET", "/v1/config?revision=20")[1]
    cable.close()


def test_a_node_starts_from_its_own_store_while_etcd_is_away(cluster, tmp_path, members):
    one, two = nodes = cluster(2)
    publish(one, "first", "second")
    wait_for_all(nodes, 2)
    two.stop()
    [etcd] = members.members
    etcd.kill()
    two.begin()
    assert two.serves() == (200, "second") and two.revision() == 2
    assert any("serves what its store has" in line for line in two.lines)
    assert two.listed()["store_reachable"] is False
    assert one.serves() == (200, "second")
    for node in nodes:
        status, _, reply = call(node.admin, "PUT", "/v1/routes/b", answering("b", name="b"))
        assert status == 503 and "retry-after:" in reply.lower()
        assert node.call("GET", "/v1/config?revision=1")[0] == 200
    etcd.start()
    wait_for(lambda: one.call("PUT", "/v1/routes/all", answering("third"))[0] == 200, timeout=40, what="etcd")
    for node in nodes:
        node.wait_serving(200, "third")


def test_a_node_that_was_away_while_the_watch_was_compacted_reads_all_again(cluster, members):
    cable = Cable(members.urls[0])
    one, two = nodes = cluster(2, urls=[members.urls, [cable.url]])
    publish(one, "first")
    wait_for_all(nodes, 1)
    cable.cut()
    wait_for(lambda: two.listed()["store_reachable"] is False, what=lambda: two.listed())
    publish(one, "second", "third")
    members.compact()
    cable.mend()
    two.wait_serving(200, "third")
    publish(two, "fourth")
    one.wait_serving(200, "fourth")
    cable.close()


def test_a_cluster_goes_on_when_etcd_loses_its_leader(cluster, three_members):
    nodes = cluster(3, on=three_members)
    publish(nodes[0], "first")
    wait_for_all(nodes, 1)
    three_members.leader().kill()
    wait_for(lambda: nodes[1].call("PUT", "/v1/routes/all", answering("second"))[0] == 200, timeout=40, what="a new leader")
    for node in nodes:
        wait_for(lambda its=node: its.serves() == (200, "second"), timeout=40, what=lambda its=node: its.listed())


def test_users_and_tls(cluster, authority, tmp_path):
    issued = authority.issue("etcd", "127.0.0.1", file="etcd")
    etcd = EtcdMembers(tmp_path, certificate=issued.pair, authority=str(authority.file))
    try:
        etcd.start()
        for user, password in (("root", "top-secret"), ("gateway", "its-password")):
            etcd.ask("auth/user/add", name=user, password=password)
        etcd.ask("auth/user/grant", user="root", role="root")
        etcd.ask("auth/role/add", name="gateways")
        etcd.ask("auth/role/grant", name="gateways", perm={
            "permType": "READWRITE", "key": "L3BvcnRjdWxsaXMv", "range_end": "L3BvcnRjdWxsaXMw"})
        etcd.ask("auth/user/grant", user="gateway", role="gateways")
        etcd.ask("auth/enable")
        settings = f", username: gateway, password: its-password, tls: {{ca: {authority.file}}}"
        one, two = nodes = cluster(2, on=etcd, settings=settings)
        publish(one, "first")
        wait_for_all(nodes, 1)
        assert two.serves() == (200, "first")
        [stranger] = cluster(1, on=etcd, first=3, settings=settings.replace("its-password", "wrong"))
        wait_for(lambda: "check `username` and `password`" in stranger.listed()["last_error"], what=lambda: stranger.listed())
        assert stranger.revision() == 0
    finally:
        etcd.close()


def test_a_node_with_another_key_file_reads_nothing(cluster, tmp_path):
    [one] = cluster(1)
    publish(one, "first")
    (tmp_path / "other").mkdir()
    stranger = Node(tmp_path, "stranger", one.urls, make_key(tmp_path / "other"))
    try:
        assert any("is not the one of the cluster" in line for line in stranger.lines), stranger.lines
        assert stranger.revision() == 0
        wait_for(lambda: "is not the one of the cluster" in str(stranger.listed()["last_error"]), what=lambda: stranger.listed())
        wait_for(lambda: "is not the one of the cluster" in str(one.nodes().get("stranger", {}).get("last_error")), what=lambda: one.nodes())
        assert stranger.call("PUT", "/v1/routes/all", answering("x"))[0] == 503
        assert one.revision() == 1
    finally:
        stranger.stop()
