"""Runs Portcullis, its peers and the floors side by side on the same work and prints the ratios.

The cost is CPU microseconds (user and system, from /proc) of the proxy process per completed request. The proxy has one core;
the load generator and the backend share the other."""

import argparse
import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile

from caching import one_fetch
from changes import catch_up, publish, publish_under_load, start_from_store
from lifetime import idle_memory, program_size, reload_under_load, start_time
from micro import address_set, eviction, limit_decision, rehearsal, route_match
from ratios import Ratio
from scenarios import BEFORE, CACHES, HTTP2, POLICIES, REQUESTS, TLS, by_cache, by_gzip, by_http2, by_tls, compare, plain, slow_target, with_policies, with_recorder, with_telemetry
from scrape import scrape
from subjects import AGAINST, BUILD, FLOORS, LOAD_CORE, PEERS, Subject, all_ended, can_run, family, free_port, load, say, start, wait_for_port
from table import table

OTHERS = ("gzip_json", "telemetry", "recorder", "one_fetch", "slow_target", "route_match", "limit_decision", "address_set", "eviction", "rehearsal", "idle_memory", "scrape",
          "reload", "publish", "publish_under_load", "catch_up", "start_from_store", "start", "batches")


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


def tell(scenario, told):
    print(f"\n{scenario}: " + ", ".join(f"{key} {value}" for key, value in told.items()))
    say(scenario=scenario, subject="portcullis", **{key: value.told() if isinstance(value, Ratio) else value for key, value in told.items()})


def run(scenarios, directory, backend_port, seconds, rounds):
    names = [name for name in ("portcullis", *PEERS, *FLOORS) if can_run(name)]
    subjects = [Subject(name, directory, backend_port) for name in names]
    if AGAINST.binary:
        subjects.insert(1, Subject("portcullis", directory, backend_port, BEFORE, binary=AGAINST.binary))
    for scenario in scenarios:
        if scenario == "plain":
            plain(subjects, seconds, rounds)
        elif scenario in REQUESTS:
            compare(scenario, subjects, seconds, rounds, **REQUESTS[scenario])
        elif scenario in POLICIES:
            with_policies(scenario, subjects, directory, backend_port, seconds, rounds)
        elif scenario in TLS:
            by_tls(scenario, directory, backend_port, seconds, rounds)
        elif scenario in HTTP2:
            by_http2(scenario, directory, backend_port, seconds, rounds)
        elif scenario in CACHES:
            by_cache(scenario, directory, backend_port, seconds, rounds)
        elif scenario == "syscalls":
            syscalls(subjects)
        elif scenario == "gzip_json":
            by_gzip(directory, backend_port, seconds, rounds)
        elif scenario == "telemetry":
            with_telemetry(directory, backend_port, seconds, rounds)
        elif scenario == "recorder":
            with_recorder(directory, backend_port, seconds, rounds)
        elif scenario == "one_fetch":
            tell(scenario, one_fetch(directory))
        elif scenario == "slow_target":
            slow_target(directory, seconds, rounds)
        elif scenario == "idle_memory":
            idle_memory(subjects)
        elif scenario == "scrape":
            tell(scenario, scrape(directory, backend_port, max(2, seconds)))
        elif scenario == "reload":
            for changed in ("one", "every"):
                reload_under_load(directory, backend_port, rounds, changed)
        elif scenario == "publish":
            tell(scenario, publish(directory, backend_port, 5 if seconds < 1 else 21))
        elif scenario == "publish_under_load":
            tell(scenario, publish_under_load(directory, backend_port, 50 if seconds < 1 else 1000, rounds))
        elif scenario == "catch_up":
            tell(scenario, catch_up(directory, backend_port, 1 if seconds < 1 else 5))
        elif scenario == "start_from_store":
            tell(scenario, start_from_store(directory, backend_port, 3 if seconds < 1 else 11))
        elif scenario == "batches":
            relays = [Subject(name, directory, backend_port) for name in ("floor_epoll", "floor_batched:sends", "floor_batched:both")]
            compare(scenario, relays, seconds, rounds, wanted=[(relay.name, ("floor_epoll",)) for relay in relays[1:]], **REQUESTS["plain"])
        elif scenario == "start":
            start_time(directory, backend_port)
            program_size()
        else:
            {"route_match": route_match, "limit_decision": limit_decision, "address_set": address_set, "eviction": eviction,
             "rehearsal": rehearsal}[scenario]()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--quick", action="store_true", help="short runs")
    arguments.add_argument("--table", action="store_true", help="print the table of docs/performance.md, and all else to standard error")
    arguments.add_argument("--scenario", action="append", choices=[*REQUESTS, *POLICIES, *TLS, *HTTP2, *CACHES, *OTHERS, "syscalls"])
    arguments.add_argument("--against", metavar="BUILD_DIR", type=pathlib.Path, help="an older build of Portcullis, measured in the same rounds")
    options = arguments.parse_args()
    if options.against:
        AGAINST.binary = (options.against / "portcullis").resolve(strict=True)
    seconds, rounds = (0.25, 4) if options.quick else (1, 15)
    out = sys.stdout
    with all_ended(), tempfile.TemporaryDirectory() as directory:
        backend_port = free_port()
        wait_for_port(backend_port, start(LOAD_CORE, BUILD / "bench/bench_backend", backend_port))
        if options.table:
            with contextlib.redirect_stdout(sys.stderr):
                table(directory, backend_port, seconds, rounds, out)
        else:
            run(options.scenario or [*REQUESTS, *POLICIES, *TLS, *HTTP2, *CACHES, *OTHERS], directory, backend_port, seconds, rounds)


main()
