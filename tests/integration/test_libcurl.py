"""libcurl is loaded when it is first used: what does not need it works without it, and what needs it says what is missing."""

import os
import pathlib
import subprocess

import pytest

import harness
from harness import free_port, metric
from identity import ask, configuration

MISSING = "libcurl cannot be loaded: "


@pytest.fixture
def without_libcurl(tmp_path, monkeypatch):
    """For programs that the test starts: a file that is no library is found in place of libcurl."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    (folder / "libcurl.so.4").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))


def libraries(pid):
    return pathlib.Path(f"/proc/{pid}/maps").read_text()


def test_a_gateway_that_asks_no_server_loads_no_libcurl(start, echo):
    gateway = start(configuration(echo(), ""))
    assert ask(gateway).status == 200
    assert "libcurl" not in libraries(gateway.process.pid)


def test_a_gateway_whose_policy_asks_a_server_has_libcurl_before_the_first_request(start, echo):
    gateway = start(configuration(echo(), "forward_auth: {url: 'http://127.0.0.1:1/'}"))
    assert "libcurl" in libraries(gateway.process.pid)


def test_a_policy_that_cannot_ask_refuses_and_the_gateway_serves_on(without_libcurl, start, echo):
    closed = configuration(echo(), "forward_auth: {url: 'http://127.0.0.1:1/'}")
    gateway = start(closed + "  - {name: open, match: {path: /open}, policies: [respond: {status: 204}]}\n")
    assert ask(gateway).status == 503
    assert ask(gateway, target="/open").status == 204
    gateway.wait_for_line(MISSING, "file too short")


def test_spans_that_cannot_be_exported_are_dropped_and_the_log_says_why(without_libcurl, start, echo):
    admin = free_port()
    more = f"admin: {{address: '127.0.0.1:{admin}'}}\ntracing: {{endpoint: 'http://127.0.0.1:1/v1/traces', sample: 100%}}"
    gateway = start(configuration(echo(), "", more=more))
    assert ask(gateway).status == 200
    gateway.wait_for_line(MISSING)
    harness.wait_for(lambda: metric(admin, 'portcullis_trace_spans_total{outcome="dropped"}') >= 1, what="spans to be given up")


def test_a_command_that_asks_a_gateway_says_what_is_missing(without_libcurl):
    out = subprocess.run([harness.BINARY, "get", "routes", "--server", "127.0.0.1:1"], capture_output=True, text=True, env=dict(os.environ))
    assert out.returncode == 3 and MISSING in out.stderr
