"""The subjects: Portcullis, its peers and the floors, each started on its own port and core."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
PROXY_CORE, LOAD_CORE = 0, 1

sys.path.insert(0, str(ROOT / "tests/integration"))
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where an ordinary user does not look for servers
from harness import free_port, take_signals, wait_for  # noqa: E402

NEWER = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "portcullis/roots/trixie-peers"
PEERS = ("nginx", "haproxy", "nginx_debian13", "haproxy_debian13")  # the subjects that ratios compare with
FLOORS = ("floor_epoll", "floor_io_uring")


class AGAINST:
    """The build that --against names."""
    binary = None


def newer(program):
    """The command for a program of Debian 13, which runs with that system's loader and libraries (scripts/bootstrap.sh
    peers)."""
    libraries = NEWER / "usr/lib/x86_64-linux-gnu"
    return [libraries / "ld-linux-x86-64.so.2", "--library-path", libraries, NEWER / "usr/sbin" / program]


def say(**line):
    print(json.dumps(line))
    sys.stdout.flush()


def wait_for_port(port, process):
    def listening():
        if process.poll() is not None:
            raise SystemExit(f"{process.args} exited with {process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listening, what=f"{process.args} to listen on {port}")


LIBC = ctypes.CDLL(None)
STARTED = []  # the processes that start() has started and stop() has not ended yet


def end_with_parent():
    """For `preexec_fn`: the kernel ends the process when the benchmark has ended, in whatever way."""
    take_signals()
    LIBC.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def start(core, *command):
    """Starts a program on one core; on any core with `None`. Call this on the main thread."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    process = subprocess.Popen([*pinned, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=end_with_parent)
    STARTED.append(process)
    return process


def stop(process, patience=60):
    """Ends a process that start() has started, and kills it with its children when it does not end."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        for member in family(process.pid):
            os.kill(member, signal.SIGKILL)
        process.wait()
    STARTED.remove(process)


@contextlib.contextmanager
def all_ended():
    """Every process that is started inside is ended at the end, whatever fails, also when the benchmark is terminated."""
    def leave(*_):
        raise SystemExit(128 + signal.SIGTERM)
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        for process in STARTED[::-1]:
            stop(process, 10)
        signal.signal(signal.SIGTERM, before)


def family(pid):
    """The process and its children: nginx serves from a child."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            out += family(int(child))
    return out


def load(port, connections, seconds, rate=0, target="/1024", upload=0, fresh=0, fields="", tls=None):
    """Runs the load generator to its end, and returns its measurements."""
    out = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), BUILD / "bench/bench_load", str(port), str(connections),
         str(seconds), str(rate), target, str(upload), str(fresh), fields, *([tls] if tls else [])], capture_output=True, text=True)
    if out.returncode != 0:
        raise SystemExit(out.stderr)
    return json.loads(out.stdout)


def load_http2(port, connections, seconds, streams, target="/1024", tls=False, upload=None, fields=()):
    """Like load(), by nghttp2's h2load, with that many concurrent streams on each connection."""
    with tempfile.NamedTemporaryFile("r") as log:
        body = ["-d", str(upload)] if upload else []
        subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), "h2load", "-c", str(connections), "-m", str(streams), "-D", str(seconds), "--warm-up-time", "0",
             "--log-file", log.name, *body, *(word for field in fields for word in ("-H", field)),
             f"{'https' if tls else 'http'}://127.0.0.1:{port}{target}"], capture_output=True, text=True, check=True)
        lines = [line.split() for line in log.read().splitlines()]  # when, status, microseconds
    times = sorted(int(took) for _, status, took in lines if status == "200")
    if not times:
        raise SystemExit(f"h2load: nobody has answered at port {port}")

    def percentile(share):
        return times[min(len(times) - 1, int(len(times) * share))]
    return {"completed": len(times), "failed": len(lines) - len(times), "seconds": seconds, "p50": percentile(0.5), "p99": percentile(0.99),
            "p999": percentile(0.999)}


