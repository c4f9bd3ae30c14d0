"""The cache's disk: what is stored there, purges, and the configuration of its directory."""

import gzip
import hashlib
import http.client
import threading

import pytest

import harness
import sanitizers
from cache_disk import kept  # noqa: F401 - a fixture
from cache_disk import FRESH, MIB, bytes_of
from cache_gateway import configuration, purge, together
from cache_origin import Answer, ask
from harness import BINARY, check, free_port, metric, read_head, wait_for


# Stored responses.

def test_large_bodies_lie_on_disk_and_small_ones_do_not(kept, origin):
    cache, large = kept(), bytes_of(5 * MIB + 12345)
    origin.answers["/large"] = [Answer(FRESH, body=large)]
    origin.answers["/small"] = [Answer(FRESH, body=large[:MIB - 1])]
    for path in ("/large", "/small"):
        first, second = cache.ask(path), cache.ask(path)
        assert first.body == second.body == origin.answers[path][0].body
        assert "hit" in second.get("cache-status")
        assert len(origin.asked(path)) == 1
    cache.wait_for_files(1)
    assert [one.stat().st_size for one in cache.files("body")] == [len(large)]
    assert cache.metric("entries") == 1
    assert cache.metric("bytes") == len(large)
    assert metric(cache.admin, "portcullis_cache_bytes") < 2 * MIB
    third = cache.ask("/large")
    assert third.body == large and "hit" in third.get("cache-status")
    assert cache.metric('transferred_bytes_total{direction="write"}') == len(large)
    assert cache.metric('transferred_bytes_total{direction="read"}') >= len(large)


def test_one_of_unknown_length_moves_there_as_it_grows(kept, origin):
    cache, large = kept(), bytes_of(3 * MIB)
    pieces = [(None, large[at:at + 100_000]) for at in range(0, len(large), 100_000)]
    origin.answers["/a"] = [Answer(FRESH, pieces=pieces)]
    assert cache.ask("/a").body == large
    cache.wait_for_files(1)
    got = cache.ask("/a")
    assert got.body == large and got.get("content-length") == str(len(large))
    assert len(origin.asked("/a")) == 1


def test_little_memory_is_enough(kept, origin):
    cache, large = kept(memory="512KiB"), bytes_of(3 * MIB)
    cache.store(large)
    assert cache.ask("/a").body == large
    assert len(origin.asked("/a")) == 1


def test_parts_conditions_and_head(kept, origin):
    cache, large = kept(), bytes_of(2 * MIB)
    cache.store(large)
    for begin, end in ((0, 0), (65535, 65536), (65536, 131071), (1_000_000, 1_700_000), (len(large) - 5, len(large) - 1)):
        part = cache.ask("/a", fields={"range": f"bytes={begin}-{end}"})
        assert part.status == 206 and part.body == large[begin:end + 1]
    assert cache.ask("/a", fields={"if-none-match": '"1"'}).status == 304
    head = cache.ask("/a", method="HEAD")
    assert head.get("content-length") == str(len(large)) and head.body == b""
    assert len(origin.asked("/a")) == 1


def test_one_connection_after_another_part(kept, origin):
    """Verified bytes are sent from the file to the socket; later data on the connection follows at the right place."""
    cache, large = kept(), bytes_of(4 * MIB + 321)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    origin.answers["/small"] = [Answer(FRESH, body=b"small")]
    cache.ask("/a")
    cache.ask("/small")
    cache.wait_for_files(1)
    cache.ask("/a")
    connection = http.client.HTTPConnection("127.0.0.1", cache.port)
    for begin, end in ((0, len(large) - 1), (70_000, 3_999_999), (1, 2 * MIB), (65_535, 65_537), (0, len(large) - 1)):
        connection.request("GET", "/a", headers={"host": "127.0.0.1", "range": f"bytes={begin}-{end}"})
        assert connection.getresponse().read() == large[begin:end + 1]
        connection.request("GET", "/small", headers={"host": "127.0.0.1"})
        assert connection.getresponse().read() == b"small"
    connection.close()
    # Requested at the same time, and read slowly.
    with cache.gateway.connect() as slow:
        slow.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path for path in (b"a", b"small", b"a", b"small")))
        for body in (large, b"small") * 2:
            assert " 200 " in read_head(slow)
            got = bytearray()
            while len(got) < len(body):
                got += harness.receive(slow, min(len(body) - len(got), 100_000), "the body")
            assert got == body
    assert len(origin.asked("/a")) == 1


