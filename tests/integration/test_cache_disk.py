"""The cache's disk: what is stored there, is restored after a restart or a crash, and is never sent when damaged."""

import gzip
import hashlib
import http.client
import os
import random
import shutil
import signal
import threading
import time

import pytest

import harness
import sanitizers
from cache_origin import Answer, Origin, ask
from harness import BINARY, check, free_port, metric, read_head, wait_for
from test_cache import configuration, purge, together

MIB = 1 << 20
FRESH = {"cache-control": "max-age=1000", "etag": '"1"'}


def bytes_of(size, seed=1):
    return random.Random(seed).randbytes(size)


@pytest.fixture
def origin():
    made = Origin()
    yield made
    made.close()


class Kept:
    """A gateway with large responses on disk, which can be stopped and started again."""

    def __init__(self, origin, directory, disk="", settings="", memory="64MiB", before="", prefix=()):
        self.origin, self.directory, self.prefix = origin, directory, prefix
        self.path = directory / "cache"
        self.admin = free_port()
        self.text = configuration(origin, settings, self.admin, f"cache: {{memory: {memory}, disk: {{path: {self.path}, size: 64MiB, {disk}}}}}\n", before)
        self.begin()

    def begin(self):
        self.gateway = harness.Gateway(self.directory, self.text, prefix=self.prefix)
        self.port = self.gateway.port

    def restart(self):
        self.gateway.stop()
        self.begin()

    def ask(self, path, **settings):
        return ask(self.port, path, **settings)

    def files(self, ending):
        return sorted(self.path.glob(f"*/*.{ending}"))

    def metric(self, name):
        return metric(self.admin, f"portcullis_cache_disk_{name}")

    def wait_for_files(self, count):
        """Waits until that many objects are complete on disk."""
        wait_for(lambda: len(self.files("head")) == count, what=f"{count} objects on disk")

    def wait_for_restored(self, count):
        """Waits until that many objects have been restored after a start."""
        wait_for(lambda: self.metric("restored_total") == count, what="what was there")


