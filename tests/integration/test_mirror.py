"""Copies of requests for another upstream, which the client never notices."""

import http.client
import threading
import time

import pytest

import sanitizers
from harness import Script, check, free_port, metric, read_response, reset, wait_for
from http2 import OK


def configuration(main, *shadows, settings="", admin, shadow_upstream="", policies=None, workers=1):
    names = [f"shadow{i or ''}" for i in range(len(shadows))]
    upstreams = "".join(f"  - name: {name}\n    targets: [{{address: '127.0.0.1:{port}'}}]\n{shadow_upstream}"
                        for name, port in zip(names, shadows))
    told = policies or "".join(f"      - mirror: {{upstream: {name}{settings}}}\n" for name in names)
    return f"""version: 1
workers: {workers}
admin: {{address: "127.0.0.1:{admin}"}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - {{name: main, targets: [{{address: "127.0.0.1:{main}"}}]}}
{upstreams}
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: main
    policies:
{told}
"""


def ask(gateway, method="GET", path="/a?b=c", body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in fields.items()})
    response = connection.getresponse()
    answered = response.status, response.read().decode()
    connection.close()
    return answered


def outcome(admin, name, upstream="shadow"):
    return metric(admin, f'portcullis_mirrored_requests_total{{upstream="{upstream}",outcome="{name}"}}')


def test_the_other_upstream_gets_what_the_first_gets(start, backend):
    main, shadow, admin = backend(Script()), Script(b"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nshadow"), free_port()
    it = backend(shadow)
    gateway = start(configuration(main.port, it.port, admin=admin))
    assert ask(gateway, x_y="1") == (200, "ok")
    wait_for(lambda: outcome(admin, "answered") == 1, what="the copy")
    head = it.received.decode()
    assert head.startswith("GET /a?b=c HTTP/1.1\r\nhost: ") and "x-y: 1\r\n" in head.lower() and "x-mirrored: true" in head
    assert b"x-mirrored" not in main.received
    first = {line for line in main.received.decode().lower().split("\r\n") if not line.startswith("get")}
    assert first - {line for line in head.lower().split("\r\n")} == set()
    for copies in range(2, 7):
        assert ask(gateway) == (200, "ok")
        wait_for(lambda: outcome(admin, "answered") == copies, what="the copies")
    assert it.accepted == 1  # on one connection


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_goes_along(start, backend, chunked):
    main, shadow, admin = Script(), Script(), free_port()
    it = backend(shadow)
    gateway = start(configuration(backend(main).port, it.port, admin=admin))
    if chunked:
        with gateway.connect() as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            client.sendall(b"6\r\n world\r\n0\r\n\r\n")
            main_told = read_response(client)
            assert main_told[0].startswith("HTTP/1.1 200")
    else:
        assert ask(gateway, "POST", body=b"hello world") == (200, "ok")
    wait_for(lambda: outcome(admin, "answered") == 1, what="the copy")
    assert main.bodies == shadow.bodies == [b"hello world"] and b"content-length: 11" in it.received


def test_a_larger_body_is_not_copied_and_passes(start, backend):
    main, shadow, admin = Script(), Script(), free_port()
    gateway = start(configuration(backend(main).port, backend(shadow).port, settings=", body_size: 10KiB", admin=admin))
    assert ask(gateway, "POST", body=b"x" * 10_240) == (200, "ok")
    assert ask(gateway, "POST", body=b"x" * 10_241) == (200, "ok")
    wait_for(lambda: outcome(admin, "dropped") == 1 and outcome(admin, "answered") == 1, what="both outcomes")
    assert [len(body) for body in main.bodies] == [10_240, 10_241] and [len(body) for body in shadow.bodies] == [10_240]


def test_a_share_and_a_condition(start, backend):
    main, shadow, admin = Script(), Script(), free_port()
    text = configuration(backend(main).port, backend(shadow).port, settings=", share: 30%, when: request.method = GET", admin=admin)
    gateway = start(text)
    for _ in range(200):
        ask(gateway)
    wait_for(lambda: 25 <= outcome(admin, "answered") + outcome(admin, "dropped") <= 100, what="a share")
    before = outcome(admin, "answered")
    for _ in range(20):
        ask(gateway, "DELETE")
    assert outcome(admin, "answered") == before


