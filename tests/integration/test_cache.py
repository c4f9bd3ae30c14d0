"""The cache beyond RFC 9111: shared fetches, purges, keys, limits, failures. See test_cache_conformance.py."""

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

import harness
from cache_origin import Answer, Origin, ask
from harness import BINARY, free_port, log_lines, metric, wait_for

FRESH = {"cache-control": "max-age=100"}
STALE = {"cache-control": "max-age=10", "age": "20"}


@pytest.fixture
def origin():
    made = Origin()
    yield made
    made.close()


def configuration(origin, settings="", admin=None, top="", before="", workers=2, upstream=""):
    admin = f'admin: {{address: "127.0.0.1:{admin}"}}\n' if admin else ""
    return f"""version: 1
workers: {workers}
{admin}{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]{upstream}}}]
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: main
    policies:
{before}      - cache: {{{settings}}}
"""


def together(count, call):
    """The results of `count` concurrent calls."""
    out = [None] * count

    def one(i):
        out[i] = call(i)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return out


def purge(admin, query):
    request = urllib.request.Request(f"http://127.0.0.1:{admin}/cache/purge?{query}", method="POST")
    return json.load(urllib.request.urlopen(request, timeout=10))["purged"]


def waiting(admin, count):
    wait_for(lambda: metric(admin, "portcullis_cache_waits_total") == count, what="those who wait")


# One fetch for all requests.

def test_those_who_ask_for_what_is_being_fetched_wait_for_it(start, origin):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))
    origin.answers["/a"] = [Answer(FRESH, release=release)]
    threading.Thread(target=lambda: (waiting(admin, 39), release.set()), daemon=True).start()
    answers = together(40, lambda _: ask(gateway.port, "/a"))
    assert [one.body for one in answers] == [b"body"] * 40
    assert len(origin.asked("/a")) == 1
    assert sum("collapsed" in one.get("cache-status") for one in answers) == 39
    assert metric(admin, 'portcullis_cache_requests_total{route="all",outcome="collapsed"}') == 39


def test_those_who_wait_get_what_the_one_got_who_failed(start, origin):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))

    def fail(_):
        release.wait(20)
        raise OSError
    origin.answers["/a"] = [fail]
    threading.Thread(target=lambda: (waiting(admin, 9), release.set()), daemon=True).start()
    answers = together(10, lambda _: ask(gateway.port, "/a"))
    assert [one.status for one in answers] == [502] * 10
    assert len(origin.asked("/a")) == 1


def test_what_is_for_one_request_only_is_not_waited_for_twice(start, origin):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))
    origin.answers["/a"] = [Answer({"cache-control": "private"}, release=release)]
    threading.Thread(target=lambda: (waiting(admin, 9), release.set()), daemon=True).start()
    answers = together(10, lambda _: ask(gateway.port, "/a"))
    assert [one.status for one in answers] == [200] * 10 and len(origin.asked("/a")) == 10
    assert ask(gateway.port, "/a").status == 200
    assert metric(admin, "portcullis_cache_waits_total") == 9  # the result is known, so no further request waits


def test_each_variant_is_fetched_once(start, origin):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))
    vary = {**FRESH, "vary": "x-v"}
    origin.answers["/a"] = [lambda request: Answer(vary, body=(request.get("x-v") or "none").encode(), release=release)]
    threading.Thread(target=lambda: (waiting(admin, 19), release.set()), daemon=True).start()
    answers = together(20, lambda i: ask(gateway.port, "/a", fields={"x-v": str(i % 2)}))
    assert [one.body for one in answers] == [str(i % 2).encode() for i in range(20)]
    assert len(origin.asked("/a")) == 2


def test_the_fetch_goes_on_when_its_client_leaves(start, origin):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))
    origin.answers["/a"] = [Answer(FRESH, release=release)]
    first = gateway.connect()
    first.sendall(b"GET /a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    wait_for(lambda: origin.asked("/a"), what="the fetch")
    harness.reset(first)
    threading.Thread(target=lambda: (waiting(admin, 1), time.sleep(0.3), release.set()), daemon=True).start()
    assert ask(gateway.port, "/a").body == b"body"
    assert len(origin.asked("/a")) == 1


def test_the_body_goes_on_when_its_client_leaves(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH, pieces=[(None, b"one"), (release, b"two")])]
    first = gateway.connect()
    first.sendall(b"GET /a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    harness.take_until(first, b"one", "a chunk")
    harness.reset(first)
    release.set()
    wait_for(lambda: ask(gateway.port, "/a").body == b"onetwo", what="the whole")
    assert len(origin.asked("/a")) == 1


def test_who_has_waited_too_long_asks_for_itself(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin, "wait: 100ms"))
    origin.answers["/a"] = [Answer(FRESH, release=release), Answer(FRESH, body=b"mine")]
    first = threading.Thread(target=lambda: ask(gateway.port, "/a"))
    first.start()
    wait_for(lambda: origin.asked("/a"), what="the fetch")
    assert ask(gateway.port, "/a").body == b"mine"
    release.set()
    first.join()


