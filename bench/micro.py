"""Measures parts of the gateway in isolation, most of them by Google Benchmark."""

import json
import statistics
import subprocess

from ratios import Ratio
from subjects import BUILD, PROXY_CORE, say


def verify_cost():
    """The CPU time in microseconds that OpenSSL takes to verify one RS256 signature."""
    out = subprocess.run(["taskset", "-c", str(PROXY_CORE), BUILD / "bench/bench_signature", "--benchmark_format=json"],
                         capture_output=True, text=True, check=True).stdout
    return round(next(run["cpu_time"] for run in json.loads(out)["benchmarks"]) / 1e3, 2)


def route_match(repetitions=9):
    """The time to find a route among 10, 1,000 and 100,000, and the time of one access to memory at a random place (Google Benchmark).
    Returns the median times, and the ratio of a match among 100,000 to such an access."""
    out = subprocess.run(["taskset", "-c", str(PROXY_CORE), BUILD / "bench/bench_route_table", "--benchmark_format=json",
                          "--benchmark_min_time=0.1", f"--benchmark_repetitions={repetitions}",
                          "--benchmark_enable_random_interleaving=true"],
                         capture_output=True, text=True, check=True).stdout
    runs = {}
    for run in json.loads(out)["benchmarks"]:
        if run["run_type"] == "iteration":
            runs.setdefault(run["run_name"].removeprefix("match/"), []).append(run["cpu_time"])
    times = {name: statistics.median(each) for name, each in runs.items()}
    ratio = Ratio([match / access for match, access in zip(runs["100000"], runs["floor_memory"])])
    floor = times.pop("floor_memory")
    print("\nroute_match: " + ", ".join(f"{time_:.0f} ns at {routes} routes" for routes, time_ in times.items())
          + f"; one random access to memory {floor:.0f} ns, ratio {ratio}")
    say(scenario="route_match", subject="portcullis", nanoseconds={k: round(v, 1) for k, v in times.items()},
        memory_access=round(floor, 1), ratio_to_memory=ratio.told(), ratio_100k_to_10=round(times["100000"] / times["10"], 2))
    return times, floor, ratio


def limit_decision():
    """The time of one local limit decision with a million live keys (Google Benchmark), and the floor: one compare-and-swap in
    as much memory."""
    out = subprocess.run([BUILD / "bench/bench_rate_limit", "--benchmark_format=json", "--benchmark_min_time=0.5"],
                         capture_output=True, text=True, check=True).stdout
    times = {}
    for run in json.loads(out)["benchmarks"]:
        times[f"{run['name'].split('/')[0]}, {run['threads']} threads"] = round(run["real_time"], 1)
    print("\nlimit_decision: " + "; ".join(f"{name}: {time_:.0f} ns" for name, time_ in times.items()))
    say(scenario="limit_decision", subject="portcullis", nanoseconds=times)


def address_set():
    """Time to look an address up in a set of 10, 1,000 and 100,000 blocks (Google Benchmark)."""
    out = subprocess.run([BUILD / "bench/bench_ip_set", "--benchmark_format=json", "--benchmark_min_time=0.2"],
                         capture_output=True, text=True, check=True).stdout
    times = {run["name"].split("/")[-1]: round(run["cpu_time"], 1) for run in json.loads(out)["benchmarks"]}
    print("\naddress_set: " + ", ".join(f"{time_:.0f} ns at {blocks} blocks" for blocks, time_ in times.items()))
    say(scenario="address_set", subject="portcullis", nanoseconds=times)


def rehearsal():
    """The time of a rehearsal of 10,000 recorded requests on two configurations of 1,000 routes (Google Benchmark)."""
    out = subprocess.run(["taskset", "-c", str(PROXY_CORE), BUILD / "bench/bench_rehearsal", "--benchmark_format=json",
                          "--benchmark_repetitions=3"], capture_output=True, text=True, check=True).stdout
    times = [run["real_time"] for run in json.loads(out)["benchmarks"] if run["run_type"] == "iteration"]
    print(f"\nrehearsal: {statistics.median(times):.0f} ms for 10,000 requests and 1,000 routes")
    say(scenario="rehearsal", subject="portcullis", milliseconds=round(statistics.median(times), 1))


def eviction():
    """Hit ratios of S3-FIFO and LRU with equal space, on requests by Zipf's law, a fifth of which are for an object that is
    requested once."""
    out = json.loads(subprocess.run([BUILD / "bench/bench_eviction"], capture_output=True, text=True, check=True).stdout)
    print("\neviction: hit ratio of S3-FIFO and LRU")
    for one in out:
        print(f"skew {one['skew']}, room for {one['room']:.0%}: {one['s3_fifo']:.1%} and {one['lru']:.1%}")
        say(scenario="eviction", subject="portcullis", **one)
