"""What the gateway sheds before memory, descriptors or time are used up; and what it reports when it crashes."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import threading
import time

import pytest

import harness
import sanitizers
from fake_dns import NameServer
from harness import BINARY, check, free_port, get, log_lines, metric, read_response, simple_configuration, wait_for

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def configuration(port, admin, overload, top="", **settings):
    return simple_configuration(port, top=f"admin: {{address: '127.0.0.1:{admin}'}}\noverload: {{{overload}}}\n{top}", **settings)


def ask(client):
    client.sendall(ASK)
    return read_response(client)[0]


def level(admin):
    return metric(admin, "portcullis_overload_level")


def test_memory(start, echo, tmp_path):
    """The limit is set so that it is exceeded, and back: waiting requests are served."""
    admin, port, log = free_port(), echo(), tmp_path / "access.log"
    small = configuration(port, admin, "memory: 1MiB", f"access_log: {{path: {log}}}")
    large = configuration(port, admin, "memory: 100GiB", f"access_log: {{path: {log}}}")
    gateway = start(large)
    with gateway.connect() as early, gateway.connect() as waiting:
        assert " 200 " in ask(early)
        gateway.write(small)
        gateway.reload()
        # A client that was promised keep-alive may send another request within the second.
        wait_for(lambda: level(admin) == 3, what="the level")
        head = ask(early)
        assert " 503 " in head and "retry-after: 1" in head.lower() and "connection: close" in head.lower()
        assert early.recv(1) == b""
        # The next connection is not accepted, while the admin listener continues to serve.
        with gateway.connect() as late:
            late.sendall(ASK)
            late.settimeout(1)
            with pytest.raises(TimeoutError):
                late.recv(1)
            assert get(admin, "/healthz")[0] == 200
            assert metric(admin, 'portcullis_overload_pressure{resource="memory"}') > 1
            gateway.write(large)
            gateway.reload()
            late.settimeout(20)
            assert " 200 " in read_response(late)[0]
        assert waiting.recv(1) == b""  # the connection was idle
    assert metric(admin, "portcullis_overload_refused_total") == 1
    assert level(admin) == 0
    gateway.wait_for_line("overload: memory at", "requests are refused")
    gateway.wait_for_line("the gateway sheds no load any more")
    assert [line["ended"] for line in log_lines(log) if line["status"] == 503] == ["overloaded"]


@pytest.mark.parametrize("ends", ["listener", "process"])
def test_those_in_the_queue_are_answered_when_it_ends(start, echo, ends):
    """The connections have not been accepted, and closing the socket would reset them."""
    admin, second, port = free_port(), free_port(), echo()
    one = configuration(port, admin, "memory: 1MiB")
    gateway = start(configuration(port, admin, "memory: 1MiB", extra_listener=f"  - {{name: second, address: '127.0.0.1:{second}'}}"))
    wait_for(lambda: level(admin) == 3, what="the level")
    held = metric(admin, "portcullis_client_connections_total")
    waiting = [harness.connect(second) for _ in range(20)]
    for client in waiting:
        client.sendall(ASK)
    assert metric(admin, "portcullis_client_connections_total") == held
    if ends == "listener":
        gateway.write(one)
        gateway.reload()
    else:
        gateway.stop()
    for client in waiting:
        head = read_response(client)[0]
        assert " 503 " in head and "connection: close" in head.lower()
        client.close()


@pytest.mark.parametrize("settings", ["enabled: false, memory: 1MiB", "memory: 0KiB"])
def test_memory_that_is_no_limit(start, echo, settings):
    admin = free_port()
    gateway = start(configuration(echo(), admin, settings))
    time.sleep(0.6)  # two measurements
    assert get(gateway.port, "/")[0] == 200
    assert level(admin) == 0


@pytest.mark.skipif("asan" in BINARY, reason="its checks of types need descriptors themselves")
def test_descriptors(tmp_path, echo):
    """More idle connections than there may be descriptors: new clients are served all the time."""
    admin, limit = free_port(), 256
    gateway = harness.Gateway(tmp_path, configuration(echo(), admin, ""), prefix=["prlimit", f"--nofile={limit}"])
    clients = []
    try:
        for _ in range(2 * limit):
            client = gateway.connect()
            clients.append(client)
            assert " 200 " in ask(client)
        assert metric(admin, "process_open_fds") < limit
        gateway.wait_for_line("overload: descriptors at")
        wait_for(lambda: level(admin) == 0, what="room again")
    finally:
        for client in clients:
            client.close()
        gateway.stop()


def test_lag(start, backend, tmp_path):
    """A worker with far more requests than it can serve: it answers the requests that it accepts, and refuses the others."""
    admin, done = free_port(), threading.Event()
    body = os.urandom(32768).hex().encode() * 4

    def large(connection, made):
        while True:
            made.read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    route = "    policies: [{compress: {algorithms: [br], brotli_level: 11}}]"
    # A step of the encoder takes tens of milliseconds, in which events wait: some for the whole of it, some for its rest.
    gateway = start(configuration(backend(large).port, admin, "lag: 5ms", workers=1, extra_route=route))

    def burden():
        while not done.is_set():
            subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "20", "-H", "Accept-Encoding: br", f"http://127.0.0.1:{gateway.port}/"])
    clients = [threading.Thread(target=burden) for _ in range(12)]
    for client in clients:
        client.start()
    try:
        wait_for(lambda: metric(admin, "portcullis_overload_refused_total") > 0, timeout=60, what="a refusal")
        buckets = {line.split('le="')[1].split('"')[0]: float(line.split()[-1]) for line in get(admin, "/metrics")[1].splitlines()
                   if line.startswith("portcullis_worker_lag_seconds_bucket")}
        assert buckets["+Inf"] > buckets["0.005"]
    finally:
        done.set()
        for client in clients:
            client.join()
    wait_for(lambda: get(gateway.port, "/")[0] == 200, what="an answer")


def test_a_single_pause_refuses_nobody(start, echo):
    admin = free_port()
    gateway = start(configuration(echo(), admin, "lag: 100ms", workers=1))
    with gateway.connect() as client:
        for _ in range(2):
            harness.suspend(gateway.process)
            client.sendall(ASK)
            time.sleep(0.7)
            gateway.process.send_signal(signal.SIGCONT)
            assert " 200 " in read_response(client)[0]
    assert metric(admin, "portcullis_overload_refused_total") == 0


@pytest.mark.skipif("release" not in BINARY, reason="the sanitizers report crashes themselves")
@pytest.mark.parametrize("number, name", [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT")])
def test_crash_report(tmp_path, number, name):
    gateway = harness.Gateway(tmp_path, simple_configuration(9, workers=1))
    assert get(gateway.port, "/")[0] == 502  # the worker has its name and runs its loop
    # The signal goes to the worker's thread, as if it had crashed.
    tasks = f"/proc/{gateway.process.pid}/task"
    worker = next(int(task) for task in os.listdir(tasks) if open(f"{tasks}/{task}/comm").read().startswith("worker-0"))
    subprocess.run(["/usr/bin/python3", "-c", f"import ctypes; ctypes.CDLL(None).syscall(234, {gateway.process.pid}, {worker}, {int(number)})"])
    assert gateway.process.wait(20) == -number
    gateway.reader.join(10)
    report = "\n".join(gateway.lines)
    assert re.search(rf"crashed: {name}.*, sent by process \d+; thread worker-0, version [\d.]+, time \d+", report)
    assert "EventLoop" in report and report.count("[0x") > 5
    assert "end of the crash report" in report


@sanitizers.only_configuration
def test_mistakes(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(9, 9080, "memroy: 1GiB").replace("{port}", "8080"))
    assert "did you mean `memory`?" in check(path)


@sanitizers.only_command_line
def test_doctor(tmp_path, start, echo):
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen()
    gone = free_port()
    path = tmp_path / "gateway.yaml"
    text = f"""version: 1
