"""Purges of the cache, by the admin listener."""

import threading
import urllib.error

import pytest

from cache_gateway import FRESH, configuration, purge
from cache_origin import Answer, ask
from harness import free_port, metric, wait_for


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
    assert purge(admin, "tag=unknown") == 0 and fetched() == set()
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
