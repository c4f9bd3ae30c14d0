"""HTTP/2 towards clients: real ones (curl, nghttp2's h2load), and a client of the tests that can violate the protocol.
test_http2_conformance.py tests the cases of the RFCs."""

import ssl
import subprocess
import threading
import time

import pytest

import harness
import http2
import sanitizers
from harness import metric, read_head, read_response, simple_configuration, wait_for
from hyperframe import frame as frames

pytestmark = sanitizers.one_worker


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True)


# Responses to clients.

@pytest.mark.parametrize("secure", [False, True])
def test_curl_speaks_http2(start, echo, edge, secure):
    tls = "    tls: {certificates: [{cert: edge.pem, key: edge.key}]}" if secure else ""
    gateway = start(simple_configuration(echo(), extra_listener=tls))
    kind, scheme = ("--http2", "https") if secure else ("--http2-prior-knowledge", "http")
    done = curl(kind, "-k", "-w", "%{http_version} %{http_code}", "-d", "hello", f"{scheme}://127.0.0.1:{gateway.port}/a?b=c")
    assert done.stdout.endswith(b"2 200"), done
    text = done.stdout.decode()
    assert '"target": "/a?b=c", "body_bytes": 5' in text


def test_a_listener_can_do_without(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    http2: {enabled: false}\n    tls: {certificates: [{cert: edge.pem, key: edge.key}]}"))
    done = curl("--http2", "-k", "-w", "%{http_version}", f"https://127.0.0.1:{gateway.port}/")
    assert done.stdout.endswith(b"1.1"), done


def test_many_requests_on_many_streams(start, echo):
    gateway = start(simple_configuration(echo()))
    done = subprocess.run(["h2load", "-n", "5000", "-c", "4", "-m", "100", f"http://127.0.0.1:{gateway.port}/x"],
                          capture_output=True, text=True, timeout=100)
    assert "5000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert "status codes: 5000 2xx" in done.stdout


def test_large_bodies_arrive_whole_in_both_directions(start, backend):
    size = 5_000_000
    body = bytes(range(256)) * (size // 256)

    def handle(connection, it):
        head = read_head(connection)
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        content = b""
        while len(content) < length:
            content += harness.receive(connection, 1 << 20, "a body")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    gateway = start(simple_configuration(backend(handle).port))
    path = gateway.path.parent / "body"
    path.write_bytes(body)
    done = curl("--http2-prior-knowledge", "--data-binary", f"@{path}", f"http://127.0.0.1:{gateway.port}/")
    assert done.stdout == body


def test_a_response_of_unknown_length_ends_with_its_trailers(start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\nContent-Type: no\r\n\r\n")).port,
        extra_listener="    trailers: {response: [x-sum]}\n"))
    got = speak(gateway).ask(more=[("te", "trailers")])
    assert (got.status, got.body, got.trailers) == (200, b"hello", {"x-sum": "42"})
    assert "transfer-encoding" not in got.fields


def test_what_the_backend_gets_is_plain_http1(start, backend, speak):
    it = backend()
    gateway = start(simple_configuration(it.port))
    client = speak(gateway)
    assert client.ask("/p?q=1", more=[("cookie", "a=1"), ("cookie", "b=2"), ("x-y", "z"), ("te", "trailers")]).status == 200
    head = it.received.decode()
    assert head.startswith("GET /p?q=1 HTTP/1.1\r\nhost: example.com\r\n")
    for line in ("cookie: a=1; b=2", "x-y: z", "te: trailers", "x-forwarded-host: example.com"):
        assert f"\r\n{line}\r\n" in head, line


def test_a_body_of_unknown_length_is_chunked_and_trailers_follow(start, backend, speak):
    seen = []

    def handle(connection, it):
        seen.append(read_head(connection))
        seen.append(harness.take_until(connection, b"x-end: 1\r\n\r\n", "a body"))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port, extra_listener="    trailers: {request: [x-end]}\n"))
    client = speak(gateway)
    stream = client.request(method="POST", end=False)
    client.send(client.data(stream, b"abc", end=False), client.head(stream, [("x-end", "1"), ("cookie", "no")]))
    got = client.wait_for_end(stream)
    assert got.status == 204
    assert "transfer-encoding: chunked" in seen[0].lower()
    assert b"3\r\nabc\r\n0\r\nx-end: 1\r\n\r\n" == seen[1]


