"""HTTP/2 towards targets: a server of the tests, and real gRPC services."""

import concurrent.futures
import socket
import ssl
import subprocess
import threading

import pytest

import harness
import sanitizers
from harness import read_head, read_response, simple_configuration, wait_for
from hyperframe import frame as frames
from http2 import OK, curl, h2_configuration
from peer_memory import Peak

pytestmark = sanitizers.one_worker

PASSING_TRAILERS = "    trailers: {request: [x-end], response: [x-sum]}\n"


def echo(peer, stream):
    """Answers with the request's body, once it has ended."""
    it = peer.wait_for_end(stream)
    if it.reset is None:
        peer.send(peer.head(stream, OK, end=False))
        peer.send_body(stream, bytes(it.body), end=False)
        peer.send(peer.data(stream))


def test_an_http1_client_and_an_http2_target(start, backend2):
    it = backend2(echo)
    gateway = start(h2_configuration(it.port))
    with gateway.connect() as client:
        for _ in range(3):
            client.sendall(b"POST /a?b=c HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\nCookie: a=1\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nhello")
            head, body = read_response(client)
            assert head.startswith("HTTP/1.1 200 OK") and "x-from: h2" in head and body == b"hello"
    fields = it.peers[0].streams[1].fields
    assert fields[":method"] == "POST" and fields[":path"] == "/a?b=c" and fields[":authority"] == "example.com"
    assert fields["content-length"] == "5" and fields["cookie"] == "a=1" and fields["via"].startswith("1.1 portcullis (")
    assert not {"host", "connection", "x-hop", "transfer-encoding", "keep-alive"} & set(fields)


def test_the_requests_of_many_clients_share_one_connection(start, backend2):
    it = backend2(echo)
    gateway = start(h2_configuration(it.port, workers=1))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        def ask(_):
            with gateway.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                return read_response(client)[0][:12]
        assert set(pool.map(ask, range(100))) == {"HTTP/1.1 200"}
    assert len(it.peers) == 1 and len(it.peers[0].streams) == 100


def test_http2_on_both_sides_with_trailers(start, backend2, speak):
    def handle(peer, stream):
        got = peer.wait_for_end(stream)
        peer.send(peer.head(stream, OK, end=False), peer.data(stream, bytes(got.body).upper(), end=False),
                  peer.head(stream, [("x-sum", got.trailers["x-end"]), ("content-type", "no")]))
    gateway = start(h2_configuration(backend2(handle).port, extra_listener=PASSING_TRAILERS))
    client = speak(gateway)
    stream = client.request(method="POST", end=False)
    client.send(client.data(stream, b"abc", end=False), client.head(stream, [("x-end", "7")]))
    got = client.wait_for_end(stream)
    assert (got.status, got.body, got.trailers) == (200, b"ABC", {"x-sum": "7"})


def test_large_bodies_in_both_directions(start, backend2):
    gateway = start(h2_configuration(backend2(echo).port))
    path = gateway.path.parent / "body"
    path.write_bytes(bytes(range(256)) * 16_000)
    for kind in ("--http1.1", "--http2-prior-knowledge"):
        done = curl(kind, "-H", "Expect:", "--data-binary", f"@{path}", f"http://127.0.0.1:{gateway.port}/")
        assert done.stdout == path.read_bytes()


def test_many_requests_all_the_way(start, tmp_path):
    (tmp_path / "x").write_text("hello")
    port = harness.free_port()
    server = subprocess.Popen(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", str(tmp_path), str(port)])
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, what="nghttpd")
        gateway = start(h2_configuration(port))
        for arguments in (["-m", "100"], ["--h1", "-m", "1"]):
            done = subprocess.run(["h2load", "-n", "5000", "-c", "20", *arguments, f"http://127.0.0.1:{gateway.port}/x"],
                                  capture_output=True, text=True, timeout=60)
            assert "status codes: 5000 2xx" in done.stdout, done.stdout
    finally:
        server.kill()
        server.wait()


def test_interim_responses_and_responses_without_a_body(start, backend2):
    def handle(peer, stream):
        path = peer.stream(stream).fields[":path"]
        if path == "/hints":
            peer.send(peer.head(stream, [(":status", "103"), ("link", "</a>")], end=False))
        peer.send(peer.head(stream, [(":status", "204" if path == "/none" else "200")]))
    gateway = start(h2_configuration(backend2(handle).port))
    with gateway.connect() as client:
        for path, first in (("/hints", "HTTP/1.1 103"), ("/none", "HTTP/1.1 204"), ("/empty", "HTTP/1.1 200")):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            head = read_head(client)
            assert head.startswith(first), head
            if path == "/hints":
                head = read_head(client)
            assert ("content-length: 0" in head) == (path != "/none")


