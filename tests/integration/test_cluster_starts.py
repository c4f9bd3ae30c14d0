"""Gateways of a cluster that start: beside one that serves, without an etcd that answers, and at a revision that they cannot serve."""

import os
import re
import signal
import socket
import subprocess

import harness
import sanitizers
from cache_disk import FRESH, MIB, bytes_of
from cache_origin import Answer, ask
from cluster_gateways import Node, make_key, wait_for_all
from cluster_nodes import EtcdMembers
from harness import free_port, get, wait_for
from publishing import answering, put

pytestmark = sanitizers.etcd_by_control_thread


def know_each_other(nodes):
    for node in nodes:
        wait_for(lambda its=node: [one["state"] for one in its.nodes().values()] == ["ready"] * len(nodes), what="the nodes")
    return nodes


def reloads(node, other):
    """What `other` has done when `node` asks it to read its files again."""
    return node.call("POST", f"/v1/reload?node={other.name}")[1]["nodes"][other.name]["outcome"]


def test_a_start_that_fails_leaves_the_node_that_serves_in_the_list(cluster, members):
    one, two = know_each_other(cluster(2))
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all([one, two], 1)
    before = [item["create_revision"] for item in members.below("members/n2")]
    # Its addresses are taken by the process that serves.
    ended = subprocess.run([harness.BINARY, "run", "-c", str(two.path)], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 3 and "in use" in ended.stderr, ended.stderr
    assert [item["create_revision"] for item in members.below("members/n2")] == before
    assert one.nodes()["n2"]["state"] == "ready" and one.nodes()["n2"]["revision"] == 1
    assert reloads(one, two) == "succeeded"


def test_a_node_whose_keys_are_gone_writes_them_again(cluster, members):
    one, two = know_each_other(cluster(2))
    key = b"/portcullis/nodes/n2"
    members.ask("kv/deleterange", key=key)
    wait_for(lambda: "/portcullis/nodes/n2" in members.keys("nodes/"), what="the key of the node")
    wait_for(lambda: one.nodes().get("n2", {}).get("state") == "ready", what="the node")


def test_after_an_upgrade_the_successor_alone_does_operations(cluster, backend):
    slow = backend(harness.Script(held=True))
    one, two = know_each_other(cluster(2))
    upstream = {"name": "b", "targets": [{"address": f"127.0.0.1:{slow.port}"}]}
    changes = [{"put": {"kind": "upstreams", "name": "b", "value": upstream}}, put({"name": "all", "match": {"path_prefix": "/"}, "upstream": "b"})]
    assert one.call("POST", "/v1/changes", {"changes": changes})[0] == 200
    wait_for_all([one, two], 1)
    with harness.connect(two.main_port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: slow.handler.requests, what="the request at the backend")
        two.process.send_signal(signal.SIGUSR2)
        two.wait_for_line("draining")
        wait_for(lambda: one.nodes().get("n2", {}).get("state") == "ready", what="the successor")
        # The process from before is still there, and would say that it drains.
        assert two.process.poll() is None
        for _ in range(3):
            assert reloads(one, two) == "succeeded"
        slow.handler.release.set()
        assert " 200 " in harness.read_response(connection)[0]
    [successor] = re.findall(r"process (\d+) is starting as", "\n".join(two.lines))
    assert two.process.wait(40) == 0
    os.kill(int(successor), signal.SIGTERM)
    two.reader.join(40)  # the successor writes to the same standard error


def test_a_start_does_not_wait_long_for_an_etcd_that_hangs(tmp_path):
    silent = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
    node = Node(tmp_path, "n1", [f"http://127.0.0.1:{one.getsockname()[1]}" for one in silent], make_key(tmp_path))
    try:
        assert any("etcd takes long" in line for line in node.lines), node.lines
    finally:
        node.stop()
        for one in silent:
            one.close()


def test_a_node_without_revisions_is_ready_when_it_has_seen_the_cluster(tmp_path):
    members = EtcdMembers(tmp_path)
    node = Node(tmp_path, "n1", members.urls, make_key(tmp_path))
    try:
        assert get(node.admin, "/readyz")[0] == 503
        members.start()
        wait_for(lambda: get(node.admin, "/readyz")[0] == 200, what="a node that is ready")
    finally:
        node.stop()
        members.close()


def test_a_node_starts_with_what_it_has_served_when_an_address_of_the_newest_revision_is_taken(cluster):
    one, two = nodes = know_each_other(cluster(2))
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    two.stop()
    # The first node serves at this address of the machine that both are on.
    listener = {"name": "extra", "address": f"127.0.0.1:{free_port()}"}
    assert one.call("PUT", "/v1/listeners/extra", listener)[0] == 201
    two.begin()
    assert any("revision 2 cannot be served here" in line for line in two.lines), two.lines
    assert two.serves() == (200, "first")


def cached(port):
    """A route whose responses are stored, of an upstream at this port."""
    upstream = {"name": "b", "targets": [{"address": f"127.0.0.1:{port}"}]}
    return {"changes": [{"put": {"kind": "upstreams", "name": "b", "value": upstream}},
                        put({"name": "all", "match": {"path_prefix": "/"}, "upstream": "b", "policies": [{"cache": {}}]})]}


def test_a_restart_empties_the_disk_of_the_cache_because_purges_were_missed(cluster, origin, tmp_path):
    disk = tmp_path / "disk"
    [node] = cluster(1, objects=f"cache: {{disk: {{path: {disk}, size: 64MiB}}}}\n")
    origin.answers["/a"] = [Answer(FRESH, body=bytes_of(2 * MIB))]
    assert node.call("POST", "/v1/changes", cached(origin.port))[0] == 200
    assert ask(node.main_port, "/a").status == 200
    wait_for(lambda: list(disk.glob("*/*.head")), what="the object on disk")
    node.stop()
    node.begin()
    assert ask(node.main_port, "/a").status == 200
    assert len(origin.asked("/a")) == 2


def test_a_node_that_has_started_without_etcd_empties_its_cache_when_etcd_answers(cluster, origin, members):
    [node] = cluster(1)
    assert node.call("POST", "/v1/changes", cached(origin.port))[0] == 200
    node.stop()
    [etcd] = members.members
    etcd.kill()
    node.begin()
    origin.answers["/a"] = [Answer(FRESH)]
    for _ in range(2):
        assert ask(node.main_port, "/a").status == 200
    assert len(origin.asked("/a")) == 1
    etcd.start()
    wait_for(lambda: node.listed()["store_reachable"], timeout=40, what="etcd")
    assert ask(node.main_port, "/a").status == 200
    assert len(origin.asked("/a")) == 2