def test_head_and_interim_responses(start, backend, speak):
    def handle(connection, it):
        head = it.read_head(connection)
        if head.startswith("HEAD"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    head = client.ask(method="HEAD")
    assert (head.status, head.fields["content-length"], head.body) == (200, "5", b"")
    got = client.ask()
    assert (got.interim, got.status, got.fields["content-length"]) == ([103], 200, "0")


def test_the_gateways_own_answers(start, echo, speak):
    gateway = start(simple_configuration(echo()).replace("path_prefix: /", "path_prefix: /only"))
    client = speak(gateway)
    got = client.ask("/other")
    assert got.status == 404 and b'"detail":"no_route"' in got.body and got.fields["content-type"] == "application/problem+json"
    grpc = client.ask("/other", method="POST", more=[("content-type", "application/grpc+proto")], body=b"")
    assert (grpc.status, grpc.fields["grpc-status"], grpc.fields["grpc-message"]) == (200, "12", "no_route")
    assert grpc.body == b""


def test_one_stream_does_not_hold_up_another(start, backend, speak):
    release = threading.Event()

    def handle(connection, it):
        if "GET /slow" in it.read_head(connection):
            release.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    slow, fast = client.request("/slow"), client.request("/fast")
    assert client.wait_for_end(fast).status == 200
    assert not client.stream(slow).heads
    release.set()
    assert client.wait_for_end(slow).status == 200


def test_events_leave_as_they_come(start, backend, speak):
    took = threading.Semaphore(0)

    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            connection.sendall(b"data: %d\n\n" % number)
            assert took.acquire(timeout=10)
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    got = client.stream(client.request("/events", more=[("accept", "text/event-stream")]))
    for number in range(3):
        client.wait(lambda: got.body.endswith(b"data: %d\n\n" % number))
        took.release()
    client.wait(lambda: got.ended)


# Flow control: a slow side holds back a fast one.

def test_a_slow_backend_holds_back_the_client(start, backend, speak):
    release = threading.Event()

    def handle(connection, it):
        it.read_head(connection)
        release.wait(20)
        size = 0
        while size < (40 << 20):
            size += len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    size = 40 << 20
    stream = client.request(method="PUT", more=[("content-length", str(size))], end=False)
    client.wait(lambda: client.settled)
    client.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # no more data is accepted: the kernel's buffers and the window are full
        client.send_body(stream, bytes(size))
    assert client.body_sent < size // 2
    release.set()
    client.socket.settimeout(20)
    client.send_body(stream, bytes(size - client.body_sent))
    assert client.wait_for_end(stream).status == 200


def test_a_slow_client_holds_back_the_backend(start, backend, speak):
    written = []

    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            connection.sendall(bytes(1 << 20))
            written.append(1)
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway, auto_window=False)
    stream = client.request()
    client.wait(lambda: len(client.stream(stream).body) == 65535)  # the initial window of every connection
    before = len(written)
    time.sleep(0.5)  # the absence of an event can only be observed by waiting
    assert len(written) < 30 and len(written) - before < 20
    client.auto_window = True
    client.send(frames.WindowUpdateFrame(0, 1 << 20), frames.WindowUpdateFrame(stream, 1 << 20))
    assert len(client.wait_for_end(stream).body) == 64 << 20


def test_windows_of_one_byte(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway, settings={4: 1})
    got = client.ask("/tiny")
    assert got.status == 200 and b'"target": "/tiny"' in got.body


# The end of streams and connections.

def test_a_client_that_resets_a_stream_ends_its_exchange(start, backend, speak, tmp_path):
    gone = threading.Event()

    def handle(connection, it):
        it.read_head(connection)
        assert connection.recv(1) == b""
        gone.set()
    made = backend(handle)
    gateway = start(simple_configuration(made.port, top=f"access_log: {{path: {tmp_path}/log}}"))
    client = speak(gateway)
    stream = client.request()
    wait_for(lambda: made.received, what="the request at the backend")
    client.send(frames.RstStreamFrame(stream, 8))
    assert gone.wait(10)
    wait_for(lambda: '"ended":"client_closed"' in (tmp_path / "log").read_text(), what="the log")