def test_a_stream_that_the_target_resets(start, backend2, tmp_path):
    def handle(peer, stream):
        path = peer.stream(stream).fields[":path"]
        if path == "/late":
            peer.send(peer.head(stream, OK, end=False), peer.data(stream, b"part", end=False))
        peer.send(frames.RstStreamFrame(stream, 2))
    gateway = start(h2_configuration(backend2(handle).port, top=f"access_log: {{path: {tmp_path}/log}}"))
    assert harness.get(gateway.port, "/early")[0] == 502
    assert b"<reset>" in gateway.raw(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: (tmp_path / "log").read_text().count("\n") == 2, what="the log")
    log = (tmp_path / "log").read_text()
    assert '"ended":"upstream_reset"' in log and '"ended":"upstream_closed"' in log


def test_refused_streams_are_asked_for_again(start, backend2):
    seen = []

    def handle(peer, stream):
        seen.append(stream)
        if len(seen) == 2:
            return peer.send(frames.RstStreamFrame(stream, 7))
        peer.send(peer.head(stream, OK))
    gateway = start(h2_configuration(backend2(handle).port, workers=1))
    with gateway.connect() as client:
        for _ in range(3):
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert "200 OK" in read_response(client)[0]
    assert len(seen) == 4


def test_a_target_that_goes_away_is_connected_to_again(start, backend2):
    def handle(peer, stream):
        peer.send(peer.head(stream, OK), frames.GoAwayFrame(0, stream, 0))
        peer.socket.shutdown(socket.SHUT_WR)
    it = backend2(handle)
    gateway = start(h2_configuration(it.port, workers=1))
    for _ in range(5):
        assert harness.get(gateway.port, "/")[0] == 200
    assert len(it.peers) == 5


