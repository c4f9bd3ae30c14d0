"""Frames of HTTP/2 as bytes (RFC 9113 section 6), valid or invalid as a test needs them, and the fields in them (RFC 7541)."""

import enum

import hpack


class Kind(enum.IntEnum):
    DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)


class Code(enum.IntEnum):
    """Error codes (section 7)."""
    NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, \
        REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(12)


class Setting(enum.IntEnum):
    """Settings (section 6.5.2)."""
    HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)


ACK, END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
MAX_WINDOW = 2**31 - 1
MAX_FRAME = 16384

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "example.com")]
POST = [(":method", "POST"), *GET[1:]]
HEAD = [(":method", "HEAD"), *GET[1:]]


def pack(*fields):
    """A field block. The encoder does not depend on earlier blocks, and the decoder's table may contain more entries than the
    encoder's."""
    return hpack.Encoder().encode(fields)


def frame(kind, stream, payload=b"", flags=0):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def padded(payload, padding):
    """The padded payload and the PADDED flag; `padding` is the length, or None."""
    return (payload, 0) if padding is None else (bytes([padding]) + payload + bytes(padding), PADDED)


def dependency(on, weight=16, exclusive=False):
    return (on | exclusive << 31).to_bytes(4, "big") + bytes([weight - 1])


def headers(fields, stream=1, end=True, whole=True, padding=None, priority=b""):
    """`fields`: a list of pairs, or a field block. With `whole` no CONTINUATION follows."""
    block = fields if isinstance(fields, bytes) else pack(*fields)
    payload, flag = padded(priority + block, padding)
    return frame(Kind.HEADERS, stream, payload, flag | END_STREAM * end | END_HEADERS * whole | WITH_PRIORITY * bool(priority))


def continuation(fields, stream=1, whole=True):
    return frame(Kind.CONTINUATION, stream, fields if isinstance(fields, bytes) else pack(*fields), END_HEADERS * whole)


def data(content, stream=1, end=True, padding=None):
    payload, flag = padded(content, padding)
    return frame(Kind.DATA, stream, payload, flag | END_STREAM * end)


def priority(stream, on=0, **rest):
    return frame(Kind.PRIORITY, stream, dependency(on, **rest))


def reset(stream, code=Code.CANCEL):
    return frame(Kind.RST_STREAM, stream, code.to_bytes(4, "big"))


def settings(*pairs):
    return frame(Kind.SETTINGS, 0, b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs))


def ping(content, flags=0):
    return frame(Kind.PING, 0, content, flags)


def goaway(code, stream=0, said=b""):
    return frame(Kind.GOAWAY, stream, bytes(4) + code.to_bytes(4, "big") + said)


def window_update(stream, increment):
    return frame(Kind.WINDOW_UPDATE, stream, increment.to_bytes(4, "big"))
