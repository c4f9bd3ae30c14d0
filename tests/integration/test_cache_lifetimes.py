"""How long responses are kept: configured lifetimes, and stale responses."""

import threading

from cache_gateway import FRESH, configuration
from cache_origin import Answer, ask
from harness import wait_for

STALE = {"cache-control": "max-age=10", "age": "20"}


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
