"""Changes on a node that does not serve, or has not heard of, the newest revision of its cluster."""

import threading

import pytest

import sanitizers
from cluster_cable import Cable
from cluster_gateways import wait_for_all
from harness import metric, wait_for
from publishing import answering, call, field_of, put

pytestmark = sanitizers.etcd_by_control_thread


class HeldWatch(Cable):
    """Passes connections on to etcd. While it is held, the node hears of no change; all other calls are answered."""

    def __init__(self, url):
        self.watched, self.passes = set(), threading.Event()
        self.passes.set()
        super().__init__(url)

    def take(self, source, sink, piece):
        if b"/v3/watch" in piece:
            self.watched.add(sink)
        if source in self.watched:
            self.passes.wait(20)

    def silence(self):
        self.passes.clear()

    def close(self):
        self.passes.set()
        super().close()


@pytest.fixture
def watch(members):
    made = HeldWatch(members.urls[0])
    yield made
    made.close()


def test_a_change_may_be_made_from_a_revision_that_this_node_has_not_heard_of(cluster, members, watch):
    one, two = nodes = cluster(2, urls=[members.urls, [watch.url]])
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    watch.silence()
    assert one.call("PUT", "/v1/routes/all", answering("second"))[0] == 200
    status, told = two.call("POST", "/v1/changes", {"base": 2, "changes": [put(answering("third"))]})
    assert status == 200 and told["revision"] == 3, told
    assert two.serves() == (200, "third")
    status, told = two.call("POST", "/v1/changes", {"base": 9, "changes": [put(answering("fourth"))]})
    assert status == 422 and "there is no revision 9" in told["detail"]


def test_an_entity_tag_of_another_node_counts_before_this_node_has_heard_of_it(cluster, members, watch):
    one, two = nodes = cluster(2, urls=[members.urls, [watch.url]])
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    watch.silence()
    status, _, reply = call(one.admin, "PUT", "/v1/routes/all", answering("second"))
    assert status == 200
    status, told = two.call("PUT", "/v1/routes/all", answering("third"), f"If-Match: {field_of(reply, 'etag')}")
    assert status == 200, told
    assert two.serves() == (200, "third")
    # A tag that no state has is still refused.
    assert two.call("PUT", "/v1/routes/all", answering("fourth"), 'If-Match: "other"')[0] == 412


@pytest.fixture
def behind(cluster):
    """Two nodes. The second one cannot serve revision 2, which is the newest."""
    one, two = nodes = cluster(2, references=[["HOME"], []])
    one.call("PUT", "/v1/routes/all", answering("first"))
    wait_for_all(nodes, 1)
    assert one.call("PUT", "/v1/routes/all", answering("${HOME}"))[0] == 200
    wait_for(lambda: "revision 2 cannot be served" in str(two.listed()["last_error"]), what="the error of the node")
    return one, two


@pytest.mark.parametrize("how", ["change", "restore"])
def test_a_node_can_mend_a_revision_that_it_cannot_serve(behind, how):
    one, two = behind
    if how == "change":
        status, told = two.call("PUT", "/v1/routes/all", answering("mended"))
    else:
        status, told = two.call("POST", "/v1/revisions/1/restore")
    assert status == 200, told
    wait_for_all(behind, 3)
    expected = "mended" if how == "change" else "first"
    for node in behind:
        node.wait_serving(200, expected)
    assert two.listed()["last_error"] is None
    assert two.call("GET", "/v1/revisions/3")[1]["parent"] == 2


def test_a_change_that_mends_nothing_is_refused(behind):
    one, two = behind
    status, told = two.call("PUT", "/v1/routes/b", answering("b", name="b"))
    assert status == 503 and "revision 2 cannot be served" in told["detail"], told
    assert two.revision() == 1 and one.revision() == 2


def test_files_are_read_again_while_the_newest_revision_cannot_be_served(behind):
    one, two = behind
    two.write(two.configuration() + "routes: [{name: own, match: {path: /own}, policies: [{respond: {status: 200, body: own}}]}]\n")
    two.reload()
    assert two.serves("/own") == (200, "own") and two.revision() == 1
    assert "revision 2 cannot be served" in two.listed()["last_error"]


def test_an_error_is_told_in_a_bounded_size(cluster):
    one, two = cluster(2)
    two.write(two.configuration() + "".join(f"nonsense_{i}: 1\n" for i in range(400)))
    two.reload()
    wait_for(lambda: "nonsense" in str(one.nodes().get("n2")), what="the error of the node")
    assert len(one.nodes()["n2"]["last_error"]) < 5_000


def test_the_node_that_is_asked_purges_at_once_while_etcd_hangs(cluster, members, demo):
    one, two = nodes = cluster(2)
    wait_for(lambda: len(one.nodes()) == 2, what="the other node")
    upstream = {"name": "b", "targets": [{"address": f"127.0.0.1:{demo('a').port}"}]}
    stored = {"name": "all", "match": {"path_prefix": "/"}, "upstream": "b", "policies": [
        {"cache": {}}, {"headers": {"response": {"set": {"cache-control": "max-age=300"}}}}]}
    assert one.call("POST", "/v1/changes", {"changes": [{"put": {"kind": "upstreams", "name": "b", "value": upstream}}, put(stored)]})[0] == 200
    assert one.serves("/stored")[0] == 200
    members.members[0].pause()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(one.call("POST", "/v1/cache/purge?all")))
    asking.start()
    wait_for(lambda: metric(one.admin, "portcullis_cache_purged_total"), what="the purge")
    assert not answers
    members.members[0].resume()
    asking.join()
    assert answers[0][1]["nodes"]["n1"] == {"purged": 1}


def test_a_lost_node_is_not_waited_for(cluster):
    one, two = cluster(2)
    wait_for(lambda: len(one.nodes()) == 2, what="the other node")
    two.process.kill()
    two.process.wait()
    status, told = one.call("POST", "/v1/reload?node=n2")
    assert status == 504 and "the node is lost" in told["detail"], told
    status, told = one.call("POST", "/v1/reload?node=n2")
    assert status == 504 and "cannot be asked" in told["detail"], told
    two.begin()
