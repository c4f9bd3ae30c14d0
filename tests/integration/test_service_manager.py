"""Notifications to the service manager, and the successor that the gateway itself starts."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import harness
from harness import BINARY, free_port, read_response, simple_configuration

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Manager:
    """The other end of $NOTIFY_SOCKET: collects messages as lists of assignments."""

    def __init__(self, address):
        self.address, self.messages, self.times = address, [], []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0"))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            message = self.socket.recv(4096).decode().split("\n")
            self.times.append(time.monotonic())
            self.messages.append(message)

    def told(self, *assignments, after=0):
        return harness.wait_for(lambda: next((one for one in self.messages[after:] if all(a in one for a in assignments)), None),
                                what=repr(assignments))

    def pings(self):
        return sum("WATCHDOG=1" in one for one in self.messages)


class Service:
    """A gateway that a service manager has started; its successors end with it."""

    def __init__(self, folder, configuration, manager=None, binary=BINARY, arguments=(), **environment):
        self.port, self.path, self.log = free_port(), folder / "gateway.yaml", folder / "messages"
        self.write(configuration)
        if manager:
            environment["NOTIFY_SOCKET"] = manager.address
        self.process = subprocess.Popen([binary, "run", "-c", str(self.path), *arguments], stderr=self.log.open("w"), env={**os.environ, **environment})
        self.processes = [self.process.pid]

    def write(self, configuration):
        self.path.write_text(configuration.replace("{port}", str(self.port)))

    def said(self, pattern, count=1):
        return harness.wait_for(lambda: len(found := re.findall(pattern, self.log.read_text())) >= count and found[-1], what=pattern)

    def upgrade(self, count=1):
        """Starts a successor and returns its process."""
        os.kill(self.processes[-1], signal.SIGUSR2)
        self.processes.append(int(self.said(r"process (\d+) is starting as the successor", count)))
        return self.processes[-1]

    def end(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        self.process.wait(40)
        for process in self.processes[1:]:
            harness.wait_for(lambda p=process: has_ended(p), what="the successor's end")


def has_ended(process):
    """A successor's parent has ended, so it may stay a zombie when no process reaps it."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def service(tmp_path):
    made = []

    def begin(*arguments, **settings):
        made.append(Service(tmp_path, *arguments, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.end()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    return Manager(str(tmp_path / "notify") if request.param == "path" else f"@portcullis-test-{os.getpid()}-{free_port()}")


def test_a_service_manager_is_told_of_start_reload_refusal_and_end(manager, service, echo):
    target = echo()
    gateway = service(simple_configuration(target), manager)
    manager.told("READY=1", f"MAINPID={gateway.process.pid}", "STATUS=serving revision 1")
    with harness.connect(gateway.port) as connection:  # the successor serves by then
        connection.sendall(REQUEST)
        assert " 200 " in read_response(connection)[0]
    seen = len(manager.messages)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    gateway.write(simple_configuration(target).replace("name: all", "name: other"))
    gateway.process.send_signal(signal.SIGHUP)
    manager.told("READY=1", "STATUS=serving revision 2", after=seen)
    reloading = manager.told("RELOADING=1", after=seen)
    when = int(next(one for one in reloading if one.startswith("MONOTONIC_USEC=")).split("=")[1])
    assert before <= when <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert manager.messages.index(reloading) < manager.messages.index(manager.told("READY=1", after=seen))
    gateway.write("version: 1\nlisteners: 5\n")
    seen = len(manager.messages)
    gateway.process.send_signal(signal.SIGHUP)
    manager.told("RELOADING=1", after=seen)
    manager.told("READY=1", "STATUS=reload refused; serving revision 2", after=seen)
    gateway.process.send_signal(signal.SIGTERM)
    manager.told("STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=45000000")


@pytest.mark.parametrize("told, seconds", [("10m", 600), ("0s", 10 * 365 * 24 * 3600)])
def test_a_manager_is_asked_to_wait_as_long_as_exchanges_may_go_on(told, seconds, tmp_path, service, echo):
    manager = Manager(str(tmp_path / "notify"))
    gateway = service(simple_configuration(echo(), top=f"drain_timeout: {told}"), manager)
    manager.told("READY=1")
    gateway.process.send_signal(signal.SIGTERM)
    stopping = manager.told("STOPPING=1")
    asked = int(next(one for one in stopping if one.startswith("EXTEND_TIMEOUT_USEC=")).split("=")[1])
    assert asked > seconds * 1_000_000
    assert gateway.process.wait(20) == 0


PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def trace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    assert libc.ptrace(request, thread, None, None) == 0, os.strerror(ctypes.get_errno())
    if request == PTRACE_ATTACH:
        os.waitpid(thread, 0x40000000)  # __WALL: waits until the thread has stopped


def test_the_watchdog_is_told_at_half_of_its_interval_and_only_while_all_workers_answer(tmp_path, service, echo):
    manager = Manager(str(tmp_path / "notify"))
    gateway = service(simple_configuration(echo()), manager, WATCHDOG_USEC="2000000")
    harness.wait_for(lambda: manager.pings() >= 3, what="three pings")
    times = [when for when, one in zip(manager.times, manager.messages) if "WATCHDOG=1" in one]
    assert (times[2] - times[0]) / 2 < 2
    tasks = pathlib.Path(f"/proc/{gateway.process.pid}/task")
    worker = next(int(one.name) for one in tasks.iterdir() if (one / "comm").read_text().strip() == "worker-1")
    trace(PTRACE_ATTACH, worker)
    try:
        gateway.said("a worker does not answer: the service manager's watchdog is not told")
        stuck = manager.pings()
        time.sleep(2.5)  # longer than the interval: the absence of a message cannot be waited for
        assert manager.pings() == stuck
    finally:
        trace(PTRACE_DETACH, worker)
    gateway.said("all workers answer again")
    harness.wait_for(lambda: manager.pings() > stuck, what="another ping")


def test_a_watchdog_that_is_meant_for_another_process_is_not_told(tmp_path, service, echo):
    manager = Manager(str(tmp_path / "notify"))
    service(simple_configuration(echo()), manager, WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    manager.told("READY=1")
    time.sleep(0.6)  # three intervals
    assert manager.pings() == 0


class Load:
    """Requests on kept and on new connections; every failure is recorded."""

    def __init__(self, port):
        self.port, self.served, self.failures, self.stop = port, 0, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(fresh,)) for fresh in (True, True, False)]
        for thread in self.threads:
            thread.start()

    def _run(self, fresh):
        connection = None
        while not self.stop.is_set():
            try:
                connection = connection or harness.connect(self.port)
                connection.sendall(REQUEST)
                head, _ = read_response(connection)
                assert " 200 " in head
                self.served += 1
                if fresh or "connection: close" in head:
                    connection.close()
                    connection = None
            except Exception as problem:  # noqa: BLE001 - every kind of failure is a lost request
                self.failures.append(repr(problem))
                return

    def more(self, count):
        until = self.served + count
        harness.wait_for(lambda: self.failures or self.served >= until, what="requests")

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures


def test_sigusr2_starts_the_replaced_binary_as_successor_without_a_lost_request(tmp_path, service, echo):
    manager = Manager(str(tmp_path / "notify"))
    binary = tmp_path / "portcullis"
    os.link(BINARY, binary) if os.stat(BINARY).st_dev == os.stat(tmp_path).st_dev else shutil.copy(BINARY, binary)
    admin = free_port()
    gateway = service(simple_configuration(echo(), top=f'admin: {{address: "127.0.0.1:{admin}"}}'), manager, binary=str(binary))
    manager.told("READY=1")
    load = Load(gateway.port)
    try:
        load.more(50)
        # Like a package upgrade: another file replaces the running program.
        shutil.copy(BINARY, tmp_path / "fresh")
        os.rename(tmp_path / "fresh", binary)
        first = gateway.process.pid
        second = gateway.upgrade()
        manager.told("READY=1", f"MAINPID={second}")
        assert gateway.process.wait(30) == 0
        assert os.readlink(f"/proc/{second}/exe") == str(binary)
        load.more(100)
        third = gateway.upgrade(2)  # the chain continues
        manager.told("READY=1", f"MAINPID={third}")
        harness.wait_for(lambda: has_ended(second), what="the end of the second")
        load.more(100)
        assert harness.get(admin, "/readyz")[0] == 200
    finally:
        load.end()
    assert len({first, second, third}) == 3
    assert not any("STOPPING=1" in one for one in manager.messages)  # the service continues


def test_a_successor_that_fails_leaves_the_gateway_serving_and_says_why(tmp_path, service, echo):
    manager = Manager(str(tmp_path / "notify"))
    good = simple_configuration(echo())
    gateway = service(good, manager)
    manager.told("READY=1")
    gateway.write(good.replace("upstream: backend", "upstream: nowhere"))
    process = gateway.upgrade()
    gateway.said(rf"upgrade failed: process {process}, the successor, ended with exit code 1; this process goes on serving")
    assert "there is no upstream `nowhere`" in gateway.log.read_text()
    manager.told(f"STATUS=upgrade failed: process {process}, the successor, ended with exit code 1; serving revision 1")
    with harness.connect(gateway.port) as connection:
        connection.sendall(REQUEST)
        assert " 200 " in read_response(connection)[0]
    gateway.processes.pop()
    # The next reload is not delayed by the stuck one.
    gateway.write(good)
    successor = gateway.upgrade(2)
    assert gateway.process.wait(30) == 0
    manager.told("READY=1", f"MAINPID={successor}")


def test_a_binary_that_is_gone_is_said_and_the_gateway_goes_on(tmp_path, service, echo):
    binary = tmp_path / "portcullis"
    shutil.copy(BINARY, binary)
    gateway = service(simple_configuration(echo()), binary=str(binary))
    gateway.said("listening on")
    binary.unlink()
    gateway.process.send_signal(signal.SIGUSR2)
    gateway.said(f"upgrade refused: cannot start {re.escape(str(binary))}: No such file or directory")
    with harness.connect(gateway.port) as connection:
        connection.sendall(REQUEST)
        assert " 200 " in read_response(connection)[0]


def fill(address):
    """Fills the queue of the socket at `address`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"STATUS=another service", address)


def test_a_manager_whose_queue_is_full_for_a_moment_is_told_nevertheless(tmp_path, service, echo):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.settimeout(20)
        slow.bind(address)
        fill(address)
        gateway = service(simple_configuration(echo()), NOTIFY_SOCKET=address)
        harness.wait_for(lambda: harness.answers(gateway.port), what="an answer")
        while b"READY=1" not in harness.receive(slow, 4096, "the messages to the service manager"):
            pass
        fill(address)
        gateway.process.send_signal(signal.SIGTERM)
        harness.wait_for(lambda: "draining" in gateway.log.read_text(), what="the end's beginning")
        while b"STOPPING=1" not in harness.receive(slow, 4096, "the messages to the service manager"):
            pass


def test_a_manager_that_never_reads_does_not_hold_up_the_start_and_the_end(tmp_path, service, echo):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stuck:
        stuck.bind(address)
        fill(address)
        gateway = service(simple_configuration(echo()), NOTIFY_SOCKET=address)
        gateway.said("the service manager was not told READY=1: it does not read its socket")
        gateway.said("listening on")
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        gateway.said("the service manager was not told STOPPING=1: it does not read its socket")


def test_a_successor_that_fails_while_the_gateway_is_draining_changes_neither_status_nor_says_that_it_serves(tmp_path, service, backend):
    manager = Manager(str(tmp_path / "notify"))
    release = threading.Event()
    made = backend(harness.answer_when(release))
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # a name server that does not answer
    names.bind(("127.0.0.1", 0))
    good = simple_configuration(made.port, top=f'dns: {{servers: ["127.0.0.1:{names.getsockname()[1]}"]}}')
    gateway = service(good, manager)
    manager.told("READY=1")
    with names, harness.connect(gateway.port) as busy:
        busy.sendall(REQUEST)
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.write(good.replace(f"127.0.0.1:{made.port}", "orders.test:80"))  # the successor waits for the name server
        process = gateway.upgrade()
        gateway.processes.pop()
        names.settimeout(20)
        names.recv(1500)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.said("draining")
        os.kill(process, signal.SIGKILL)
        gateway.said(rf"upgrade failed: process {process}, the successor, .*; this process is ending")
        release.set()
        assert gateway.process.wait(20) == 0
    assert "goes on serving" not in gateway.log.read_text()
    manager.told("STOPPING=1")
    assert not any("upgrade failed" in line for one in manager.messages for line in one)
