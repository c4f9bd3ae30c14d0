"""The table of docs/performance.md: what the gateway must reach, and what it reaches on this machine."""

import datetime
import pathlib
import platform
import re
import statistics
import subprocess
import sys

from changes import catch_up, publish, publish_under_load, start_from_store
from lifetime import idle_memory, program_size, reload_under_load, start_time
from micro import route_match
from ratios import ratio_to_best
from scenarios import BEFORE, REQUESTS, by_cache, by_gzip, by_http2, by_tls, compare, median_of, plain, with_policies, with_recorder, with_telemetry
from subjects import AGAINST, BUILD, FLOORS, ROOT, Subject, can_run, newest

HEAD = "| what | Portcullis | compared with | ratio (quartiles) | target | met |\n|---|---|---|---|---|---|"

NAMES = {"haproxy": "HAProxy", "portcullis": "Portcullis", "portcullis_before": "the build before", "floor_epoll": "relay by epoll",
         "floor_io_uring": "relay by io_uring"}


def line(what, ours, other, ratio, target, met):
    return f"| {what} | {ours} | {other} | {ratio} | {target} | {met} |"


def cost_of(runs, name, with_kernel=False):
    """The median cost of a subject, and with `with_kernel` how much of it the kernel takes."""
    cost = median_of(runs[name])["cpu_us_per_req"]
    if not with_kernel:
        return f"{cost:.1f} us"
    share = statistics.mean(run["kernel_share"] for run in runs[name])
    return f"{cost:.1f} us, {cost * share:.1f} of them in the kernel"


def best_of(runs, others, with_kernel=False):
    """The median cost of the cheapest subject of `others`, with its name."""
    name = min((name for name in others if name in runs), key=lambda one: median_of(runs[one])["cpu_us_per_req"])
    program = name.removesuffix("_debian13")
    return f"{NAMES.get(program, program)} {cost_of(runs, name, with_kernel)}"


def judged(ratio, target):
    """Whether the target is met; a ratio whose true median is not known to 3% is said to be so."""
    met = "yes" if ratio.median <= target else "**no**"
    return met if ratio.settled else f"{met}, not settled: the spread stayed at {(ratio.high - ratio.low) / ratio.median:.0%}"


def by_ratio(what, runs, others, target, name="portcullis", with_kernel=False):
    """A line for a cost relative to the best of `others` in the same rounds."""
    ratio = ratio_to_best(runs, name, others)
    if ratio is None:
        return line(what, "-", "not installed", "-", f"{target:.2f}", "not measured")
    return line(what, cost_of(runs, name, with_kernel), best_of(runs, others, with_kernel), ratio.in_words(), f"{target:.2f}", judged(ratio, target))


def reload_lines(directory, backend_port, rounds):
    for changed, target in (("one", 0.5), ("every", None)):
        gateways, ratio = reload_under_load(directory, backend_port, rounds, changed)
        what = f"reload of 10,000 routes under load, {changed} changed"
        times = [f"{sorted(gateway.times)[len(gateway.times) // 2]:.0f} ms" for gateway in gateways]
        if ratio is None:
            yield line(what, times[0], "-", "-", f"{target or '-'}", "not measured: --against")
        else:
            yield line(what, times[0], f"the build before {times[1]}", ratio.in_words(), f"{target:.2f}" if target else "-",
                       judged(ratio, target) if target else "-")


def allocations():
    """The line for heap allocations, from the test that counts those of steady traffic."""
    environment = {"PORTCULLIS_BINARY": str(BUILD / "portcullis"), "PATH": "/usr/bin:/bin:/usr/sbin"}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests/integration/test_allocations.py"],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    what = "heap allocations a request (`tests/integration/test_allocations.py`)"
    if done.returncode == 0 and "passed" in done.stdout and "skipped" not in done.stdout:
        return line(what, "0", "-", "-", "0", "yes")
    return line(what, "-", "-", "-", "0", "**no**" if "failed" in done.stdout else "not measured")


def limit_lines(directory, backend_port):
    """The lines with a figure of our own instead of a ratio."""
    gateway = Subject("portcullis", directory, backend_port, "portcullis_idle")
    try:
        idle = idle_memory([gateway])["portcullis_idle"]
    finally:
        gateway.stop()
    yield line("memory of an idle connection", f"{idle} bytes", "-", "-", "700 bytes", "yes" if idle <= 700 else "**no**")
    yield allocations()
    started, size = start_time(directory, backend_port), program_size()
    yield line("start to the first answer, 100 routes", f"{started:.0f} ms", "-", "-", "50 ms", "yes" if started < 50 else "**no**")
    yield line("size of the program without symbols", f"{size['stripped_bytes'] / 1e6:.1f} MB", "-", "-", "-", "-")


def publish_lines(directory, backend_port, rounds):
    """The lines of changes by the admin API."""
    def bounded(what, value, unit, target, shown=None):
        return line(what, shown or f"{value} {unit}", "-", "-", f"{target} {unit}", "yes" if value <= target else "**no**")
    told = publish(directory, backend_port, 21)
    yield bounded("publishing one of 10,000 routes and 2,000 upstreams, until all workers serve it", told["one_ms"], "ms", 20)
    yield bounded("publishing a document in which all 10,000 routes are changed", told["document_ms"], "ms", 200)
    told = publish_under_load(directory, backend_port, 1000, rounds)
    yield bounded("1,000 publishes under saturating load: failed requests", told["failed"], "requests", 0)
    yield bounded("1,000 publishes: resident memory, to that before", told["memory_ratio"], "", 1.05)
    yield line("p99.9 of a load with publishes, to one without", "-", "-", told["p999_ratio"].in_words(), "1.50", judged(told["p999_ratio"], 1.5))
    told = catch_up(directory, backend_port, 5)
    yield bounded("a node of a cluster that is behind by 50 revisions, until it serves the newest", told["median_ms"], "ms", 1000)
    told = start_from_store(directory, backend_port, 11)
    yield bounded("start with 10,000 routes and 1,000 revisions from the store, until the first answer", told["median_ms"], "ms", 1000)


