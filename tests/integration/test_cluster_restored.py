"""Nodes whose store or etcd has other revisions than the cluster: restored, left behind, or with revisions of their own."""

import base64
import json

import harness
import sanitizers
from cluster_cable import Cable
from cluster_gateways import Node, make_key, wait_for_all
from command_line import portcullis, told
from harness import wait_for
from publishing import answering

pytestmark = sanitizers.etcd_by_control_thread


def publish(node, *texts):
    for text in texts:
        status, answer = node.call("PUT", "/v1/routes/all", answering(text))
        assert status in (200, 201), answer


def numbers(node):
    return [item["number"] for item in node.call("GET", "/v1/revisions")[1]["items"]]


def test_a_node_with_revisions_that_etcd_has_lost_makes_no_mixture(cluster, members):
    one, two = nodes = cluster(2)
    publish(one, "first")
    wait_for_all(nodes, 1)
    two.stop()
    members.save()
    wait_for(lambda: one.call("PUT", "/v1/routes/all", answering("lost"))[0] == 200, what="the second revision")
    members.restore()
    two.begin()
    wait_for(lambda: two.call("PUT", "/v1/routes/all", answering("kept"))[0] == 200, what="another second revision")
    assert one.revision() == two.revision() == 2
    wait_for(lambda: any("etcd has other revisions" in line for line in one.lines), what=lambda: one.lines)
    status, answer = one.call("PUT", "/v1/routes/b", answering("b", name="b"))
    assert status == 503 and "etcd has other revisions" in answer["detail"], answer
    publish(two, "third")
    assert one.serves() == (200, "lost") and two.serves() == (200, "third")
    assert one.revision() == 2 and numbers(two) == [3, 2, 1]


def test_objects_of_a_single_gateway_come_into_a_cluster_by_export_and_apply(members, tmp_path):
    key_file, folder, admin = make_key(tmp_path), tmp_path / "node", harness.free_port()
    folder.mkdir()
    server = ["--server", f"http://127.0.0.1:{admin}"]
    base = f"version: 1\nadmin: {{address: '127.0.0.1:{admin}'}}\nlisteners: [{{name: main, address: '127.0.0.1:{harness.free_port()}'}}]\n"

    def settings(store, etcd=""):
        return base + f"store: {{sqlite: {folder / store}, key_file: {key_file}{etcd}}}\n"

    etcd = f", etcd: {{urls: ['{members.urls[0]}']}}"
    alone = harness.Gateway(folder, settings("own.db"))
    route = json.dumps(answering("own"))
    assert portcullis("put", "routes", "all", "-f", "-", *server, input=route).returncode == 0
    exported = portcullis("export", *server)
    assert exported.returncode == 0, exported.stderr
    alone.stop()

    alone.write(settings("own.db", etcd))
    refused = portcullis("run", "-c", str(alone.path))
    assert refused.returncode == 3, refused.stderr
    for words in ("the store has revisions of its own", "`portcullis export`", "`portcullis apply`"):
        assert words in refused.stderr, refused.stderr
    assert members.keys() == []

    joined = harness.Gateway(folder, settings("copy.db", etcd))
    try:
        applied = portcullis("apply", "-f", "-", *server, input=exported.stdout)
        assert applied.returncode == 0, applied.stderr
        assert json.loads(portcullis("get", "routes", "all", "--json", *server).stdout)["_origin"] == {"from": "api", "revision": 1}
        assert len(members.keys("revisions/")) == 1
    finally:
        joined.stop()


def test_a_new_node_has_the_tags_of_the_cluster(cluster):
    [one] = cluster(1)
    publish(one, "first", "second", "third")
    for name, number in (("good", 1), ("also-good", 3)):
        assert one.call("POST", f"/v1/revisions/{number}/tag", {"name": name})[0] == 200
    [two] = cluster(1, first=2)
    assert two.revision() == 3
    assert {item["number"]: item["tags"] for item in two.call("GET", "/v1/revisions")[1]["items"]} == {1: ["good"], 2: [], 3: ["also-good"]}


def test_a_store_that_was_set_back_gets_all_revisions_again(cluster, tmp_path):
    one, two = nodes = cluster(2)
    publish(one, "first")
    wait_for_all(nodes, 1)
    files = ["--store", str(one.store), "--key-file", str(one.key_file)]
    backup = str(tmp_path / "backup.db")
    assert told("store", "backup", backup, *files)["good"]
    publish(one, "second", "third")
    assert told("store", "restore", backup, "--force", *files)["good"]
    publish(one, "fourth", "fifth")
    assert numbers(one) == [5, 4, 3, 2, 1]
    assert one.call("GET", "/v1/config?revision=3")[1] == two.call("GET", "/v1/config?revision=3")[1]
    wait_for_all(nodes, 5)


def test_a_store_that_another_process_writes_to_is_no_other_history(cluster, members):
    """As during an upgrade, when both processes copy into one file."""
    cable = Cable(members.urls[0])
    [one] = cluster(1, urls=[[cable.url]])
    beside = Node(one.folder.parent, "beside", members.urls, one.key_file, store=one.store)
    try:
        cable.hold(base64.b64encode(b"/portcullis/current"))
        publish(beside, "first")
        assert cable.met.wait(20)
        # The node waits for what etcd had as the newest revision; meanwhile its store gets a later one.
        publish(beside, "second")
        cable.release()
        one.wait_serving(200, "second")
        assert not any("other revisions" in line for line in one.lines), one.lines
    finally:
        beside.stop()
        cable.close()
