"""compress: limits of memory and of the time taken from other requests, and the behaviour when they are reached."""

import concurrent.futures
import contextlib
import gzip
import json
import os
import re

import pytest

import harness
from cache_origin import ask
from harness import simple_configuration, wait_for
from peer_memory import EACH, Peak, resident, small_socket, wait_until_level

LINES = json.dumps([{"id": i} for i in range(30_000)]).encode()
# More than the sockets' buffers hold, even when compressed.
NOISE = bytearray((8 << 20) // 3 * 3)
NOISE[0::3] = NOISE[1::3] = NOISE[2::3] = os.urandom(len(NOISE) // 3)
NOISE = bytes(NOISE)


def answer(body, more=b"Content-Type: text/plain\r\n"):
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (more, len(body)) + body


def packed(body, more=b"Content-Type: text/plain\r\n"):
    return answer(gzip.compress(body), more + b"Content-Encoding: gzip\r\n")


def route(settings):
    return f"    policies: [compress: {{{settings}}}]\n"


def coding(stack, gateway, accepted, path="/"):
    """The coding of a response whose client reads no further while `stack` is open."""
    client = stack.enter_context(small_socket(gateway))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += harness.receive(client, 512, "a head")
    assert b"vary: accept-encoding" in head.lower()
    found = re.search(rb"content-encoding: (\w+)", head.lower())
    return found and found[1].decode()


def test_the_next_client_gets_what_takes_less_until_others_have_left(start, backend, tmp_path):
    log = tmp_path / "log"
    gateway = start(simple_configuration(backend(harness.answer(answer(NOISE))).port, extra_route=route("memory: 4MiB"), top=f"access_log: {{path: '{log}'}}"))
    with contextlib.ExitStack() as stack:
        assert coding(stack, gateway, "zstd, gzip") == "zstd"
        assert coding(stack, gateway, "zstd, gzip") == "gzip"  # two zstd compressors would need more than 4 MiB
        assert coding(stack, gateway, "zstd") is None
    with contextlib.ExitStack() as stack:
        wait_for(lambda: coding(stack, gateway, "zstd") == "zstd", what="the memory of those that have left")
    wait_for(lambda: "compress_memory" in [line.get("note") for line in harness.log_lines(log)], what="the note")


def test_memory_is_counted_across_routes_and_reloads(start, backend):
    text = simple_configuration(backend(harness.answer(answer(NOISE))).port, extra_route=route("memory: 3MiB")
                                + "  - {name: other, match: {path: /other}, upstream: backend, policies: [compress: {memory: 3MiB}]}\n")
    gateway = start(text)
    with contextlib.ExitStack() as stack:
        assert coding(stack, gateway, "zstd") == "zstd"
        assert coding(stack, gateway, "zstd", "/other") is None
        gateway.write(text + "# another\n")
        gateway.reload()
        assert coding(stack, gateway, "zstd") is None


@pytest.mark.not_sanitized(reason="a sanitizer keeps what has been freed")
@pytest.mark.parametrize("accepted", ["gzip", "zstd", "br"])
def test_a_response_that_only_waits_holds_no_compressor(start, backend, speak, accepted):
    gateway = start(simple_configuration(backend(harness.answer(answer(NOISE[:128 << 10]))).port, extra_route=route("memory: 1MiB"), workers=1))
    client = speak(gateway, settings={4: 0}, auto_window=False)
    client.wait(lambda: client.acknowledged)
    peak = Peak(gateway.process)
    numbers = []
    for _ in range(80):  # one after the other, because a body that is on its way takes memory, too
        numbers.append(client.request(more=[("accept-encoding", accepted)]))
        client.wait(lambda: client.stream(numbers[-1]).heads)
    wait_until_level(lambda: resident(gateway.process), "a standstill")
    assert peak.grown() < len(numbers) * EACH  # a compressor would take twice as much


def test_a_shortage_is_not_kept_in_the_cache(start, backend):
    kept = answer(NOISE[:3 << 20], b"Content-Type: text/plain\r\nCache-Control: max-age=1000\r\n")

    def handle(connection, made):
        while True:
            connection.sendall(kept if made.read_head(connection).startswith("GET /kept") else answer(NOISE))
    gateway = start(simple_configuration(backend(handle).port, extra_route="    policies: [cache: {}, compress: {memory: 3MiB}]\n", workers=1))
    with contextlib.ExitStack() as stack:
        assert coding(stack, gateway, "zstd", "/slow") == "zstd"
        ask(gateway.port, "/kept", fields={"accept-encoding": "zstd"})
    with contextlib.ExitStack() as stack:
        wait_for(lambda: coding(stack, gateway, "zstd", "/slow") == "zstd", what="the memory of the one that has left")
    assert ask(gateway.port, "/kept", fields={"accept-encoding": "zstd"}).get("content-encoding") == "zstd"


@pytest.mark.parametrize("outer, inner, body", [
    ("", "decompress: always, memory: 0", packed(LINES)), ("algorithms: [br, gzip]", "decompress: always, algorithms: [zstd]", packed(LINES)),
    ("decompress: always", "decompress: always, types: [x/y]", packed(LINES)), ("decompress: always", "", answer(LINES))],
    ids=["no memory", "other algorithms", "other types", "plain"])
def test_two_of_them_do_not_spoil_one_response(start, backend, outer, inner, body):
    gateway = start(simple_configuration(backend(harness.answer(body)).port, top=f"policies: [compress: {{{outer}}}]", extra_route=route(inner)))
    told = ask(gateway.port, "/", fields={"accept-encoding": "gzip"})
    assert (told.status, gzip.decompress(told.body) if told.get("content-encoding") == "gzip" else told.body) == (200, LINES)


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_a_refusal_of_another_service_is_decompressed_whole(start, backend, accepted):
    refusal = packed(LINES, b"Content-Type: application/json\r\n").replace(b"200 OK", b"403 No")
    auth = backend(harness.answer(refusal))
    policies = f'    policies: [compress: {{decompress: always}}, forward_auth: {{url: "http://127.0.0.1:{auth.port}/"}}]\n'
    gateway = start(simple_configuration(backend().port, extra_route=policies))
    told = ask(gateway.port, "/", fields={"accept-encoding": accepted})
    assert (told.status, gzip.decompress(told.body) if told.get("content-encoding") else told.body) == (403, LINES)


def test_a_refusal_of_another_service_that_is_broken(start, backend, tmp_path):
    """A 502 without a body, and never a partial body."""
    whole = gzip.compress(LINES)
    auth = backend(harness.answer(answer(whole[:len(whole) // 2], b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n").replace(b"200 OK", b"403 No")))
    policies = f'    policies: [compress: {{decompress: always}}, forward_auth: {{url: "http://127.0.0.1:{auth.port}/"}}]\n'
    log = tmp_path / "log"
    gateway = start(simple_configuration(backend().port, extra_route=policies, top=f"access_log: {{path: '{log}'}}"))
    told = ask(gateway.port, "/")
    assert (told.status, told.body, told.get("content-encoding")) == (502, b"", None)
    wait_for(lambda: [(line["status"], line["ended"]) for line in harness.log_lines(log)] == [(502, "upstream_malformed")], what="the line")


def chunked(body, size):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("settings, body", [
    ("algorithms: [gzip], gzip_level: 9", b"Content-Length: %d\r\n\r\n" % (2 * len(NOISE)) + 2 * NOISE),
    ("decompress: always, algorithms: [br], brotli_level: 6", b"Content-Encoding: gzip\r\n" + chunked(gzip.compress(bytes(16 << 20)), 60)),
], ids=["large", "bomb in small chunks"])
def test_a_large_body_lets_others_have_their_turn(start, backend, settings, body):
    """Counts how many other requests are answered while the only worker converts one response."""
    ok = "  - {name: ok, match: {path: /ok}, policies: [respond: {body: ok}]}\n"
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + body))
    gateway = start(simple_configuration(made.port, extra_route=route(settings) + ok, workers=1))
    with gateway.connect() as other, concurrent.futures.ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask, gateway.port, "/", fields={"accept-encoding": "br, gzip"})
        wait_for(lambda: made.received, what="the request")
        answered = 0
        while not asking.done():
            other.sendall(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
            harness.read_response(other)
            answered += 1
        assert asking.result().status == 200 and answered > 5  # without taking turns it would be one, which had arrived before


@pytest.mark.parametrize("accepted", ["gzip", "zstd", "br"])
def test_a_head_that_waits_for_its_body_is_whole(start, backend, speak, accepted):
    """The head lies in the first block from the target, while further blocks are read."""
    more = b"".join(b"X-Field-%d: %s\r\n" % (i, b"value" * 20) for i in range(20))
    made = backend(harness.answer(answer(NOISE[:100 << 10], b"Content-Type: text/plain\r\n" + more)))
    client = speak(start(simple_configuration(made.port, extra_route=route(""), workers=1)))
    got = client.ask(more=[("accept-encoding", accepted)])
    assert (got.status, got.fields["content-encoding"]) == (200, accepted)
    assert all(got.fields[f"x-field-{i}"] == "value" * 20 for i in range(20))
