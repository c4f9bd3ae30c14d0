"""The command line: what is refused, and exit codes."""

import re
import subprocess

import pytest

import sanitizers
from command_line import orders  # noqa: F401 - a fixture
from command_line import TAKE_CONFIG, ask, portcullis
from harness import BINARY, free_port

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
