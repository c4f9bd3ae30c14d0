"""Large responses of gRPC services are converted to JSON outside of the workers: a worker serves other requests meanwhile."""

import concurrent.futures
import contextlib
import gzip
import http.client
import json
import re
import select
import socket
import struct

import pytest

import harness
from grpc_service import descriptors
from harness import log_lines, read_response, wait_for
from hyperframe import frame as frames
from peer_memory import wait_until_level
from transcoding import ask, transcoding

HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
# Books in a response below 4 MiB, the default max: converting it takes a second or more, also by a sanitizer's slower program.
LARGE = 2_000_000 // harness.PATIENCE
PING = "  - {name: ping, match: {path: /ping}, policies: [respond: {body: pong}]}\n"


def framed(message):
    return struct.pack("!BI", 0, len(message)) + message


def books(count):
    """A library.ListBooksResponse with that many empty books."""
    return b"\x0a\x00" * count


def book(title):
    """A library.Book."""
    size, length = len(title), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return b"\x12" + length + bytes([size]) + title.encode()


def send(peer, stream, content):
    """Sends the content. False when the gateway resets the stream before it has received everything."""
    it = peer.stream(stream)
    for begin in range(0, len(content), 16384):
        part = content[begin:begin + 16384]
        peer.wait(lambda: it.reset is not None or min(peer.window(0), peer.window(stream)) >= len(part))
        if it.reset is not None:
            return False
        peer.send_body(stream, part, end=False)
    return True


def answers(*messages, fields=(), trailers=OK, waits=True):
    """A shelf whose calls get these messages; with `waits` after the gateway has received them."""
    def answer(service, peer, stream):
        peer.send(peer.head(stream, [*HEAD, *fields], end=False))
        if all(send(peer, stream, framed(one)) for one in messages):
            peer.send(peer.head(stream, trailers))
            if waits:
                service.wait_until_taken(peer)
    return answer


def answers_together(count, content):
    """A shelf of which `count` calls get the last byte of this message together, when the gateway has received the rest."""
    held = []

    def answer(service, peer, stream):
        peer.send(peer.head(stream, HEAD, end=False))
        assert send(peer, stream, framed(content)[:-1])
        held.append((peer, stream))
        if len(held) == count:
            for its, one in held:
                its.send(its.data(one, content[-1:], end=False), its.head(one, OK))
            held.clear()
            service.wait_until_taken(peer)
    return answer


class Service:
    """A gRPC service whose answer depends on the shelf in the call."""

    def __init__(self, backend2, **shelves):
        self.shelves, self.asked, self.taken = shelves, [], 0
        self.port = backend2(self.handle).port

    def handle(self, peer, stream):
        request = bytes(peer.wait_for_end(stream).body)
        self.asked.append(re.search(rb"shelves/(\w+)", request)[1].decode())
        self.shelves[self.asked[-1]](self, peer, stream)

    def wait_until_taken(self, peer):
        """Waits until the gateway has received everything sent, because it answers in order."""
        pings = len(peer.pings)
        peer.send(frames.PingFrame(0, b"received"))
        peer.wait(lambda: len(peer.pings) > pings)
        self.taken += 1


@pytest.fixture
def serve(start, backend2, tmp_path):
    """serve(shelves, ...) -> (gateway with one worker, service)."""
    descriptors(tmp_path)

    def serve(shelves, settings="", change=("", ""), **more):
        service = Service(backend2, **shelves)
        return start(transcoding(service.port, settings, workers=1, **more).replace(*change, 1) + PING), service
    return serve