class Subject:
    """A subject. `label` distinguishes two subjects of one kind; `policy` holds the scenario's text for the placeholders in the
    peers' configurations; `binary` is a build of Portcullis other than build/release."""

    def __init__(self, name, directory, backend_port, label=None, policy=None, binary=None):
        self.name, self.port = label or name, free_port()

        def render(file):
            path = pathlib.Path(directory) / f"{self.name}-{file}"
            text = (ROOT / "bench/peers" / file).read_text()
            for key, value in {"PORT": self.port, "BACKEND": backend_port, "DIR": directory}.items():
                text = text.replace(f"@{key}@", str(value))
            for key, value in (policy or {}).items():
                text = text.replace(f"@{key}@", value)
            text = re.sub(r"@[A-Z]+@", "", text)
            path.write_text(text)
            return path
        if name == "portcullis":
            command = [binary or BUILD / "portcullis", "run", "-c", render("portcullis.yaml")]
        elif name.startswith("nginx"):
            command = [*(["nginx"] if name == "nginx" else newer("nginx")), "-e", "stderr", "-c", render("nginx.conf")]
        elif name.startswith("haproxy"):
            command = [*(["haproxy"] if name == "haproxy" else newer("haproxy")), "-db", "-f", render("haproxy.cfg")]
        elif name == "varnish":
            command = ["varnishd", "-F", "-n", pathlib.Path(directory) / "varnish", "-a", f"127.0.0.1:{self.port}", "-b", f"127.0.0.1:{backend_port}",
                       "-s", "malloc,64m", "-t", "3600", "-p", "thread_pools=1", "-p", "timeout_idle=300"]
        else:  # a floor; `floor_batched:both` is the program with that argument
            program, *more = name.split(":")
            command = [BUILD / "bench" / program, self.port, backend_port, *more]
        self.process = start(PROXY_CORE, *command)
        wait_for_port(self.port, self.process)

    def cpu_seconds(self):
        """The CPU time of all threads in nanoseconds, if the kernel measures it; Debian's does."""
        total = 0
        for member in family(self.process.pid):
            for task in pathlib.Path(f"/proc/{member}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def kernel_and_own_ticks(self):
        """The process's time in the kernel and in its own code, in the kernel's ticks: good for shares of many runs."""
        kernel = own = 0
        for member in family(self.process.pid):
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            own, kernel = own + int(fields[11]), kernel + int(fields[12])
        return kernel, own

    def memory(self):
        """The process's own memory in bytes, with shared pages counted proportionally. Excludes the kernel's memory for
        sockets."""
        total = 0
        for member in family(self.process.pid):
            for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def measure(self, seconds, rate=0, **request):
        before, (kernel, own) = self.cpu_seconds(), self.kernel_and_own_ticks()
        if "streams" in request:
            result = load_http2(self.port, seconds=max(1, seconds), **request)
        else:
            result = load(self.port, seconds=seconds, rate=rate, **request)
        result["cpu_us_per_req"] = (self.cpu_seconds() - before) * 1e6 / max(1, result["completed"])
        kernel, own = (now - was for now, was in zip(self.kernel_and_own_ticks(), (kernel, own)))
        result["kernel_share"] = kernel / max(1, kernel + own)
        result["rps"] = result["completed"] / result["seconds"]
        return result

    def stop(self):
        stop(self.process)


def can_run(name):
    """False for a floor that the kernel or a container forbids, and for a peer that is not installed."""
    if name.endswith("_debian13"):
        return NEWER.is_dir()
    if name in PEERS:
        return shutil.which(name) is not None
    if name != "floor_io_uring":
        return True
    probe = start(None, BUILD / "bench" / name, "1", "1")
    try:
        return probe.wait(0.5) != 77
    except subprocess.TimeoutExpired:
        return True
    finally:
        stop(probe)


def newest(program):
    """The newest installed version of a peer, as (name of the subject, version)."""
    for name, command in ((f"{program}_debian13", newer(program)), (program, [program])):
        if can_run(name):
            told = subprocess.run([*command, "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
            return name, re.search(r"\d+\.\d+\.\d+", told)[0]
    raise SystemExit(f"{program} is not installed: scripts/bootstrap.sh bench")