def test_without_coalescing_everybody_asks(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin, "coalesce: false"))
    origin.answers["/a"] = [Answer(FRESH, release=release)]
    threading.Thread(target=lambda: (wait_for(lambda: len(origin.asked("/a")) == 5), release.set()), daemon=True).start()
    assert [one.status for one in together(5, lambda _: ask(gateway.port, "/a"))] == [200] * 5


# Stale responses.

def test_a_stale_response_is_sent_while_it_is_fetched_anew(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin, "stale_while_revalidate: 100s"))
    origin.answers["/a"] = [Answer({**STALE, "etag": '"x"'}, body=b"old"),
                            Answer({**FRESH, "etag": '"y"'}, body=b"new", release=release)]
    assert ask(gateway.port, "/a").body == b"old"
    for _ in range(5):
        answer = ask(gateway.port, "/a")
        assert answer.body == b"old" and "hit; ttl=-" in answer.get("cache-status")
    wait_for(lambda: len(origin.asked("/a")) == 2, what="the fetch")
    assert origin.asked("/a")[1].get("if-none-match") == '"x"'
    release.set()
    wait_for(lambda: ask(gateway.port, "/a").body == b"new", what="the new one")
    assert len(origin.asked("/a")) == 2


def test_the_policies_behind_the_cache_see_what_is_fetched_for_it(start, origin):
    gateway = start(configuration(origin, "stale_while_revalidate: 100s") +
                    "      - headers: {request: {set: {x-late: \"{request.path}\"}}, response: {set: {x-seen: yes}}}\n")
    origin.answers["/a"] = [Answer({**STALE, "etag": '"x"'}), Answer(FRESH)]
    assert ask(gateway.port, "/a").get("x-seen") == "yes"
    assert ask(gateway.port, "/a").get("x-seen") == "yes"
    wait_for(lambda: len(origin.asked("/a")) == 2, what="the fetch")
    assert [one.get("x-late") for one in origin.asked("/a")] == ["/a", "/a"]


def test_a_stale_response_is_sent_when_the_upstream_is_gone(start, origin):
    gateway = start(configuration(origin, "stale_if_error: 100s"))
    origin.answers["/a"] = [Answer(STALE)]
    assert ask(gateway.port, "/a").status == 200

    def fail(_):
        raise OSError
    origin.answers["/a"] = [fail]
    answer = ask(gateway.port, "/a")
    assert answer.status == 200 and answer.body == b"body" and "fwd-status=502" in answer.get("cache-status")


# Cache keys.

CONSUMERS = """consumers:
  - {name: one, credentials: {keys: ["%s"]}}
  - {name: two, credentials: {keys: ["%s"]}}
"""
KEY_AUTH = "      - key_auth: {}\n"


def hashed(key):
    return subprocess.run([BINARY, "hash-key"], input=key, capture_output=True, text=True, check=True).stdout.strip()


def with_consumers(origin, settings=""):
    return configuration(origin, settings, before=KEY_AUTH) + CONSUMERS % (hashed("a" * 32), hashed("b" * 32))


def of(name):
    return {"x-api-key": {"one": "a", "two": "b"}[name] * 32}


def test_what_a_consumer_gets_is_not_kept_unless_it_is_public(start, origin):
    gateway = start(with_consumers(origin))
    origin.answers["/a"], origin.answers["/b"] = [Answer(FRESH)], [Answer({"cache-control": "public, max-age=100"})]
    for path in ("/a", "/b"):
        for name in ("one", "two"):
            assert ask(gateway.port, path, fields=of(name)).status == 200
    assert (len(origin.asked("/a")), len(origin.asked("/b"))) == (2, 1)


def test_a_cached_answer_passes_authentication_first(start, origin):
    gateway = start(with_consumers(origin))
    origin.answers["/b"] = [Answer({"cache-control": "public, max-age=100"})]
    assert ask(gateway.port, "/b", fields=of("one")).status == 200
    assert ask(gateway.port, "/b").status == 401