def send_get(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


def has_come(connection):
    """Whether a part of an answer has arrived."""
    return bool(select.select([connection], [], [], 0)[0])


def read_books(connection):
    head, body = read_response(connection)
    assert head.startswith("HTTP/1.1 200")
    return json.loads(body)


def ended(log):
    return [line["ended"] for line in log_lines(log)]


def test_a_large_response_keeps_no_other_request_waiting(serve):
    gateway, service = serve({"large": answers(books(LARGE))})
    with gateway.connect() as large, gateway.connect() as other:
        send_get(large, "/v1/shelves/large/books")
        wait_for(lambda: service.taken == 1, what="the response")
        send_get(other, "/ping")
        assert read_response(other)[1] == b"pong"
        assert not has_come(large)  # it is still being converted
        assert read_books(large) == {"books": [{}] * LARGE}
        send_get(large, "/ping")
        assert read_response(large)[1] == b"pong"


@pytest.mark.parametrize("left_by", ["http1", "http2"])
def test_a_client_that_leaves_gives_up_its_conversion(serve, speak, tmp_path, left_by):
    log = tmp_path / "access.log"
    gateway, service = serve({"large": answers(books(LARGE)), "other": answers(books(1_000))}, top=f"access_log: {{path: '{log}'}}")
    with gateway.connect() as before, gateway.connect() as large:
        for number, one in enumerate((before, large)):
            send_get(one, "/v1/shelves/large/books")
            wait_for(lambda number=number: service.taken > number, what="the response")
        # The call waits until the pool's only thread has converted the other two responses.
        if left_by == "http1":
            leaving = gateway.connect()
            send_get(leaving, "/v1/shelves/other/books")
        else:
            client = speak(gateway)
            stream = client.request("/v1/shelves/other/books")
        wait_for(lambda: service.taken == 3, what="the other response")
        assert "client_closed" not in ended(log)
        if left_by == "http1":
            harness.reset(leaving)
        else:
            client.send(frames.RstStreamFrame(stream, error_code=8))
        wait_for(lambda: "client_closed" in ended(log), what="its end")
        assert not has_come(large)
        assert read_books(large) == {"books": [{}] * LARGE}
    assert ask(gateway, "GET", "/v1/shelves/other/books").json == {"books": [{}] * 1_000}


def test_a_client_that_leaves_while_its_own_response_is_converted(serve, tmp_path):
    log = tmp_path / "access.log"
    gateway, service = serve({"large": answers(books(LARGE)), "other": answers(books(1_000))}, top=f"access_log: {{path: '{log}'}}")
    leaving = gateway.connect()
    send_get(leaving, "/v1/shelves/large/books")
    wait_for(lambda: service.taken == 1, what="the response")
    harness.reset(leaving)
    wait_for(lambda: ended(log) == ["client_closed"], what="its end")
    assert ask(gateway, "GET", "/v1/shelves/other/books").json == {"books": [{}] * 1_000}


@pytest.mark.parametrize("form, around, between", [("array", "[]", ","), ("lines", ("", "\n"), "\n"), ("events", ("data: ", "\n\n"), "\n\ndata: ")])
def test_a_stream_of_large_messages_waits_for_its_client_and_keeps_its_order(serve, form, around, between):
    titles = [f"{number:03}" + "x" * 200_000 for number in range(60)]
    total = sum(map(len, titles))
    peers = []

    def watch(service, peer, stream):
        peers.append(peer)
        answers(*map(book, titles))(service, peer, stream)
    gateway, _ = serve({"many": watch}, f", stream: {form}")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.settimeout(20)
        client.connect(("127.0.0.1", gateway.port))
        send_get(client, "/v1/shelves/many/books:watch")
        wait_for(lambda: peers and peers[0].body_sent > 0, what="its beginning")
        wait_until_level(lambda: peers[0].body_sent, "a standstill")
        assert peers[0].body_sent < total / 2
        head, body = read_response(client)
    assert head.startswith("HTTP/1.1 200")
    assert body.decode() == around[0] + between.join(json.dumps({"title": title}, separators=(",", ":")) for title in titles) + around[1]


def test_a_client_that_leaves_a_stream_of_large_messages(serve, tmp_path):
    log, left = tmp_path / "access.log", []

    def endless(service, peer, stream):
        peer.send(peer.head(stream, HEAD, end=False))
        while send(peer, stream, framed(book("x" * 100_000))):
            pass
        left.append(peer.stream(stream).reset)
    gateway, _ = serve({"endless": endless, "other": answers(books(1_000))}, top=f"access_log: {{path: '{log}'}}")
    client = gateway.connect()
    send_get(client, "/v1/shelves/endless/books:watch")
    taken = 0
    while taken < 1_000_000:
        taken += len(client.recv(1 << 16))
    harness.reset(client)
    wait_for(lambda: left and ended(log) == ["client_closed"], what="the stream's end")
    assert ask(gateway, "GET", "/v1/shelves/other/books").json == {"books": [{}] * 1_000}


@pytest.mark.not_sanitized(reason="which of the jobs reaches the pool first is a matter of milliseconds, which a sanitizer's slower program changes")
def test_a_full_pool_refuses_what_has_not_begun(serve, tmp_path):
    log, held = tmp_path / "access.log", []

    def begin(service, peer, stream):
        peer.send(peer.head(stream, HEAD, end=False))
        peer.send_body(stream, framed(book("a")), end=False)
        held.append(stream)

    def go_on(service, peer, stream):
        peer.send(peer.data(held[0], framed(book("b" * 2_000)), end=False), peer.head(held[0], OK))
        answers(books(0))(service, peer, stream)
    gateway, service = serve({"large": answers(books(LARGE)), "some": answers(books(1_000), waits=False), "begun": begin, "go_on": go_on},
                             top=f"access_log: {{path: '{log}'}}", upstream="    retries: {attempts: 2, budget: 100%}\n")
    with gateway.connect() as begun, contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(80) as pool:
        large = [stack.enter_context(gateway.connect()) for _ in range(3)]
        for one in (begun, *large):
            one.settimeout(60)
        send_get(begun, "/v1/shelves/begun/books:watch")
        assert "200" in harness.read_head(begun)
        harness.take_until(begun, b'[{"title":"a"}\r\n', "the first message")
        for number, connection in enumerate(large):
            send_get(connection, "/v1/shelves/large/books")
            wait_for(lambda: service.taken > number, what="the response")
        # One is being converted and two wait; 62 more may wait behind them.
        some = [pool.submit(ask, gateway, "GET", "/v1/shelves/some/books", connection=http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)) for _ in range(80)]
        wait_for(lambda: any(one.done() for one in some), what="a refusal")
        assert ask(gateway, "GET", "/v1/shelves/go_on/books").json == {}
        assert not has_come(large[-1])
        got = [one.result() for one in some]
        refused = [one for one in got if one.status == 503]
        assert 0 < len(refused) <= 80 - 62 and {json.loads(one.body)["detail"] for one in refused} == {"overloaded"}
        assert {(one.status, one.body) for one in got if one not in refused} == {(200, b'{"books":[' + b",".join([b"{}"] * 1_000) + b"]}")}
        assert [len(read_books(one)["books"]) for one in large] == [LARGE] * 3
        # A stream that has begun keeps its place.
        rest = harness.take_until(begun, b"\r\n0\r\n\r\n", "the stream")
        assert b',{"title":"' + b"b" * 2_000 + b'"}' in rest
    wait_for(lambda: len(ended(log)) == 85, what="the log")
    assert ended(log).count("transcoding_overloaded") == len(refused)
    assert service.asked.count("some") == 80  # no call was repeated


