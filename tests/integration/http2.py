"""A client and a server that send HTTP/2 frame by frame, so that they can also send invalid frames; and what else the tests of HTTP/2 share."""

import socket
import subprocess

import hpack
from hyperframe import frame as frames

import harness

OK = [(":status", "200"), ("x-from", "h2")]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BASE = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]  # the head of a plain request


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True)


def h2_configuration(*ports, upstream="", **settings):
    """A configuration whose targets speak HTTP/2."""
    return harness.simple_configuration(*ports, extra_upstream="    protocol: http2\n" + upstream, **settings)


class Closed(Exception):
    pass


class Response:
    def __init__(self):
        self.heads, self.body, self.trailers, self.ended, self.reset = [], bytearray(), None, False, None

    @property
    def fields(self):
        return dict(self.heads[-1]) if self.heads else {}

    @property
    def status(self):
        return int(self.fields[":status"])

    @property
    def interim(self):
        return [int(dict(head)[":status"]) for head in self.heads[:-1]]


class Peer:
    """One end of a connection. Received data is stored per stream in `streams`."""

    def __init__(self, connection, settings=None, auto_window=True):
        self.socket, self.auto_window = connection, auto_window
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.buffer, self.streams, self.goaway = b"", {}, None
        self.settings, self.pings, self.seen, self.settled, self.acknowledged = {}, [], [], 0, 0
        self.block = None
        self.initial, self.windows, self.body_sent = settings or {}, {0: 65535}, 0

    def begin(self):
        self.send(frames.SettingsFrame(0, settings=self.initial))

    def send(self, *some):
        self.socket.sendall(b"".join(one if isinstance(one, bytes) else one.serialize() for one in some))

    def head(self, stream, fields, end=True, encoder=None):
        one = frames.HeadersFrame(stream, (encoder or self.encoder).encode(fields))
        one.flags.add("END_HEADERS")
        if end:
            one.flags.add("END_STREAM")
        return one

    @staticmethod
    def data(stream, content=b"", end=True):
        return frames.DataFrame(stream, content, flags=["END_STREAM"] if end else [])

    def read_frame(self):
        """Reads and processes the next frame; raises Closed at the end of the connection."""
        def take(size):
            while len(self.buffer) < size:
                try:
                    piece = self.socket.recv(1 << 18)
                except ConnectionResetError:
                    raise Closed from None
                if not piece:
                    raise Closed
                self.buffer += piece
        take(9)
        one, length = frames.Frame.parse_frame_header(memoryview(self.buffer)[:9])
        take(9 + length)
        one.parse_body(memoryview(self.buffer)[9:9 + length])
        self.buffer = self.buffer[9 + length:]
        self.act(one)
        return one

    def stream(self, number):
        return self.streams.setdefault(number, Response())

    def window(self, stream):
        return self.windows.setdefault(stream, self.settings.get(4, 65535))

    def send_body(self, stream, content, end=True):
        """Sends a body as the other end's windows permit."""
        content = memoryview(content)
        while content:
            self.wait(lambda: min(self.window(0), self.window(stream)) > 0)
            size = min(self.window(0), self.window(stream), 16384, len(content))
            self.send(self.data(stream, bytes(content[:size]), end=end and size == len(content)))
            self.windows[0] -= size
            self.windows[stream] -= size
            self.body_sent += size
            content = content[size:]

    def act(self, one):
        self.seen.append(type(one).__name__)
        if isinstance(one, frames.WindowUpdateFrame):
            self.windows[one.stream_id] = self.window(one.stream_id) + one.window_increment
            return
        if isinstance(one, frames.SettingsFrame):
            if "ACK" in one.flags:
                self.acknowledged += 1
                return
            self.settings.update(one.settings)
            self.settled += 1
            self.send(frames.SettingsFrame(0, flags=["ACK"]))
        elif isinstance(one, frames.PingFrame):
            if "ACK" in one.flags:
                self.pings.append(bytes(one.opaque_data))
            else:
                self.send(frames.PingFrame(0, one.opaque_data, flags=["ACK"]))
        elif isinstance(one, frames.GoAwayFrame):
            self.goaway = one
        elif isinstance(one, frames.RstStreamFrame):
            self.stream(one.stream_id).reset = one.error_code
        elif isinstance(one, (frames.HeadersFrame, frames.ContinuationFrame)):
            if isinstance(one, frames.HeadersFrame):
                self.block, self.block_ends = b"", "END_STREAM" in one.flags
            self.block += one.data
            if "END_HEADERS" in one.flags:
                self.take_head(self.stream(one.stream_id), self.decoder.decode(self.block))
                self.stream(one.stream_id).ended |= self.block_ends
        elif isinstance(one, frames.DataFrame):
            it = self.stream(one.stream_id)
            it.body += one.data
            it.ended |= "END_STREAM" in one.flags
            if self.auto_window and one.flow_controlled_length:
                both = [frames.WindowUpdateFrame(number, one.flow_controlled_length)
                        for number in ([0] if it.ended else [0, one.stream_id])]
                self.send(*both)

    @staticmethod
    def take_head(it, fields):
        if it.heads and not (dict(it.heads[-1]).get(":status", "200").startswith("1")):
            it.trailers = dict(fields)
        else:
            it.heads.append(fields)

    def wait(self, condition):
        while not condition():
            self.read_frame()

    def wait_for_end(self, stream):
        """The message of that stream, once the stream has ended or was reset."""
        it = self.stream(stream)
        self.wait(lambda: it.ended or it.reset is not None)
        return it

    def read_to_end(self):
        """Reads until the other end closes."""
        try:
            while True:
                self.read_frame()
        except Closed:
            return self

    def close(self):
        self.socket.close()


class Client(Peer):
    def __init__(self, connection, settings=None, auto_window=True):
        super().__init__(connection, settings, auto_window)
        connection.sendall(PREFACE)
        self.begin()
        self.next_stream = 1

    @staticmethod
    def fields(path="/", method="GET", more=(), authority="example.com", scheme="http"):
        return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]

    def new_stream(self):
        self.next_stream += 2
        return self.next_stream - 2

    def request(self, path="/", method="GET", more=(), body=None, end=True, **rest):
        """Sends a request and returns its stream's number."""
        stream = self.new_stream()
        some = [self.head(stream, self.fields(path, method, more, **rest), end=body is None and end)]
        if body is not None:
            some.append(self.data(stream, body, end))
        self.send(*some)
        return stream

    def ask(self, *arguments, **settings):
        return self.wait_for_end(self.request(*arguments, **settings))


class Backend(harness.TcpServer):
    """A server that calls handler(peer, stream) on the connection's thread for each stream whose head has arrived."""

    def __init__(self, handler, context=None, settings=None, auto_window=True):
        self.handler, self.context, self.settings, self.auto_window = handler, context, settings, auto_window
        self.peers = []
        super().__init__()

    def _serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            connection.settimeout(60)
            peer = Peer(connection, self.settings, self.auto_window)
            while len(peer.buffer) < len(PREFACE):
                piece = connection.recv(65536)
                if not piece:
                    return
                peer.buffer += piece
            assert peer.buffer.startswith(PREFACE), peer.buffer
            peer.buffer = peer.buffer[len(PREFACE):]
            peer.begin()
            self.peers.append(peer)
            known = set()
            while True:
                peer.read_frame()
                # A handler may receive the heads of other streams.
                while fresh := [n for n, it in peer.streams.items() if n not in known and it.heads]:
                    known.add(fresh[0])
                    self.handler(peer, fresh[0])
        except (OSError, Closed):
            pass  # the gateway closed the connection
        finally:
            connection.close()
