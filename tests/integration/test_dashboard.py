"""The dashboard in a real browser; tests/browser/ has the scenarios."""

import contextlib
import http.server
import os
import subprocess
import threading
import time
import urllib.request

import pytest

import harness
import sanitizers
from harness import BINARY, free_port, wait_for

pytestmark = sanitizers.others_software

KEY = "mobile-key-0123456789-0123456789"
IDLE_KEY = "idle-key-0123456789-0123456789"  # of a consumer whose limit is never reached
TOKEN = "operator-token-0123456789-012345"
READ_TOKEN = "viewer-token-0123456789-01234567"
SCENARIOS = ["overview", "routes", "upstreams", "limits", "cache", "requests", "refused", "tail", "pages", "addresses", "pause", "configuration",
             "explain", "charts", "themes", "accessible", "narrow", "other_sites", "actions", "reconnects"]


def hashed(key):
    return subprocess.run([BINARY, "hash-key"], input=key, capture_output=True, text=True).stdout.strip()


def configuration(admin, one, two, catalog, extra=""):
    dead = free_port()
    return f"""version: 1
workers: 2
admin:
  address: 127.0.0.1:{admin}
{extra}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - name: orders
    circuit_breaker: {{requests: 200}}
    targets: [{{address: "127.0.0.1:{one}", weight: 2}}, {{address: "127.0.0.1:{two}"}}]
  - name: catalog
    health_check: {{path: /, interval: 200ms, unhealthy_after: 1}}
    targets: [{{address: "127.0.0.1:{catalog}"}}, {{address: "127.0.0.1:{dead}"}}]
  - name: reports
    targets: [{{address: "127.0.0.1:{dead}"}}]
consumers:
  - name: mobile-app
    groups: [partners]
    credentials: {{keys: [{{hash: "{hashed(KEY)}"}}]}}
  - name: idle-app
    credentials: {{keys: [{{hash: "{hashed(IDLE_KEY)}"}}]}}
routes:
  - name: get-order
    match: {{hosts: [api.example.com], path: "/v1/orders/{{id}}", methods: [GET]}}
    rewrite: {{path: "/orders/{{id}}"}}
    policies:
      - key_auth: {{}}
      - rate_limit: {{limit: 5/s, key: caller}}
    upstream: orders
  - name: create-order
    match: {{hosts: [api.example.com], path: /v1/orders, methods: [POST]}}
    policies: [{{key_auth: {{}}}}]
    upstream: orders
  - name: products
    match: {{hosts: [api.example.com], path_prefix: /v1/products}}
    policies: [{{cache: {{default_ttl: 2s}}}}]
    upstream: catalog
  - name: reports
    match: {{hosts: [api.example.com], path_prefix: /v1/reports}}
    upstream: reports
"""


class Traffic:
    """Clients that send a few dozen requests per second until they are stopped."""

    def __init__(self, port):
        self.port, self.done = port, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        count = 0
        while not self.done.wait(0.02):
            count += 1
            path = f"/v1/products/{count % 7}" if count % 3 else f"/v1/orders/{count % 50}" if count % 12 else "/v1/reports/monthly"
            fields = {"Host": "api.example.com", "x-api-key": KEY}
            if count % 25 == 0:
                path, fields = "/v1/orders/7", {"Host": "api.example.com"}
            if count % 40 == 1:
                path = "/v2/orders"
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=fields)
            with contextlib.suppress(OSError):
                urllib.request.urlopen(request, timeout=5).read()

    def close(self):
        self.done.set()
        self.thread.join()


class Site:
    """A server with a page of another site."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>another site</title><body>")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site():
    it = Site()
    yield it
    it.close()


def browse(base, names, **extra):
    """Runs scenarios; `commands` are functions that the scenarios may call."""
    commands = extra.pop("commands", {})
    process = subprocess.Popen(["node", str(harness.ROOT / "tests/browser/run.mjs"), base, *names], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **extra})
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("command "):
            commands[line.split()[1]]()
            process.stdin.write("done\n")
            process.stdin.flush()
    assert process.wait(60) == 0, "\n".join(lines)
    assert [line for line in lines if line.startswith("passed ")] == [f"passed {name}" for name in names], lines


def reloads(admin):
    return harness.metric(admin, "portcullis_reloads_total")


def test_what_operators_do(start, demo, backend, site, tmp_path):
    """All scenarios in one browser, whose start takes longer than most of them."""
    admin, gateways = free_port(), []
    text = configuration(admin, demo("one").port, demo("two").port, backend().port,
                         f"cache: {{disk: {{path: {tmp_path}/cache, size: 1GiB}}}}")
    gateways.append(start(text))
    traffic = Traffic(gateways[0].port)

    def stop():
        gateways[-1].stop()

    def not_reloaded():
        assert reloads(admin) == 0

    def again():
        gateways.append(harness.Gateway(tmp_path, text, port=gateways[0].port))
    try:
        wait_for(lambda: harness.metric(admin, 'portcullis_requests_total{route="reports"') > 3, what="traffic")
        browse(f"http://127.0.0.1:{admin}/", SCENARIOS, API_KEY=IDLE_KEY, OTHER_SITE=site.url,
               commands={"stop": stop, "start": again, "not_reloaded": not_reloaded})
    finally:
        traffic.close()
        for gateway in gateways[1:]:
            gateway.stop()


def test_logging_in(start, demo, backend):
    admin = free_port()
    tokens = f'  tokens: [{{name: ops, hash: "{hashed(TOKEN)}", role: operator}}, {{name: viewer, hash: "{hashed(READ_TOKEN)}"}}]'
    start(configuration(admin, demo("one").port, demo("two").port, backend().port, tokens))
    browse(f"http://127.0.0.1:{admin}/", ["log_in", "viewer"], ADMIN_TOKEN=TOKEN, READ_TOKEN=READ_TOKEN)


def test_a_build_without_the_chart_library_names_its_package(tmp_path):
    process = subprocess.run(["cmake", "-D", f"DYGRAPHS_FOLDER={tmp_path}", "-P", "cmake/WebFiles.cmake"], cwd=harness.ROOT,
                             capture_output=True, text=True)
    assert process.returncode != 0
    said = " ".join(process.stderr.split())
    assert f"dygraph.min.js and dygraph.min.css are not in {tmp_path}." in said
    assert "Install the Debian package libjs-dygraphs" in said


@pytest.mark.skipif("PORTCULLIS_SCREENSHOTS" not in os.environ, reason="makes the pictures of docs/images")
def test_screenshots(start, demo, backend):
    admin = free_port()
    gateway = start(configuration(admin, demo("one").port, demo("two").port, backend().port))
    traffic = Traffic(gateway.port)
    try:
        time.sleep(float(os.environ.get("PORTCULLIS_SCREENSHOTS_AFTER", "60")))
        browse(f"http://127.0.0.1:{admin}/", ["screenshots"], SCREENSHOTS=os.environ["PORTCULLIS_SCREENSHOTS"])
    finally:
        traffic.close()