def test_a_backend_that_breaks_off_resets_the_stream(start, backend, speak):
    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    gateway = start(simple_configuration(backend(handle).port))
    client = speak(gateway)
    got = client.ask()
    assert (got.status, got.ended, got.reset) == (200, False, 2)
    assert client.ask().status == 200  # the connection continues


def test_an_early_answer_stops_the_upload(start, echo, speak):
    gateway = start(simple_configuration(echo(), extra_listener="    limits: {body_size: 1KiB}"))
    client = speak(gateway)
    stream = client.request(method="POST", more=[("content-length", "5000")], end=False)
    got = client.wait_for_end(stream)
    assert got.status == 413
    client.wait(lambda: got.reset is not None)
    assert got.reset == 0


def test_draining_says_goodbye_and_finishes_what_has_begun(start, backend, speak):
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, workers=1))
    client = speak(gateway)
    stream = client.request()
    client.wait(lambda: client.acknowledged)
    gateway.process.terminate()
    client.wait(lambda: client.goaway)
    assert client.goaway.last_stream_id == 2**31 - 1
    late = client.request()  # sent before the client received the GOAWAY
    client.goaway = None
    client.wait(lambda: client.goaway)
    assert client.goaway.last_stream_id == late
    release.set()
    assert client.wait_for_end(stream).status == 200 and client.wait_for_end(late).status in (200, 502)
    client.read_to_end()
    gateway.stop()


def test_a_reload_keeps_connections(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    assert client.ask().status == 200
    for _ in range(3):
        gateway.reload()
        assert client.ask().status == 200
    assert client.goaway is None


def test_idle_connections_end_and_pings_do_not_keep_them(start, echo, speak):
    gateway = start(simple_configuration(echo(), extra_listener="    timeouts: {idle: 1s}"))
    client = speak(gateway)
    assert client.ask().status == 200
    client.send(frames.PingFrame(0, b"12345678"))
    client.read_to_end()
    assert client.pings == [b"12345678"] and client.goaway.error_code == 0


@pytest.mark.parametrize("what", [b"", http2.PREFACE[:10], http2.PREFACE + b"\0\0\5\1\5\0\0\0\1\x82"])
def test_beginnings_that_do_not_go_on(start, echo, what):
    gateway = start(simple_configuration(echo(), extra_listener="    timeouts: {head: 200ms}"))
    with gateway.connect() as connection:
        connection.sendall(what)
        harness.read_to_end(connection)


# WebSocket in a stream (RFC 8441).

def test_websocket_over_http2(start, backend, speak):
    def handle(connection, it):
        head = it.read_head(connection)
        key = head.lower().split("sec-websocket-key: ")[1].split("\r\n")[0]
        assert "upgrade: websocket" in head.lower() and len(key) == 24
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: x\r\n\r\n")
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            connection.sendall(piece.upper())
    it = backend(handle)
    gateway = start(simple_configuration(it.port))
    client = speak(gateway)
    client.wait(lambda: client.settled)
    assert client.settings[8] == 1
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                                     (":authority", "example.com"), (":path", "/chat"), ("sec-websocket-version", "13")], end=False))
    client.wait(lambda: client.stream(stream).heads)
    got = client.stream(stream)
    assert got.status == 200 and "sec-websocket-accept" not in got.fields
    client.send(client.data(stream, b"hello", end=False))
    client.wait(lambda: got.body == b"HELLO")
    client.send(client.data(stream, b" again"))
    client.wait_for_end(stream)
    assert got.body == b"HELLO AGAIN" and b"GET /chat" in it.received


def test_other_protocols_are_not_spoken(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    got = client.wait_for_end(client.request(method="CONNECT", more=[], end=False) and client.request("/x", method="TRACE"))
    assert got.status in (200, 405, 501)
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "other"), (":scheme", "http"),
                                     (":authority", "example.com"), (":path", "/")], end=False))
    assert client.wait_for_end(stream).status == 501


# Hostile clients.

