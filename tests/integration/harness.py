"""Runs the built binary and real sockets for the integration tests."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PORTCULLIS_BINARY", str(ROOT / "build/release/portcullis"))
# The program that serves as the backend of tests that need an ordinary backend. Under a sanitizer it may be the release's
# program, because these tests do not test the backend.
DEMO_BINARY = os.environ.get("PORTCULLIS_DEMO_BINARY", BINARY)
# Timeouts of the tests end what would hang; no test passes sooner by a short one. A sanitizer's program is several times slower.
PATIENCE = 4 if os.environ.get("PORTCULLIS_SANITIZER") else 1


def take_signals():
    """For `preexec_fn`: resets the signals that end a process to their default. A script's background jobs ignore some of them,
    and the processes that the tests start would inherit that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def preloadable(library):
    """A path to the library for LD_PRELOAD, which separates paths by spaces and colons."""
    if not set(" :") & set(str(library)):
        return str(library)
    link = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-")) / library.name
    link.symlink_to(library)
    return str(link)


def wait_for(condition, timeout=20, what="condition"):
    """Polls until condition() is true. The only way in which tests wait for a condition that sends no notification. `timeout`:
    seconds, PATIENCE times as many under a sanitizer. `what`: a text, or a function that makes it."""
    deadline = time.monotonic() + timeout * PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"timed out waiting for {what() if callable(what) else what}")


# Below the ports that the kernel gives to clients, so that no client connection has the port when a server binds it. Each
# worker process of the tests has its own part.
_FIRST, _PART, _PARTS = 10000, 2700, 8
_part = int(os.environ.get("PYTEST_XDIST_WORKER", f"gw{os.getpid()}")[2:]) % _PARTS
_next_port = itertools.count(os.getpid() * 37)


def free_port():
    """A port on which no process listens."""
    while True:
        port = _FIRST + _part * _PART + next(_next_port) % _PART
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def suspend(process):
    """Stops a process by SIGSTOP, and waits until each of its threads has stopped: the signal reaches one thread first, and the
    others run on until that thread has been scheduled."""
    def has_stopped(task):
        try:
            return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
        except (FileNotFoundError, ProcessLookupError):
            return False  # the thread has just ended

    process.send_signal(signal.SIGSTOP)
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    wait_for(lambda: all(has_stopped(task) for task in tasks.iterdir()), what="a stopped process")


class Process:
    """A portcullis process whose standard error is collected."""

    def __init__(self, *arguments, prefix=(), binary=BINARY):
        """`prefix`: a command that runs the program."""
        self.lines = []
        self.process = subprocess.Popen(
            [*prefix, binary, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def wait_for_line(self, *texts, after=0):
        """Waits for a line that contains all of the texts, and returns it."""
        def seen():
            # A successor may keep standard error open after this process has ended.
            ended = self.process.poll() is not None and not self.reader.is_alive()
            if any(all(text in line for text in texts) for line in self.lines[after:]):
                return True
            assert not ended, "exited: " + "\n".join(self.lines)
            return False
        wait_for(seen, what=repr(texts))

    expected = 0  # expected exit code

    def stop(self, expect=None):
        expect = self.expected if expect is None else expect
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40 * PATIENCE)
        self.reader.join(10)
        assert code == expect, f"exit code {code}:\n" + "\n".join(self.lines)


@contextlib.contextmanager
def running(*arguments, expect=0, prefix=()):
    """Runs a process for the length of a block, and checks its exit code."""
    process = Process(*arguments, prefix=prefix)
    try:
        yield process
    finally:
        process.stop(expect)


def check(path):
    """The output of `portcullis check` for a configuration."""
    return subprocess.run([BINARY, "check", str(path)], capture_output=True, text=True).stderr


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20 * PATIENCE)


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def log_lines(path):
    """The complete lines of the access log; the gateway may be writing another one."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def metric(port, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in get(port, "/metrics")[1].splitlines() if line.startswith(name))


class DemoBackend(Process):
    def __init__(self, name="demo"):
        self.port = free_port()
        super().__init__("demo-backend", "--listen", f"127.0.0.1:{self.port}", "--name", name, binary=DEMO_BINARY)
        self.wait_for_line("listening on")


class Gateway(Process):
    """`portcullis run` with the given configuration text; {port} in it becomes a free port."""

    def __init__(self, directory, configuration, prefix=(), port=None):
        self.port = port or free_port()
        self.path = pathlib.Path(directory) / "gateway.yaml"
        self.write(configuration)
        super().__init__("run", "-c", str(self.path), prefix=prefix)
        self.wait_for_line("listening on")

    def write(self, configuration):
        self.path.write_text(configuration.replace("{port}", str(self.port)))

    def reload(self):
        seen = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: any("]: serving revision" in l or "reload refused" in l for l in self.lines[seen:]),
                 what="the reload's outcome")
        return self.lines[seen:]

    def connect(self):
        return connect(self.port)

    def raw(self, data):
        """Sends bytes, then reads until the gateway closes."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_to_end(connection)


