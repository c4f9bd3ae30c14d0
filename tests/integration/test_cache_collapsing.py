"""Requests for what is being fetched wait for it, and the cache fetches it once for all of them."""

import threading
import time

import harness
from cache_gateway import FRESH, configuration, together, waiting
from cache_origin import Answer, ask
from harness import free_port, metric, wait_for


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