BASE = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
MALFORMED = {
    "transfer-encoding": BASE + [("transfer-encoding", "chunked")],
    "a line feed in a value": BASE + [("x", "a\nb")],
    "a NUL in a value": BASE + [("x", "a\0b")],
    "a blank before a value": BASE + [("x", " a")],
    "a blank in a name": BASE + [("x y", "a")],
    "a length that is none": BASE + [("content-length", "+1")],
    "two lengths": BASE + [("content-length", "0"), ("content-length", "1")],
    "a length without a body": BASE + [("content-length", "5")],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_reset(start, backend, speak, name):
    it = backend()
    client = speak(start(simple_configuration(it.port)))
    stream = client.new_stream()
    client.send(client.head(stream, MALFORMED[name]))
    got = client.wait_for_end(stream)
    assert got.reset == 1 or got.status == 400
    assert client.ask().status == 200  # other clients are not affected
    assert it.received.count(b"GET") == 1


REFUSED = {
    "a path with a blank": (BASE[:3] + [(":path", "/a b")], 400),
    "a path without a slash": (BASE[:3] + [(":path", "x")], 400),
    "an asterisk for GET": (BASE[:3] + [(":path", "*")], 400),
    "an ambiguous path": (BASE[:3] + [(":path", "/a%2fb")], 400),
    "a host that is none": (BASE[:2] + [(":authority", "a b"), (":path", "/")], 400),
    "no host": (BASE[:2] + [(":path", "/")], 400),
    "two hosts": (BASE + [("host", "b")], 400),
    "a long path": (BASE[:3] + [(":path", "/" + "x" * 9000)], 414),
    "too many fields": (BASE + [(f"x-{i}", "1") for i in range(200)], 431),
    "a large head": (BASE + [("x", "y" * 40_000)], 431),
    "connect": ([(":method", "CONNECT"), (":authority", "a:80")], 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_refused(start, backend, speak, name):
    it = backend()
    client = speak(start(simple_configuration(it.port)))
    stream = client.new_stream()
    fields, status = REFUSED[name]
    head = client.head(stream, fields)
    if len(head.data) <= 16384:
        client.send(head)
    else:
        rest = frames.ContinuationFrame(stream, head.data[16384:], flags=["END_HEADERS"])
        first = frames.HeadersFrame(stream, head.data[:16384], flags=["END_STREAM"])
        pieces = [rest.data[i:i + 16384] for i in range(0, len(rest.data), 16384)]
        client.send(first, *[frames.ContinuationFrame(stream, piece, flags=["END_HEADERS"] if piece is pieces[-1] else [])
                             for piece in pieces])
    got = client.wait_for_end(stream)
    assert got.reset == 1 or got.status == status
    assert it.received == b""
    assert client.ask().status == 200


CONNECTION_ERRORS = {
    "another frame within a head": lambda c: [frames.HeadersFrame(1, b"\x82"), frames.PingFrame(0, b"12345678")],
    "a head that is no HPACK": lambda c: [frames.HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS", "END_STREAM"])],
}


@pytest.mark.parametrize("name", CONNECTION_ERRORS)
def test_connection_errors_end_the_connection_and_say_why(start, echo, speak, name):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    client.wait(lambda: client.acknowledged)
    client.send(*CONNECTION_ERRORS[name](client))
    client.read_to_end()
    assert client.goaway is not None and client.goaway.error_code != 0
    assert speak(gateway).ask().status == 200


def flooding(gateway, speak, attack):
    """Whether the connection was ended before the attack was over. Checks that the gateway still serves."""
    client = speak(gateway)
    client.wait(lambda: client.acknowledged)
    client.socket.settimeout(30)
    ended = False
    try:
        attack(client)
        client.read_to_end()
        ended = True
    except (OSError, http2.Closed):
        ended = True
    assert speak(gateway).ask().status == 200
    return ended


ADMIN = "admin: {address: \"127.0.0.1:ADMIN\"}"
FLOODS = {
    "pings": lambda c: [c.send(*[frames.PingFrame(0, b"12345678")] * 100) for _ in range(100)],
    "settings": lambda c: [c.send(*[frames.SettingsFrame(0)] * 100) for _ in range(100)],
    "priorities": lambda c: [c.send(*[frames.PriorityFrame(1, 0, 5, False)] * 100) for _ in range(100)],
    "window updates": lambda c: [c.send(*[frames.WindowUpdateFrame(0, 1)] * 100) for _ in range(100)],
    "data of nothing": lambda c: [c.send(c.head(1, BASE[1:] + [(":method", "POST")], end=False))] and
                                 [c.send(*[c.data(1, b"", end=False)] * 100) for _ in range(100)],
    "resets": lambda c: [c.send(c.head(c.new_stream(), BASE), frames.RstStreamFrame(c.next_stream - 2, 8)) for _ in range(5000)],
    "requests that we reset": lambda c: [c.send(c.head(c.new_stream(), BASE + [("connection", "x")])) or
                                         c.wait_for_end(c.next_stream - 2) for _ in range(1000)],
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end_the_connection_and_are_counted(start, echo, speak, name):
    admin = harness.free_port()
    gateway = start(simple_configuration(echo(), top=ADMIN.replace("ADMIN", str(admin))))
    assert flooding(gateway, speak, FLOODS[name])
    if name != "resets":  # for resets nghttp2 has its own limit, which it does not report
        wait_for(lambda: metric(admin, "portcullis_http2_floods_total") == 1, what="the count")


def test_a_flood_of_continuations_ends_the_connection(start, echo, speak):
    def attack(client):
        client.send(frames.HeadersFrame(1, b""))
        for _ in range(2000):
            client.send(frames.ContinuationFrame(1, b""))
    assert flooding(start(simple_configuration(echo())), speak, attack)


def naming_a_long_value(client):
    """A function that makes a head, or trailers, that refer to a value of 3,000 bytes that many times, by one byte each."""
    client.send(client.head(client.new_stream(), BASE + [("x-long", "v" * 3000)]))
    assert client.wait_for_end(1).status == 200
    return lambda stream, count, fields=BASE: frames.HeadersFrame(
        stream, client.encoder.encode(fields) + b"\xbe" * count, flags=["END_HEADERS", "END_STREAM"])


def test_a_head_that_unpacks_to_more_than_the_limit_is_refused(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    named = naming_a_long_value(client)
    stream = client.new_stream()
    client.send(named(stream, 20))  # 60 KB, while 32 KiB are permitted
    assert client.wait_for_end(stream).status == 431
    assert client.ask().status == 200


def spent(process):
    """CPU time in ticks."""
    return sum(int(x) for x in open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])


def test_a_head_that_unpacks_to_several_times_the_limit_ends_the_connection(start, echo, speak):
    admin = harness.free_port()
    gateway = start(simple_configuration(echo(), top=ADMIN.replace("ADMIN", str(admin))))
    client = speak(gateway)
    named = naming_a_long_value(client)
    before = spent(gateway.process)
    client.send(named(client.new_stream(), 16000))  # 48 MB
    client.read_to_end()
    assert client.goaway.error_code == 11  # ENHANCE_YOUR_CALM
    assert spent(gateway.process) - before < 5
    wait_for(lambda: metric(admin, "portcullis_http2_floods_total") == 1, what="the count")
    assert speak(gateway).ask().status == 200


def test_trailers_that_unpack_to_much_are_refused_cheaply(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    named = naming_a_long_value(client)
    before = spent(gateway.process)
    for _ in range(20):
        stream = client.new_stream()
        client.send(client.head(stream, BASE[1:] + [(":method", "POST")], end=False), named(stream, 16000, []))
        client.wait_for_end(stream)
    assert spent(gateway.process) - before < 50  # half a second for 960 MB
    assert client.ask().status == 200


def test_many_heads_beyond_the_limit_end_the_connection(start, echo, speak):
    def attack(client):
        named = naming_a_long_value(client)
        for _ in range(1000):
            client.send(named(client.new_stream(), 20))
    assert flooding(start(simple_configuration(echo())), speak, attack)


def test_streams_beyond_those_allowed_do_not_keep_the_gateway_busy(start, backend, speak):
    """The client has not acknowledged the max number of streams."""
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, extra_listener="    http2: {streams: 4}"))
    connection = gateway.connect()
    connection.sendall(http2.PREFACE + frames.SettingsFrame(0).serialize())
    client = http2.Peer(connection)
    client.act = lambda one: client.seen.append(type(one).__name__)  # acknowledges nothing
    with pytest.raises((http2.Closed, OSError)):
        for number in range(1, 20_001, 2):
            client.send(client.head(number, BASE))
        client.read_to_end()
        raise http2.Closed
    release.set()
    client.close()
    assert speak(gateway).ask().status == 200


def test_no_more_streams_at_once_than_agreed(start, backend, speak):
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, extra_listener="    http2: {streams: 4}"))
    client = speak(gateway)
    client.wait(lambda: client.settled)
    assert client.settings[3] == 4
    client.wait(lambda: client.acknowledged)
    streams = [client.request() for _ in range(5)]
    client.read_to_end()
    assert client.goaway.error_code == 1  # by nghttp2: a client that has acknowledged the limit must respect it
    release.set()
    assert len(streams) == 5 and speak(gateway).ask().status == 200


# Streams that have ended (RFC 9113 sections 5.1 and 6.1).

def test_data_on_a_closed_stream_is_its_error(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    for stream in (1, 3):
        client.send(client.head(stream, BASE))
        assert client.wait_for_end(stream).status == 200
    for stream in (1, 3):
        client.send(client.data(stream, b"x"))
        client.wait(lambda: client.stream(stream).reset == 5)  # STREAM_CLOSED
    client.send(client.head(5, BASE))
    assert client.wait_for_end(5).status == 200 and client.goaway is None


def test_a_head_on_a_stream_that_the_client_has_reset_ends_the_connection(start, backend, speak):
    held = threading.Event()
    client = speak(start(simple_configuration(backend(harness.answer_when(held)).port)))
    client.send(client.head(1, BASE), frames.RstStreamFrame(1, 8), client.head(1, BASE))
    client.wait(lambda: client.goaway)
    held.set()
    assert client.goaway.error_code == 5


def test_what_was_on_its_way_to_a_stream_that_the_gateway_has_reset_is_no_error(start, echo, speak):
    client = speak(start(simple_configuration(echo(), extra_listener="    limits: {body_size: 10}\n")))
    head = [*BASE[1:], (":method", "POST")]
    head.sort(key=lambda one: not one[0].startswith(":"))
    for stream in range(1, 201, 2):
        client.send(client.head(stream, [*head, ("content-length", "100")], end=False))
        got = client.wait_for_end(stream)
        assert got.status == 413
        client.wait(lambda: client.stream(stream).reset is not None)
        client.send(*[client.data(stream, b"x" * 10, end=i == 9) for i in range(10)])
    client.send(client.head(301, BASE))
    assert client.wait_for_end(301).status == 200 and client.goaway is None
    assert {client.stream(n).reset for n in range(1, 201, 2)} == {0}  # each is answered once, and the client is told to stop


def test_nor_is_the_body_of_a_stream_that_is_refused(start, backend, speak):
    held = threading.Event()
    client = speak(start(simple_configuration(backend(harness.answer_when(held)).port, extra_listener="    http2: {streams: 2}\n")))
    post = [(":method", "POST"), *BASE[1:]]
    streams = range(1, 81, 2)
    client.send(*[one for stream in streams for one in (client.head(stream, post, end=False), client.data(stream, b"x"))])
    client.wait(lambda: all(client.stream(stream).reset == 7 for stream in streams[2:]))
    client.send(*[client.data(stream, b"x") for stream in streams[2:]])
    held.set()
    client.wait(lambda: client.stream(1).ended)
    assert client.goaway is None and {client.stream(stream).reset for stream in streams[2:]} == {7}


def test_nor_is_what_comes_after_the_announced_end(start, echo, speak):
    gateway = start(simple_configuration(echo(), top="drain_timeout: 5s"))
    client = speak(gateway)
    client.send(client.head(1, BASE))
    client.wait_for_end(1)
    gateway.process.terminate()
    client.wait(lambda: client.goaway)
    client.send(client.head(3, BASE, end=False), client.data(3, b"x"))
    try:
        client.wait(lambda: client.stream(3).ended)
    except http2.Closed:
        pass
    assert client.goaway.error_code == 0


# The protocol selected by ALPN (RFC 9113 sections 3.2 and 3.4).

def secured(gateway, *protocols):
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(gateway.connect(), server_hostname="localhost")


def test_after_h2_only_http2_is_spoken(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    tls: {certificates: [{cert: edge.pem, key: edge.key}]}\n"))
    for said in (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\r\n" * 20):
        with secured(gateway, "h2") as connection:
            connection.sendall(said)
            assert b"HTTP/1.1" not in harness.read_to_end(connection)


def test_after_http1_only_http1_is_spoken(start, echo, edge):
    gateway = start(simple_configuration(echo(), extra_listener="    tls: {certificates: [{cert: edge.pem, key: edge.key}]}\n"))
    with secured(gateway, "http/1.1") as connection:
        connection.sendall(http2.PREFACE + frames.SettingsFrame(0).serialize())
        assert read_response(connection)[0].startswith("HTTP/1.1 505 ")