def test_two_copies(start, backend):
    main, one, two, admin = Script(), Script(), Script(), free_port()
    gateway = start(configuration(backend(main).port, backend(one).port, backend(two).port, admin=admin))
    assert ask(gateway, "POST", body=b"hi") == (200, "ok")
    wait_for(lambda: outcome(admin, "answered") == 1 and outcome(admin, "answered", "shadow1") == 1, what="two copies")
    assert one.bodies == two.bodies == [b"hi"]


@pytest.mark.parametrize("trouble", ["refuse", "reset", "garbage", "silence"])
def test_trouble_with_the_copy_is_not_the_clients(start, backend, trouble):
    handlers = {"reset": lambda connection, made: (made.read_head(connection), reset(connection)),
                "garbage": lambda connection, made: (made.read_head(connection), connection.sendall(b"\0\1\2 nothing\r\n\r\n")),
                "silence": lambda connection, made: (made.read_head(connection), threading.Event().wait(5))}
    main, admin = Script(), free_port()
    port = free_port() if trouble == "refuse" else backend(handlers[trouble]).port
    gateway = start(configuration(backend(main).port, port, admin=admin, shadow_upstream="    timeouts: {response: 300ms}\n"))
    began = time.monotonic()
    assert [ask(gateway) for _ in range(5)] == [(200, "ok")] * 5
    assert time.monotonic() - began < 5
    wait_for(lambda: outcome(admin, "failed") == 5, what="five failures")


def test_no_more_copies_at_once_than_may(start, backend):
    main, shadow, admin = Script(), Script(held=True), free_port()
    gateway = start(configuration(backend(main).port, backend(shadow).port, settings=", concurrent: 3", admin=admin))
    assert [ask(gateway) for _ in range(10)] == [(200, "ok")] * 10
    wait_for(lambda: outcome(admin, "dropped") == 7, what="seven that are dropped")
    shadow.release.set()
    wait_for(lambda: outcome(admin, "answered") == 3, what="the three")
    assert ask(gateway) == (200, "ok")
    wait_for(lambda: outcome(admin, "answered") == 4, what="one more")


def test_copies_over_http2(start, backend, backend2):
    seen = []

    def take(peer, stream):
        it = peer.wait_for_end(stream)
        seen.append((it.fields[":method"], it.fields[":path"], bytes(it.body)))
        peer.send(peer.head(stream, OK, end=False), peer.data(stream, b"x" * 1000))
    main, shadow, admin = Script(), backend2(take), free_port()
    gateway = start(configuration(backend(main).port, shadow.port, admin=admin, shadow_upstream="    protocol: http2\n"))
    assert ask(gateway) == (200, "ok") and ask(gateway, "POST", body=b"hello") == (200, "ok")
    wait_for(lambda: outcome(admin, "answered") == 2, what="two copies")
    assert sorted(seen) == [("GET", "/a?b=c", b""), ("POST", "/a?b=c", b"hello")]
    assert len(shadow.peers) == 1


def test_a_reload_and_the_end_do_not_wait_for_copies(start, backend):
    main, shadow, admin = Script(), Script(held=True), free_port()
    gateway = start(configuration(backend(main).port, backend(shadow).port, admin=admin))
    assert [ask(gateway) for _ in range(5)] == [(200, "ok")] * 5
    wait_for(lambda: shadow.requests >= 1, what="a copy")
    gateway.write(gateway.path.read_text().replace("version: 1", "version: 1\ndrain_timeout: 20s", 1))
    gateway.reload()
    assert ask(gateway) == (200, "ok")
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 10


@sanitizers.only_configuration
def test_an_unknown_upstream_is_named(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(1, 2, admin=3, policies="      - mirror: {upstream: shaddow}\n").replace("{port}", "8080"))
    assert ":15:28: error: there is no upstream `shaddow` - did you mean `shadow`?" in check(path)