def test_what_consumers_get_is_kept_apart_by_a_key_that_names_them(start, origin):
    gateway = start(with_consumers(origin, 'key: "{request.path} {consumer.name}"'))
    origin.answers["/a"] = [lambda request: Answer(FRESH, body=request.get("x-consumer-name").encode())]
    for _ in range(2):
        for name in ("one", "two"):
            assert ask(gateway.port, "/a", fields=of(name)).body == name.encode()
    assert len(origin.asked("/a")) == 2
    # An unsafe request invalidates the responses of all consumers.
    ask(gateway.port, "/a", "POST", of("one"), b"x")
    for name in ("one", "two"):
        assert ask(gateway.port, "/a", fields=of(name)).body == name.encode()
    assert len(origin.asked("/a")) == 5


def test_a_limit_counts_what_the_cache_answers(start, origin):
    gateway = start(configuration(origin, before="      - rate_limit: {limit: 3/min, key: client.address}\n"))
    origin.answers["/a"] = [Answer(FRESH)]
    assert [ask(gateway.port, "/a").status for _ in range(4)] == [200, 200, 200, 429]
    assert len(origin.asked("/a")) == 1


def test_query_parameters_that_make_no_difference(start, origin):
    gateway = start(configuration(origin, 'ignore_query: ["utm_*", fbclid]'))
    origin.answers["/a"] = [Answer(FRESH)]
    for query in ("?x=1&utm_source=a", "?utm_campaign=c&x=1", "?x=1", "?fbclid=5&x=1"):
        assert ask(gateway.port, "/a" + query).status == 200
    assert len(origin.asked("/a")) == 1 and origin.asked("/a")[0].target == "/a?x=1&utm_source=a"
    ask(gateway.port, "/a?x=2")
    assert len(origin.asked("/a")) == 2


def test_routes_that_share_a_uri_share_no_answers(start, origin):
    gateway = start(configuration(origin) + """  - name: other
    match: {path_prefix: /, headers: {x-beta: "yes"}}
    rewrite: {path: /beta}
    upstream: main
    policies: [cache: {}]
""")
    origin.answers["/a"], origin.answers["/beta"] = [Answer(FRESH, body=b"a")], [Answer(FRESH, body=b"beta")]
    for _ in range(2):
        assert ask(gateway.port, "/a").body == b"a"
        assert ask(gateway.port, "/a", fields={"x-beta": "yes"}).body == b"beta"
    assert len(origin.asked("/beta")) == 1


def test_what_policies_behind_the_cache_ask_for_does_not_choose_the_variant(start, origin):
    gateway = start(configuration(origin) + "      - headers: {request: {set: {accept-encoding: gzip, authorization: ours}}}\n")
    origin.answers["/a"] = [Answer({**FRESH, "vary": "accept-encoding", "etag": '"x"'})]
    for _ in range(2):
        assert ask(gateway.port, "/a", fields={"accept-encoding": "br"}).status == 200
    assert len(origin.asked("/a")) == 1 and origin.asked("/a")[0].get("accept-encoding") == "gzip"
    assert ask(gateway.port, "/a", fields={"accept-encoding": "br", "if-none-match": '"x"'}).status == 304


