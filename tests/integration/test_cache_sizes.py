"""Responses that are too large for the cache or cannot be stored, and the bound of its memory."""

import socket
import threading
import time

import pytest

import harness
from cache_gateway import FRESH, configuration, together, waiting
from cache_origin import Answer, ask
from harness import free_port, metric, wait_for


def test_what_is_too_large_passes(start, origin):
    gateway = start(configuration(origin, "object_size: 100KiB"))
    large = bytes(range(256)) * 1024
    origin.answers["/length"] = [Answer(FRESH, body=large)]
    origin.answers["/chunks"] = [Answer(FRESH, pieces=[(None, large[i:i + 8192]) for i in range(0, len(large), 8192)])]
    for path in ("/length", "/chunks"):
        for _ in range(2):
            assert ask(gateway.port, path).body == large
        assert len(origin.asked(path)) == 2


def test_those_who_wait_for_what_turns_out_too_large_ask_for_themselves(start, origin):
    """The response exceeds the limit at once, before requests on other workers have begun to read it."""
    admin, large = free_port(), bytes(range(256)) * 1024
    gateway = start(configuration(origin, "object_size: 4KiB", admin=admin, workers=4))
    for round in range(1, 11):
        release = threading.Event()
        origin.answers[f"/{round}"] = [Answer(FRESH, release=release, pieces=[(None, large)])]
        threading.Thread(target=lambda: (waiting(admin, 15 * round), release.set()), daemon=True).start()
        answers = together(16, lambda _: ask(gateway.port, f"/{round}"))
        assert [answer is not None and answer.body == large for answer in answers] == [True] * 16


def test_a_slow_reader_of_what_is_not_kept_holds_the_origin_back(start, origin):
    """Otherwise the whole response would be in memory."""
    gateway = start(configuration(origin, "object_size: 100KiB"))
    sent, piece = [0], b"x" * 65536

    def pieces():
        for _ in range(1024):
            yield None, piece
            sent[0] += len(piece)
    answer = Answer(FRESH)
    answer.pieces = pieces()
    origin.answers["/a"] = [answer]
    with gateway.connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
        harness.read_head(slow)
        seen = -1
        while seen != sent[0]:
            seen = sent[0]
            time.sleep(0.3)  # the absence of data sends no signal to wait for
        assert seen < 32 << 20
        rest = 0
        while rest < 1024 * 65536:
            got = slow.recv(1 << 20)
            assert got
            rest += len(got)
    assert sent[0] == 64 << 20


def test_the_memory_is_bounded(start, origin):
    admin = free_port()
    gateway = start(configuration(origin, admin=admin, top="cache: {memory: 1MiB}"))
    for i in range(200):
        origin.answers[f"/{i}"] = [Answer(FRESH, body=b"x" * 20000)]
        assert ask(gateway.port, f"/{i}").status == 200
    assert metric(admin, "portcullis_cache_bytes") <= 1 << 20
    assert 20 <= metric(admin, "portcullis_cache_entries") <= 52
    assert metric(admin, "portcullis_cache_evictions_total") >= 140
    assert metric(admin, "portcullis_cache_filling_bytes") == 0


class Endless:
    """A backend's handler with answers of 300 MiB that must not be stored; it counts the bytes that were read."""

    def __init__(self, framing="Content-Length: 314572800"):
        self.framing, self.sent, self.methods, self.ended = framing, 0, [], 0

    def __call__(self, connection, made):
        head = made.read_head(connection)
        self.methods.append(head.split()[0])
        status = "206 Partial Content" if "range:" in head.lower() else "200 OK"
        answer = f"HTTP/1.1 {status}\r\nCache-Control: private\r\n{self.framing}\r\n\r\n".encode()
        if head.startswith("HEAD"):
            return connection.sendall(answer)
        try:
            connection.sendall(answer)
            while self.sent < 300 << 20:
                self.sent += connection.send(bytes(1 << 16))
        finally:
            self.ended += 1


@pytest.mark.parametrize("framing", ["Content-Length: 314572800", "X: until the end"])
@pytest.mark.parametrize("request_line, fields, status", [("HEAD", "", 200), ("GET", "Range: bytes=0-1\r\n", 206)])
def test_what_cannot_be_stored_is_given_up_when_less_was_asked_for(start, backend, framing, request_line, fields, status):
    handler = Endless(framing)
    made = backend(handler)
    gateway = start(configuration(made))
    with gateway.connect() as connection:
        connection.sendall(f"{request_line} /x?1 HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
        assert f" {status} " in harness.read_head(connection)
        connection.close()
    wait_for(lambda: handler.ended == handler.methods.count("GET"), what=lambda: f"the end of what the target sends: {handler.methods}, {handler.ended} ended, {handler.sent} bytes")
    assert handler.sent < 16 << 20  # at most what fits into the kernel's buffers


def test_a_short_one_that_cannot_be_stored_leaves_its_connection_good(start, origin):
    gateway = start(configuration(origin, workers=1))
    origin.answers["/"] = [Answer({"cache-control": "private"})]
    for i in range(4):
        assert ask(gateway.port, f"/?{i}", method="HEAD").status == 200
    assert [one.method for one in origin.asked("/")].count("GET") == 4 and origin.accepted == 1
