"""What real backends send beyond the standards, and how the gateway reacts."""

import email.utils
import re
import threading
import time

import pytest

import harness
import sanitizers
from harness import log_lines, read_head, read_response, simple_configuration, wait_for
from http2 import OK, h2_configuration
from hyperframe import frame as frames
from interoperability import answering, ask

pytestmark = sanitizers.one_worker


# Lengths.

@pytest.mark.parametrize("status", ["204 No Content", "204"])
@pytest.mark.parametrize("version", [1, 2])
def test_no_content_has_no_length(version, status, start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n".encode())).port))
    if version == 1:
        with gateway.connect() as client:
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head = read_head(client)
                assert " 204 " in head and "content-length" not in head.lower()
    else:
        got = speak(gateway).ask("/")
        assert got.status == 204 and got.reset is None and "content-length" not in got.fields


@pytest.mark.parametrize("version", [1, 2])
def test_an_interim_response_has_no_length(version, start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n" + harness.ANSWER)).port))
    if version == 1:
        with gateway.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            hints = read_head(client)
            assert " 103 " in hints and "Link: </a>" in hints and "content-length" not in hints.lower()
            assert read_response(client)[1] == b"ok"
    else:
        got = speak(gateway).ask("/")
        assert got.interim == [103] and got.status == 200 and got.body == b"ok"


def test_not_modified_keeps_its_length(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")).port))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "content-length: 5\r\n" in read_head(client).lower()


@pytest.mark.parametrize("rest", [b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                                  b"Content-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("version", [1, 2])
def test_reset_content_has_no_content(version, rest, start, backend, speak):
    gateway = start(simple_configuration(backend(harness.answer(b"HTTP/1.1 205 Reset Content\r\n" + rest)).port, extra_upstream="    timeouts: {response: 60s}\n"))
    if version == 1:
        with gateway.connect() as client:
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head, body = read_response(client)
                assert " 205 " in head and "content-length: 0\r\n" in head.lower() and body == b""
    else:
        got = speak(gateway).ask("/")
        assert got.status == 205 and got.ended and got.body == b""


def test_reset_content_of_the_gateways_own(start, echo):
    gateway = start(simple_configuration(echo(), extra_route="    policies: [respond: {status: 205, body: text}]\n"))
    status, head, body = ask(gateway)
    assert status == 205 and body == b"" and "content-length: 0\r\n" in head


# Dates.

def dated(head):
    found = re.findall(r"(?im)^date: (.*)\r$", head)
    assert len(found) == 1, head
    return email.utils.parsedate_to_datetime(found[0]).timestamp()


def test_every_response_has_a_date(start, backend):
    gateway = start(simple_configuration(backend().port, extra_route="""  - {name: own, match: {path: /own}, policies: [respond: {body: x}]}
  - {name: away, match: {path: /away}, policies: [redirect: {to: /x}]}
  - {name: kept, match: {path: /kept}, policies: [cache: {}], upstream: backend}
""").replace("path_prefix: /", "path_prefix: /forwarded"))
    for target in ("/forwarded", "/own", "/away", "/kept", "/nowhere", "/\x01"):
        assert abs(dated(ask(gateway, target)[1]) - time.time()) < 60, target
    assert "date: " in ask(gateway, "*", method="OPTIONS")[1]


def test_a_backends_date_stays(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(harness.ANSWER.replace(b"\r\n\r\n", b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"))).port))
    assert dated(ask(gateway)[1]) == 784111777


def test_http2_responses_have_a_date(start, backend, speak):
    client = speak(start(simple_configuration(backend().port)))
    assert [name for name, _ in client.ask("/").heads[-1]].count("date") == 1


def test_interim_responses_have_none(start, backend):
    gateway = start(simple_configuration(backend(harness.answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" + harness.ANSWER)).port))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "date" not in read_head(client).lower() and dated(read_response(client)[0])


def test_the_demo_backend_and_the_admin_listener_date_their_answers(start, echo):
    port, admin = echo(), harness.free_port()
    start(simple_configuration(port, top=f"admin: {{address: '127.0.0.1:{admin}'}}"))
    for one in (port, admin):
        with harness.connect(one) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert dated(read_response(client)[0])


# Responses that violate the standards.

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
ODD = {"a blank behind a chunk's size": (CHUNKED + b"\r\n2 \r\nok\r\n0\r\n\r\n", "upstream_bad_chunk_size", 200),
       "blanks before an extension": (CHUNKED + b"\r\n2 \t;a=b\r\nok\r\n0 \r\n\r\n", "upstream_bad_chunk_size", 200),
       "chunked twice": (CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "upstream_repeated_chunked", 200),
       "chunked twice in a field": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "upstream_repeated_chunked", 200),
       "status 600": (b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok", "upstream_unknown_status", 600),
       "status 999": (b"HTTP/1.1 999 Weird\r\nContent-Length: 2\r\n\r\nok", "upstream_unknown_status", 999),
       "lines that end with LF": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "upstream_bare_lf", 200)}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("version", [1, 2])
def test_an_odd_response_is_a_502_with_a_reason_of_its_own(version, case, start, backend, tmp_path, speak):
    text, reason, _ = ODD[case]
    gateway, ended = answering(text)(start, backend, tmp_path)
    if version == 1:
        assert ask(gateway)[0] == 502
    else:
        got = speak(gateway).ask("/")
        assert got.status == 502 and got.reset is None
    assert ended() == [(502, reason)]


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("version", [1, 2])
def test_an_upstream_can_be_read_leniently(version, case, start, backend, tmp_path, speak):
    text, _, status = ODD[case]
    gateway, ended = answering(text, extra_upstream="    lenient_responses: true\n")(start, backend, tmp_path)
    if version == 1:
        with gateway.connect() as client:
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head, body = read_response(client)
                assert int(head.split()[1]) == status and b"ok" in body
    else:
        got = speak(gateway).ask("/")
        assert got.status == status and got.body == b"ok"
    assert ended()[0] == (status, "complete")


def test_an_unknown_status_counts_as_a_server_error(start, backend):
    admin = harness.free_port()
    gateway = start(simple_configuration(backend(harness.answer(ODD["status 999"][0])).port, top=f"admin: {{address: '127.0.0.1:{admin}'}}",
                                         extra_upstream="    lenient_responses: true\n"))
    assert ask(gateway)[0] == 999
    metrics = harness.get(admin, "/metrics")[1]
    counted = [line for line in metrics.splitlines() if "responses_total" in line and not line.endswith(" 0")]
    assert counted and all('5xx' in line for line in counted if "route=" in line), counted


@pytest.mark.parametrize("text", [CHUNKED + b"Transfer-Encoding: gzip\r\n\r\n", b"HTTP/1.1 99 Low\r\n\r\n", CHUNKED + b"\r\n2x\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\rX\r\n\r\n"])
def test_what_is_dangerous_stays_refused(text, start, backend, tmp_path):
    gateway, _ = answering(text, extra_upstream="    lenient_responses: true\n")(start, backend, tmp_path)
    assert ask(gateway)[0] == 502


def test_requests_are_never_read_leniently(start, backend):
    made = backend()
    gateway = start(simple_configuration(made.port, extra_upstream="    lenient_responses: true\n"))
    assert ask(gateway, method="POST", fields="Transfer-Encoding: chunked\r\n", body=b"2 \r\nok\r\n0\r\n\r\n")[0] == 400
    for fields in ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: , chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n"):
        assert ask(gateway, method="POST", fields=fields, body=b"0\r\n\r\n")[0] == 400, fields


def test_a_broken_chunk_behind_good_ones_is_told_in_the_log(start, backend, tmp_path):
    log, passed = tmp_path / "log", threading.Event()

    def handle(connection, made):
        made.read_head(connection)
        connection.sendall(CHUNKED + b"\r\n2\r\nok\r\n")
        passed.wait(20)
        connection.sendall(b"2 \r\nok\r\n0\r\n\r\n")
    gateway = start(simple_configuration(backend(handle).port, top=f"access_log: {{path: {log}}}"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        harness.take_until(client, b"2\r\nok\r\n", "the first chunk")
        passed.set()
        assert harness.read_to_end(client) == b"<reset>"
    wait_for(lambda: log_lines(log), what="the log")
    assert (log_lines(log)[0]["status"], log_lines(log)[0]["ended"]) == (200, "upstream_bad_chunk_size")


# Limits for responses.

def fields(count, size=1):
    return b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"v" * size) for i in range(count - 1)) + b"Content-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("text, upstream, told", ids=range(7), argvalues=[
    (fields(112), "", None), (fields(113), "", "upstream_too_many_fields"), (fields(11), "    limits: {field_count: 10}\n", "upstream_too_many_fields"),
    (fields(60, 1000), "", None), (fields(70, 1000), "", "upstream_head_too_large"), (fields(70, 1000), "    limits: {head_size: 128KiB}\n", None),
    (fields(6, 1000), "    limits: {head_size: 4KiB}\n", "upstream_head_too_large")])
def test_a_response_has_limits(text, upstream, told, start, backend, tmp_path):
    gateway, ended = answering(text, extra_upstream=upstream)(start, backend, tmp_path)
    assert ask(gateway)[0] == (502 if told else 200)
    assert ended() == [(502, told) if told else (200, "complete")]


@pytest.mark.parametrize("client_version", [1, 2])
@pytest.mark.parametrize("backend_version", [1, 2])
def test_trailers_may_be_as_large_as_heads(backend_version, client_version, start, backend, backend2, speak):
    details = "d" * 50_000

    def handle(peer, stream):
        peer.send(peer.head(stream, [*OK, ("content-type", "application/grpc")], end=False), peer.data(stream, b"\0\0\0\0\0", end=False))
        peer.send(*large_head(peer, stream, [("grpc-status", "3"), ("grpc-status-details-bin", details)]))
    if backend_version == 2:
        gateway = start(h2_configuration(backend2(handle).port))
    else:
        gateway = start(simple_configuration(backend(harness.answer(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n0\r\n"
            b"grpc-status: 3\r\ngrpc-status-details-bin: " + details.encode() + b"\r\n\r\n")).port))
    if client_version == 2:
        got = speak(gateway).ask("/", method="POST", more=[("te", "trailers")], body=b"")
        assert got.trailers == {"grpc-status": "3", "grpc-status-details-bin": details}
    else:
        with gateway.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
            read_head(client)
            assert f"grpc-status-details-bin: {details}\r\n\r\n".encode() in harness.take_until(client, b"\r\n\r\n", "the trailers")


def large_head(peer, stream, fields):
    """The trailers of a stream, split into as many frames as needed."""
    block = peer.encoder.encode(fields)
    pieces = [block[i:i + 16000] for i in range(0, len(block), 16000)]
    out = [frames.HeadersFrame(stream, pieces[0], flags=["END_STREAM"])]
    out += [frames.ContinuationFrame(stream, piece) for piece in pieces[1:]]
    out[-1].flags.add("END_HEADERS")
    return out


@pytest.mark.parametrize("backend_version", [1, 2])
def test_larger_trailers_are_told_in_the_log(backend_version, start, backend, backend2, tmp_path):
    log, details = tmp_path / "log", "d" * 5_000
    limits = "    limits: {head_size: 4KiB}\n"

    def handle(peer, stream):
        peer.send(peer.head(stream, [*OK, ("content-type", "application/grpc")], end=False), peer.data(stream, b"\0\0\0\0\0", end=False))
        peer.send(*large_head(peer, stream, [("grpc-status", "3"), ("grpc-status-details-bin", details)]))
    if backend_version == 2:
        gateway = start(h2_configuration(backend2(handle).port, upstream=limits, top=f"access_log: {{path: {log}}}"))
    else:
        gateway = start(simple_configuration(backend(harness.answer(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-details: " + details.encode() + b"\r\n\r\n")).port,
            extra_upstream=limits, top=f"access_log: {{path: {log}}}"))
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        out = harness.read_to_end(client)
        assert out.startswith(b"HTTP/1.1 502 ") or out.endswith(b"<reset>")  # before or after the head has been sent to the client
    wait_for(lambda: log_lines(log), what="the log")
    assert log_lines(log)[0]["ended"] == "upstream_trailers_too_large"


@pytest.mark.parametrize("count", [100, 170])
def test_no_trailer_is_lost_among_many(count, start, backend2, speak, tmp_path):
    log = tmp_path / "log"

    def handle(peer, stream):
        peer.send(peer.head(stream, [*OK, ("content-type", "application/grpc")], end=False), peer.data(stream, b"\0\0\0\0\0", end=False))
        peer.send(peer.head(stream, [*((f"x-{n}", "1") for n in range(count)), ("grpc-status", "3")]))
    gateway = start(h2_configuration(backend2(handle).port, top=f"access_log: {{path: {log}}}"))
    it = speak(gateway).ask("/")
    if count == 100:
        assert it.reset is None and len(it.trailers) == 101 and it.trailers["grpc-status"] == "3"
    else:
        assert it.reset is not None and it.trailers is None
        wait_for(lambda: log_lines(log), what="the log")
        assert log_lines(log)[0]["ended"] == "upstream_trailers_too_large"