def test_hosts_and_ports(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH)]
    for host in ("One.example", "one.example:80", "two.example"):
        with gateway.connect() as connection:
            connection.sendall(f"GET /a HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            harness.read_response(connection)
    assert len(origin.asked("/a")) == 2


# Configured lifetimes.

def test_lifetimes_by_status_and_by_default(start, origin):
    gateway = start(configuration(
        origin, "default_ttl: 100s, ttl_by_status: [{status: [404, 5xx], ttl: 50s}, {status: 410, ttl: 0s}]"))
    for path, status in (("/a", 200), ("/b", 404), ("/c", 503), ("/d", 410), ("/e", 403)):
        origin.answers[path] = [Answer({}, status)]
        for _ in range(2):
            assert ask(gateway.port, path).status == status
    assert [len(origin.asked(path)) for path in ("/a", "/b", "/c", "/d", "/e")] == [1, 1, 1, 2, 2]
    assert "ttl=50" in ask(gateway.port, "/b").get("cache-status")


def test_a_lifetime_in_place_of_what_responses_say(start, origin):
    gateway = start(configuration(origin, "ttl: 100s"))
    origin.answers["/a"], origin.answers["/b"] = [Answer({"cache-control": "max-age=0"})], [Answer({"cache-control": "no-store"})]
    for _ in range(2):
        ask(gateway.port, "/a"), ask(gateway.port, "/b")
    assert (len(origin.asked("/a")), len(origin.asked("/b"))) == (1, 2)


def test_what_the_condition_leaves_out_passes(start, origin):
    gateway = start(configuration(origin, "when: not request.header.x-debug exists"))
    origin.answers["/a"] = [Answer(FRESH)]
    for _ in range(2):
        assert ask(gateway.port, "/a", fields={"x-debug": "1"}).get("cache-status") == "portcullis; fwd=bypass"
    assert len(origin.asked("/a")) == 2


def test_clients_whose_directives_are_ignored(start, origin):
    gateway = start(configuration(origin, "client_directives: ignore"))
    origin.answers["/a"] = [Answer(FRESH)]
    for directive in ("no-cache", "no-store", "max-age=0"):
        assert ask(gateway.port, "/a", fields={"cache-control": directive}).status == 200
    assert len(origin.asked("/a")) == 1


# Purges.

def test_purges(start, origin):
    admin = free_port()
    gateway = start(configuration(origin, admin=admin))
    paths = {"/a": "x y", "/a/b": "y", "/a/c": "z"}
    for path, tags in paths.items():
        origin.answers[path] = [Answer({**FRESH, "surrogate-key": tags})]

    def fetched():
        before = len(origin.requests)
        for path in paths:
            assert ask(gateway.port, path).status == 200
        return {one.target for one in origin.requests[before:]}
    assert fetched() == set(paths) and fetched() == set()
    host = "http://127.0.0.1"
    assert purge(admin, f"uri={host}:81/a") == 0 and purge(admin, f"uri={host}:80/a") == 1 and fetched() == {"/a"}
    assert purge(admin, f"prefix={host}/a/") == 2 and fetched() == {"/a/b", "/a/c"}
    assert purge(admin, "tag=y") == 2 and fetched() == {"/a", "/a/b"}
    assert purge(admin, "tag=nobody") == 0 and fetched() == set()
    assert purge(admin, "all") == 3 and fetched() == set(paths)
    assert metric(admin, "portcullis_cache_entries") == 3


def test_a_purge_that_expires_leaves_what_may_be_sent_stale(start, origin):
    admin = free_port()
    gateway = start(configuration(origin, "stale_while_revalidate: 100s", admin=admin))
    origin.answers["/a"] = [Answer(FRESH, body=b"old"), Answer(FRESH, body=b"new")]
    assert ask(gateway.port, "/a").body == b"old"
    assert purge(admin, "all&expire") == 1
    assert ask(gateway.port, "/a").body == b"old"
    wait_for(lambda: ask(gateway.port, "/a").body == b"new", what="the new one")


@pytest.mark.parametrize("query", ["", "uri=/a", "uri=ftp://a/", "uri=http://a/&tag=b"])
def test_purges_that_say_nothing_clear_are_refused(start, origin, query):
    admin = free_port()
    start(configuration(origin, admin=admin))
    with pytest.raises(urllib.error.HTTPError, match="400"):
        purge(admin, query)


@pytest.mark.parametrize("query", ["uri=http://127.0.0.1/a", "prefix=http://127.0.0.1/", "tag=t", "all"])
def test_what_was_asked_for_before_a_purge_is_not_kept_after_it(start, origin, query):
    admin, release = free_port(), threading.Event()
    gateway = start(configuration(origin, admin=admin))
    origin.answers["/a"] = [Answer({**FRESH, "cache-tag": "t"}, body=b"old", release=release), Answer(FRESH, body=b"new")]
    first = threading.Thread(target=lambda: ask(gateway.port, "/a"))
    first.start()
    wait_for(lambda: origin.asked("/a"), what="the fetch")
    purge(admin, query)
    release.set()
    first.join()
    assert ask(gateway.port, "/a").body == b"new"


# Sizes.

def test_what_is_too_large_passes(start, origin):
    gateway = start(configuration(origin, "object_size: 100KiB"))
    large = bytes(range(256)) * 1024
    origin.answers["/length"] = [Answer(FRESH, body=large)]
    origin.answers["/chunks"] = [Answer(FRESH, pieces=[(None, large[i:i + 8192]) for i in range(0, len(large), 8192)])]
    for path in ("/length", "/chunks"):
        for _ in range(2):
            assert ask(gateway.port, path).body == large
        assert len(origin.asked(path)) == 2


def test_those_who_wait_for_what_turns_out_too_large_ask_for_themselves(start, origin):
    """The response exceeds the limit at once, before requests on other workers have begun to read it."""
    admin, large = free_port(), bytes(range(256)) * 1024
    gateway = start(configuration(origin, "object_size: 4KiB", admin=admin, workers=4))
    for round in range(1, 11):
        release = threading.Event()
        origin.answers[f"/{round}"] = [Answer(FRESH, release=release, pieces=[(None, large)])]
        threading.Thread(target=lambda: (waiting(admin, 15 * round), release.set()), daemon=True).start()
        answers = together(16, lambda _: ask(gateway.port, f"/{round}"))
        assert [answer is not None and answer.body == large for answer in answers] == [True] * 16


def test_a_slow_reader_of_what_is_not_kept_holds_the_origin_back(start, origin):
    """Otherwise the whole response would be in memory."""
    gateway = start(configuration(origin, "object_size: 100KiB"))
    sent, piece = [0], b"x" * 65536

    def pieces():
        for _ in range(1024):
            yield None, piece
            sent[0] += len(piece)
    answer = Answer(FRESH)
    answer.pieces = pieces()
    origin.answers["/a"] = [answer]
    with gateway.connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
        harness.read_head(slow)
        seen = -1
        while seen != sent[0]:
            seen = sent[0]
            time.sleep(0.3)  # the absence of data sends no signal to wait for
        assert seen < 32 << 20
        rest = 0
        while rest < 1024 * 65536:
            got = slow.recv(1 << 20)
            assert got
            rest += len(got)
    assert sent[0] == 64 << 20


def test_the_memory_is_bounded(start, origin):
    admin = free_port()
    gateway = start(configuration(origin, admin=admin, top="cache: {memory: 1MiB}"))
    for i in range(200):
        origin.answers[f"/{i}"] = [Answer(FRESH, body=b"x" * 20000)]
        assert ask(gateway.port, f"/{i}").status == 200
    assert metric(admin, "portcullis_cache_bytes") <= 1 << 20
    assert 20 <= metric(admin, "portcullis_cache_entries") <= 52
    assert metric(admin, "portcullis_cache_evictions_total") >= 140
    assert metric(admin, "portcullis_cache_filling_bytes") == 0


# The cache together with other parts of the gateway.

def test_http2_clients_share_with_others(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer({**FRESH, "etag": '"x"'}, body=b"y" * 100000)]
    url = f"http://127.0.0.1:{gateway.port}/a"
    for more in ([], ["-H", 'if-none-match: "x"'], ["-r", "5-9"], ["-I"]):
        told = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-H", "host: 127.0.0.1", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", *more, url],
                              capture_output=True, text=True).stdout
        assert told == {(): "200 100000", "-H": "304 0", "-r": "206 5", "-I": "200 0"}[more[0] if more else ()]
    assert ask(gateway.port, "/a").body == b"y" * 100000
    assert len(origin.asked("/a")) == 1


