"""Reloads of every kind: files and folders, by signal, command or watch; listeners; what persists over reloads."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

import harness
import sanitizers
from admin_requests import ask
from fake_dns import NameServer
from harness import free_port, read_response, simple_configuration, wait_for

ASK = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def ask_port(port, request=ASK):
    with harness.connect(port) as connection:
        connection.sendall(request)
        return harness.read_to_end(connection)


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_upstreams_that_have_not_changed_keep_their_connections(start, backend):
    made = backend()
    text = simple_configuration(made.port).replace("workers: 2", "workers: 1")
    gateway = start(text)
    for policies in ("", "    policies: [{cors: {origins: ['*']}}]\n", ""):
        assert b" 200 " in gateway.raw(ASK)
        gateway.write(text + policies)
        gateway.reload()
    assert made.accepted == 1
    gateway.write(text.replace("    targets:", "    timeouts: {connect: 2s}\n    targets:"))
    gateway.reload()
    assert b" 200 " in gateway.raw(ASK)
    assert made.accepted == 2


def test_listeners_come_go_and_change_without_a_dropped_request(start, backend):
    release = threading.Event()
    made = backend(harness.answer_when(release))
    second = harness.free_port()
    one = simple_configuration(made.port)
    two = one.replace("upstreams:", f"  - {{name: second, address: '127.0.0.1:{second}'}}\nupstreams:")
    gateway = start(one)
    assert refused(second)
    gateway.write(two)
    gateway.reload()
    with harness.connect(second) as busy, harness.connect(second) as idle:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.write(one)
        gateway.reload()
        harness.wait_for(lambda: refused(second), what="the listener's end")
        assert harness.read_to_end(idle) == b""
        release.set()
        head, body = read_response(busy)  # begun before the reload, so it is answered
        assert body == b"ok" and "connection: close" in head
        assert harness.read_to_end(busy) == b""
    assert b" 200 " in gateway.raw(ASK)


def test_a_listener_that_cannot_be_opened_refuses_the_reload(start, echo):
    text = simple_configuration(echo())
    gateway = start(text)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        gateway.write(text.replace("upstreams:", f"  - {{name: second, address: '127.0.0.1:{port}'}}\nupstreams:"))
        lines = gateway.reload()
    assert any("cannot bind 127.0.0.1" in line for line in lines) and any("reload refused" in line for line in lines)
    assert b" 200 " in gateway.raw(ASK)


def test_a_connection_limit_follows_the_reload(start, echo):
    text = simple_configuration(echo(), extra_listener="    limits: {connections: 1}")  # of both workers together
    gateway = start(text)
    with gateway.connect() as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_response(first)
        for _ in range(20):  # some of them on the other worker
            assert gateway.raw(ASK) in (b"", b"<reset>")
        gateway.write(text.replace("connections: 1", "connections: 2"))
        gateway.reload()
        assert b" 200 " in gateway.raw(ASK)


FOLDER = {
    "10-base.yaml": "version: 1\nlisteners: [{name: public, address: '127.0.0.1:{port}'}]\n",
    "20-orders.yaml": "upstreams: [{name: orders, targets: [{address: '127.0.0.1:{backend}'}]}]\n"
                      "routes: [{name: orders, match: {path_prefix: /orders}, upstream: orders}]\n",
    "30-pages.json": '{"version": 1, "routes": [{"name": "page", "match": {"path": "/page"},'
                     ' "policies": [{"respond": {"body": "${file:secrets/page.txt}!"}}]}]}',
    ".30-pages.json.swp": "not a configuration",
    "notes.txt": "nor this",
}


@pytest.fixture
def folder(tmp_path, echo):
    port, backend = harness.free_port(), echo()
    root = tmp_path / "conf"
    (root / "secrets").mkdir(parents=True)
    (root / "secrets/page.txt").write_text("hello from a file\n")
    for name, text in FOLDER.items():
        (root / name).write_text(text.replace("{port}", str(port)).replace("{backend}", str(backend)))
    return root, port


def test_a_folder_is_one_configuration(folder):
    root, port = folder
    assert harness.check(root) == ""
    with harness.running("run", "-c", str(root)) as gateway:
        gateway.wait_for_line("listening on")
        assert ask_port(port, ASK.replace(b" / ", b" /page ")).endswith(b"hello from a file!")
        assert b'"target": "/orders/1"' in ask_port(port, ASK.replace(b" / ", b" /orders/1 "))


@sanitizers.only_configuration
def test_mistakes_in_a_folder_name_their_file(folder):
    root, _ = folder
    (root / "40-more.yaml").write_text("drain_timeout: 1s\nroutes: [{name: page, match: {}, upstream: ordres}]\n")
    (root / "50-again.yaml").write_text("drain_timeout: 2s\n")
    problems = harness.check(root)
    assert f"{root}/50-again.yaml:1:1: error: `drain_timeout` is given already ({root}/40-more.yaml:1)" in problems
    assert f"{root}/40-more.yaml:2:10: error: a second route named `page`; the first is at {root}/30-pages.json:1" in problems
    assert "no upstream `ordres` - did you mean `orders`?" in problems
    (root / "secrets/page.txt").unlink()
    assert "30-pages.json:1:106: error: cannot read" in harness.check(root)


def test_the_watch_follows_changes_of_the_files_and_nothing_else(folder):
    root, port = folder
    page = ASK.replace(b" / ", b" /page ")
    with harness.running("run", "--watch", "-c", str(root)) as gateway:
        gateway.wait_for_line("listening on")
        (root / "secrets/page.txt").write_text("second")
        gateway.wait_for_line("serving revision 2")
        assert ask_port(port, page).endswith(b"second!")
        # Replaced by renaming, as editors and deployments do; a broken file leaves the old configuration in use.
        (root / "new").write_text("routes: 5\n")
        os.replace(root / "new", root / "40-more.yaml")
        gateway.wait_for_line("goes on serving")
        assert ask_port(port, page).endswith(b"second!")
        seen = len(gateway.lines)
        (root / "40-more.yaml").unlink()
        gateway.wait_for_line("serving revision 2", after=seen)  # the same content as before
        seen = len(gateway.lines)
        (root / "notes.txt").write_text("changed, but not a part of it")
        # At once: the change of the notes may have the files read in the middle of a write.
        (root / "third").write_text("third")
        os.replace(root / "third", root / "secrets/page.txt")
        gateway.wait_for_line("serving revision 3")
        assert ask_port(port, page).endswith(b"third!")
        assert sum("serving revision" in line for line in gateway.lines[seen:]) == 1


def test_sub_folders_are_a_part_of_it_and_watched(folder):
    root, port = folder

    def write(name, body):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"routes: [{{name: {body}, match: {{path: /{body}}}, policies: [{{respond: {{body: {body}}}}}]}}]\n")

    def answers(body):
        return ask_port(port, ASK.replace(b" / ", f" /{body} ".encode())).endswith(body.encode())
    write("more/extra.yaml", "one")
    write(".hidden/extra.yaml", "zero")
    with harness.running("run", "--watch", "-c", str(root)) as gateway:
        gateway.wait_for_line("listening on")
        assert answers("one") and not answers("zero")
        write("more/extra.yaml", "two")
        wait_for(lambda: answers("two"))
        write("later/extra.yaml", "three")
        wait_for(lambda: answers("three"))
        write("later/extra.yaml", "four")
        wait_for(lambda: answers("four"))
        wait_for(lambda: not answers("three"), what="the other workers")


def test_the_reload_command_says_how_it_went(start, echo):
    admin = harness.free_port()
    text = f"admin: {{address: '127.0.0.1:{admin}'}}\n" + simple_configuration(echo())
    gateway = start(text)

    def reload(*flags):
        return subprocess.run([harness.BINARY, "reload", *flags], capture_output=True, text=True)

    out = reload("-c", str(gateway.path))
    assert (out.returncode, out.stdout) == (0, "serving revision 1\n"), out.stderr
    gateway.write(text.replace("upstream: backend", "upstream: backnd"))
    out = reload("--admin", f"127.0.0.1:{admin}")
    assert out.returncode == 1 and "did you mean `backend`?" in out.stderr
    assert "revision 1 goes on serving" in out.stderr
    assert reload("-c", str(gateway.path)).returncode == 1
    assert reload("--admin", "127.0.0.1:1").returncode == 3
    assert reload().returncode == 64
    # A web page must not be able to reload.
    reply = ask_port(admin, b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 403 ")
    assert ask_port(admin, b"GET /v1/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 405 ")


def configuration_with_names(names, port, target):
    return f"""version: 1
