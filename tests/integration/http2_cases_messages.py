"""Error codes, messages and field blocks: sections 7 and 8 of h2spec's group `http2`, numbered as in RFC 7540, and its group
`hpack`."""

from http2_cases import ASK, MALFORMED, PINGED, PINGED_OR_CLOSED, Case, connection_error, stream_error
from http2_frames import END_HEADERS, GET, POST, Code, Kind, data, frame, goaway, headers, pack, reset

CUSTOM = b"\x00\x0acustom-key"  # a literal without indexing, up to its value


def get(*more, without=None):
    return headers([field for field in GET if field[0] != without] + list(more))


def post(*frames, length=None):
    return [headers([*POST, ("content-length", length)] if length else POST, end=False), *frames]


def hpack_case(name, section, what, line, before=False):
    return Case(f"hpack/{name}", f"HPACK {section}", f"HPACK: {what}", [headers(line + pack(*GET) if before else pack(*GET) + line)],
                connection_error(Code.COMPRESSION_ERROR))


CASES = [
    Case("http2/7/1", "7", "GOAWAY with an unknown code, PING", [goaway(0xff), ASK], PINGED_OR_CLOSED),
    Case("http2/7/2", "7", "RST_STREAM with an unknown code, PING", post(reset(1, 0xff), ASK), PINGED),

    Case("http2/8.1/1", "8.1", "A second HEADERS without END_STREAM",
         post(data(b"test", end=False), headers([("x-test", "ok")], end=False)), stream_error(Code.PROTOCOL_ERROR)),
    Case("http2/8.1.2/1", "8.2.1", "A field's name in upper case", [get(("X-TEST", "ok"))], MALFORMED),
    Case("http2/8.1.2.1/1", "8.3", "A pseudo-header field that is unknown", [get((":test", "ok"))], MALFORMED),
    Case("http2/8.1.2.1/2", "8.3", "A pseudo-header field of responses", [get((":status", "200"))], MALFORMED),
    Case("http2/8.1.2.1/3", "8.3", "A pseudo-header field in trailers",
         post(data(b"test", end=False), headers([(":method", "POST")])), stream_error(Code.PROTOCOL_ERROR)),
    Case("http2/8.1.2.1/4", "8.3", "A pseudo-header field after another field", [headers([("x-test", "ok"), *GET])], MALFORMED),
    Case("http2/8.1.2.2/1", "8.2.2", "`connection`", [get(("connection", "keep-alive"))], MALFORMED),
    Case("http2/8.1.2.2/2", "8.2.2", "`te` with more than `trailers`", [get(("te", "trailers, deflate"))], MALFORMED),
    Case("http2/8.1.2.3/1", "8.3.1", "An empty `:path`", [get((":path", ""), without=":path")], MALFORMED),
    Case("http2/8.1.2.3/2", "8.3.1", "No `:method`", [get(without=":method")], MALFORMED),
    Case("http2/8.1.2.3/3", "8.3.1", "No `:scheme`", [get(without=":scheme")], MALFORMED),
    Case("http2/8.1.2.3/4", "8.3.1", "No `:path`", [get(without=":path")], MALFORMED),
    Case("http2/8.1.2.3/5", "8.3.1", "`:method` twice", [get((":method", "GET"))], MALFORMED),
    Case("http2/8.1.2.3/6", "8.3.1", "`:scheme` twice", [get((":scheme", "http"))], MALFORMED),
    Case("http2/8.1.2.3/7", "8.3.1", "`:path` twice", [get((":path", "/"))], MALFORMED),
    Case("http2/8.1.2.6/1", "8.1.1", "`content-length: 1` with DATA of 4 octets", post(data(b"test"), length="1"), stream_error(Code.PROTOCOL_ERROR)),
    Case("http2/8.1.2.6/2", "8.1.1", "`content-length: 1` with two DATA of 4 octets",
         post(data(b"test", end=False), data(b"test"), length="1"), stream_error(Code.PROTOCOL_ERROR)),
    Case("http2/8.2/1", "8.4", "PUSH_PROMISE",
         [frame(Kind.PUSH_PROMISE, 1, (3).to_bytes(4, "big") + pack(*GET), END_HEADERS)], connection_error(Code.PROTOCOL_ERROR)),

    hpack_case("2.3.3/1", "2.3.3", "an index beyond both tables", b"\xc7"),
    hpack_case("2.3.3/2", "2.3.3", "a literal whose name's index is beyond both tables", b"\x7f\x09\x00"),
    hpack_case("4.2/1", "4.2", "a dynamic table size update after a field", b"\x21"),
    hpack_case("5.2/1", "5.2", "Huffman-coded with padding of more than 7 bits", CUSTOM + bytes.fromhex("8a25a849e95bb8e8b4bfff")),
    hpack_case("5.2/2", "5.2", "Huffman-coded with padding of zeros", CUSTOM + bytes.fromhex("83495090")),  # `test`, and 4 bits
    hpack_case("5.2/3", "5.2", "Huffman-coded with EOS before an `a`", CUSTOM + bytes.fromhex("85fffffffc7f")),
    hpack_case("6.1/1", "6.1", "index 0", b"\x80"),
    hpack_case("6.3/1", "6.3", "a dynamic table size update to 4,097", b"\x3f\xe2\x1f", before=True),
]
