import collections
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

import cache_origin
import cluster_gateways
import cluster_nodes
import grpc_service
import harness
import http2
import longest_first
import pki
import rerun_alone
import sanitizers
import servers
import stressed

sys.path.insert(0, str(harness.ROOT / "examples/grpc"))
import library_server  # noqa: E402


def pytest_configure(config):
    sanitizers.register(config)
    longest_first.register(config)
    rerun_alone.register(config)
    stressed.register(config)


def kept(make, end):
    """The body of a fixture: yields a function that makes objects, which are ended when the test ends."""
    running = []

    def begin(*arguments, **settings):
        made = make(*arguments, **settings)
        running.append(made)
        return made

    yield begin
    for made in running:
        end(made)


@pytest.fixture
def start(tmp_path):
    """start(configuration) -> Gateway; stopped, with its exit code checked, when the test ends."""
    yield from kept(lambda configuration: harness.Gateway(tmp_path, configuration), harness.Gateway.stop)


@pytest.fixture(scope="module")
def lasting_gateways():
    """The gateways of `shared`, by their configurations: at most as many as are of use at the same time."""
    made = {}
    yield made
    with contextlib.ExitStack() as ending:
        for one in made.values():
            ending.callback(one.stop)


@pytest.fixture
def shared(lasting_gateways, tmp_path_factory):
    """shared(configuration) -> Gateway, the same one for all tests of a file with the same configuration. For tests that send
    requests and look at the answers: what a gateway counts, logs or keeps may come from the tests before."""
    def begin(configuration):
        gateway = lasting_gateways.pop(configuration, None)
        if gateway is None:
            if len(lasting_gateways) == 4:
                lasting_gateways.pop(next(iter(lasting_gateways))).stop()
            gateway = harness.Gateway(tmp_path_factory.mktemp("gateway"), configuration)
        lasting_gateways[configuration] = gateway  # the last one is the one that was used last
        assert gateway.process.poll() is None, "exited: " + "\n".join(gateway.lines)
        return gateway
    return begin


@pytest.fixture(scope="module")
def lasting_backend():
    made = harness.ScriptedBackend(harness.answer())
    yield made
    made.close()


@pytest.fixture
def recorder(lasting_backend):
    """A ScriptedBackend with the usual answer, the same one for all tests of a file, for `shared`. It has received nothing yet."""
    lasting_backend.received, lasting_backend.accepted = b"", 0
    return lasting_backend


@pytest.fixture
def public_folder():
    """A folder that all users may read, with the program in it."""
    with tempfile.TemporaryDirectory(prefix="portcullis-") as folder:
        os.chmod(folder, 0o755)
        shutil.copy(harness.BINARY, folder)
        yield pathlib.Path(folder)


@pytest.fixture
def backend():
    """backend(handler) -> ScriptedBackend."""
    yield from kept(lambda handler=None: harness.ScriptedBackend(handler or harness.answer()),
                    harness.ScriptedBackend.close)


@pytest.fixture
def backend2():
    """backend2(handler, ...) -> http2.Backend."""
    yield from kept(http2.Backend, http2.Backend.close)


@pytest.fixture
def service():
    """A grpc_service.Service."""
    it = grpc_service.Service()
    yield it
    it.close()


@pytest.fixture
def library(tmp_path):
    """library() -> the service of examples/grpc; its descriptor set is library.pb in the gateway's folder."""
    yield from kept(lambda: library_server.Library(grpc_service.descriptors(tmp_path)), lambda it: it.close())


@pytest.fixture
def speak():
    """speak(gateway, ...) -> http2.Client."""
    yield from kept(lambda gateway, **settings: http2.Client(gateway.connect(), **settings), http2.Client.close)


@pytest.fixture
def demo():
    """demo(name) -> DemoBackend."""
    yield from kept(harness.DemoBackend, harness.DemoBackend.stop)


@pytest.fixture(scope="session")
def lasting_demos():
    """The demo backends of `echo`, by their names and numbers."""
    made = {}
    yield made
    for one in made.values():
        one.stop()


@pytest.fixture
def echo(lasting_demos):
    """echo(name) -> the port of a demo backend, another one for each call of a test. Tests share these backends, because a start
    costs more than most tests: a test that stops a backend takes `demo`."""
    given = collections.Counter()

    def begin(name="demo"):
        given[name] += 1
        key = name, given[name]
        if key not in lasting_demos:
            lasting_demos[key] = harness.DemoBackend(name)
        return lasting_demos[key].port

    return begin


@pytest.fixture
def server():
    """server(respond, certificate=None) -> servers.Server."""
    yield from kept(servers.Server, servers.Server.close)


@pytest.fixture
def origin():
    """A cache_origin.Origin."""
    made = cache_origin.Origin()
    yield made
    made.close()


@pytest.fixture
def authority(tmp_path):
    """An authority whose files are in the gateway's folder."""
    return pki.Authority(tmp_path)


@pytest.fixture
def edge(authority):
    """The gateway's own certificate: edge.pem and edge.key."""
    return authority.issue("localhost", "localhost", "127.0.0.1", file="edge")


@pytest.fixture
def etcd(tmp_path):
    """etcd() -> servers.Etcd."""
    yield from kept(lambda: servers.Etcd(tmp_path), servers.Etcd.close)


@pytest.fixture
def cluster_node(tmp_path):
    """cluster_node(name, members, *words, key_file=...) -> cluster_nodes.ClusterNode; all have one key file."""
    def make(name, members, *words, key_file="cluster.key"):
        return cluster_nodes.ClusterNode(name, tmp_path / key_file, members.urls, *words)
    yield from kept(make, cluster_nodes.ClusterNode.close)


@pytest.fixture
def members(tmp_path):
    """A cluster_nodes.EtcdMembers with one member."""
    made = cluster_nodes.EtcdMembers(tmp_path)
    yield made.start()
    made.close()


@pytest.fixture
def cluster(tmp_path, request):
    """cluster(count, **settings) -> cluster_gateways.Node objects n1, n2, ... on `on`, or else on `members`. A setting that is
    a list has the value for each node."""
    key_file = None
    running = []

    def begin(count, on=None, first=1, **settings):
        nonlocal key_file
        key_file = key_file or cluster_gateways.make_key(tmp_path)
        urls = (on or request.getfixturevalue("members")).urls
        made = []
        for i in range(count):
            its = {name: value[i] if isinstance(value, list) else value for name, value in settings.items()}
            made.append(cluster_gateways.Node(tmp_path, f"n{first + i}", its.pop("urls", urls), key_file, **its))
            running.append(made[-1])
        return made

    yield begin
    for node in running:
        node.stop()


@pytest.fixture
def three_members(tmp_path):
    """A cluster_nodes.EtcdMembers with three members."""
    made = cluster_nodes.EtcdMembers(tmp_path, 3)
    yield made.start()
    made.close()


@pytest.fixture
def redis(tmp_path):
    """redis(*options) -> servers.Redis."""
    yield from kept(lambda *options: servers.Redis(tmp_path, *options), servers.Redis.close)
