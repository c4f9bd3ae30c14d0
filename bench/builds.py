"""Compares builds of Portcullis on the same work, to measure what a compiler flag or a change costs.

bench/builds.py [--rounds N] NAME=BINARY NAME=BINARY...

The other builds are compared with the first one. Builds are interleaved in rounds, and each round begins with another build.
The result is the median over the rounds of the ratio of CPU per request to that of the first build in the same round, with the
range that contains the true median with 95% confidence. Two NAMEs for one BINARY show the noise."""

import argparse
import pathlib
import statistics
import tempfile

from policies import key_and_limit
from ratios import median_range
from subjects import BUILD, LOAD_CORE, Subject, all_ended, free_port, say, start, wait_for_port


def compare(scenario, subjects, seconds, rounds, **request):
    for subject in subjects:
        subject.measure(0.3, **request)
    costs = {subject.name: [] for subject in subjects}
    for round_ in range(rounds):
        first = round_ % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            costs[subject.name].append(subject.measure(seconds, **request)["cpu_us_per_req"])
    base = costs[subjects[0].name]
    for name, each in costs.items():
        ratio, low, high = median_range([cost / other for cost, other in zip(each, base)])
        print(f"{scenario:<16}{name:<20}{statistics.median(each):>8.2f} us/req  {ratio:.3f} ({low:.3f} to {high:.3f})")
        say(scenario=scenario, subject=name, cpu_us_per_req=round(statistics.median(each), 3), ratio=round(ratio, 4), low=round(low, 4), high=round(high, 4))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--seconds", type=float, default=0.25, help="of each measurement")
    arguments.add_argument("build", nargs="+", help="NAME=BINARY")
    options = arguments.parse_args()
    builds = dict(build.split("=", 1) for build in options.build)
    with all_ended(), tempfile.TemporaryDirectory() as directory:
        backend_port = free_port()
        wait_for_port(backend_port, start(LOAD_CORE, BUILD / "bench/bench_backend", backend_port))
        fields, policies = key_and_limit(pathlib.Path(directory))
        for scenario, policy, more in (("plain", None, {}), ("key_and_limit", policies["portcullis"], {"fields": fields})):
            subjects = [Subject("portcullis", directory, backend_port, name, policy, binary) for name, binary in builds.items()]
            compare(scenario, subjects, options.seconds, options.rounds, connections=64, target="/1024", **more)
            for subject in subjects:
                subject.stop()


if __name__ == "__main__":
    main()
