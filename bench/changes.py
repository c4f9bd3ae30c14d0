"""What a change by the admin API costs with a large configuration: until its effect, under load, and at the next start."""

import http.client
import json
import pathlib
import statistics
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
    """A gateway whose routes and upstreams are objects of the admin API."""

    def __init__(self, directory, backend_port, core=None, workers=2):
        self.backend_port, self.core = backend_port, core
        self.port, self.admin = free_port(), free_port()
        self.path = pathlib.Path(directory) / "published.yaml"
        self.path.write_text(f"""version: 1
workers: {workers}
admin: {{address: '127.0.0.1:{self.admin}'}}
store: {{sqlite: {directory}/published-{self.port}.db}}
revision_header: X-Revision
listeners: [{{name: bench, address: '127.0.0.1:{self.port}'}}]
""")
        self.begin()
        self.generation = 0
        self.call("PUT", "/v1/config", document(backend_port, 0))

    def begin(self):
        self.process = start(self.core, BUILD / "portcullis", "run", "-c", self.path)
        wait_for_port(self.admin, self.process)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)

    def call(self, method, path, value):
        """Returns the number of the revision that the change made."""
        self.connection.request(method, path, json.dumps(value), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]}")
        return int(answer.getheader("Portcullis-Revision"))

    def change_one(self):
        self.generation += 1
        return self.call("PUT", "/v1/routes/r7", {"match": {"path": f"/changed-{self.generation}/items/{{id}}"}, "upstream": "u7"})

    def change_all(self):
        self.generation += 1
        return self.call("PUT", "/v1/config", document(self.backend_port, self.generation))

    def memory(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise SystemExit("the gateway has ended")


def to_effect(gateway, change, times):
    """The milliseconds from the call of each change until requests on all connections are answered by its revision."""
    probes = [http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30) for _ in range(PROBES)]
    took = []
    for _ in range(times):
        began = time.monotonic()
        revision = change()
        for probe in probes:
            seen = 0
            while seen < revision:
                probe.request("GET", "/16")
                answer = probe.getresponse()
                answer.read()
                seen = int(answer.getheader("X-Revision"))
        took.append((time.monotonic() - began) * 1e3)
    for probe in probes:
        probe.close()
    return took


def publish(directory, backend_port, times):
    """The median milliseconds until one changed object, and then a document in which every route is changed, is in effect."""
    gateway = Published(directory, backend_port)
    try:
        told = {}
        for name, change in (("one", gateway.change_one), ("document", gateway.change_all)):
            took = to_effect(gateway, change, times)
            told[f"{name}_ms"], told[f"{name}_longest_ms"] = round(statistics.median(took), 1), round(max(took), 1)
    finally:
        stop(gateway.process)
    return {"routes": ROUTES, "upstreams": UPSTREAMS, "times": times, **told}


def publish_under_load(directory, backend_port, publishes, rounds):
    """Changes of one object under saturating load on the core of the only worker, and rounds of load without and with changes at a fixed
    rate: failed requests, memory, and the ratio of the p99.9 with changes to that without."""
    gateway = Published(directory, backend_port, core=PROXY_CORE, workers=1)
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


def start_from_store(directory, backend_port, times):
    """The median milliseconds from the start of the program until it answers, with a store of many revisions."""
    gateway = Published(directory, backend_port, core=LOAD_CORE)
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
