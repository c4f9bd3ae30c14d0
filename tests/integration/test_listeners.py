"""Routes that are bound to listeners, and the files of listeners that are Unix sockets."""

import grp
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess

import pytest

import harness
import sanitizers
from harness import BINARY, free_port, read_response, simple_configuration, wait_for

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ROUTES = """version: 1
workers: 2
listeners:
  - {name: public, address: "127.0.0.1:{port}"}
  - {name: internal, address: "127.0.0.1:INSIDE"}
routes:
  - {name: page, match: {path_prefix: /}, policies: [respond: {body: page}]}
  - {name: inside, match: {path_prefix: /, listeners: [internal]}, policies: [respond: {body: inside}]}
  - {name: admin, match: {path_prefix: /admin, methods: [GET], listeners: ["127.0.0.1:INSIDE"]}, policies: [respond: {body: admin}]}
"""


def ask(port, path="/", method="GET"):
    with harness.connect(port) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, body = read_response(connection)
        return int(head.split()[1]), body.decode()


def test_a_route_answers_only_on_its_listeners_and_before_one_without(start):
    inside = free_port()
    gateway = start(ROUTES.replace("INSIDE", str(inside)))
    assert ask(gateway.port) == (200, "page") and ask(inside) == (200, "inside")
    assert ask(gateway.port, "/admin") == (200, "page") and ask(inside, "/admin") == (200, "admin")
    # A method that a route of another listener admits does not cause a 405 here.
    assert ask(gateway.port, "/admin", "POST") == (200, "page")


def test_a_route_of_another_listener_is_no_route_here_not_a_405(start):
    inside = free_port()
    gateway = start("\n".join(line for line in ROUTES.replace("INSIDE", str(inside)).splitlines() if "page" not in line) + "\n")
    for method in ("GET", "POST"):
        assert ask(gateway.port, "/admin", method)[0] == 404
    assert ask(inside, "/admin", "POST") == (200, "inside")


def test_http2_clients_meet_the_same_routes(start):
    inside = free_port()
    gateway = start(ROUTES.replace("INSIDE", str(inside)))
    for port, body in ((gateway.port, "page"), (inside, "inside")):
        out = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", f"http://127.0.0.1:{port}/"], capture_output=True, text=True, timeout=20)
        assert out.stdout == body, out.stderr


def test_a_reload_binds_routes_anew_also_for_connections_that_are_open(start):
    inside = free_port()
    text = ROUTES.replace("INSIDE", str(inside))
    gateway = start(text)
    with harness.connect(inside) as connection:
        connection.sendall(REQUEST)
        assert read_response(connection)[1] == b"inside"
        gateway.write(text.replace("listeners: [internal]", "listeners: [public]"))
        gateway.reload()
        wait_for(lambda: ask(gateway.port)[1] == "inside", what="the route's new listener")
        connection.sendall(REQUEST)
        assert read_response(connection)[1] == b"page"
        # A listener may get another name.
        gateway.write(text.replace("name: internal", "name: private").replace("[internal]", "[private]"))
        gateway.reload()
        connection.sendall(REQUEST)
        assert read_response(connection)[1] == b"inside"