def test_it_is_compressed_on_its_way_from_the_disk(kept, origin):
    cache = kept(before="      - compress: {algorithms: [gzip]}\n")
    large = b"".join(b'{"number": %d}\n' % i for i in range(200_000))
    origin.answers["/a"] = [Answer({**FRESH, "content-type": "application/json"}, body=large)]
    for restarts in range(3):
        got = cache.ask("/a", fields={"accept-encoding": "gzip"})
        assert got.get("content-encoding") == "gzip" and gzip.decompress(got.body) == large
        assert cache.ask("/a").body == large
        cache.wait_for_files(1)
        if restarts == 1:
            cache.restart()
            cache.wait_for_restored(1)
    assert len(origin.asked("/a")) == 1


def test_many_read_while_it_comes(kept, origin):
    cache, large, begin = kept(), bytes_of(6 * MIB), threading.Event()
    pieces = [(None if at else begin, large[at:at + 65_000]) for at in range(0, len(large), 65_000)]
    origin.answers["/a"] = [Answer(FRESH, pieces=pieces)]
    threading.Timer(0.3, begin.set).start()
    answers = together(16, lambda _: ask(cache.port, "/a"))
    assert {hashlib.sha256(one.body).digest() for one in answers} == {hashlib.sha256(large).digest()}
    assert len(origin.asked("/a")) == 1


