"""WebSockets are closed politely: both sides are told before the gateway ends."""

import signal
import socket
import struct
import threading
import time

import pytest

import sanitizers
from harness import free_port, log_lines, read_head, simple_configuration, wait_for

pytestmark = sanitizers.one_worker

UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n\r\n"
ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
GOING_AWAY = 1001


def frame(payload, opcode=1, mask=None):
    size = len(payload)
    head = bytes([0x80 | opcode])
    masked = 0x80 if mask else 0
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", size)
    return head + (mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload)


class Reader:
    """Reads the frames of a byte stream: (opcode, payload, whether it was masked)."""

    def __init__(self, receive):
        self.receive, self.buffer = receive, b""

    def take(self, size):
        while len(self.buffer) < size:
            piece = self.receive()
            assert piece, "the end, in the middle of a frame"
            self.buffer += piece
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def next(self):
        first, second = self.take(2)
        size = second & 0x7f
        size = struct.unpack(">H", self.take(2))[0] if size == 126 else struct.unpack(">Q", self.take(8))[0] if size == 127 else size
        mask = self.take(4) if second & 0x80 else None
        payload = self.take(size)
        return first & 0xf, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload, mask is not None


class Server:
    """A handler that accepts, sends what it is told to, and stores the received frames."""

    def __init__(self, say=b""):
        self.say, self.got, self.accepted, self.more, self.ended = say, [], threading.Event(), None, threading.Event()
        self.rest = b""  # the rest of a frame, sent when the end is announced

    def __call__(self, connection, backend):
        backend.read_head(connection)
        connection.sendall(ACCEPT + self.say)
        self.more = connection.sendall
        self.accepted.set()
        reader = Reader(lambda: connection.recv(65536))
        while True:
            self.got.append(reader.next())
            if self.got[-1][0] == 8:
                connection.sendall(self.rest + frame(self.got[-1][1], 8))
                self.ended.set()
                return


def closes(one, masked):
    opcode, payload, was_masked = one
    return opcode == 8 and struct.unpack(">H", payload)[0] == GOING_AWAY and was_masked == masked


def configuration(port, tmp_path, drain="3s", **settings):
    return simple_configuration(port, top=f"drain_timeout: {drain}\naccess_log: {{path: {tmp_path}/log}}", **settings)


def ended(tmp_path):
    return [line["ended"] for line in log_lines(tmp_path / "log")]


def open_websocket(gateway, server):
    client = gateway.connect()
    client.sendall(UPGRADE)
    assert " 101 " in read_head(client)
    assert server.accepted.wait(20)
    return client, Reader(lambda: client.recv(65536))


@pytest.mark.parametrize("size", [5, 200, 70_000])
def test_both_sides_are_told(start, backend, tmp_path, size):
    server = Server()
    gateway = start(configuration(backend(server).port, tmp_path))
    client, reader = open_websocket(gateway, server)
    client.sendall(frame(b"x" * size, mask=b"abcd"))
    server.more(frame(b"y" * size))
    assert reader.next() == (1, b"y" * size, False)
    wait_for(lambda: server.got == [(1, b"x" * size, True)], what="the message")
    gateway.process.send_signal(signal.SIGTERM)
    assert closes(reader.next(), masked=False)
    client.sendall(frame(struct.pack(">H", GOING_AWAY), 8, mask=b"abcd"))
    assert server.ended.wait(20) and closes(server.got[-1], masked=True)
    assert client.recv(100) == b""
    assert gateway.process.wait(20) == 0
    assert ended(tmp_path) == ["tunnel_drained"]


def test_a_frame_in_hand_passes_first(start, backend, tmp_path):
    server = Server()
    gateway = start(configuration(backend(server).port, tmp_path))
    client, reader = open_websocket(gateway, server)
    whole = frame(b"z" * 1000)
    server.rest = whole[500:]
    server.more(whole[:500])
    gateway.process.send_signal(signal.SIGTERM)
    assert reader.next() == (1, b"z" * 1000, False)
    assert closes(reader.next(), masked=False)
    client.close()
    assert gateway.process.wait(20) == 0


def test_who_has_closed_already_is_not_told(start, backend, tmp_path):
    server = Server(say=frame(b"bye", 8))
    gateway = start(configuration(backend(server).port, tmp_path))
    client, reader = open_websocket(gateway, server)
    assert reader.next() == (8, b"bye", False)
    gateway.process.send_signal(signal.SIGTERM)
    assert server.ended.wait(20) and closes(server.got[-1], masked=True)
    client.close()
    assert reader.buffer == b"" and gateway.process.wait(20) == 0