def test_explain_knows_listeners(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(ROUTES.replace("{port}", "8080").replace("INSIDE", "8081"))

    def explain(*flags):
        return json.loads(subprocess.run([BINARY, "explain", "--json", "-c", str(path), "GET", "/admin", *flags], capture_output=True).stdout)
    told = explain()
    assert (told["route"], told["listener"]) == ("page", "public")
    assert {"route": "admin", "verdict": "other_listener", "reason": "the route is only on 127.0.0.1:8081, not on 127.0.0.1:8080"} in told["others"]
    assert explain("--listener", "internal")["route"] == "admin"
    assert explain("--listener", "127.0.0.1:8081")["route"] == "admin"
    out = subprocess.run([BINARY, "explain", "-c", str(path), "GET", "/", "--listener", "internl"], capture_output=True, text=True)
    assert out.returncode != 0 and "there is no listener `internl` - did you mean `internal`?" in out.stderr
    out = subprocess.run([BINARY, "explain", "-c", str(path), "GET", "/"], capture_output=True, text=True).stdout
    assert ", to listener public\n" in out


@sanitizers.only_configuration
def test_check_names_a_listener_that_there_is_not(tmp_path):
    path = tmp_path / "gateway.yaml"
    text = ROUTES.replace("{port}", "8080").replace("INSIDE", "8081")
    path.write_text(text.replace("[internal]", "[intern, public]"))
    assert f"{path}:8:55: error: there is no listener `intern` - did you mean `internal`?" in harness.check(path)
    for nothing in ("[]", "['']"):
        path.write_text(text.replace("[internal]", nothing))
        assert f"{path}:8:" in harness.check(path), nothing
    # Two routes with the same path on different listeners can both match.
    path.write_text(text)
    assert "can never match" not in harness.check(path)
    path.write_text(text + "  - {name: twice, match: {path_prefix: /, listeners: [internal]}, policies: [respond: {}]}\n")
    assert "`twice` can never match" in harness.check(path)


@sanitizers.only_configuration
def test_an_assertion_is_not_fulfilled_by_a_route_of_one_listener(tmp_path):
    """Below the prefix, requests of the other listener go to the wider route."""
    path = tmp_path / "gateway.yaml"
    path.write_text("""version: 1
listeners: [{name: public, address: "127.0.0.1:8080"}, {name: internal, address: "127.0.0.1:8081"}]
routes:
  - {name: page, match: {path_prefix: /}, policies: [respond: {}]}
  - {name: admin, match: {path_prefix: /admin, listeners: [internal]}, policies: [key_auth: {}, respond: {}]}
assertions: [{every_route: {path_prefix: /admin}, requires: [key_auth]}]
""")
    assert "the assertion does not hold: route `page`" in harness.check(path)


@sanitizers.only_configuration
@pytest.mark.parametrize("listener, said", [
    ("{name: a, address: '127.0.0.1:8080', mode: '0660'}", "`mode` is for a Unix socket, and `127.0.0.1:8080` is not one"),
    ("{name: a, address: '127.0.0.1:8080', group: staff}", "`group` is for a Unix socket, and `127.0.0.1:8080` is not one"),
    ("{name: a, address: 'unix:a.sock', mode: '0888'}", "`0888` is not a mode: write it in octal, as \"0660\""),
    ("{name: a, address: 'unix:a.sock', mode: rw-rw----}", "`rw-rw----` is not a mode"),
    ("{name: a, address: 'unix:a.sock', mode: '0444'}", "`0444` lets no client connect"),
])
def test_check_names_modes_that_are_wrong(listener, said, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(f"version: 1\nlisteners: [{listener}]\nroutes: []\n")
    assert said in harness.check(path)


# The files of Unix sockets.

class Local(harness.Process):
    """A gateway that listens at a Unix socket."""

    def __init__(self, folder, target, more="", place="gateway.sock", arguments=(), top=""):
        self.place, self.target = pathlib.Path(folder) / place, target
        self.path = pathlib.Path(folder) / "gateway.yaml"
        self.write(more, top)
        super().__init__("run", "-c", str(self.path), *arguments)
        self.wait_for_line("listening on")

    def write(self, more="", top=""):
        self.path.write_text(simple_configuration(self.target, top=top, extra_listener=more).replace("127.0.0.1:{port}", f"unix:{self.place}"))

    def mode(self):
        return stat.S_IMODE(self.place.stat().st_mode)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            try:
                connection.connect(str(self.place))
                connection.sendall(REQUEST)
                return " 200 " in read_response(connection)[0]
            except OSError:
                return False


@pytest.fixture
def local(tmp_path, echo):
    made = []

    def begin(*arguments, **settings):
        made.append(Local(tmp_path, echo(), *arguments, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.stop()


def test_the_file_has_its_mode_and_a_reload_changes_it(local):
    gateway = local("    mode: '0660'")
    assert gateway.mode() == 0o660 and gateway.answers()
    gateway.write("    mode: '666'")
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.mode() == 0o666, what="the new mode")
    umask = os.umask(0)
    os.umask(umask)
    gateway.write()
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.mode() == 0o777 & ~umask, what="what the umask leaves")


@pytest.mark.skipif(os.geteuid() != 0, reason="it needs root, to give a file to another group")
def test_the_file_has_its_group(local, tmp_path, echo):
    gateway = local("    mode: '0660'\n    group: daemon")
    state = gateway.place.stat()
    assert grp.getgrgid(state.st_gid).gr_name == "daemon" and stat.S_IMODE(state.st_mode) == 0o660
    seen = len(gateway.lines)
    gateway.write("    group: daemom")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for_line("reload refused", after=seen)
    assert any("there is no group `daemom`" in line for line in gateway.lines[seen:]) and gateway.answers()


def test_the_admin_listener_s_file_has_its_mode_and_is_removed(local, tmp_path):
    admin = tmp_path / "admin.sock"
    gateway = local(top=f"admin: {{address: 'unix:{admin}', mode: '0600'}}")
    assert stat.S_IMODE(admin.stat().st_mode) == 0o600
    gateway.stop()
    assert not admin.exists() and not gateway.place.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_the_files_are_removed_at_the_end(number, local, tmp_path):
    upgrade = tmp_path / "upgrade.sock"
    gateway = local(arguments=("--upgrade-socket", str(upgrade)))
    assert upgrade.is_socket()
    gateway.process.send_signal(number)
    assert gateway.process.wait(20) == 0
    assert not gateway.place.exists() and not upgrade.exists()


def test_the_file_of_a_listener_that_a_reload_removes_is_removed(local):
    gateway = local()
    port = free_port()
    gateway.path.write_text(simple_configuration(gateway.target).replace("{port}", str(port)))
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: harness.answers(port), what="the new listener")
    assert not gateway.place.exists()


def test_a_reload_that_is_refused_leaves_no_file(local, tmp_path):
    gateway = local()
    added = tmp_path / "added.sock"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway.write(f'  - {{name: added, address: "unix:{added}"}}\n  - {{name: taken, address: "127.0.0.1:{taken.getsockname()[1]}"}}')
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_for_line("reload refused")
    assert not added.exists() and gateway.answers()


def test_a_start_that_fails_leaves_no_file(tmp_path, echo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place, path = tmp_path / "gateway.sock", tmp_path / "gateway.yaml"
        path.write_text(simple_configuration(echo(), top=f'admin: {{address: "127.0.0.1:{taken.getsockname()[1]}"}}').replace("127.0.0.1:{port}", f"unix:{place}"))
        out = subprocess.run([BINARY, "run", "-c", str(path)], capture_output=True, timeout=20)
        assert out.returncode == 3 and not place.exists()


def test_a_file_that_another_program_has_put_there_is_left(local):
    gateway = local()
    gateway.place.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(gateway.place))
        gateway.stop()
        assert gateway.place.is_socket()


def test_a_successor_at_the_upgrade_socket_keeps_the_file_and_removes_it_at_its_end(local, tmp_path):
    arguments = ("--upgrade-socket", str(tmp_path / "upgrade.sock"))
    old = local("    mode: '0640'", arguments=arguments)
    place, inode = old.place, old.place.stat().st_ino
    with harness.running("run", "-c", str(old.path), *arguments) as new:
        new.wait_for_line("took over")
        assert old.process.wait(20) == 0
        assert place.stat().st_ino == inode and old.mode() == 0o640 and old.answers()
        assert (tmp_path / "upgrade.sock").is_socket()
    assert not place.exists() and not (tmp_path / "upgrade.sock").exists()


def test_a_successor_that_does_not_serve_leaves_the_file_to_its_predecessor(local, tmp_path):
    arguments = ("--upgrade-socket", str(tmp_path / "upgrade.sock"))
    old = local(arguments=arguments)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        old.write(f'  - {{name: taken, address: "127.0.0.1:{port}"}}')
        out = subprocess.run([BINARY, "run", "-c", str(old.path), *arguments], capture_output=True, timeout=20)
    assert out.returncode == 3
    assert old.answers()


def test_a_successor_by_signal_keeps_the_file(local):
    old = local()
    old.process.send_signal(signal.SIGUSR2)
    old.wait_for_line("the successor serves requests now")
    successor = int(re.search(r"process (\d+) is starting", "\n".join(old.lines))[1])
    try:
        assert old.process.wait(20) == 0
        assert old.answers()
    finally:
        os.kill(successor, signal.SIGTERM)
    wait_for(lambda: not old.place.exists(), what="the end of the successor")
