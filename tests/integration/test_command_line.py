"""The command line: what is refused, how a configuration is named, exit codes, JSON for programs, health."""

import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import termios
import threading
import time

import pytest

import harness
import sanitizers
from command_line import orders  # noqa: F401 - a fixture
from command_line import CONFIGURATION, NAMES, TAKE_CONFIG, TAKE_JSON, ask, portcullis, serving, told
from harness import BINARY, free_port, wait_for

pytestmark = sanitizers.only_command_line


# --- wrong command lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, complaint", [
    (["chek"], "unknown command `chek` - did you mean `check`?"),
    (["generate_key"], "unknown command `generate_key` - did you mean `generate-key`?"),
    (["nonsense"], "unknown command `nonsense`\n"),
    (["--verion"], "unknown option `--verion` - did you mean `--version`?"),
    (["check", "--jsn", "gateway.yaml"], "unknown option `--jsn` - did you mean `--json`?"),
    (["check", "--cofig=gateway.yaml"], "unknown option `--cofig` - did you mean `--config`?"),
    (["run", "--watch-files", "gateway.yaml"], "unknown option `--watch-files`"),
    (["check", "-x"], "unknown option `-x`"),
    (["check", "gateway.yaml", "other.yaml"], "unexpected `other.yaml`"),
    (["schema", "--format", "jsn"], "`--format` is one of json, markdown, not `jsn` - did you mean `json`?"),
    (["schema", "--format"], "--format"),
    (["completion"], "`SHELL` is missing"),
    (["completion", "bsh"], "`SHELL` is one of bash, zsh, fish, not `bsh` - did you mean `bash`?"),
    (["demo-backend"], "`--listen` is missing"),
    (["demo-backend", "--listen", "nowhere"], "--listen: "),
    (["explain", "-c", "gateway.yaml"], "`METHOD` is missing"),
    (["explain", "-c", "gateway.yaml", "GET"], "`URL` is missing"),
    (["explain", "a.yaml", "GET", "/", "more"], "unexpected `more`"),
    (["explain", "a.yaml", "GET", "/", "--curl", "curl http://a/"], "unexpected `GET`"),
    (["explain", "a.yaml", "--curl", "curl --frobnicate http://a/"], "--curl: "),
    (["health", "a.yaml", "--admin", "127.0.0.1:1"], "not by both"),
    (["check", ""], "`CONFIG` is empty"),
    (["check", "-c", ""], "`--config` has an empty value"),
    (["health", "--admin", ""], "`--admin` has an empty value"),
    (["run", "--to", ":3000", "--key", "", "--print"], "`--key` has an empty value: give it one, or write `--key` alone"),
    (["run", "--to", ":3000", "--key=", "--print"], "`--key` has an empty value: give it one, or write `--key` alone"),
    (["run", "--to", ":3000", "--print", "--cache", ""], "`--cache` has an empty value: give it one, or write `--cache` alone"),
    (["run", "--to", ":3000", "--print", "--cache="], "`--cache` has an empty value: give it one, or write `--cache` alone"),
    (["generate-key", "--prefix", "a\nb"], "--prefix: a key is sent in a header: it must be printable ASCII characters, without a space at its ends"),
    (["generate-key", "--prefix", " a"], "--prefix: a key is sent in a header: it must be printable ASCII characters, without a space at its ends"),
    (["generate-key", "--prefix", "a" * 1024], "--prefix: a key has 1024 characters or fewer"),
    (["check", "a.yaml", "-c", "b.yaml"], "two configurations are named: `a.yaml` and, by --config, `b.yaml`"),
])
def test_a_wrong_command_line_is_refused_with_what_is_meant(words, complaint, tmp_path):
    out = portcullis(*words, cwd=tmp_path)
    assert (out.returncode, out.stdout) == (64, "")
    assert complaint in out.stderr
    assert re.search(r"^Try `portcullis help( \S+)?`\.$", out.stderr, re.MULTILINE)


