"""Runs Portcullis, its peers and the floors side by side on the same work and prints the ratios.

The cost is CPU microseconds (user and system, from /proc) of the proxy process per completed request. The proxy has one core;
the load generator and the backend share the other. Runs are interleaved in rounds. A ratio is the median of the rounds' ratios,
because a disturbance of the machine in one round affects all subjects of the round."""

import argparse
import http.client
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from caching import SIZES, caches, one_fetch
from coding import REQUEST as GZIP, gzip_peers
from micro import address_set, eviction, limit_decision, route_match, verify_cost
from policies import certificates, cluster_limit, jwt, key_and_limit
from protocols import grpc_service, http2_peers
from ratios import ratio_to_best, settled
from scrape import scrape
from subjects import AGAINST, BUILD, FLOORS, LOAD_CORE, PEERS, PROXY_CORE, Subject, can_run, family, free_port, load, say, start, wait_for_port

REQUESTS = {
    "plain": {"connections": 64, "target": "/1024"},
    "large_response": {"connections": 64, "target": "/102400"},
    "upload": {"connections": 16, "target": "/16", "upload": 1 << 20},
    "new_connection": {"connections": 64, "target": "/1024", "fresh": 1},
}
POLICIES = {"key_and_limit": key_and_limit, "jwt_repeating": jwt(4096), "jwt_no_repeats": jwt(0), "cluster_limit": None}
TLS = {
    "tls_keep_alive": {"connections": 64, "target": "/1024", "tls": "full"},
    "tls_large_response": {"connections": 64, "target": "/102400", "tls": "full"},
    "tls_full_handshake": {"connections": 16, "target": "/16", "fresh": 1, "tls": "full"},
    "tls_resumed_handshake": {"connections": 16, "target": "/16", "fresh": 1, "tls": "resume"},
}
HTTP2 = {
    "http2_tls": {"connections": 4, "streams": 100, "tls": True},
    "http2_clear": {"connections": 4, "streams": 100},
    "grpc_unary": {"connections": 4, "streams": 100},
}
CACHES = {name: {"connections": 64, "target": target} for name, target in SIZES.items()}
OTHERS = ("gzip_json", "telemetry", "one_fetch", "slow_target", "route_match", "limit_decision", "address_set", "eviction", "idle_memory", "scrape", "reload")
BEFORE = "portcullis_before"  # the build of --against
GROUPS = {"peer": PEERS, "floor": FLOORS, "before": (BEFORE,)}  # groups of subjects; a ratio compares with the best of a group
MAX_REPEATS = 3
IDLE_CONNECTIONS = 9_600  # HAProxy counts two descriptors for each, and 20,000 is a common hard limit
ROUTES = 10_000


