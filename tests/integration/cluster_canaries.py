"""What the tests of a canary of a cluster have in common."""

from cluster_gateways import wait_for_all
from publishing import answering

BAD = {"name": "bad", "match": {"path": "/bad"}, "policies": [{"respond": {"status": 503}}]}


def publish_first(nodes):
    assert nodes[0].call("PUT", "/v1/routes/all", answering("one"))[0] == 201
    wait_for_all(nodes, 1)


def has_ended(node):
    return node.call("GET", "/v1/canary")[0] == 404


def canary_of(node):
    return node.call("GET", "/v1/canary")[1]
