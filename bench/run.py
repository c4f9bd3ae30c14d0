"""Runs Portcullis, its peers and the floor side by side on the same work and prints the ratios.

The figure is CPU microseconds (user and system, from /proc) per completed request of the proxy process. The
proxy has one core, the load generator and the backend share the other. Runs are interleaved, medians reported.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))
from harness import free_port, wait_for  # noqa: E402

BUILD = ROOT / "build/release"
PROXY_CORE, LOAD_CORE = 0, 1
TICK = os.sysconf("SC_CLK_TCK")

# name: (connections, target, upload bytes, new connection per request)
SCENARIOS = {
    "plain": (64, "/1024", 0, 0),
    "large_response": (64, "/102400", 0, 0),
    "upload": (16, "/16", 1 << 20, 0),
    "new_connection": (64, "/1024", 0, 1),
}


def wait_for_port(port, process):
    def listening():
        if process.poll() is not None:
            raise SystemExit(f"{process.args} exited with {process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listening, what=f"{process.args} to listen on {port}")


def start(core, *command):
    return subprocess.Popen(["taskset", "-c", str(core), *map(str, command)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def family(pid):
    """The process and its children: nginx serves from a child."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            out += family(int(child))
    return out


def cpu_seconds(pid):
    """Nanosecond accounting of every thread, where the kernel has it; it does on Debian."""
    total = 0
    for member in family(pid):
        for task in pathlib.Path(f"/proc/{member}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Subject:
    def __init__(self, name, directory, backend_port):
        self.name, self.port = name, free_port()

        def render(file):
            path = pathlib.Path(directory) / file
            text = (ROOT / "bench/peers" / file).read_text()
            for key, value in {"PORT": self.port, "BACKEND": backend_port, "DIR": directory}.items():
                text = text.replace(f"@{key}@", str(value))
            path.write_text(text)
            return path
        if name == "portcullis":
            command = [BUILD / "portcullis", "run", "-c", render("portcullis.yaml")]
        elif name == "nginx":
            command = ["nginx", "-c", render("nginx.conf")]
        elif name == "haproxy":
            command = ["haproxy", "-db", "-f", render("haproxy.cfg")]
        else:
            command = [BUILD / "bench/floor_epoll", self.port, backend_port]
        self.process = start(PROXY_CORE, *command)
        wait_for_port(self.port, self.process)

    def measure(self, scenario, seconds, rate=0):
        connections, target, upload, fresh = SCENARIOS[scenario]
        before = cpu_seconds(self.process.pid)
        out = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), BUILD / "bench/bench_load", str(self.port), str(connections),
             str(seconds), str(rate), target, str(upload), str(fresh)], capture_output=True, text=True)
        if out.returncode != 0:
            raise SystemExit(f"{self.name}: {out.stderr}")
        result = json.loads(out.stdout)
        spent = cpu_seconds(self.process.pid) - before
        result["cpu_us_per_req"] = spent * 1e6 / max(1, result["completed"])
        result["rps"] = result["completed"] / result["seconds"]
        return result

    def stop(self):
        self.process.terminate()
        self.process.wait(40)


def median_of(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def report(label, results):
    peers = [results[p]["cpu_us_per_req"] for p in ("nginx", "haproxy") if p in results]
    floor = results.get("floor_epoll", {}).get("cpu_us_per_req")
    print(f"\n{label}\n{'subject':<14}{'CPU us/req':>11}{'to peer':>9}{'to floor':>9}{'rps':>10}{'p50':>8}{'p99':>8}{'p99.9':>8}{'failed':>8}")
    for name, r in results.items():
        to_peer = r["cpu_us_per_req"] / min(peers)
        to_floor = r["cpu_us_per_req"] / floor if floor else 0
        print(f"{name:<14}{r['cpu_us_per_req']:>11.2f}{to_peer:>9.2f}{to_floor:>9.2f}{r['rps']:>10.0f}"
              f"{r['p50']:>8.0f}{r['p99']:>8.0f}{r['p999']:>8.0f}{r['failed']:>8.0f}")
    for name, r in results.items():
        print(json.dumps({"scenario": label, "subject": name, "cpu_us_per_req": round(r["cpu_us_per_req"], 3),
                          "ratio_to_best_peer": round(r["cpu_us_per_req"] / min(peers), 3),
                          "ratio_to_floor": round(r["cpu_us_per_req"] / floor, 3) if floor else None,
                          "rps": round(r["rps"]), "p50_us": r["p50"], "p99_us": r["p99"], "p999_us": r["p999"]}))
    sys.stdout.flush()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--quick", action="store_true", help="under a minute: short runs")
    arguments.add_argument("--scenario", action="append", choices=SCENARIOS)
    options = arguments.parse_args()
    seconds, rounds = (0.7, 2) if options.quick else (3, 5)
    names = ["portcullis", "nginx", "haproxy", "floor_epoll"]
    with tempfile.TemporaryDirectory() as directory:
        backend_port = free_port()
        backend = start(LOAD_CORE, BUILD / "bench/bench_backend", backend_port)
        subjects = []
        try:
            wait_for_port(backend_port, backend)
            subjects = [Subject(name, directory, backend_port) for name in names]
            for scenario in options.scenario or SCENARIOS:
                runs = {subject.name: [] for subject in subjects}
                for subject in subjects:
                    subject.measure(scenario, 0.3)
                for _ in range(rounds):
                    for subject in subjects:
                        runs[subject.name].append(subject.measure(scenario, seconds))
                results = {name: median_of(each) for name, each in runs.items()}
                report(scenario, results)
                if scenario == "plain":
                    rate = 0.6 * min(r["rps"] for r in results.values())
                    runs = {subject.name: [] for subject in subjects}
                    for _ in range(rounds):
                        for subject in subjects:
                            runs[subject.name].append(subject.measure(scenario, seconds, rate))
                    report("plain_open_loop", {name: median_of(each) for name, each in runs.items()})
        finally:
            for subject in subjects:
                subject.stop()
            backend.terminate()
            backend.wait(10)


main()