def median_of(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def report(label, runs):
    """Prints a table: each median of the ratios with its quartiles, and `?` when the median is not known to 3%."""
    results = {name: median_of(each) for name, each in runs.items()}
    ratios = {name: {to: ratio_to_best(runs, name, others) for to, others in GROUPS.items()} for name in runs}
    shown = [to for to in GROUPS if any(of[to] for of in ratios.values())]
    print(f"\n{label}, {len(next(iter(runs.values())))} rounds\n{'subject':<20}{'CPU us/req':>11}" + "".join(f"{'to ' + to:>19}" for to in shown)
          + f"{'rps':>10}{'p50':>8}{'p99':>8}{'p99.9':>8}{'failed':>8}")
    for name, r in results.items():
        print(f"{name:<20}{r['cpu_us_per_req']:>11.2f}" + "".join(f"{str(ratios[name][to] or ''):>19}" for to in shown)
              + f"{r['rps']:>10.0f}{r['p50']:>8.0f}{r['p99']:>8.0f}{r['p999']:>8.0f}{r['failed']:>8.0f}")
        say(scenario=label, subject=name, cpu_us_per_req=round(r["cpu_us_per_req"], 3),
            **{f"ratio_to_{to}": ratio.told() for to, ratio in ratios[name].items() if ratio}, rps=round(r["rps"]),
            p50_us=r["p50"], p99_us=r["p99"], p999_us=r["p999"], failed=round(r["failed"]))
    return results


def measure(label, subjects, seconds, rounds, rate=0, **request):
    """Measures in rounds, each of which begins with another subject, until the ratios are settled, or MAX_REPEATS times as many
    rounds have been run."""
    for subject in subjects:
        subject.measure(0.2, **request)
    if label == "cluster_limit":  # leases grow with the demand: measure their steady state, not the growth
        for subject in subjects[1:]:
            subject.measure(2, **request)
    runs = {subject.name: [] for subject in subjects}
    for round_ in range(MAX_REPEATS * rounds):
        if round_ >= rounds and settled(runs, GROUPS.values()):
            break
        first = round_ % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            runs[subject.name].append(subject.measure(seconds, rate, **request))
    return runs


def compare(label, subjects, seconds, rounds, rate=0, **request):
    return report(label, measure(label, subjects, seconds, rounds, rate, **request))


def with_policies(scenario, plain, directory, backend_port, seconds, rounds):
    """Every subject with the work of the scenario, compared with its plain proxying."""
    server = None
    if scenario == "cluster_limit":
        redis_port = free_port()
        server = start(LOAD_CORE, "redis-server", "--port", redis_port, "--bind", "127.0.0.1", "--save", "", "--dir", directory)
        wait_for_port(redis_port, server)
        fields, policies = cluster_limit(redis_port)(pathlib.Path(directory))
        plain = [subject for subject in plain if subject.name == "portcullis"]
    else:
        fields, policies = POLICIES[scenario](pathlib.Path(directory))
    working = []
    for name, policy in policies.items():
        subject, _, variant = name.partition(":")
        working.append(Subject(subject, directory, backend_port, f"{subject}+{variant or 'policies'}", policy))
    try:
        runs = compare(scenario, [*plain, *working], seconds, rounds, connections=64, target="/1024", fields=fields)
    finally:
        for subject in working:
            subject.stop()
        if server:
            server.terminate()
            server.wait(20)
    if server:
        local = runs["portcullis+local"]["cpu_us_per_req"]
        ratios = {name: round(runs[f"portcullis+{name}"]["cpu_us_per_req"] / local, 3) for name in ("batched", "exact")}
        print(f"{scenario}: to local: " + ", ".join(f"{name} {ratio}" for name, ratio in ratios.items()))
        return say(scenario=f"{scenario}_ratios", subject="portcullis", **{f"{name}_to_local": ratio for name, ratio in ratios.items()})
    own = runs["portcullis+policies"]["cpu_us_per_req"] - runs["portcullis"]["cpu_us_per_req"]
    told = {f"to_{name}": round(runs["portcullis+policies"]["cpu_us_per_req"] / runs[name]["cpu_us_per_req"], 3)
            for name in ("portcullis", "nginx") if name in runs}
    if scenario.startswith("jwt"):
        told["openssl_verify_us"] = verify_cost()
    print(f"{scenario}: the policies take {own:.2f} us; " + ", ".join(f"{key} {value}" for key, value in told.items()))
    say(scenario=f"{scenario}_policies", subject="portcullis", policies_us=round(own, 2), **told)


def side_by_side(scenario, settings, directory, backend_port, seconds, rounds, **request):
    """Every subject with its settings for the scenario, and the results."""
    named = {name: policy for base, policy in settings.items() for name in (base, f"{base}_debian13") if name == base or name in PEERS and can_run(name)}
    subjects = [Subject(name, directory, backend_port, policy=policy) for name, policy in named.items()]
    if AGAINST.binary and "portcullis" in settings:
        subjects.insert(1, Subject("portcullis", directory, backend_port, BEFORE, settings["portcullis"], AGAINST.binary))
    try:
        return compare(scenario, subjects, seconds, rounds, **request)
    finally:
        for subject in subjects:
            subject.stop()


def by_http2(scenario, directory, backend_port, seconds, rounds):
    """HTTP/2 by h2load; for gRPC also to the backend, which is nghttpd."""
    request, place = dict(HTTP2[scenario]), pathlib.Path(directory)
    service = None
    if scenario == "grpc_unary":
        backend_port = free_port()
        service, more = grpc_service(place, backend_port)
        request.update(more)
        wait_for_port(backend_port, service)
    try:
        side_by_side(scenario, http2_peers(scenario, place, backend_port), directory, backend_port, seconds, rounds, **request)
    finally:
        if service:
            service.terminate()
            service.wait(10)


def by_gzip(directory, seconds, rounds, backend_port):
    """Every subject compresses 100 KiB of JSON at level 1; also returns the compressed size."""
    fields, settings = gzip_peers(pathlib.Path(directory))
    results = side_by_side("gzip_json", settings, directory, backend_port, seconds, rounds, fields=fields, **GZIP)
    sizes = {name: round(result["bytes"]) for name, result in results.items()}
    print("gzip_json: bytes of a response: " + ", ".join(f"{name} {size}" for name, size in sizes.items()))
    say(scenario="gzip_json_sizes", subject="portcullis", bytes=sizes)


def with_telemetry(directory, backend_port, seconds, rounds):
    """The cost of full telemetry: metrics, a JSON line for each request, and traces of 1% of the requests."""
    told = (f"access_log: {{path: '{directory}/access.log', query: true, request_headers: [user-agent]}}\n"
            f"tracing: {{endpoint: 'http://127.0.0.1:{backend_port}/v1/traces', sample: 1%}}\n")
    subjects = [Subject("portcullis", directory, backend_port),
                Subject("portcullis", directory, backend_port, "portcullis+telemetry", {"TOP": told})]
    try:  # short rounds, so that a disturbance affects both subjects
        runs = measure("telemetry", subjects, seconds / 2, rounds * 3, **REQUESTS["plain"])
    finally:
        for subject in subjects:
            subject.stop()
    report("telemetry", runs)
    ratio = ratio_to_best(runs, "portcullis+telemetry", ("portcullis",))
    print(f"telemetry: to plain {ratio}")
    say(scenario="telemetry_ratio", subject="portcullis", to_plain=ratio.told())


def slow_target(directory, seconds, rounds):
    """The latency when one of four targets takes fifty times as long as the others, in an open loop."""
    ports = [free_port() for _ in range(4)]
    # On the proxy's core, which has little to do: an open loop keeps the generator's core busy.
    backends = [start(PROXY_CORE, BUILD / "bench/bench_backend", port, 50_000 if port == ports[-1] else 1_000) for port in ports]
    subjects, runs = [], {}
    try:
        for port, backend in zip(ports, backends):
            wait_for_port(port, backend)
        others = "".join(f', {{address: "127.0.0.1:{port}"}}' for port in ports[1:])
        for balance in ("round_robin", "least_request", "peak_ewma"):
            subjects.append(Subject("portcullis", directory, ports[0], balance, {"TARGETS": others, "UPSTREAM": f"    balance: {balance}"}))
            subjects[-1].measure(0.5, 2_000, connections=256, target="/1024")
        for _ in range(rounds):
            for subject in subjects:
                runs.setdefault(subject.name, []).append(subject.measure(max(1, seconds), 2_000, connections=256, target="/1024"))
    finally:
        for one in subjects:
            one.stop()
        for backend in backends:
            backend.terminate()
            backend.wait(10)
    results = {name: median_of(each) for name, each in runs.items()}
    print(f"\nslow_target: one of four targets 50 times slower\n{'balance':<15}{'p50':>8}{'p99':>8}{'p99.9':>8}{'failed':>8}")
    for name, r in results.items():
        ratio = round(r["p99"] / results["round_robin"]["p99"], 3)
        print(f"{name:<15}{r['p50']:>8.0f}{r['p99']:>8.0f}{r['p999']:>8.0f}{r['failed']:>8.0f}  p99 to round_robin {ratio}")
        say(scenario="slow_target", subject=name, p50_us=r["p50"], p99_us=r["p99"], p999_us=r["p999"], p99_to_round_robin=ratio)


def syscalls(subjects):
    """System calls per request under the plain load, counted by strace, which slows every subject down."""
    print("\nsyscalls per request (plain, saturated, under strace)")
    for subject in subjects:
        load(subject.port, 64, 0.2)
        counts = {}
        with tempfile.NamedTemporaryFile("r") as out:
            tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out.name,
                                       *(word for pid in family(subject.process.pid) for word in ("-p", str(pid)))],
                                      stderr=subprocess.PIPE, text=True)
            tracer.stderr.readline()  # "attached"
            result = load(subject.port, 64, 1)
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=30)
            for line in out.read().splitlines():
                words = line.split()
                if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                    counts[words[-1]] = round(int(words[3]) / max(1, result["completed"]), 3)
        told = {name: count for name, count in counts.items() if count >= 0.005}
        print(f"{subject.name:<15}{'  '.join(f'{name} {count:.2f}' for name, count in told.items())}")
        say(scenario="syscalls", subject=subject.name, per_request=told, total=round(sum(told.values()), 2))


