"""What the tests of clients that leave (test_leaving_*.py) share: requests, and a backend that is silent."""

import threading

import pytest

import harness
from harness import take_until, wait_for

# A missed departure would be noticed only after this time.
PATIENT = "    timeouts: {response: 60s}\n"
HALF_CLOSE = "    half_close: true\n"
EVENT = b"5\r\nfirst\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + EVENT
GET = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
# The body arrives together with its head, after it, or not at all.
REQUESTS = {"GET": (GET,), "POST in one piece": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",),
            "POST in two pieces": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", b"abc"),
            "POST in chunks": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",)}


class Silent:
    """A handler that sends `begin`, is silent until the gateway leaves or `release` is set, and then sends `end`."""

    def __init__(self, begin=STREAM, end=b""):
        self.begin, self.end = begin, end
        self.asked = self.left = 0
        self.release, self.lock = threading.Event(), threading.Lock()

    def __call__(self, connection, backend):
        head = backend.read_head(connection).lower()
        if "content-length: 3" in head:
            take_until(connection, b"abc", "the body")
        elif "transfer-encoding" in head:
            take_until(connection, b"0\r\n\r\n", "the body")
        connection.sendall(self.begin)
        with self.lock:
            self.asked += 1
        connection.settimeout(0.02)
        while not self.release.is_set():
            try:
                if connection.recv(1) == b"":
                    with self.lock:
                        self.left += 1
                    return
            except TimeoutError:
                pass
        connection.sendall(self.end)

    def wait_asked(self, count=1):
        wait_for(lambda: self.asked >= count, what="the request at the target")

    def wait_left(self, count=1):
        wait_for(lambda: self.left >= count, timeout=10, what="the target to be left")


@pytest.fixture
def silent():
    """silent(...) -> Silent; requests that still wait are released when the test ends."""
    made = []

    def make(*arguments):
        made.append(Silent(*arguments))
        return made[-1]
    yield make
    for one in made:
        one.release.set()


GOODBYES = {"closes": lambda client: client.close(), "resets": harness.reset}