REFUSALS = {"REFUSED_STREAM": lambda stream: frames.RstStreamFrame(stream, 7), "GOAWAY": lambda stream: frames.GoAwayFrame(0, 0, 0)}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("method, body", [("GET", b""), ("POST", b""), ("POST", b"hello"), ("PUT", b"x" * 10_000)])
@pytest.mark.parametrize("version", [1, 2])
def test_what_a_fresh_connection_refuses_is_asked_again(version, method, body, refusal, start, backend2, speak):
    seen = []

    def handle(peer, stream):
        seen.append(stream)
        if len(seen) == 1:
            return peer.send(refusal(stream))
        echo(peer, stream)
    gateway = start(h2_configuration(backend2(handle).port, workers=1))
    if version == 2:
        got = speak(gateway).ask("/", method=method, body=body or None)
        assert got.status == 200 and got.body == body
    else:
        with gateway.connect() as client:
            client.sendall(b"%s / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (method.encode(), len(body)) + body)
            head, got = read_response(client)
            assert "200 OK" in head and got == body
    assert len(seen) == 2


def test_a_target_that_refuses_everything_is_asked_a_few_times_only(start, backend2, tmp_path):
    seen = []

    def handle(peer, stream):
        seen.append(stream)
        peer.send(frames.RstStreamFrame(stream, 7))
    gateway = start(h2_configuration(backend2(handle).port, top=f"access_log: {{path: {tmp_path}/log}}"))
    assert harness.get(gateway.port, "/")[0] == 502 and 2 <= len(seen) <= 5
    wait_for(lambda: harness.log_lines(tmp_path / "log"), what="the log")
    assert harness.log_lines(tmp_path / "log")[0]["ended"] == "upstream_refused"


def test_requests_at_once_and_a_target_that_takes_one_at_a_time(start, backend2):
    """Like `nghttpd -m 1`: streams opened before its settings are known are refused."""
    lock, at_work = threading.Lock(), {}

    def handle(peer, stream):
        with lock:
            busy = at_work.get(peer, 0)
            at_work[peer] = busy + 1
        if busy:
            with lock:
                at_work[peer] -= 1
            return peer.send(frames.RstStreamFrame(stream, 7))
        peer.send(peer.head(stream, OK))
        with lock:
            at_work[peer] -= 1
    it = backend2(handle, settings={3: 1})
    gateway = start(h2_configuration(it.port, workers=1))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        def ask(_):
            with gateway.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                return read_response(client)[0][:12]
        for _ in range(5):
            assert set(pool.map(ask, range(10))) == {"HTTP/1.1 200"}


@pytest.mark.parametrize("field", [("connection", "close"), ("X-Upper", "1"), ("transfer-encoding", "chunked"), ("bad name", "1")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_malformed_head_is_a_502(version, method, field, start, backend2, speak, tmp_path):
    gateway = start(h2_configuration(
        backend2(lambda peer, stream: peer.send(peer.head(stream, [(":status", "200"), field]))).port, top=f"access_log: {{path: {tmp_path}/log}}"))
    if version == 2:
        got = speak(gateway).ask("/", method=method)
        assert got.status == 502 and got.reset is None
    else:
        with gateway.connect() as client:
            client.sendall(f"{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            out = harness.read_to_end(client)
            assert out.startswith(b"HTTP/1.1 502 ") and b"<reset>" not in out
    wait_for(lambda: harness.log_lines(tmp_path / "log"), what="the log")
    assert harness.log_lines(tmp_path / "log")[0]["ended"] == "upstream_malformed"


@pytest.mark.not_sanitized(reason="a sanitizer keeps what has been freed, and adds to what is taken")
def test_interim_responses_without_end_are_a_502(start, backend2, tmp_path):
    def handle(peer, stream):
        one = peer.head(stream, [(":status", "103"), ("link", "</style.css>")], end=False).serialize()
        again = peer.head(stream, [(":status", "103"), ("link", "</style.css>")], end=False).serialize()
        peer.send(one + again * 20_000)
    gateway = start(h2_configuration(backend2(handle).port, top=f"access_log: {{path: {tmp_path}/log}}", workers=1))
    peak = Peak(gateway.process)
    out = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 502 " in out and out.count(b"HTTP/1.1 103 ") <= 100
    assert peak.grown() < 4 * 1024
    wait_for(lambda: harness.log_lines(tmp_path / "log"), what="the log")
    assert harness.log_lines(tmp_path / "log")[0]["ended"] == "upstream_malformed"


def test_some_interim_responses_at_once_pass(start, backend2):
    def handle(peer, stream):
        peer.send(*[peer.head(stream, [(":status", "103"), ("x-n", str(n))], end=False) for n in range(20)], peer.head(stream, OK))
    gateway = start(h2_configuration(backend2(handle).port, workers=1))
    out = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert out.count(b"HTTP/1.1 103 ") == 20 and b"HTTP/1.1 200 " in out


def test_what_a_client_gives_up_is_given_up_at_the_target(start, backend2, speak):
    arrived, given_up = threading.Event(), []

    def handle(peer, stream):
        arrived.set()
        peer.wait(lambda: peer.stream(stream).reset is not None)
        given_up.append(peer.stream(stream).reset)
    gateway = start(h2_configuration(backend2(handle).port))
    client = speak(gateway)
    stream = client.request()
    assert arrived.wait(10)
    client.send(frames.RstStreamFrame(stream, 8))
    wait_for(lambda: given_up == [8], what="the reset")


def test_a_target_that_refuses_connections(start):
    gateway = start(h2_configuration(harness.free_port()))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: harness.get(gateway.port, "/")[0], range(40))) == {502}


def test_a_target_that_is_silent(start, backend2):
    it = backend2(lambda peer, stream: None)
    gateway = start(h2_configuration(it.port, upstream="    timeouts: {response: 200ms}"))
    assert harness.get(gateway.port, "/")[0] == 504


def test_a_target_that_speaks_http1(start, demo):
    gateway = start(h2_configuration(demo().port))
    assert harness.get(gateway.port, "/")[0] == 502


def secured(authority, *protocols):
    issued = authority.issue("localhost", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issued.pair)
    context.set_alpn_protocols(list(protocols))
    return context


@pytest.mark.parametrize("protocol", ["http2", "auto"])
def test_http2_by_tls(start, backend2, authority, protocol):
    it = backend2(echo, context=secured(authority, "h2"))
    gateway = start(simple_configuration(it.port, extra_upstream=f"    protocol: {protocol}\n    tls: {{ca: authority.pem, server_name: localhost}}"))
    for _ in range(3):
        assert harness.get(gateway.port, "/")[0] == 200
    assert it.peers[0].streams[1].fields[":scheme"] == "https"


def test_auto_takes_http1_where_that_is_chosen(start, server, authority):
    issued = authority.issue("localhost", "localhost")
    it = server(lambda request: (200, {}, b"plain"), certificate=issued.pair)
    gateway = start(simple_configuration(it.port, extra_upstream="    protocol: auto\n    tls: {ca: authority.pem, server_name: localhost}"))
    for _ in range(3):
        assert harness.get(gateway.port, "/") == (200, "plain")


def test_http2_that_is_not_chosen(start, server, authority):
    issued = authority.issue("localhost", "localhost")
    it = server(lambda request: (200, {}, b"plain"), certificate=issued.pair)
    gateway = start(simple_configuration(it.port, extra_upstream="    protocol: http2\n    tls: {ca: authority.pem, server_name: localhost}"))
    assert harness.get(gateway.port, "/")[0] == 502


@sanitizers.only_configuration
def test_configurations_that_cannot_be(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(simple_configuration(1, extra_upstream="    protocol: auto").replace("{port}", "1"))
    assert "`protocol: auto` chooses the protocol in the TLS handshake" in harness.check(path)
    path.write_text(simple_configuration(1, extra_upstream="    protocol: http2\n    proxy_protocol: v2").replace("{port}", "1"))
    assert "`proxy_protocol` cannot be used with HTTP/2" in harness.check(path)
    path.write_text(simple_configuration(1, extra_upstream="    health_check: {grpc: {}}").replace("{port}", "1"))
    assert "gRPC needs `protocol: http2`" in harness.check(path)


def test_health_checks_by_http2(start, backend2):
    admin = harness.free_port()
    start(h2_configuration(backend2(echo).port, top=f'admin: {{address: "127.0.0.1:{admin}"}}',
                           upstream="    health_check: {path: /healthz, interval: 50ms}"))
    wait_for(lambda: 'outcome="passed"' in harness.get(admin, "/metrics")[1] or "passed" in harness.get(admin, "/metrics")[1], what="a check")
