"""The scenarios that put load on Portcullis, its peers and the floors, and compare what a request costs.

Subjects are measured in rounds. A ratio is the median of the rounds' ratios, because a disturbance of the machine in one round
affects all subjects of the round."""

import pathlib
import statistics

from caching import SIZES, caches
from coding import REQUEST as GZIP, gzip_peers
from micro import verify_cost
from policies import certificates, cluster_limit, jwt, key_and_limit
from protocols import grpc_service, http2_peers
from ratios import ratio_to_best, settled
from subjects import AGAINST, BUILD, FLOORS, LOAD_CORE, PEERS, PROXY_CORE, Subject, can_run, free_port, say, start, stop, wait_for_port

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
BEFORE = "portcullis_before"  # the build of --against
GROUPS = {"peer": PEERS, "floor": FLOORS, "before": (BEFORE,)}  # groups of subjects; a ratio compares with the best of a group
PORTCULLIS = ("portcullis", "portcullis+policies")  # whose ratios decide how many rounds there are
MAX_REPEATS = 3


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


def measure(label, subjects, seconds, rounds, rate=0, wanted=None, **request):
    """Measures in rounds, each of which begins with another subject, until the ratios are settled, or MAX_REPEATS times as many
    rounds have been run. `wanted`: the ratios that must settle, as pairs of a subject and the subjects that it is compared with."""
    wanted = wanted or [(name, others) for name in PORTCULLIS for others in GROUPS.values()]
    for subject in subjects:
        subject.measure(0.2, **request)
    if label == "cluster_limit":  # leases grow with the demand: measure their steady state, not the growth
        for subject in subjects[1:]:
            subject.measure(2, **request)
    runs = {subject.name: [] for subject in subjects}
    for round_ in range(MAX_REPEATS * rounds):
        if round_ >= rounds and settled(runs, wanted):
            break
        first = round_ % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            runs[subject.name].append(subject.measure(seconds, rate, **request))
    return runs


def compare(label, subjects, seconds, rounds, rate=0, wanted=None, **request):
    """Measures, prints the report, and returns the runs of each subject."""
    runs = measure(label, subjects, seconds, rounds, rate, wanted, **request)
    report(label, runs)
    return runs


def plain(subjects, seconds, rounds):
    """The plain request, saturated, and in an open loop at 60% of the slowest subject: the runs of both."""
    saturated = compare("plain", subjects, seconds, rounds, **REQUESTS["plain"])
    rate = 0.6 * min(median_of(runs)["rps"] for runs in saturated.values())
    return saturated, compare("plain_open_loop", subjects, seconds, rounds, rate, **REQUESTS["plain"])


def with_policies(scenario, plain_subjects, directory, backend_port, seconds, rounds, only=None):
    """Every subject (of `only`, if that is given) with the work of the scenario, compared with plain proxying."""
    server = None
    if scenario == "cluster_limit":
        redis_port = free_port()
        server = start(LOAD_CORE, "redis-server", "--port", redis_port, "--bind", "127.0.0.1", "--save", "", "--dir", directory)
        wait_for_port(redis_port, server)
        fields, policies = cluster_limit(redis_port)(pathlib.Path(directory))
        plain_subjects = [subject for subject in plain_subjects if subject.name == "portcullis"]
    else:
        fields, policies = POLICIES[scenario](pathlib.Path(directory))
    working = []
    try:
        for name, policy in policies.items():
            subject, _, variant = name.partition(":")
            if only is None or subject in only:
                working.append(Subject(subject, directory, backend_port, f"{subject}+{variant or 'policies'}", policy))
        runs = compare(scenario, [*plain_subjects, *working], seconds, rounds, connections=64, target="/1024", fields=fields)
    finally:
        for subject in working:
            subject.stop()
        if server:
            stop(server)
    cost = {name: median_of(each)["cpu_us_per_req"] for name, each in runs.items()}
    if server:
        ratios = {name: round(cost[f"portcullis+{name}"] / cost["portcullis+local"], 3) for name in ("batched", "exact")}
        print(f"{scenario}: to local: " + ", ".join(f"{name} {ratio}" for name, ratio in ratios.items()))
        say(scenario=f"{scenario}_ratios", subject="portcullis", **{f"{name}_to_local": ratio for name, ratio in ratios.items()})
        return runs
    told = {f"to_{name}": ratio_to_best(runs, "portcullis+policies", (name,)).told() for name in cost if name == "portcullis" or name.startswith("nginx")
            and "+" not in name}
    if scenario.startswith("jwt"):
        told["openssl_verify_us"] = verify_cost()
    own = cost["portcullis+policies"] - cost["portcullis"]
    print(f"{scenario}: the policies take {own:.2f} us; " + ", ".join(f"{key} {value}" for key, value in told.items()))
    say(scenario=f"{scenario}_policies", subject="portcullis", policies_us=round(own, 2), **told)
    return runs


