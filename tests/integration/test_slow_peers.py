"""The memory that peers which do not read, or read slowly, can make the gateway use: 256 KiB each, whatever they request."""

import contextlib
import gzip
import os
import ssl
import struct
import threading

import hpack
import pytest

import harness
import http2
from harness import metric, simple_configuration, wait_for
from peer_memory import EACH, Peak, resident, small_socket, wait_until_level

CLIENTS = 40
BODY = 8 << 20

pytestmark = pytest.mark.not_sanitized(reason="a sanitizer keeps what has been freed, and adds to what is taken")


class Flood:
    """A backend's handler that answers with BODY bytes, and counts the bytes that were read from it."""

    def __init__(self, size=BODY):
        self.size, self.sent, self.answers = size, 0, 0

    def __call__(self, connection, made):
        made.read_head(connection)
        self.answers += 1
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
        block = bytes(1 << 16)
        left = self.size
        while left > 0:
            self.sent += connection.send(block[:left])
            left -= min(left, len(block))

    def wait_until_still(self, answers):
        """Waits until all requests are being answered and all buffers up to the clients are full."""
        last = [None, 0]

        def still():
            now = (self.answers, self.sent)
            last[1] = last[1] + 1 if now == last[0] else 0
            last[0] = now
            return self.answers >= answers and last[1] > 100
        wait_for(still, timeout=60, what="a standstill")


@pytest.mark.parametrize("target", ["http1", "http2"])
@pytest.mark.parametrize("secure", [False, True])
def test_http1_clients_that_do_not_read(start, backend, backend2, edge, secure, target):
    flood = Flood()
    if target == "http1":
        port, protocol = backend(flood).port, ""
    else:
        def handle(peer, stream):
            flood.answers += 1
            peer.send(peer.head(stream, [(":status", "200")], end=False))
            size = peer.window(stream)
            while size > 0:
                piece = min(size, 16384, peer.window(0))
                peer.send(peer.data(stream, bytes(piece), end=False))
                peer.windows[0] -= piece
                peer.windows[stream] -= piece
                flood.sent += piece
                size -= piece
        port, protocol = backend2(handle).port, "    protocol: http2"
    tls = "    tls: {certificates: [{cert: edge.pem, key: edge.key}]}" if secure else ""
    gateway = start(simple_configuration(port, extra_listener=tls, extra_upstream=protocol, workers=1))
    with contextlib.ExitStack() as stack:
        context = ssl._create_unverified_context()

        def client():
            connection = stack.enter_context(small_socket(gateway))
            if secure:
                connection = stack.enter_context(context.wrap_socket(connection))
            return connection
        clients = [client() for _ in range(CLIENTS)]
        if secure:
            wait_until_level(lambda: resident(gateway.process), "handshakes")
        peak = Peak(gateway.process)
        for one in clients:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        flood.wait_until_still(CLIENTS)
        assert peak.grown() < CLIENTS * EACH


def test_an_http1_client_that_was_fast_and_stops(start, backend):
    flood = Flood(64 << 20)
    gateway = start(simple_configuration(backend(flood).port, workers=1))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(gateway.connect()) for _ in range(10)]
        peak = Peak(gateway.process)
        for one in clients:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for _ in range(100):
                one.recv(1 << 18)
        flood.wait_until_still(len(clients))
        assert peak.grown() < len(clients) * EACH


def test_http2_answers_without_bodies_do_not_pile_up(start, backend):
    admin = harness.free_port()
    gateway = start(simple_configuration(backend().port, extra_listener="    redirect_to_https: {port: 443}",
                                         top=f'admin: {{address: "127.0.0.1:{admin}"}}\nrecorder: {{enabled: false}}', workers=1))
    head = [(":method", "HEAD"), (":path", "/" + "p" * 3800), (":authority", "a"), (":scheme", "http")]
    encoder = hpack.Encoder()

    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    with small_socket(gateway) as connection:
        connection.sendall(http2.PREFACE + frame(4, 0, 0, struct.pack(">HI", 1, 0)))  # no HPACK table for the gateway's heads
        harness.take_until(connection, b"\x04\x01\0\0\0\0", "an acknowledgement")
        connection.sendall(frame(4, 1, 0) + frame(1, 5, 1, encoder.encode(head)))
        again = encoder.encode(head)  # four bytes
        peak = Peak(gateway.process)
        at_once = 80  # of a hundred streams
        for first in range(3, 20_003, 2 * at_once):
            connection.sendall(b"".join(frame(1, 5, first + 2 * i, again) for i in range(at_once)))
            try:
                answered = (first - 1) // 2 + at_once
                wait_for(lambda: metric(admin, "portcullis_requests_total") >= answered, timeout=5)
            except AssertionError:
                break  # the gateway does not continue while so much waits
        else:
            pytest.fail("the gateway goes on answering")
        assert peak.grown() < 4 * 1024


STREAMS = 90


