"""compress: what clients accept, which responses are worth compressing, and which must not be changed. curl decodes."""

import gzip
import json
import subprocess
import threading
import zlib

import pytest

import harness
import sanitizers
from cache_origin import Answer, ask
from harness import BINARY

pytestmark = sanitizers.one_worker

TEXT = json.dumps([{"id": i, "name": f"product {i}", "tags": ["a", "b", "c"]} for i in range(2000)]).encode()
JSON = {"content-type": "application/json"}


def configuration(origin, settings="", before="", behind="", upstream="upstream: main"):
    return f"""version: 1
workers: 2
listeners: [{{name: public, address: "127.0.0.1:{{port}}", trailers: {{response: [x-sum]}}}}]
upstreams: [{{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]}}]
routes:
  - name: all
    match: {{path_prefix: /}}
    {upstream}
    policies:
{before}      - compress: {{{settings}}}
{behind}"""


def curl(port, path, accept, *more):
    """(coding, content as curl decodes it, number of received bytes)"""
    out = subprocess.run(["curl", "-s", "--compressed", "-H", "host: 127.0.0.1", "-H", f"accept-encoding: {accept}", *more, "-w", "\n%{size_download} %header{content-encoding}",
                          f"http://127.0.0.1:{port}{path}"], capture_output=True, check=True).stdout
    body, _, told = out.rpartition(b"\n")
    size, _, coding = told.decode().partition(" ")
    return coding, body, int(size)


@pytest.mark.parametrize("pieces", [None, 100, pytest.param(5000, marks=sanitizers.same_path)])
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge", pytest.param("--http1.0", marks=sanitizers.same_path)])
@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
@pytest.mark.parametrize("times", [1, 20])
def test_what_is_compressed_is_what_came(start, origin, coding, version, pieces, times):
    gateway = start(configuration(origin))
    text = TEXT * times
    cut = pieces and max(pieces, len(text) // 500)
    origin.answers["/a"] = [Answer(JSON, body=text, pieces=cut and [(None, text[i:i + cut]) for i in range(0, len(text), cut)])]
    told, body, size = curl(gateway.port, "/a", coding, version)
    assert (told, body) == (coding, text)
    assert size < len(text) / 5


def test_the_client_chooses(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(JSON, body=TEXT)]
    for accept, coding in (("gzip, br, zstd", "zstd"), ("gzip, br", "br"), ("gzip;q=1.0, br;q=0.5", "gzip"), ("x-gzip", "gzip"), ("*", "zstd"),
                           ("*;q=0.1, zstd;q=0", "br"), ("identity, gzip;q=0.5", ""), ("gzip;q=0", ""), ("", ""), ("deflate", ""), ("GZIP", "gzip")):
        answer = ask(gateway.port, "/a", fields={"accept-encoding": accept})
        assert (answer.get("content-encoding") or "") == coding, accept
        assert answer.get("vary") == "accept-encoding"
    assert ask(gateway.port, "/a", fields=[("accept-encoding", "deflate"), ("accept-encoding", "gzip")]).get("content-encoding") == "gzip"


def test_what_the_operator_offers(start, origin):
    gateway = start(configuration(origin, "algorithms: [gzip, br], types: [image/*], min_size: 10"))
    origin.answers["/a"], origin.answers["/b"] = [Answer({"content-type": "Image/Any; x=y"}, body=b"x" * 20)], [Answer(JSON, body=TEXT)]
    assert ask(gateway.port, "/a", fields={"accept-encoding": "zstd, br, gzip"}).get("content-encoding") == "gzip"
    assert ask(gateway.port, "/b", fields={"accept-encoding": "zstd, br, gzip"}).get("content-encoding") is None


UNTOUCHED = {
    "small": Answer(JSON, body=TEXT[:1000]),
    "of another type": Answer({"content-type": "image/png"}, body=TEXT),
    "without a type": Answer({}, body=TEXT),
    "compressed already": Answer({**JSON, "content-encoding": "gzip"}, body=gzip.compress(TEXT)),
    "of an unknown coding": Answer({**JSON, "content-encoding": "x"}, body=TEXT),
    "no-transform": Answer({**JSON, "cache-control": "public, No-Transform"}, body=TEXT),
    "a part": Answer({**JSON, "content-range": "bytes 0-9/20"}, 206, body=TEXT),
    "none": Answer(JSON, 204),
}


@pytest.mark.parametrize("what", UNTOUCHED)
def test_what_is_not_touched(start, origin, what):
    gateway = start(configuration(origin))
    said = UNTOUCHED[what]
    origin.answers["/a"] = [said]
    answer = ask(gateway.port, "/a", fields={"accept-encoding": "gzip"})
    assert answer.body == (said.body if said.status != 204 else b"")
    assert answer.get("content-encoding") == dict(said.fields).get("content-encoding") and answer.get("vary") is None


def test_a_client_may_forbid_it(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(JSON, body=TEXT)]
    assert ask(gateway.port, "/a", fields={"accept-encoding": "gzip", "cache-control": "no-transform"}).body == TEXT


def test_what_the_head_says(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer({**JSON, "etag": '"x"', "vary": "Origin", "accept-ranges": "bytes", "repr-digest": "a"}, body=TEXT)]
    for method in ("GET", "HEAD"):
        answer = ask(gateway.port, "/a", method, fields={"accept-encoding": "gzip"})
        assert [answer.get(name) for name in ("etag", "vary", "accept-ranges", "repr-digest", "content-length")] == ['W/"x"', "Origin, accept-encoding", None, None, None]
        assert answer.get("content-encoding") == "gzip"
    answer = ask(gateway.port, "/a")
    assert answer.get("etag") == '"x"' and answer.get("content-length") == str(len(TEXT))


def test_a_304_names_the_tag_that_the_client_has(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer({"etag": '"x"'}, 304)]
    assert ask(gateway.port, "/a", fields={"accept-encoding": "gzip", "if-none-match": 'W/"x"'}).get("etag") == 'W/"x"'
    assert ask(gateway.port, "/a", fields={"accept-encoding": "gzip", "if-none-match": '"x"'}).get("etag") == '"x"'


def test_what_comes_slowly_is_not_kept_back(start, origin):
    gateway = start(configuration(origin, "min_size: 1"))
    for coding in ("gzip", "br", "zstd"):
        more = threading.Event()
        origin.answers["/a"] = [Answer({"content-type": "text/event-stream"}, pieces=[(None, b"data: 1\n\n"), (more, b"data: 2\n\n")])]
        client = subprocess.Popen(["curl", "-sN", "--compressed", "-H", f"accept-encoding: {coding}", f"http://127.0.0.1:{gateway.port}/a"], stdout=subprocess.PIPE)
        assert client.stdout.readline() == b"data: 1\n"
        more.set()
        assert client.stdout.read() == b"\ndata: 2\n\n"
        client.wait(10)


def test_trailers_pass(start, origin):
    gateway = start(configuration(origin))

    class Trailing(Answer):
        def send(self, connection, method):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
                               + b"%x\r\n%b\r\n" % (len(TEXT), TEXT) + b"0\r\nx-sum: 5\r\n\r\n")
            return True
    origin.answers["/a"] = [Trailing()]
    with gateway.connect() as client:
        client.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\nte: trailers\r\n\r\n")
        harness.read_head(client)
        assert harness.take_until(client, b"\r\n\r\n", "trailers").endswith(b"0\r\nx-sum: 5\r\n\r\n")


