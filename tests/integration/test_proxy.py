import json
import os
import subprocess
import threading

import pytest

import harness
from harness import log_lines, read_head, read_response, read_to_end, simple_configuration, wait_for


def curl(gateway, path, *arguments):
    out = subprocess.run(["curl", "-sS", "-m", "20", *arguments, f"http://127.0.0.1:{gateway.port}{path}"],
                         capture_output=True, check=True)
    return out.stdout


def test_a_request_reaches_a_real_backend_with_its_forwarding_fields(start, echo):
    gateway = start(simple_configuration(echo()))
    seen = json.loads(curl(gateway, "/a/b?c=d", "-H", "X-Forwarded-For: 6.6.6.6", "-H", "Keep-Alive: 5",
                           "-H", "Connection: x-secret", "-H", "X-Secret: 1", "-H", "X-Request-Id: mine"))
    assert seen["target"] == "/a/b?c=d"
    headers = seen["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-host"] == headers["host"] == f"127.0.0.1:{gateway.port}"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-request-id"] == "mine"
    assert headers["via"].startswith("1.1 portcullis (")
    for dropped in ("x-secret", "keep-alive", "connection"):
        assert dropped not in headers


def test_round_robin_follows_the_weights(start, echo):
    one, two = echo("one"), echo("two")
    configuration = simple_configuration(one, two).replace("workers: 2", "workers: 1")
    gateway = start(configuration.replace(f'"127.0.0.1:{two}"', f'"127.0.0.1:{two}"\n        weight: 3'))
    names = [json.loads(curl(gateway, "/"))["backend"] for _ in range(8)]
    assert names.count("one") == 2 and names.count("two") == 6


def test_pipelined_requests_are_answered_in_order(start, echo):
    gateway = start(simple_configuration(echo()))
    with gateway.connect() as connection:
        connection.sendall(b"".join(
            f"POST /{i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".encode()
            for i in range(20)) + b"GET /last HTTP/1.1\r\nHost: a\r\n\r\n")
        for i in range(20):
            seen = json.loads(read_response(connection)[1])
            assert seen["target"] == f"/{i}" and seen["body_bytes"] == 3
        assert json.loads(read_response(connection)[1])["target"] == "/last"


def test_a_large_upload_streams_with_flat_memory(start, echo, monkeypatch):
    # The address sanitizer keeps freed memory, which streams use a lot.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    gateway = start(simple_configuration(echo()))

    def resident_kib():
        status = open(f"/proc/{gateway.process.pid}/status").read()
        return int(status.split("VmRSS:")[1].split()[0])

    curl(gateway, "/warm")
    before = resident_kib()
    megabytes = int(os.environ.get("PORTCULLIS_UPLOAD_MIB", "300"))
    with gateway.connect() as connection:
        connection.sendall(f"PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: {megabytes << 20}\r\n\r\n".encode())
        block = bytes(1 << 20)
        for _ in range(megabytes):
            connection.sendall(block)
        assert json.loads(read_response(connection)[1])["body_bytes"] == megabytes << 20
    assert resident_kib() - before < 16 * 1024


def test_a_slow_client_holds_back_a_fast_backend(start, backend):
    sent = [0]

    def flood(connection, made):
        made.read_head(connection)
        total = 200 << 20
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        block = bytes(1 << 16)
        while sent[0] < total:
            connection.sendall(block)
            sent[0] += len(block)

    gateway = start(simple_configuration(backend(flood).port))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_head(connection)
        level = [-1]

        def settled():  # the backend's count no longer changes: all buffers in between are full
            before, level[0] = level[0], sent[0]
            threading.Event().wait(0.2)
            return before == sent[0]
        harness.wait_for(settled, what="back-pressure")
        assert sent[0] < 64 << 20
        total = 0
        while total < 200 << 20:
            total += len(connection.recv(1 << 20))


