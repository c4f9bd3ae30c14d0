"""The cluster of docs/how-to/run-a-cluster.md, which one command starts."""

import os
import pathlib
import signal
import subprocess

import harness
from harness import get, wait_for
from publishing import call


def free_ports(count):
    """The first of `count` free ports in a row."""
    while True:
        ports = [harness.free_port() for _ in range(count)]
        if ports[-1] == ports[0] + count - 1:
            return ports[0]


def test_three_nodes_and_etcd_start_with_one_command(tmp_path):
    page = (harness.ROOT / "docs/how-to/run-a-cluster.md").read_text()
    assert "\nexamples/cluster/run.sh\n" in page
    first, admin, etcd = free_ports(3), free_ports(3), free_ports(2)
    binary = pathlib.Path(harness.BINARY).resolve()
    process = subprocess.Popen(
        [harness.ROOT / "examples/cluster/run.sh"], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "FIRST_PORT": str(first), "FIRST_ADMIN_PORT": str(admin), "ETCD_PORT": str(etcd),
             "PORTCULLIS": str(binary), "FOLDER": str(tmp_path / "cluster")})
    try:
        def ready():
            try:
                nodes = call(admin, "GET", "/v1/nodes")[1]["items"]
            except OSError:
                return False
            return [(node["id"], node["state"]) for node in nodes] == [(f"node-{i}", "ready") for i in (1, 2, 3)]
        wait_for(ready, timeout=60, what="three nodes")
        # The commands of the page.
        route = "{name: hello, match: {path: /hello}, policies: [{respond: {status: 200, body: hello}}]}"
        assert route in page
        subprocess.run([binary, "put", "routes", "hello", "-f", "-", "--server", f"http://127.0.0.1:{admin}"], input=route,
                       text=True, check=True, capture_output=True, timeout=120)
        wait_for(lambda: get(first + 2, "/hello") == (200, "hello"), what="the route on the third node")
        listed = subprocess.run([binary, "nodes", "--server", f"http://127.0.0.1:{admin + 1}"], capture_output=True, text=True, timeout=120)
        assert all(f"node-{i}" in listed.stdout for i in (1, 2, 3)), listed
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, process.stderr.read()