@pytest.fixture
def kept(origin, tmp_path):
    made = []

    def begin(**settings):
        made.append(Kept(origin, tmp_path, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.gateway.stop()


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
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    cache.wait_for_files(1)
    assert cache.ask("/a").body == large
    assert len(origin.asked("/a")) == 1


def test_parts_conditions_and_head(kept, origin):
    cache, large = kept(), bytes_of(2 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    cache.wait_for_files(1)
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


# Restarts.

def test_it_is_there_after_a_restart(kept, origin):
    cache = kept()
    fields = {**FRESH, "content-type": "image/png", "x-odd": "caf\xe9", "vary": "accept-language"}
    origin.answers["/a"] = [Answer(fields, body=bytes_of(2 * MIB))]
    for language in ("en", "da"):
        cache.ask("/a", fields={"accept-language": language})
    cache.wait_for_files(2)
    time.sleep(1.1)  # its age must continue after the restart
    cache.restart()
    cache.wait_for_restored(2)
    for language in ("en", "da"):
        got = cache.ask("/a", fields={"accept-language": language})
        assert "hit" in got.get("cache-status") and got.age >= 1
        assert got.body == bytes_of(2 * MIB)
        assert (got.get("content-type"), got.get("x-odd"), got.get("etag")) == ("image/png", "caf\xe9", '"1"')
    assert len(origin.asked("/a")) == 2
    cache.gateway.wait_for_line("the cache has found 2 objects")
    cache.ask("/a", fields={"accept-language": "fr"})
    assert len(origin.asked("/a")) == 3


def test_a_crash_leaves_whole_objects_only(kept, origin):
    cache, large, never = kept(), bytes_of(4 * MIB), threading.Event()
    origin.answers["/whole"] = [Answer(FRESH, body=large)]
    origin.answers["/half"] = [Answer(FRESH, pieces=[(None, large[:2 * MIB]), (never, large[2 * MIB:])]), Answer(FRESH, body=large)]
    cache.ask("/whole")
    cache.wait_for_files(1)
    with cache.gateway.connect() as client:
        client.sendall(b"GET /half HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_for(lambda: len(cache.files("body")) == 2, what="the half body")
        cache.gateway.process.send_signal(signal.SIGKILL)
        cache.gateway.process.wait()
    never.set()
    cache.begin()
    cache.wait_for_restored(1)
    wait_for(lambda: len(cache.files("*")) == 2, what="the half to go")
    assert cache.ask("/whole").body == large and len(origin.asked("/whole")) == 1
    assert cache.ask("/half").body == large and len(origin.asked("/half")) == 2


def lose_a_byte(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("damage", ["head", "body missing", "body short", "head of another version"])
def test_what_is_not_whole_at_the_start_is_removed(kept, origin, damage):
    cache, large = kept(), bytes_of(2 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    cache.wait_for_files(1)
    cache.gateway.stop()
    (head,), (body,) = cache.files("head"), cache.files("body")
    if damage == "head":
        lose_a_byte(head, head.stat().st_size // 2)
    elif damage == "head of another version":
        lose_a_byte(head, 3)
    elif damage == "body missing":
        body.unlink()
    else:
        os.truncate(body, len(large) - 1)
    (head.parent / "README").write_text("not the cache's")
    cache.begin()
    wait_for(lambda: cache.metric('lost_total{why="damaged"}') == 1, what="the damage to be seen")
    wait_for(lambda: not cache.files("*"), what="the files to go")
    assert (head.parent / "README").exists()
    assert cache.ask("/a").body == large
    assert len(origin.asked("/a")) == 2


def damage(cache, at):
    """Damages the single object before it has been verified: a client that lags behind then reads from the file."""
    cache.wait_for_files(1)
    lose_a_byte(cache.files("body")[0], at)
    cache.restart()
    cache.wait_for_restored(1)


def test_damage_at_the_beginning_is_fetched_anew(kept, origin):
    cache, large = kept(), bytes_of(2 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    damage(cache, 10)
    got = cache.ask("/a")
    assert got.body == large
    assert "fwd=" in got.get("cache-status") and "damaged" in got.get("cache-status")
    assert cache.metric('lost_total{why="damaged"}') == 1
    cache.gateway.wait_for_line("is damaged, and removed")
    cache.wait_for_files(1)
    assert "hit" in cache.ask("/a").get("cache-status")
    assert len(origin.asked("/a")) == 2


def breaks_off(cache, large):
    """The bytes before the damage are correct."""
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as broken:
        cache.ask("/a")
    if isinstance(broken.value, http.client.IncompleteRead):
        assert large.startswith(broken.value.partial)


def test_damage_farther_on_breaks_the_answer_off(kept, origin):
    cache, large = kept(), bytes_of(4 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    damage(cache, 3 * MIB)
    breaks_off(cache, large)
    assert cache.ask("/a").body == large
    assert len(origin.asked("/a")) == 2


def test_a_file_that_is_cut_short_breaks_the_answer_off(kept, origin):
    cache, large = kept(), bytes_of(4 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    for _ in range(3):
        assert cache.ask("/a").body == large
        cache.wait_for_files(1)
    os.truncate(cache.files("body")[0], 2 * MIB + 100)
    breaks_off(cache, large)
    assert cache.ask("/a").body == large
    assert cache.metric('lost_total{why="damaged"}') == 1
    assert len(origin.asked("/a")) == 2


def test_a_directory_that_has_gone_is_done_without(kept, origin):
    cache, large = kept(), bytes_of(2 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    cache.wait_for_files(1)
    shutil.rmtree(cache.path)
    origin.answers["/b"] = [Answer(FRESH, body=large)]
    for _ in range(3):
        assert cache.ask("/a").body == cache.ask("/b").body == large
    assert len(origin.asked("/b")) > 1
    assert cache.metric('lost_total{why="write_failed"}') >= 1


def test_a_disk_that_takes_no_more_costs_no_answer(kept, origin):
    """Simulates a full disk: no file may exceed 3 MiB."""
    cache, large = kept(prefix=["prlimit", f"--fsize={3 * MIB}"]), bytes_of(9 * MIB)
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    answers = together(8, lambda _: ask(cache.port, "/a"))
    assert [one.body == large for one in answers] == [True] * 8
    assert cache.metric('lost_total{why="write_failed"}') >= 1
    wait_for(lambda: not cache.files("*"), what="nothing on disk")
    cache.gateway.wait_for_line("could not be written")


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
    origin.answers["/a"] = [Answer(FRESH, body=large)]
    cache.ask("/a")
    cache.wait_for_files(1)
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


# Use of the directory by several processes.

def test_another_process_waits_until_the_first_has_gone(kept, origin, tmp_path):
    cache = kept()
    origin.answers["/a"] = [Answer(FRESH, body=bytes_of(2 * MIB))]
    cache.ask("/a")
    cache.wait_for_files(1)
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
    origin.answers["/a"] = [Answer(FRESH, body=bytes_of(2 * MIB))]
    cache.ask("/a")
    cache.wait_for_files(1)
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