@pytest.mark.parametrize("words", [
    ["\x1b[31mcheck"],
    ["--\x1b[31m"],
    ["help", "\x1b[31mcheck"],
    ["check", "--\x1b[31m"],
    ["check", "a.yaml", "\x1b[31m"],
    ["check", "--json=\x1b[31m"],
    ["check", "a\x1b[31m.yaml"],
    ["check", "a\x1b[31m.yaml", "-c", "b.yaml"],
    ["schema", "--format", "\x1b[31m"],
    ["completion", "\x1b[31m"],
    ["demo-backend", "--listen", "\x1b[31m"],
    ["explain", "a.yaml", "GET", "/", "--curl", "\x1b[31m"],
    ["generate-key", "--prefix", "\x1b[31m"],
    ["man", "\x1b[31m"],
    ["top", "--admin", "\x1b[31m"],
    ["run", "--to", "\x1b[31m"],
], ids=repr)
def test_a_control_character_of_the_command_line_never_reaches_the_terminal(words, tmp_path):
    out = portcullis(*words, cwd=tmp_path)
    assert out.returncode in (3, 64) and out.stderr
    assert "\x1b" not in out.stdout + out.stderr


# --- how the configuration is found -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in TAKE_CONFIG if name != "run"])
def test_each_command_takes_its_configuration_in_the_same_ways(name, orders):
    path = str(orders.path)
    ways = [ask(name, path), ask(name, "-c", path), ask(name, "--config", path), ask(name, f"--config={path}"), [*ask(name), "-c", path]]
    for words in ways:
        out = portcullis(*words)
        assert out.returncode == 0, (words, out.stderr)
    out = portcullis(*ask(name), variables={"PORTCULLIS_CONFIG": path})
    assert out.returncode == 0, out.stderr
    # The command line takes precedence over the variable.
    out = portcullis(*ask(name, path), variables={"PORTCULLIS_CONFIG": "/nowhere.yaml"})
    assert out.returncode == 0, out.stderr


def test_two_dashes_end_the_options(orders, tmp_path):
    odd = tmp_path / "--json"
    odd.write_text(orders.path.read_text())
    out = portcullis("check", "--", "--json", cwd=tmp_path)
    assert (out.returncode, out.stdout) == (0, "--json: good: 1 listener, 1 route, 1 upstream\n"), out.stderr
    out = portcullis("explain", "--json", "--", str(orders.path), "GET", "/v1")
    assert json.loads(out.stdout)["route"] == "orders"
    assert portcullis("check", "--", str(orders.path), "--strict").returncode == 64


@pytest.mark.parametrize("words", [["{path}"], ["-c", "{path}"], []], ids=["operand", "option", "variable"])
def test_run_takes_its_configuration_in_the_same_ways(words, tmp_path, demo):
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION.replace("{port}", str(free_port())) % {"admin": free_port(), "target": demo("one").port})
    line = " ".join([] if words else [f"PORTCULLIS_CONFIG={path}"]) + f" {shlex.quote(BINARY)} run " + " ".join(words).format(path=path)
    with serving(f"env {line}", tmp_path) as process:
        assert process.poll() is None, (tmp_path / "said").read_text()
    assert process.returncode == 0


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_command_without_a_configuration_says_how_to_name_one(name):
    if os.path.exists("/etc/portcullis/portcullis.yaml"):
        pytest.skip("this machine has a configuration at the default place")
    out = portcullis(*ask(name))
    assert out.returncode == 64 and "PORTCULLIS_CONFIG" in out.stderr and "/etc/portcullis/portcullis.yaml does not exist" in out.stderr


