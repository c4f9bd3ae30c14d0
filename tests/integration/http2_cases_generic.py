"""Requests that a server of HTTP/2 must accept: h2spec's group `generic`."""

from http2_cases import ACKNOWLEDGED, ASK, BEGUN, HOLD, PINGED, PINGED_OR_CLOSED, Case, answered, ended, preface, sent
from http2_frames import (GET, HEAD, MAX_FRAME, POST, Code, Setting, continuation, data, dependency, goaway, headers, pack, priority, reset, settings,
                          window_update)

REQUEST = pack(*GET)

# Field lines in each of HPACK's representations, with the names and values of RFC 7541 appendix C.4.
VALUE, NAME = b"\x0ccustom-value", b"\x0acustom-key"
PACKED_VALUE, PACKED_NAME = bytes.fromhex("8925a849e95bb8e8b4bf"), bytes.fromhex("8825a849e95ba97d7f")
SEEN_AGENT, SEEN_CUSTOM = b"\r\nuser-agent: custom-value", b"\r\ncustom-key: custom-value"
NEWEST = b"\xbe"  # refers to the entry that was inserted last


def hpack_cases():
    yield "6.1", "a field of the static table by its index", b"\x90", answered(b"\r\naccept-encoding: gzip, deflate\r\n")
    for section, kind, by_index, by_name in (("6.2.1", "with incremental indexing", b"\x7a", b"\x40"),
                                             ("6.2.2", "without indexing", b"\x0f\x2b", b"\x00"),
                                             ("6.2.3", "never indexed", b"\x1f\x2b", b"\x10")):
        # An inserted entry can be referred to, so the field occurs twice.
        again, times = (NEWEST, 2) if section == "6.2.1" else (b"", 1)
        inserted = "; then the same field by its index" if again else ""
        yield section, f"a literal {kind}, its name by index{inserted}", by_index + VALUE + again, answered(SEEN_AGENT, times=times)
        yield section, f"a literal {kind}, its name by index, Huffman-coded{inserted}", by_index + PACKED_VALUE + again, answered(SEEN_AGENT, times=times)
        yield section, f"a literal {kind}, its name as text{inserted}", by_name + NAME + VALUE + again, answered(SEEN_CUSTOM, times=times)
        yield (section, f"a literal {kind}, its name as text, Huffman-coded{inserted}", by_name + PACKED_NAME + PACKED_VALUE + again,
               answered(SEEN_CUSTOM, times=times))


HPACK = list(hpack_cases())

