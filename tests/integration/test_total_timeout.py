"""`timeouts.total` is what the log names wherever it ends a request, also before a target is connected."""

import contextlib
import socket
import threading
import time

import pytest

from harness import log_lines, read_response, simple_configuration, wait_for


@pytest.fixture
def full():
    """The port of a listener that accepts no connection, and whose queue is full: the system drops what comes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def silent(backend):
    """The port of a target that accepts connections and never sends anything."""
    over = threading.Event()
    yield backend(lambda connection, made: over.wait(60)).port
    over.set()


@pytest.mark.parametrize("upstream", ["", "    tls: {verify: false}\n"], ids=["head", "handshake"])
def test_a_silent_target_meets_the_total_time(start, silent, tmp_path, upstream):
    expect_total_timeout(start, silent, tmp_path, upstream)


def test_a_connection_that_is_not_accepted_meets_the_total_time(start, full, tmp_path):
    expect_total_timeout(start, full, tmp_path)


def expect_total_timeout(start, port, tmp_path, upstream=""):
    gateway = start(simple_configuration(port, extra_upstream=upstream + "    timeouts: {connect: 10s, response: 10s, total: 300ms}\n",
                                         top=f"access_log: {{path: {tmp_path}/log}}"))
    began = time.monotonic()
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(client)[0].startswith("HTTP/1.1 504 ")
    assert time.monotonic() - began < 8
    line = wait_for(lambda: log_lines(tmp_path / "log"), what="a log line")[0]
    assert line["ended"] == "total_timeout"