def test_the_time_for_the_head_ends_a_conversion(serve, backend2, tmp_path):
    log, count = tmp_path / "access.log", 6
    patient = Service(backend2, large=answers_together(count, books(LARGE)))
    more = f"  - {{name: patient, protocol: http2, targets: [{{address: 127.0.0.1:{patient.port}}}]}}\nroutes:\n" \
        "  - {name: patient, match: {path_prefix: /v1/shelves/large}, upstream: patient, policies: [grpc_transcoding: {descriptors: library.pb}]}\n"
    gateway, service = serve({"some": answers(books(1_000)), "few": answers(books(3))}, top=f"access_log: {{path: '{log}'}}",
                             upstream="    timeouts: {total: 300ms}\n    retries: {attempts: 2, budget: 100%}\n", change=("routes:\n", more))
    ends = []
    for tries in range(1, 6):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(gateway.connect()) for _ in range(count)]
            for large in clients:
                send_get(large, "/v1/shelves/large/books")
            wait_for(lambda tries=tries: patient.taken == tries, what="the responses")
            # Its conversion waits behind the large ones, which together take much longer than the limit.
            got = ask(gateway, "GET", "/v1/shelves/some/books")
            are_converted = all(has_come(one) for one in clients)
            for large in clients:
                assert len(read_books(large)["books"]) == LARGE
        if got.status == 504:
            break
        assert are_converted  # this test was held up so long that none was left to wait for
        ends += ["complete"] * (count + 1)
    assert (got.status, json.loads(got.body).get("detail")) == (504, "total_timeout") and not are_converted
    assert ask(gateway, "GET", "/v1/shelves/few/books").json == {"books": [{}] * 3}
    wait_for(lambda: sorted(ended(log)) == sorted(ends + ["total_timeout"] + ["complete"] * (count + 1)), what="the log")
    assert service.asked == ["some"] * tries + ["few"]