CASES = [
    Case("generic/1/1", "3.4", "The connection preface", [], BEGUN, begin=preface),
    Case("generic/2/1", "5.1", "PRIORITY on an idle stream, PING", [priority(1, weight=256), ASK], PINGED),
    Case("generic/2/2", "5.1", "WINDOW_UPDATE by 1 on a half-closed (remote) stream without a window", [HOLD, headers(GET), window_update(1, 1)], sent(1)),
    Case("generic/2/3", "5.1", "PRIORITY on a half-closed (remote) stream without a window, then WINDOW_UPDATE by 1", [HOLD, headers(GET), priority(1, weight=256), window_update(1, 1)], sent(1)),
    Case("generic/2/4", "5.1", "RST_STREAM on a half-closed (remote) stream without a window, PING", [HOLD, headers(GET), reset(1), ASK], PINGED),
    Case("generic/2/5", "5.1", "PRIORITY on a closed stream, PING", [headers(GET), ended, priority(1, weight=256), ASK], PINGED),
    Case("generic/3.1/1", "6.1", "DATA", [headers(POST, end=False), data(b"|test")], answered(b"\r\n\r\n|test")),
    Case("generic/3.1/2", "6.1", "Two DATA", [headers(POST, end=False), data(b"|test", end=False), data(b"|more")], answered(b"\r\n\r\n|test|more")),
    Case("generic/3.1/3", "6.1", "DATA with padding", [headers(POST, end=False), data(b"|test", padding=6)], answered(b"\r\n\r\n|test")),
    Case("generic/3.2/1", "6.2", "HEADERS", [headers(GET)], answered()),
    Case("generic/3.2/2", "6.2", "HEADERS with padding", [headers(GET, padding=8)], answered()),
    Case("generic/3.2/3", "6.2", "HEADERS with a priority", [headers(GET, priority=dependency(0, weight=256))], answered()),
    Case("generic/3.3/1", "6.3", "PRIORITY of weight 1, then the request", [priority(1, weight=1), headers(GET)], answered()),
    Case("generic/3.3/2", "6.3", "PRIORITY of weight 256, then the request", [priority(1, weight=256), headers(GET)], answered()),
    Case("generic/3.3/3", "6.3", "PRIORITY of a stream that depends on the request's", [priority(3, on=1, weight=1), headers(GET)], answered()),
    Case("generic/3.3/4", "6.3", "PRIORITY that is exclusive", [priority(1, weight=1, exclusive=True), headers(GET)], answered()),
    Case("generic/3.3/5", "6.3", "PRIORITY on an idle stream beyond the request's", [priority(3, weight=256), headers(GET)], answered()),
    Case("generic/3.4/1", "6.4", "RST_STREAM on an open stream, PING", [headers(GET, end=False), reset(1), ASK], PINGED),
    Case("generic/3.5/1", "6.5", "SETTINGS of all parameters",
         [settings((Setting.HEADER_TABLE_SIZE, 4096), (Setting.ENABLE_PUSH, 1), (Setting.MAX_CONCURRENT_STREAMS, 100), (Setting.INITIAL_WINDOW_SIZE, 65535),
                   (Setting.MAX_FRAME_SIZE, MAX_FRAME), (Setting.MAX_HEADER_LIST_SIZE, 100))], ACKNOWLEDGED),
    Case("generic/3.7/1", "6.7", "PING", [ASK], PINGED),
    Case("generic/3.8/1", "6.8", "GOAWAY, PING", [goaway(Code.NO_ERROR, said=b"bye"), ASK], PINGED_OR_CLOSED),
    Case("generic/3.9/1", "6.9", "WINDOW_UPDATE of the connection, PING", [window_update(0, 1), ASK], PINGED),
    Case("generic/3.9/2", "6.9", "WINDOW_UPDATE of the request's stream", [headers(GET), window_update(1, 1)], answered()),
    Case("generic/3.10/1", "6.10", "HEADERS and CONTINUATION", [headers(REQUEST[:5], whole=False), continuation(REQUEST[5:])], answered()),
    Case("generic/3.10/2", "6.10", "HEADERS and two CONTINUATION",
         [headers(REQUEST[:5], whole=False), continuation(REQUEST[5:10], whole=False), continuation(REQUEST[10:])], answered()),
    Case("generic/4/1", "8.1", "GET", [headers(GET)], answered(b"GET / HTTP/1.1\r\n")),
    Case("generic/4/2", "8.1", "HEAD", [headers(HEAD)], answered()),
    Case("generic/4/3", "8.1", "POST", [headers(POST, end=False), data(b"|test")], answered(b"POST / HTTP/1.1\r\n")),
    Case("generic/4/4", "8.1", "POST with trailers",
         [headers([*POST, ("trailer", "x-test")], end=False), data(b"|test", end=False), headers([("x-test", "ok")])], answered(b"\r\n\r\n|test")),
    *[Case(f"generic/5/{number}", f"HPACK {section}", f"HPACK: {what}", [headers(REQUEST + line)], outcome)
      for number, (section, what, line, outcome) in enumerate(HPACK, 1)],
    Case("generic/5/14", "HPACK 6.3", "HPACK: a dynamic table size update to 128", [headers(b"\x3f\x61" + REQUEST)], answered()),
    Case("generic/5/15", "HPACK 4.2", "HPACK: updates to 128 and to 4,096", [headers(b"\x3f\x61\x3f\xe1\x1f" + REQUEST)], answered()),
]
