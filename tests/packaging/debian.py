"""A separate Debian for the tests of the package: a root, a network with only a loopback, and a substitute for systemd that
implements the parts that the tests need."""

import contextlib
import ctypes
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import threading

import harness
import pytest

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# Called by the maintainer scripts and logrotate. Passes each command to the manager, and returns the manager's exit code.
_SYSTEMCTL = """#!/bin/sh
exec 9>/run/manager/lock
flock 9
echo "$*" >/run/manager/commands
read -r code answer </run/manager/answers
[ -z "$answer" ] || echo "$answer"
exit "$code"
"""


def asked_for(name):
    """The value of a variable that the script which runs these tests sets."""
    if name not in os.environ:
        pytest.skip(f"{name} is not set: run scripts/package.sh --check or scripts/image.sh --check")
    return pathlib.Path(os.environ[name])


class Root:
    """A Debian in a folder, with a network with only a loopback, so that the ports of the installed configuration are free."""

    _HOLD = """mount --make-rprivate / && mount --bind /proc "$0/proc" && mount --rbind /dev "$0/dev" && ip link set lo up && echo &&
               exec sleep infinity"""
    ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

    def __init__(self, path, hold=_HOLD):
        """`hold`: the command that mounts file systems, brings the network up, reports that, and keeps running."""
        self.path = pathlib.Path(path)
        self._holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", hold, self.path], stdout=subprocess.PIPE)
        assert self._holder.stdout.readline() == b"\n"

    def __truediv__(self, inside):
        return self.path / inside.lstrip("/")

    def entering(self, *namespaces, user="0:0"):
        """The command prefix that runs a command in this root, with its mounts, and with its network if requested."""
        chroot = shutil.which("chroot")  # the environment may have no PATH
        return ["nsenter", f"--target={self._holder.pid}", "--mount", *namespaces, chroot, f"--userspec={user}", "--groups=", str(self.path)]

    def run(self, *command, check=True, prefix=()):
        """Runs a command in the root as root, with this machine's network; returns its output."""
        done = subprocess.run([*self.entering(), *command], env=self.ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert not check or done.returncode == 0, f"{shlex.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def install(self, package):
        """Installs as unattended upgrades do: dpkg would ask about a configuration file that was edited and also changed in the
        package; these options keep the edited file."""
        shutil.copy(package, self / "/tmp/portcullis.deb")
        return self.run("apt-get", "install", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confdef",
                        "-o", "Dpkg::Options::=--force-confold", "/tmp/portcullis.deb")

    @contextlib.contextmanager
    def network(self):
        """Moves the calling thread, and the processes that it starts, into the root's network."""
        with open("/proc/thread-self/ns/net") as ours, open(f"/proc/{self._holder.pid}/ns/net") as its:
            assert _libc.setns(its.fileno(), _CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert _libc.setns(ours.fileno(), _CLONE_NEWNET) == 0

    def curl(self, *arguments):
        """The output of this machine's curl in the root's network."""
        with self.network():
            return subprocess.run(["curl", "-sS", "--max-time", "10", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def gateways(self):
        """The processes that run a binary of this root: {number: whether the binary has been replaced since}."""
        found = {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                binary = os.readlink(process / "exe")
                if os.path.samefile(process / "root", self.path) and "/bin/portcullis" in binary:
                    found[int(process.name)] = binary.endswith("(deleted)")
        return found

    def close(self):
        for process in self.gateways():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Unit:
    """The keys and values of a unit file."""

    def __init__(self, path):
        self.path = path
        self.values = {}
        for line in path.read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.values.setdefault(key, []).append(value)

    @classmethod
    def of(cls, root):
        """The unit of the package in a folder; its path depends on the Debian release."""
        places = [root / folder / "systemd/system/portcullis.service" for folder in ("usr/lib", "lib")]
        return cls(next(place for place in places if place.exists()))

    def __getitem__(self, key):
        return self.values[key][-1]


class ServiceManager:
    """Starts portcullis.service as its unit says, receives its notifications, and answers systemctl."""

    def __init__(self, root):
        self.root = root
        self.commands, self.notes, self.main, self.failures = [], [], 0, []
        self._children = []
        folder = root / "/run/manager"
        folder.mkdir(parents=True)
        (root / "/run/systemd/system").mkdir(parents=True, exist_ok=True)
        for name in ("commands", "answers"):
            os.mkfifo(folder / name)
        systemctl = root / "/usr/bin/systemctl"
        # A dependency of the package may have installed systemd.
        systemctl.unlink(missing_ok=True)
        systemctl.write_text(_SYSTEMCTL)
        systemctl.chmod(0o755)
        (root / "/usr/sbin/policy-rc.d").unlink()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._notify.bind(str(root / "/run/systemd/notify"))
        (root / "/run/systemd/notify").chmod(0o777)
        for loop in (self._hear, self._serve):
            threading.Thread(target=loop, daemon=True).start()

    @property
    def unit(self):
        return Unit.of(self.root)

    @property
    def _wanted(self):
        return self.root / "/etc/systemd/system/multi-user.target.wants/portcullis.service"

    def _hear(self):
        while True:
            text = self._notify.recv(4096).decode()
            for line in text.splitlines():
                key, _, value = line.partition("=")
                if key == "MAINPID":
                    self.main = int(value)
                self.notes.append(line)

    def _serve(self):
        while True:
            command = (self.root / "/run/manager/commands").read_text().strip()
            self.commands.append(command)
            try:
                code, answer = self._answer(command.split())
            except Exception as problem:  # noqa: BLE001 - said by the test that looks
                self.failures.append(f"{command}: {problem!r}")
                code, answer = 1, ""
            (self.root / "/run/manager/answers").write_text(f"{code} {answer}\n")

    def _running(self):
        return self.main != 0 and os.path.exists(f"/proc/{self.main}/exe")

    def _answer(self, words):
        words = [word for word in words if word not in ("--system", "--quiet", "--no-reload")]
        if words[0] == "start":
            if not self._running():
                self.start()
        elif words[0] == "stop":
            self.stop()
        elif words[0] == "show" and "--property=MainPID" in words:
            return 0, self.main if self._running() else 0
        elif "preset" in words:  # Debian's preset: installed services are enabled
            self._wanted.parent.mkdir(parents=True, exist_ok=True)
            if not self._wanted.is_symlink():
                self._wanted.symlink_to("/lib/systemd/system/portcullis.service")
        elif words[0] == "is-enabled":
            return (0, "enabled") if self._wanted.is_symlink() else (1, "disabled")
        elif words[0] == "is-active":
            return (0, "active") if self._running() else (3, "inactive")
        elif words[0] == "kill":
            self.signal(signal.Signals["SIG" + next(w for w in words if w.startswith("--signal=")).split("=")[1]])
        return 0, ""

    def start(self):
        """Type=notify: returns when the service has sent READY."""
        unit = self.unit
        user, group = unit["User"], unit["Group"]
        ids = {kind: int(self.root.run("id", flag, user)) for kind, flag in (("user", "-u"), ("group", "-g"))}
        for key, parent in (("RuntimeDirectory", "run"), ("StateDirectory", "var/lib"), ("LogsDirectory", "var/log")):
            folder = self.root / f"{parent}/{unit[key]}"
            folder.mkdir(exist_ok=True)
            os.chown(folder, ids["user"], ids["group"])
            folder.chmod(int(unit[key + "Mode"], 8))
        capability = unit["AmbientCapabilities"].removeprefix("CAP_").lower()
        assert unit["NoNewPrivileges"] == "yes"
        seen = len(self.notes)
        with open(self.root / "/run/manager/journal", "ab") as journal:
            child = subprocess.Popen(
                [*self.root.entering("--net"), "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
                 f"--bounding-set=-all,+{capability}", f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}",
                 "sh", "-c", f"umask {unit['UMask']}; ulimit -n {unit['LimitNOFILE']}; exec {unit['ExecStart']}"],
                env={**self.root.ENVIRONMENT, "NOTIFY_SOCKET": "/run/systemd/notify",
                     "WATCHDOG_USEC": str(int(unit["WatchdogSec"].removesuffix("s")) * 1_000_000)},
                stdin=subprocess.DEVNULL, stdout=journal, stderr=subprocess.STDOUT)
        self._children.append(child)
        self.main = child.pid
        harness.wait_for(lambda: "READY=1" in self.notes[seen:] or child.poll() is not None, what="READY=1")
        assert child.poll() is None, self.journal()

    def signal(self, number):
        assert self._running(), "the service does not run"
        os.kill(self.main, number)

    def stop(self):
        if self._running():
            self.signal(signal.SIGTERM)
            harness.wait_for(lambda: self._ended(), timeout=40, what="the end of the service")
        self.main = 0

    def _ended(self):
        for child in self._children:
            child.poll()
        return not self._running()

    def reload(self):
        """Runs ExecReload's commands in turn; returns the output of the first that fails, otherwise an empty text."""
        for command in self.unit.values["ExecReload"]:
            words = shlex.split(command)
            if words[0] == "/bin/kill" and words[2] == "$MAINPID":
                self.signal(signal.Signals["SIG" + words[1].lstrip("-")])
                continue
            done = subprocess.run([*self.root.entering("--net"), "setpriv", f"--reuid={self.unit['User']}", f"--regid={self.unit['Group']}", "--clear-groups", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                return done.stdout
        return ""

    def journal(self):
        return (self.root / "/run/manager/journal").read_text()


class Load:
    """Clients that send requests without pause: some on a kept connection, some on a new one each time. Every request without a
    200 is recorded in `failures`."""

    def __init__(self, root, port=8080):
        self.root, self.port, self.served, self.failures = root, port, 0, []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(fresh,)) for fresh in (True, True, False, False)]

    def _run(self, fresh):
        with self.root.network():
            connection = None
            while not self._stop.is_set():
                try:
                    if connection is None:
                        connection = harness.connect(self.port)
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    head, _ = harness.read_response(connection)
                    assert " 200 " in head, head
                    self.served += 1
                    if fresh or "connection: close" in head.lower():
                        connection.close()
                        connection = None
                    self._stop.wait(0.002)  # leaves CPU time to other processes
                except Exception as problem:  # noqa: BLE001 - every kind of failure is a lost request
                    self.failures.append(repr(problem))
                    return

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_more(20)
        return self

    def wait_for_more(self, count):
        before = self.served
        harness.wait_for(lambda: self.failures or self.served > before + count, what="answers")
        assert not self.failures

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def start_by_hand(root):
    """Runs the service's command without a manager, as the package's user."""
    unit = Unit.of(root)
    process = subprocess.Popen([*root.entering("--net"), "setpriv", "--reuid=portcullis", "--regid=portcullis", "--clear-groups",
                                "sh", "-c", f"exec {unit['ExecStart']}"],
                               env=root.ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    harness.wait_for(lambda: "200" in root.curl("-o", "/dev/null", "-w", "%{http_code}", "http://localhost:9080/readyz"), what="readiness")
    return process