@pytest.mark.parametrize("window", [0, 65535, 1 << 20])
def test_http2_streams_that_nobody_reads(start, backend, speak, window):
    flood = Flood(1 << 20)
    gateway = start(simple_configuration(backend(flood).port, workers=1))
    client = http2.Client(small_socket(gateway), settings={4: window}, auto_window=False)
    client.wait(lambda: client.acknowledged)
    client.send(http2.frames.WindowUpdateFrame(0, 1 << 28))
    peak = Peak(gateway.process)
    for _ in range(STREAMS):
        client.request()
    flood.wait_until_still(STREAMS if window == 0 else 1)
    # Each request in progress takes some memory, limited by `streams`; the data that waits for the connection is bounded as for
    # any other.
    assert peak.grown() < EACH + STREAMS * 64
    client.close()


def test_nothing_is_lost_when_a_slow_http2_client_reads_on(start, backend, speak):
    size, streams = 300_000, 60
    flood = Flood(size)
    gateway = start(simple_configuration(backend(flood).port, workers=1))
    client = http2.Client(small_socket(gateway), settings={4: 1 << 20})
    client.wait(lambda: client.acknowledged)
    client.send(http2.frames.WindowUpdateFrame(0, 1 << 28))
    numbers = [client.request(f"/{i}") for i in range(streams)]
    flood.wait_until_still(1)
    for number in numbers:
        it = client.wait_for_end(number)
        assert it.status == 200 and len(it.body) == size and it.ended
    assert client.ask().status == 200
    client.close()


def test_a_reset_stream_gives_its_room_to_the_others(start, backend, speak):
    gateway = start(simple_configuration(backend(Flood(1 << 20)).port, workers=1))
    client = speak(gateway, settings={4: 0}, auto_window=False)
    stuck = [client.request() for _ in range(50)]
    client.wait(lambda: all(client.stream(n).heads for n in stuck))
    client.send(*[http2.frames.RstStreamFrame(n, 8) for n in stuck])
    client.send(http2.frames.SettingsFrame(0, settings={4: 2 << 20}), http2.frames.WindowUpdateFrame(0, 1 << 28))
    it = client.ask()
    assert it.status == 200 and len(it.body) == 1 << 20


def test_a_smaller_send_buffer_is_a_key(start, backend):
    flood = Flood(64 << 20)
    gateway = start(simple_configuration(backend(flood).port, extra_listener="    limits: {send_buffer: 16KiB}", workers=1))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(small_socket(gateway)) for _ in range(20)]
        peak = Peak(gateway.process)
        for one in clients:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        flood.wait_until_still(len(clients))
        assert peak.grown() < len(clients) * 96


# About 13 MB, of which each 16 KiB are compressed to about eighty bytes.
SPARSE = b"".join(os.urandom(64) + bytes(16320) for _ in range(800))
DECODING = "    policies: [compress: {decompress: always}]\n"


def packed():
    body = gzip.compress(SPARSE)
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_what_a_decoder_makes_waits_as_little_as_what_came(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(packed())).port, extra_route=DECODING, workers=1))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(small_socket(gateway)) for _ in range(20)]
        peak = Peak(gateway.process)
        for one in clients:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for one in clients:
            assert one.recv(15) == b"HTTP/1.1 200 OK"
        wait_until_level(lambda: resident(gateway.process), "a standstill")
        assert peak.grown() < len(clients) * EACH
    with gateway.connect() as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head, body = harness.read_response(one)
        assert "content-encoding" not in head and body == SPARSE


def test_what_decoders_make_for_the_streams_of_one_connection_waits_too(start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(packed())).port, extra_route=DECODING, workers=1))
    client = speak(gateway, settings={4: 0}, auto_window=False)
    client.wait(lambda: client.acknowledged)
    peak = Peak(gateway.process)
    numbers = [client.request() for _ in range(50)]
    client.wait(lambda: all(client.stream(number).heads for number in numbers))
    wait_until_level(lambda: resident(gateway.process), "a standstill")
    assert peak.grown() < len(numbers) * EACH


@pytest.mark.parametrize("windows", ["", "    http2: {stream_window: 256KiB, connection_window: 1MiB}\n"])
def test_streams_that_their_client_does_not_read_do_not_hold_up_other_clients_of_a_target(start, backend2, speak, windows):
    asked, lock = [], threading.Lock()

    def handle(peer, stream):
        path = peer.stream(stream).fields[":path"]
        peer.send(peer.head(stream, [(":status", "200")], end=False))
        if path == "/small":
            return peer.send_body(stream, b"small")
        size = min(peer.window(0), peer.window(stream))  # as much as may be sent ahead
        for begin in range(0, size, 16384):
            peer.send(peer.data(stream, bytes(min(16384, size - begin)), end=False))
        peer.windows[0] -= size
        peer.windows[stream] -= size
        with lock:
            asked.append(stream)
    gateway = start(simple_configuration(backend2(handle).port, extra_upstream="    protocol: http2\n" + windows, workers=1))
    stuck = speak(gateway, settings={4: 0}, auto_window=False)
    stuck.wait(lambda: stuck.acknowledged)
    for _ in range(STREAMS):
        stuck.request("/large")
    wait_for(lambda: len(asked) == STREAMS, what="the target to have sent all that it may")
    other = speak(gateway)
    it = other.ask("/small")
    assert it.status == 200 and bytes(it.body) == b"small"
