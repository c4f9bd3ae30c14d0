"""Runs the built binary as a command line: what the tests of the command line share."""

import contextlib
import json
import os
import re
import signal
import subprocess

import pytest

from harness import BINARY, free_port, wait_for


def portcullis(*words, **settings):
    # Variables of the machine's environment must not influence the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
    environment |= settings.pop("variables", {})
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60, env=environment, **settings)


COMMANDS = json.loads(portcullis("help", "--json").stdout)["commands"]
NAMES = [command["name"] for command in COMMANDS]
EXAMPLES = [(command["name"], example["line"]) for command in COMMANDS for example in command["examples"]]
TAKE_CONFIG = [command["name"] for command in COMMANDS if any(operand["name"] == "CONFIG" for operand in command["operands"])]
TAKE_JSON = [command["name"] for command in COMMANDS if any(option["names"] == "--json" for option in command["options"])]

CONFIGURATION = """\
version: 1
admin: {address: '127.0.0.1:%(admin)d'}
listeners: [{name: web, address: '127.0.0.1:{port}'}]
upstreams: [{name: orders, targets: [{address: '127.0.0.1:%(target)d'}]}]
routes: [{name: orders, match: {path_prefix: /v1}, upstream: orders}]
"""


@pytest.fixture
def orders(start, backend):
    """A gateway with an admin listener; `admin` is the listener's port, and `text` the configuration."""
    admin, target = free_port(), backend().port
    gateway = start(CONFIGURATION % {"admin": admin, "target": target})
    gateway.admin = admin
    return gateway


def ask(name, *words):
    """The words of a command that takes a configuration, followed by further words."""
    return [name, *words, *(["GET", "/v1"] if name == "explain" else []), *(["--once"] if name == "top" else [])]


def told(*words, code=0, **settings):
    out = portcullis(*words, "--json", **settings)
    assert out.returncode == code, out.stderr
    return json.loads(out.stdout)


@contextlib.contextmanager
def serving(line, folder):
    """A gateway started by a shell command; it serves until the test ends."""
    with open(folder / "said", "w") as said:
        process = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder, stderr=said,
                                   env=os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"})
    try:
        wait_for(lambda: re.search("listening on|as a file", (folder / "said").read_text()) or process.poll() is not None, what=line)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)
