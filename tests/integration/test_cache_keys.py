"""Which requests share a stored response: consumers, queries, routes, variants and hosts."""

import subprocess

import harness
from cache_gateway import FRESH, configuration
from cache_origin import Answer, ask
from harness import BINARY

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
