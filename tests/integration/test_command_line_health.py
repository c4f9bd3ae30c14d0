"""The command line: `portcullis health` tells whether a gateway serves."""

import signal
import socket
import subprocess
import threading
import time

import harness
import sanitizers
from command_line import orders  # noqa: F401 - a fixture
from command_line import CONFIGURATION, portcullis, told
from harness import BINARY, free_port, wait_for

pytestmark = sanitizers.only_command_line


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
    target = backend(harness.answer_when(release, arrived=arrived, patience=60))
    gateway = start(CONFIGURATION % {"admin": free_port(), "target": target.port})
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
