"""Steady traffic does not allocate heap memory: counted in the built binary by a preloaded allocator."""

import mmap
import pathlib
import struct
import time

import jwt
import pytest

import harness
import http2
from harness import read_response
from identity import hashed

TOKEN = jwt.encode({"exp": int(time.time()) + 3600, "sub": "u1", "scope": "a b"}, "0123456789abcdef0123456789abcdef", "HS256")
COUNTER = pathlib.Path(harness.BINARY).parent / "tests/support/libmalloc_counter.so"
SLOTS = 64

CONFIGURATION = """version: 1
workers: 1
admin: {address: "127.0.0.1:ADMIN"}
access_log: {path: "LOG"}
quotas: {file: "LOG.db"}
listeners: [{name: public, address: "127.0.0.1:{port}"}]
upstreams: [{name: backend, balance: least_request, targets: [{address: "127.0.0.1:ONE"}, {address: "127.0.0.1:TWO"}]}, {name: files, protocol: http2, targets: [{address: "127.0.0.1:FILES"}]}]
policies:
  - ip_filter: {allow: [127.0.0.0/8]}
  - cors: {origins: ["https://app.example.com"]}
consumers: [{name: shop, groups: [a], credentials: {keys: "sha256:KEYHASH", jwt_subject: u1}}]
routes:
  - name: identified
    match: {path_prefix: /key}
    policies: [key_auth: {}, acl: {rules: [{allow: consumer.groups = a}]}, rate_limit: {limits: [{limit: 1000000/s}, {limit: 1000000/h, key: client.address, algorithm: sliding_window}]}, concurrency_limit: {limit: 5, key: caller}]
    upstream: backend
  - {name: token, match: {path_prefix: /token}, policies: [jwt: {secret: 0123456789abcdef0123456789abcdef, require: {scope: a}, forward_claims: {x-user: sub}}], upstream: backend}
  - {name: plain, match: {path_prefix: /plain}, upstream: backend}
  - {name: converting, match: {path_prefix: /converting}, policies: [compress: {min_size: 1}, grpc_web: {}, mirror: {upstream: backend, share: 0%}], upstream: backend}
  - {name: quota, match: {path_prefix: /quota}, policies: [key_auth: {}, quota: {limit: 1000000, per: month}], upstream: backend}
  - {name: anyof, match: {path_prefix: /anyof}, policies: [any_of: {methods: [{jwt: {secret: 0123456789abcdef0123456789abcdef}}, {key_auth: {}}]}], upstream: backend}
  - {name: respond, match: {path_prefix: /respond}, policies: [respond: {status: 200, body: "hello {request.path}"}]}
  - {name: split, match: {path_prefix: /split}, split: [{upstream: backend, weight: 50}, {upstream: files, weight: 50}], split_sticky: {cookie: stick}}
  - {name: stored, match: {path_prefix: /stored}, policies: [cache: {ttl: 1h}], upstream: files}
  - {name: file, match: {path: /file}, upstream: files}
  - name: rich
    match: {path: "/rich/{id}", headers: {x-version: 2}, query: {q: "a b"}}
    rewrite: {path: "/r/{id}"}
    policies:
      - request_limits: {body_size: 1MiB}
      - headers: {request: {set: {x-client: "{client.address} {path.id}"}}, response: {set: {x-route: "{route.name}"}}}
    upstream: backend
"""

REQUESTS = {
    "a key and a quota": b"GET /quota HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-shop-0123456789\r\n\r\n",
    "one of several methods": b"GET /anyof HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-shop-0123456789\r\n\r\n",
    "an answer of a policy": b"GET /respond HTTP/1.1\r\nHost: a\r\n\r\n",
    "a split without a cookie": b"GET /split HTTP/1.1\r\nHost: a\r\n\r\n",
    "a split by cookie": b"GET /split HTTP/1.1\r\nHost: a\r\nCookie: stick=0000abcd\r\n\r\n",
    "plain": b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n",
    "policies, parameters and conditions": b"GET /rich/%C3%A9?q=a+b HTTP/1.1\r\nHost: a\r\nX-Version: 2\r\n"
                                           b"Origin: https://app.example.com\r\n\r\n",
    "a key, rules and limits": b"GET /key HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-shop-0123456789\r\n\r\n",
    "a token": b"GET /token HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n",
    "policies that convert bodies, of which none is": b"GET /converting HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br;q=0\r\n\r\n",
    "an upload past policies that convert bodies": b"POST /converting HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "a stored response": b"GET /stored HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0.5, br, identity;q=0\r\n\r\n",
    "upload": b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "chunked upload": b"POST /plain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


def http1(connection, request):
    def ask(times):
        for _ in range(times):
            connection.sendall(request)
            assert " 200 " in read_response(connection)[0]
    return ask


def http2_client(path, **request):
    def begin(connection, _):
        client = http2.Client(connection)

        def ask(times):
            for _ in range(times):
                assert client.ask(path, **request).status == 200
                client.streams.clear()
        return ask
    return begin


SPEAKING = {
    "http2": http2_client("/plain"),
    "http2 and policies": http2_client("/key", more=[("x-api-key", "key-of-shop-0123456789")]),
    "http2 and an upload": http2_client("/plain", method="POST", body=b"hello"),
    "http2 to an http2 target": http2_client("/file"),
}


@pytest.fixture
def files():
    """The port of an HTTP/2 server whose answers are all equal: a new `Date` each second would be a new entry in HPACK's
    tables, which allocate until they are full."""
    server = http2.Backend(lambda peer, stream: peer.send(peer.head(stream, [(":status", "200"), ("content-length", "5"), ("vary", "accept-encoding")], end=False),
                                                          peer.data(stream, b"hello")))
    yield server.port
    server.close()


@pytest.mark.skipif(not COUNTER.exists(), reason="sanitizers have an allocator of their own")
@pytest.mark.parametrize("name", [*REQUESTS, *SPEAKING])
def test_steady_traffic_allocates_nothing(name, tmp_path, start, echo, files, monkeypatch):
    table = tmp_path / "counts"
    table.write_bytes(bytes(16 * SLOTS))
    text = CONFIGURATION
    for key, value in {"ADMIN": harness.free_port(), "LOG": tmp_path / "log", "FILES": files, "ONE": echo("one"), "TWO": echo("two"), "KEYHASH": hashed("key-of-shop-0123456789")[7:]}.items():
        text = text.replace(key, str(value))
    monkeypatch.setenv("MALLOC_COUNTER_FILE", str(table))
    monkeypatch.setenv("LD_PRELOAD", harness.preloadable(COUNTER))
    gateway = start(text)
    monkeypatch.undo()

    def calls_of_workers():
        with table.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            total = 0
            for slot in range(SLOTS):
                thread, calls = struct.unpack_from("qq", memory, 16 * slot)
                if thread and pathlib.Path(f"/proc/{gateway.process.pid}/task/{thread}/comm").read_text().startswith("worker"):
                    total += calls
            return total

    with gateway.connect() as connection:
        ask = SPEAKING.get(name, http1)(connection, REQUESTS.get(name))
        ask(200)  # fills the pools
        before = calls_of_workers()
        assert before > 0  # proves that allocations are counted
        ask(1000)
        assert calls_of_workers() - before == 0