def test_the_default_configuration_is_used_when_it_exists(tmp_path):
    text = CONFIGURATION.replace("{port}", "8080") % {"admin": 9080, "target": 9001}
    (tmp_path / "portcullis.yaml").write_text(text)
    # The command has its own /etc with nothing else in it.
    inside = f"mount -t tmpfs none /etc && mkdir /etc/portcullis && cp {tmp_path}/portcullis.yaml /etc/portcullis/ && exec {shlex.quote(BINARY)} check"
    out = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", inside], capture_output=True, text=True,
                         env={"PATH": os.environ["PATH"]})
    if "unshare" in out.stderr or "mount:" in out.stderr:
        pytest.skip("this kernel gives no mount namespace: " + out.stderr)
    assert (out.returncode, out.stdout) == (0, "/etc/portcullis/portcullis.yaml: good: 1 listener, 1 route, 1 upstream\n"), out.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_default_configuration_that_this_user_may_not_read_is_not_said_to_be_missing(public_folder):
    inside = ("mount -t tmpfs -o mode=755 none /etc && mkdir -m 0750 /etc/portcullis && touch /etc/portcullis/portcullis.yaml && "
              f"exec setpriv --reuid=54321 --regid=54321 --clear-groups {public_folder}/portcullis check")
    out = subprocess.run(["unshare", "--mount", "sh", "-c", inside], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    if "unshare" in out.stderr or "mount:" in out.stderr:
        pytest.skip("this kernel gives no mount namespace: " + out.stderr)
    assert (out.returncode, out.stderr) == (3, "portcullis: cannot read the configuration /etc/portcullis/portcullis.yaml: Permission denied\n")


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_configuration_that_cannot_be_read_ends_with_3(name, tmp_path):
    out = portcullis(*ask(name, str(tmp_path / "nothing.yaml")))
    assert out.returncode == 3 and "nothing.yaml: No such file or directory" in out.stderr


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_wrong_configuration_ends_with_1(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [\n")
    out = portcullis(*ask(name, str(path)))
    assert out.returncode == 1 and "gateway.yaml:" in out.stdout + out.stderr


def test_run_ends_with_3_when_an_address_cannot_be_bound(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [{name: web, address: '192.0.2.1:80'}]\nroutes: [{name: a, match: {path_prefix: /}, policies: [{respond: {status: 204}}]}]\n")
    out = portcullis("run", str(path))
    assert out.returncode == 3 and "192.0.2.1:80" in out.stderr


def test_run_ends_with_3_when_a_file_cannot_be_written(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(f"version: 1\naudit_log: {{path: {path}/audit.log}}\nlisteners: [{{name: web, address: '127.0.0.1:{free_port()}'}}]\n"
                    "routes: [{name: a, match: {path_prefix: /}, policies: [{respond: {status: 204}}]}]\n")
    out = portcullis("run", str(path))
    assert out.returncode == 3 and "gateway.yaml/audit.log" in out.stderr


@pytest.mark.parametrize("words", [["schema"], ["help"], ["version", "--json"], ["man", "portcullis.yaml"], ["completion", "bash"]], ids=" ".join)
def test_output_that_cannot_be_written_ends_with_3(words):
    with open("/dev/full", "w") as full:
        out = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (out.returncode, out.stderr) == (3, "portcullis: cannot write all to standard output\n")


def test_the_demo_backend_ends_with_3_when_its_address_cannot_be_bound():
    out = portcullis("demo-backend", "--listen", "192.0.2.1:80")
    assert out.returncode == 3 and "192.0.2.1:80" in out.stderr


@pytest.mark.parametrize("name", ["reload", "top", "health"])
def test_a_gateway_that_cannot_be_asked_ends_with_3(name, tmp_path):
    out = portcullis(name, "--admin", f"127.0.0.1:{free_port()}")
    assert out.returncode == 3 and "cannot ask the gateway: http://127.0.0.1:" in out.stderr
    out = portcullis(name, "--admin", "127.0.0.1:1", "--token-file", str(tmp_path / "none"))
    assert out.returncode == 3 and "cannot read the token" in out.stderr


@pytest.mark.parametrize("name", ["reload", "top", "health"])
def test_a_configuration_without_an_admin_listener_ends_with_1(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [{name: web, address: '127.0.0.1:80'}]\n")
    out = portcullis(name, str(path))
    assert out.returncode == 1 and "has no `admin` listener to ask" in out.stderr


def test_explain_ends_with_11_when_no_route_takes_the_request(orders):
    assert portcullis("explain", str(orders.path), "GET", "/v2").returncode == 11


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_every_command_that_prints_something_prints_json_too():
    assert set(NAMES) - set(TAKE_JSON) == {"run", "demo-backend", "completion", "man"}


def test_json_of_version():
    assert told("version") == {"name": "portcullis", "version": portcullis("--version").stdout.split()[1]}
    assert portcullis("version").stdout == portcullis("--version").stdout == portcullis("-V").stdout


def test_json_of_keys_and_hashes():
    made = told("generate-key", "--prefix", "shop_")
    assert set(made) == {"key", "hash"} and made["key"].startswith("shop_")
    assert told("hash-key", input=made["key"] + "\n") == {"hash": made["hash"]}
    assert told("hash-password", input="secret\n")["hash"].startswith("$y$")


@pytest.mark.parametrize("key", ["k" * 1025, "schlüssel" * 3, " " + "k" * 30], ids=["long", "not ASCII", "space"])
def test_a_key_that_no_request_can_send_has_no_hash(key):
    out = portcullis("hash-key", input=key + "\n")
    assert (out.returncode, out.stdout) == (64, "") and "a key " in out.stderr and key not in out.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("name", ["hash-key", "hash-password"])
def test_a_signal_while_a_secret_is_typed_leaves_the_terminal_as_it_was(name, number):
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    process = subprocess.Popen([BINARY, name], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=harness.take_signals)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        process.send_signal(number)
        assert process.wait(20) == -number
        assert termios.tcgetattr(end) == before
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)
        os.close(end)


@pytest.mark.skipif(os.geteuid() != 0, reason="it needs root, to make a namespace")
def test_a_signal_while_a_secret_is_typed_ends_process_1_too():
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    outer = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", BINARY, "hash-password"], stdin=end, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, preexec_fn=harness.take_signals)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        inner = int(open(f"/proc/{outer.pid}/task/{outer.pid}/children").read())
        os.kill(inner, signal.SIGINT)
        assert outer.wait(20) == 128 + signal.SIGINT
        assert termios.tcgetattr(end) == before
    finally:
        outer.kill()
        outer.communicate()
        os.close(terminal)
        os.close(end)


def test_a_secret_that_is_typed_is_not_shown():
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    process = subprocess.Popen([BINARY, "hash-key"], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        os.write(terminal, b"shop_abcdefghijklmnopqrstuvwxyz\n")
        out, said = process.communicate(timeout=20)
        assert out == portcullis("hash-key", input="shop_abcdefghijklmnopqrstuvwxyz\n").stdout and said == "key: \n"
        assert termios.tcgetattr(end) == before
        os.set_blocking(terminal, False)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 100)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(end)


def test_json_of_schema():
    assert told("schema")["title"] == "Portcullis configuration"
    assert portcullis("schema", "--json", "--format", "markdown").returncode == 64


def test_json_of_check(orders, tmp_path):
    assert told("check", str(orders.path)) == {"good": True, "diagnostics": []}
    path = tmp_path / "wrong.yaml"
    path.write_text("version: 1\nlistners: []\nlisteners: [{name: web, address: '127.0.0.1:80'}]\n")
    one, = told("check", str(path), code=1)["diagnostics"]
    assert (one["severity"], one["file"], one["line"], one["column"]) == ("error", str(path), 2, 1) and "did you mean `listeners`?" in one["message"]


def test_json_of_explain(orders):
    answer = told("explain", str(orders.path), "GET", "/v1/orders")
    assert (answer["outcome"], answer["route"], answer["upstream"]) == ("matched", "orders", "orders")
    assert told("explain", str(orders.path), "GET", "/v2", code=11)["outcome"] == "no_route"


def test_json_of_doctor(orders):
    answer = told("doctor", str(orders.path))
    assert answer["good"] is True and {"verdict": "good", "topic": "configuration", "text": f"{orders.path}: 1 routes"} in answer["findings"]


def test_json_of_top(orders):
    assert harness.get(orders.port, "/v1/orders")[0] == 200
    wait_for(lambda: [route["name"] for route in told("top", str(orders.path))["routes"]] == ["orders"])


def test_json_of_reload(orders):
    assert told("reload", str(orders.path)) == {"good": True, "report": "serving configuration 2"}
    orders.write(orders.path.read_text().replace("upstream: orders", "upstream: odrers"))
    answer = told("reload", str(orders.path), code=1)
    assert answer["good"] is False and "did you mean `orders`?" in answer["report"]


@pytest.mark.parametrize("name", [name for name in TAKE_CONFIG if name in TAKE_JSON])
def test_what_could_not_be_done_is_said_in_json_too(name, tmp_path):
    out = portcullis(*ask(name, str(tmp_path / "nothing.yaml")), "--json")
    assert out.returncode == 3
    assert json.loads(out.stdout) == {"error": f"cannot read the configuration {tmp_path}/nothing.yaml: No such file or directory"}


# --- health -----------------------------------------------------------------------------------------------------------


def test_health_of_a_gateway_that_serves(orders):
    for place in ([str(orders.path)], ["--admin", f"127.0.0.1:{orders.admin}"]):
        out = portcullis("health", *place)
        assert (out.returncode, out.stdout, out.stderr) == (0, "ready\n", "")
        assert portcullis("health", *place, "--live").stdout == "ok\n"
        assert told("health", *place) == {"good": True, "state": "ready"}
        assert told("health", *place, "--live") == {"good": True, "state": "ok"}


def test_health_needs_no_environment(orders):
    out = subprocess.run([BINARY, "health", "--admin", f"127.0.0.1:{orders.admin}"], env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True)
    assert (out.returncode, out.stdout) == (0, b"ready\n")


def test_a_gateway_that_drains_is_alive_but_not_ready(start, backend):
    arrived, release = threading.Event(), threading.Event()

    def hold(connection, its):
        its.read_head(connection)
        arrived.set()
        release.wait(60)
        connection.sendall(harness.ANSWER)

    gateway = start(CONFIGURATION % {"admin": free_port(), "target": backend(hold).port})
    path = str(gateway.path)
    with gateway.connect() as client:
        client.sendall(b"GET /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n")
        assert arrived.wait(20)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: portcullis("health", path).returncode != 0, what="draining")
        out = portcullis("health", path)
        assert (out.returncode, out.stdout, out.stderr) == (3, "", "not ready\n")
        assert told("health", path, code=3) == {"good": False, "state": "not ready"}
        assert portcullis("health", "--live", path).returncode == 0
        release.set()
        assert harness.read_head(client).startswith("HTTP/1.1 200 ")


def test_health_does_not_depend_on_the_rest_of_the_configuration(orders):
    # Otherwise a container engine would restart a working gateway because of a mistake in an edited file.
    orders.write(orders.path.read_text().replace("upstream: orders", "upstream: '${NOT_SET}', upstreem: x"))
    assert portcullis("check", str(orders.path)).returncode == 1
    assert portcullis("health", str(orders.path)).returncode == 0


def test_health_of_one_that_does_not_answer_ends_soon():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        out = portcullis("health", "--admin", f"127.0.0.1:{silent.getsockname()[1]}")
        assert out.returncode == 3 and "cannot ask the gateway" in out.stderr
        assert time.monotonic() - began < 20


def test_health_of_one_that_is_no_gateway(backend):
    other = backend(harness.answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nwhat?"))
    out = portcullis("health", "--admin", f"127.0.0.1:{other.port}")
    assert out.returncode == 3 and "/readyz answers 404" in out.stderr