def plain_lines(directory, backend_port, seconds, rounds, nginx, peers):
    """The lines for which all subjects only forward requests."""
    subjects = [Subject(name, directory, backend_port) for name in ("portcullis", *peers, *FLOORS) if can_run(name)]
    if AGAINST.binary:
        subjects.append(Subject("portcullis", directory, backend_port, BEFORE, binary=AGAINST.binary))

    def some(*names):
        return [subject for subject in subjects if subject.name in ("portcullis", *names)]
    saturated, open_loop = plain(subjects, seconds, rounds)
    yield by_ratio("plain request, saturated, to a bare relay", saturated, FLOORS, 1.05, with_kernel=True)
    yield by_ratio("plain request, at 60% of saturation, to a bare relay", open_loop, FLOORS, 1.15, with_kernel=True)
    yield by_ratio("plain request, saturated, to nginx and HAProxy", saturated, peers, 0.60, with_kernel=True)
    if AGAINST.binary:
        yield by_ratio("plain request, saturated, to the build before", saturated, (BEFORE,), 1.00)
    runs = compare("large_response", some(*peers), seconds, rounds, **REQUESTS["large_response"])
    yield by_ratio("response of 100 KiB", runs, peers, 0.90)
    runs = compare("upload", some("floor_epoll"), seconds, rounds, **REQUESTS["upload"])
    yield by_ratio("upload of 1 MiB, to a bare relay", runs, ("floor_epoll",), 1.00)
    runs = compare("new_connection", some(*FLOORS), seconds, rounds, **REQUESTS["new_connection"])
    yield by_ratio("new connection for each request, to a bare relay", runs, FLOORS, 1.10)
    runs = with_policies("key_and_limit", some(nginx), directory, backend_port, seconds, rounds, only=("portcullis",))
    yield by_ratio("API key, rate limit and 1,000 routes, to a plain request of nginx", runs, (nginx,), 0.60, "portcullis+policies")
    runs = with_policies("jwt_repeating", some(), directory, backend_port, seconds, rounds)
    yield by_ratio("JWT (RS256), 1,000 tokens in turn, to a plain request", runs, ("portcullis",), 1.10, "portcullis+policies")
    for subject in subjects:
        subject.stop()


def lines(directory, backend_port, seconds, rounds):
    """All lines of the table, each as soon as it is measured."""
    nginx, haproxy = newest("nginx")[0], newest("haproxy")[0]
    peers, where = (nginx, haproxy), (directory, backend_port, seconds, rounds)
    yield from plain_lines(*where, nginx, peers)
    yield by_ratio("all telemetry, to a plain request", with_telemetry(*where), ("portcullis",), 1.08, "portcullis+telemetry")
    yield by_ratio("recorder of request heads, to a plain request without", with_recorder(*where), ("portcullis",), 1.02, "portcullis+recorder")
    runs, sizes = by_gzip(*where, only=("portcullis", haproxy))
    yield by_ratio(f"gzip of 100 KiB of JSON, level 1: {sizes['portcullis']:,} bytes, HAProxy's {sizes[haproxy]:,}", runs, (haproxy,), 1.00)
    for scenario, what, target in (("cache_hit_small", "stored response of 1 KiB", 0.80), ("cache_hit_large", "stored response of 100 KiB", 0.80),
                                   ("cache_hit_disk", "stored response of 4 MiB, on disk", 0.90)):
        yield by_ratio(what, by_cache(scenario, *where, only=("portcullis", nginx)), (nginx,), target)
    for scenario, what, target in (("tls_keep_alive", "1 KiB by TLS 1.3", 0.80), ("tls_full_handshake", "full TLS handshake", 1.00),
                                   ("tls_resumed_handshake", "resumed TLS handshake", 1.00)):
        yield by_ratio(what, by_tls(scenario, *where, only=("portcullis", *peers)), peers, target)
    for scenario, what in (("http2_tls", "HTTP/2 by TLS, 100 streams"), ("grpc_unary", "gRPC, 100 streams")):
        yield by_ratio(what, by_http2(scenario, *where, only=("portcullis", *peers)), peers, 0.80)
    times, access, ratio = route_match(max(9, rounds))
    yield line("finding one of 100,000 routes, to a random access to memory", f"{times['100000']:.0f} ns (of 10: {times['10']:.0f})",
               f"memory {access:.0f} ns", ratio.in_words(), "2.00", judged(ratio, 2.0))
    yield from reload_lines(directory, backend_port, rounds)
    yield from publish_lines(directory, backend_port, rounds)
    yield from limit_lines(directory, backend_port)


def versions():
    """The sentence that says what was measured, where and when."""
    def first(command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    against = f", the build before at {AGAINST.binary}" if AGAINST.binary else ""
    return (f"Measured on {datetime.date.today()} by `scripts/bench.sh --table`: Portcullis {first(['git', 'rev-parse', '--short', 'HEAD'])}{against}, "
            f"nginx {newest('nginx')[1]}, HAProxy {newest('haproxy')[1]}; {processor[1] if processor else platform.machine()}, Linux {platform.release()}.")


def table(directory, backend_port, seconds, rounds, out):
    """Writes the table to `out`, and everything else that the scenarios print to standard error."""
    print(versions(), file=out)
    print(f"\n{HEAD}", file=out, flush=True)
    for each in lines(directory, backend_port, seconds, rounds):
        print(each, file=out, flush=True)
