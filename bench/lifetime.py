"""What does not depend on requests: the size of the program, its start, its idle connections and its reloads."""

import http.client
import pathlib
import resource
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from ratios import Ratio
from subjects import AGAINST, BUILD, FLOORS, PROXY_CORE, free_port, load, say, start, stop, wait_for_port

IDLE_CONNECTIONS = 9_600  # HAProxy counts two descriptors for each, and 20,000 is a common hard limit
ROUTES = 10_000
STARTS = 21
RELOADS = 5  # of each build in each round


def idle_memory(subjects):
    """The memory of idle keep-alive connections, each of which has been served once: bytes by subject."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"\nidle_memory: {IDLE_CONNECTIONS} idle connections\n{'subject':<20}{'bytes each':>11}")
    told = {}
    for subject in subjects:
        if subject.name in FLOORS:
            continue
        before = subject.memory()
        held = []
        for _ in range(IDLE_CONNECTIONS):
            held.append(socket.create_connection(("127.0.0.1", subject.port)))
            held[-1].sendall(b"GET /16 HTTP/1.1\r\nHost: a\r\n\r\n")
            if not held[-1].recv(4096).startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{subject.name} does not serve connection {len(held)}")
        told[subject.name] = round((subject.memory() - before) / IDLE_CONNECTIONS)
        for connection in held:
            connection.close()
        print(f"{subject.name:<15}{told[subject.name]:>11}")
        say(scenario="idle_memory", subject=subject.name, bytes_per_connection=told[subject.name])
    return told


class Reloaded:
    """A gateway with many routes that is reloaded under load."""

    def __init__(self, name, binary, directory, backend_port):
        self.name, self.backend_port = name, backend_port
        self.port, self.admin = free_port(), free_port()
        self.path = pathlib.Path(directory) / f"{name}-many.yaml"
        self.generation = 0
        self.times = []
        self.write("every")
        self.process = start(PROXY_CORE, binary, "run", "-c", self.path)
        wait_for_port(self.port, self.process)
        wait_for_port(self.admin, self.process)

    def write(self, changed):
        """Writes the next configuration, in which `one` route is changed, or `every` route."""
        self.generation += 1
        if changed == "every":
            self.common = self.generation
        routes = "".join(
            f"  - {{name: r{i}, match: {{path: '/g{self.common if i else self.generation}/service-{i}/items/{{id}}', methods: [GET]}}, upstream: backend}}\n"
            for i in range(ROUTES))
        self.path.write_text(f"""version: 1
workers: 1
admin: {{address: '127.0.0.1:{self.admin}'}}
listeners: [{{name: bench, address: '127.0.0.1:{self.port}'}}]
upstreams: [{{name: backend, targets: [{{address: '127.0.0.1:{self.backend_port}'}}]}}]
routes:
  - {{name: all, match: {{path_prefix: /}}, upstream: backend}}
{routes}""")

    def reload(self, changed):
        """The milliseconds from the request for a reload until the routes are served."""
        self.write(changed)
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        began = time.monotonic()
        connection.request("POST", "/v1/reload")
        if connection.getresponse().status != 200:
            raise SystemExit("a reload was refused")
        took = (time.monotonic() - began) * 1e3
        connection.close()
        return took

    def measure(self, changed):
        """The median of some reloads while the worker is saturated on the same core."""
        result = {}
        loading = threading.Thread(target=lambda: result.update(load(self.port, 64, 2)))
        loading.start()
        times = [self.reload(changed) for _ in range(RELOADS)]
        loading.join()
        if not result:
            raise SystemExit("the load failed")
        self.times += times
        if result["failed"]:
            raise SystemExit(f"{result['failed']} requests failed during reloads")
        return statistics.median(times)


def reload_under_load(directory, backend_port, rounds, changed):
    """Reloads of many routes, of which `one` or `every` is changed, also by the build of --against, in turn: the gateways, and the
    ratio to that build (None without it)."""
    gateways = [Reloaded("portcullis", BUILD / "portcullis", directory, backend_port)]
    if AGAINST.binary:
        gateways.append(Reloaded("portcullis_before", AGAINST.binary, directory, backend_port))
    try:
        medians = [[gateway.measure(changed) for gateway in gateways] for _ in range(rounds)]
    finally:
        for gateway in gateways:
            stop(gateway.process)
    ratio = Ratio([ours / before for ours, before in medians]) if AGAINST.binary else None
    for gateway in gateways:
        print(f"\nreload: {ROUTES} routes, {changed} changed, {len(gateway.times)} times under saturating load on the same core, {gateway.name}: median "
              f"{statistics.median(gateway.times):.0f} ms, longest {max(gateway.times):.0f} ms; no request failed")
        say(scenario="reload", subject=gateway.name, changed=changed, routes=ROUTES, reloads=len(gateway.times),
            median_ms=round(statistics.median(gateway.times), 1), longest_ms=round(max(gateway.times), 1))
    if ratio:
        print(f"reload: to before {ratio}")
    return gateways, ratio


def start_time(directory, backend_port, routes=100):
    """The median milliseconds from the start of the program until it has answered a request."""
    path, times = pathlib.Path(directory) / "start.yaml", []
    for _ in range(STARTS):
        port = free_port()
        each = "".join(f"  - {{name: r{i}, match: {{path_prefix: /service-{i}}}, upstream: backend}}\n" for i in range(routes))
        path.write_text(f"""version: 1
listeners: [{{name: bench, address: '127.0.0.1:{port}'}}]
upstreams: [{{name: backend, targets: [{{address: '127.0.0.1:{backend_port}'}}]}}]
routes:
{each}""")
        began = time.monotonic()
        process = start(None, BUILD / "portcullis", "run", "-c", path)
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise SystemExit("the gateway does not start") from None
                time.sleep(0.0002)
        connection.sendall(b"GET /service-0/16 HTTP/1.1\r\nHost: a\r\n\r\n")
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            raise SystemExit("the gateway does not answer")
        times.append((time.monotonic() - began) * 1e3)
        connection.close()
        stop(process)
    told = statistics.median(times)
    print(f"\nstart: {told:.1f} ms until the first answer, with {routes} routes")
    say(scenario="start", subject="portcullis", routes=routes, median_ms=round(told, 1))
    return told


def program_size():
    """The bytes of the program without symbols, and of those the bytes that a running program maps from it."""
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, BUILD / "portcullis"], check=True)
        whole = pathlib.Path(stripped.name).stat().st_size
        sections = subprocess.run(["size", stripped.name], capture_output=True, text=True, check=True).stdout.splitlines()[1].split()
    told = {"stripped_bytes": whole, "loaded_bytes": int(sections[0]) + int(sections[1])}
    print(f"\nsize: {whole / 1e6:.1f} MB without symbols")
    say(scenario="size", subject="portcullis", **told)
    return told
