"""The command line: how a command finds its configuration."""

import json
import os
import shlex
import subprocess

import pytest

import sanitizers
from command_line import orders  # noqa: F401 - a fixture
from command_line import CONFIGURATION, TAKE_CONFIG, ask, portcullis, serving
from harness import BINARY, free_port

pytestmark = sanitizers.only_command_line


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
