"""The admin listener as operators' tools see it."""

import json
import signal
import subprocess
import threading
import urllib.error
import urllib.parse

import harness
import sanitizers
from harness import get, metric, read_response, simple_configuration


def with_admin(port, extra=""):
    admin = harness.free_port()
    return f"admin: {{address: '127.0.0.1:{admin}'}}\n{extra}" + simple_configuration(port), admin


def test_metrics_count_requests_by_route_status_and_target(start, echo):
    backend = echo()
    configuration, admin = with_admin(backend)
    gateway = start(configuration)
    with gateway.connect() as connection:
        for _ in range(3):
            connection.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            assert "200 OK" in read_response(connection)[0]
        harness.wait_for(lambda: metric(admin, 'portcullis_requests_total{route="all",status="2xx"}') == 3,
                         what="the third request's count")
        assert metric(admin, "portcullis_client_connections ") == 1
    assert gateway.raw(b"BAD\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    harness.wait_for(lambda: metric(admin, 'portcullis_requests_total{route="",status="4xx"}') == 1, what="the 400")
    assert metric(admin, 'portcullis_request_body_bytes_total{route="all"}') == 15
    assert metric(admin, 'portcullis_request_duration_seconds_bucket{route="all",le="+Inf"}') == 3
    target = f'portcullis_target_tries_total{{upstream="backend",target="127.0.0.1:{backend}",result="answered"}}'
    assert metric(admin, target) == 3
    assert metric(admin, "portcullis_target_connections_total") == 1
    assert metric(admin, 'portcullis_client_connections_total') == 2
    harness.wait_for(lambda: metric(admin, "portcullis_client_connections ") == 0, what="the connections' end")


def test_reloads_are_counted_and_keep_the_counts(start, echo):
    port = echo()
    configuration, admin = with_admin(port)
    gateway = start(configuration)
    get(gateway.port, "/")
    gateway.reload()
    gateway.write("version: 2\n")
    gateway.reload()
    assert metric(admin, 'portcullis_reloads_total{result="succeeded"}') == 1
    assert metric(admin, 'portcullis_reloads_total{result="refused"}') == 1
    assert metric(admin, 'portcullis_requests_total{route="all",status="2xx"}') == 1
    assert metric(admin, "portcullis_revision") == 2


def test_health_and_readiness_through_a_drain(start, backend):
    release = threading.Event()
    made = backend(harness.answer_when(release))
    configuration, admin = with_admin(made.port)
    gateway = start(configuration)
    assert get(admin, "/healthz") == (200, "ok\n") and get(admin, "/readyz") == (200, "ready\n")
    assert get(admin, "/nothing")[0] == 404
    with gateway.connect() as busy:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_for_line("draining")
        assert get(admin, "/healthz")[0] == 200 and get(admin, "/readyz") == (503, "not ready\n")
        release.set()
        assert "200 OK" in read_response(busy)[0]
    assert gateway.process.wait(20) == 0


def test_streams_of_events_end_in_order_with_the_process(start, echo):
    configuration, admin = with_admin(echo())
    gateway = start(configuration)
    with harness.connect(admin) as live, harness.connect(admin) as tail:
        for connection, path in ((live, "/v1/live"), (tail, "/v1/tail")):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert "transfer-encoding: chunked" in harness.read_head(connection)
            assert b"event: " in harness.read_chunk(connection)
        gateway.process.send_signal(signal.SIGTERM)
        for connection in (live, tail):
            while harness.read_chunk(connection):
                pass
            assert harness.read_to_end(connection) == b""
    assert gateway.process.wait(20) == 0


def test_a_body_that_is_too_large_is_refused(start):
    configuration, admin = with_admin(9)
    start(configuration)
    large = b"x" * (8 << 20)
    head = b"POST /v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for request in (head + b"Content-Length: 8388608\r\n\r\n" + large, head + b"Transfer-Encoding: chunked\r\n\r\n800000\r\n" + large):
        with harness.connect(admin) as connection:
            connection.sendall(request)
            answer = read_response(connection)[0]
            assert answer.startswith("HTTP/1.1 413 ") and "connection: close" in answer
    out = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "--max-time", "20",
                          "-d", '{"method": "GET", "url": "/"}', f"http://127.0.0.1:{admin}/v1/explain"], capture_output=True, text=True)
    assert out.stdout == "200", out.stderr


def test_the_drain_ends_at_its_deadline(start, backend):
    made = backend(lambda connection, b: (b.read_head(connection), connection.recv(1)))
    gateway = start(with_admin(made.port, "drain_timeout: 100ms\n")[0])
    with gateway.connect() as stuck:
        stuck.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(10) == 0


@sanitizers.others_software
def test_a_real_prometheus_reads_the_metrics(start, echo, tmp_path):
    configuration, admin = with_admin(echo())
    gateway = start(configuration)
    assert get(gateway.port, "/")[0] == 200
    port = harness.free_port()
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms}}
scrape_configs: [{{job_name: gateway, static_configs: [{{targets: ["127.0.0.1:{admin}"]}}]}}]
""")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
         f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query):
        try:
            status, body = get(port, "/api/v1/query?query=" + urllib.parse.quote(query))
        except urllib.error.URLError:
            return []
        return json.loads(body)["data"]["result"] if status == 200 else []

    try:
        found = harness.wait_for(lambda: ask('portcullis_requests_total{route="all",status="2xx"}'),
                                 timeout=60, what="the first scrape")
        assert found[0]["value"][1] == "1"
        assert ask("up")[0]["value"][1] == "1"
        assert ask("histogram_quantile(0.5, portcullis_request_duration_seconds_bucket)")
        # Prometheus's own check of the names and types.
        text = get(admin, "/metrics")[1]
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert lint.returncode == 0, lint.stdout + lint.stderr
    finally:
        prometheus.terminate()
        prometheus.wait(30)