listeners: [{{name: public, address: "127.0.0.1:{busy.getsockname()[1]}"}}, {{name: other, address: "192.0.2.1:8081"}}]
admin: {{address: "127.0.0.1:{free_port()}"}}
access_log: {{path: {tmp_path}/missing/access.log}}
audit_log: {{path: {tmp_path}/audit.log}}
redis: {{address: "127.0.0.1:{gone}"}}
cache: {{disk: {{path: {tmp_path}/cache, size: 900TiB}}}}
upstreams:
  - {{name: half, targets: [{{address: "127.0.0.1:{echo()}"}}, {{address: "127.0.0.1:{gone}"}}]}}
  - {{name: dead, targets: [{{address: "127.0.0.1:{gone}"}}]}}
  - {{name: named, targets: [{{address: "nosuch.invalid:80"}}]}}
routes:
  - {{name: a, match: {{path_prefix: /}}, upstream: half}}
  - {{name: b, match: {{path_prefix: /b}}, upstream: dead}}
  - {{name: c, match: {{path_prefix: /c}}, upstream: named}}
"""
    path.write_text(text)
    out = subprocess.run([BINARY, "doctor", "-c", str(path)], capture_output=True, text=True)
    said = [tuple(line.split(None, 2)) for line in out.stdout.splitlines()]

    def found(verdict, topic, text):
        return any(one[0] == verdict and one[1] == topic and text in one[2] for one in said)
    assert out.returncode == 1
    assert found("fault", "listener", f"is in use: process {os.getpid()} (")
    assert found("fault", "listener", "is not an address of this machine")
    assert found("good", "admin", "is free")
    assert found("fault", "access_log", "No such file or directory")
    assert found("good", "audit_log", "can be written")
    assert found("fault", "redis", "Connection refused")
    assert found("good", "target", "half: 127.0.0.1") and found("warning", "target", f"half: 127.0.0.1:{gone}: Connection refused")
    assert found("fault", "target", f"dead: 127.0.0.1:{gone}: Connection refused")
    assert found("fault", "target", "named: nosuch.invalid:80")
    assert found("warning", "cache", "less than its `size`")
    assert found("good", "descriptors", "at most") or found("warning", "descriptors", "at most")
    busy.close()
    # And the output when there are no problems.
    disk = f"cache: {{disk: {{path: {tmp_path}/cache, size: 2MiB}}}}"
    path.write_text(simple_configuration(echo(), top=disk).replace("{port}", str(free_port())))
    out = subprocess.run([BINARY, "doctor", "-c", str(path), "--json"], capture_output=True, text=True)
    assert out.returncode == 0 and '"good": true' in out.stdout and "has free space for" in out.stdout
    path.write_text("version: 2\n")
    out = subprocess.run([BINARY, "doctor", "-c", str(path)], capture_output=True, text=True)
    assert out.returncode == 1 and "fault    configuration" in out.stdout and "gateway.yaml:1:" in out.stdout


def doctor(path):
    return subprocess.run([BINARY, "doctor", "-c", str(path)], capture_output=True, text=True).stdout


@sanitizers.only_command_line
def test_the_doctor_looks_names_up_as_the_gateway_does(tmp_path, echo):
    """Names are resolved by the name servers of `dns`, which may know other names than the system's."""
    server, port = NameServer({"only.there.test": ["127.0.0.1"]}), echo()
    path = tmp_path / "gateway.yaml"
    path.write_text(f"""version: 1
listeners: [{{name: public, address: "127.0.0.1:{free_port()}"}}]
dns: {{servers: ["127.0.0.1:{server.port}"]}}
upstreams: [{{name: known, targets: [{{address: "only.there.test:{port}"}}]}}, {{name: unknown, targets: [{{address: "other.test:{port}"}}]}}]
routes: [{{name: a, match: {{path_prefix: /}}, upstream: known}}, {{name: b, match: {{path_prefix: /b}}, upstream: unknown}}]
""")
    said = doctor(path)
    assert re.search(rf"^good +target +known: only.there.test:{port} answers$", said, re.M), said
    assert re.search(rf"^fault +target +unknown: other.test:{port}: cannot look up the name: ", said, re.M), said
    server.silent = True
    assert "known: only.there.test:" in (said := doctor(path)) and "no name server answers" in said
    server.close()