def test_the_gateways_own_answers(start, origin):
    gateway = start(configuration(origin, "min_size: 100", behind="      - respond: {status: 200, body: '" + "lorem ipsum " * 50 + "'}\n",
                                  upstream=""))
    coding, body, size = curl(gateway.port, "/", "gzip")
    assert coding == "gzip" and body.startswith(b"lorem ipsum") and size < 100


# Together with the cache.

def test_behind_the_cache_each_coding_is_made_and_kept_once(start, origin):
    gateway = start(configuration(origin, before="      - cache: {}\n"))
    origin.answers["/a"] = [Answer({**JSON, "cache-control": "max-age=100", "etag": '"x"'}, body=TEXT)]
    for _ in range(2):
        for accept in ("gzip", "br", "identity"):
            coding, body, size = curl(gateway.port, "/a", accept)
            assert body == TEXT and coding == accept.replace("identity", "")
    assert len(origin.asked("/a")) == 3
    answer = ask(gateway.port, "/a", fields={"accept-encoding": "gzip;q=0.9"})
    assert "hit" in answer.get("cache-status") and zlib.decompress(answer.body, 31) == TEXT and int(answer.get("content-length")) == len(answer.body)
    assert ask(gateway.port, "/a", fields={"accept-encoding": "gzip", "if-none-match": 'W/"x"'}).status == 304


def test_before_the_cache_one_copy_serves_all(start, origin):
    gateway = start(configuration(origin, behind="      - cache: {}\n"))
    origin.answers["/a"] = [Answer({**JSON, "cache-control": "max-age=100"}, body=TEXT)]
    for _ in range(2):
        for accept in ("gzip", "br", "identity"):
            for version in ("--http1.1", "--http2-prior-knowledge"):
                coding, body, _ = curl(gateway.port, "/a", accept, version)
                assert body == TEXT and coding == accept.replace("identity", "")
    assert len(origin.asked("/a")) == 1


# Decompression.

