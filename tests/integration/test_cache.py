"""The cache together with other parts of the gateway: protocols, reloads, the end of the process, the log and `explain`. See
test_cache_conformance.py for the cases of RFC 9111."""

import subprocess
import threading

import harness
from cache_gateway import FRESH, configuration
from cache_origin import Answer, ask
from harness import BINARY, log_lines, wait_for


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