@sanitizers.only_command_line
def test_the_doctor_tries_the_services_that_policies_ask(tmp_path, echo):
    there, gone = echo(), free_port()
    path = tmp_path / "gateway.yaml"
    path.write_text(f"""version: 1
listeners: [{{name: public, address: "127.0.0.1:{free_port()}"}}]
upstreams: [{{name: found, discover: {{consul: {{url: "http://user:secret@127.0.0.1:{gone}", service: a}}}}}}]
policies: [forward_auth: {{url: "http://127.0.0.1:{there}/check"}}]
routes:
  - {{name: a, match: {{path_prefix: /}}, policies: [jwt: {{audience: a, jwks: {{url: "http://127.0.0.1:{gone}/keys"}}}}], upstream: found}}
  - {{name: b, match: {{path_prefix: /b}}, policies: [any_of: {{methods: [oauth2_introspection: {{url: "http://127.0.0.1:{gone}/"}}, jwt: {{secret: 0123456789abcdef0123456789abcdef}}]}}], upstream: found}}
""")
    said = doctor(path)
    for line in (rf"good +forward_auth +127.0.0.1:{there} answers", rf"fault +jwt +127.0.0.1:{gone}: Connection refused",
                 rf"fault +any_of +127.0.0.1:{gone}: Connection refused", rf"fault +discovery +found: 127.0.0.1:{gone}: Connection refused"):
        assert re.search(f"^{line}$", said, re.M), said
    assert "secret" not in said


@sanitizers.only_command_line
def test_the_doctor_looks_at_what_is_where_a_file_is_to_be(tmp_path):
    free, taken, folder = tmp_path / "free.sock", tmp_path / "taken.sock", tmp_path / "logs"
    taken.write_text("no socket")
    folder.mkdir()
    path = tmp_path / "gateway.yaml"
    path.write_text(f"""version: 1
listeners: [{{name: a, address: "unix:{free}"}}, {{name: b, address: "unix:{taken}"}}]
access_log: {{path: {folder}}}
routes: [{{name: r, match: {{path_prefix: /}}, policies: [respond: {{}}]}}]
""")
    said = doctor(path)
    assert re.search(rf"^good +listener +unix:{free} is free$", said, re.M), said
    assert re.search(rf"^fault +listener +unix:{taken}: there is a file at this path that is not a socket", said, re.M), said
    assert re.search(rf"^fault +access_log +{folder} is a folder, not a file$", said, re.M), said