workers: 2
dns: {{servers: ["127.0.0.1:{names.port}"]}}
listeners: [{{name: public, address: "127.0.0.1:{port}"}}]
upstreams: [{{name: backend, targets: [{{address: "{target}"}}]}}]
routes: [{{name: all, match: {{}}, upstream: backend}}]
"""


@pytest.fixture
def silent_names():
    """A name server that does not answer."""
    server = NameServer({})
    server.silent = True
    yield server
    server.close()


def test_a_file_that_changes_while_the_gateway_starts_is_followed_once_it_serves(tmp_path, silent_names, echo):
    path, port, target = tmp_path / "c.yaml", harness.free_port(), echo()
    path.write_text(configuration_with_names(silent_names, port, f"orders.test:{target}"))
    with harness.running("run", "--watch", "-c", str(path)) as gateway:
        harness.wait_for(lambda: silent_names.asked, what="the start's wait for the name")
        path.write_text(configuration_with_names(silent_names, port, f"127.0.0.1:{target}"))
        gateway.wait_for_line("listening on")
        gateway.wait_for_line("serving revision 2")
        for _ in range(6):
            assert b" 200 " in ask_port(port)


def test_a_reload_that_waits_for_a_name_opens_nothing_once_the_gateway_is_draining(start, backend, silent_names):
    made = backend(harness.answer_when(threading.Event()))
    gateway = start(configuration_with_names(silent_names, "{port}", f"127.0.0.1:{made.port}"))
    with gateway.connect() as busy:
        busy.sendall(ASK)
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.write(configuration_with_names(silent_names, "{port}", "orders.test:80"))
        gateway.process.send_signal(signal.SIGHUP)
        harness.wait_for(lambda: silent_names.asked, what="the reload's wait for the name")
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        harness.wait_for(lambda: refused(gateway.port), what="the listener's end")
        gateway.wait_for_line("reload refused")
        assert any(line.endswith("]: the gateway is draining") for line in gateway.lines)
        assert refused(gateway.port)


@sanitizers.same_path
def test_the_check_of_a_large_file_with_many_mistakes_holds_up_nothing_else(start):
    admin = free_port()
    text = f"version: 1\nadmin: {{address: '127.0.0.1:{admin}'}}\nlisteners: [{{name: main, address: '127.0.0.1:{{port}}'}}]\nroutes:\n"
    gateway = start(text + "  - {name: all, match: {path_prefix: /}, policies: [respond: {status: 200}]}\n")
    gateway.write(text + "".join(f"  - {{name: r{i}, match: {{path: /r{i}, methds: [GET]}}, polices: []}}\n" for i in range(5_000)))
    took, told = [], []

    def timed(times, *call):
        began = time.monotonic()
        told.append(ask(admin, *call)[0])
        times.append(time.monotonic() - began)
    reload = []
    reloading = threading.Thread(target=timed, args=(reload, "POST", "/v1/reload"))
    reloading.start()
    while reloading.is_alive():
        timed(took, "GET", "/healthz")
    reloading.join()
    assert set(told) == {200, 409}
    assert max(took) < reload[0] / 2