def test_chunked_and_close_delimited_responses(start, backend):
    chunked = backend(harness.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n"))

    def until_close(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

    for made in (chunked, backend(until_close)):
        gateway = start(simple_configuration(made.port))
        with gateway.connect() as connection:
            for _ in range(2):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head, body = read_response(connection)
                assert "transfer-encoding: chunked" in head and body == b"hello"
        reply = gateway.raw(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        assert reply.endswith(b"\r\n\r\nhello") and b"transfer-encoding" not in reply


def test_head_and_304_have_no_body(start, backend):
    gateway = start(simple_configuration(
        backend(harness.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")).port))
    with gateway.connect() as connection:
        for _ in range(2):
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert "content-length: 500" in read_head(connection)


def test_interim_responses_pass_and_expect_continue_works(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        assert connection.recv(5, 0x100) == b"hello"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    gateway = start(simple_configuration(backend(handle).port))
    with gateway.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        hints = read_head(connection)
        assert "103 Early Hints" in hints and "Link: </a>" in hints
        assert "100 Continue" in read_head(connection)
        connection.sendall(b"hello")
        assert read_response(connection)[1] == b"ok"


def test_upgrade_becomes_a_tunnel(start, backend):
    def handle(connection, made):
        head = made.read_head(connection).lower()
        assert "connection: upgrade" in head and "upgrade: websocket" in head
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst")
        while data := connection.recv(1000):
            connection.sendall(data.upper())

    gateway = start(simple_configuration(backend(handle).port))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert "101" in read_head(connection)
        assert connection.recv(5) == b"first"
        for word in (b"hello", b"again"):
            connection.sendall(word)
            assert connection.recv(5) == word.upper()


def test_a_dead_target_is_passed_over(start, echo):
    gateway = start(simple_configuration(harness.free_port(), echo()))
    for _ in range(10):
        assert json.loads(curl(gateway, "/"))["backend"] == "demo"


def test_no_target_left_is_502_without_internals(start):
    port = harness.free_port()
    gateway = start(simple_configuration(port))
    head, body = curl(gateway, "/", "-i").decode().split("\r\n\r\n")
    assert "502 Bad Gateway" in head and "application/problem+json" in head
    assert json.loads(body)["detail"] == "connect_failed" and str(port) not in body


def test_a_silent_target_is_504(start, backend):
    gateway = start(simple_configuration(backend(lambda c, b: c.recv(1 << 16) and c.recv(1)).port,
                                         extra_upstream="    timeouts: {response: 100ms}"))
    assert b"504 Gateway Timeout" in curl(gateway, "/", "-i")


def test_garbage_from_a_target_is_502_and_the_client_connection_goes_on(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(b"SSH-2.0-OpenSSH\r\n\r\n")).port))
    with gateway.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert "502" in read_response(connection)[0]


def test_a_body_cut_short_is_never_passed_off_as_whole(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    gateway = start(simple_configuration(backend(handle).port))
    reply = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not reply.endswith(b"0\r\n\r\n")
    reply = gateway.raw(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert reply.endswith(b"<reset>") or reply == b"<reset>"


def test_a_stale_pooled_connection_is_replaced_for_idempotent_requests(start, backend):
    def one_answer_then_close_on_request(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        made.read_head(connection)

    made = backend(one_answer_then_close_on_request)
    gateway = start(simple_configuration(made.port).replace("workers: 2", "workers: 1"))
    for _ in range(6):
        assert curl(gateway, "/") == b"ok"


def test_early_answer_while_the_body_is_still_coming(start, backend):
    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        while connection.recv(1 << 20):
            pass

    gateway = start(simple_configuration(backend(handle).port))
    with gateway.connect() as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome")
        assert "413" in read_head(connection)


@pytest.mark.parametrize("answers", ["backend", "gateway"])
def test_an_early_answer_reaches_a_client_that_sends_all_of_its_body_first(answers, start, backend):
    read = threading.Event()

    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        read.wait(20)
    limits = "    limits: {body_size: 1KiB}\n" if answers == "gateway" else ""
    gateway = start(simple_configuration(backend(handle).port, extra_listener=limits))
    size = 32 << 20
    with gateway.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
        assert read_response(client)[0].startswith("HTTP/1.1 413 ")
    read.set()


def test_unix_sockets_on_both_sides(start, tmp_path):
    path = tmp_path / "backend.sock"
    demo = harness.Process("demo-backend", "--listen", f"unix:{path}")
    demo.wait_for_line("listening on")
    gateway = start(simple_configuration(1).replace("127.0.0.1:1\"", f"unix:{path}\"").replace(
        "    address: 127.0.0.1:{port}", f"    address: 'unix:{tmp_path}/gateway.sock'"))
    out = subprocess.run(["curl", "-sS", "--unix-socket", f"{tmp_path}/gateway.sock", "http://x/y"],
                         capture_output=True, check=True).stdout
    assert json.loads(out)["target"] == "/y"
    assert gateway.process.poll() is None
    demo.stop()


def test_trailers_are_passed_on_both_ways(start, backend):
    def answer_with_trailers(connection, made):
        while True:  # closing after the first request could coincide with the second one, and a POST is not repeated
            made.read_head(connection)
            while not made.received.endswith(b"\r\n\r\n") or b"\r\n0\r\n" not in made.received:
                made.received += harness.receive(connection, 65536, "a request")
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n"
                               b"2\r\nok\r\n0\r\nGrpc-Status: 0\r\nContent-Length: 7\r\nSet-Cookie: a=b\r\nX-Last:\r\n\r\n")

    made = backend(answer_with_trailers)
    passing = "    trailers: {request: [x-sum], response: [grpc-status, x-last]}\n"
    gateway = start(simple_configuration(made.port, extra_listener=passing))
    reply = gateway.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, trailers\r\nConnection: close, te\r\n"
                        b"Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                        b"3;ext=1\r\nabc\r\n0\r\nX-Sum: 9\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert made.received.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n"), made.received
    lower = made.received.lower()
    assert b"te: trailers\r\n" in lower and b"connection: te\r\n" in lower and b"trailer: x-sum\r\n" in lower
    assert reply.endswith(b"2\r\nok\r\n0\r\nGrpc-Status: 0\r\nX-Last:\r\n\r\n"), reply
    assert b"Trailer: grpc-status\r\n" in reply
    # Trailers are lost for a client that cannot receive them, while the rest of the response is complete.
    made.received = b""
    reply = gateway.raw(b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 7\r\n\r\n\r\n0\r\n\r\n")
    assert reply.endswith(b"\r\n\r\nok")


def test_a_client_that_leaves_a_silent_target_frees_it(start, backend, tmp_path):
    gone = threading.Event()

    def silent(connection, made):
        made.read_head(connection)
        if connection.recv(1) == b"":
            gone.set()

    made = backend(silent)
    log = tmp_path / "access.log"
    gateway = start(f"access_log: {{path: '{log}'}}\n" + simple_configuration(made.port))
    for goodbye in (lambda c: c.close(), lambda c: harness.reset(c)):
        gone.clear()
        made.received = b""
        connection = gateway.connect()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        goodbye(connection)
        assert gone.wait(5)  # far below the response timeout of 15 s
    gateway.stop()
    assert [line["ended"] for line in log_lines(log)] == ["client_closed"] * 2


def test_a_slow_target_is_waited_for_and_pipelining_goes_on_meanwhile(start, backend):
    release = threading.Event()

    def slow(connection, made):
        while True:
            head = made.read_head(connection)
            if "/slow" in head:
                release.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    made = backend(slow)
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.wait_for(lambda: made.received, what="the request at the backend")
        connection.sendall(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        # The next request arrives while the gateway watches for the client's departure; a request is not a departure.
        threading.Timer(0.3, release.set).start()
        for _ in range(2):
            assert read_response(connection)[1] == b"ok"


def test_the_upgrade_that_a_426_asks_for_is_kept(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  b"Content-Length: 0\r\n\r\n"))
    gateway = start(simple_configuration(made.port))
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head, _ = read_response(connection)
        assert "upgrade: websocket\r\n" in head and "connection: upgrade\r\n" in head


def test_ambiguous_encodings_pass_when_told_to(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    ambiguous_paths: pass"))
    assert json.loads(curl(gateway, "/a%2fb/%2e/%5c%00"))["target"] == "/a%2Fb/%5C%00"
    assert b" 400 " in gateway.raw(b"GET /a%2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_a_tunnel_is_idle_when_neither_side_speaks(start, backend, tmp_path):
    silent = threading.Event()

    def handle(connection, it):
        it.read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while not silent.wait(0.1):
            connection.sendall(b"x")
        assert connection.recv(1) == b""
    gateway = start(simple_configuration(backend(handle).port, top=f"access_log: {{path: {tmp_path}/log}}",
                                         extra_upstream="    timeouts: {tunnel: 400ms}"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        assert " 101 " in read_head(client)
        received = b""
        while len(received) < 10:  # a second with data in one direction only
            received += harness.receive(client, 100, "the tunnel")
        silent.set()
        assert client.recv(100).strip(b"x") == b""
        read_to_end(client)
    wait_for(lambda: '"ended":"tunnel_idle"' in (tmp_path / "log").read_text(), what="the log")