def reset(connection):
    """Closes the connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_end(connection):
    out = bytearray()  # to append to `bytes` would copy all of it for each piece
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return bytes(out) + b"<reset>"
        if not piece:
            return bytes(out)
        out += piece


def receive(connection, most, what):
    """Receives between one byte and `most`. The end of the connection is a failure, because a loop that waits for more would
    never end."""
    piece = connection.recv(most)
    if not piece:
        raise AssertionError(f"closed within {what}")
    return piece


def receive_all(connection, length, what):
    """Receives `length` bytes."""
    out = bytearray()
    while len(out) < length:
        out += receive(connection, length - len(out), what)
    return bytes(out)


def take_until(connection, end, what):
    """Receives up to and including `end`, and leaves later data to the next reader."""
    out = b""
    while not out.endswith(end):
        # TLS cannot peek, but reads single bytes cheaply.
        secured = isinstance(connection, ssl.SSLSocket)
        seen = out + (connection.recv(1) if secured else connection.recv(65536, socket.MSG_PEEK))
        if len(seen) == len(out):
            raise AssertionError(f"closed within {what}: {out!r}")
        if secured:
            out = seen
            continue
        found = seen.find(end)
        out += connection.recv((len(seen) if found < 0 else found + len(end)) - len(out))
    return out


def read_head(connection):
    return take_until(connection, b"\r\n\r\n", "a head").decode("latin-1")


def read_chunk(connection):
    """Reads one chunk of a body; the last one is empty."""
    size = int(take_until(connection, b"\r\n", "a chunk"), 16)
    return receive_all(connection, size + 2, "a chunk")[:-2]


def read_response(connection):
    """Reads one response with Content-Length or chunked coding: (head, body)."""
    head = read_head(connection)
    lower = head.lower()
    if "content-length:" in lower:
        return head, receive_all(connection, int(lower.split("content-length:")[1].split("\r\n")[0]), "a body")
    body = bytearray()
    if "transfer-encoding: chunked" in lower:
        while chunk := read_chunk(connection):
            body += chunk
    return head, bytes(body)


def answers(port):
    """Whether a plain request to `port` is answered with 200."""
    try:
        with connect(port) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return " 200 " in read_response(connection)[0]
    except OSError:
        return False


class TcpServer:
    """Listens on a `port` of its own, and calls _serve(connection), which subclasses define, on a thread for each
    connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self):
        """Accepts no more connections; open ones continue."""
        with contextlib.suppress(OSError):  # already closed
            self.listener.shutdown(socket.SHUT_RDWR)
        # Before the descriptor's number can be reused by another listener, whose connections this thread would accept.
        self.acceptor.join()
        self.listener.close()


class ScriptedBackend(TcpServer):
    """A backend that records what it receives and answers from a script: handler(connection, backend)."""

    def __init__(self, handler):
        self.handler = handler
        self.received = b""
        super().__init__()

    def _serve(self, connection):
        with connection:
            connection.settimeout(20)
            try:
                self.handler(connection, self)
            except (OSError, AssertionError):
                pass  # the gateway closed the connection, as scripts provoke

    def read_head(self, connection):
        head = read_head(connection)
        self.received += head.encode("latin-1")
        return head


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(text=ANSWER):
    """A handler that answers every request of a connection with the same text."""
    def handle(connection, backend):
        while True:
            backend.read_head(connection)
            connection.sendall(text)
    return handle


def answer_when(release, text=ANSWER, arrived=None, patience=20):
    """A handler that answers one request once the event `release` is set, and sets the event `arrived` when the request comes."""
    def handle(connection, backend):
        backend.read_head(connection)
        if arrived:
            arrived.set()
        release.wait(patience)
        connection.sendall(text)
    return handle


class Script:
    """A handler that reads whole requests, and answers each with `text` once `release` is set."""

    def __init__(self, text=ANSWER, held=False):
        self.text, self.release, self.requests, self.bodies = text, threading.Event(), 0, []
        if not held:
            self.release.set()

    def __call__(self, connection, backend):
        while True:
            head = backend.read_head(connection)
            length = re.search(r"(?i)content-length: (\d+)", head)
            body = bytearray()
            while length and len(body) < int(length[1]):
                body += receive(connection, 1 << 16, "a body")
            if "transfer-encoding: chunked" in head.lower():
                while chunk := read_chunk(connection):
                    body += chunk
            self.requests += 1
            self.bodies.append(bytes(body))
            self.release.wait(20)
            connection.sendall(self.text)


def simple_configuration(*ports, extra_listener="", extra_upstream="", extra_route="", top="", workers=2):
    top = f"{top}\n" if top else ""
    targets = "".join(f'\n      - address: "127.0.0.1:{port}"' for port in ports)
    return f"""version: 1
workers: {workers}
{top}listeners:
  - name: public
    address: 127.0.0.1:{{port}}
{extra_listener}
upstreams:
  - name: backend
    targets:{targets}
{extra_upstream}
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: backend
{extra_route}
"""
