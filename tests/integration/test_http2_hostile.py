"""HTTP/2 clients that violate the protocol, send malformed requests, or flood the gateway."""

import threading

import pytest

import harness
import http2
import sanitizers
from harness import metric, simple_configuration, wait_for
from http2 import BASE
from hyperframe import frame as frames

pytestmark = sanitizers.one_worker

MALFORMED = {
    "transfer-encoding": BASE + [("transfer-encoding", "chunked")],
    "a line feed in a value": BASE + [("x", "a\nb")],
    "a NUL in a value": BASE + [("x", "a\0b")],
    "a blank before a value": BASE + [("x", " a")],
    "a blank in a name": BASE + [("x y", "a")],
    "a length that is none": BASE + [("content-length", "+1")],
    "two lengths": BASE + [("content-length", "0"), ("content-length", "1")],
    "a length without a body": BASE + [("content-length", "5")],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_reset(shared, recorder, speak, name):
    client = speak(shared(simple_configuration(recorder.port)))
    stream = client.new_stream()
    client.send(client.head(stream, MALFORMED[name]))
    got = client.wait_for_end(stream)
    assert got.reset == 1 or got.status == 400
    assert client.ask().status == 200  # other clients are not affected
    assert recorder.received.count(b"GET") == 1


REFUSED = {
    "a path with a blank": (BASE[:3] + [(":path", "/a b")], 400),
    "a path without a slash": (BASE[:3] + [(":path", "x")], 400),
    "an asterisk for GET": (BASE[:3] + [(":path", "*")], 400),
    "an ambiguous path": (BASE[:3] + [(":path", "/a%2fb")], 400),
    "a host that is none": (BASE[:2] + [(":authority", "a b"), (":path", "/")], 400),
    "no host": (BASE[:2] + [(":path", "/")], 400),
    "two hosts": (BASE + [("host", "b")], 400),
    "a long path": (BASE[:3] + [(":path", "/" + "x" * 9000)], 414),
    "too many fields": (BASE + [(f"x-{i}", "1") for i in range(200)], 431),
    "a large head": (BASE + [("x", "y" * 40_000)], 431),
    "connect": ([(":method", "CONNECT"), (":authority", "a:80")], 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_refused(shared, recorder, speak, name):
    client = speak(shared(simple_configuration(recorder.port)))
    stream = client.new_stream()
    fields, status = REFUSED[name]
    head = client.head(stream, fields)
    if len(head.data) <= 16384:
        client.send(head)
    else:
        rest = frames.ContinuationFrame(stream, head.data[16384:], flags=["END_HEADERS"])
        first = frames.HeadersFrame(stream, head.data[:16384], flags=["END_STREAM"])
        pieces = [rest.data[i:i + 16384] for i in range(0, len(rest.data), 16384)]
        client.send(first, *[frames.ContinuationFrame(stream, piece, flags=["END_HEADERS"] if piece is pieces[-1] else [])
                             for piece in pieces])
    got = client.wait_for_end(stream)
    assert got.reset == 1 or got.status == status
    assert recorder.received == b""
    assert client.ask().status == 200


CONNECTION_ERRORS = {
    "another frame within a head": lambda c: [frames.HeadersFrame(1, b"\x82"), frames.PingFrame(0, b"12345678")],
    "a head that is no HPACK": lambda c: [frames.HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS", "END_STREAM"])],
}


@pytest.mark.parametrize("name", CONNECTION_ERRORS)
def test_connection_errors_end_the_connection_and_say_why(start, echo, speak, name):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    client.wait(lambda: client.acknowledged)
    client.send(*CONNECTION_ERRORS[name](client))
    client.read_to_end()
    assert client.goaway is not None and client.goaway.error_code != 0
    assert speak(gateway).ask().status == 200


def flooding(gateway, speak, attack):
    """Whether the connection was ended before the attack was over. Checks that the gateway still serves."""
    client = speak(gateway)
    client.wait(lambda: client.acknowledged)
    client.socket.settimeout(30)
    ended = False
    try:
        attack(client)
        client.read_to_end()
        ended = True
    except (OSError, http2.Closed):
        ended = True
    assert speak(gateway).ask().status == 200
    return ended


ADMIN = "admin: {address: \"127.0.0.1:ADMIN\"}"
FLOODS = {
    "pings": lambda c: [c.send(*[frames.PingFrame(0, b"12345678")] * 100) for _ in range(100)],
    "settings": lambda c: [c.send(*[frames.SettingsFrame(0)] * 100) for _ in range(100)],
    "priorities": lambda c: [c.send(*[frames.PriorityFrame(1, 0, 5, False)] * 100) for _ in range(100)],
    "window updates": lambda c: [c.send(*[frames.WindowUpdateFrame(0, 1)] * 100) for _ in range(100)],
    "data of nothing": lambda c: [c.send(c.head(1, BASE[1:] + [(":method", "POST")], end=False))] and
                                 [c.send(*[c.data(1, b"", end=False)] * 100) for _ in range(100)],
    "resets": lambda c: [c.send(c.head(c.new_stream(), BASE), frames.RstStreamFrame(c.next_stream - 2, 8)) for _ in range(5000)],
    "requests that we reset": lambda c: [c.send(c.head(c.new_stream(), BASE + [("connection", "x")])) or
                                         c.wait_for_end(c.next_stream - 2) for _ in range(1000)],
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end_the_connection_and_are_counted(start, echo, speak, name):
    admin = harness.free_port()
    gateway = start(simple_configuration(echo(), top=ADMIN.replace("ADMIN", str(admin))))
    assert flooding(gateway, speak, FLOODS[name])
    if name != "resets":  # for resets nghttp2 has its own limit, which it does not report
        wait_for(lambda: metric(admin, "portcullis_http2_floods_total") == 1, what="the count")


def test_a_flood_of_continuations_ends_the_connection(start, echo, speak):
    def attack(client):
        client.send(frames.HeadersFrame(1, b""))
        for _ in range(2000):
            client.send(frames.ContinuationFrame(1, b""))
    assert flooding(start(simple_configuration(echo())), speak, attack)


def naming_a_long_value(client):
    """A function that makes a head, or trailers, that refer to a value of 3,000 bytes that many times, by one byte each."""
    client.send(client.head(client.new_stream(), BASE + [("x-long", "v" * 3000)]))
    assert client.wait_for_end(1).status == 200
    return lambda stream, count, fields=BASE: frames.HeadersFrame(
        stream, client.encoder.encode(fields) + b"\xbe" * count, flags=["END_HEADERS", "END_STREAM"])


def test_a_head_that_unpacks_to_more_than_the_limit_is_refused(start, echo, speak):
    client = speak(start(simple_configuration(echo())))
    named = naming_a_long_value(client)
    stream = client.new_stream()
    client.send(named(stream, 20))  # 60 KB, while 32 KiB are permitted
    assert client.wait_for_end(stream).status == 431
    assert client.ask().status == 200


def spent(process):
    """CPU time in ticks."""
    return sum(int(x) for x in open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])


def test_a_head_that_unpacks_to_several_times_the_limit_ends_the_connection(start, echo, speak):
    admin = harness.free_port()
    gateway = start(simple_configuration(echo(), top=ADMIN.replace("ADMIN", str(admin))))
    client = speak(gateway)
    named = naming_a_long_value(client)
    before = spent(gateway.process)
    client.send(named(client.new_stream(), 16000))  # 48 MB
    client.read_to_end()
    assert client.goaway.error_code == 11  # ENHANCE_YOUR_CALM
    assert spent(gateway.process) - before < 5
    wait_for(lambda: metric(admin, "portcullis_http2_floods_total") == 1, what="the count")
    assert speak(gateway).ask().status == 200


def test_trailers_that_unpack_to_much_are_refused_cheaply(start, echo, speak):
    gateway = start(simple_configuration(echo()))
    client = speak(gateway)
    named = naming_a_long_value(client)
    before = spent(gateway.process)
    for _ in range(20):
        stream = client.new_stream()
        client.send(client.head(stream, BASE[1:] + [(":method", "POST")], end=False), named(stream, 16000, []))
        client.wait_for_end(stream)
    assert spent(gateway.process) - before < 50  # half a second for 960 MB
    assert client.ask().status == 200


def test_many_heads_beyond_the_limit_end_the_connection(start, echo, speak):
    def attack(client):
        named = naming_a_long_value(client)
        for _ in range(1000):
            client.send(named(client.new_stream(), 20))
    assert flooding(start(simple_configuration(echo())), speak, attack)


def test_streams_beyond_those_allowed_do_not_keep_the_gateway_busy(start, backend, speak):
    """The client has not acknowledged the max number of streams."""
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, extra_listener="    http2: {streams: 4}"))
    connection = gateway.connect()
    connection.sendall(http2.PREFACE + frames.SettingsFrame(0).serialize())
    client = http2.Peer(connection)
    client.act = lambda one: client.seen.append(type(one).__name__)  # acknowledges nothing
    with pytest.raises((http2.Closed, OSError)):
        for number in range(1, 20_001, 2):
            client.send(client.head(number, BASE))
        client.read_to_end()
        raise http2.Closed
    release.set()
    client.close()
    assert speak(gateway).ask().status == 200


def test_no_more_streams_at_once_than_agreed(start, backend, speak):
    release = threading.Event()
    gateway = start(simple_configuration(backend(harness.answer_when(release)).port, extra_listener="    http2: {streams: 4}"))
    client = speak(gateway)
    client.wait(lambda: client.settled)
    assert client.settings[3] == 4
    client.wait(lambda: client.acknowledged)
    streams = [client.request() for _ in range(5)]
    client.read_to_end()
    assert client.goaway.error_code == 1  # by nghttp2: a client that has acknowledged the limit must respect it
    release.set()
    assert len(streams) == 5 and speak(gateway).ask().status == 200
