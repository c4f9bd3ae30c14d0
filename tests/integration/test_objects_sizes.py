"""Changes at the edges of size: a million objects, 64 MiB, and deep, broken and misnamed documents. Each is made or refused with its reason,
within a bound of memory, and the gateway goes on meanwhile."""

import contextlib
import os
import threading
import time

import pytest

import sanitizers
from harness import connect, get, read_to_end
from store_gateway import route, store_gateway

FILE_ROUTE = "routes: [{name: f, match: {path: /f}, policies: [{respond: {status: 200, body: f}}]}]\n"
MOST_OBJECTS = 200_000  # kMaxApiObjects
IN_FULL = "PORTCULLIS_LARGE_CHANGES" in os.environ  # publishes the most objects, and 64 MiB, which takes a minute


class Meanwhile:
    """Asks a path of a port all the time, and keeps the longest time of an answer."""

    def __init__(self, port, path):
        self.port, self.path, self.count, self.longest, self.wrong, self.ended = port, path, 0, 0.0, [], threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(60)

    def _ask(self):
        while not self.ended.wait(0.005):
            begin = time.monotonic()
            status, _ = get(self.port, self.path)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.count += 1
            if status != 200:
                self.wrong.append(status)


def memory(gateway):
    """The most memory that the process has had, in MiB."""
    with open(f"/proc/{gateway.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024


def takes_at_most(gateway, mebibytes):
    assert sanitizers.SANITIZER or memory(gateway) < mebibytes  # a sanitizer takes several times as much


def send(gateway, method, path, body, kind="application/json"):
    """The status of the answer to a large body, and the answer. The gateway may answer before it has read the whole body."""
    lines = "".join(f"{field}\r\n" for field in ("Host: localhost", f"Content-Length: {len(body)}", f"Content-Type: {kind}"))
    with connect(gateway.admin) as connection:
        connection.settimeout(200)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode() + body)
        reply = read_to_end(connection).decode(errors="replace")
    return int(reply.split()[1]), reply


def consumers(count, description=0):
    return b'{"consumers":[' + b",".join(b'{"name":"c%d","description":"%s"}' % (i, b"x" * description) for i in range(count)) + b"]}"


def tried(gateway, body, what):
    """Sends a whole document while requests are served and the admin listener is asked. Returns (status, answer)."""
    with Meanwhile(gateway.port, "/f") as served, Meanwhile(gateway.admin, "/readyz") as ready:
        begin = time.monotonic()
        status, reply = send(gateway, "PUT", "/v1/config", body)
        took = time.monotonic() - begin
    print(f"{what}: {len(body) >> 20} MiB, status {status} after {took:.1f} s, at most {memory(gateway)} MiB; "
          f"the longest of {served.count} requests {served.longest:.3f} s, of {ready.count} to /readyz {ready.longest:.3f} s")
    assert served.wrong == [] and ready.wrong == [] and served.count > 0 and ready.count > 0
    return status, reply


def unchanged(gateway, revision=1):
    status, _, reply = gateway.call("GET", "/v1/revisions?limit=1")
    assert status == 200 and f"\r\nportcullis-revision: {revision}\r\n" in reply
    assert gateway.served("/f") == (200, "f")


@pytest.fixture
def gateway(tmp_path):
    with store_gateway(tmp_path, file_objects=FILE_ROUTE) as made:
        yield made.start()
        made.stop()


@sanitizers.same_path
def test_a_million_small_objects_are_refused_within_a_bound_of_memory(gateway):
    status, reply = tried(gateway, consumers(1_000_000), "a million objects")
    assert status == 422 and f"1000000 objects of the API, and a gateway keeps at most {MOST_OBJECTS}" in reply, reply
    takes_at_most(gateway, 1500)
    unchanged(gateway)