def test_decompressing_for_those_who_do_not_accept_it(start, origin):
    gateway = start(configuration(origin, "decompress: when_needed, algorithms: [br]"))
    packed = gzip.compress(TEXT)
    origin.answers["/a"] = [Answer({**JSON, "content-encoding": "gzip", "etag": '"x"'}, body=packed)]
    plain = ask(gateway.port, "/a")
    assert plain.body == TEXT and plain.get("content-encoding") is None and plain.get("etag") == 'W/"x"' and plain.get("vary") == "accept-encoding"
    assert ask(gateway.port, "/a", fields={"accept-encoding": "gzip, br"}).body == packed
    assert curl(gateway.port, "/a", "br")[:2] == ("br", TEXT)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_each_coding_is_decompressed(start, origin, coding):
    """The body was compressed by another gateway."""
    first = start(configuration(origin, f"algorithms: [{coding}]"))
    origin.answers["/a"] = [Answer(JSON, body=TEXT * 10, pieces=[(None, TEXT)] * 10)]
    second = start(configuration(first, "decompress: always, algorithms: [gzip]") +
                   f'      - headers: {{request: {{set: {{accept-encoding: {coding}}}}}}}\n')
    assert ask(second.port, "/a").body == TEXT * 10
    packed = ask(second.port, "/a", fields={"accept-encoding": "gzip"})
    assert zlib.decompress(packed.body, 31) == TEXT * 10


@pytest.mark.parametrize("body", [lambda: b"no gzip at all" * 100, lambda: gzip.compress(TEXT)[:-20], lambda: gzip.compress(TEXT)[:5000] + b"x" * 100,
                                  lambda: gzip.compress(bytes(64 << 20))],
                         ids=["none", "cut", "broken", "bomb"])
def test_what_cannot_be_decompressed_is_no_whole_response(start, origin, body):
    gateway = start(configuration(origin, "decompress: always"))
    origin.answers["/a"] = [Answer({**JSON, "content-encoding": "gzip"}, body=body())]
    out = gateway.raw(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 502 ") or (out.startswith(b"HTTP/1.1 200 ") and out.endswith(b"<reset>"))
    origin.answers["/b"] = [Answer(JSON)]
    assert ask(gateway.port, "/b").status == 200


BROKEN = {"no gzip": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
                      "decompress: when_needed", "identity", "upstream_malformed"),
          "less than was promised": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n" + b"x" * 3000,
                                     "", "gzip", "upstream_closed_early")}


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_before_anything_was_sent_is_a_502(start, backend, tmp_path, case, version, apart):
    """The same result when the head arrives separately."""
    text, settings, accepted, reason = BROKEN[case]
    seen, log = threading.Event(), tmp_path / "log"

    def handle(connection, made):
        made.read_head(connection)
        head, _, body = text.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        if apart:
            assert not seen.wait(0.2)  # the head is at the gateway, which sends no signal about it
        connection.sendall(body)
    gateway = start(f"access_log: {{path: {log}}}\n" + configuration(backend(handle), settings))
    out = subprocess.run(["curl", "-s", "-H", f"accept-encoding: {accepted}", version, "-w", "%{http_code}", "-o", "/dev/null",
                          f"http://127.0.0.1:{gateway.port}/"], capture_output=True)
    assert (out.returncode, out.stdout) == (0, b"502")
    harness.wait_for(lambda: harness.log_lines(log), what="the log")
    assert [(line["status"], line["ended"]) for line in harness.log_lines(log)] == [(502, reason)]


@pytest.mark.parametrize("settings", ["decompress: always", "decompress: always, min_size: 0"])
@pytest.mark.parametrize("body", [b"Content-Length: 0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], ids=["no length", "no chunk"])
@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_an_empty_body_may_have_a_coding(start, backend, body, settings, accepted):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n" + body))
    gateway = start(configuration(made, settings))
    with gateway.connect() as client:
        client.settimeout(5)
        for _ in range(2):  # the next member begins where one ends
            client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
            head, content = harness.read_response(client)
            assert head.startswith("HTTP/1.1 200 ") and ("content-length: 0" in head or "transfer-encoding: chunked" in head)
            assert (gzip.decompress(content) if content else b"") == b""


def test_an_answer_that_takes_the_place_of_a_broken_one_has_the_fields_of_cors(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"))
    gateway = start(configuration(made, "decompress: always", before='      - cors: {origins: ["https://a.example"]}\n'))
    out = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nConnection: close\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 502 ") and out.count(b"access-control-allow-origin: https://a.example\r\n") == 1


def test_mistakes_are_named(start, origin, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(origin, "algorithms: [gzp]").replace("{port}", "8080"))
    told = harness.check(path)
    assert "`gzp` is not one of zstd, br and gzip - did you mean `gzip`?" in told
    path.write_text(configuration(origin).replace("{port}", "8080"))
    told = subprocess.run([BINARY, "explain", "-c", str(path), "GET", "/a", "-H", "accept-encoding: gzip"], capture_output=True, text=True).stdout
    assert "would compress the response with gzip" in told