@pytest.mark.skipif("release" not in BINARY, reason="the sanitizers keep what is freed")
def test_a_slow_client_takes_no_memory(kept, origin):
    """The client reads nothing while 48 MiB arrive at the gateway; what it reads afterwards comes from the disk."""
    cache, large = kept(disk="max_object_size: 64MiB"), bytes_of(48 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    origin.answers["/b"] = [Answer(FRESH, body=large[:8 * MIB])]
    cache.ask("/b")  # uses the memory that is needed in any case
    before = metric(cache.admin, "process_resident_memory_bytes")
    with cache.gateway.connect() as slow:
        slow.sendall(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        read_head(slow)
        cache.wait_for_files(2)
        assert metric(cache.admin, "process_resident_memory_bytes") - before < 12 * MIB
        digest, left = hashlib.sha256(), len(large)
        while left:
            piece = slow.recv(min(left, 1 << 20))
            digest.update(piece)
            left -= len(piece)
    assert digest.digest() == hashlib.sha256(large).digest()
    assert len(origin.asked("/a")) == 1


@pytest.mark.parametrize("settings, size", [("object_size: 2MiB", 3), ("", 6)])
def test_what_is_too_large_goes_past_the_disk(kept, origin, settings, size):
    cache = kept(disk="max_object_size: 5MiB", settings=settings)
    body = bytes_of(size * MIB)
    origin.answers["/told"] = [Answer(FRESH, body=body)]
    origin.answers["/untold"] = [Answer(FRESH, pieces=[(None, body[at:at + 50_000]) for at in range(0, len(body), 50_000)])]
    for path in ("/told", "/untold"):
        assert [cache.ask(path).body == body for _ in range(2)] == [True, True]
        assert len(origin.asked(path)) == 2
    wait_for(lambda: not cache.files("*"), what="nothing on disk")
    assert cache.metric("bytes") == 0


def test_those_less_asked_for_make_room(kept, origin):
    cache = kept(disk="max_object_size: 8MiB")
    for i in range(24):
        origin.answers[f"/{i}"] = [Answer(FRESH, body=bytes_of(4 * MIB, i))]
        assert cache.ask(f"/{i}").body == bytes_of(4 * MIB, i)
        cache.ask("/0")
    wait_for(lambda: sum(one.stat().st_size for one in cache.files("body")) <= 64 * MIB, what="the files to go")
    assert cache.metric("bytes") <= 64 * MIB
    assert cache.metric("evictions_total") >= 8
    assert len(origin.asked("/0")) == 1


def test_an_upstream_that_breaks_off_leaves_nothing(kept, origin):
    cache, large = kept(), bytes_of(4 * MIB)
    origin.answers["/a"] = [Answer(FRESH, pieces=[(None, large)], cut=True), Answer(FRESH, body=large)]
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        cache.ask("/a")
    wait_for(lambda: not cache.files("*"), what="nothing on disk")
    assert cache.ask("/a").body == large


# Purges.

@pytest.mark.parametrize("query", ["uri=http://127.0.0.1/a", "prefix=http://127.0.0.1/", "tag=t", "all"])
def test_a_purge_holds_over_a_restart(kept, origin, query):
    cache = kept()
    origin.answers["/a"] = [Answer({**FRESH, "surrogate-key": "s t"}, body=bytes_of(2 * MIB))]
    for restarts in (False, True):  # restored objects can be purged as well
        asked = len(origin.asked("/a"))
        cache.ask("/a")
        assert len(origin.asked("/a")) == asked + 1
        cache.wait_for_files(1)
        if restarts:
            cache.restart()
            cache.wait_for_restored(1)
        assert purge(cache.admin, query) == 1
        wait_for(lambda: not cache.files("*"), what="the files to go")


def test_expired_stays_expired(kept, origin):
    cache = kept()
    origin.answers["/a"] = [Answer(FRESH, body=bytes_of(2 * MIB)), Answer(FRESH, status=304)]
    cache.ask("/a")
    cache.wait_for_files(1)
    written = cache.files("head")[0].stat().st_ino
    assert purge(cache.admin, "uri=http://127.0.0.1/a&expire") == 1
    wait_for(lambda: cache.files("head")[0].stat().st_ino != written, what="the head to be written again")
    cache.restart()
    cache.wait_for_restored(1)
    got = cache.ask("/a")
    assert got.body == bytes_of(2 * MIB) and "fwd=stale; fwd-status=304" in got.get("cache-status")


def test_a_validation_is_written_down(kept, origin):
    cache = kept()
    origin.answers["/a"] = [Answer({**FRESH, "cache-control": "max-age=10", "age": "20"}, body=bytes_of(2 * MIB)),
                            Answer({**FRESH, "x-new": "yes"}, status=304)]
    cache.ask("/a")
    cache.wait_for_files(1)
    written = cache.files("head")[0].stat().st_ino
    assert "fwd-status=304; ttl=1000; stored" in cache.ask("/a").get("cache-status")
    wait_for(lambda: cache.files("head")[0].stat().st_ino != written, what="the head to be written again")
    assert len(cache.files("body")) == 1
    cache.restart()
    cache.wait_for_restored(1)
    got = cache.ask("/a")
    assert "hit" in got.get("cache-status") and got.get("x-new") == "yes"
    assert got.body == bytes_of(2 * MIB)


def test_what_is_read_while_it_is_purged_is_read_to_its_end(kept, origin):
    cache, large = kept(), bytes_of(30 * MIB)
    cache.store(large)
    with cache.gateway.connect() as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        read_head(client)
        assert purge(cache.admin, "all") == 1
        wait_for(lambda: not cache.files("*"), what="the files to go")
        digest, left = hashlib.sha256(), len(large)
        while left:
            piece = client.recv(min(left, 1 << 20))
            digest.update(piece)
            left -= len(piece)
    assert digest.digest() == hashlib.sha256(large).digest()


# The directory.

def test_another_process_waits_until_the_first_has_gone(kept, origin, tmp_path):
    cache = kept()
    cache.store(bytes_of(2 * MIB))
    admin = free_port()
    (tmp_path / "second").mkdir()
    second = harness.Gateway(tmp_path / "second", cache.text.replace(f":{cache.admin}", f":{admin}"))
    try:
        second.wait_for_line("is in use by another process")
        origin.answers["/b"] = [Answer(FRESH, body=bytes_of(2 * MIB))]
        for _ in range(2):  # the gateway works without the disk, and stores what fits into memory
            assert ask(second.port, "/b").body == bytes_of(2 * MIB)
        assert len(origin.asked("/b")) == 1
        cache.gateway.stop()
        second.wait_for_line("the cache has found 1 object in")
        assert "hit" in ask(second.port, "/a").get("cache-status")
    finally:
        second.stop()
        cache.begin()


def test_a_reload_goes_on_with_it(kept, origin):
    cache = kept()
    cache.store(bytes_of(2 * MIB))
    cache.gateway.write(cache.text.replace("size: 64MiB", "size: 32MiB"))
    assert any("the disk of the cache is not changed by a reload" in line for line in cache.gateway.reload())
    assert "hit" in cache.ask("/a").get("cache-status")


@sanitizers.only_configuration
@pytest.mark.parametrize("disk, message", [
    ("{path: /tmp/x, size: 1KiB}", "2:36: error: `size` is less than one object of `min_object_size`"),
    ("{path: /tmp/x, size: 1GiB, min_object_size: 2MiB, max_object_size: 1MiB}", "nothing would be stored on disk"),
    ("{path: /tmp/x}", "`size`"),
    ("{path: /tmp/x, sizes: 1GiB}", "did you mean `size`?"),
])
def test_mistakes_are_named(tmp_path, disk, message):
    path = tmp_path / "gateway.yaml"
    path.write_text(f"version: 1\ncache: {{disk: {disk}}}\n")
    assert message in check(path)


def test_a_directory_that_cannot_be_made_is_named(origin, tmp_path):
    text = configuration(origin, top=f"cache: {{disk: {{path: {tmp_path}/no/where, size: 1GiB}}}}\n")
    with pytest.raises(AssertionError, match="cannot create the directory of the cache `.*/no/where`: No such file or directory"):
        harness.Gateway(tmp_path, text)