@sanitizers.same_path
def test_a_document_of_64_mib_with_countless_values_is_refused_before_it_is_parsed(gateway):
    status, reply = tried(gateway, b'{"routes":[' + b"1," * 30_000_000 + b"1]}", "30 million values")
    assert status == 413 and "more than 4000000 values" in reply, reply
    status, reply = send(gateway, "PUT", "/v1/config", b"routes:\n" + b"- 1\n" * 4_000_000, "application/yaml")
    assert status == 413 and "more than 4000000 values" in reply, reply
    takes_at_most(gateway, 500)
    unchanged(gateway)


@sanitizers.same_path
def test_objects_that_fill_64_mib_are_published(gateway):
    count = 60_000 if IN_FULL else 6_000
    status, reply = tried(gateway, consumers(count, 1000), f"{count} objects of 1 KiB")
    assert status == 200 and f"+{count} consumers" in reply, reply
    takes_at_most(gateway, 1500)
    unchanged(gateway, 2)


@pytest.mark.skipif(not IN_FULL, reason="PORTCULLIS_LARGE_CHANGES publishes the most objects that a gateway keeps")
def test_the_most_objects_are_published_and_one_more_is_refused(gateway):
    status, reply = tried(gateway, consumers(MOST_OBJECTS), "the most objects")
    assert status == 200, reply
    status, _, reply = gateway.call("PUT", "/v1/consumers/one-more", {})
    assert status == 422 and f"at most {MOST_OBJECTS}" in reply, reply
    assert gateway.call("DELETE", "/v1/consumers/c1")[0] == 204
    assert gateway.call("PUT", "/v1/consumers/one-more", {})[0] == 201
    unchanged(gateway, 4)


def test_a_body_above_64_mib_is_refused_before_it_is_read(gateway):
    status, reply = send(gateway, "PUT", "/v1/config", b" " * ((64 << 20) + 1))
    assert status == 413 and "the body is larger than 67108864 bytes" in reply, reply
    takes_at_most(gateway, 200)
    unchanged(gateway)


@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
def test_deep_and_broken_documents_are_refused_with_their_reason(gateway, kind):
    field = f"Content-Type: {kind}"
    for body in (b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 3_000_000):
        status, document, reply = gateway.call("PUT", "/v1/routes/x", body, field)
        assert status == 400 and "nested" in reply, reply[:1000]
    for body in (b'{"name": "\xff"}', b'{"description": "\xc3\x28"}', b'{"description": "\xed\xa0\x80"}'):
        status, document, reply = gateway.call("PUT", "/v1/routes/x", body, field)
        assert status == 400 and document["diagnostics"], reply
    takes_at_most(gateway, 500)
    unchanged(gateway)


@pytest.mark.parametrize("name, encoded", [
    ("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb"), ("100%", "100%25"), ("%", "%25"), ("ä €", "%C3%A4%20%E2%82%AC"), ("a?b#c&d=e+f", "a%3Fb%23c%26d%3De%2Bf"),
    ("...", "..."), ("x" * 128, "x" * 128)], ids=lambda it: it[:12])
def test_a_name_with_any_character_is_read_changed_listed_and_deleted(gateway, name, encoded):
    path = f"/v1/routes/{encoded}"
    status, document, reply = gateway.call("PUT", path, route("one", name))
    assert status in (201, 422), reply
    if status == 422:  # a character that no name may have
        assert document["diagnostics"][0]["path"] == "/name" and "name" in document["detail"], reply
        assert gateway.call("GET", path)[0] == 404
        return
    assert document["name"] == name and gateway.served() == (200, "one")
    assert gateway.call("PATCH", path, {"policies": [{"respond": {"status": 200, "body": "two"}}]}, "Content-Type: application/merge-patch+json")[0] == 200
    assert gateway.served() == (200, "two") and gateway.call("GET", path)[1]["name"] == name
    assert [one["name"] for one in gateway.call("GET", "/v1/routes")[1]["items"]] == sorted(["f", name], key=str.encode)
    assert gateway.call("GET", f"/v1/routes?after={encoded}&limit=1")[0] == 200
    assert gateway.call("PUT", "/v1/routes/other", route("x", name))[1]["diagnostics"][0]["path"] == "/name"
    assert gateway.call("DELETE", path)[0] == 204 and gateway.call("DELETE", path)[0] == 404
