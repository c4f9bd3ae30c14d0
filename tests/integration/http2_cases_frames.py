"""Connections, frames and streams: sections 3.5 to 6 of h2spec's group `http2`, numbered as in RFC 7540."""

from http2_cases import (ACKNOWLEDGED, ASK, ASKED, BEGUN, CLOSED, HOLD, PINGED, STREAMS, Case, acknowledged, answered, connection_error, ended, nothing, octets, preface,
                         sent, stream_error)
from http2_frames import (ACK, END_HEADERS, END_STREAM, GET, MAX_FRAME, MAX_WINDOW, PADDED, POST, Code, Kind, Setting, continuation, data, dependency, frame,
                          goaway, headers, pack, ping, priority, reset, settings, window_update)

PROTOCOL, CLOSED_STREAM, SIZE, FLOW = Code.PROTOCOL_ERROR, Code.STREAM_CLOSED, Code.FRAME_SIZE_ERROR, Code.FLOW_CONTROL_ERROR
UNKNOWN = frame(0xf7, 0, b"whatever")
LONG = [("x-long", "x" * 4000)]
NO_DEPENDENCIES = ("h2spec asks for a stream error. RFC 9113 section 5.3.2 has no dependencies any more, and the gateway, which says so by "
                   "SETTINGS_NO_RFC7540_PRIORITIES, ignores PRIORITY")


def window(size):
    return settings((Setting.INITIAL_WINDOW_SIZE, size))


def knows_how_many_streams(client):
    assert client.settings[Setting.MAX_CONCURRENT_STREAMS] == STREAMS