def test_the_end_of_the_gateway_ends_conversions(serve):
    gateway, service = serve({"large": answers(books(LARGE))}, top="drain_timeout: 50ms")
    clients = [gateway.connect() for _ in range(3)]
    for number, client in enumerate(clients):
        send_get(client, "/v1/shelves/large/books")
        wait_for(lambda: service.taken > number, what="the response")
    gateway.stop()
    for client in clients:
        client.close()


@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("policies", [("compress",), ("compress", "cache"), ("cache", "compress")])
def test_large_responses_are_compressed_and_kept(serve, coding, policies):
    titles = [str(number) * 70_000 for number in range(20)]
    fields = [("cache-control", "max-age=60")]
    before = "".join(f"      - {policy}: {{}}\n" for policy in policies)
    gateway, service = serve({"large": answers(books(LARGE // 4), fields=fields), "many": answers(*map(book, titles), fields=fields)}, before=before)

    def content(path):
        got = ask(gateway, "GET", path, accept_encoding=coding)
        assert got.status == 200 and got.fields.get("content-encoding", "identity") == coding
        return json.loads(gzip.decompress(got.body) if coding == "gzip" else got.body)
    for _ in range(2):
        assert content("/v1/shelves/large/books") == {"books": [{}] * (LARGE // 4)}
        assert content("/v1/shelves/many/books:watch") == [{"title": title} for title in titles]
    assert len(service.asked) == (2 if "cache" in policies else 4)


def test_a_long_error_at_the_end_of_a_stream_is_compressed_too(serve):
    why = "x" * 2_000
    gateway, _ = serve({"failing": answers(book("a"), book("b" * 2_000), trailers=[("grpc-status", "15"), ("grpc-message", why)])}, ", stream: events",
                       before="      - compress: {}\n")
    got = ask(gateway, "GET", "/v1/shelves/failing/books:watch", accept_encoding="gzip")
    told = gzip.decompress(got.body).decode()
    assert told == f'data: {{"title":"a"}}\n\ndata: {{"title":"{"b" * 2_000}"}}\n\nevent: error\ndata: {{"code":15,"message":"{why}"}}\n\n'


def test_what_would_become_too_large_is_refused(serve, tmp_path):
    log = tmp_path / "access.log"
    gateway, _ = serve({"unset": answers(books(10_000)), "fine": answers(books(1_000))}, ", print_defaults: true, response_size: 64KiB",
                       top=f"access_log: {{path: '{log}'}}")
    assert ask(gateway, "GET", "/v1/shelves/unset/books").status == 502
    wait_for(lambda: ended(log) == ["response_too_large"], what="the log")
    assert len(ask(gateway, "GET", "/v1/shelves/fine/books").json["books"]) == 1_000


def test_a_message_that_is_cut_off_is_refused(serve, tmp_path):
    log = tmp_path / "access.log"
    gateway, _ = serve({"cut": answers(books(1_000) + b"\x0a\x05\x0a")}, top=f"access_log: {{path: '{log}'}}")
    assert ask(gateway, "GET", "/v1/shelves/cut/books").status == 502
    wait_for(lambda: ended(log) == ["upstream_malformed"], what="the log")


def error_after_the_message(service, peer, stream):
    peer.send(peer.head(stream, HEAD, end=False))
    assert send(peer, stream, framed(books(3)))
    service.wait_until_taken(peer)
    peer.send(peer.head(stream, [("grpc-status", "5"), ("grpc-message", "no")]))


def test_a_status_that_comes_after_the_message_takes_its_place(serve):
    gateway, _ = serve({"late": error_after_the_message, "large": answers(books(50_000), trailers=[("grpc-status", "5"), ("grpc-message", "no")])})
    for shelf in ("late", "large"):
        got = ask(gateway, "GET", f"/v1/shelves/{shelf}/books")
        assert (got.status, json.loads(got.body)) == (404, {"code": 5, "message": "no"})


@pytest.mark.parametrize("listener, settings", [("    limits: {body_size: 1KiB}\n", ""), ("", ", body_size: 0")])
def test_a_body_of_unknown_length_that_is_held_has_the_limits_of_all(serve, listener, settings):
    gateway, _ = serve({"one": answers(book("a"))}, settings, extra_listener=listener)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/shelves/one/books", body=iter([json.dumps({"title": "x" * 3000}).encode()]),
                       headers={"content-type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 413
