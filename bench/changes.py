"""What a change by the admin API costs with a large configuration: until its effect, under load, and at the next start."""

import contextlib
import http.client
import json
import pathlib
import signal
import statistics
import subprocess
import threading
import time

from ratios import Ratio
from subjects import BUILD, LOAD_CORE, PROXY_CORE, free_port, load, say, start, stop, wait_for_port

ROUTES, UPSTREAMS = 10_000, 2_000
PROBES = 8  # connections, so that every worker has some
KEPT = 1_000  # the revisions that a store has kept


def document(backend_port, generation):
    """All objects of the API, in which every route is of this generation."""
    return {
        "upstreams": [{"name": f"u{i}", "targets": [{"address": f"127.0.0.1:{backend_port}"}]} for i in range(UPSTREAMS)],
        "routes": [{"name": "all", "match": {"path_prefix": "/"}, "upstream": "u0"}] + [
            {"name": f"r{i}", "match": {"path": f"/g{generation}/service-{i}/items/{{id}}", "methods": ["GET"]}, "upstream": f"u{i % UPSTREAMS}"}
            for i in range(ROUTES)],
    }


class Published:
    """A gateway whose routes and upstreams are objects of the admin API. `cluster`: more members of the setting `store`."""

    def __init__(self, directory, backend_port, core=None, workers=2, cluster=""):
        self.backend_port, self.core, self.generation = backend_port, core, 0
        self.port, self.admin = free_port(), free_port()
        self.path = pathlib.Path(directory) / f"published-{self.port}.yaml"
        self.path.write_text(f"""version: 1
workers: {workers}
admin: {{address: '127.0.0.1:{self.admin}'}}
store: {{sqlite: {directory}/published-{self.port}.db{cluster}}}
revision_header: X-Revision
listeners: [{{name: bench, address: '127.0.0.1:{self.port}'}}]
""")
        self.begin()

    def publish_all(self):
        """Publishes the first objects."""
        self.call(*self.all_changed())
        return self

    def begin(self):
        self.process = start(self.core, BUILD / "portcullis", "run", "-c", self.path)
        wait_for_port(self.admin, self.process)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)

    def call(self, method, path, body):
        """Returns the number of the revision that the change made."""
        self.connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]}")
        return int(answer.getheader("Portcullis-Revision"))

    def one_changed(self):
        """The call that changes one route."""
        self.generation += 1
        return "PUT", "/v1/routes/r7", json.dumps({"match": {"path": f"/changed-{self.generation}/items/{{id}}"}, "upstream": "u7"})

    def all_changed(self):
        """The call that changes every route."""
        self.generation += 1
        return "PUT", "/v1/config", json.dumps(document(self.backend_port, self.generation))

    def change_one(self):
        return self.call(*self.one_changed())

    def nodes(self):
        """The nodes of the cluster that the gateway knows."""
        self.connection.request("GET", "/v1/nodes")
        return json.load(self.connection.getresponse())["items"]

    def memory(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise SystemExit("the gateway has ended")


class Probes:
    """Connections to the gateway, so many that every worker has some."""

    def __init__(self, gateway):
        self.connections = [http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30) for _ in range(PROBES)]

    def wait_for(self, revision):
        """Sends requests until those on all connections are answered by this revision or a newer one."""
        for connection in self.connections:
            seen = 0
            while seen < revision:
                connection.request("GET", "/16")
                answer = connection.getresponse()
                answer.read()
                seen = int(answer.getheader("X-Revision"))

    def close(self):
        for connection in self.connections:
            connection.close()


def to_effect(gateway, next_change, times):
    """The milliseconds from the call of each change until requests on all connections are answered by its revision."""
    took = []
    with contextlib.closing(Probes(gateway)) as probes:
        for _ in range(times):
            change = next_change()
            began = time.monotonic()
            probes.wait_for(gateway.call(*change))
            took.append((time.monotonic() - began) * 1e3)
    return took


def publish(directory, backend_port, times):
    """The median milliseconds until one changed object, and then a document in which every route is changed, is in effect."""
    gateway = Published(directory, backend_port).publish_all()
    try:
        told = {}
        for name, change in (("one", gateway.one_changed), ("document", gateway.all_changed)):
            took = to_effect(gateway, change, times)
            told[f"{name}_ms"], told[f"{name}_longest_ms"] = round(statistics.median(took), 1), round(max(took), 1)
    finally:
        stop(gateway.process)
    return {"routes": ROUTES, "upstreams": UPSTREAMS, "times": times, **told}