def test_http10_clients_get_bodies_of_unknown_length(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH, pieces=[(None, b"one"), (release, b"two")])]
    with gateway.connect() as old:
        old.sendall(b"GET /a HTTP/1.0\r\n\r\n")
        harness.read_head(old)
        release.set()
        assert harness.read_to_end(old) == b"onetwo"
    with gateway.connect() as old:
        old.sendall(b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert harness.read_response(old)[1] == b"onetwo"


def test_what_breaks_off_breaks_off_for_all(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH, pieces=[(None, b"one"), (release, b"two")], cut=True)]
    with gateway.connect() as one, gateway.connect() as two:
        for connection in (one, two):
            connection.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
            harness.take_until(connection, b"one", "a chunk")
        release.set()
        for connection in (one, two):
            assert not harness.read_to_end(connection).endswith(b"0\r\n\r\n")
    origin.answers["/a"] = [Answer(FRESH)]
    assert ask(gateway.port, "/a").body == b"body"


class Endless:
    """A backend's handler with answers of 300 MiB that must not be stored; it counts the bytes that were read."""

    def __init__(self, framing="Content-Length: 314572800"):
        self.framing, self.sent, self.methods, self.ended = framing, 0, [], 0

    def __call__(self, connection, made):
        head = made.read_head(connection)
        self.methods.append(head.split()[0])
        status = "206 Partial Content" if "range:" in head.lower() else "200 OK"
        answer = f"HTTP/1.1 {status}\r\nCache-Control: private\r\n{self.framing}\r\n\r\n".encode()
        if head.startswith("HEAD"):
            return connection.sendall(answer)
        try:
            connection.sendall(answer)
            while self.sent < 300 << 20:
                self.sent += connection.send(bytes(1 << 16))
        finally:
            self.ended += 1


