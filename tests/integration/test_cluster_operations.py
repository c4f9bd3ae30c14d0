"""Operations of operators on every node of a cluster, and publications that wait for all nodes."""

import base64
import hashlib
import json
import time

import pytest

from cluster_gateways import wait_for_all
from harness import wait_for
from publishing import answering, put


def know_each_other(nodes):
    for node in nodes:
        wait_for(lambda its=node: [one["state"] for one in its.nodes().values()] == ["ready"] * len(nodes), what="the nodes")
    return nodes


def cached(port):
    """A route whose responses are stored, of an upstream at this port."""
    return [{"put": {"kind": "upstreams", "name": "b", "value": {"name": "b", "targets": [{"address": f"127.0.0.1:{port}"}]}}},
            put({"name": "all", "match": {"path_prefix": "/"}, "upstream": "b", "policies": [
                {"cache": {}}, {"headers": {"response": {"set": {"cache-control": "max-age=300"}}}}]})]


def test_a_reload_is_done_on_every_node_or_on_one(cluster):
    one, two, three = nodes = know_each_other(cluster(3))
    two.write(two.configuration() + "routes: [{name: own, match: {path: /own}, policies: [{respond: {status: 200, body: two}}]}]\n")
    status, told = one.call("POST", "/v1/reload?node=n2")
    assert status == 200 and set(told["nodes"]) == {"n2"} and told["nodes"]["n2"]["outcome"] == "succeeded"
    assert two.serves("/own") == (200, "two")
    three.write("nonsense: 1\n")
    status, told = one.call("POST", "/v1/reload")
    assert status == 200 and set(told["nodes"]) == {"n1", "n2", "n3"}
    assert told["nodes"]["n1"]["outcome"] == "succeeded" and told["nodes"]["n3"]["outcome"] == "refused"
    assert told["nodes"]["n3"]["status"] == 409 and "nonsense" in told["nodes"]["n3"]["report"]
    status, told = one.call("POST", "/v1/reload?node=n3")
    assert status == 409 and told["nodes"]["n3"]["outcome"] == "refused"
    assert one.call("POST", "/v1/reload?node=n4")[0] == 404


@pytest.mark.not_sanitized(reason="to read a file of megabytes takes a sanitizer longer than the lease of a node")
def test_an_answer_that_is_too_large_for_etcd_is_left_out(cluster):
    one, two = know_each_other(cluster(2))
    two.write(two.configuration() + "".join(f"nonsense_{i}: 1\n" for i in range(10_000)))
    status, told = one.call("POST", "/v1/reload")
    assert status == 200 and told["nodes"]["n1"]["outcome"] == "succeeded", told
    assert told["nodes"]["n2"]["status"] == 409 and "too large" in told["nodes"]["n2"]["left_out"], str(told)[:500]


def send_as_a_node(members, key_file, name, kind, text):
    """An event as a node sends it, which has the key file."""
    [key] = [line.split()[1] for line in key_file.read_text().splitlines() if line.startswith("digest ")]
    signed = json.dumps([name, kind, text, "other"], separators=(",", ":"))
    digest = hashlib.blake2b(b"event " + signed.encode(), digest_size=32, key=base64.b64decode(key)).hexdigest()
    value = {"kind": kind, "text": text, "node": "other", "digest": digest}
    members.ask("kv/put", key=f"/portcullis/events/{name}".encode(), value=json.dumps(value).encode())


def outcomes(members):
    """The status of each operation that a node has answered."""
    events = [json.loads(base64.b64decode(item["value"])) for item in members.below("events/")]
    told = [json.loads(event["text"]) for event in events if event["kind"] == "outcome"]
    return {one["id"]: one["status"] for one in told}


def test_an_operation_needs_the_role_of_an_operator(cluster, members):
    [one] = know_each_other(cluster(1))
    for role in ("viewer", "", "operator"):
        text = json.dumps({"id": f"by {role}", "nodes": ["n1"], "what": {"do": "reload"}, "by": {"name": "eve", "role": role}})
        send_as_a_node(members, one.key_file, f"of-{role}", "operation", text)
    wait_for(lambda: len(outcomes(members)) == 3, what=lambda: outcomes(members))
    assert outcomes(members) == {"by viewer": 403, "by ": 403, "by operator": 200}


def test_a_target_is_drained_on_every_node(cluster, demo):
    one, two = nodes = know_each_other(cluster(2))
    backend = demo("a")
    changes = cached(backend.port)
    assert one.call("POST", "/v1/changes", {"changes": changes})[0] == 200
    wait_for_all(nodes, 1)
    address = f"127.0.0.1:{backend.port}"
    status, told = one.call("POST", f"/v1/upstreams/b/targets/{address}/drain")
    assert status == 200
    assert told["nodes"] == {name: {"upstream": "b", "address": address, "drained": True} for name in ("n1", "n2")}
    assert two.serves("/")[0] == 503
    assert two.call("POST", f"/v1/upstreams/b/targets/{address}/undrain")[0] == 200
    assert one.serves("/")[0] == 200
    assert one.call("POST", "/v1/upstreams/b/targets/127.0.0.1:1/drain")[0] == 404


def test_a_purge_reaches_every_node_within_a_second(cluster, demo):
    one, two, three = nodes = know_each_other(cluster(3))
    assert one.call("POST", "/v1/changes", {"changes": cached(demo("a").port)})[0] == 200
    wait_for_all(nodes, 1)
    for node in nodes:
        for _ in range(2):
            assert node.serves("/stored")[0] == 200
    begin = time.monotonic()
    status, told = two.call("POST", "/v1/cache/purge?all")
    assert status == 200 and told["nodes"] == {name: {"purged": 1} for name in ("n1", "n2", "n3")}
    assert time.monotonic() - begin < 10  # the contract is one second, on a machine that has nothing else to do
    assert two.call("POST", "/v1/cache/purge?all")[1]["nodes"] == {name: {"purged": 0} for name in ("n1", "n2", "n3")}
    assert two.call("POST", "/v1/cache/purge")[0] == 400


def test_a_publication_can_wait_for_all_nodes(cluster):
    one, two, three = nodes = know_each_other(cluster(3, references=[["HOME"], ["HOME"], []]))
    status, told = one.call("POST", "/v1/publish", {"changes": [put(answering("first"))], "wait": "all"})
    assert status == 200 and told["revision"] == 1
    assert {name: (its["serves"], its["revision"]) for name, its in told["nodes"].items()} == {name: (True, 1) for name in ("n1", "n2", "n3")}
    for node in nodes:
        assert node.serves() == (200, "first")
    status, told = two.call("POST", "/v1/publish", {"changes": [put(answering("${HOME}"))], "wait": "all"})
    assert status == 200 and [told["nodes"][name]["serves"] for name in ("n1", "n2", "n3")] == [True, True, False]
    assert "revision 2 cannot be served" in told["nodes"]["n3"]["last_error"] and three.serves() == (200, "first")