def idle_memory(subjects):
    """The memory of idle keep-alive connections, each of which has been served once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"\nidle_memory: {IDLE_CONNECTIONS} idle connections\n{'subject':<20}{'bytes each':>11}")
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
        each = (subject.memory() - before) / IDLE_CONNECTIONS
        for connection in held:
            connection.close()
        print(f"{subject.name:<15}{each:>11.0f}")
        say(scenario="idle_memory", subject=subject.name, bytes_per_connection=round(each))


def reload_under_load(backend_port, directory, seconds):
    """The time from requesting a reload of many routes until they are served, and the failed requests of the load meanwhile."""
    port, admin, path = free_port(), free_port(), pathlib.Path(directory) / "many.yaml"

    def write(generation):
        routes = "".join(
            f"  - {{name: r{i}, match: {{path: '/g{generation}/service-{i}/items/{{id}}', methods: [GET]}}, upstream: backend}}\n"
            for i in range(ROUTES))
        path.write_text(f"""version: 1
workers: 1
admin: {{address: '127.0.0.1:{admin}'}}
listeners: [{{name: bench, address: '127.0.0.1:{port}'}}]
upstreams: [{{name: backend, targets: [{{address: '127.0.0.1:{backend_port}'}}]}}]
routes:
  - {{name: all, match: {{path_prefix: /}}, upstream: backend}}
{routes}""")

    write(0)
    process = start(PROXY_CORE, BUILD / "portcullis", "run", "-c", path)
    try:
        wait_for_port(port, process)
        result, times = {}, []
        thread = threading.Thread(target=lambda: result.update(load(port, 64, seconds)))
        thread.start()
        generation = 0
        while thread.is_alive():
            generation += 1
            write(generation)
            connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=30)
            began = time.monotonic()
            connection.request("POST", "/reload")
            if connection.getresponse().status != 200:
                raise SystemExit("a reload was refused")
            times.append((time.monotonic() - began) * 1e3)
            connection.close()
        thread.join()
    finally:
        process.terminate()
        process.wait(60)
    if not result:
        raise SystemExit("the load failed")
    print(f"\nreload: {ROUTES} routes, {len(times)} times under saturating load on the same core: median "
          f"{statistics.median(times):.0f} ms, longest {max(times):.0f} ms; {result['completed']} requests, "
          f"{result['failed']} failed, p99.9 {result['p999']:.0f} us")
    say(scenario="reload", subject="portcullis", routes=ROUTES, reloads=len(times), median_ms=round(statistics.median(times), 1),
        longest_ms=round(max(times), 1), completed=result["completed"], failed=result["failed"], p999_us=result["p999"])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--quick", action="store_true", help="under a minute: short runs")
    arguments.add_argument("--scenario", action="append", choices=[*REQUESTS, *POLICIES, *TLS, *HTTP2, *CACHES, *OTHERS, "syscalls"])
    arguments.add_argument("--against", metavar="BUILD_DIR", type=pathlib.Path, help="an older build of Portcullis, measured in the same rounds")
    options = arguments.parse_args()
    if options.against:
        AGAINST.binary = (options.against / "portcullis").resolve(strict=True)
    seconds, rounds = (0.25, 4) if options.quick else (1, 15)
    scenarios = options.scenario or [*REQUESTS, *POLICIES, *TLS, *HTTP2, *CACHES, *OTHERS]
    with tempfile.TemporaryDirectory() as directory:
        backend_port = free_port()
        backend = start(LOAD_CORE, BUILD / "bench/bench_backend", backend_port)
        subjects = []
        try:
            wait_for_port(backend_port, backend)
            names = [name for name in ("portcullis", *PEERS, *FLOORS) if can_run(name)]
            subjects = [Subject(name, directory, backend_port) for name in names]
            if AGAINST.binary:
                subjects.insert(1, Subject("portcullis", directory, backend_port, BEFORE, binary=AGAINST.binary))
            for scenario in scenarios:
                if scenario in REQUESTS:
                    results = compare(scenario, subjects, seconds, rounds, **REQUESTS[scenario])
                if scenario == "plain":
                    rate = 0.6 * min(r["rps"] for r in results.values())
                    compare("plain_open_loop", subjects, seconds, rounds, rate, **REQUESTS["plain"])
            for scenario in POLICIES:
                if scenario in scenarios:
                    with_policies(scenario, subjects, directory, backend_port, seconds, rounds)
            for scenario in TLS:
                if scenario in scenarios:
                    side_by_side(scenario, certificates(pathlib.Path(directory)), directory, backend_port, seconds, rounds, **TLS[scenario])
            for scenario in HTTP2:
                if scenario in scenarios:
                    by_http2(scenario, directory, backend_port, seconds, rounds)
            for scenario in CACHES:
                if scenario in scenarios:
                    side_by_side(scenario, caches(scenario, pathlib.Path(directory)), directory, backend_port, seconds, rounds, **CACHES[scenario])
            if "syscalls" in scenarios:
                syscalls(subjects)
            if "gzip_json" in scenarios:
                by_gzip(directory, seconds, rounds, backend_port)
            if "telemetry" in scenarios:
                with_telemetry(directory, backend_port, seconds, rounds)
            if "one_fetch" in scenarios:
                told = one_fetch(directory)
                print("\none_fetch: " + ", ".join(f"{key} {value}" for key, value in told.items()))
                say(scenario="one_fetch", subject="portcullis", **told)
            if "slow_target" in scenarios:
                slow_target(directory, seconds, rounds)
            if "route_match" in scenarios:
                route_match()
            if "limit_decision" in scenarios:
                limit_decision()
            if "address_set" in scenarios:
                address_set()
            if "eviction" in scenarios:
                eviction()
            if "idle_memory" in scenarios:
                idle_memory(subjects)
            if "scrape" in scenarios:
                told = scrape(directory, backend_port, max(2, seconds))
                print("\nscrape: " + ", ".join(f"{key} {value}" for key, value in told.items()))
                say(scenario="scrape", subject="portcullis", **told)
            if "reload" in scenarios:
                reload_under_load(backend_port, directory, max(2, seconds))
        finally:
            for subject in subjects:
                subject.stop()
            backend.terminate()
            backend.wait(10)


main()
