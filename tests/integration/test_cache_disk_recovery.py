"""The cache's disk: what is restored after a restart or a crash, and that nothing damaged is ever sent."""

import http.client
import os
import shutil
import signal
import threading
import time

import pytest

from cache_disk import kept  # noqa: F401 - a fixture
from cache_disk import FRESH, MIB, bytes_of
from cache_gateway import together
from cache_origin import Answer, ask
from harness import wait_for


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
    cache.store(large)
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
    cache.store(large)
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