CASES = [
    Case("http2/3.5/1", "3.4", "The connection preface", [], BEGUN, begin=preface),
    Case("http2/3.5/2", "3.4", "Bytes that are not the preface", [b"HTTP/2 does not begin so\r\n\r\n"], CLOSED, begin=nothing),
    Case("http2/4.1/1", "4.1", "A frame of an unknown type, PING", [UNKNOWN, ASK], PINGED),
    Case("http2/4.1/2", "4.1", "PING with flags that it does not have", [ping(ASKED, flags=0xfe)], PINGED),
    Case("http2/4.1/3", "4.1", "PING with the reserved bit", [frame(Kind.PING, 1 << 31, ASKED)], PINGED),
    Case("http2/4.2/1", "4.2", "DATA of 16,384 octets", [headers(POST, end=False), data(b"x" * MAX_FRAME)], answered(b"x" * MAX_FRAME)),
    Case("http2/4.2/2", "4.2", "DATA of 16,385 octets", [headers(POST, end=False), data(b"x" * (MAX_FRAME + 1))], stream_error(SIZE)),
    Case("http2/4.2/3", "4.2", "HEADERS of more than 16,384 octets", [headers([*GET, *[(f"x-{number}", LONG[0][1]) for number in range(5)]])], connection_error(SIZE)),
    Case("http2/4.3/1", "4.3", "HEADERS whose field line breaks off", [headers(b"\x40")], connection_error(Code.COMPRESSION_ERROR)),
    Case("http2/4.3/2", "4.3", "PRIORITY within a field block",
         [headers(GET, end=False, whole=False), priority(1, weight=256), continuation(LONG)], connection_error(PROTOCOL)),
    Case("http2/4.3/3", "4.3", "HEADERS of another stream within a field block",
         [headers(GET, end=False, whole=False), headers(GET, stream=3), continuation(LONG)], connection_error(PROTOCOL)),

    Case("http2/5.1/1", "5.1", "DATA on an idle stream", [data(b"test")], connection_error(PROTOCOL)),
    Case("http2/5.1/2", "5.1", "RST_STREAM on an idle stream", [reset(1)], connection_error(PROTOCOL)),
    Case("http2/5.1/3", "5.1", "WINDOW_UPDATE on an idle stream", [window_update(1, 100)], connection_error(PROTOCOL)),
    Case("http2/5.1/4", "5.1", "CONTINUATION on an idle stream", [continuation(GET)], connection_error(PROTOCOL)),
    Case("http2/5.1/5", "5.1", "DATA on a half-closed (remote) stream", [HOLD, headers(GET), data(b"test")], stream_error(CLOSED_STREAM)),
    Case("http2/5.1/6", "5.1", "HEADERS on a half-closed (remote) stream", [HOLD, headers(GET), headers(GET)], stream_error(CLOSED_STREAM)),
    Case("http2/5.1/7", "5.1", "CONTINUATION on a half-closed (remote) stream", [HOLD, headers(GET), continuation(GET)], stream_error(CLOSED_STREAM, PROTOCOL)),
    Case("http2/5.1/8", "5.1", "DATA after RST_STREAM", [headers(GET, end=False), reset(1), data(b"test")], stream_error(CLOSED_STREAM)),
    Case("http2/5.1/9", "5.1", "HEADERS after RST_STREAM", [headers(GET, end=False), reset(1), headers(GET)], stream_error(CLOSED_STREAM)),
    Case("http2/5.1/10", "5.1", "CONTINUATION after RST_STREAM", [headers(GET, end=False), reset(1), continuation(LONG)], stream_error(CLOSED_STREAM, PROTOCOL)),
    Case("http2/5.1/11", "5.1", "DATA on a stream that both have ended", [headers(GET), ended, data(b"test")], stream_error(CLOSED_STREAM)),
    Case("http2/5.1/12", "5.1", "HEADERS on a stream that both have ended", [headers(GET), ended, headers(GET)], connection_error(CLOSED_STREAM)),
    Case("http2/5.1/13", "5.1", "CONTINUATION on a stream that both have ended",
         [headers(GET), ended, continuation(LONG)], connection_error(CLOSED_STREAM, PROTOCOL)),
    Case("http2/5.1.1/1", "5.1.1", "A request on stream 2", [headers(GET, stream=2)], connection_error(PROTOCOL)),
    Case("http2/5.1.1/2", "5.1.1", "A request on stream 5, then one on stream 3", [headers(GET, stream=5), headers(GET, stream=3)], connection_error(PROTOCOL)),
    Case("http2/5.1.2/1", "5.1.2", "One stream more than may be open at once",
         [knows_how_many_streams, HOLD, *[headers(GET, stream=number) for number in range(1, 2 * STREAMS + 2, 2)]],
         stream_error(PROTOCOL, Code.REFUSED_STREAM, stream=2 * STREAMS + 1)),
    Case("http2/5.3.1/1", "5.3.2", "HEADERS of a stream that depends on itself",
         [headers(GET, priority=dependency(1, weight=256))], stream_error(PROTOCOL)),
    Case("http2/5.3.1/2", "5.3.2", "PRIORITY of a stream that depends on itself, PING", [priority(1, on=1, weight=256), ASK], PINGED, unmet=NO_DEPENDENCIES),
    Case("http2/5.4.1/1", "5.4.1", "PING on a stream", [frame(Kind.PING, 3, ASKED)], CLOSED),
    Case("http2/5.4.1/2", "5.4.1", "PING on a stream (in h2spec's strict mode only)", [frame(Kind.PING, 3, ASKED)], connection_error(PROTOCOL)),
    Case("http2/5.5/1", "5.5", "A frame of an unknown type, PING", [UNKNOWN, ASK], PINGED),
    Case("http2/5.5/2", "5.5", "A frame of an unknown type within a field block", [headers(GET, whole=False), UNKNOWN], connection_error(PROTOCOL)),

    Case("http2/6.1/1", "6.1", "DATA on stream 0", [data(b"test", stream=0)], connection_error(PROTOCOL)),
    Case("http2/6.1/2", "6.1", "DATA on a stream that is not open", [HOLD, headers(POST), data(b"test")], stream_error(CLOSED_STREAM)),
    Case("http2/6.1/3", "6.1", "DATA with more padding than payload",
         [headers([*POST, ("content-length", "4")], end=False), frame(Kind.DATA, 1, b"\x06test", END_STREAM | PADDED)], connection_error(PROTOCOL)),
    Case("http2/6.2/1", "6.2", "HEADERS without END_HEADERS, then PRIORITY",
         [headers(GET, end=False, whole=False), priority(1, weight=256), continuation(LONG)], connection_error(PROTOCOL)),
    Case("http2/6.2/2", "6.2", "HEADERS without END_HEADERS, then HEADERS of another stream",
         [headers(GET, end=False, whole=False), headers(GET, stream=3), continuation(LONG)], connection_error(PROTOCOL)),
    Case("http2/6.2/3", "6.2", "HEADERS on stream 0", [headers(GET, stream=0)], connection_error(PROTOCOL)),
    Case("http2/6.2/4", "6.2", "HEADERS with more padding than payload",
         [frame(Kind.HEADERS, 1, bytes([len(pack(*GET)) + 2]) + pack(*GET), END_STREAM | END_HEADERS | PADDED)], connection_error(PROTOCOL)),
    Case("http2/6.3/1", "6.3", "PRIORITY on stream 0", [priority(0, weight=256)], connection_error(PROTOCOL)),
    Case("http2/6.3/2", "6.3", "PRIORITY of 4 octets", [HOLD, headers(GET), frame(Kind.PRIORITY, 1, b"\x80\0\0\1")], stream_error(SIZE)),
    Case("http2/6.4/1", "6.4", "RST_STREAM on stream 0", [reset(0)], connection_error(PROTOCOL)),
    Case("http2/6.4/2", "6.4", "RST_STREAM on an idle stream", [reset(1)], connection_error(PROTOCOL)),
    Case("http2/6.4/3", "6.4", "RST_STREAM of 3 octets", [HOLD, headers(GET), frame(Kind.RST_STREAM, 1, bytes(3))], connection_error(SIZE)),
    Case("http2/6.5/1", "6.5", "An acknowledgement of SETTINGS with a payload", [frame(Kind.SETTINGS, 0, bytes(1), ACK)], connection_error(SIZE)),
    Case("http2/6.5/2", "6.5", "SETTINGS on a stream", [frame(Kind.SETTINGS, 1, b"\0\3\0\0\0\x64")], connection_error(PROTOCOL)),
    Case("http2/6.5/3", "6.5", "SETTINGS of 3 octets", [frame(Kind.SETTINGS, 0, b"\0\3\0")], connection_error(SIZE)),
    Case("http2/6.5.2/1", "6.5.2", "ENABLE_PUSH of 2", [settings((Setting.ENABLE_PUSH, 2))], connection_error(PROTOCOL)),
    Case("http2/6.5.2/2", "6.5.2", "INITIAL_WINDOW_SIZE of 2^31", [window(MAX_WINDOW + 1)], connection_error(FLOW)),
    Case("http2/6.5.2/3", "6.5.2", "MAX_FRAME_SIZE of 16,383", [settings((Setting.MAX_FRAME_SIZE, MAX_FRAME - 1))], connection_error(PROTOCOL)),
    Case("http2/6.5.2/4", "6.5.2", "MAX_FRAME_SIZE of 2^24", [settings((Setting.MAX_FRAME_SIZE, 1 << 24))], connection_error(PROTOCOL)),
    Case("http2/6.5.2/5", "6.5.2", "A parameter that is unknown, PING", [settings((0xff, 1)), ASK], PINGED),
    Case("http2/6.5.3/1", "6.5.3", "INITIAL_WINDOW_SIZE twice, 100 and 1, then a request",
         [settings((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 1)), acknowledged, headers(GET)], sent(1)),
    Case("http2/6.5.3/2", "6.5.3", "SETTINGS", [settings((Setting.ENABLE_PUSH, 0))], ACKNOWLEDGED),
    Case("http2/6.7/1", "6.7", "PING", [ASK], PINGED),
    Case("http2/6.7/2", "6.7", "An acknowledgement of PING, then another PING", [ping(b"answered", flags=ACK), ASK], PINGED),
    Case("http2/6.7/3", "6.7", "PING on a stream", [frame(Kind.PING, 1, ASKED)], connection_error(PROTOCOL)),
    Case("http2/6.7/4", "6.7", "PING of 6 octets", [ping(bytes(6))], connection_error(SIZE)),
    Case("http2/6.8/1", "6.8", "GOAWAY on a stream", [goaway(Code.NO_ERROR, stream=1)], connection_error(PROTOCOL)),
    Case("http2/6.9/1", "6.9", "WINDOW_UPDATE by 0 of the connection", [window_update(0, 0)], connection_error(PROTOCOL)),
    Case("http2/6.9/2", "6.9", "WINDOW_UPDATE by 0 of a stream", [headers(GET, end=False), window_update(1, 0)], stream_error(PROTOCOL)),
    Case("http2/6.9/3", "6.9", "WINDOW_UPDATE of 3 octets", [frame(Kind.WINDOW_UPDATE, 0, b"\0\0\1")], connection_error(SIZE)),
    Case("http2/6.9.1/1", "6.9.1", "INITIAL_WINDOW_SIZE of 1, then a request", [window(1), acknowledged, headers(GET)], sent(1)),
    Case("http2/6.9.1/2", "6.9.1", "WINDOW_UPDATE of the connection beyond 2^31-1",
         [window_update(0, MAX_WINDOW), window_update(0, MAX_WINDOW)], connection_error(FLOW)),
    Case("http2/6.9.1/3", "6.9.1", "WINDOW_UPDATE of a stream beyond 2^31-1",
         [headers(GET, end=False), window_update(1, MAX_WINDOW), window_update(1, MAX_WINDOW)], stream_error(FLOW, or_connection_error=False)),
    Case("http2/6.9.2/1", "6.9.2", "INITIAL_WINDOW_SIZE of 0, a request, then INITIAL_WINDOW_SIZE of 1",
         [window(0), acknowledged, headers(GET), window(1)], sent(1)),
    Case("http2/6.9.2/2", "6.9.2", "INITIAL_WINDOW_SIZE of 3, a request; when 3 octets have come, of 2, and WINDOW_UPDATE by 2",
         [window(3), acknowledged, headers(GET), octets(3), window(2), acknowledged, window_update(1, 2)], sent(4)),
    Case("http2/6.9.2/3", "6.9.2", "INITIAL_WINDOW_SIZE of 2^31", [window(MAX_WINDOW + 1)], connection_error(FLOW)),
    Case("http2/6.10/1", "6.10", "HEADERS and two CONTINUATION",
         [headers(GET, whole=False), continuation(LONG, whole=False), continuation(LONG)], answered(b"\r\nx-long: x", times=2)),
    Case("http2/6.10/2", "6.10", "CONTINUATION without END_HEADERS, then DATA",
         [headers(POST, end=False, whole=False), continuation(LONG, whole=False), data(b"test")], connection_error(PROTOCOL)),
    Case("http2/6.10/3", "6.10", "CONTINUATION on stream 0", [headers(GET, whole=False), continuation(LONG, stream=0)], connection_error(PROTOCOL)),
    Case("http2/6.10/4", "6.10", "CONTINUATION after HEADERS with END_HEADERS", [headers(GET), continuation(LONG)], connection_error(PROTOCOL)),
    Case("http2/6.10/5", "6.10", "CONTINUATION after one with END_HEADERS",
         [headers(GET, whole=False), continuation(LONG), continuation(LONG)], connection_error(PROTOCOL)),
    Case("http2/6.10/6", "6.10", "CONTINUATION after DATA",
         [headers(POST, end=False), data(b"test", end=False), continuation(LONG)], connection_error(PROTOCOL)),
]