def publish_under_load(directory, backend_port, publishes, rounds):
    """Changes of one object under saturating load on the core of the only worker, and rounds of load without and with changes at a fixed
    rate: failed requests, memory, and the ratio of the p99.9 with changes to that without."""
    gateway = Published(directory, backend_port, core=PROXY_CORE, workers=1).publish_all()
    try:
        failed = made = 0

        def under_load(most, seconds, rate=0):
            """The measurements of a load during which at most so many changes are made."""
            nonlocal failed, made
            told, count = {}, 0
            loading = threading.Thread(target=lambda: told.update(load(gateway.port, 64, seconds, rate, target="/16")))
            loading.start()
            while loading.is_alive() and count < most:
                gateway.change_one()
                count += 1
            loading.join()
            if not told:
                raise SystemExit("the load failed")
            failed, made = failed + told["failed"], made + count
            return told
        under_load(publishes // 10, 10)  # memory has its steady size after the first changes
        before = gateway.memory()
        while made < publishes * 11 // 10:
            under_load(publishes * 11 // 10 - made, 5)
        after = gateway.memory()
        late = []
        for _ in range(rounds):
            quiet = under_load(0, 2, 2000)["p999"]
            late.append(under_load(20, 2, 2000)["p999"] / quiet)
    finally:
        stop(gateway.process)
    return {"publishes": made, "failed": failed, "memory_mb": round(after / 1e6, 1), "memory_ratio": round(after / before, 3),
            "p999_ratio": Ratio(late)}


def catch_up(directory, backend_port, times):
    """The median milliseconds until a node of a cluster that was stopped for 50 revisions serves the newest."""
    ports = [free_port(), free_port()]
    client, peer = (f"http://127.0.0.1:{port}" for port in ports)
    etcd = start(None, "etcd", "--name", "one", "--data-dir", f"{directory}/etcd", "--log-level", "error", "--listen-client-urls", client,
                 "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", f"one={peer}")
    nodes, took = [], []
    try:
        wait_for_port(ports[0], etcd)
        key_file = pathlib.Path(directory) / "cluster.key"
        subprocess.run([BUILD / "portcullis", "store", "key", "--key-file", key_file], check=True, capture_output=True)
        for _ in range(2):
            nodes.append(Published(directory, backend_port, cluster=f", key_file: {key_file}, etcd: {{urls: ['{client}']}}"))
        first, behind = nodes
        while len(first.nodes()) < 2:
            time.sleep(0.1)
        first.publish_all()
        for _ in range(times):
            with contextlib.closing(Probes(behind)) as probes:
                probes.wait_for(first.change_one())
            behind.process.send_signal(signal.SIGSTOP)
            for _ in range(50):
                newest = first.change_one()
            with contextlib.closing(Probes(behind)) as probes:
                began = time.monotonic()
                behind.process.send_signal(signal.SIGCONT)
                probes.wait_for(newest)
                took.append((time.monotonic() - began) * 1e3)
    finally:
        for node in nodes:
            stop(node.process)
        stop(etcd)
    return {"routes": ROUTES, "revisions": 50, "median_ms": round(statistics.median(took), 1), "longest_ms": round(max(took), 1)}


def start_from_store(directory, backend_port, times):
    """The median milliseconds from the start of the program until it answers, with a store of many revisions."""
    gateway = Published(directory, backend_port, core=LOAD_CORE).publish_all()
    took = []
    try:
        for _ in range(KEPT):
            gateway.change_one()
        for _ in range(times):
            stop(gateway.process)
            began = time.monotonic()
            gateway.process = start(None, BUILD / "portcullis", "run", "-c", gateway.path)
            wait_for_port(gateway.port, gateway.process)
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
            connection.request("GET", "/16")
            if connection.getresponse().status != 200:
                raise SystemExit("the gateway does not answer")
            took.append((time.monotonic() - began) * 1e3)
            connection.close()
    finally:
        stop(gateway.process)
    return {"routes": ROUTES, "revisions": KEPT + 2, "median_ms": round(statistics.median(took), 1), "longest_ms": round(max(took), 1)}