def test_one_that_does_not_answer_is_not_waited_for(start, backend, tmp_path):
    hold = threading.Event()
    gateway = start(configuration(backend(lambda connection, it: (it.read_head(connection), connection.sendall(ACCEPT), hold.wait(20))).port,
                                  tmp_path, drain="600ms"))
    with gateway.connect() as client:
        client.sendall(UPGRADE)
        assert " 101 " in read_head(client)
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        assert time.monotonic() - began < 10
    hold.set()


def test_a_stream_of_http2_is_told_too(start, backend, tmp_path, speak):
    server = Server()
    gateway = start(configuration(backend(server).port, tmp_path))
    client = speak(gateway)
    client.wait(lambda: client.settled)
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a"),
                                     (":path", "/chat"), ("sec-websocket-version", "13")], end=False))
    client.wait(lambda: client.stream(stream).heads)
    gateway.process.send_signal(signal.SIGTERM)
    client.wait(lambda: len(client.stream(stream).body) >= 4)
    assert closes(Reader(iter([bytes(client.stream(stream).body)]).__next__).next(), masked=False)
    assert server.ended.wait(20) and closes(server.got[-1], masked=True)
    client.send(client.data(stream, frame(struct.pack(">H", GOING_AWAY), 8, mask=b"abcd")))
    assert gateway.process.wait(20) == 0


def test_a_listener_that_a_reload_removes_says_goodbye(start, backend, tmp_path):
    server, other = Server(), free_port()
    text = configuration(backend(server).port, tmp_path, drain="500ms")
    gateway = start(text)
    client, reader = open_websocket(gateway, server)
    gateway.path.write_text(text.replace("127.0.0.1:{port}", f"127.0.0.1:{other}"))
    gateway.reload()
    assert closes(reader.next(), masked=False) and server.ended.wait(20)
    client.close()
    gateway.port = other


# Towards HTTP/2 targets (RFC 8441).

def shout(peer, stream):
    """Accepts a tunnel and answers everything in capitals."""
    it, said = peer.streams[stream], 0
    peer.send(peer.head(stream, [(":status", "200"), ("sec-websocket-protocol", "chat")], end=False))
    while not it.ended and it.reset is None:
        peer.wait(lambda: len(it.body) > said or it.ended or it.reset is not None)
        fresh, said = bytes(it.body[said:]), len(it.body)
        if fresh:
            peer.send(peer.data(stream, fresh.upper(), end=False))
    peer.send(peer.data(stream))


def http2_configuration(port):
    return simple_configuration(port, extra_upstream="    protocol: http2", workers=1)


def test_an_http1_client_and_an_http2_target(start, backend2):
    it = backend2(shout, settings={8: 1})
    gateway = start(http2_configuration(it.port))
    for _ in range(2):  # the first request does not know the target's abilities yet
        with gateway.connect() as client:
            client.sendall(UPGRADE.replace(b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"))
            head = read_head(client).lower()
            assert head.startswith("http/1.1 101 switching protocols\r\n") and "upgrade: websocket\r\n" in head and "connection: upgrade\r\n" in head
            assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n" in head and "sec-websocket-protocol: chat\r\n" in head
            client.sendall(b"hello")
            assert client.recv(100) == b"HELLO"
            client.sendall(b"again")
            assert client.recv(100) == b"AGAIN"
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""
    fields = it.peers[0].streams[1].fields
    assert (fields[":method"], fields[":protocol"], fields[":path"]) == ("CONNECT", "websocket", "/chat")
    assert fields["sec-websocket-version"] == "13" and not {"sec-websocket-key", "upgrade", "connection"} & set(fields)
    assert len(it.peers) == 1


def test_http2_on_both_sides(start, backend2, speak):
    it = backend2(shout, settings={8: 1})
    client = speak(start(http2_configuration(it.port)))
    client.wait(lambda: client.settled)
    stream = client.new_stream()
    client.send(client.head(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a"),
                                     (":path", "/chat"), ("sec-websocket-version", "13")], end=False))
    client.send(client.data(stream, b"hello", end=False))
    client.wait(lambda: client.stream(stream).body == b"HELLO")
    client.send(client.data(stream))
    got = client.wait_for_end(stream)
    assert got.status == 200 and "sec-websocket-accept" not in got.fields


def test_a_target_that_refuses_or_does_not_know_tunnels(start, backend2):
    refusing = backend2(lambda peer, stream: peer.send(peer.head(stream, [(":status", "403")])), settings={8: 1})
    plain = backend2(lambda peer, stream: peer.send(peer.head(stream, [(":status", "426"), ("upgrade-to", peer.streams[stream].fields[":method"])])))
    for it, said in ((refusing, "http/1.1 403 "), (plain, "http/1.1 426 ")):
        gateway = start(http2_configuration(it.port))
        with gateway.connect() as client:
            client.sendall(UPGRADE)
            head = read_head(client).lower()
            assert head.startswith(said) and "sec-websocket-accept" not in head
    assert "upgrade-to: get" in head