def side_by_side(scenario, settings, directory, backend_port, seconds, rounds, only=None, **request):
    """Every subject (of `only`, if that is given) with its settings for the scenario: the runs."""
    named = {name: policy for base, policy in settings.items() for name in (base, f"{base}_debian13")
             if (name == base or name in PEERS) and (only is None or name in only) and can_run(name)}
    subjects = []
    try:
        for name, policy in named.items():
            subjects.append(Subject(name, directory, backend_port, policy=policy))
            # An older build may not know the settings of a scenario that the table leaves it out of.
            if name == "portcullis" and AGAINST.binary and (only is None or BEFORE in only):
                subjects.append(Subject(name, directory, backend_port, BEFORE, policy, AGAINST.binary))
        return compare(scenario, subjects, seconds, rounds, **request)
    finally:
        for subject in subjects:
            subject.stop()


def by_tls(scenario, directory, backend_port, seconds, rounds, only=None):
    """Every subject with TLS 1.3 and one certificate."""
    return side_by_side(scenario, certificates(pathlib.Path(directory)), directory, backend_port, seconds, rounds, only, **TLS[scenario])


def by_http2(scenario, directory, backend_port, seconds, rounds, only=None):
    """HTTP/2 by h2load; for gRPC also to the backend, which is nghttpd."""
    request, place = dict(HTTP2[scenario]), pathlib.Path(directory)
    service = None
    if scenario == "grpc_unary":
        backend_port = free_port()
        service, more = grpc_service(place, backend_port)
        request.update(more)
        wait_for_port(backend_port, service)
    try:
        return side_by_side(scenario, http2_peers(scenario, place, backend_port), directory, backend_port, seconds, rounds, only, **request)
    finally:
        if service:
            stop(service)


def by_cache(scenario, directory, backend_port, seconds, rounds, only=None):
    """Every subject answers from its cache."""
    return side_by_side(scenario, caches(scenario, pathlib.Path(directory)), directory, backend_port, seconds, rounds, only, **CACHES[scenario])


def by_gzip(directory, backend_port, seconds, rounds, level=1, only=None):
    """Every subject compresses 100 KiB of JSON, Portcullis and nginx at `level`. Returns the runs and the compressed sizes."""
    fields, settings = gzip_peers(pathlib.Path(directory), level)
    runs = side_by_side("gzip_json", settings, directory, backend_port, seconds, rounds, only, fields=fields, **GZIP)
    sizes = {name: round(median_of(each)["bytes"]) for name, each in runs.items()}
    print(f"gzip_json, level {level}: bytes of a response: " + ", ".join(f"{name} {size}" for name, size in sizes.items()))
    say(scenario="gzip_json_sizes", subject="portcullis", level=level, bytes=sizes)
    return runs, sizes


def with_settings(scenario, without, settings, directory, backend_port, seconds, rounds):
    """The cost of a plain request with these settings at the top level, beside that with the settings `without`."""
    subjects = [Subject("portcullis", directory, backend_port, policy={"TOP": without}),
                Subject("portcullis", directory, backend_port, f"portcullis+{scenario}", {"TOP": settings})]
    wanted = [(f"portcullis+{scenario}", ("portcullis",))]
    try:  # short rounds, so that a disturbance affects both subjects
        runs = compare(scenario, subjects, seconds / 2, rounds * 3, wanted=wanted, **REQUESTS["plain"])
    finally:
        for subject in subjects:
            subject.stop()
    ratio = ratio_to_best(runs, *wanted[0])
    print(f"{scenario}: to plain {ratio}")
    say(scenario=f"{scenario}_ratio", subject="portcullis", to_plain=ratio.told())
    return runs


def with_telemetry(directory, backend_port, seconds, rounds):
    """The cost of full telemetry: metrics, a JSON line for each request, and traces of 1% of the requests."""
    told = (f"access_log: {{path: '{directory}/access.log', query: true, request_headers: [user-agent]}}\n"
            f"tracing: {{endpoint: 'http://127.0.0.1:{backend_port}/v1/traces', sample: 1%}}\n")
    return with_settings("telemetry", "", told, directory, backend_port, seconds, rounds)


def with_recorder(directory, backend_port, seconds, rounds):
    """The cost of recording the heads of requests, which is on by default."""
    return with_settings("recorder", "recorder: {enabled: false}\n", "", directory, backend_port, seconds, rounds)


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
            stop(backend)
    results = {name: median_of(each) for name, each in runs.items()}
    print(f"\nslow_target: one of four targets 50 times slower\n{'balance':<15}{'p50':>8}{'p99':>8}{'p99.9':>8}{'failed':>8}")
    for name, r in results.items():
        ratio = round(r["p99"] / results["round_robin"]["p99"], 3)
        print(f"{name:<15}{r['p50']:>8.0f}{r['p99']:>8.0f}{r['p999']:>8.0f}{r['failed']:>8.0f}  p99 to round_robin {ratio}")
        say(scenario="slow_target", subject=name, p50_us=r["p50"], p99_us=r["p99"], p999_us=r["p999"], p99_to_round_robin=ratio)