@pytest.mark.parametrize("framing", ["Content-Length: 314572800", "X: until the end"])
@pytest.mark.parametrize("request_line, fields, status", [("HEAD", "", 200), ("GET", "Range: bytes=0-1\r\n", 206)])
def test_what_cannot_be_stored_is_given_up_when_less_was_asked_for(start, backend, framing, request_line, fields, status):
    handler = Endless(framing)
    made = backend(handler)
    gateway = start(configuration(made))
    with gateway.connect() as connection:
        connection.sendall(f"{request_line} /x?1 HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
        assert f" {status} " in harness.read_head(connection)
        connection.close()
    wait_for(lambda: handler.ended == handler.methods.count("GET"), what=lambda: f"the end of what the target sends: {handler.methods}, {handler.ended} ended, {handler.sent} bytes")
    assert handler.sent < 16 << 20  # at most what fits into the kernel's buffers


def test_a_short_one_that_cannot_be_stored_leaves_its_connection_good(start, origin):
    gateway = start(configuration(origin, workers=1))
    origin.answers["/"] = [Answer({"cache-control": "private"})]
    for i in range(4):
        assert ask(gateway.port, f"/?{i}", method="HEAD").status == 200
    assert [one.method for one in origin.asked("/")].count("GET") == 4 and origin.accepted == 1


def test_a_part_far_ahead_of_what_has_come_is_asked_for_by_itself(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin))
    length = {**FRESH, "content-length": str(4 << 20)}

    class Slow(Answer):
        def send(self, connection, method):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in length.items()) + b"\r\nbegin")
            release.wait(20)
            connection.sendall(b"x" * ((4 << 20) - 5))
            return True
    origin.answers["/a"] = [Slow(), Answer({"content-range": "bytes 3000000-3000001/4194304"}, 206, body=b"xx")]
    whole = []
    first = threading.Thread(target=lambda: whole.append(ask(gateway.port, "/a").body))
    first.start()
    wait_for(lambda: origin.asked("/a"), what="the fetch")
    near = ask(gateway.port, "/a", fields={"range": "bytes=0-4"})
    assert (near.status, near.body) == (206, b"begin")
    far = ask(gateway.port, "/a", fields={"range": "bytes=3000000-3000001"})
    assert (far.status, far.body) == (206, b"xx") and origin.asked("/a")[1].get("range") == "bytes=3000000-3000001"
    release.set()
    first.join()
    assert len(whole[0]) == 4 << 20


def test_what_is_kept_outlives_a_reload(start, origin):
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH)]
    ask(gateway.port, "/a")
    gateway.write(configuration(origin, "default_ttl: 1s"))
    gateway.reload()
    assert "hit" in ask(gateway.port, "/a").get("cache-status")


def test_a_gateway_that_leaves_finishes_what_others_read(start, origin):
    release = threading.Event()
    gateway = start(configuration(origin))
    origin.answers["/a"] = [Answer(FRESH, pieces=[(None, b"one"), (release, b"two")])]
    connections = [gateway.connect() for _ in range(8)]
    for connection in connections:
        connection.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
        harness.take_until(connection, b"one", "a chunk")
    stopping = threading.Thread(target=gateway.stop)
    stopping.start()
    gateway.wait_for_line("draining")
    release.set()
    for connection in connections:
        assert harness.take_until(connection, b"0\r\n\r\n", "the rest").endswith(b"two\r\n0\r\n\r\n")
    stopping.join()


def test_the_log_and_explain_tell(start, origin, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(configuration(origin, top=f"access_log: {{path: {log}}}"))
    origin.answers["/a"] = [Answer(FRESH)]
    ask(gateway.port, "/a"), ask(gateway.port, "/a")
    wait_for(lambda: len(log_lines(log)) == 2, what="the lines")
    assert {(one["cache"], one["ended"]) for one in log_lines(log)} == {("miss", "complete"), ("hit", "answered_from_cache")}
    told = subprocess.run([BINARY, "explain", "-c", str(gateway.path), "GET", "http://a/b?c"], capture_output=True, text=True).stdout
    assert "would be answered from the cache if the cache has a response: `all http://a/b?c`" in told
    told = subprocess.run([BINARY, "explain", "-c", str(gateway.path), "POST", "http://a/b?c"], capture_output=True, text=True).stdout
    assert "would remove the stored responses of `http://a/b?c`" in told