@sanitizers.only_command_line
def test_doctor_sees_certificates_near_their_end(tmp_path):
    from pki import Authority
    authority = Authority(tmp_path)
    path = tmp_path / "gateway.yaml"
    for days, verdict, text in ((120, "good", "is valid for 1(19|20) days"), (20, "warning", "expires in (19|20) days")):
        edge = authority.issue("edge", "localhost", days=days)
        tls = f"    tls: {{certificates: [{{cert: {edge.cert_file}, key: {edge.key_file}}}]}}"
        path.write_text(simple_configuration(free_port(), extra_listener=tls).replace("{port}", str(free_port())))
        out = subprocess.run([BINARY, "doctor", "-c", str(path)], capture_output=True, text=True)
        assert re.search(rf"{verdict} +certificate +public: .*{text}", out.stdout), out.stdout


@sanitizers.only_command_line
def test_top(start, backend):
    admin = free_port()
    gateway = start(configuration(backend().port, admin, ""))
    for _ in range(20):
        get(gateway.port, "/")
    command = [BINARY, "top", "--admin", f"127.0.0.1:{admin}"]
    page = wait_for(lambda: (text := subprocess.run([*command, "--once"], capture_output=True, text=True).stdout) and
                    re.search(r"^all .* 20$", text, re.M) and text, what="the route's total")
    assert re.search(r"^backend 127\.0\.0\.1:\d+ .* up$", page, re.M)
    assert "\x1b" not in page
    # On a terminal pages are shown until `q`.
    keeper, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (40, 120))
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"})
    os.close(terminal)
    shown = bytearray()

    def show_until(text, times=1):
        deadline = time.monotonic() + 20
        while shown.count(text) < times:
            assert select.select([keeper], [], [], deadline - time.monotonic())[0], bytes(shown)
            shown.extend(os.read(keeper, 65536))

    def show_until_matches(pattern):
        deadline = time.monotonic() + 20
        while not re.search(pattern, bytes(shown)):
            assert select.select([keeper], [], [], deadline - time.monotonic())[0], bytes(shown)
            shown.extend(os.read(keeper, 65536))
    show_until(b"q quit   p pause   sort by: r rate* f failing l latency t total")
    for total in (21, 22, 23):  # each page has new data
        get(gateway.port, "/")
        show_until_matches(rb"all  [^\r\n]* %d\b" % total)
    os.write(keeper, b"l")
    show_until(b"sorted by latency")
    os.write(keeper, b"p")
    show_until(b"PAUSED   q quit   p resume")
    get(gateway.port, "/")
    wait_for(lambda: re.search(r"^all .* 24$", subprocess.run([*command, "--once"], capture_output=True, text=True).stdout, re.M), what="24")
    os.write(keeper, b"t")  # the same data is shown again
    show_until(b"sorted by total")
    assert not re.search(rb"all  [^\r\n]* 24\b", bytes(shown))
    os.write(keeper, b"p")
    show_until_matches(rb"all  [^\r\n]* 24\b")
    assert b"lost" not in shown
    os.write(keeper, b"q")
    show_until(b"\x1b[?1049l")  # the terminal has been restored
    assert process.wait(20) == 0
    os.close(keeper)
    keeper, terminal = pty.openpty()
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.close(keeper)
    assert process.wait(20) == 0  # the terminal has been closed
    assert subprocess.run([BINARY, "top", "--admin", f"127.0.0.1:{free_port()}"], capture_output=True).returncode == 3


@sanitizers.only_command_line
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_top_gives_the_terminal_back(start, backend, ending):
    """Ctrl-C is sent as a signal, as the terminal does."""
    admin = free_port()
    start(configuration(backend().port, admin, ""))
    keeper, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    process = subprocess.Popen([BINARY, "top", "--admin", f"127.0.0.1:{admin}"], stdin=terminal, stdout=terminal, stderr=terminal,
                               preexec_fn=harness.take_signals)
    shown = bytearray()

    def show_until(text):
        deadline = time.monotonic() + 20
        while text not in shown:
            assert select.select([keeper], [], [], deadline - time.monotonic())[0], bytes(shown)
            shown.extend(os.read(keeper, 65536))
    show_until(b"q quit")
    assert termios.tcgetattr(terminal)[3] != before[3]  # unbuffered keys, without echo
    process.send_signal(ending)
    assert process.wait(20) == -ending
    show_until(b"\x1b[?25h\x1b[?1049l")
    assert termios.tcgetattr(terminal)[3] == before[3]
    os.close(terminal)
    os.close(keeper)
